"""From speech probabilities to spans, as they arrive.

Pure: no network and no samples. Memory is the utterance that is open and those whose fate it decides.

One that is too short to be read alone goes with the nearer neighbour; one that is too long is parted where it is
most quiet. Nothing that reaches the threshold is ever dropped: this model writes breaths and laughs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from anime_whisper_ct2.features.mel import SAMPLE_RATE
from anime_whisper_ct2.options import SegmentOptions
from anime_whisper_ct2.records import Float32

FRAME_SAMPLES = 512  # Silero gives one probability for so many samples, 32 ms

HYSTERESIS = 0.15  # speech ends this much below the threshold at which it begins
TINY_S = 0.25  # an utterance shorter than this is joined to its nearest neighbour,
TINY_REACH_S = 1.0  # if there is one within so much
# Silero hears the beginning and the end of speech about so much too late: of the padding, this much moves to the front.
_LATE_SAMPLES = FRAME_SAMPLES
# Pauses that are this long and quiet are all as good a place to part an utterance; the longest is taken.
_LONG_PAUSE_S = 1.0
_EQUALLY_QUIET = 0.01


class Vad(Protocol):
    """Says of each `FRAME_SAMPLES` samples of a recording how probable speech is; it remembers what came before."""

    def __call__(self, samples: Float32, /) -> Float32:
        """Take the next samples, any number of them, and give the frames that they finish.

        `samples`: shape (n,), 16 kHz mono. Returns shape (frames,), 0 … 1.
        """

    def finish(self) -> Float32:
        """Give the last frame, filled up with silence: shape (1,), or (0,) where nothing is left."""

    def reset(self) -> None:
        """Forget the recording; the next samples begin another."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a recording, in samples: `end` lies behind the last one."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Utterance:
    """Speech without its padding, in frames."""

    start: int
    end: int


