"""What is no stand-in: Whisper base, and 150 lines that neural voices speak, with their texts.

Both are those of `tests/real`, whose weights `make test-real` fetches. The lines are its sixty clips and the ninety
lines of its recording of eight minutes, each cut out by itself, music and all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import soundfile

from anime_whisper_ct2.evaluation.grouping import Grouping
from anime_whisper_ct2.evaluation.records import Line
from anime_whisper_ct2.evaluation.scoring import EvalOptions, evaluate
from anime_whisper_ct2.evaluation.texts import Texts
from benchmarks.measures.corpora import Clip, write_manifest
from tests.real import spoken, weights
from tests.real.spoken import Spoken

MODEL = "Whisper base"
LINES = 150
REFERENCES = "references.jsonl"


def model(folder: Path) -> Path:
    """Write `folder/checkpoint` and convert it to `folder/converted`; what is there already is kept.

    Raises SystemExit where the weights are not installed.
    """
    from anime_whisper_ct2_convert import convert

    checkpoint, converted = folder / "checkpoint", folder / "converted"
    if not converted.is_dir():
        try:
            published = weights.published(folder / "published")
        except ModuleNotFoundError as error:
            raise SystemExit(f"{MODEL} is not installed here; this fetches it: make .venv/.real") from error
        convert(str(weights.checkpoint(checkpoint, published)), converted)
    return folder


def lines(count: int | None = None) -> Iterator[Spoken]:
    """Give the clips, and then what is said in the recording: all, or so many at even steps."""
    count = min(count or LINES, LINES)
    chosen = {number * LINES // count for number in range(count)}
    for number, line in enumerate(chain(spoken.clips(), spoken.recorded())):
        if number in chosen:
            yield line


def corpus(folder: Path, count: int | None = None) -> Path:
    """Write lines as FLAC at 16 kHz below `folder/clips`, their texts beside, and give the manifest's path.

    A corpus that is complete already is kept.
    """
    manifest = folder / "manifest.jsonl"
    if manifest.is_file():
        return manifest
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    entries, texts = [], []
    for line in lines(count):
        id_ = f"{Path(line.id).stem}.flac"
        path = folder / "clips" / id_
        soundfile.write(path, line.samples, spoken.HZ, subtype="PCM_16")
        entries.append(Clip(id_, str(path), round(len(line.samples) / spoken.HZ, 3)))
        texts.append({"id": id_, "speaker": line.speaker, "text": line.text})
    spoken.write_lines(folder / REFERENCES, texts)
    write_manifest(manifest, entries)
    return manifest


def scores(systems: Mapping[str, Path], references: Path, like: str) -> dict[str, dict[str, Any]]:
    """Hold what systems have written against the references, all over the same draws of lines.

    Rates are percentages over all characters, by the author's normaliser, with their 95 % intervals; where a system has
    no text, it has heard nothing. `above`: how far a rate lies above that of the first system. `equal`: how many texts
    are those of the system `like`, where that is one of them.
    """
    options = EvalOptions(grouping=Grouping("none"), missing_is_empty=True)
    texts = {name: _texts(path) for name, path in systems.items()}
    done = evaluate(
        {name: _source(name, of) for name, of in texts.items()}, _source("references", _texts(references)), options
    )
    found: dict[str, dict[str, Any]] = {}
    for run in done.runs:
        score: dict[str, Any] = {"cer": run.total.errors.cer, "cer_interval": run.total.interval}
        if run.difference is not None:
            score |= {"above": run.difference.cer, "above_interval": run.difference.interval}
        if like in texts and run.name != like:
            score["equal"] = sum(texts[run.name][id_] == text for id_, text in texts[like].items())
        found[run.name] = score
    return found


def _texts(path: Path) -> dict[str, str]:
    return {row["id"]: (row["text"] or "").strip() for row in spoken.lines(path)}


def _source(name: str, texts: Mapping[str, str]) -> Texts:
    return Texts(name, lambda: (Line(id_, text) for id_, text in texts.items()))
