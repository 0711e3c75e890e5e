"""Places in recordings that were decoded up to there, so that the next stretch need not begin from the start.

A time is only known by decoding all that comes before it; then the stamp of the frame there finds it again.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from threading import Lock

from anime_whisper_ct2.audio.remembered import Remembered
from anime_whisper_ct2.audio.source import File

# So much at most is decoded in vain ahead of a stretch.
_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the frame with a stamp is played; `zero_s` is the stamp of time 0 in seconds.

    `place` is that of its packet in the file: where files were joined, stamps come again.
    """

    position_s: float
    stamp: int
    place: int
    zero_s: float


@dataclass(slots=True)
class Marks:
    """Those of one recording, every ten seconds, in order."""

    _marks: list[Mark] = field(default_factory=list)

    def offer(self, position_s: float, stamp: int | None, place: int | None, zero_s: float) -> None:
        """Note where a frame is, if that is news."""
        if stamp is None or place is None or not self._is_news(position_s, stamp):
            return
        with _lock:
            if self._is_news(position_s, stamp):
                self._marks.append(Mark(position_s, stamp, place, zero_s))

    def _is_news(self, position_s: float, stamp: int) -> bool:
        last = self._marks[-1] if self._marks else None
        return last is None or (position_s >= last.position_s + _EVERY_S and stamp > last.stamp)

    def before(self, position_s: float) -> Mark | None:
        """Give the last one that is not behind a place."""
        at = bisect_right(self._marks, position_s, key=lambda mark: mark.position_s)
        return self._marks[at - 1] if at and self._marks[at - 1].position_s > 0 else None


# Recordings are decoded in several threads where their lengths are asked for.
_lock = Lock()
_marks: Remembered[Marks] = Remembered()


def marks_of(file: File, begin: int) -> Marks | None:
    """Give the marks of the recording that begins at a byte of a file; None for what is no file on disk."""
    if not isinstance(file, str):
        return None
    return _marks.get(file, begin) or _marks.keep(Marks(), file, begin)
