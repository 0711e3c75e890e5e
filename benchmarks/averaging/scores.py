"""Models heard on recordings that no search has seen, and held against each other in pairs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.evaluation import EvalOptions, Grouping, evaluate, open_texts
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import EngineOptions, FrontendOptions, RunOptions
from anime_whisper_ct2.readers import Corpus

_EVAL = EvalOptions(grouping=Grouping("none"), resamples=10_000)


def heard(model: Path, clips: Path, out: Path, *, workers: int | None = None) -> Path:
    """Transcribe a folder as `awct2 run` does, or go on with it, and give the folder of the results."""
    options = RunOptions(engine=EngineOptions(device="cpu"), frontend=FrontendOptions(workers=workers))
    totals = CorpusRun(Corpus((str(clips),)), out, open_model_dir(model), options).run()
    if totals.failed:
        raise SystemExit(f"{totals.failed} recordings of {clips} failed")
    return out


def cer(run: Path, references: Path) -> float:
    """Give the CER of a run in percent, over what it has heard."""
    scored = evaluate({"run": open_texts(str(run), heard=True)}, open_texts(str(references), heard=False), _EVAL)
    return scored.runs[0].total.errors.cer


def compared(runs: Mapping[str, Path], references: Path, bases: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Give each run's CER with its 95 % interval, and how far it lies above those of `bases`, by what these are called.

    All in percent or percent points, over the same draws of recordings.
    """
    texts = {name: open_texts(str(path), heard=True) for name, path in runs.items()}
    found: dict[str, dict[str, Any]] = {name: {} for name in runs}
    for called, base in bases.items():
        order = {base: texts[base], **{name: of for name, of in texts.items() if name != base}}
        for run in evaluate(order, open_texts(str(references), heard=False), _EVAL).runs:
            found[run.name] |= {"cer": run.total.errors.cer, "cer_interval": list(run.total.interval)}
            if run.difference is not None:
                ends = list(run.difference.interval)
                found[run.name] |= {f"above_{called}": run.difference.cer, f"above_{called}_interval": ends}
    return found
