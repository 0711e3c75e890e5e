"""The doors to a corpus: what the user names as INPUT becomes a stream of recordings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from zlib import crc32

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.readers.sources import Name, Source, sources
from anime_whisper_ct2.records import Recording, Unreadable

__all__ = ["Corpus"]


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a run is to transcribe: folders (all audio below them), audio files, lists, tars, tables, and globs of them.

    A list is a manifest (JSONL, CSV, TSV), a plain list of paths or a Kaldi `wav.scp`; `-` is a list of paths on
    standard input. A table is Parquet, Arrow or a Hugging Face dataset's folder. All may be URLs that fsspec knows.
    `audio_column` names the column of a list or table that holds the audio.

    `include` and `exclude` are shell patterns over ids (`*.ogg`, `alice/*`); with `include`, only what matches one of
    them is taken. `shard` (i, n) takes one of n parts, 0 ≤ i < n, each recording by its id alone; `limit` comes last.
    Iterating lists the corpus anew, in the same order, and opens no audio.

    Raises InputError for an INPUT that is not there.
    """

    inputs: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    limit: int | None = None
    shard: tuple[int, int] | None = None
    audio_column: str | None = None
    _sources: tuple[Source, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.inputs, (str, os.PathLike)):
            object.__setattr__(self, "inputs", (os.fspath(self.inputs),))
        if not self.inputs:
            raise InputError("no INPUT given; name a folder, a file or a glob")
        if self.shard and not 0 <= self.shard[0] < self.shard[1]:
            raise InputError(f"shard {self.shard[0]}/{self.shard[1]}: parts of {self.shard[1]} count from 0")
        found = [source for given in self.inputs for source in sources(given, self.audio_column)]
        # The same INPUT twice, or a glob over it, is one INPUT.
        object.__setattr__(self, "_sources", tuple({source.path: source for source in found}.values()))

    def __iter__(self) -> Iterator[Recording]:
        everything = (recording for source in self._sources for recording in source.recordings())
        return islice((recording for recording in everything if self._takes(recording)), self.limit)

    def check(self) -> None:
        """Refuse INPUTs that would give two recordings one id; each INPUT sees to its own.

        Raises InputError with both names.
        """
        if len(self._sources) == 1:
            return
        seen = IdSet()
        containers: dict[str, str] = {}
        for name in self._names():
            # All ids of a container begin with its name, so its name is enough.
            inside = next((containers[start] for start in _above(name.id) if start in containers), None)
            if inside or not seen.add(name.id):
                self._refuse(inside or self._first(name.id), name)
            if name.container:
                containers[name.id] = name.path

    def count(self) -> int | None:
        """Count the recordings, where that takes no more than listing names; None for standard input and containers."""
        if len(self._sources) == 1 and self._sources[0].path == "-":
            return None
        count = 0
        for name in self._names():
            if name.container:
                return None
            count += 1
        return count if self.limit is None else min(count, self.limit)

    def _names(self) -> Iterator[Name]:
        for source in self._sources:
            yield from (name for name in source.names() if name.container or self._chosen(name.id))

    def _first(self, id_: str) -> str:
        return next(name.path for name in self._names() if name.id == id_)

    def _refuse(self, first: str, second: Name) -> None:
        what = f"have ids that begin with {second.id!r}" if second.container else f"have the id {second.id!r}"
        raise InputError(
            f"{first} and {second.path} would both {what}; "
            "name the folder above both, or transcribe them into different outputs"
        )

    def _takes(self, recording: Recording) -> bool:
        # A container that cannot be read has an id that no pattern for recordings fits; it must not go unsaid.
        unknown = isinstance(recording.audio, Unreadable) and recording.audio.place
        return self._chosen(recording.id, include=() if unknown else self.include)

    def _chosen(self, id_: str, include: tuple[str, ...] | None = None) -> bool:
        include = self.include if include is None else include
        if include and not _any(id_, include):
            return False
        if self.shard and crc32(id_.encode("utf-8", "surrogatepass")) % self.shard[1] != self.shard[0]:
            return False
        return not _any(id_, self.exclude)


def _above(id_: str) -> Iterator[str]:
    """Give the folders that an id lies in, each with its slash."""
    at = id_.find("/")
    while at >= 0:
        yield id_[: at + 1]
        at = id_.find("/", at + 1)


def _any(id_: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(id_, pattern) for pattern in patterns)
