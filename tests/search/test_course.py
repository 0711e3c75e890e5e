"""A search finds what is best, tries the same again, and goes on wherever it was stopped; models here are pretended."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import Awct2Error, CheckpointError, EngineError, InputError, OutputError
from anime_whisper_ct2.search import course, summing, trying
from anime_whisper_ct2.search.records import Candidate, Search
from anime_whisper_ct2.search.report import from_json
from tests.support import pretend_search
from tests.support.places import PYTHONPATH
from tests.support.pretend_search import RIGHT, missed, searched, told
from tests.support.processes import wait_until

Corpus = tuple[str, str]
TRIALS = 5
pytestmark = pytest.mark.usefixtures("pretended")


@pytest.fixture(scope="session")
def undisturbed(series: list[str], corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Search:
    """A search that nobody has stopped, for the others to be held against."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    with pytest.MonkeyPatch.context() as patch:
        pretend_search.pretend(patch)
        return searched(series, *corpus, out, trials=TRIALS)


def test_it_finds_the_best_range_and_writes_it_with_its_report(series: list[str], corpus: Corpus, out: Path) -> None:
    notes: list[str] = []
    found = searched(series, *corpus, out, trials=9, notes=notes)
    assert found.trial(found.best).candidate == Candidate(2, 3)
    assert found.names == tuple(f"checkpoint-{step}" for step in (100, 200, 300, 400, 500))
    assert (found.recordings, found.held_out, found.parts, found.resumed) == (42, 18, 5, 0)
    assert (found.characters, found.held_out_characters) == (42 * len(RIGHT), 18 * len(RIGHT))
    assert [one.role for one in found.held] == ["best", "last", "single"]
    assert all(margin.points < 0 and margin.distinguishable for margin in found.margins)
    assert from_json(json.loads((out / "search.json").read_bytes())) == found
    made_of = json.loads((out / "average.json").read_bytes())
    assert made_of["range"] == "2:4"
    assert {"model.safetensors", "config.json", "vocab.json", "search.md", "search.svg"} <= {
        path.name for path in out.iterdir()
    }
    # Nothing is left beside it.
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert notes == ["18 recordings held out: intervals of so few say little"]


def test_rates_are_those_of_the_texts(undisturbed: Search) -> None:
    # Whom it has heard it says itself; how much each model misses of anybody is known.
    for trial in undisturbed.trials[:5]:
        number = (20.0, 11.0, 6.0, -5.0, 14.0)[trial.candidate.first]
        of_all = [missed(number, key) for key in range(60)]
        assert min(of_all) <= trial.cer / 100 * len(RIGHT) <= max(of_all)


def test_the_same_command_tries_the_same(series: list[str], corpus: Corpus, out: Path, undisturbed: Search) -> None:
    assert told(searched(series, *corpus, out, trials=TRIALS).trials) == told(undisturbed.trials)


def test_another_seed_tries_others(series: list[str], corpus: Corpus, out: Path, undisturbed: Search) -> None:
    found = searched(series, *corpus, out, trials=TRIALS, seed=1)
    assert told(found.trials) != told(undisturbed.trials)


def test_what_is_hopeless_is_given_up(undisturbed: Search) -> None:
    pruned = [trial for trial in undisturbed.trials if trial.state == "pruned"]
    assert pruned
    best = undisturbed.trial(undisturbed.best).cer
    for trial in pruned:
        assert trial.kind == "trial"
        assert trial.parts < undisturbed.parts
        assert trial.cer > best


