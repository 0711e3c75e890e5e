"""A study outlives whoever is at it, and is of one question alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.search.candidates import Space
from anime_whisper_ct2.search.company import Company
from anime_whisper_ct2.search.records import Candidate, Trial
from anime_whisper_ct2.search.study import Begun, Study, opened_study

ABOUT = {"corpus": "abc", "seed": 0, "patterns": ["*"]}
WORDS = {"corpus": "another corpus", "seed": "another --seed", "patterns": "another --group"}
SPACE = Space(3, "range")
Opener = Callable[..., Study]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Opens a study as a process of its own would."""
    with ExitStack() as stack:

        def open_(
            name: str = "study.db", about: Mapping[str, Any] = ABOUT, space: Space = SPACE, seed: int = 0
        ) -> Study:
            company = stack.enter_context(Company(tmp_path / name))
            return stack.enter_context(opened_study(tmp_path / name, about, WORDS, space, seed, company))

        yield open_


@contextmanager
def only(path: Path, about: Mapping[str, Any] = ABOUT) -> Iterator[Study]:
    """Open a study for a while, as a process that then ends."""
    with Company(path) as company, opened_study(path, about, WORDS, SPACE, 0, company) as study:
        yield study


def run(study: Study, trials: int, cers: Callable[[Candidate], float]) -> tuple[Trial, ...]:
    """Try all that is left, in two parts each."""
    while isinstance(begun := study.begin(trials), Begun):
        study.keep(begun.number, [[1]], cers(begun.candidate), 0.25)
        study.keep(begun.number, [[1], [2, 0]], cers(begun.candidate), 0.5)
        study.finish(begun.number, cers(begun.candidate), 0.5)
    return study.trials()


def length(candidate: Candidate) -> float:
    return 10.0 - (candidate.last - candidate.first)


def test_single_checkpoints_come_first_then_all_alike_then_what_is_proposed(opened: Opener) -> None:
    trials = run(opened(space=Space(4, "range")), 2, length)
    assert [one.kind for one in trials] == ["single"] * 4 + ["uniform"] + ["trial"] * 2
    assert [one.number for one in trials] == list(range(7))
    assert [one.candidate for one in trials[:5]] == [*(Candidate(at, at) for at in range(4)), Candidate(0, 3)]
    assert trials[4] == Trial(4, "uniform", Candidate(0, 3), 7.0, 2, "complete", 0.5)


def test_when_all_ranges_are_known_there_is_nothing_left(opened: Opener) -> None:
    study = opened()
    trials = run(study, 50, length)
    assert len(trials) == study.planned(50) == 6
    assert len({one.candidate for one in trials}) == 6
    assert study.begin(50) == "done"


def test_more_trials_can_be_asked_for_later(opened: Opener) -> None:
    space = Space(6, "range")
    few = run(opened("few.db", space=space), 2, length)
    assert run(opened("few.db", space=space), 5, length) == run(opened("many.db", space=space), 5, length)
    assert run(opened("few.db", space=space), 2, length)[:9] == few


def test_what_a_process_that_is_gone_was_at_is_gone_on_with(tmp_path: Path) -> None:
    with only(tmp_path / "study.db") as study:
        begun = study.begin(1)
        assert isinstance(begun, Begun)
        study.keep(begun.number, [[4, 0]], 12.5, 3.25)
    with only(tmp_path / "study.db") as study:
        assert study.begin(1) == Begun(begun.number, begun.kind, begun.candidate, ((4, 0),), 3.25)
        # It is this one's now, and there is nobody else who could.
        assert study.begin(1) == Begun(begun.number, begun.kind, begun.candidate, ((4, 0),), 3.25)


def test_nobody_takes_what_another_one_is_at(opened: Opener) -> None:
    one, other = opened(), opened()
    first, second = one.begin(0), other.begin(0)
    assert isinstance(first, Begun)
    assert isinstance(second, Begun)
    assert first.candidate != second.candidate
    one.keep(first.number, [[1]], 1.0, 0.0)
    one.finish(first.number, 1.0, 0.0)
    run(one, 0, length)
    assert one.begin(0) == "others"
    other.keep(second.number, [[1]], 1.0, 0.0)
    other.finish(second.number, 1.0, 0.0)
    assert one.begin(0) == "done"
    assert one.trials() == other.trials()


def test_what_is_worse_than_the_best_in_all_recordings_is_hopeless_and_what_is_as_good_is_not(opened: Opener) -> None:
    study = opened()
    first, *others = (10, 12, 10, 9)
    # Whoever is first has nobody to be held against; of the others, the best so far counts, not the first.
    for edits, expected in ((first, False), *zip(others, (True, False, False), strict=True)):
        begun = study.begin(0)
        assert isinstance(begun, Begun)
        study.keep(begun.number, [[edits] * 10, [edits] * 10], 12.5, 0.0)
        assert study.is_hopeless(begun.number) is expected
        study.finish(begun.number, float(edits), 0.0, pruned=expected)
    assert [one.state for one in study.trials()] == ["complete", "pruned", "complete", "complete"]


