"""Everything that is compressed, through PyAV: packet by packet, on the player's clock.

A packet that no decoder takes costs itself, gaps are filled with silence, and what the file promised or held and no
decoder gave is in the findings.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from anime_whisper_ct2.audio.clock import Clock
from anime_whisper_ct2.audio.findings import Losses
from anime_whisper_ct2.audio.levels import Levels
from anime_whisper_ct2.audio.marks import Marks, marks_of
from anime_whisper_ct2.audio.reader import Reader
from anime_whisper_ct2.audio.source import File, Info, Piece, block_frames, check, check_form
from anime_whisper_ct2.audio.structure import Part
from anime_whisper_ct2.audio.track import AHEAD_S, LOST_S, Track, open_track
from anime_whisper_ct2.records import Float32

# What PyAV raises over a file that is none, or too badly damaged.
_NOT_READ = (FFmpegError, ValueError, IndexError)
# Where the picture is longer than the sound, the container's length says nothing of that.
_PROMISE_SLACK_S = 0.1
_SIGN_OF_LIFE_S = 60.0
_MOST_PLANES = 7
_FULL_SCALE = {np.dtype(np.int16): 2.0**15, np.dtype(np.int32): 2.0**31, np.dtype(np.int64): 2.0**63}


def _pieces(
    file: File, part: Part, start_s: float, stop_s: float, losses: Losses
) -> Generator[Piece, None, float | None]:
    """Decode what lies between two times; returns where the recording ends, None where that was not reached.

    Raises one of `not_read`, or DecodeError.
    """
    with ExitStack() as opened:
        marks = marks_of(file, part.begin)
        track = open_track(file, part, opened)
        clock = track.clock()
        frames = track.frames()
        if marks is not None and track.is_sought and (mark := marks.before(start_s - AHEAD_S)):
            # Only where its very frame is found again is the place known.
            if (found := track.frames_from(mark)) is not None:
                frames = found
                clock.resume(mark.position_s, mark.zero_s)
            else:
                track = open_track(file, part, opened)
                clock, frames = track.clock(), track.frames()
        try:
            return (yield from _Pieces(track, clock, marks, losses, start_s, stop_s).of(frames))
        finally:
            check(track.source)


class _Pieces:
    """Puts the frames of a track together to pieces, with the silences between them."""

    def __init__(
        self, track: Track, clock: Clock, marks: Marks | None, losses: Losses, start_s: float, stop_s: float
    ) -> None:
        self._track = track
        self._clock = clock
        self._marks = marks if track.is_sought else None
        self._losses = losses
        self._start_s, self._stop_s = start_s, stop_s
        self._held: list[np.ndarray[Any, Any]] = []
        self._levels = Levels()
        self._count = 0
        self._at_s = 0.0
        self._form = (0, 0)  # rate in Hz, channels
        self._alive_s = 0.0

    def of(self, frames: Iterator[Any]) -> Generator[Piece, None, float | None]:
        """Give the pieces of these frames; returns where the recording ends, None where that was not reached."""
        clock, track, most = self._clock, self._track, 0
        for frame in frames:
            form = (frame.sample_rate, frame.layout.nb_channels)
            if form != self._form:
                check_form(*form)
                yield from self._flush()
                self._form, most = form, block_frames(*form)
            yield from self._gap(frame)
            if self._marks is not None and not clock.turned:
                self._marks.offer(clock.position_s, frame.pts, track.place, clock.zero_s or 0.0)
            length_s = frame.samples / form[0]
            if clock.position_s + length_s > self._start_s:
                if not self._held:
                    self._at_s = clock.position_s
                self._held.append(_values(frame, form[1]))
                self._count += frame.samples
            elif clock.position_s > self._alive_s + _SIGN_OF_LIFE_S:
                self._alive_s = clock.position_s
                yield Piece(self._alive_s, np.empty((0, form[1]), np.float32), form[0])
            clock.advance(length_s)
            if self._count >= most:
                yield from self._flush()
            if clock.position_s >= self._stop_s:
                yield from self._flush()
                return None
        yield from self._flush()
        return self._end()

    def _gap(self, frame: Any) -> Generator[Piece, None, None]:
        """Give the silence before a frame, and say of it what is missing."""
        clock, track = self._clock, self._track
        begin_s, failed_s = clock.position_s, track.take_failed()
        if track.is_stamped:
            gap_s = clock.gap_s(track.stamp_s(frame))
            if not begin_s and not track.is_damaged:
                lost_s = failed_s  # it begins late, as it may
            else:
                lost_s = max(failed_s, gap_s if gap_s > track.longest_pause_s else 0.0)
        else:
            gap_s = lost_s = failed_s
            clock.advance(gap_s)
        if gap_s > 0:
            yield from self._flush()
            yield from self._silence(begin_s, begin_s + gap_s)
        if lost_s > 0:
            self._losses.miss(begin_s, begin_s + lost_s)

    def _silence(self, begin_s: float, end_s: float) -> Iterator[Piece]:
        rate, channels = self._form
        begin_s, end_s = max(begin_s, self._start_s), min(end_s, self._stop_s)
        # Of the clock's two places, so that nothing adds up.
        left = round(end_s * rate) - round(begin_s * rate)
        while left > 0:
            samples = np.zeros((min(left, block_frames(rate, channels)), channels), np.float32)
            yield Piece(end_s - left / rate, samples, rate)
            left -= len(samples)

    def _flush(self) -> Iterator[Piece]:
        if self._held:
            samples = _floats(self._held)
            yield Piece(self._at_s, self._levels(samples) if self._track.is_float else samples, self._form[0])
        self._held, self._count = [], 0

    def _end(self) -> float:
        """Say where the recording ends, and what of it is missing there."""
        clock, track, end_s = self._clock, self._track, self._clock.position_s
        failed_s = track.take_failed()
        promised_s = 0.0
        if not clock.turned and track.end_s is not None:
            promised_s = track.end_s - (clock.zero_s or 0.0) - end_s
        lost_s = max(failed_s, track.part.missing_s(end_s), promised_s if promised_s > _PROMISE_SLACK_S else 0.0)
        self._losses.miss(end_s, end_s + lost_s)
        if track.part.cut or track.part.missing_bytes or track.failing or track.goes_on:
            self._losses.doubt(end_s)
        early_s = track.early_s(clock.zero_s)
        if early_s > LOST_S:
            self._losses.miss(-early_s, 0.0)
        return end_s


def _values(frame: Any, channels: int) -> np.ndarray[Any, Any]:
    """Give a frame's samples as they are, in shape (channels, n)."""
    if channels > _MOST_PLANES and frame.format.is_planar:
        # PyAV reads beyond the planes that it knows of.
        packed = av.AudioResampler(frame.format.packed, frame.layout, frame.sample_rate).resample(frame)
        frame = packed[0]
    values: np.ndarray[Any, Any] = frame.to_ndarray()
    return values if len(values) == channels and channels > 1 else values.reshape(-1, channels).T


def _floats(held: list[np.ndarray[Any, Any]]) -> Float32:
    """Join frames of shape (channels, n) to samples of shape (n, channels), -1 … 1."""
    values = held[0] if len(held) == 1 else np.concatenate(held, axis=1)
    samples: Float32 = values.T.astype(np.float32, copy=False)
    if values.dtype == np.uint8:
        samples = (samples - np.float32(128)) / np.float32(128)
    elif (full := _FULL_SCALE.get(values.dtype)) is not None:
        samples = samples / np.float32(full)
    return samples


def _info(file: File, part: Part) -> Info:
    """Read what the headers say. Raises one of `not_read`, or DecodeError."""
    with ExitStack() as opened:
        return open_track(file, part, opened).info()


FFMPEG = Reader("FFmpeg", _pieces, _info, _NOT_READ)
