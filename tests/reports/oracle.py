"""The outside opinion: what the `ffmpeg` command hears in a file, and whether we hear the same."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from anime_whisper_ct2.records import Float32
from tests.reports.sounds import run
from tests.support.needs import need

RATE = 16_000
# Codecs' first samples are counted in one version and not in the next; a length and a place may differ by this.
TOLERANCE_S = 0.030
LIKENESS = 0.99
# Compared in pieces of this, where there is sound; quieter than that (full scale is 1) is a pause.
_WINDOW_S = 0.5
_SOUND = 0.004
# In a quiet recording a pause is quieter: so much below its loudest piece.
_PAUSE = 0.05
# So close to a gap or a joint decoders differ in how they come to rest.
NEAR_S = 0.12
# So many differences are named.
_TOLD = 4
# Places between samples that are tried.
_FINER = 8
_FILLED = "aresample=async=1:min_hard_comp=0.01:first_pts=0"


def heard_by_ffmpeg(path: Path, *, filled: bool = False) -> Float32:
    """Decode by the command, shape (n,), 16 kHz mono; nothing where it hears nothing.

    `filled`: by the clock that a player shows: gaps are silence, and a start after the video's counts. That is not to
    be trusted in MPEG-TS, whose start the command moves to the audio's, nor where the form changes or times go
    backwards: it then pads or drops.
    """
    need("ffmpeg")
    filters = ("-af", _FILLED) if filled else ()
    command = ("ffmpeg", "-nostdin", "-v", "error", "-i", str(path), *filters)
    done = subprocess.run(
        [*command, "-f", "f32le", "-ac", "1", "-ar", str(RATE), "-"], capture_output=True, check=False, timeout=60
    )
    samples: Float32 = np.frombuffer(done.stdout[: len(done.stdout) // 4 * 4], "<f4")
    return samples


def lead_by_ffprobe(path: Path) -> float:
    """Give the seconds from a file's start to its first sound, by the time stamps of the first decoded frame."""
    need("ffprobe")
    shown = ("-show_entries", "format=start_time:frame=pts_time", "-select_streams", "a:0", "-read_intervals", "%+3")
    told: dict[str, Any] = json.loads(run("ffprobe", "-v", "error", *shown, "-of", "json", path))
    return float(told["frames"][0]["pts_time"]) - float(told["format"]["start_time"])


@dataclass(frozen=True, slots=True)
class Agreement:
    """Where two recordings differ; nothing in `why` says that they do not."""

    ours_s: float
    theirs_s: float
    likeness: float
    why: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return not self.why

    def __str__(self) -> str:
        lengths = f"{self.ours_s:.3f} s heard, {self.theirs_s:.3f} s by ffmpeg, likeness at least {self.likeness:.3f}"
        more = [f"and {len(self.why) - _TOLD} more"] if len(self.why) > _TOLD else []
        return "; ".join([lengths, *self.why[:_TOLD], *more])


def agrees(ours: Float32, theirs: Float32, marks: tuple[float, ...] = (), *, lengths: bool = True) -> Agreement:
    """Compare lengths, and the samples in each piece with sound before, between and behind the marks (seconds).

    Each part may lie up to `TOLERANCE_S` beside the other's, all of its pieces alike.
    """
    why: list[str] = []
    if lengths and abs(len(ours) - len(theirs)) > TOLERANCE_S * RATE:
        why.append(f"{(len(ours) - len(theirs)) / RATE:+.3f} s of length")
    edges = [0.0, *sorted(marks), max(len(theirs), len(ours)) / RATE]
    worst = 1.0
    for number, (start, end) in enumerate(pairwise(edges)):
        first = start + (NEAR_S if number else 0.0)
        last = end - (NEAR_S if end < edges[-1] else TOLERANCE_S)
        for at, likeness, lag in _pieces(ours, theirs, first, last):
            worst = min(worst, likeness)
            if likeness < LIKENESS:
                why.append(f"at {at:.2f} s (part {number}) likeness {likeness:.3f}, best {lag / 16:+.1f} ms beside")
    return Agreement(len(ours) / RATE, len(theirs) / RATE, worst, tuple(why))


def _pieces(ours: Float32, theirs: Float32, first_s: float, last_s: float) -> list[tuple[float, float, float]]:
    """Give place, likeness and lag of each piece of a part."""
    found = []
    size = round(_WINDOW_S * RATE)
    loudest = max((_power(theirs[at : at + size]) for at in range(0, len(theirs), size)), default=0.0)
    pause = min(_SOUND, _PAUSE * loudest)
    start, end = round(first_s * RATE), min(round(last_s * RATE), len(theirs))
    count = max(1, round((end - start) / size))
    edges = np.linspace(start, max(start, end), count + 1).astype(int)
    for at, until in pairwise(edges):
        piece = theirs[at:until]
        if until - at >= RATE // 20 and _power(piece) > pause:
            likeness, lag = likeness_of(ours, piece, int(at), round(TOLERANCE_S * RATE))
            found.append((at / RATE, likeness, lag))
    return found


def likeness_of(ours: Float32, piece: Float32, at: int, reach: int) -> tuple[float, float]:
    """Give the best correlation of a piece with ours around `at`, and how many samples beside it is found.

    Places between two samples count as well: a codec's delay is a whole number at its own rate and not at 16 kHz.
    """
    n = len(piece)
    padded = np.pad(ours[max(0, at - reach) : at + n + reach], (max(0, reach - at), 0)).astype(np.float64)
    padded = np.pad(padded, (0, n + 2 * reach - len(padded)))
    size = 1 << (len(padded) + n - 1).bit_length()
    spectrum = np.fft.rfft(padded, size) * np.conj(np.fft.rfft(piece.astype(np.float64), size))
    product = np.fft.irfft(spectrum, size * _FINER) * _FINER
    squares = np.concatenate([[0.0], np.cumsum(padded**2)])
    norms = np.sqrt((squares[n:] - squares[:-n])[: 2 * reach + 1] * float((piece.astype(np.float64) ** 2).sum()))
    lags = np.arange(2 * reach * _FINER + 1)
    likeness = product[lags] / np.maximum(norms[np.round(lags / _FINER).astype(int)], 1e-6)
    best = int(np.argmax(likeness))
    return min(1.0, float(likeness[best])), best / _FINER - reach


def _power(samples: Float32) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def is_silent(samples: Float32) -> bool:
    """Say whether there is nothing to compare by."""
    return _power(samples) <= _SOUND
