"""Is an average of checkpoints worth a search, and what does a trial of it cost?

    python -m benchmarks.average --temp FOLDER [--trials N] [--until STAGE]

The tests' model is trained for 1,000 steps, of which the last third is at a learning rate that no longer falls, and
eight checkpoints of that are kept: they scatter around a point, as those of a training do that is not at its end.
Lines that it was not trained on are spoken; `awct2 average --search` looks on some of them for the best range and for
the best weights, and lays a part of them aside itself. Then the best of both, the average of all and each checkpoint
transcribe other lines, which no search has heard. At last a trial is timed beside one that is made the naive way, with
that model and with made-up ones of full size. What each stage has made stays in `--temp`, and a call that was stopped
goes on there.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from anime_whisper_ct2.options import AUDIO
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.search.course import search
from anime_whisper_ct2.search.naming import called
from anime_whisper_ct2.search.options import STRATEGIES, SearchOptions
from anime_whisper_ct2.search.records import Search, Trial
from anime_whisper_ct2.search.report import as_json, from_json
from benchmarks.adaptation.stages import say
from benchmarks.averaging import scores, series, speech, trials
from benchmarks.measures.places import ROOT, folder
from benchmarks.measures.process import about
from benchmarks.report import store
from benchmarks.report.average_tables import AVERAGE_CHARTS, average_chart, average_table
from benchmarks.report.average_words import EN

STAGES = ("train", "search", "score", "time")
CLIPS, STEPS = 3_000, 1_000
LINES, UNHEARD_LINES = 300, 300
# What is timed: the trained model with so many recordings, and made-up ones of a shape.
TIMED: tuple[tuple[str, int], ...] = (("trained", 200), ("trained", 4), ("base", 2))
_TINY_TIMED = (("trained", 2), ("tiny", 2))
# How far each checkpoint of the tiny series is from the model that reads all lines right.
_STRAYED = (0.02, 0.006, 0.012)


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = store.parser(__doc__, "average")
    parser.add_argument("--trials", type=int, default=SearchOptions().trials, help="of either search")
    parser.add_argument("--rounds", type=int, default=3, help="of what is timed")
    parser.add_argument(
        "--until", choices=STAGES, default=STAGES[-1], help="stop behind a stage; only the last writes a result"
    )
    parser.add_argument("--tiny", action="store_true", help="go through everything with a few lines, and no training")
    options = parser.parse_args(given)
    if options.tiny and options.out.parent == store.RESULTS:
        parser.error("--tiny measures nothing that is worth keeping: name a file with --out")
    options.lines, options.unheard_lines, options.timed = LINES, UNHEARD_LINES, TIMED
    if options.tiny:
        options.lines, options.unheard_lines, options.timed, options.rounds = 8, 4, _TINY_TIMED, 1
    return options


def main(given: Sequence[str] | None = None) -> None:
    """Do what is not done yet, write JSON and the charts, print the table."""
    options = arguments(given)
    where = about()
    with folder(options.temp) as temp:
        report = measured(options, temp / "tiny" if options.tiny else temp)
    if report is None:
        return
    store.save(options.out, report["options"], {key: report[key] for key in report if key != "options"}, where)
    report = {"about": where, **report}
    committed = options.out == store.RESULTS / "average.json"
    for path, words in (AVERAGE_CHARTS if committed else {options.out.with_suffix(".svg"): EN}).items():
        average_chart(report, path, words)
    print(average_table(report))


def measured(options: argparse.Namespace, work: Path) -> dict[str, Any] | None:
    """Go through the stages, and give the result; None where it is to stop before the last."""
    checkpoints = kept(work, tiny=options.tiny)
    if options.until == "train":
        return None
    said = speech.texts(0, options.lines + options.unheard_lines)
    known = speech.spoken(work / "known", said[: options.lines], 0)
    unheard = speech.spoken(work / "unheard", said[options.lines :], options.lines)
    found = {
        strategy: searched(checkpoints, known, work / strategy, SearchOptions(trials=options.trials, strategy=strategy))
        for strategy in STRATEGIES
    }
    if options.until == "search":
        return None
    rows = scored(checkpoints, found, unheard, work)
    if options.until == "score":
        return None
    return {
        "options": {
            "model": "the tests' model, made worse" if options.tiny else "the tests' model",
            "clips": CLIPS,
            "steps": STEPS,
            "checkpoints": [path.name for path in checkpoints],
            "lines": options.lines,
            "minutes": round(speech.minutes(work / "known"), 2),
            "unheard_lines": options.unheard_lines,
            "unheard_minutes": round(speech.minutes(work / "unheard"), 2),
            "trials": options.trials,
        },
        "rows": rows,
        "searches": {strategy: _told(each) for strategy, each in found.items()},
        "times": timed(options.timed, checkpoints, known, work, options.rounds),
        "at_most": trials.AT_MOST,
    }


def kept(work: Path, *, tiny: bool) -> tuple[Path, ...]:
    """Give the checkpoints of the training, in order; for the tiny series, no training is done."""
    if tiny:
        return series.strayed(ROOT / "tests" / "tiny" / "checkpoint", work / "kept", _STRAYED)
    return series.trained(work / "training", CLIPS, STEPS)


def searched(checkpoints: Sequence[Path], known: Path, ours: Path, options: SearchOptions) -> Search:
    """Search as `awct2 average --search` does, into `ours/best`, or give what a call before this one has found."""
    result = ours / "best" / "search.json"
    if result.is_file():
        return from_json(json.loads(result.read_text(encoding="utf-8")))
    say(f"searching by {options.strategy}")
    return search(
        tuple(map(str, checkpoints)),
        Corpus((str(known.parent / "clips"),)),
        str(known),
        ours / "best",
        replace(options, device="cpu"),
        study=ours / "study.db",
        work=ours / "work",
        overwrite=False,
        tokenizer=None,
        dtype=None,
        audio=AUDIO,
        on_advance=lambda _advance: None,
        on_note=say,
    )


def scored(
    checkpoints: Sequence[Path], found: Mapping[str, Search], unheard: Path, work: Path
) -> dict[str, dict[str, Any]]:
    """Give of each model its CER on the lines that no search has heard, beside that of the search.

    Models are called by their checkpoints, `uniform`, `range` and `weights`; the best single one is that of the search.
    """
    from anime_whisper_ct2_convert import convert
    from anime_whisper_ct2_convert.averaging import average, read_recipe

    names = tuple(map(str, checkpoints))
    uniform = work / "uniform"
    if not (uniform / "average.json").is_file():
        shutil.rmtree(uniform, ignore_errors=True)
        average(names, uniform, read_recipe(names, weights=None, range_=None, layers=()))
    models = {path.name: path for path in checkpoints}
    models |= {"uniform": uniform, **{strategy: work / strategy / "best" for strategy in found}}
    runs: dict[str, Path] = {}
    for name, checkpoint in models.items():
        model = work / "models" / name
        if not model.is_dir():
            convert(str(checkpoint), model)
        say(f"transcribing with {name}")
        runs[name] = scores.heard(model, unheard.parent / "clips", work / "runs" / name)
    tried = {name: _trial_of(name, checkpoints, found) for name in models}
    single = min((path.name for path in checkpoints), key=lambda name: tried[name].cer)
    rows = scores.compared(runs, unheard, {"last": checkpoints[-1].name, "single": single})
    for name, row in rows.items():
        row |= {"searched_cer": tried[name].cer, "single": name == single}
        if name in found:
            row["what"] = called(found[name], tried[name])
    return rows


def _trial_of(name: str, checkpoints: Sequence[Path], found: Mapping[str, Search]) -> Trial:
    """Give what a search has found of a model."""
    if name in found:
        return found[name].trial(found[name].best)
    of = found["range"].trials
    if name == "uniform":
        return next(trial for trial in of if trial.kind == "uniform")
    at = next(number for number, path in enumerate(checkpoints) if path.name == name)
    return next(trial for trial in of if trial.kind == "single" and trial.candidate.first == at)


def _told(found: Search) -> dict[str, Any]:
    """Give a search as JSON, without the folders of this machine."""
    return as_json(replace(found, sources=tuple(f"run/{name}" for name in found.names)))


def timed(
    asked: Sequence[tuple[str, int]], checkpoints: Sequence[Path], known: Path, work: Path, rounds: int
) -> list[dict[str, Any]]:
    """Time a trial of each size beside the naive one; what was timed by a call before this one is taken as it is."""
    rows = []
    for shape, count in asked:
        path = work / "times" / f"{shape}-{count}-{rounds}.json"
        if not path.is_file():
            say(f"timing {shape} with {count} recordings")
            ours = (
                checkpoints if shape == "trained" else series.made_up(shape, work / "made-up" / shape, len(checkpoints))
            )
            clips = speech.first(known.parent / "clips", work / "few" / str(count), count)
            row = trials.timed(ours, clips, known, work / "timing", rounds)
            path.parent.mkdir(parents=True, exist_ok=True)
            content = {"model": shape, "parameters": series.parameters(ours[0]), "checkpoints": len(ours), **row}
            path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        rows.append(json.loads(path.read_text(encoding="utf-8")))
    return rows


if __name__ == "__main__":
    main()
