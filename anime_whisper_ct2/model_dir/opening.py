"""Whether a converted folder is safe to run: held against everything that would crash or give wrong text."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import ModelFolderError
from anime_whisper_ct2.model_dir.faults import Faults
from anime_whisper_ct2.model_dir.names import (
    AWCT2,
    CONFIG,
    MODEL_BIN,
    PREPROCESSOR,
    REQUIRED_TOKENS,
    TOKENIZER,
    VOCABULARY,
    VOCABULARY_TEXT,
)
from anime_whisper_ct2.model_dir.shape import ModelShape, read_shape
from anime_whisper_ct2.system.commands import command_line

_TIMESTAMP = re.compile(r"<\|\d+\.\d\d\|>")
# One token under two names, as transformers has renamed it; CTranslate2 knows both.
_NO_SPEECH = frozenset(("<|nospeech|>", "<|nocaptions|>"))
# faster-whisper's, where the folder does not say (faster-whisper#593).
_ASSUMED_MELS = 80


@dataclass(frozen=True, slots=True)
class ModelDir:
    """A converted folder that passed every check of `open_model_dir`."""

    path: Path
    shape: ModelShape
    config: Mapping[str, Any]  # config.json: suppress_ids, suppress_ids_begin, lang_ids, alignment_heads
    awct2: Mapping[str, Any]  # awct2.json; empty when another converter made the folder
    fingerprint: str  # SHA-256 of model.bin, 64 hexadecimal digits

    @property
    def n_mels(self) -> int:
        """Mel bands that the encoder takes."""
        return self.shape.n_mels

    @property
    def quantization(self) -> str:
        """The type that the weights were converted to, by the converter's own note or as they are stored."""
        return str(self.awct2.get("quantization") or self.shape.stored_type)


