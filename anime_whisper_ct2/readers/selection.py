"""Which recordings of a corpus are taken, by their ids alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from zlib import crc32

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.records import Recording, Unreadable
from anime_whisper_ct2.system.paths import slashed

_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Selection:
    """Shell patterns over ids, and a part (i, n) of all; with `include`, what matches one of them is taken.

    On Windows, patterns may be written with its own separator.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    shard: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for patterns in ("include", "exclude"):
            object.__setattr__(self, patterns, tuple(map(slashed, getattr(self, patterns))))
        if self.shard and not 0 <= self.shard[0] < self.shard[1]:
            raise InputError(f"shard {self.shard[0]}/{self.shard[1]}: parts of {self.shard[1]} count from 0")

    def takes(self, recording: Recording) -> bool:
        """Say whether a recording is taken."""
        unknown = isinstance(recording.audio, Unreadable) and recording.audio.place
        return self.takes_id(recording.id, place=unknown)

    def takes_id(self, id_: str, *, place: bool = False) -> bool:
        """Say whether the recording of an id is taken; a `place` is what holds recordings that nobody knows."""
        if self.include and not (self._reaches(id_) if place else _any(id_, self.include)):
            return False
        # By the id alone: machines that list a corpus in different orders draw the same lines through it.
        if self.shard and crc32(id_.encode("utf-8", "surrogatepass")) % self.shard[1] != self.shard[0]:
            return False
        return not self.excludes(id_)

    def excludes(self, id_: str) -> bool:
        """Say whether `exclude` names a file or a folder, of which ids end in a slash."""
        if not self.exclude:
            return False
        return _any(id_, self.exclude) or (id_.endswith("/") and _any(id_[:-1], self.exclude))

    def _reaches(self, id_: str) -> bool:
        """Say whether a place may hold what `include` takes.

        A container that cannot be read has an id that no pattern for recordings fits; it must not go unsaid. Of a
        folder it is known how all ids below it begin.
        """
        if not id_.endswith("/"):
            return True
        starts = (_composed(_WILDCARD.split(pattern, maxsplit=1)[0]) for pattern in self.include)
        return any(_composed(id_).startswith(start) or start.startswith(_composed(id_)) for start in starts)


def fits(id_: str, pattern: str) -> bool:
    """Say whether a pattern fits an id, in whichever of Unicode's forms the two are written."""
    if fnmatchcase(id_, pattern):
        return True
    return not (id_.isascii() or pattern.isascii()) and fnmatchcase(_composed(id_), _composed(pattern))


def _any(id_: str, patterns: Iterable[str]) -> bool:
    return any(fits(id_, pattern) for pattern in patterns)


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


EVERYTHING = Selection()
