"""From a reference to features: decode, cut, log-mel. The part of the stages that runs in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from anime_whisper_ct2.audio import Findings, blocks_of
from anime_whisper_ct2.errors import RecordingError
from anime_whisper_ct2.features.mel import log_mel
from anime_whisper_ct2.options import AUDIO, SEGMENT, AudioOptions, SegmentOptions
from anime_whisper_ct2.readers.fetch import opened
from anime_whisper_ct2.records import Audio, Broken, Closed, Window
from anime_whisper_ct2.segments.spans import Counted, is_silent, segmented
from anime_whisper_ct2.segments.vad.silero import SileroVad
from anime_whisper_ct2.text.quality import measure


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """What the engine wants of the features: mel bands, and float16 (`half`) or float32."""

    n_mels: int
    half: bool
    segment: SegmentOptions = SEGMENT
    audio: AudioOptions = AUDIO


def extract(
    key: int, audio: Audio, settings: FeatureSettings, on_block: Callable[[], None] = lambda: None
) -> Iterator[Window | Closed | Broken]:
    """Open the recording numbered `key` and give its windows as they come, then `Closed`; or `Broken`, and no more.

    Digital silence is no window: nothing is in it to be written down. Memory is that of one piece. `on_block` is called
    whenever about a minute of audio has been decoded.
    """
    dtype = np.float16 if settings.half else np.float32
    findings = Findings()
    number = 0
    try:
        with opened(audio) as file, _vad() as vad:
            heard = blocks_of(file.source, file.start_s, file.duration_s, settings.audio, findings)
            blocks = Counted(heard, on_block)
            for piece in segmented(blocks, settings.segment, vad):
                if is_silent(piece.samples):
                    continue
                mel = log_mel(piece.samples, settings.n_mels, dtype)
                yield Window(key, number, piece.start_s, piece.end_s, mel, measure(piece.samples))
                number += 1
    except RecordingError as error:
        yield Broken(key, error.stage, error.kind, str(error))
    # A decoder can fail in any way on bytes that nobody has seen yet; one recording is all that may cost.
    except Exception as error:
        yield Broken(key, "decode", type(error).__name__, str(error) or repr(error))
    else:
        yield _closed(key, number, blocks.duration_s, findings)


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
