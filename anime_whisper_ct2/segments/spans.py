"""Where a recording is cut into windows.

Blocks of samples in, pieces with their times out; memory is one piece, its surroundings of a few seconds and one block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from anime_whisper_ct2.features.mel import SAMPLE_RATE, WINDOW_SAMPLES
from anime_whisper_ct2.options import SegmentOptions
from anime_whisper_ct2.records import Float32
from anime_whisper_ct2.segments.speech import SpeechSpans, Vad


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a recording: `samples` has shape (n,), `start` counts samples from the recording's start."""

    start: int
    samples: Float32

    @property
    def start_s(self) -> float:
        """Seconds from the recording's start to the first sample."""
        return self.start / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        """Seconds from the recording's start to behind the last sample."""
        return (self.start + len(self.samples)) / SAMPLE_RATE


def fixed(blocks: Iterable[Float32], piece_samples: int = WINDOW_SAMPLES) -> Iterator[Piece]:
    """Cut a stream of blocks into pieces of equal length, the last one shorter."""
    start = 0
    held: list[Float32] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count < piece_samples:
            continue
        joined = np.concatenate(held) if len(held) > 1 else held[0]
        whole = count // piece_samples * piece_samples
        for at in range(0, whole, piece_samples):
            yield Piece(start + at, joined[at : at + piece_samples])
        held, count, start = [joined[whole:]], count - whole, start + whole
    if count:
        yield Piece(start, np.concatenate(held) if len(held) > 1 else held[0])


class Counted:
    """Passes blocks on and counts their samples: a recording is longer than its last piece where it ends in silence.

    `on_block` is called before each.
    """

    def __init__(self, blocks: Iterable[Float32], on_block: Callable[[], None] = lambda: None) -> None:
        self.samples = 0
        self._blocks = blocks
        self._on_block = on_block

    def __iter__(self) -> Iterator[Float32]:
        for block in self._blocks:
            self.samples += len(block)
            self._on_block()
            if len(block):  # else it is a sign of life alone
                yield block

    @property
    def duration_s(self) -> float:
        """Seconds of what has passed so far."""
        return self.samples / SAMPLE_RATE


def segmented(blocks: Iterable[Float32], options: SegmentOptions, make_vad: Callable[[], Vad]) -> Iterator[Piece]:
    """Cut a stream of blocks as the mode says; `make_vad` is called only where one is needed.

    `auto` keeps a recording of up to 30 s whole: a VAD could drop the breaths and laughs that this model writes.
    """
    if options.mode == "off":
        yield from fixed(blocks)
        return
    blocks = iter(blocks)
    if options.mode == "auto":
        opening: list[Float32] = []
        count = 0
        for block in blocks:
            opening.append(block)
            count += len(block)
            if count > WINDOW_SAMPLES:
                break
        else:
            if count:
                yield Piece(0, np.concatenate(opening) if len(opening) > 1 else opening[0])
            return
        blocks = chain(opening, blocks)
    yield from utterances(blocks, make_vad(), options)


def utterances(blocks: Iterable[Float32], vad: Vad, options: SegmentOptions) -> Iterator[Piece]:
    """Cut a stream of blocks into its utterances; what is no speech is in no piece.

    `vad` is reset first. Pieces are in order, do not overlap, and hold at most `max_segment_s`.
    """
    vad.reset()
    speech = SpeechSpans(options)
    start, held = 0, np.empty(0, np.float32)
    for block in blocks:
        held = np.concatenate((held, block))
        for span in speech.feed(vad(block)):
            yield Piece(span.start, held[span.start - start : span.end - start])
        # A copy, so that what is forgotten is free.
        start, held = speech.needed, held[speech.needed - start :].copy()
    end = start + len(held)
    for span in chain(speech.feed(vad.finish()), speech.finish(end)):
        yield Piece(span.start, held[span.start - start : span.end - start])


# One step of 16-bit audio: below it there is no sound to write down, and models invent some.
SILENCE_PEAK = 2.0**-15


def is_silent(samples: Float32) -> bool:
    """Say whether a piece is digital silence."""
    return bool(np.abs(samples).max(initial=0.0) < SILENCE_PEAK)
