"""What a file of a report is, and what has to become of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal, TypeAlias

from anime_whisper_ct2.records import Float32

Clock: TypeAlias = Literal["plain", "filled", "either", "loose"]


class Flag(Enum):
    """Whether the recording may or must say that it is not whole (the flag `incomplete`, or an error line)."""

    NEVER = "never"  # nothing is missing
    MAY = "may"  # sound is lost, and ffmpeg loses it too or bridges it; whoever gives less than ffmpeg must say so
    MUST = "must"  # less is there than is promised


@dataclass(frozen=True, slots=True)
class Case:
    """A file, and what is to be heard in it.

    `marks`: gaps and joints in seconds, where decoders need a moment. `clock`: which of the command's opinions holds,
    see `oracle.heard_by_ffmpeg`; `loose` is `filled` with or without the silence at the beginning. `truth`: what is to
    be heard where the command errs or loses sound, 16 kHz mono; one of several. `missing_s`: what the flag has to say,
    within 60 ms. `less_s`: so much less may be heard where it is flagged. `more_s`: so much of a codec's last block may
    be heard in addition. `antiphase` None: either will do.
    """

    path: Path
    marks: tuple[float, ...] = ()
    clock: Clock = "plain"
    truth: Float32 | tuple[Float32, ...] | None = None
    flag: Flag = Flag.NEVER
    missing_s: float | None = None
    less_s: float = 0.0
    more_s: float = 0.0
    antiphase: bool | None = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """A case that is made when a test wants it: `make` writes it into the folder that it is given.

    `report`: the public report of the kind. `needs`: programs beside `ffmpeg`.
    """

    name: str
    report: str
    make: Callable[[Path], Case]
    needs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name
