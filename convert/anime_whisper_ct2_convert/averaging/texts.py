"""The text files of an average: those of its last checkpoint, and what that lacks to make a model of its weights.

A trainer saves a tokenizer once, if at all, and not with every checkpoint: then it lies in one of the others, or in the
folder of them all.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from anime_whisper_ct2.errors import CheckpointError, OutputError
from anime_whisper_ct2.system.refusals import reason, subject
from anime_whisper_ct2_convert.averaging.agreement import check_one_vocabulary
from anime_whisper_ct2_convert.averaging.naming import is_saved
from anime_whisper_ct2_convert.source import Checkpoint, naming, read_whole, text_files
from anime_whisper_ct2_convert.tokenizer import open_tokenizer

_TOKENS = ("tokenizer.json", "vocab.json")  # either makes a tokenizer
_TOKENIZER = (
    *_TOKENS,
    *("merges.txt", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json"),
)
_NORMALIZER = ("normalizer.json",)
_PREPROCESSOR = ("preprocessor_config.json", "processor_config.json")
NO_TOKENIZER = "no tokenizer is there, and none is written; name a folder or hub id that has it with --tokenizer"


class Texts:
    """Gives each of several checkpoints with all its text files, whoever has those that it lacks.

    `tokenizer`: one that was named, whose tokenizer all get. What is put together lies in a folder of its own until
    `opened` closes.
    """

    def __init__(self, checkpoints: Sequence[Checkpoint], tokenizer: Checkpoint | None, opened: ExitStack) -> None:
        self._checkpoints = tuple(checkpoints)
        self._tokenizer = tokenizer
        self._opened = opened
        self._made: dict[int, Checkpoint] = {}

    def tokenizer_of(self, number: int) -> Checkpoint | None:
        """Give where a checkpoint's tokenizer is from; None where nobody has one."""
        return self._tokenizer or self._having(_TOKENS, number)

    def preprocessor_of(self, number: int) -> Checkpoint | None:
        """Give where a checkpoint's preprocessor_config.json is from, or what took its place; None as above."""
        return self._having(_PREPROCESSOR, number)

    def lent(self, number: int) -> Iterator[str]:
        """Say what a checkpoint has from elsewhere, and what nobody has."""
        own, tokenizer, sound = self._checkpoints[number], self.tokenizer_of(number), self.preprocessor_of(number)
        if tokenizer is None:
            yield NO_TOKENIZER
        elif tokenizer != own:
            yield f"the tokenizer is that of {tokenizer.source}"
        if sound is not None and sound != own:
            yield f"{next(name for name in _PREPROCESSOR if _has(sound, [name]))} is that of {sound.source}"

    def of(self, number: int) -> Checkpoint:
        """Give a checkpoint whose folder holds its text files, and those of others that it lacks.

        Its weights may lie elsewhere. Raises OutputError where what is put together cannot be written.
        """
        if number not in self._made:
            self._made[number] = self._whole(number)
        return self._made[number]

    def _having(self, names: Sequence[str], number: int) -> Checkpoint | None:
        """Find files: in the checkpoint, in the others, in a tokenizer that was named, in the folders they lie in."""
        own, others = self._checkpoints[number], self._checkpoints[::-1]
        named = (own, *others, *([self._tokenizer] if self._tokenizer else []))
        return next((one for one in (*named, *map(_around, (own, *others))) if one and _has(one, names)), None)

    def _whole(self, number: int) -> Checkpoint:
        own, tokenizer, sound = self._checkpoints[number], self.tokenizer_of(number), self.preprocessor_of(number)
        lent: list[tuple[Checkpoint, tuple[str, ...]]] = []
        if tokenizer is not None and tokenizer != own:
            lent.append((tokenizer, _TOKENIZER))
            lent += [] if _has(own, _NORMALIZER) else [(tokenizer, _NORMALIZER)]
        if sound is not None and sound != own:
            lent.append((sound, _PREPROCESSOR))
        if not lent:
            return own
        folder = self._folder()
        # The tokenizer's files go together: one of two versions would be another.
        replaced = {name for _, names in lent for name in names}
        _copy(own, folder, lambda name: name not in replaced)
        for lender, names in lent:
            _copy(lender, folder, names.__contains__)
        return Checkpoint(folder, own.source, own.revision)

    def _folder(self) -> Path:
        with _written():
            return Path(self._opened.enter_context(tempfile.TemporaryDirectory(prefix="awct2-average-")))


def _copy(source: Checkpoint, folder: Path, chosen: Callable[[str], bool]) -> None:
    for path in text_files(source.folder):
        if chosen(path.name):
            content = read_whole(path)
            with _written():
                (folder / path.name).write_bytes(content)


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = tempfile.gettempdir()
        raise OutputError(
            f"{subject(error, where)}: text files cannot be put together in {where} ({reason(error, where)}); make "
            "room there, or name another folder in TMPDIR"
        ) from error


def check_vocabularies(names: Sequence[str], checkpoints: Sequence[Checkpoint]) -> None:
    """Hold all tokenizers that there are against the last one. Raises CheckpointError for two vocabularies."""
    known: dict[str, tuple[str, dict[str, int]]] = {}
    for name, checkpoint in reversed(list(zip(names, checkpoints, strict=True))):
        if not _has(checkpoint, _TOKENS):
            continue
        # Most series have one tokenizer many times over, and to read it takes a while.
        digest = _digest(checkpoint)
        if digest in known:
            continue
        with naming(checkpoint):
            ids = dict(open_tokenizer(checkpoint).ids)
        if known:
            other, others = next(iter(known.values()))
            check_one_vocabulary(name, ids, other, others)
        known[digest] = (name, ids)


def check_is_tokenizer(named: Checkpoint) -> None:
    """Raise CheckpointError for a folder or hub id without a tokenizer."""
    if not _has(named, _TOKENS):
        raise CheckpointError(f"{named.source}: holds no tokenizer (no {' or '.join(_TOKENS)}); name another one")


def _has(checkpoint: Checkpoint, names: Sequence[str]) -> bool:
    return any((checkpoint.folder / name).is_file() for name in names)


def _around(checkpoint: Checkpoint) -> Checkpoint | None:
    """Give the trainer's folder that a `checkpoint-N` lies in."""
    # As it was named: a link may lead out of it.
    path = Path(os.path.abspath(checkpoint.folder))  # noqa: PTH100 - Path.absolute() keeps `..`
    if checkpoint.revision is not None or not is_saved(path.name):
        return None
    return Checkpoint(path.parent, str(path.parent.resolve()), None)


def _digest(checkpoint: Checkpoint) -> str:
    digest = hashlib.sha256()
    for path in text_files(checkpoint.folder):
        if path.name in _TOKENIZER:
            content = read_whole(path)
            digest.update(repr((path.name, len(content))).encode())
            digest.update(content)
    return digest.hexdigest()
