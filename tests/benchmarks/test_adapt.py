"""What teaching short windows is worth is measured on other lines and voices, and what was done is kept."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from rapidfuzz.distance import Levenshtein
from safetensors.numpy import load_file, save_file

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from anime_whisper_ct2.adaptation.lessons import Entry
from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.text.normalize import author
from benchmarks import adapt
from benchmarks.adaptation import corpora, figures, sounds, speech, stages, trials
from benchmarks.adaptation.figures import ADAPTED, ORIGINAL
from benchmarks.adaptation.voices import OPENJTALK
from benchmarks.measures import genuine
from benchmarks.report.adapt_tables import adapt_table
from benchmarks.report.adapt_words import EN, JA
from tests.real import spoken
from tests.support.places import CHECKPOINT

# Says silence as long as the text, and fails where that is a failure.
MOUTH = """
import json, sys
import numpy, soundfile
for line in sys.stdin:
    job = json.loads(line)
    if job["text"] == "FAIL":
        sys.exit("no voice")
    soundfile.write(job["path"], numpy.zeros(1_600 * len(job["text"])), 16_000, format="FLAC", subtype="PCM_16")
"""


def _texts(jobs: list[speech.Job]) -> set[str]:
    return {author(job.text) for job in jobs}


def test_what_is_measured_with_is_never_learnt_from() -> None:
    train, held = speech.jobs("train"), speech.jobs("held")
    others = {author(row["text"]) for path in (spoken.CLIPS, spoken.TIMES) for row in spoken.lines(path)}
    assert len(_texts(train)) == len(train) == 750
    assert len(_texts(held)) == len(held)
    assert not _texts(train) & (_texts(held) | others)
    for text in _texts(train):
        for other in _texts(held) | others:
            if min(len(text), len(other)) >= 6:
                assert text not in other, f"{text!r} is in {other!r}"
                assert other not in text, f"{other!r} is in {text!r}"
                assert Levenshtein.normalized_distance(text, other) > 0.35, f"{text!r} is almost {other!r}"
    assert {job.voice for job in train} == {*speech.TAUGHT, OPENJTALK}
    assert {job.voice for job in held} == {*speech.TAUGHT, *speech.UNHEARD}
    assert len(held) + genuine.LINES >= figures.LEAST_LINES


def test_a_line_that_is_spoken_otherwise_has_another_file() -> None:
    (job,) = speech.jobs("train", 1)
    (other,) = speech.stood_in([job])
    assert job.name == other.name
    assert job.file != other.file
    assert job.file == speech.jobs("train", 2)[0].file


@pytest.fixture
def mouth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mouth.py"
    path.write_text(MOUTH, encoding="utf-8")
    monkeypatch.setattr(speech, "VOICES", path)
    return path


def _python() -> Path:
    return Path(sys.executable)


@pytest.mark.posix("/proc")
@pytest.mark.usefixtures("mouth")
def test_only_what_is_missing_is_spoken(tmp_path: Path) -> None:
    jobs = speech.jobs("held", 5)
    said = speech.speak(jobs, tmp_path / "spoken", _python)
    assert {path.name for path in said.iterdir()} == {job.file for job in jobs}
    (said / jobs[0].file).write_bytes(b"kept")
    (said / jobs[1].file).unlink()
    speech.speak(jobs, said, _python)
    assert (said / jobs[0].file).read_bytes() == b"kept"
    assert soundfile.info(said / jobs[1].file).frames == 1_600 * len(jobs[1].text)
    # Nothing is missing, so nobody is asked for a voice.
    speech.speak(jobs, said, lambda: pytest.fail("a voice was looked for"))


@pytest.mark.posix("/proc")
@pytest.mark.usefixtures("mouth")
def test_a_voice_that_fails_ends_the_call_and_leaves_what_was_spoken(tmp_path: Path) -> None:
    jobs = speech.jobs("held", 3)
    broken = speech.Job("held", 3, "FAIL", "jf_alpha", 1.0, 0.0)
    with pytest.raises(SystemExit, match="a voice failed"):
        speech.speak([*jobs, broken], tmp_path / "spoken", _python)
    assert {path.name for path in (tmp_path / "spoken").iterdir()} == {job.file for job in jobs}


def test_a_line_is_varied_by_its_name_alone() -> None:
    line = np.sin(np.arange(3 * sounds.HZ) / 20).astype(np.float32)
    made = [sounds.varied(line, f"train-{number:03d}-jf_alpha") for number in range(60)]
    np.testing.assert_array_equal(made[7], sounds.varied(line, "train-007-jf_alpha"))
    assert len({wave.tobytes() for wave in made}) == 60
    assert {wave.dtype for wave in made} == {np.dtype(np.float32)}
    lengths = np.array([len(wave) for wave in made]) / sounds.HZ
    assert lengths.min() >= 3.0
    assert lengths.max() <= 3.0 + 0.6 + 0.5 + 1.0
    peaks = np.array([np.abs(wave).max() for wave in made])
    assert 0.19 < peaks.min() < 0.4
    assert 0.7 < peaks.max() < 0.96
    # Behind the line, some are silent; under more than half of them lies something.
    quiet = np.array([np.abs(wave[-800:]).max() == 0 for wave in made])
    assert 0.2 < quiet.mean() < 0.7


def test_corpora_hold_what_is_wanted_and_nothing_else(tmp_path: Path) -> None:
    train, held = speech.jobs("train", 3), speech.jobs("held", 5)
    said = tmp_path / "spoken"
    said.mkdir()
    for job in (*train, *held):
        soundfile.write(said / job.file, np.sin(np.arange(24_000) / 20), 24_000)
    folder = corpora.train(train, said, tmp_path / "train")
    first = folder / train[0].file
    written = first.read_bytes()
    (folder / "of-another-time.flac").write_bytes(b"")
    first.unlink()
    corpora.train(train, said, folder)
    assert {path.name for path in folder.iterdir()} == {job.file for job in train}
    assert first.read_bytes() == written
    lines = corpora.held(held, said, tmp_path / "held", 2)
    assert {path.name for path in (tmp_path / "held" / "clips").iterdir()} == {line.id for line in lines}
    assert [line.text for line in lines[:5]] == [job.text for job in held]
    assert [line.unheard for line in lines[:5]] == [False, False, False, True, True]
    rows = spoken.lines(tmp_path / "held" / genuine.REFERENCES)
    assert rows == [{"id": line.id, "speaker": line.speaker, "text": line.text} for line in lines]
    seconds = sum(soundfile.info(tmp_path / "held" / "clips" / line.id).duration for line in lines)
    assert corpora.minutes(tmp_path / "held" / "clips") == pytest.approx(seconds / 60)


def test_what_is_tiny_never_becomes_a_committed_result(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        adapt.arguments(["--tiny"])
    assert "--out" in capsys.readouterr().err
    assert adapt.arguments(["--experiments"]).out.name == "adapt-experiments.json"


@pytest.mark.parametrize("other", [("--learning-rate", "1e-4"), ("--train", "all"), ("--until", "texts")])
def test_experiments_take_no_options_that_they_would_not_heed(
    other: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        adapt.arguments(["--experiments", *other])
    assert "--experiments tries its own" in capsys.readouterr().err
    options = adapt.arguments(["--train", "all"])
    assert (options.train, options.learning_rate, options.until) == ("all", AdaptOptions().learning_rate, "speed")


@pytest.fixture
def another_checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    shutil.copytree(CHECKPOINT, folder)
    tensors = load_file(folder / "model.safetensors")
    name = next(iter(tensors))
    save_file({**tensors, name: tensors[name] + 1}, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_another_way_to_teach_has_a_folder_of_its_own(tmp_path: Path, another_checkpoint: Path) -> None:
    corpus = tmp_path / "train"
    corpus.mkdir()

    def where(*given: str, checkpoint: Path = CHECKPOINT) -> Path:
        return adapt.run_folder(tmp_path, adapt.adapt_options(adapt.arguments(given), 750), checkpoint)

    assert where() == where("--device", "cuda") == where("--rounds", "1")
    others = ("--steps", "9"), ("--batch-size", "9"), ("--learning-rate", "2e-5"), ("--train", "all")
    found = {where(), *(where(*given) for given in others), where(checkpoint=another_checkpoint)}
    (corpus / "another-line.flac").write_bytes(b"x")
    assert len({*found, where()}) == 7


def test_lessons_of_lines_that_were_replaced_are_no_part_of_an_experiment(tmp_path: Path) -> None:
    ids = [f"{number}.flac" for number in range(8)]
    for id_ in ids[:6]:
        (tmp_path / id_).touch()
    store = [Entry(id_, 100 + number, 5, usable=number != 2) for number, id_ in enumerate(ids)]
    learnt, held_out = trials._parted(store, tmp_path, AdaptOptions(clips=4, held_out=2))
    assert sorted(entry.id for entry in (*learnt, *held_out)) == [ids[at] for at in (0, 1, 3, 4, 5)]


def test_a_conversion_of_what_is_taught_anew_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "converted" / "model.bin"
    stale.parent.mkdir()
    (tmp_path / "train").mkdir()
    stale.write_bytes(b"of another time")
    (tmp_path / stages.CALIBRATION).write_text("of another time")

    def adapted(_checkpoint: str, _corpus: Any, out: Path, *_: Any, **__: Any) -> None:
        assert not stale.exists()
        out.mkdir()
        (out / "adapt.json").write_text("{}")

    def converted(_source: str, out: Path) -> None:
        out.mkdir()

    monkeypatch.setattr("anime_whisper_ct2.adaptation.course.adapt", adapted)
    monkeypatch.setattr("anime_whisper_ct2_convert.convert", converted)
    stages.taught(CHECKPOINT, tmp_path / "train", tmp_path, tmp_path / "work", AdaptOptions())
    assert (tmp_path / "converted").is_dir()
    assert not stale.exists()
    assert not (tmp_path / stages.CALIBRATION).exists()
    # What is whole stays.
    stale.write_bytes(b"of now")
    stages.taught(CHECKPOINT, tmp_path / "train", tmp_path, tmp_path / "work", AdaptOptions())
    assert stale.is_file()


@pytest.mark.slow
@pytest.mark.posix("/proc")
def test_all_stages_leave_what_a_second_call_only_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyopenjtalk")
    out = tmp_path / "adapt.json"
    asked = ["--tiny", "--temp", str(tmp_path / "temp"), "--out", str(out)]
    adapt.main(asked)
    first = json.loads(out.read_text("utf-8"))
    assert set(first["models"]) == {ORIGINAL, ADAPTED}
    for of in first["models"].values():
        assert list(of) == sorted(stages.WINDOWS)
    assert len(first["asked"]) == 13
    assert first["teaching"]["steps"] == 4
    assert "listening_s" not in first["teaching"]
    assert [tail["tail_s"] for tail in first["calibration"]["tails"]] == list(stages.TAILS_S)
    assert not figures.as_good(first["calibration"])  # so few references show nothing
    for words in (EN, JA):
        assert adapt_table(first, words)
    assert first["speed"]["ratio"] > 0
    assert (tmp_path / "adapt.svg").is_file()

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("something was done again")

    for name in ("opened_engine", "_run"):
        monkeypatch.setattr(stages, name, refuse)
    adapt.main(asked)
    again = json.loads(out.read_text("utf-8"))
    assert {**again, "about": None} == {**first, "about": None}
    # Calibrated against other references.
    texts = tmp_path / "temp" / "tiny" / "held" / genuine.REFERENCES
    calls = (tmp_path / "temp" / "tiny" / "held" / "clips"), texts
    (ours,) = (tmp_path / "temp" / "tiny").glob("run-*")
    stages.calibrated(ours / "converted", *calls, ours)
    texts.write_text(texts.read_text("utf-8") + "\n", encoding="utf-8")
    with pytest.raises(pytest.fail.Exception, match="done again"):
        stages.calibrated(ours / "converted", *calls, ours)
    # Other texts for another model, though they lie where its own would.
    (converted,) = (tmp_path / "temp" / "tiny").glob("run-*/converted")
    with (converted / "model.bin").open("ab") as model:
        model.write(b"\0")
    with pytest.raises(pytest.fail.Exception, match="done again"):
        adapt.main(asked)
