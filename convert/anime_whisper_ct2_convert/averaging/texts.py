"""The text files of an average: those of its last checkpoint, and what that lacks to make a model of its weights.

A trainer saves a tokenizer once, if at all, and not with every checkpoint.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from anime_whisper_ct2.errors import CheckpointError, OutputError
from anime_whisper_ct2.system.refusals import reason, subject
from anime_whisper_ct2_convert.averaging.agreement import check_one_vocabulary
from anime_whisper_ct2_convert.source import Checkpoint, naming, text_files
from anime_whisper_ct2_convert.tokenizer import open_tokenizer

_TOKENS = ("tokenizer.json", "vocab.json")  # either makes a tokenizer
_TOKENIZER = (
    *_TOKENS,
    *("merges.txt", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json"),
)
_NORMALIZER = ("normalizer.json",)
_PREPROCESSOR = ("preprocessor_config.json", "processor_config.json")


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
        own = self._checkpoints[number]
        if self._tokenizer is not None or _has(own, _TOKENS):
            return self._tokenizer or own
        return next((one for one in reversed(self._checkpoints) if _has(one, _TOKENS)), None)

    def of(self, number: int) -> Checkpoint:
        """Give a checkpoint whose folder holds its text files, and those of others that it lacks.

        Its weights may lie elsewhere. Raises OutputError where what is put together cannot be written.
        """
        if number not in self._made:
            self._made[number] = self._whole(self._checkpoints[number], self.tokenizer_of(number))
        return self._made[number]

    def _whole(self, own: Checkpoint, tokenizer: Checkpoint | None) -> Checkpoint:
        others = [*self._checkpoints, *([self._tokenizer] if self._tokenizer else [])]
        sound = next((one for one in reversed(others) if _has(one, _PREPROCESSOR)), None)
        lent: list[tuple[Checkpoint, tuple[str, ...]]] = []
        if tokenizer is not None and tokenizer != own:
            lent.append((tokenizer, _TOKENIZER))
            lent += [] if _has(own, _NORMALIZER) else [(tokenizer, _NORMALIZER)]
        if sound is not None and not _has(own, _PREPROCESSOR):
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
    with _written():
        for path in text_files(source.folder):
            if chosen(path.name):
                shutil.copyfile(path, folder / path.name)


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


def _digest(checkpoint: Checkpoint) -> str:
    digest = hashlib.sha256()
    for path in text_files(checkpoint.folder):
        if path.name in _TOKENIZER:
            content = path.read_bytes()
            digest.update(repr((path.name, len(content))).encode())
            digest.update(content)
    return digest.hexdigest()
