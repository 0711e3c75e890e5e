"""From a reference to features: decode, cut, log-mel. The part of the stages that runs in worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from anime_whisper_ct2.audio import blocks_of
from anime_whisper_ct2.errors import RecordingError
from anime_whisper_ct2.mel import SAMPLE_RATE, log_mel
from anime_whisper_ct2.records import Audio, Broken, Closed, Window
from anime_whisper_ct2.spans import fixed, is_silent


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """What the engine wants of the features: mel bands, and float16 (`half`) or float32."""

    n_mels: int
    half: bool


def extract(key: int, audio: Audio, settings: FeatureSettings) -> Iterator[Window | Closed | Broken]:
    """Open the recording numbered `key` and give its windows as they come, then `Closed`; or `Broken`, and no more.

    Digital silence is no window: nothing is in it to be written down. Memory is that of one piece.
    """
    dtype = np.float16 if settings.half else np.float32
    number, end = 0, 0
    try:
        for piece in fixed(blocks_of(audio)):
            end = piece.start + len(piece.samples)
            if is_silent(piece.samples):
                continue
            mel = log_mel(piece.samples, settings.n_mels, dtype)
            rms = float(np.sqrt(np.mean(np.square(piece.samples))))
            yield Window(key, number, piece.start_s, piece.end_s, mel, rms)
            number += 1
    except RecordingError as error:
        yield Broken(key, error.stage, type(error).__name__, str(error))
    # A decoder can fail in any way on bytes that nobody has seen yet; one recording is all that may cost.
    except Exception as error:
        yield Broken(key, "decode", type(error).__name__, str(error) or repr(error))
    else:
        yield Closed(key, number, end / SAMPLE_RATE)
