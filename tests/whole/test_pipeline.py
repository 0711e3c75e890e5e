"""From a corpus to a data set and back: what is cut says the same again, and the same work gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import jiwer
import pytest

from anime_whisper_ct2 import Corpus, CorpusRun, RunOptions
from anime_whisper_ct2.export import ClipFolder, Export
from anime_whisper_ct2.export.clips.plan import ClipOptions
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import FrontendOptions
from anime_whisper_ct2.output.lines import read_lines
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.text.doubt import BOUNDS
from tests.support.places import CORPUS
from tests.support.references import LONG_RECORDING, references

KEPT = "、。…!?"


def transcribed(corpus: Path, out: Path, model: Path, workers: int | None = None) -> Path:
    options = RunOptions(frontend=FrontendOptions(workers))
    totals = CorpusRun(Corpus((str(corpus),)), out, open_model_dir(model), options).run()
    assert totals.failed == 0
    return out


@pytest.fixture(scope="module")
def run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample corpus with its three-minute recording, transcribed."""
    return transcribed(CORPUS, tmp_path_factory.mktemp("run") / "out", tiny_model)


def test_an_engine_on_a_gpu_is_a_process_of_its_own(
    run: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That process finds none, and computes here; this one only believes that there is one.
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 1)
    out = transcribed(CORPUS, tmp_path / "out", tiny_model)
    engines = [json.loads((folder / "run.json").read_text("utf-8"))["engine"] for folder in (run, out)]
    assert [(engine["device"], engine.get("engines")) for engine in engines] == [("cpu", None), ("cpu", 1)]
    texts = [{line["id"]: line["text"] for line in read_lines(folder / "transcripts.jsonl")} for folder in (run, out)]
    assert texts[0] == texts[1]


def plain(text: str) -> str:
    return text.translate({ord(mark): None for mark in f"{KEPT} "})


def long_recording(out: Path) -> dict[str, object]:
    return max(read_lines(out / "transcripts.jsonl"), key=lambda line: float(line["duration"]))


def test_no_line_of_the_sample_is_marked_be_it_a_laugh_a_stammer_or_a_moan(run: Path) -> None:
    segments = [(one.id, segment) for one in RunFolder(run).transcripts() for segment in one.segments]
    assert len(segments) >= 70
    assert [(id_, segment.text, segment.flags) for id_, segment in segments if segment.flags] == []
    assert all(segment.doubt is not None and 0 <= segment.doubt < BOUNDS.doubt for _, segment in segments)


def test_every_line_of_a_long_recording_is_found_in_its_time_and_read_as_well_as_alone(run: Path) -> None:
    reference = references()[LONG_RECORDING]
    heard = long_recording(run)
    segments = heard["segments"]
    assert isinstance(segments, list)
    assert len(segments) == len(reference["lines"])
    for segment, line in zip(segments, reference["lines"], strict=True):
        assert abs(segment["start"] - line["start"]) <= 0.3
        assert abs(segment["end"] - line["end"]) <= 0.3
        assert segment["end"] - segment["start"] <= 15.0
    assert jiwer.cer(plain(str(reference["text"])), plain(str(heard["text"]))) <= 0.03  # the clips' own is 0.0


@pytest.mark.slow  # cuts and transcribes the sample again
def test_clips_say_again_what_their_segments_said(run: Path, tiny_model: Path, tmp_path: Path) -> None:
    done = Export(run, "csv", tmp_path / "csv", clips=ClipFolder(tmp_path / "clips", workers=0)).run()
    assert done.clips_missing == 0
    again = transcribed(tmp_path / "clips", tmp_path / "again", tiny_model)
    heard = [line["text"] for line in sorted(read_lines(again / "transcripts.jsonl"), key=lambda line: str(line["id"]))]
    lines = sorted(read_lines(run / "transcripts.jsonl"), key=lambda line: str(line["id"]))
    said = [segment["text"] for line in lines for segment in line["segments"]]
    assert len(heard) == len(said) == done.clips_written
    assert jiwer.cer(list(map(plain, said)), list(map(plain, heard))) <= 0.03


@pytest.mark.slow  # transcribes the sample twice
def test_two_runs_export_the_same_bytes(run: Path, tiny_model: Path, tmp_path: Path) -> None:
    other = transcribed(CORPUS, tmp_path / "other", tiny_model, workers=2)
    digests: list[dict[str, str]] = []
    # To the same place: lists for GPT-SoVITS hold whole paths.
    place = tmp_path / "exports"
    for out in (run, other):
        for format_ in FORMATS:
            folder = place / format_
            cut = FORMATS[format_].whole_files_only
            clips = ClipFolder(tmp_path / "clips", ClipOptions("wav"), 0) if cut else None
            Export(out, format_, folder, clips=clips).run()
        digests.append({str(path.relative_to(place)): sha(path) for path in place.rglob("*") if path.is_file()})
        shutil.rmtree(place)
    assert len(digests[0]) > 3 * len(FORMATS)
    assert digests[0] == digests[1]


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