class SpeechSpans:
    """Finds the spans of one recording, in order and without overlap, each at most `max_segment_s` long.

    The same probabilities give the same spans however they are split over calls.
    """

    def __init__(self, options: SegmentOptions) -> None:
        self._speech_from = options.vad_threshold
        # Low thresholds leave no room for the whole step, and below zero speech would never end.
        self._speech_to = max(options.vad_threshold - HYSTERESIS, options.vad_threshold / 2)
        self._pack = options.mode == "pack"
        self._limit = round(options.max_segment_s * SAMPLE_RATE)
        self._pad = round(options.speech_pad_s * SAMPLE_RATE)
        late = min(_LATE_SAMPLES, self._pad)
        self._pad_before, self._pad_after = self._pad + late, self._pad - late
        # Rather than be parted, an utterance gives up half its padding, but not all: cut tight, it loses a word.
        self._longest = (self._limit - min(self._pad, self._limit // 4)) // FRAME_SAMPLES
        self._silence = _frames(options.min_silence_s)
        self._tiny, self._reach = _frames(TINY_S), _frames(TINY_REACH_S)
        self._pause = min(self._silence, _frames(_LONG_PAUSE_S))

        self._now = 0  # frames seen
        self._speaking = False
        self._open: _Utterance | None = None
        self._head: _Utterance | None = None  # what was tiny and waited for the rest of the open utterance
        self._rest = 0  # where that rest began
        self._heard: list[float] = []  # the open utterance's probabilities
        self._closed: deque[_Utterance] = deque()  # not given yet: the last may still grow
        self._given = _Utterance(0, 0)  # the last that was given
        self._given_end = 0  # with its padding, in samples

    @property
    def needed(self) -> int:
        """The first sample that a span to come can begin at; what lies before may be forgotten."""
        first = self._closed[0] if self._closed else self._open
        start = first.start if first else self._now
        return max(self._given_end, start * FRAME_SAMPLES - self._pad_before)

    def feed(self, probabilities: Float32) -> list[Span]:
        """Take the next frames and give the spans that they settle.

        `probabilities`: shape (frames,).
        """
        for probability in probabilities.tolist():
            self._hear(probability)
        return self._settled()

    def finish(self, samples: int) -> list[Span]:
        """Give the spans that are left; `samples` is the length of the recording, which no span exceeds."""
        self._close()
        return self._settled(samples)

    def _hear(self, probability: float) -> None:
        at = self._now
        self._now = at + 1
        if probability >= (self._speech_to if self._speaking else self._speech_from):
            self._speak(probability, at)
            return
        self._speaking = False
        if self._open is None:
            return
        self._heard.append(probability)
        if self._now - self._open.end >= self._silence and self._now - self._open.end >= self._patience(self._open):
            self._close()

    def _speak(self, probability: float, at: int) -> None:
        before = self._open
        if before is None:
            self._open = _Utterance(at, at + 1)
        else:
            if at - before.end >= self._silence:
                self._head, self._rest = before, at
            self._open = _Utterance(before.start, at + 1)
        self._speaking = True
        self._heard.append(probability)
        # Not at once: parted now, the rest could be tiny.
        if at + 1 - self._open.start >= self._longest + self._tiny:
            self._part()

    def _patience(self, tiny: _Utterance) -> int:
        """Give the frames of silence after which an utterance is over: a tiny one waits for the nearer neighbour."""
        if tiny.end - tiny.start >= self._tiny:
            return self._silence
        if self._closed and self._joins(self._closed[-1], tiny):
            return min(self._reach, tiny.start - self._closed[-1].end)
        return self._reach

    def _joins(self, before: _Utterance, after: _Utterance) -> bool:
        """Say whether two neighbours become one. Once they do not, they never will while the second one grows."""
        if after.end - before.start > self._longest:
            return False
        return self._pack or (after.end - after.start < self._tiny and after.start - before.end <= self._reach)

    def _close(self) -> None:
        """End the open utterance."""
        self._part()
        if self._open:
            if self._closed and self._joins(self._closed[-1], self._open):
                self._closed[-1] = _Utterance(self._closed[-1].start, self._open.end)
            else:
                self._closed.append(self._open)
        self._open = self._head = None
        self._speaking = False
        self._heard.clear()

    def _part(self) -> None:
        """Part the open utterance until it is short enough."""
        while self._open and self._open.end - self._open.start > self._longest:
            if self._head:
                end, rest = self._head.end, self._rest
            else:
                end, rest = (self._open.start + frame for frame in self._deepest_silence(self._open))
            self._closed.append(_Utterance(self._open.start, end))
            del self._heard[: rest - self._open.start]
            self._open = _Utterance(rest, self._open.end)
            self._head = None

    def _deepest_silence(self, utterance: _Utterance) -> tuple[int, int]:
        """Give the silence in the second half of what one span can hold, in frames from the utterance's start.

        The mean over the longest pause that an utterance can hold is lowest where a pause is both deep and long. Where
        there is no pause, two spans meet at the least probable frame.
        """
        heard = np.array(self._heard[: utterance.end - utterance.start])
        low, high = self._longest // 2, min(self._longest, len(heard) - self._tiny)
        quiet = np.convolve(1.0 - heard, np.full(self._pause, 1.0 / self._pause), mode="full")
        quiet = quiet[self._pause // 2 :][low:high]
        best = np.flatnonzero(quiet >= quiet.max() - _EQUALLY_QUIET)
        longest = max(np.split(best, np.flatnonzero(np.diff(best) > 1) + 1), key=len)
        middle = low + int(longest[len(longest) // 2])
        near = max(low, middle - self._pause // 2)
        deepest = near + int(heard[near : min(high, middle + self._pause // 2 + 1)].argmin())
        silent = heard < self._speech_to
        if not silent[deepest]:
            return deepest, deepest
        loud = np.flatnonzero(~silent)
        following = int(np.searchsorted(loud, deepest))
        return int(loud[following - 1]) + 1, int(loud[following])

    def _settled(self, samples: int | None = None) -> list[Span]:
        """Give the closed utterances that neither grow any more nor wait to know how much padding they get."""
        spans: list[Span] = []
        while self._closed:
            first = self._closed[0]
            following: int | None = None
            if len(self._closed) > 1:
                following = self._closed[1].start
            elif samples is None:
                coming = self._open or _Utterance(self._now, self._now + 1)
                if self._joins(first, coming):
                    break
                if not self._open and (self._now - first.end) * FRAME_SAMPLES < 2 * self._pad_before:
                    break
                following = coming.start
            spans.append(self._padded(self._closed.popleft(), following, samples))
        return spans

    def _padded(self, utterance: _Utterance, following: int | None, samples: int | None) -> Span:
        """Pad an utterance as far as the limit allows; two neighbours meet in the middle of what parts them."""
        start, end = utterance.start * FRAME_SAMPLES, utterance.end * FRAME_SAMPLES
        room_before = start - self._given.end * FRAME_SAMPLES
        if self._given.end:
            room_before //= 2
        if following is not None:
            room_after = (following * FRAME_SAMPLES - end) // 2
        else:
            assert samples is not None, "only the last utterance has no neighbour behind it"
            end = min(end, samples)
            room_after = samples - end
        before, after = min(self._pad_before, room_before), min(self._pad_after, room_after)
        spare = self._limit - (end - start)
        before = min(before, max(spare // 2, spare - after))
        after = min(after, spare - before)
        self._given, self._given_end = utterance, end + after
        return Span(start - before, end + after)


def _frames(seconds: float) -> int:
    # Rounded up: a pause is never taken for one before it is as long as was asked for.
    return -int(-seconds * SAMPLE_RATE // FRAME_SAMPLES)