def open_model_dir(path: str | os.PathLike[str]) -> ModelDir:
    """Check a converted folder for everything that would crash or give wrong text, and describe it.

    Folders of other converters pass as they come, as far as they are sound: the network says how many mel bands it
    takes, so no file has to. Alignment heads that the decoder does not have are left out of `config`: they would crash
    word times, and nothing else reads them.

    Raises ModelFolderError, with what mends the folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        make = command_line("awct2", "convert", "SOURCE", str(folder))
        raise ModelFolderError(f"{folder}: no such folder; make one with: {make}")
    # First, because the source that it names belongs in the advice of every error below.
    awct2 = _read_json(folder / AWCT2, dict, Faults(folder, {})) if (folder / AWCT2).is_file() else {}
    faults = Faults(folder, awct2)
    for name in (MODEL_BIN, CONFIG):
        if not (folder / name).is_file():
            raise faults(f"has no {name}")
    shape = _shape(folder, faults)
    config = _read_json(folder / CONFIG, dict, faults)
    vocabulary = _read_vocabulary(folder, faults)
    if len(vocabulary) != shape.n_vocab:
        raise faults(f"its vocabulary holds {len(vocabulary)} tokens and {MODEL_BIN} {shape.n_vocab}")
    _check_tokens(folder, vocabulary, faults)
    _check_mels(folder, shape, faults)
    fingerprint = awct2.get("model_sha256")
    # The converter's own note is believed: to hash a model.bin of gigabytes would take seconds at every start.
    return ModelDir(
        folder,
        shape,
        _checked_config(config, vocabulary, shape, faults),
        awct2,
        fingerprint or _sha256(folder / MODEL_BIN),
    )


def _shape(folder: Path, faults: Faults) -> ModelShape:
    try:
        return read_shape(folder / MODEL_BIN)
    except (OSError, ValueError) as error:
        raise faults(f"{MODEL_BIN} is truncated or is not a Whisper model ({error})") from error


def _read_json(path: Path, kind: type, faults: Faults) -> Any:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise faults(f"{path.name} cannot be read ({error})") from error
    if not isinstance(value, kind):
        raise faults(f"{path.name} is no JSON {'object' if kind is dict else 'list'}")
    return value


def _read_vocabulary(folder: Path, faults: Faults) -> list[str]:
    """Read the tokens in the order of their ids, from the file that CTranslate2 takes them from."""
    text = folder / VOCABULARY_TEXT
    if text.is_file():
        try:
            # By line feeds alone: other marks for the end of a line are bytes of tokens. One token is empty.
            return text.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
        except (OSError, ValueError) as error:
            raise faults(f"{VOCABULARY_TEXT} cannot be read ({error})") from error
    if not (folder / VOCABULARY).is_file():
        raise faults(f"has no {VOCABULARY}, nor a {VOCABULARY_TEXT}")
    vocabulary: list[str] = _read_json(folder / VOCABULARY, list, faults)
    return vocabulary


def _check_tokens(folder: Path, vocabulary: list[str], faults: Faults) -> None:
    """Hold every id of the tokenizer against the vocabulary that the model decodes with."""
    if not (folder / TOKENIZER).is_file():
        raise faults(
            f"has no {TOKENIZER}, and another model's would be used in its place, with other token ids",
            "copy that of the checkpoint that it was made from into it",
        )
    tokenizer = _read_json(folder / TOKENIZER, dict, faults)
    try:
        ids: dict[str, int] = dict(tokenizer["model"]["vocab"])
        ids.update({token["content"]: token["id"] for token in tokenizer["added_tokens"]})
    except (KeyError, TypeError, ValueError) as error:
        raise faults(f"{TOKENIZER} is not a tokenizer's") from error
    model_ids = {token: index for index, token in enumerate(vocabulary)}
    for token in _NO_SPEECH & ids.keys():
        if (index := ids[token]) < len(vocabulary) and vocabulary[index] in _NO_SPEECH:
            del model_ids[vocabulary[index]]
            model_ids[token] = index
    # Special tokens first: where two tokenizers differ, these are the ones that change the task.
    for token in sorted(ids, key=lambda token: not token.startswith("<|")):
        if model_ids.get(token) != ids[token]:
            there = f"has id {model_ids[token]}" if token in model_ids else "does not exist"
            raise faults(f"{token} has id {ids[token]} in {TOKENIZER} and {there} in the vocabulary")
    # Checkpoints older than large-v3 leave the timestamps out of their tokenizers.
    lost = next((token for token in model_ids.keys() - ids.keys() if not _TIMESTAMP.fullmatch(token)), None)
    lost = lost or next((token for token in REQUIRED_TOKENS if token not in ids), None)
    if lost is not None:
        raise faults(f"{TOKENIZER} lacks the token {lost}")


def _check_mels(folder: Path, shape: ModelShape, faults: Faults) -> None:
    """Refuse a preprocessor of another network; none at all is no fault, since the bands are read from the weights."""
    if not (folder / PREPROCESSOR).is_file():
        return
    n_mels = _read_json(folder / PREPROCESSOR, dict, faults).get("feature_size", _ASSUMED_MELS)
    if n_mels != shape.n_mels:
        raise faults(
            f"{PREPROCESSOR} computes {n_mels} mel bands and {MODEL_BIN} takes {shape.n_mels}",
            f'write "feature_size": {shape.n_mels} into it',
        )


def _checked_config(
    config: Mapping[str, Any], vocabulary: list[str], shape: ModelShape, faults: Faults
) -> dict[str, Any]:
    """Give the config with a list under every key of ids, and without alignment heads that would crash."""
    # The engine gets the others from us; this one CTranslate2 reads by itself, and fails without it at every window.
    if "suppress_ids_begin" not in config:
        raise faults(f"{CONFIG} has no suppress_ids_begin", 'write "suppress_ids_begin": null into it')
    checked = dict(config)
    for key in ("suppress_ids", "suppress_ids_begin", "lang_ids"):
        # Converters write null where the checkpoint has none.
        ids = checked[key] = [] if config.get(key) is None else config[key]
        if not isinstance(ids, list) or not all(
            isinstance(token, int) and 0 <= token < len(vocabulary) for token in ids
        ):
            raise faults(f"{key} in {CONFIG} is not a list of token ids below {len(vocabulary)}")
    for token in checked["lang_ids"]:
        if not vocabulary[token].startswith("<|"):
            raise faults(f"lang_ids in {CONFIG} names {token}, which is {vocabulary[token]!r} in the vocabulary")
    # CTranslate2 indexes these unchecked and the process dies (kotoba-whisper#2, faster-whisper#688, #1283).
    if not all(_is_head(each, shape) for each in config.get("alignment_heads") or ()):
        checked["alignment_heads"] = []
    return checked


def _is_head(value: Any, shape: ModelShape) -> bool:
    match value:
        case [int(layer), int(head)]:
            return 0 <= layer < shape.decoder_layers and 0 <= head < shape.decoder_heads
        case _:
            return False


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()
