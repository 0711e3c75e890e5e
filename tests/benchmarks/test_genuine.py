"""On genuine weights, systems are held against what was spoken, and doubt against what was heard wrongly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import soundfile

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from anime_whisper_ct2.records import Decoded
from anime_whisper_ct2.text.doubt import BAD_CER, BOUNDS
from benchmarks import compare, doubt
from benchmarks.measures import corpora, genuine
from benchmarks.report.genuine_tables import compare_real_chart, compare_real_table, doubt_chart, doubt_table, shares
from benchmarks.report.words import EN, JA, Words
from tests.real import spoken
from tests.real.spoken import FITTED_TO, Spoken

LANGUAGES = pytest.mark.parametrize("words", [EN, JA], ids=["en", "ja"])


def test_what_is_not_asked_for_is_as_usual_for_stand_ins_or_for_what_is_real() -> None:
    standin, real = compare.arguments([]), compare.arguments(["--real", "--rounds", "1"])
    assert (standin.out.name, standin.clips, standin.size, standin.rounds) == ("compare.json", 240, "33m", 3)
    assert (real.out.name, real.clips, real.size, real.rounds) == ("compare-real.json", 150, None, 1)
    assert {"awct2-full", "awct2-fit", "fw-batched", "fw-single", "hf-1"} == set(real.systems)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--real", "--size", "33m"], "--size is that of a stand-in"),
        (["--real", "--clips", "151"], "there are 150 lines"),
        (["--real", "--clips", "0"], "there are 150 lines"),
    ],
)
def test_what_the_real_lines_have_not_is_refused(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        compare.arguments(given)
    assert said in capsys.readouterr().err


def test_a_few_lines_are_taken_from_the_clips_and_from_the_recording(tmp_path: Path) -> None:
    manifest = genuine.corpus(tmp_path, 10)
    clips, lines = list(corpora.read_manifest(manifest)), list(genuine.lines(10))
    assert [clip.id.startswith("recording") for clip in clips] == 4 * [False] + 6 * [True]
    for clip, line in zip(clips, lines, strict=True):
        samples, rate = soundfile.read(clip.audio, dtype="float32")
        assert (rate, clip.duration) == (16_000, round(len(line.samples) / 16_000, 3))
        np.testing.assert_allclose(samples, line.samples, atol=1e-4)
    texts = [json.loads(line)["text"] for line in (tmp_path / genuine.REFERENCES).read_text("utf-8").splitlines()]
    assert texts == [line.text for line in lines]


def test_there_are_as_many_lines_as_is_said() -> None:
    assert len(spoken.lines(spoken.CLIPS)) + len(spoken.lines(spoken.TIMES)) == genuine.LINES


def write(path: Path, texts: Mapping[str, str | None]) -> Path:
    path.write_text("".join(json.dumps({"id": id_, "text": text}) + "\n" for id_, text in texts.items()), "utf-8")
    return path


def test_errors_are_counted_over_all_characters_and_texts_compared_as_written(tmp_path: Path) -> None:
    references = write(tmp_path / "references.jsonl", {"a": "あいうえお。", "b": "かきくけこ", "c": "さ"})
    systems = {
        "ours": write(tmp_path / "1", {"a": "あいうえお", "b": "かきくけこ", "c": "さ"}),
        "like": write(tmp_path / "2", {"a": " あいうえお", "b": "かきくけ", "c": "さ"}),
        "none": write(tmp_path / "3", {"a": None, "b": "かきくけ", "c": "し"}),
    }
    scores = genuine.scores(systems, references, "like")
    assert [round(score["cer"], 3) for score in scores.values()] == [0.0, 9.091, round(100 * 7 / 11, 3)]
    assert "above" not in scores["ours"]
    assert scores["none"]["above"] == scores["none"]["cer"]
    assert scores["ours"]["equal"] == 2
    assert scores["none"]["equal"] == 1
    assert "equal" not in scores["like"]
    low, high = scores["none"]["cer_interval"]
    assert low <= scores["none"]["cer"] <= high


def _report() -> dict[str, Any]:
    run = {"audio_s": 120.0, "clips": 20, "cpu_s": 2.0, "peak_mib": 300.0, "load_s": 1.0, "others_share": 0.01}
    run["settings"] = {"compute_type": "float32"}
    rounds = [{"awct2-full": {**run, "wall_s": 10.0}, "fw-single": {**run, "wall_s": 25.0}}]
    figures = compare.gathered(rounds)
    figures["systems"]["awct2-full"] |= {"cer": 20.0, "cer_interval": (15.0, 25.0), "equal": 19}
    above = {"above": 1.5, "above_interval": (-0.5, 3.0)}
    figures["systems"]["fw-single"] |= {"cer": 21.5, "cer_interval": (16.0, 27.0), "equal": 7, **above}
    options = {"clips": 20, "model": "Whisper base", "rounds": 1}
    return {"options": options, "about": {"machine": {"cores": 2}}, **figures}


@LANGUAGES
def test_errors_stand_beside_the_speed(words: Words, tmp_path: Path) -> None:
    table = compare_real_table(_report(), words)
    ours, theirs = table.splitlines()[-2:]
    assert "| 12.0 | 20.0 (15.0 … 25.0) |  | 19 | 60 | 300 |  |" in ours
    assert "| 4.8 | 21.5 (16.0 … 27.0) | +1.5 (-0.5 … +3.0) | 7 | 60 | 300 | 2.50 |" in theirs
    assert "Whisper base" in table
    assert "2.0" in table.splitlines()[0]  # minutes
    compare_real_chart(_report(), tmp_path / "chart.svg")
    assert "CER" in (tmp_path / "chart.svg").read_text(encoding="utf-8")


def test_shares_are_counted_up_by_falling_doubt() -> None:
    heard, found, others = shares(np.array([0.1, 0.9, 0.5, 0.7]), np.array([False, True, True, False]))
    assert heard == [0, 25, 50, 75, 100]
    assert found == [0, 50, 50, 100, 100]
    assert others == [0, 0, 50, 50, 100]


def _lines(bad: int, good: int) -> tuple[list[Spoken], list[Decoded]]:
    """Give lines of voices that were held out, and of one that was not, with texts: the bad ones are doubted."""
    decoded = Decoded("", (), 0.0, 0.1)
    said, texts = [], []
    for number in range(bad + good):
        speaker = "jf_tebukuro" if number else min(FITTED_TO)
        said.append(Spoken(str(number), speaker, "あいうえお", np.zeros(1, np.float32)))
        wrong = number < bad
        texts.append(replace(decoded, text="かきくけこ" if wrong else "あいうえお", doubt=0.9 if wrong else 0.1))
    return said, texts


def _doubt_report(bad: int) -> dict[str, Any]:
    found = doubt.condition(*_lines(bad, 30))
    sounds = {"marked": 1, "unmarked": ["sea"], "no_speech_prob": {"sea": 0.4, "fan": 0.9}}
    options = {"model": "Whisper base", "bound": BOUNDS.doubt, "bad_cer": BAD_CER}
    return {"options": options, "conditions": {"clean": found, "noise": found}, "sounds": sounds}


@LANGUAGES
def test_lines_of_fitted_voices_are_told_and_not_counted(words: Words, tmp_path: Path) -> None:
    report = _doubt_report(21)
    held = report["conditions"]["clean"]["held_out"]
    assert (held["lines"], held["bad"], held["found"], held["wrongly"]) == (50, 20, 100.0, 0.0)
    assert report["conditions"]["clean"]["fitted"] == {"lines": 1, "bad": 1, "found": 1, "wrongly": 0}
    table = doubt_table(report, words)
    # A third of the lines is 17, fewer than are bad.
    assert f"| 50 | 20 | 100 (100 … 100) | 0 (0 … 0) | 85 (85 … 85){words.at_most.format(percent=85)} |" in table
    doubt_chart(report, tmp_path / "doubt.svg", words)
    text = "".join(ET.parse(tmp_path / "doubt.svg").getroot().itertext())
    assert all(name in text for name in (*words.conditions.values(), words.doubt_axes[0], "Whisper base"))


@LANGUAGES
def test_too_few_bad_lines_give_no_rate(words: Words) -> None:
    assert "| 34 | 4 | – | – | – |" in doubt_table(_doubt_report(5), words)


def test_noise_lies_ten_decibels_below_and_is_the_same_every_time() -> None:
    clip = np.sin(np.arange(16_000) / 20).astype(np.float32)
    (noisy,), (again,) = doubt.in_noise([clip]), doubt.in_noise([clip])
    np.testing.assert_array_equal(noisy, again)
    assert 10 * np.log10(np.square(clip).mean() / np.square(noisy - clip).mean()) == pytest.approx(10, abs=0.1)
    assert noisy.dtype == np.float32


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genuine.model(tmp_path_factory.mktemp("genuine"))


@pytest.mark.real
def test_all_systems_hear_the_same_lines_and_ours_writes_what_transformers_does(model: Path, tmp_path: Path) -> None:
    manifest = genuine.corpus(tmp_path / "spoken", 4)
    texts = {}
    for name in compare.REAL["systems"]:
        result = compare.measure(compare.ENTRIES[name], manifest, model, tmp_path / name, ["workers=0"], known=None)
        assert result["clips"] == 4
        texts[name] = tmp_path / name / "transcripts.jsonl"
    scores = genuine.scores(texts, manifest.with_name(genuine.REFERENCES), compare.LIKE)
    assert scores["awct2-full"]["equal"] == 4
    assert max(score["cer"] for score in scores.values()) < 60


@pytest.mark.real
def test_flags_and_doubts_are_those_of_a_run(model: Path, tmp_path: Path) -> None:
    from anime_whisper_ct2.corpus_run import CorpusRun
    from anime_whisper_ct2.model_dir import open_model_dir
    from anime_whisper_ct2.options import DecodingOptions, EngineOptions, RunOptions
    from anime_whisper_ct2.output.results import RunFolder
    from anime_whisper_ct2.readers import Corpus

    clips = list(corpora.read_manifest(genuine.corpus(tmp_path / "spoken", 6)))
    engine = doubt.open_engine(model / "converted")
    heard = doubt.heard(engine, [soundfile.read(clip.audio, dtype="float32")[0] for clip in clips])
    engine.close()
    options = RunOptions(DecodingOptions(window="full"), EngineOptions(device="cpu", compute_type="float32"))
    CorpusRun(Corpus((str(tmp_path / "spoken"),)), tmp_path / "out", open_model_dir(model / "converted"), options).run()
    run = {Path(each.id).name: each.segments[0] for each in RunFolder(str(tmp_path / "out")).transcripts()}
    for clip, decoded in zip(clips, heard, strict=True):
        segment = run[clip.id]
        assert (segment.text, segment.flags) == (decoded.text, decoded.flags)
        assert segment.doubt == pytest.approx(decoded.doubt, abs=0.01)
