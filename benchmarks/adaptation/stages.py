"""The stages behind the corpora: teach, decode, calibrate and time. Each leaves files, and what is there is kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.adaptation.records import Advance
from anime_whisper_ct2.calibration import CalibrationOptions, calibrate, write_profile
from anime_whisper_ct2.calibration.report import as_json
from anime_whisper_ct2.calibration.windows import loops
from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.executors.sample import decode, draw
from anime_whisper_ct2.features.windows import DEFAULT_TAIL_S, WindowLength
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import AUDIO, DecodingOptions, EngineOptions, FrontendOptions, RunOptions
from anime_whisper_ct2.readers import Corpus
from benchmarks.adaptation.figures import FULL, Heard
from benchmarks.measures.process import span

ENGINE = EngineOptions(device="cpu", compute_type="float32")
# How both models are heard: at 30 s, and with these tails behind a clip, in seconds.
WINDOWS = (FULL, "0.64", "1.28", "2.56")
# What is calibrated.
TAILS_S = (0.64, 1.28, 2.56, 5.12)
CALIBRATION = "calibration.json"
_TELL_EVERY_S = 30.0


def say(line: str) -> None:
    """Tell how far it has come."""
    print(line, file=sys.stderr, flush=True)


class Told:
    """Tells how an adaptation comes on: each stage as it begins, and then every half a minute."""

    def __init__(self) -> None:
        self._stage, self._at = "", 0.0

    def __call__(self, advance: Advance) -> None:
        if advance.stage == self._stage and time.monotonic() - self._at < _TELL_EVERY_S:
            return
        self._stage, self._at = advance.stage, time.monotonic()
        parts = [f"{advance.stage}: {advance.done} of {advance.total}"]
        if advance.loss is not None:
            parts.append(f"loss {advance.loss:.4f}")
        if advance.held_out is not None:
            parts.append(f"held-out tokens that differ {advance.held_out:.2f} %")
        if advance.seconds_left is not None:
            parts.append(f"{advance.seconds_left / 60:.0f} min left")
        say(", ".join(parts))


def opened_engine(model: Path) -> Engine:
    """Open a converted folder as a run in float32 on a CPU does."""
    return open_whisper(open_model_dir(model), RunOptions(DecodingOptions(window="full"), ENGINE))


def taught(checkpoint: Path, corpus: Path, folder: Path, work: Path, options: AdaptOptions) -> Path:
    """Adapt a checkpoint to `folder/adapted`, convert that to `folder/converted`, and give the latter.

    `work`: where lessons are, which are the same however it is taught, and the training that is going on.
    """
    from anime_whisper_ct2.adaptation.course import adapt
    from anime_whisper_ct2_convert import convert

    adapted, converted = folder / "adapted", folder / "converted"
    if not (adapted / "adapt.json").is_file():
        # First, so that a call that was stopped behind the next does not leave that of another.
        shutil.rmtree(converted, ignore_errors=True)
        adapt(
            str(checkpoint),
            Corpus((str(corpus),)),
            adapted,
            options,
            work=work,
            # A training with other options is begun again; lessons stay.
            overwrite=True,
            on_advance=Told(),
            on_note=say,
        )
    if not converted.is_dir():
        # The profile was in what is replaced.
        (folder / CALIBRATION).unlink(missing_ok=True)
        convert(str(adapted), converted)
    return converted


def heard(model: Path, corpus: Path, folder: Path, windows: Iterable[str] = WINDOWS) -> dict[str, Heard]:
    """Decode a corpus' clips with a converted model in each kind of window; first texts, without second looks.

    Each set of texts is kept as JSON in a folder, and taken from there where model and corpus are the same.
    """
    of = _digest(model, corpus)
    found: dict[str, Heard] = {}
    for window in windows:
        kept = _kept(folder / f"{window}.json", of)
        if kept is not None:
            found[window] = Heard(kept["texts"], kept["loops"], kept["wall_s"])
    missing = [window for window in windows if window not in found]
    if missing:
        engine = opened_engine(model)
        sample = draw(engine, Corpus((str(corpus),)), _count(corpus), FrontendOptions(), AUDIO)
        ids = [recording.id for recording in sample.recordings]
        for window in missing:
            say(f"decoding {len(ids)} lines, {window}")
            length = WindowLength("full") if window == FULL else WindowLength("fit", float(window))
            texts, wall_s = decode(engine, sample.windows, length)
            looping = [id_ for id_, text in zip(ids, texts, strict=True) if loops([text])]
            found[window] = Heard({id_: one.text for id_, one in zip(ids, texts, strict=True)}, looping, wall_s)
            _keep(folder / f"{window}.json", of, asdict(found[window]))
        engine.close()
    return {window: found[window] for window in windows}


def calibrated(model: Path, corpus: Path, references: Path, folder: Path) -> dict[str, Any]:
    """Calibrate a converted model on all clips of a corpus, against their texts, and write its profile.

    What was measured is kept as JSON in a folder, and taken from there where model, corpus and texts are the same.
    """
    texts = hashlib.sha256(references.read_bytes()).hexdigest()
    path, of = folder / CALIBRATION, f"{_digest(model, corpus)} {texts} {TAILS_S}"
    if kept := _kept(path, of):
        return kept
    engine = opened_engine(model)
    options = CalibrationOptions(clips=_count(corpus), tails_s=TAILS_S)
    found = calibrate(engine, Corpus((str(corpus),)), options, references=str(references), on_progress=say)
    write_profile(open_model_dir(model), found, engine)
    engine.close()
    told = as_json(found)
    result = {
        "chosen": told["chosen"],
        "clips": found.clips,
        "references": found.references,
        "max_cer_rise": options.max_cer_rise,
        "full_loops": found.full_loops,
        "tails": told["results"],
    }
    _keep(path, of, result)
    return result


def timed(model: Path, corpus: Path, folder: Path, tail_s: float | None, rounds: int) -> dict[str, Any]:
    """Time runs of a corpus at 30 s and in short windows, in turn; gives medians, and that of the rounds' ratios.

    `tail_s`: that which the model's profile allows, with which a run takes short windows by itself; None where it
    allows none, and they are asked for. Loading the model is not timed.
    """
    short = DecodingOptions(window="auto") if tail_s else DecodingOptions(window="fit", tail_s=DEFAULT_TAIL_S)
    path, of = folder / "speed.json", f"{_digest(model, corpus)} {tail_s} {rounds}"
    if kept := _kept(path, of):
        return kept
    turns = []
    for number in range(rounds):
        say(f"timing round {number + 1} of {rounds}")
        turn: dict[str, Any] = {}
        for name, decoding in (("full", DecodingOptions(window="full")), ("short", short)):
            with span() as work:
                wall_s, figures = _run(model, corpus, folder / "run", decoding)
            turn |= {f"{name}_s": wall_s, f"{name}_others": work.others_share, f"{name}_retries": figures["retries"]}
        turns.append(turn)
    result = {
        "tail_s": tail_s or DEFAULT_TAIL_S,
        "accepted": tail_s is not None,
        "full_s": median(turn["full_s"] for turn in turns),
        "short_s": median(turn["short_s"] for turn in turns),
        "ratio": round(median(turn["full_s"] / turn["short_s"] for turn in turns), 3),
        "others_share": max(turn[key] for turn in turns for key in ("full_others", "short_others")),
        "rounds": turns,
    }
    _keep(path, of, result)
    return result


def _run(model: Path, corpus: Path, out: Path, decoding: DecodingOptions) -> tuple[float, Mapping[str, Any]]:
    run = CorpusRun(Corpus((str(corpus),)), out, open_model_dir(model), RunOptions(decoding, ENGINE, overwrite=True))
    totals = run.run()
    if totals.failed or totals.done != _count(corpus):
        raise SystemExit(f"{totals.done} of {_count(corpus)} lines were transcribed, and {totals.failed} failed")
    return totals.wall_seconds, run.figures


def _count(corpus: Path) -> int:
    return sum(1 for _ in corpus.iterdir())


def listed(corpus: Path) -> str:
    """Give what stands for a corpus' files: their names and sizes."""
    return "".join(f"{path.name} {path.stat().st_size}\n" for path in sorted(corpus.iterdir()))


def _digest(model: Path, corpus: Path) -> str:
    """Give what stands for a model's weights and a corpus' files."""
    return hashlib.sha256((model / "model.bin").read_bytes() + listed(corpus).encode()).hexdigest()


def _kept(path: Path, of: str) -> dict[str, Any] | None:
    """Read what `_keep` wrote, where it is of the same."""
    if not path.is_file():
        return None
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept["found"] if kept["of"] == of else None


def _keep(path: Path, of: str, found: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps({"of": of, "found": found}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(path)
