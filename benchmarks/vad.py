"""Segmentation of long recordings: the VAD beside faster-whisper's, and a recording of hours from file to features.

    python -m benchmarks.vad [--minutes 10] [--rounds 7] [--hours 10]

First, on samples in memory and one thread: the seconds for the network's probabilities, ours in blocks of a minute and
faster-whisper's in one go; and for the spans, where theirs is `get_speech_timestamps`. Then one process that decodes,
cuts and computes log-mel over a recording of so many hours, and what memory it needs beyond that for ten minutes of
it. Not timed: imports, opening the network, making the recording.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from anime_whisper_ct2.audio import blocks_of, load
from anime_whisper_ct2.features.mel import SAMPLE_RATE, log_mel
from anime_whisper_ct2.options import SEGMENT
from anime_whisper_ct2.records import Float32
from anime_whisper_ct2.segments.spans import Counted, segmented, utterances
from anime_whisper_ct2.segments.speech import FRAME_SAMPLES, SpeechSpans
from anime_whisper_ct2.segments.vad.silero import SileroVad
from benchmarks.measures import corpora
from benchmarks.measures.places import ROOT, folder
from benchmarks.measures.process import about, sample, span, undisturbed
from benchmarks.report import store
from benchmarks.report.tables import vad_table

N_MELS = 128
BLOCK_FRAMES = 60 * SAMPLE_RATE // FRAME_SAMPLES
SINGLE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main() -> None:
    """Measure, write JSON, print the table."""
    parser = store.parser(__doc__, "vad")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--stream", type=Path, help=argparse.SUPPRESS)  # what a process of its own measures
    options = parser.parse_args()
    if options.stream:
        print(json.dumps(stream(options.stream)))
        return
    where = about()
    with folder(options.temp) as temp:
        figures = measure(temp, options)
    chosen = {key: getattr(options, key) for key in ("minutes", "rounds", "hours")}
    store.save(options.out, chosen, figures, where)
    print(vad_table({"about": where, "options": chosen, **figures}))


def measure(temp: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure both parts."""
    short = kept(temp / f"{options.minutes:g}min.flac", options.minutes / 60)
    long = kept(temp / f"{options.hours:g}h.flac", options.hours)
    figures = undisturbed(partial(beside, load(str(short)), options.rounds), itemgetter("others_share"))
    figures["spans_s_per_10_h"] = spans_alone(10.0)
    figures["short"], figures["long"] = alone(short), alone(long)
    figures["long_beyond_short_mib"] = figures["long"]["peak_mib"] - figures["short"]["peak_mib"]
    return figures


def alone(path: Path) -> dict[str, Any]:
    """Give what `stream` measures, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.vad", "--stream", str(path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, **SINGLE})
    figures: dict[str, Any] = json.loads(answer.stdout)
    return figures


def kept(path: Path, hours: float) -> Path:
    """Make a recording, unless it is there already."""
    if not path.is_file():
        partly = path.with_stem(f"{path.stem}-partly")
        corpora.recording(partly, hours).rename(path)
    return path


def beside(samples: Float32, rounds: int) -> dict[str, Any]:
    """Give the seconds of both VADs over the same samples, in turns; medians over the rounds."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps, get_vad_model

    vad, theirs = SileroVad(), get_vad_model()
    their_options = VadOptions(max_speech_duration_s=SEGMENT.max_segment_s)
    padded = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES))

    timed: dict[str, Callable[[], object]] = {
        "network": lambda: probabilities(vad, samples),
        "their_network": lambda: theirs(padded.copy()),  # it writes into what it gets
        "spans": lambda: sum(1 for _ in utterances(minutes(samples), vad, SEGMENT)),
        "their_spans": lambda: get_speech_timestamps(samples, their_options),
    }
    with span() as work:
        runs = [{name: once_s(function) for name, function in timed.items()} for _ in range(rounds + 1)][1:]
    figures: dict[str, Any] = {f"{name}_s": median(run[name] for run in runs) for name in timed}
    figures["network_times_faster"] = median(run["their_network"] / run["network"] for run in runs)
    figures["spans_times_faster"] = median(run["their_spans"] / run["spans"] for run in runs)
    figures["times_real_time"] = len(samples) / SAMPLE_RATE / figures["spans_s"]
    figures["others_share"] = work.others_share
    return figures


def minutes(samples: Float32) -> Iterator[Float32]:
    """Split samples as the decoder would give them."""
    size = 60 * SAMPLE_RATE
    yield from (samples[at : at + size] for at in range(0, len(samples), size))


def probabilities(vad: SileroVad, samples: Float32) -> Float32:
    """Give all frames' probabilities."""
    vad.reset()
    return np.concatenate([*(vad(block) for block in minutes(samples)), vad.finish()])


def once_s(function: Callable[[], object]) -> float:
    """Give the seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def spans_alone(hours: float) -> float:
    """Give the seconds that the spans of so many hours take, the probabilities being there."""
    minute = probabilities(SileroVad(), np.concatenate([corpora.speechlike(s, i) for i, s in enumerate((5, 9, 14, 2))]))
    frames = np.tile(minute, round(hours * 3600 * SAMPLE_RATE / FRAME_SAMPLES / len(minute)))
    start = time.perf_counter()
    speech = SpeechSpans(SEGMENT)
    for at in range(0, len(frames), BLOCK_FRAMES):
        speech.feed(frames[at : at + BLOCK_FRAMES])
    speech.finish(len(frames) * FRAME_SAMPLES)
    return time.perf_counter() - start


def stream(path: Path) -> dict[str, Any]:
    """Decode, cut and compute features over a file, as a worker does; `peak_mib` is beyond what was there before."""
    vad = SileroVad()
    vad(np.zeros(SAMPLE_RATE, np.float32))
    log_mel(np.zeros(SAMPLE_RATE, np.float32), N_MELS)
    before = sample().rss_mib
    blocks = Counted(blocks_of(str(path)))
    start = time.perf_counter()
    pieces, longest_s = 0, 0.0
    for piece in segmented(blocks, SEGMENT, lambda: vad):
        log_mel(piece.samples, N_MELS)
        pieces += 1
        longest_s = max(longest_s, piece.end_s - piece.start_s)
    wall_s = time.perf_counter() - start
    return {
        "audio_s": blocks.duration_s,
        "wall_s": wall_s,
        "times_real_time": blocks.duration_s / wall_s,
        "segments": pieces,
        "longest_s": longest_s,
        "peak_mib": sample().peak_mib - before,
    }


if __name__ == "__main__":
    main()
