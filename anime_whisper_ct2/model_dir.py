"""The converted folder: what it holds, where it is kept, and whether it is safe to run.

The converter writes this format and the engine reads it; neither knows the other. Nothing here loads a weight: the
shape of the network is read from the names and dimensions in `model.bin`, so folders made by other converters are
checked just as well as our own.

Source: CTranslate2 4.8 `python/ctranslate2/specs/model_spec.py`, `ModelSpec._serialize`, for the layout of model.bin.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import platformdirs

from anime_whisper_ct2.errors import ModelFolderError, counted
from anime_whisper_ct2.options import DEFAULT_MODEL

MODEL_BIN = "model.bin"
CONFIG = "config.json"
VOCABULARY = "vocabulary.json"
TOKENIZER = "tokenizer.json"
PREPROCESSOR = "preprocessor_config.json"
AWCT2 = "awct2.json"
MODEL_FILES = (MODEL_BIN, CONFIG, VOCABULARY, TOKENIZER, PREPROCESSOR)  # AWCT2 is ours alone: other folders run without

QUANTIZATIONS = ("float16", "bfloat16", "float32", "int8", "int8_float16", "int8_float32", "int8_bfloat16")
DEFAULT_QUANTIZATION = "float16"
# No text ends without the first, and no prompt does without the others.
REQUIRED_TOKENS = ("<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>")

_TIMESTAMP = re.compile(r"<\|\d+\.\d\d\|>")
_DECODER_LAYER = re.compile(r"decoder/layer_(\d+)/")
_CHECKPOINT_WEIGHTS = (
    "*.safetensors",
    "*.safetensors.index.json",
    "pytorch_model*.bin",
    "pytorch_model.bin.index.json",
)


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The dimensions of the network in a `model.bin`, as its variables give them."""

    n_mels: int
    n_vocab: int
    decoder_layers: int
    decoder_heads: int


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


def open_model_dir(path: str | os.PathLike[str]) -> ModelDir:
    """Check a converted folder for everything that would crash or give wrong text, and describe it.

    Raises ModelFolderError, with the command that mends the folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ModelFolderError(
            f"{folder}: no such folder; make one with: awct2 convert SOURCE {shlex.quote(str(folder))}"
        )
    # First, because the source that it names belongs in the advice of every error below.
    awct2 = _read_awct2(folder)
    broken = _Broken(folder, awct2)
    for name in MODEL_FILES:
        if not (folder / name).is_file():
            raise broken(_ABSENT.get(name, f"has no {name}"))
    shape = _read_shape(folder, broken)
    config = _read_json(folder / CONFIG, dict, broken)
    vocabulary = _read_json(folder / VOCABULARY, list, broken)
    tokenizer = _read_json(folder / TOKENIZER, dict, broken)
    preprocessor = _read_json(folder / PREPROCESSOR, dict, broken)
    if len(vocabulary) != shape.n_vocab:
        raise broken(f"{VOCABULARY} holds {len(vocabulary)} tokens and {MODEL_BIN} {shape.n_vocab}")
    _check_tokens(tokenizer, vocabulary, broken)
    _check_config(config, vocabulary, shape, broken)
    # faster-whisper assumes 80 bands where the key is absent (faster-whisper#593).
    n_mels = preprocessor.get("feature_size", 80)
    if n_mels != shape.n_mels:
        raise broken(f"{PREPROCESSOR} computes {n_mels} mel bands and {MODEL_BIN} takes {shape.n_mels}")
    fingerprint = awct2.get("model_sha256")
    # The converter's own note is believed: to hash a model.bin of gigabytes would take seconds at every start.
    return ModelDir(folder, shape, config, awct2, fingerprint or _sha256(folder / MODEL_BIN))


def is_converted(path: str | os.PathLike[str]) -> bool:
    """Tell whether a folder holds a CTranslate2 model, sound or not."""
    return (Path(path) / MODEL_BIN).is_file()


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Tell whether a folder holds a checkpoint that could be converted: transformers' config and some weights."""
    folder = Path(path)
    if is_converted(folder) or not (folder / CONFIG).is_file():
        return False
    return any(next(folder.glob(pattern), None) is not None for pattern in _CHECKPOINT_WEIGHTS)


