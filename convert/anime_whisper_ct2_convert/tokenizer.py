"""tokenizer.json, taken from the checkpoint or built from vocab.json, merges.txt and added_tokens.json.

Source: transformers 4.57 `convert_slow_tokenizer.WhisperConverter`, and for the flags of added tokens
`tokenization_utils_base.PreTrainedTokenizerBase._from_pretrained`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2.model_dir import REQUIRED_TOKENS, TOKENIZER
from anime_whisper_ct2_convert.source import Checkpoint, read_whole

_END, _START, _NO_TIMESTAMPS = REQUIRED_TOKENS
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")


@dataclass(frozen=True, slots=True)
class WhisperTokenizer:
    """A tokenizer with the ids of all its tokens, which are 0, 1, 2, … without a gap."""

    backend: Tokenizer
    ids: Mapping[str, int]
    is_built: bool  # the checkpoint had no tokenizer.json

    def to_json(self) -> str:
        """Return the text of tokenizer.json."""
        return str(self.backend.to_str(pretty=True)) + "\n"

    def vocabulary(self, size: int) -> list[str]:
        """Return the tokens in the order of their ids, filled up to `size` with timestamps as CTranslate2 does.

        Raises CheckpointError where the model has fewer embeddings than the tokenizer has tokens.
        """
        if len(self.ids) > size:
            raise CheckpointError(
                f"the tokenizer has {len(self.ids)} tokens and the model {size} embeddings; "
                "the tokenizer's files belong to another model"
            )
        tokens = sorted(self.ids, key=self.ids.__getitem__)
        return tokens + [f"<|{i * 0.02:.2f}|>" for i in range(size - len(tokens))]


def open_tokenizer(checkpoint: Checkpoint) -> WhisperTokenizer:
    """Load the checkpoint's tokenizer.json, or build what transformers would.

    Raises CheckpointError where files are absent or broken, a special token is lost, or ids leave a gap.
    """
    is_built = not (checkpoint.folder / TOKENIZER).is_file()
    backend = _build(checkpoint) if is_built else _load(checkpoint.folder / TOKENIZER)
    ids = backend.get_vocab(with_added_tokens=True)
    for token in REQUIRED_TOKENS:
        if token not in ids:
            raise CheckpointError(f"{checkpoint.folder}: its tokenizer lacks {token}; its files are not a Whisper's")
    if (gap := next((i for i, given in enumerate(sorted(ids.values())) if i != given), None)) is not None:
        raise CheckpointError(f"{checkpoint.folder}: no token of its tokenizer has id {gap}; restore its vocab.json")
    return WhisperTokenizer(backend, ids, is_built)


def _load(path: Path) -> Tokenizer:
    content = read_whole(path)
    try:
        return Tokenizer.from_buffer(content)
    except Exception as error:  # the library raises nothing more precise
        raise CheckpointError(
            f"{path}: is no tokenizer ({error}); download it again, or remove it to have it built"
        ) from error


def _build(checkpoint: Checkpoint) -> Tokenizer:
    vocab = checkpoint.json("vocab.json")
    if vocab is None:
        raise CheckpointError(f"{checkpoint.folder}: has neither {TOKENIZER} nor vocab.json; download one of them")
    settings = checkpoint.json("tokenizer_config.json") or {}
    merges = _read_merges(checkpoint.folder / "merges.txt")
    try:
        backend = Tokenizer(models.BPE(vocab=vocab, merges=merges, continuing_subword_prefix="", end_of_word_suffix=""))
    except Exception as error:  # the library raises nothing more precise
        raise CheckpointError(
            f"{checkpoint.folder}: vocab.json and merges.txt do not fit together ({error})"
        ) from error
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=bool(settings.get("add_prefix_space", False)))
    backend.decoder = decoders.ByteLevel()
    added = dict(sorted(_added_tokens(checkpoint, settings, vocab).items()))
    backend.add_tokens(list(added.values()))
    # The library numbers added tokens itself, on from the last; the ids of the files must come out.
    for token_id, token in added.items():
        if (given := backend.token_to_id(token.content)) != token_id:
            raise CheckpointError(
                f"{checkpoint.folder}: {token.content} has id {token_id} in its added tokens, "
                f"and would get {given} after vocab.json; restore the two files"
            )
    if all(backend.token_to_id(token) is not None for token in REQUIRED_TOKENS):
        backend.post_processor = _template(backend)
    return backend


def _template(backend: Tokenizer) -> processors.TemplateProcessing:
    """What `encode(add_special_tokens=True)` puts around a text, less the language a tokenizer may be set to."""
    return processors.TemplateProcessing(
        single=f"{_START}:0 {_NO_TIMESTAMPS}:0 $A:0 {_END}:0",
        pair=f"{_START}:0 {_NO_TIMESTAMPS}:0 $A:0 $B:1 {_END}:1",
        special_tokens=[(token, backend.token_to_id(token)) for token in REQUIRED_TOKENS],
    )


def _read_merges(path: Path) -> list[tuple[str, str]]:
    if not path.is_file():
        raise CheckpointError(f"{path}: is absent; download it again")
    try:
        lines = read_whole(path).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    except ValueError as error:
        raise CheckpointError(f"{path}: is no UTF-8 ({error}); download it again") from error
    # The first line is the version, the last is empty.
    pairs = [tuple(line.split()) for line in lines[1:-1]]
    if (wrong := next((i for i, pair in enumerate(pairs) if len(pair) != 2), None)) is not None:
        raise CheckpointError(f"{path}: line {wrong + 2} is not two parts; download it again")
    return [(first, second) for first, second in pairs]


def _added_tokens(
    checkpoint: Checkpoint, settings: Mapping[str, Any], vocab: Mapping[str, int]
) -> dict[int, AddedToken]:
    """Collect {id: token}: tokenizer_config.json knows the flags best, else they follow from the special tokens."""
    special = _special_tokens(checkpoint, settings)
    if decoder := settings.get("added_tokens_decoder"):
        tokens = {
            int(i): AddedToken(entry["content"], **{f: entry.get(f, False) for f in _FLAGS})
            for i, entry in decoder.items()
        }
    else:
        added = checkpoint.json("added_tokens.json") or {}
        tokens = {i: AddedToken(t, normalized=t not in special, special=t in special) for t, i in added.items()}
    known = {token.content for token in tokens.values()}
    for token in special:
        if token in vocab and token not in known:
            tokens[vocab[token]] = AddedToken(token, normalized=False, special=True)
    return tokens


def _special_tokens(checkpoint: Checkpoint, settings: Mapping[str, Any]) -> list[str]:
    named = {**(checkpoint.json("special_tokens_map.json") or {}), **settings}
    values = [named.get(key) for key in ("bos_token", "eos_token", "unk_token", "pad_token")]
    # transformers 4 writes the first of the two names, transformers 5 the second.
    values += named.get("additional_special_tokens") or named.get("extra_special_tokens") or []
    contents = [value["content"] if isinstance(value, dict) else value for value in values if value]
    return list(dict.fromkeys([_END, *contents]))