def test_what_is_remembered_stays_what_it_was_first(opened: Opener) -> None:
    assert opened().remember("sounds", [[1.5, 0.25], None]) == [[1.5, 0.25], None]
    assert opened().remember("sounds", []) == [[1.5, 0.25], None]


def test_what_is_remembered_of_a_study_in_which_nothing_was_tried_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    with only(path) as study:
        assert study.remember("type", "float32") == "float32"
    with only(path) as study:
        assert study.remember("type", "int8") == "int8"
        study.begin(0)
    with only(path) as study:
        assert study.remember("type", "float32") == "int8"


def test_a_search_that_is_refused_before_it_tries_anything_leaves_no_study_that_it_has_made(tmp_path: Path) -> None:
    path = tmp_path / "study.db"

    def refuse(*, after: int) -> None:
        with only(path) as study:
            for _ in range(after):
                study.begin(0)
            raise InputError("none of these recordings can be heard")

    with pytest.raises(InputError):
        refuse(after=0)
    assert not path.exists()
    with pytest.raises(InputError):
        refuse(after=1)
    assert path.exists()
    # Nor one that was there before.
    path.unlink()
    with only(path):
        pass
    with pytest.raises(InputError):
        refuse(after=0)
    assert path.exists()


def test_optuna_itself_reads_the_study(opened: Opener, tmp_path: Path) -> None:
    run(opened(), 1, length)
    study = optuna.load_study(study_name="average", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert study.best_value == 8.0
    assert study.best_params == {"first": 0, "last": 2}
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 5


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"corpus": "abd"}, "another corpus"),
        ({"corpus": "abd", "patterns": ["encoder*", "*"]}, "another corpus, another --group"),
    ],
)
def test_a_study_of_something_else_is_refused_and_stays_as_it_is(
    opened: Opener, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    run(opened(), 1, length)
    before = (tmp_path / "study.db").read_bytes()
    with pytest.raises(InputError, match=rf"study\.db: is the study of another search \({said}\)"):
        opened(about={**ABOUT, **changed})
    assert (tmp_path / "study.db").read_bytes() == before


def test_a_study_in_which_nothing_was_tried_becomes_what_is_wanted(opened: Opener, tmp_path: Path) -> None:
    path, other = tmp_path / "study.db", {**ABOUT, "seed": 1}
    # Not while somebody is about to try something.
    with only(path), pytest.raises(InputError, match="another search has just begun there"), only(path, other):
        pass
    assert len(run(opened(about={**ABOUT, "seed": 1}), 0, length)) == 4


@pytest.mark.parametrize("content", [b"no database\n" * 100, b"SQLite format 3\0 and no more"])
def test_a_file_that_is_no_database_is_refused(opened: Opener, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"notes\.txt: is no study of `awct2 average`"):
        opened("notes.txt")
    assert (tmp_path / "notes.txt").read_bytes() == content


def test_other_databases_and_other_studies_are_left_alone(opened: Opener, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE studies (name TEXT)")
    own = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'own.db'}")
    optuna.create_study(study_name="average", storage=own)
    own.engine.dispose()
    for name, said in (("other.db", "is no study of"), ("own.db", "is a study, and none of")):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(InputError, match=said):
            opened(name)
        assert (tmp_path / name).read_bytes() == before


def test_a_folder_is_no_file_for_a_study(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder: is a folder; name a file"):
        opened("folder")


@pytest.mark.parametrize("name", ["試験 その1.db", "a%20b?c=d&e.db", "h#i@j:k+l{SCHEMA_VERSION}.db"])
def test_a_study_may_be_called_anything(opened: Opener, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    run(opened(f"folder/{name}"), 1, length)
    assert (tmp_path / "folder" / name).is_file()


def test_an_empty_file_becomes_a_study(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "study.db").touch()
    assert len(run(opened(), 0, length)) == 4


def test_a_full_disk_is_told_in_a_line_and_the_study_goes_on_from_there(opened: Opener, tmp_path: Path) -> None:
    study = opened(space=Space(5, "range"))
    begun = study.begin(0)
    assert isinstance(begun, Begun)
    study.keep(begun.number, [[3]], 30.0, 0.0)
    with closing(sqlite3.connect(tmp_path / "study.db")) as file:
        pages = file.execute("PRAGMA page_count").fetchone()[0]
    storage = study._storage
    connect = storage.engine.pool._creator
    storage.engine.pool._creator = lambda: _full(connect(), pages)  # type: ignore[call-arg,arg-type,misc,unused-ignore]
    said = "the study cannot be kept there: the disk is full; make room; the same command goes on"
    with pytest.raises(OutputError, match=rf"study\.db: {said}$"):
        study.keep(begun.number, [[3] * 5_000], 30.0, 0.0)  # more than there is room for in the pages that there are
    storage.engine.pool._creator = connect
    assert len(run(study, 1, length)) == 7


def _full(connection: sqlite3.Connection, pages: int) -> sqlite3.Connection:
    connection.execute(f"PRAGMA max_page_count = {pages}")
    return connection
