"""Windows of the corpus, others without sound in them, what is said there, and how a decoder in a loop says it."""

from __future__ import annotations

import numpy as np
import soundfile

from anime_whisper_ct2.features.mel import log_mel
from anime_whisper_ct2.records import Decoded, LogMel, Sound, Window
from tests.support.places import CORPUS

LOOPS = (
    "そうそうそうそうそうそう",
    "あああああああああああああ",
    "ありがとうございます" * 6,
    "待って、" * 8,
    "ｱﾊﾊ" * 9,
)


def clip_windows(count: int) -> list[Window]:
    """The first so many recordings of the sample's first chapter, with 128 mel bands."""
    made = []
    for key, path in enumerate(sorted(CORPUS.rglob("第一章/*.ogg"))[:count]):
        samples, _ = soundfile.read(path, dtype="float32")
        made.append(Window(key, 0, 0.0, len(samples) / 16_000, log_mel(samples, 128), Sound(0.1)))
    return made


def window(key: int, seconds: float = 3.0, rms: float = 0.1) -> Window:
    """The only window of a recording; its features say whose it is."""
    frames = round(seconds * 100)
    return Window(key, 0, 0.0, seconds, LogMel(np.full((2, frames), key, np.float32), -1.0), Sound(rms))


def said(text: str, logprob: float = -0.2, *, capped: bool = False) -> Decoded:
    """What a decoder gives for a window, a token for each character."""
    return Decoded(text, tuple(range(len(text))), logprob, 0.0, capped)


def numbered(key: int, number: int = 0, frames: int = 100) -> Window:
    """The window of that number in a recording, silent."""
    mel = LogMel(np.zeros((2, frames), np.float32), -1.0)
    return Window(key, number, number * 30.0, number * 30.0 + frames / 100, mel)
