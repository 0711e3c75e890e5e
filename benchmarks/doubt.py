"""Does doubt find the bad lines? Whisper base on spoken lines whose texts are known, and on sounds without speech.

    python -m benchmarks.doubt [--lines 150]

Lines of three voices that doubt was not fitted to, as they are and in white noise 10 dB below the speech, decoded in
windows of 30 s in float32 on the CPU, with the retries, flags and doubts of a run. The lines of the two voices that it
was fitted to are told beside, and not counted. Writes `results/doubt.json`, and the handbook's charts of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from anime_whisper_ct2.calibration.marks import measure_doubt
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.executors.ladder import Ladder
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.features.batcher import Batcher
from anime_whisper_ct2.features.mel import SAMPLE_RATE, log_mel
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions, RunOptions
from anime_whisper_ct2.records import Broken, Decoded, Float32, Window
from anime_whisper_ct2.text import count_errors
from anime_whisper_ct2.text.doubt import BAD_CER, BOUNDS
from anime_whisper_ct2.text.normalize import author
from anime_whisper_ct2.text.quality import measure
from benchmarks.measures import genuine
from benchmarks.measures.places import folder
from benchmarks.measures.process import about
from benchmarks.report import store
from benchmarks.report.genuine_tables import DOUBT_CHARTS, doubt_chart, doubt_table
from tests.real.sounds import sounds
from tests.real.spoken import Spoken

NOISE_DB = -10.0
_SEED = 14


def main() -> None:
    """Decode, write JSON and charts, print the table."""
    parser = store.parser(__doc__, "doubt")
    parser.add_argument("--lines", type=int, help=f"only so many of the {genuine.LINES}, to try it")
    options = parser.parse_args()
    where = about()
    with folder(options.temp) as temp:
        engine = open_engine(genuine.model(temp / "whisper-base") / "converted")
        lines = list(genuine.lines(options.lines))
        clean = [line.samples for line in lines]
        conditions = {}
        for name, samples in (("clean", clean), ("noise", in_noise(clean))):
            print(f"{len(samples)} lines, {name}", file=sys.stderr)
            conditions[name] = condition(lines, heard(engine, samples))
        figures = {"conditions": conditions, "sounds": without_speech(engine)}
        engine.close()
    asked = {"lines": len(lines), "model": genuine.MODEL, "bound": BOUNDS.doubt, "bad_cer": BAD_CER}
    store.save(options.out, {**asked, "noise_db": NOISE_DB}, figures, where)
    report = {"options": asked, **figures}
    if options.out == store.RESULTS / "doubt.json":
        for path, words in DOUBT_CHARTS.items():
            doubt_chart(report, path, words)
    else:
        doubt_chart(report, options.out.with_suffix(".svg"))
    print(doubt_table(report))


def open_engine(model: Path) -> Engine:
    """Open a converted folder as a run on a CPU does."""
    chosen = EngineOptions(device="cpu", compute_type="float32")
    return open_whisper(open_model_dir(model), RunOptions(DecodingOptions(window="full"), chosen))


def in_noise(clips: Iterable[Float32]) -> list[Float32]:
    """Add white noise to each, 10 dB below it."""
    noisy = []
    for number, samples in enumerate(clips):
        noise = np.random.default_rng((_SEED, number)).standard_normal(len(samples)).astype(np.float32)
        level = np.float32(np.sqrt(np.square(samples).mean()) * 10 ** (NOISE_DB / 20))
        noisy.append(samples + level * noise)
    return noisy


def heard(engine: Engine, clips: Iterable[Float32]) -> list[Decoded]:
    """Decode clips, shape (n,), 16 kHz, each in a window of its own, and mark them as a run does."""
    windows = [
        Window(key, 0, 0.0, len(samples) / SAMPLE_RATE, log_mel(samples, engine.n_mels), measure(samples))
        for key, samples in enumerate(clips)
    ]
    texts: dict[int, Decoded] = {}
    for item in Decoding(engine, Ladder(bounds=BOUNDS))(Batcher(WindowLength("full"), engine.capacity)(windows)):
        if isinstance(item, Broken):
            raise RuntimeError(item.message)
        if isinstance(item, tuple):
            texts[item[0].key] = item[1]
    return [texts[key] for key in range(len(windows))]


def condition(lines: Sequence[Spoken], texts: Sequence[Decoded]) -> dict[str, Any]:
    """Measure what doubt finds: rates over the voices it was not fitted to, and counts for the others."""
    rows = [
        (line.held_out, round(text.doubt or 0.0, 4), count_errors(author(line.text), author(text.text)).cer)
        for line, text in zip(lines, texts, strict=True)
    ]
    doubts, cers = ([row[at] for row in rows if row[0]] for at in (1, 2))
    fitted = [(doubt >= BOUNDS.doubt, cer >= BAD_CER) for held_out, doubt, cer in rows if not held_out]
    return {
        "held_out": {
            **asdict(measure_doubt(doubts, cers, BOUNDS.doubt)),
            "doubts": doubts,
            "cers": [round(cer, 2) for cer in cers],
        },
        "fitted": {
            "lines": len(fitted),
            "bad": sum(bad for _, bad in fitted),
            "found": sum(marked and bad for marked, bad in fitted),
            "wrongly": sum(marked and not bad for marked, bad in fitted),
        },
        "empty": sum(not text.text for text in texts),
        "no_speech_prob": round(max(text.no_speech_prob for text in texts), 4),
    }


def without_speech(engine: Engine) -> dict[str, Any]:
    """Decode sounds in which nobody speaks; those that are marked as such, or give no text, pass for what they are."""
    made = sounds()
    texts = dict(zip(made, heard(engine, made.values()), strict=True))
    unmarked = [name for name, text in texts.items() if text.text and "no_speech" not in text.flags]
    return {
        "marked": len(texts) - len(unmarked),
        "unmarked": unmarked,
        "no_speech_prob": {name: round(text.no_speech_prob, 4) for name, text in texts.items()},
    }


if __name__ == "__main__":
    main()
