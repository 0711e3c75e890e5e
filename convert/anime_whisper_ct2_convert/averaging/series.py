"""Checkpoints of one model, open together, and any average of them as if it were one more."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from anime_whisper_ct2.errors import CheckpointError, InputError, counted
from anime_whisper_ct2_convert.averaging.agreement import check_one_model
from anime_whisper_ct2_convert.averaging.blending import blended
from anime_whisper_ct2_convert.averaging.differences import differences_from
from anime_whisper_ct2_convert.averaging.identities import identities
from anime_whisper_ct2_convert.averaging.naming import short_names
from anime_whisper_ct2_convert.averaging.recipe import Mix, Recipe, fits
from anime_whisper_ct2_convert.averaging.sums import is_cheaper
from anime_whisper_ct2_convert.averaging.texts import Texts, check_is_tokenizer, check_vocabularies
from anime_whisper_ct2_convert.numerics import CARRIER, FloatType
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint, open_files, with_dtype
from anime_whisper_ct2_convert.source import open_named, open_texts
from anime_whisper_ct2_convert.tensor import Tensor
from anime_whisper_ct2_convert.whisper_layout import WhisperShape

if TYPE_CHECKING:
    from anime_whisper_ct2_convert.averaging.sums import PrefixSums
    from anime_whisper_ct2_convert.conversion import Progress

_EXAMPLES = 3  # tensors that an error names


@dataclass(frozen=True, slots=True)
class Series:
    """Checkpoints that are open, in the order in which they were named, and known to be of one model.

    `names`: as they were given. `differences`: what their text files have otherwise than the last one's, in sentences.
    An average is that of the checkpoints that have a part in it, whatever else is in the series: it has the type of the
    first of those and the text files of the last.
    """

    names: tuple[str, ...]
    checkpoints: tuple[OpenCheckpoint, ...]
    differences: tuple[str, ...]
    texts: Texts

    @property
    def shape(self) -> WhisperShape:
        """The shape that all have; its dtype is the first one's."""
        return self.checkpoints[0].shape

    def used(self, recipe: Recipe) -> tuple[int, ...]:
        """Give the numbers of the checkpoints that have a part in an average.

        Raises InputError for a pattern that is for no tensor.
        """
        self._check(recipe)
        return tuple(sorted({at for mix in self.mixes(recipe) for at in mix.used}))

    def mixes(self, recipe: Recipe) -> set[Mix]:
        """Give the mixes that some tensor has."""
        return {recipe.of(name) for name in self.checkpoints[0].tensors}

    def copied(self, recipe: Recipe, dtype: FloatType | None = None) -> int | None:
        """Give the number of the one checkpoint that an average is to the bit; None for any other average."""
        only = {mix.only for mix in self.mixes(recipe)}
        number = only.pop() if len(only) == 1 else None
        if number is None or dtype is None:
            return number
        alike = all(tensor.dtype == dtype for tensor in self.checkpoints[number].tensors.values())
        return number if alike and self.checkpoints[number].shape.dtype == dtype else None

    def differences_of(self, used: Sequence[int]) -> tuple[str, ...]:
        """Say what text files of these checkpoints have otherwise than the last of them, and what it gets of others.

        Raises CheckpointError for a file that is no JSON.
        """
        names = short_names(self.names)
        chosen = [self.checkpoints[at].files for at in used]
        found = differences_from(len(used) - 1, [names[at] for at in used], chosen)
        return (*found, *self.texts.lent(used[-1]))

    def blend(
        self, recipe: Recipe, *, dtype: FloatType | None = None, sums: PrefixSums | None = None
    ) -> OpenCheckpoint:
        """Give an average as a checkpoint whose tensors are computed when they are read, block by block.

        Its `config` and `shape` say `dtype`, or what the first one's do; the config.json in the folder of its `files`
        is the last one's. Reading raises CheckpointError, naming checkpoint and tensor, for values that are no numbers.
        Raises InputError for a pattern that is for no tensor.
        """
        used = self.used(recipe)
        first, last = self.checkpoints[used[0]], self.checkpoints[used[-1]]
        tensors = {
            name: self._blended(name, recipe.of(name), dtype or tensor.dtype, sums)
            for name, tensor in first.tensors.items()
        }
        said = dtype or first.shape.dtype
        config = last.config if last.shape.dtype == said else with_dtype(last.config, said)
        return OpenCheckpoint(self.texts.of(used[-1]), config, replace(last.shape, dtype=said), tensors)

    def identities(self, progress: Progress | None = None) -> tuple[str, ...]:
        """Give 64 hexadecimal digits for each checkpoint, by which all of its weights are known again.

        The same for a copy of the folder. Of the hub, the commit tells; the files of all others are read through, which
        takes a while: `progress` gets the bytes. Raises CheckpointError where they cannot be read.
        """
        return identities(self.checkpoints, progress)

    def _blended(self, name: str, mix: Mix, dtype: FloatType, sums: PrefixSums | None) -> Tensor:
        if sums is not None and mix.only is None and (span := mix.range):
            read = (checkpoint.tensors[name].dtype for checkpoint in self.checkpoints[slice(*span)])
            if is_cheaper(span[0], [CARRIER[stored].itemsize for stored in read]):
                return sums.tensor(name, *span, dtype)
        return blended(name, mix, self.checkpoints, dtype)

    def _check(self, recipe: Recipe) -> None:
        for mix in (recipe.mix, *(mix for _, mix in recipe.parts)):
            if len(mix.weights) != len(self.checkpoints):
                raise ValueError(f"{len(mix.weights)} weights for {len(self.checkpoints)} checkpoints")
        left = list(self.checkpoints[0].tensors)
        for pattern, _ in recipe.parts:
            rest = [name for name in left if not fits(pattern, name)]
            if len(rest) == len(left):
                if any(fits(pattern, name) for name in self.checkpoints[0].tensors):
                    raise InputError(f"--layers {pattern}: all tensors of that name are taken by one before; remove it")
                called = sorted(name.removeprefix("model.") for name in self.checkpoints[0].tensors)
                some = ", ".join(called[:: len(called) // _EXAMPLES or 1])
                raise InputError(f"--layers {pattern}: no tensor has such a name; they are called {some}, …")
            left = rest


@contextmanager
def open_series(names: Sequence[str], tokenizer: str | None = None) -> Iterator[Series]:
    """Open checkpoints, folders or hub ids (`OWNER/NAME@REVISION` too), for as long as the context lasts.

    `tokenizer`: a folder or hub id whose tokenizer the averages get, in place of the last one's. Raises InputError
    where none is named, ModelNotFoundError, and CheckpointError for what is no Whisper, not whole, or of two models.
    """
    if not names:
        raise InputError("no checkpoint is named; name the folders or hub ids of those to average")
    if not all(map(str.strip, names)):
        raise InputError("the name of a checkpoint is empty; name a folder or a hub id")
    if tokenizer is not None and not tokenizer.strip():
        raise InputError("--tokenizer is empty; name a folder or a hub id, or leave it out")
    with ExitStack() as opened:
        known: dict[str, OpenCheckpoint] = {}
        for name in names:
            if name not in known:
                known[name] = _open(name, opened, list(known.values()))
        check_one_model(list(known), list(known.values()))
        named = None if tokenizer is None else open_texts(tokenizer)
        files = {name: checkpoint.files for name, checkpoint in known.items()}
        if named is not None and tokenizer is not None:
            check_is_tokenizer(named)
            files[tokenizer] = named
        check_vocabularies(list(files), list(files.values()))
        checkpoints = tuple(known[name] for name in names)
        texts = Texts([checkpoint.files for checkpoint in checkpoints], named, opened)
        series = Series(tuple(names), checkpoints, (), texts)
        yield replace(series, differences=series.differences_of(range(len(names))))


def _open(name: str, opened: ExitStack, others: Sequence[OpenCheckpoint]) -> OpenCheckpoint:
    """Open a checkpoint, once under whatever names it comes."""
    checkpoint = open_named(name)
    which = (checkpoint.source, checkpoint.revision)
    for other in others:
        if (other.files.source, other.files.revision) == which:
            return other
    try:
        return open_files(checkpoint, opened)
    except CheckpointError as error:
        if _names_no_more_files(error):
            raise CheckpointError(
                f"{name}: with {counted(len(others), 'checkpoint')} open, the system lets this process open no more "
                "files; raise that limit (ulimit -n), or average fewer checkpoints at a time"
            ) from error
        raise


def _names_no_more_files(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)
