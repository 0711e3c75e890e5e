"""Short clips and a long recording: whether together they take as long as apart, and whether the clips have to wait.

    python -m benchmarks.mixed [--clips 50] [--minutes 30] [--size 33m] [--rounds 3]

Each round runs the clips alone, the recording alone, and both in one corpus, with one model loaded before. The
recording comes first in the listing, as the worst case for the clips. `clips_s` is when the last clip was home.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.options import DecodingOptions, RunOptions
from anime_whisper_ct2.output.metrics import Totals
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Outcome
from benchmarks.measures import corpora, standins
from benchmarks.measures.places import folder
from benchmarks.measures.process import about, span
from benchmarks.overhead import Recorder
from benchmarks.report import store
from benchmarks.report.tables import mixed_table

LONG = "0-long"


def main() -> None:
    """Measure, write JSON, print the table."""
    parser = store.parser(__doc__, "mixed")
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--size", choices=standins.SIZES, default="33m")
    parser.add_argument("--window", choices=("full", "fit"), default="fit")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    where = about()
    with folder(options.temp) as temp, span() as work:
        model = open_model_dir(standins.make(options.size, temp / f"standin-{options.size}") / "converted")
        clips = corpora.clips(temp / f"clips-{options.clips}", options.clips).parent / "clips"
        long = corpora.recording(temp / LONG / "long.flac", options.minutes / 60)
        both = temp / "both"
        both.mkdir(exist_ok=True)
        for part in (clips, long.parent):
            if not (both / part.name).exists():
                (both / part.name).symlink_to(part)
        chosen = RunOptions(decoding=DecodingOptions(window=options.window), overwrite=True)
        engine = open_whisper(model, chosen)
        corpora_ = {"clips_alone": clips, "recording_alone": long.parent, "together": both}
        rounds = [
            {name: timed(corpus, temp / "out", model, chosen, engine) for name, corpus in corpora_.items()}
            for _ in range(options.rounds)
        ]
        engine.close()
    figures: dict[str, Any] = {
        "rounds": rounds,
        "together_over_apart": median(
            each["together"]["wall_s"] / (each["clips_alone"]["wall_s"] + each["recording_alone"]["wall_s"])
            for each in rounds
        ),
        "clips_home_over_alone": median(
            each["together"]["clips_s"] / each["clips_alone"]["clips_s"] for each in rounds
        ),
        "clips_home_share": median(each["together"]["clips_s"] / each["together"]["wall_s"] for each in rounds),
        "others_share": work.others_share,
    }
    kept = {key: getattr(options, key) for key in ("clips", "minutes", "size", "window", "rounds")}
    store.save(options.out, kept, figures, where)
    print(mixed_table({"about": where, "options": kept, **figures}))


def timed(corpus: Path, out: Path, model: ModelDir, options: RunOptions, engine: Engine) -> dict[str, float]:
    """Run a corpus; gives the seconds to its end, and to the last clip's."""
    start = time.monotonic()
    clips_s = 0.0

    def follow(_totals: Totals, outcome: Outcome | None) -> None:
        nonlocal clips_s
        if outcome is not None and LONG not in outcome.audio:
            clips_s = time.monotonic() - start

    run = CorpusRun(
        Corpus((str(corpus),)), out, model, options, open_engine=lambda *_: Recorder(engine), on_progress=follow
    )
    totals = run.run()
    assert not totals.failed
    return {"wall_s": time.monotonic() - start, "clips_s": clips_s}


if __name__ == "__main__":
    main()
