"""How subtitles are to be."""

from __future__ import annotations

from dataclasses import dataclass

from anime_whisper_ct2.errors import InputError

_CHARS = range(4, 101)
_LINES = range(1, 11)


@dataclass(frozen=True, slots=True)
class SubtitleOptions:
    """How much a subtitle shows, and for how long. Raises InputError for what no subtitle can be."""

    max_chars: int = 13  # in a line, 4 to 100; a half-width character counts half
    max_lines: int = 2  # at a time, 1 to 10
    max_cps: float = 7.0  # characters a second: a subtitle is shown so long, where silence follows it
    min_cue_s: float = 0.8  # shown at least so long, where silence follows it
    max_cue_s: float = 7.0  # shown at most so long

    def __post_init__(self) -> None:
        if self.max_chars not in _CHARS:
            raise InputError(f"the longest line is {self.max_chars}; give {_CHARS[0]} to {_CHARS[-1]} characters")
        if self.max_lines not in _LINES:
            raise InputError(f"the most lines is {self.max_lines}; give {_LINES[0]} to {_LINES[-1]}")
        # All said so that NaN is refused, too.
        if not self.max_cps > 0:
            raise InputError(f"the reading speed is {self.max_cps}; give more than 0 characters a second")
        if not 0 <= self.min_cue_s <= self.max_cue_s:
            raise InputError(
                f"a subtitle of at least {self.min_cue_s} s and at most {self.max_cue_s} s; "
                "the shortest must be 0 s or more, and no longer than the longest"
            )
        if not self.max_cue_s >= 0.1:
            raise InputError(f"a subtitle of at most {self.max_cue_s} s cannot be read; 0.1 s is the least")


SUBTITLES = SubtitleOptions()
SHOWN_BY = ("srt", "vtt", "ass")  # the formats whose subtitles these options shape