def cache_root() -> Path:
    """Return the folder that conversions are kept in: `$AWCT2_CACHE`, else the platform's user cache."""
    named = os.environ.get("AWCT2_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("awct2", appauthor=False))


def cached_conversion_path(source: str, revision: str | None, quantization: str) -> Path:
    """Return where the cache keeps a conversion; the folder need not exist.

    The name can be read, and ends in a digest so that sources which read alike stay apart.
    """
    # A NUL is in no path, hub id or revision, so that no two of these triples read alike.
    key = hashlib.sha256(
        "\0".join((source, revision or "", quantization)).encode(errors="surrogateescape")
    ).hexdigest()[:12]
    # Of a long path, the end tells more than the beginning.
    stem = re.sub(r"[^\w.-]+", "--", source.rstrip("/\\"))[-60:].strip("-.")
    return cache_root() / "models" / f"{stem}-{quantization}-{key}"


_ABSENT = {
    TOKENIZER: f"has no {TOKENIZER}, and another model's would be used in its place, with other token ids",
    PREPROCESSOR: f"has no {PREPROCESSOR}, and 80 mel bands would be assumed",
}


class _Broken:
    """Makes the errors of one folder, each ending in the command that repairs it."""

    def __init__(self, folder: Path, awct2: Mapping[str, Any]) -> None:
        self.folder = folder
        source = awct2.get("source") or DEFAULT_MODEL
        words = ["awct2", "convert", source, str(folder), "--force"]
        words += ["--quantization", awct2["quantization"]] if awct2.get("quantization") else []
        # What the hub calls a commit; a folder's digest names no revision that could be asked for.
        words += ["--revision", awct2["revision"]] if awct2.get("revision") else []
        self.command = shlex.join(words)
        self.known = "source" in awct2

    def __call__(self, what: str) -> ModelFolderError:
        unless = "" if self.known else f" (with the checkpoint it was made from, if that is not {DEFAULT_MODEL})"
        return ModelFolderError(f"{self.folder}: {what}; repair it with: {self.command}{unless}")


def _read_awct2(folder: Path) -> Mapping[str, Any]:
    if not (folder / AWCT2).is_file():
        return {}
    value: Mapping[str, Any] = _read_json(folder / AWCT2, dict, _Broken(folder, {}))
    return value


def _read_json(path: Path, kind: type, broken: _Broken) -> Any:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise broken(f"{path.name} cannot be read ({error})") from error
    if not isinstance(value, kind):
        raise broken(f"{path.name} is no JSON {'object' if kind is dict else 'list'}")
    return value


def _check_tokens(tokenizer: Mapping[str, Any], vocabulary: list[str], broken: _Broken) -> None:
    """Hold every id of the tokenizer against the vocabulary that the model decodes with."""
    try:
        ids: dict[str, int] = dict(tokenizer["model"]["vocab"])
        ids.update({token["content"]: token["id"] for token in tokenizer["added_tokens"]})
    except (KeyError, TypeError, ValueError) as error:
        raise broken(f"{TOKENIZER} is not a tokenizer's") from error
    model_ids = {token: index for index, token in enumerate(vocabulary)}
    # Special tokens first: where two tokenizers differ, these are the ones that change the task.
    for token in sorted(ids, key=lambda token: not token.startswith("<|")):
        if model_ids.get(token) != ids[token]:
            there = f"has id {model_ids[token]}" if token in model_ids else "does not exist"
            raise broken(f"{token} has id {ids[token]} in {TOKENIZER} and {there} in {VOCABULARY}")
    # Checkpoints older than large-v3 leave the timestamps out of their tokenizers.
    lost = next((token for token in model_ids.keys() - ids.keys() if not _TIMESTAMP.fullmatch(token)), None)
    lost = lost or next((token for token in REQUIRED_TOKENS if token not in ids), None)
    if lost is not None:
        raise broken(f"{TOKENIZER} lacks the token {lost}")


def _check_config(config: Mapping[str, Any], vocabulary: list[str], shape: ModelShape, broken: _Broken) -> None:
    for key in ("suppress_ids", "suppress_ids_begin", "lang_ids"):
        ids = config.get(key)
        if not isinstance(ids, list) or not all(
            isinstance(token, int) and 0 <= token < len(vocabulary) for token in ids
        ):
            raise broken(f"{key} in {CONFIG} is not a list of token ids below {len(vocabulary)}")
    for token in config["lang_ids"]:
        if not vocabulary[token].startswith("<|"):
            raise broken(f"lang_ids in {CONFIG} names {token}, which is {vocabulary[token]!r} in {VOCABULARY}")
    # CTranslate2 indexes these unchecked and the process dies (kotoba-whisper#2, faster-whisper#688, #1283).
    for layer, head in config.get("alignment_heads") or ():
        if not (0 <= layer < shape.decoder_layers and 0 <= head < shape.decoder_heads):
            raise broken(
                f"alignment_heads in {CONFIG} names head {head} of layer {layer}, and the decoder has "
                f"{counted(shape.decoder_layers, 'layer')} of {counted(shape.decoder_heads, 'head')}"
            )


def _read_shape(folder: Path, broken: _Broken) -> ModelShape:
    path = folder / MODEL_BIN
    try:
        with path.open("rb") as stream:
            return _scan(stream, path.stat().st_size)
    except (OSError, ValueError, struct.error, KeyError, IndexError) as error:
        raise broken(f"{MODEL_BIN} is truncated or is not a Whisper model ({error})") from error


def _scan(stream: BinaryIO, size: int) -> ModelShape:
    """Walk over the variables of a model.bin without reading a weight."""

    def number(code: str) -> int:
        """Read one number of struct's code at the stream's place."""
        value: int = struct.unpack(code, stream.read(struct.calcsize(code)))[0]
        return value

    def string() -> str:
        """Read a name: its length with a NUL behind, then as many bytes. Raises ValueError where it is cut off."""
        length = number("<H")
        data = stream.read(length)
        if len(data) < length:
            raise ValueError("it ends within a name")
        return data.rstrip(b"\0").decode()

    number("<I")  # the binary version; the engine knows better than we which ones it reads
    if (name := string()) != "WhisperSpec":
        raise ValueError(f"it holds a {name[:40]!r}")
    number("<I")
    shapes: dict[str, tuple[int, ...]] = {}
    decoder_heads = 0
    for _ in range(number("<I")):
        name = string()
        shapes[name] = tuple(number("<I") for _ in range(number("<B")))
        number("<B")  # its data type, which is for the engine to know
        n_bytes = number("<I")
        if name == "decoder/num_heads":
            decoder_heads = int.from_bytes(stream.read(n_bytes), "little")
        elif stream.seek(n_bytes, os.SEEK_CUR) > size:
            raise ValueError(f"it ends within {name}")
    for _ in range(number("<I")):
        # Variables that repeat another: nothing to learn, but a truncated file can end here.
        string()
        string()
    layers = [int(match[1]) for match in map(_DECODER_LAYER.match, shapes) if match]
    return ModelShape(
        n_mels=shapes["encoder/conv1/weight"][1],
        n_vocab=shapes["decoder/embeddings/weight"][0],
        decoder_layers=max(layers) + 1,
        decoder_heads=decoder_heads,
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()
