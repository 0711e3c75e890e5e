"""How long a window the engine gets for a clip: 30 s as in training, or the clip and a measured tail of silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.features.mel import FRAMES_PER_S, WINDOW_FRAMES, WINDOW_S
from anime_whisper_ct2.options import WindowMode

# Where most people stop seeing loops on Whisper models lies between 1.3 and 3 s of true silence behind the speech.
DEFAULT_TAIL_S = 2.56
# A batch holds one length, so lengths are rounded up to steps: fewer lengths fill batches sooner, more waste less. Long
# clips are rare and take larger steps: (length up to which, step), in frames.
_STEPS = ((768, 64), (1_536, 128), (WINDOW_FRAMES, 256))
# CTranslate2 tells mel from encoder output by the second dimension: a window of 2 x 128 or 2 x 80 frames leaves the
# encoder with as many positions as there are mel bands, and would be encoded twice.
AMBIGUOUS_FRAMES = (160, 256)
PROFILE = "window_profile"
# The silence behind a clip that looked wrong with less. Of 22 texts of Whisper base that did with 0.64 to 2.56 s, it
# mended 20; twice the tail 13, the next step 12. They differ from those at 30 s in 3 % of the characters, as right ones
# do in 5 %.
LONGER_TAIL_S = 5.12
# Where the first tail was that long already: so many times the silence that there was.
_LONGER = 1.5
# A longer window that costs more of one of 30 s than this is not tried before it.
_WORTH_TRYING = 0.6
# The encoder's work at T positions (half the frames) goes with T + T² / so many: linear layers, and attention. From
# the 1.283e9 T + 1.638e5 T² operations of large-v3's encoder, which is Anime Whisper's.
_ATTENTION_POSITIONS = 7_833
# Positions that fill a GPU: larger batches are no faster.
_ENOUGH_POSITIONS = 24_000
# Short windows cost so little each that more of them go together, but decoding has costs for each window too.
_MOST_SHORT_FOR_FULL = 4


def short_for_full(frames: int) -> float:
    """Give how many windows of so many frames go together in the place of one of 30 s."""
    return min(_MOST_SHORT_FOR_FULL, WINDOW_FRAMES / frames)


def work(frames: int) -> float:
    """Give the encoder's work on a window of so many frames, in windows of 30 s."""
    positions, most = frames / 2, WINDOW_FRAMES / 2
    return positions * (1 + positions / _ATTENTION_POSITIONS) / (most * (1 + most / _ATTENTION_POSITIONS))


def enough_together(frames: int) -> int:
    """Give how many windows of so many frames are a good batch: more would gain nothing."""
    return ceil(_ENOUGH_POSITIONS / (frames / 2))


@dataclass(frozen=True, slots=True)
class WindowLength:
    """How many frames (10 ms) the engine gets for a window of so many real ones."""

    mode: Literal["full", "fit"] = "full"
    tail_s: float = DEFAULT_TAIL_S

    def __post_init__(self) -> None:
        if not 0 <= self.tail_s <= WINDOW_S:
            raise InputError(f"the tail is {self.tail_s} s; give 0 to {WINDOW_S}")

    def __call__(self, frames: int) -> int:
        """Give the padded length: 3,000 for `full`; for `fit` the frames and the tail, rounded up to a step."""
        if frames > WINDOW_FRAMES:
            raise ValueError(f"{frames} frames are more than a window holds")
        if self.mode == "full":
            return WINDOW_FRAMES
        least = frames + self.tail_s * FRAMES_PER_S
        step = next((step for most, step in _STEPS if least <= most), WINDOW_FRAMES)
        fitted = ceil(least / step) * step
        if fitted in AMBIGUOUS_FRAMES:
            fitted += step
        return min(WINDOW_FRAMES, fitted)

    @property
    def settings(self) -> dict[str, Any]:
        """What of this decides the text, under the names that `run.json` uses."""
        return {"window": self.mode} if self.mode == "full" else {"window": self.mode, "tail_s": self.tail_s}


def longer_length(frames: int, fitted: int) -> int:
    """Give the padded length for a second look at so many real frames that were fitted into `fitted`.

    3,000 where a shorter one would hardly cost less.
    """
    tail_s = max(LONGER_TAIL_S, _LONGER * (fitted - frames) / FRAMES_PER_S)
    longer = WindowLength("fit", min(float(WINDOW_S), tail_s))(frames)
    return longer if work(longer) < _WORTH_TRYING else WINDOW_FRAMES


def window_length(mode: WindowMode, tail_s: float | None, awct2: Mapping[str, Any]) -> WindowLength:
    """Settle `auto`: fitted where `awct2.json` holds a profile that was measured, else full.

    `tail_s` None: the profile's, or 2.56 s without one. Raises InputError for a tail where windows are full.
    """
    profile = awct2.get(PROFILE) or {}
    if mode == "full" or (mode == "auto" and not profile):
        if tail_s is not None:
            raise InputError("a tail is for fitted windows, and these are full; choose --window fit, or leave it out")
        return WindowLength("full")
    if tail_s is None:
        tail_s = profile.get("tail_s", DEFAULT_TAIL_S)
    if not isinstance(tail_s, (int, float)):
        raise InputError(f"the model's profile holds a tail of {tail_s!r}; run awct2 calibrate again")
    return WindowLength("fit", float(tail_s))
