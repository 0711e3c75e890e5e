"""Which recordings of a corpus are taken, by their ids alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from zlib import crc32

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.records import Recording, Unreadable


@dataclass(frozen=True, slots=True)
class Selection:
    """Shell patterns over ids, and a part (i, n) of all; with `include`, what matches one of them is taken."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    shard: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.shard and not 0 <= self.shard[0] < self.shard[1]:
            raise InputError(f"shard {self.shard[0]}/{self.shard[1]}: parts of {self.shard[1]} count from 0")

    def takes(self, recording: Recording) -> bool:
        """Say whether a recording is taken."""
        # A container that cannot be read has an id that no pattern for recordings fits; it must not go unsaid.
        unknown = isinstance(recording.audio, Unreadable) and recording.audio.place
        return self._chosen(recording.id, () if unknown else self.include)

    def takes_id(self, id_: str) -> bool:
        """Say whether the recording of an id is taken."""
        return self._chosen(id_, self.include)

    def _chosen(self, id_: str, include: tuple[str, ...]) -> bool:
        if include and not _any(id_, include):
            return False
        if self.shard and crc32(id_.encode("utf-8", "surrogatepass")) % self.shard[1] != self.shard[0]:
            return False
        return not _any(id_, self.exclude)


def _any(id_: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(id_, pattern) for pattern in patterns)


EVERYTHING = Selection()
