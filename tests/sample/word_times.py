"""When the words of a line are spoken: the synthetic voice's own state durations, outside any recogniser.

pyopenjtalk gives no durations out, but the library of its voice has them; they are read through `ctypes`.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyopenjtalk
from pyopenjtalk import htsengine

from tests.tiny import speech

# Beyond any size that the library's record of an engine has had.
_ENGINE_BYTES = 1 << 16
_VOICE = Path(pyopenjtalk.__file__).parent / "htsvoice" / "mei_normal.htsvoice"
_ENDS_A_MORA = frozenset(("a", "i", "u", "e", "o", "A", "I", "U", "E", "O", "N", "cl"))
_SILENT = frozenset(("sil", "pau"))


@dataclass(frozen=True, slots=True)
class Said:
    """A word as the voice's dictionary has it: characters `first` to before `last` of its line, times in seconds."""

    first: int
    last: int
    text: str
    start_s: float
    end_s: float


def word_times(text: str, speed: float) -> list[Said]:
    """Give the words of a line and when they are spoken, from the beginning of the voice's own leading silence."""
    words = pyopenjtalk.run_frontend(text)
    labels = pyopenjtalk.make_label(words)
    ends = np.cumsum(_phoneme_seconds(labels, speed))
    morae: list[tuple[float, float]] = []
    begun: float | None = None
    for label, start, end in zip(labels, [0.0, *ends[:-1]], ends, strict=True):
        phoneme = label.split("-", 1)[1].split("+", 1)[0]
        begun = None if phoneme in _SILENT else float(start) if begun is None else begun
        if phoneme in _ENDS_A_MORA and begun is not None:
            morae.append((begun, float(end)))
            begun = None
    found: list[Said] = []
    at = mora = 0
    for word in words:
        behind = at + len(word["string"])
        if count := word["mora_size"]:
            found.append(Said(at, behind, word["string"], morae[mora][0], morae[mora + count - 1][1]))
        at, mora = behind, mora + count
    if at != len(text) or mora != len(morae):
        raise RuntimeError(f"{text}: the voice reads other characters than these")
    return found


def placed(text: str, start_s: float, end_s: float) -> list[Said]:
    """Give the words of a line that is audible from `start_s` to `end_s` of a recording, spoken as fast as that."""
    length_s = end_s - start_s
    onset_s, over_s = _audible(text)
    slow = word_times(text, 1.0)
    # What is heard begins and ends a little off the first and the last word, and by about as much at any speed.
    beyond_s = over_s - onset_s - _span_s(slow)
    speed, words = 1.0, slow
    for _ in range(4):
        speed *= (_span_s(words) + beyond_s) / length_s
        words = word_times(text, speed)
    if abs(_span_s(words) + beyond_s - length_s) > 0.02:
        raise RuntimeError(f"{text}: no speed at which it takes {length_s:.3f} s")
    offset = start_s + slow[0].start_s - onset_s - words[0].start_s
    return [Said(word.first, word.last, word.text, word.start_s + offset, word.end_s + offset) for word in words]


def _span_s(words: list[Said]) -> float:
    return words[-1].end_s - words[0].start_s


def _audible(text: str) -> tuple[float, float]:
    wave, hz = pyopenjtalk.tts(text)
    loud = np.flatnonzero(np.abs(wave) > speech.QUIET / 0.7 * np.abs(wave).max())
    return float(loud[0] / hz), float((loud[-1] + 1) / hz)


def _phoneme_seconds(labels: list[str], speed: float) -> Any:
    hts = ctypes.CDLL(htsengine.__file__)
    size = ctypes.c_size_t
    hts.HTS_Engine_set_speed.argtypes = [ctypes.c_void_p, ctypes.c_double]
    for name in ("get_nstate", "get_total_state", "get_state_duration", "get_fperiod"):
        getattr(hts, f"HTS_Engine_{name}").restype = size
    for name in ("load", "generate_state_sequence_from_strings"):
        getattr(hts, f"HTS_Engine_{name}").restype = ctypes.c_byte
    engine = ctypes.byref(ctypes.create_string_buffer(_ENGINE_BYTES))
    hts.HTS_Engine_initialize(engine)
    try:
        if not hts.HTS_Engine_load(engine, (ctypes.c_char_p * 1)(str(_VOICE).encode()), size(1)):
            raise RuntimeError("the voice does not load")
        hts.HTS_Engine_set_speed(engine, speed)
        lines = (ctypes.c_char_p * len(labels))(*(label.encode() for label in labels))
        if not hts.HTS_Engine_generate_state_sequence_from_strings(engine, lines, size(len(labels))):
            raise RuntimeError("the voice does not take these labels")
        states = range(hts.HTS_Engine_get_total_state(engine))
        frames = [hts.HTS_Engine_get_state_duration(engine, size(state)) for state in states]
        seconds = np.array(frames) * hts.HTS_Engine_get_fperiod(engine) / speech.NATIVE_HZ
        return seconds.reshape(-1, hts.HTS_Engine_get_nstate(engine)).sum(axis=1)
    finally:
        hts.HTS_Engine_clear(engine)
