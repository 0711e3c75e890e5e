"""From a reference to features: decode, cut, log-mel. The part of the stages that runs in worker processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np

from anime_whisper_ct2.audio import Findings, blocks_of, info
from anime_whisper_ct2.errors import RecordingError
from anime_whisper_ct2.features.mel import log_mel
from anime_whisper_ct2.options import AUDIO, SEGMENT, AudioOptions, SegmentOptions
from anime_whisper_ct2.readers.fetch import Opened, opened
from anime_whisper_ct2.records import (
    LONG_S,
    ArrayAudio,
    AtHome,
    Audio,
    Broken,
    Closed,
    FeatureType,
    Heard,
    Home,
    Sound,
    Window,
)
from anime_whisper_ct2.segments.spans import Counted, Piece, is_silent, segmented
from anime_whisper_ct2.segments.vad.silero import SileroVad
from anime_whisper_ct2.text.quality import measure

# Loudness, as a share, and range by which the same sound may differ from one decode to the next.
_SAME, _SAME_DB = 1e-4, 0.01


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """What the engine wants of the features: mel bands, and float16 (`half`) or float32."""

    n_mels: int
    half: bool
    segment: SegmentOptions = SEGMENT
    audio: AudioOptions = AUDIO

    @property
    def dtype(self) -> FeatureType:
        """The type of the features."""
        return np.float16 if self.half else np.float32


def extract(
    key: int,
    audio: Audio,
    settings: FeatureSettings,
    on_block: Callable[[], None] = lambda: None,
    home: Iterable[Home] = (),
) -> Iterator[Window | AtHome | Heard | Closed | Broken]:
    """Open the recording numbered `key` and give its windows as they come, then `Closed`; or `Broken`, and no more.

    Digital silence is no window: nothing is in it to be written down. Memory is that of one piece. `on_block` is called
    whenever about a minute of audio has been decoded. In the place of a window that is the one in `home`, so that
    nothing is to be done for it, `AtHome` is given, and of a long recording now and then, how much has been `Heard`.
    """
    findings = Findings()
    number, told_s, length_s = 0, 0.0, None
    known = {one.number: one for one in home}
    try:
        with opened(audio) as file, _vad() as vad:
            heard = blocks_of(file.source, file.start_s, file.duration_s, settings.audio, findings)
            blocks = Counted(heard, on_block)
            for piece in segmented(blocks, settings.segment, vad):
                if blocks.duration_s - told_s >= LONG_S / (2 if told_s else 1):
                    length_s = length_s if told_s else _length_s(file)
                    told_s = blocks.duration_s
                    yield Heard(key, told_s, length_s)
                if is_silent(piece.samples):
                    continue
                sound = measure(piece.samples)
                if number in known and _is_same(known[number], piece, sound):
                    yield AtHome(key, number)
                else:
                    mel = log_mel(piece.samples, settings.n_mels, settings.dtype)
                    yield Window(key, number, piece.start_s, piece.end_s, mel, sound)
                number += 1
    except RecordingError as error:
        yield Broken(key, error.stage, error.kind, str(error))
    # A decoder can fail in any way on bytes that nobody has seen yet; one recording is all that may cost.
    except Exception as error:
        yield Broken(key, "decode", type(error).__name__, str(error) or repr(error))
    else:
        yield _closed(key, number, blocks.duration_s, findings)


def _is_same(home: Home, piece: Piece, sound: Sound) -> bool:
    """Say whether a window was cut where it was, out of what it was: the file may be another one by now.

    Not to the last bit, since another machine may resample in another order of sums.
    """
    return (home.start_s, home.end_s) == (piece.start_s, piece.end_s) and (
        math.isclose(home.sound.rms, sound.rms, rel_tol=_SAME) and abs(home.sound.range_db - sound.range_db) < _SAME_DB
    )


def _length_s(file: Opened) -> float | None:
    """Give how long a recording is, where a header says it without disturbing whoever reads the file."""
    if isinstance(file.source, (str, bytes, ArrayAudio)):
        with suppress(Exception):  # it is only for the estimate
            found = info(file.source)
            if found.frames and found.rate_hz > 0:
                length_s = max(0.0, found.frames / found.rate_hz - file.start_s)
                return length_s if file.duration_s is None else min(length_s, file.duration_s)
    return file.duration_s


def _closed(key: int, windows: int, duration_s: float, findings: Findings) -> Closed:
    """Say that a recording is through, and what was found in its sound."""
    found = {"incomplete": findings.incomplete, "antiphase": findings.antiphase}
    flags = tuple(name for name, true in found.items() if true)
    return Closed(key, windows, duration_s, findings.missing_s if findings.incomplete else None, flags)


# Networks that no recording uses now: opening one takes longer than a short clip.
_idle: list[SileroVad] = []


@contextmanager
def _vad() -> Iterator[Callable[[], SileroVad]]:
    """Give a function that lends a network for as long as the context lasts."""
    lent: list[SileroVad] = []

    def lend() -> SileroVad:
        """Lend a network that nobody has, a new one where there is none."""
        lent.append(_idle.pop() if _idle else SileroVad())
        return lent[-1]

    try:
        yield lend
    finally:
        _idle.extend(lent)
