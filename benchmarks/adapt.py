"""Can Whisper base be taught to do without 30 s? Learnt from speech without texts, measured on other lines and voices.

    python -m benchmarks.adapt --temp FOLDER [--steps N] [--learning-rate X] [--train encoder] [--until STAGE]
    python -m benchmarks.adapt --temp FOLDER --experiments

Lines of our own are spoken by four voices, and varied with pauses, noise and music; `awct2 adapt` learns from them
without their texts. Both models then decode 430 other lines in float32 on the CPU, by the same voices and by two that
were never learnt from: first texts, without second looks, at 30 s and with tails of 0.64 to 2.56 s. The new model is
calibrated on those lines against their texts, and runs over them are timed. What each stage has made stays in `--temp`,
and a call that was stopped goes on there. `--experiments` tries other ways to teach on the same lessons, briefly.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from anime_whisper_ct2.adaptation.checkpoint import opened
from anime_whisper_ct2.adaptation.options import TRAINS, AdaptOptions
from benchmarks.adaptation import corpora, speech, stages, trials
from benchmarks.adaptation.figures import ADAPTED, ORIGINAL, asked, figures, original_loops
from benchmarks.measures import genuine
from benchmarks.measures.places import ROOT, folder
from benchmarks.measures.process import about
from benchmarks.report import store
from benchmarks.report.adapt_tables import ADAPT_CHARTS, adapt_chart, adapt_table, experiments_table

STAGES = ("speak", "adapt", "texts", "calibrate", "speed")
# Of the lines that are learnt from, so many are held out for the learning curve and what `adapt` itself measures.
HELD_OUT = 60
EXPERIMENTS = "adapt-experiments"
# As many of each as a test can wait for.
_TINY = {"train": 16, "held": 8, "genuine": 4, "held_out": 4, "steps": 4, "batch_size": 2}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = store.parser(__doc__, "adapt")
    usual = AdaptOptions()
    parser.add_argument("--steps", type=int, help=f"{usual.steps}; of each experiment {trials.STEPS}")
    parser.add_argument("--batch-size", type=int, help=f"{usual.batch_size}; of each experiment {trials.BATCH_SIZE}")
    parser.add_argument("--learning-rate", type=float, help=f"{usual.learning_rate:g}")
    parser.add_argument("--train", choices=TRAINS, help=usual.train)
    parser.add_argument("--held-out", type=int, default=HELD_OUT, help="of the lines that could be learnt from")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="to learn on; all else is on the CPU")
    parser.add_argument("--rounds", type=int, default=3, help="of runs that are timed")
    parser.add_argument("--until", choices=STAGES, help="stop behind a stage; only the last writes a result")
    parser.add_argument("--experiments", action="store_true", help="try ways to teach, in place of all else")
    parser.add_argument("--tiny", action="store_true", help="go through everything with a tiny model and a few lines")
    options = parser.parse_args(given)
    if options.experiments and (options.learning_rate or options.train or options.until):
        parser.error("--experiments tries its own --learning-rate and --train, and has no stages: leave those out")
    if options.experiments and options.out == store.RESULTS / "adapt.json":
        options.out = store.RESULTS / f"{EXPERIMENTS}.json"
    if options.tiny and options.out.parent == store.RESULTS:
        parser.error("--tiny measures nothing that is worth keeping: name a file with --out")
    if options.tiny:
        options.held_out, options.rounds = _TINY["held_out"], 1
    usual_steps, usual_size = usual.steps, usual.batch_size
    if options.experiments:
        usual_steps, usual_size = trials.STEPS, trials.BATCH_SIZE
    if options.tiny:
        usual_steps, usual_size = _TINY["steps"], _TINY["batch_size"]
    options.steps, options.batch_size = options.steps or usual_steps, options.batch_size or usual_size
    options.learning_rate, options.train = options.learning_rate or usual.learning_rate, options.train or usual.train
    options.until = options.until or STAGES[-1]
    return options


def main(given: Sequence[str] | None = None) -> None:
    """Do what is not done yet, write JSON and the charts, print the table."""
    options = arguments(given)
    where = about()
    with folder(options.temp) as temp:
        work = temp / "tiny" if options.tiny else temp
        lines = spoken(work, tiny=options.tiny)
        if options.until == "speak":
            return
        checkpoint, converted = models(work, tiny=options.tiny)
        learn = adapt_options(options, len(list((work / "train").iterdir())))
        if options.experiments:
            experiments(options, work, checkpoint, converted, learn, where)
            return
        report = measured(options, work, checkpoint, converted, learn, lines)
    if report is None:
        return
    store.save(options.out, report["options"], {key: report[key] for key in report if key != "options"}, where)
    report = {"about": where, **report}
    if options.out == store.RESULTS / "adapt.json":
        for path, words in ADAPT_CHARTS.items():
            adapt_chart(report, path, words)
    else:
        adapt_chart(report, options.out.with_suffix(".svg"))
    print(adapt_table(report))


def spoken(work: Path, *, tiny: bool = False) -> list[corpora.Line]:
    """Write both corpora below a folder, as `train` and as `held/clips`, and give the lines that are measured with."""
    train, held = (speech.jobs(part, _TINY[part] if tiny else None) for part in ("train", "held"))
    if tiny:
        train, held = speech.stood_in(train), speech.stood_in(held)
    python = partial(speech.python_with_voices, work / "voices") if not tiny else partial(Path, sys.executable)
    said = speech.speak([*held, *train], work / "spoken", python, stand_in=tiny)
    corpora.train(train, said, work / "train")
    return corpora.held(held, said, work / "held", _TINY["genuine"] if tiny else None)


def models(work: Path, *, tiny: bool = False) -> tuple[Path, Path]:
    """Give the checkpoint that is taught, and what it was converted to."""
    if not tiny:
        made = genuine.model(work / "whisper-base")
        return made / "checkpoint", made / "converted"
    from anime_whisper_ct2_convert import convert

    checkpoint, converted = ROOT / "tests" / "tiny" / "checkpoint", work / "whisper-tiny"
    if not converted.is_dir():
        convert(str(checkpoint), converted)
    return checkpoint, converted


def adapt_options(options: argparse.Namespace, lines: int) -> AdaptOptions:
    """Say how it is taught: from all lines but those held out."""
    return AdaptOptions(
        clips=lines - options.held_out,
        held_out=options.held_out,
        steps=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        train=options.train,
        device=options.device,
    )


def run_folder(work: Path, learn: AdaptOptions, checkpoint: Path) -> Path:
    """Give the folder of all that depends on what was taught, on what and how: each other way has another."""
    decides: dict[str, Any] = {
        key: value for key, value in asdict(learn).items() if key not in ("device", "keep_every_s")
    }
    with opened(str(checkpoint)) as original:
        decides |= {"checkpoint": original.sha256(), "corpus": stages.listed(work / "train")}
    return work / f"run-{zlib.crc32(json.dumps(decides).encode()):08x}"


def measured(
    options: argparse.Namespace,
    work: Path,
    checkpoint: Path,
    converted: Path,
    learn: AdaptOptions,
    lines: Sequence[corpora.Line],
) -> dict[str, Any] | None:
    """Go through the stages behind the corpora, and give the result; None where it is to stop before the last."""
    clips, ours = work / "held" / "clips", run_folder(work, learn, checkpoint)
    stages.say(f"what depends on these options lies in {ours}")
    new = stages.taught(checkpoint, work / "train", ours, work / "work", learn)
    if options.until == "adapt":
        return None
    heard = {
        ORIGINAL: stages.heard(converted, clips, work / "texts"),
        ADAPTED: stages.heard(new, clips, ours / "texts"),
    }
    if options.until == "texts":
        return None
    calibration = stages.calibrated(new, clips, work / "held" / genuine.REFERENCES, ours)
    if options.until == "calibrate":
        return None
    chosen = calibration["chosen"]
    speed = stages.timed(new, clips, ours, chosen and chosen["tail_s"], options.rounds)
    found = figures(lines, heard)
    told = json.loads((ours / "adapted" / "adapt.json").read_text(encoding="utf-8"))
    wanted = asked(found, len(lines), calibration, speed)
    return {
        "options": {
            "model": "the tests' tiny model" if options.tiny else genuine.MODEL,
            "lines": len(lines),
            "unheard_lines": sum(line.unheard for line in lines),
            "original_loops": len(original_loops(heard)),
            "minutes": round(corpora.minutes(clips), 2),
            "rounds": options.rounds,
            **asdict(learn),
        },
        "models": found,
        "asked": [{**asdict(each), "met": each.met} for each in wanted],
        # How long listening took is told of the last call alone, which may have found lessons of others.
        "teaching": {key: value for key, value in told["teaching"].items() if key != "listening_s"},
        "calibration": calibration,
        "speed": speed,
    }


def experiments(
    options: argparse.Namespace,
    work: Path,
    checkpoint: Path,
    converted: Path,
    learn: AdaptOptions,
    where: dict[str, Any],
) -> None:
    """Try ways to teach, write JSON, print the table."""
    rows = trials.tried(checkpoint, converted, work / "train", work / "work", learn)
    model = "the tests' tiny model" if options.tiny else genuine.MODEL
    asked_for = {"model": model, "steps": learn.steps, "batch_size": learn.batch_size, "clips": learn.clips}
    store.save(options.out, asked_for, {"rows": rows}, where)
    print(experiments_table({"options": asked_for, "rows": rows}))


if __name__ == "__main__":
    main()