@contextmanager
def apart(log: Path, **arguments: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Search in a process of its own."""
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.pretend_search", json.dumps(arguments)],
            stdout=subprocess.PIPE,
            stderr=file,
            env={**os.environ, "PYTHONPATH": PYTHONPATH},
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


# In the middle of a single checkpoint, and of what was proposed first.
@pytest.mark.parametrize(("after", "finished"), [(2, 0), (32, 6)])
def test_a_killed_search_goes_on_as_if_nothing_had_been(
    series: list[str], corpus: Corpus, out: Path, tmp_path: Path, undisturbed: Search, after: int, finished: int
) -> None:
    sign, log = tmp_path / "held", tmp_path / "log"
    corpus_, references = corpus
    given = {"names": series, "corpus": corpus_, "references": references, "out": str(out), "trials": TRIALS}
    with apart(log, **given, hold=[after, str(sign)]) as process:
        wait_until(lambda: sign.exists() or process.poll() is not None, 60, "it was never held")
        assert process.poll() is None, log.read_text()
    assert not out.exists()
    notes: list[str] = []
    found = searched(series, *corpus, out, trials=TRIALS, notes=notes)
    assert told(found.trials) == told(undisturbed.trials)
    assert (found.best, found.held, found.margins) == (undisturbed.best, undisturbed.held, undisturbed.margins)
    assert found.resumed == finished
    assert ("6 of 11 trials are done already" in notes) is bool(finished)


def test_two_processes_try_everything_once_and_agree(
    series: list[str], corpus: Corpus, out: Path, tmp_path: Path
) -> None:
    corpus_, references = corpus
    given = {"names": series, "corpus": corpus_, "references": references, "out": str(out), "trials": TRIALS}
    signs = [tmp_path / name for name in ("one", "other")]
    with (
        apart(tmp_path / "log 1", **given, hold=[1, str(signs[0])]) as one,
        apart(tmp_path / "log 2", **given, hold=[1, str(signs[1])]) as other,
    ):
        wait_until(lambda: all(sign.exists() for sign in signs), 60, "they were never at it together")
        for sign in signs:
            sign.with_name(f"{sign.name}.go").touch()
        said = [process.communicate(timeout=60)[0] for process in (one, other)]
    assert all(said), [(tmp_path / f"log {number}").read_text() for number in (1, 2)]
    trials = from_json(json.loads((out / "search.json").read_bytes())).trials
    assert [json.loads(each) for each in said] == [told(trials)] * 2
    assert len(trials) == len({trial.candidate for trial in trials}) == 6 + TRIALS
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["out"]


def test_two_that_share_a_study_and_not_their_work_leave_neither(
    series: list[str], corpus: Corpus, out: Path, tmp_path: Path
) -> None:
    study, sign = str(tmp_path / "study.db"), tmp_path / "held"
    given = {"names": series[:2], "corpus": corpus[0], "references": corpus[1], "trials": 1}
    with apart(tmp_path / "log", **given, out=str(tmp_path / "b"), study=study, hold=[6, str(sign)]) as process:
        wait_until(lambda: sign.exists() or process.poll() is not None, 60, "it was never held")
        assert process.poll() is None, (tmp_path / "log").read_text()
        go = sign.with_name("held.go")
        notes = _Waiting(go.touch)
        found = searched(series[:2], *corpus, out, study=study, trials=1, notes=notes)
        said = process.communicate(timeout=60)[0]
    assert json.loads(said) == told(found.trials)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["b", "out"]


def test_another_study_at_work_that_goes_on_is_refused_and_disturbs_nothing(
    series: list[str], corpus: Corpus, out: Path, tmp_path: Path
) -> None:
    sign, names = tmp_path / "held", series[:2]
    given = {"names": names, "corpus": corpus[0], "references": corpus[1], "out": str(out), "trials": 1}
    with apart(tmp_path / "log", **given, hold=[2, str(sign)]) as process:
        wait_until(lambda: sign.exists() or process.poll() is not None, 60, "it was never held")
        assert process.poll() is None, (tmp_path / "log").read_text()
        there = left(out.with_name("out.work"))
        with pytest.raises(InputError, match=r"out\.work: another search is at work there, with the study .*study\.db"):
            searched(names, *corpus, out, study=str(tmp_path / "b.db"), trials=1)
        with pytest.raises(InputError, match=r"study\.db: is the study of another search \(another --seed\)"):
            searched(names, *corpus, out, trials=1, seed=1)
        assert left(out.with_name("out.work")) == there
        sign.with_name("held.go").touch()
        assert process.communicate(timeout=60)[0], (tmp_path / "log").read_text()
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["out"]


def left(folder: Path) -> list[Path]:
    """Give all that is in a folder but locks."""
    return sorted(path for path in folder.rglob("*") if path.name not in (".lock", ".holder"))


class _Waiting(list[str]):
    """Notes that call something once one says that others are waited for."""

    def __init__(self, call: Callable[[], object]) -> None:
        super().__init__()
        self._call = call

    def append(self, line: str) -> None:
        """Keep a note."""
        super().append(line)
        if "waiting for other processes" in line:
            self._call()


def test_a_search_waits_for_what_another_process_is_at(
    series: list[str], corpus: Corpus, out: Path, tmp_path: Path
) -> None:
    corpus_, references = corpus
    given = {"names": series, "corpus": corpus_, "references": references, "trials": 1}
    study, sign = tmp_path / "study.db", tmp_path / "held"
    with apart(tmp_path / "log", **given, out=str(tmp_path / "b"), study=str(study), hold=[2, str(sign)]) as process:
        wait_until(sign.exists, 60, "it was never held")

        notes = _Waiting(lambda: (process.kill(), process.wait()))
        found = searched(series, *corpus, out, study=str(study), trials=1, notes=notes)
    assert any("waiting for other processes" in line for line in notes)
    # What the other one was at is done as well, from where it was.
    assert [trial.number for trial in found.trials] == list(range(7))
    assert all(trial.parts == 5 for trial in found.trials[:6])


def test_weights_are_looked_for_and_groups_have_their_own(series: list[str], corpus: Corpus, out: Path) -> None:
    found = searched(series, *corpus, out, trials=8, strategy="weights", groups=("encoder*",))
    trials = [trial for trial in found.trials if trial.kind == "trial"]
    assert all([pattern for pattern, _ in trial.candidate.weights] == ["encoder*", "*"] for trial in trials)
    made_of = json.loads((out / "average.json").read_bytes())
    best = found.trial(found.best)
    if best.kind == "trial":
        assert made_of["layers"][0]["pattern"] == "encoder*"
    assert len(found.trials) == 14


def test_a_group_of_no_tensor_is_refused_before_anything_is_heard(series: list[str], corpus: Corpus, out: Path) -> None:
    with pytest.raises(InputError, match=r"--group encodre\*: no tensor has such a name"):
        searched(series, *corpus, out, strategy="weights", groups=("encodre*",))
    assert not list(out.parent.iterdir())


def test_when_all_ranges_are_known_the_search_is_over_and_says_so(series: list[str], corpus: Corpus, out: Path) -> None:
    notes: list[str] = []
    found = searched(series[1:4], *corpus, out, trials=50, notes=notes)
    assert len(found.trials) == 6
    assert "All 6 ranges are known: --trials 50 asks for more" in notes


def test_nothing_held_out_leaves_nothing_to_compare(series: list[str], corpus: Corpus, out: Path) -> None:
    found = searched(series[:2], *corpus, out, trials=1, holdout=0.0)
    assert (found.held, found.margins, found.held_out, found.recordings) == ((), (), 0, 60)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 1}, "another --seed"),
        ({"holdout": 0.4, "normalizer": "none"}, "another --normalizer, another --holdout"),
        ({"strategy": "weights"}, "another --strategy"),
    ],
)
def test_a_study_of_another_search_is_refused(
    series: list[str], corpus: Corpus, out: Path, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    study = tmp_path / "study.db"
    searched(series[:2], *corpus, out, study=str(study), trials=1)
    before = study.read_bytes()
    with pytest.raises(InputError, match=rf"study\.db: is the study of another search \({said}\)"):
        searched(series[:2], *corpus, out.with_name("b"), study=str(study), trials=1, **changed)
    with pytest.raises(InputError, match="other checkpoints"):
        searched(series[1:3], *corpus, out.with_name("b"), study=str(study), trials=1)
    assert study.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "study.db"]


def test_a_study_of_another_corpus_is_refused(series: list[str], corpus: Corpus, out: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.db"
    searched(series[:2], *corpus, out, study=str(study), trials=1)
    names, sounds = tmp_path / "fewer", tmp_path / "other"
    shutil.copytree(corpus[0], names)
    (names / "007.wav").unlink()
    with pytest.raises(InputError, match="another corpus, or other references"):
        searched(series[:2], str(names), corpus[1], out.with_name("b"), study=str(study), trials=1)
    shutil.copytree(corpus[0], sounds)
    content = bytearray((sounds / "007.wav").read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    (sounds / "007.wav").write_bytes(content)
    work = tmp_path / "work"
    searched(series[:2], *corpus, out, study=str(study), work=str(work), trials=1, overwrite=True)
    before = sorted(path.name for path in work.iterdir())
    for folder in (None, work):
        with pytest.raises(InputError, match="is of other recordings of these names"):
            searched(
                *(series[:2], str(sounds), corpus[1], out.with_name("b")),
                study=str(study),
                work=folder and str(folder),
                trials=1,
            )
    # What was heard of the first ones is not lost, and of the others nothing was kept.
    assert sorted(path.name for path in work.iterdir()) == before
    assert not out.with_name("b.work").exists()


def test_a_study_belongs_to_the_files_beside_the_weights_and_to_the_type_that_the_device_computes_in(
    series: list[str], corpus: Corpus, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, given = [str(tmp_path / "1"), series[1]], {"study": str(tmp_path / "study.db"), "trials": 1}
    shutil.copytree(series[0], names[0])
    searched(names, *corpus, out, **given)
    told, opened = Path(names[0]) / "generation_config.json", trying.open_whisper
    content = told.read_bytes()
    told.write_bytes(content.replace(b"{", b'{"suppress_tokens": [1],', 1))
    with pytest.raises(InputError, match=r"another search \(another tokenizer, or other settings beside the weights\)"):
        searched(names, *corpus, out.with_name("b"), **given)
    told.write_bytes(content)

    def elsewhere(*told: Any) -> FakeEngine:
        engine: FakeEngine = opened(*told)
        engine.description = {"compute_type": "float16"}
        return engine

    monkeypatch.setattr(trying, "open_whisper", elsewhere)
    with pytest.raises(InputError, match=r"study\.db: its trials were computed in None, and here it would be float16"):
        searched(names, *corpus, out.with_name("b"), **given)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "out", "study.db"]


def test_more_trials_go_on_where_fewer_have_ended(
    series: list[str], corpus: Corpus, out: Path, undisturbed: Search
) -> None:
    # In a folder that goes at the end: what somebody has named there stays, and the mark with it.
    place, notes = str(out.with_name("out.work") / "mine.db"), list[str]()
    searched(series, *corpus, out, study=place, trials=2)
    found = searched(series, *corpus, out, study=place, trials=TRIALS, overwrite=True)
    assert told(found.trials) == told(undisturbed.trials)
    assert found.resumed == 8
    fewer = searched(series, *corpus, out, study=place, trials=1, overwrite=True, notes=notes)
    assert told(fewer.trials) == told(undisturbed.trials)
    assert "All 11 trials are done already" in notes


def test_recordings_without_a_reference_and_those_that_cannot_be_heard_are_left_out(
    series: list[str], corpus: Corpus, out: Path, tmp_path: Path
) -> None:
    clips, notes = tmp_path / "clips", list[str]()
    shutil.copytree(corpus[0], clips)
    shutil.copy(clips / "000.wav", clips / "nobody knows.wav")
    for number in range(5):
        (clips / f"00{number}.wav").write_bytes(b"RIFF and no more")
    found = searched(series[:2], str(clips), corpus[1], out, trials=1, notes=notes)
    assert found.recordings + found.held_out == 55
    assert notes[0] == "1 recording without a reference: left out"
    assert [line.partition(":")[0] for line in notes[1:4]] == ["000.wav", "001.wav", "002.wav"]
    assert notes[4] == "2 more recordings cannot be heard, and are left out"


def test_references_that_take_no_part_are_told_as_an_evaluation_tells_them(
    series: list[str], corpus: Corpus, out: Path, tmp_path: Path
) -> None:
    rows = Path(corpus[1]).read_text("utf-8").replace("\n0", "\nelsewhere/0").splitlines()
    (tmp_path / "more.csv").write_text("\n".join([*rows, rows[1], "gone.wav,何か"]), "utf-8")
    notes: list[str] = []
    found = searched(series[:2], corpus[0], str(tmp_path / "more.csv"), out, trials=1, notes=notes)
    assert found.recordings + found.held_out == 60
    assert notes[:2] == [
        "references: 1 names a recording again; the first text counts: elsewhere/000.wav",
        "references: 1 has no recording, left out: gone.wav",
    ]
    assert notes[2].startswith("the corpus: 60 have the reference whose path ends alike: 000.wav, ")


def test_the_report_names_checkpoints_so_that_they_are_found_from_anywhere(
    series: list[str], corpus: Corpus, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(series[0]).parent)
    names = [Path(name).name for name in series[:2]]
    found = searched(names, *corpus, out, trials=1)
    assert found.sources == tuple(series[:2])
    assert series[1] in json.loads((out / "search.json").read_bytes())["command"]


def test_what_was_put_in_the_place_of_the_result_meanwhile_stays(
    series: list[str], corpus: Corpus, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = course.write_report

    def meanwhile(*given: Any) -> str | None:
        out.mkdir()
        (out / "average.json").write_text("somebody else's", encoding="utf-8")
        return report(*given)

    with monkeypatch.context() as patch:
        patch.setattr(course, "write_report", meanwhile)
        with pytest.raises(InputError, match="out: holds an average already"):
            searched(series[:2], *corpus, out, trials=1)
    assert [path.name for path in out.iterdir()] == ["average.json"]
    assert searched(series[:2], *corpus, out, trials=1, overwrite=True).resumed == 3


def test_texts_that_the_corpus_brings_along_are_references(series: list[str], corpus: Corpus, out: Path) -> None:
    table = out.parent / "clips.csv"
    table.write_text("\n".join(["audio,text", *(f"{corpus[0]}/{n:03}.wav,{RIGHT}" for n in range(20))]), "utf-8")
    found = searched(series[:2], str(table), "meta", out, trials=1)
    assert found.recordings + found.held_out == 20


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"references": "meta"}, "the corpus brings no texts along; name the references with --references"),
        ({"names": 1}, "a search needs two checkpoints at least"),
        ({"references": "other.csv"}, r"other\.csv: none of its references fits a recording"),
        ({"holdout": 0.01}, "of 60 recordings with a reference, --holdout 0.01 holds 1 out"),
    ],
)
def test_what_cannot_be_searched_is_told_in_a_line_and_leaves_nothing(
    series: list[str], corpus: Corpus, out: Path, tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    (tmp_path / "other.csv").write_text("id,text\nsomething.wav,何か\n", encoding="utf-8")
    references = str(given.get("references", corpus[1]))
    references = str(tmp_path / references) if references == "other.csv" else references
    names = series[: given.get("names", 3)]
    with pytest.raises(InputError, match=said):
        searched(names, corpus[0], references, out, trials=1, holdout=given.get("holdout", 0.3))
    assert [path.name for path in tmp_path.iterdir()] == ["other.csv"]


def test_a_checkpoint_with_values_that_are_no_numbers_is_named(
    series: list[str], corpus: Corpus, out: Path, tmp_path: Path
) -> None:
    names = [*series[:1], *pretend_search.write_series(tmp_path / "run", [float("nan")])]
    with pytest.raises(CheckpointError, match=r"decoder\.layer_norm\.bias"):
        searched(names, *corpus, out, trials=1)


def test_a_device_that_fails_is_told_and_the_same_call_goes_on(
    series: list[str], corpus: Corpus, out: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Search
) -> None:
    opened, calls = trying.open_whisper, [0]

    def failing(*given: Any) -> Any:
        calls[0] += 1
        if calls[0] == 4:
            raise EngineError("the device is gone")
        return opened(*given)

    monkeypatch.setattr(trying, "open_whisper", failing)
    with pytest.raises(EngineError, match=r"^the device is gone; what is finished is kept, and the same command goes"):
        searched(series, *corpus, out, trials=TRIALS)
    assert told(searched(series, *corpus, out, trials=TRIALS).trials) == told(undisturbed.trials)


def test_ctrl_c_leaves_all_that_is_done(
    series: list[str], corpus: Corpus, out: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Search
) -> None:
    opened, calls = trying.open_whisper, [0]

    def interrupted(*given: Any) -> Any:
        calls[0] += 1
        if calls[0] == 8:
            raise KeyboardInterrupt
        return opened(*given)

    monkeypatch.setattr(trying, "open_whisper", interrupted)
    with pytest.raises(KeyboardInterrupt):
        searched(series, *corpus, out, trials=TRIALS)
    assert told(searched(series, *corpus, out, trials=TRIALS).trials) == told(undisturbed.trials)


def test_without_room_for_sums_each_trial_reads_its_checkpoints(
    series: list[str], corpus: Corpus, out: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Search
) -> None:
    @contextmanager
    def full(*_given: object) -> Iterator[None]:
        raise OutputError("sums cannot be kept: no room")
        yield

    notes: list[str] = []
    monkeypatch.setattr(summing, "open_sums", full)
    found = searched(series, *corpus, out, trials=TRIALS, notes=notes)
    assert told(found.trials) == told(undisturbed.trials)
    assert "sums cannot be kept: no room; each trial reads all of its checkpoints meanwhile" in notes


@pytest.mark.parametrize("step", ["write_average", "write_report"])
def test_a_disk_that_is_full_at_the_end_leaves_nothing_half_written(
    series: list[str], corpus: Corpus, out: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_given: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(course, step, full)
        with pytest.raises(Awct2Error, match=r"out cannot be written: No space left"):
            searched(series[:2], *corpus, out, trials=1)
    assert [path.name for path in out.parent.iterdir()] == ["out.work"]
    assert searched(series[:2], *corpus, out, trials=1).resumed == 3


def test_an_earlier_average_is_replaced_only_when_that_was_asked_for(
    series: list[str], corpus: Corpus, out: Path
) -> None:
    searched(series[:2], *corpus, out, trials=1)
    before = (out / "search.json").read_bytes()
    with pytest.raises(InputError, match="out: holds an average already"):
        searched(series[:2], *corpus, out, trials=1, seed=1)
    assert (out / "search.json").read_bytes() == before
    searched(series[:2], *corpus, out, trials=1, seed=1, overwrite=True)
    assert (out / "search.json").read_bytes() != before
