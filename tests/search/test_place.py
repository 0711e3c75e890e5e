"""A search leaves alone what is not its own, and puts right what a killed one has left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.search.company import Company
from anime_whisper_ct2.search.place import Place


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run" / "checkpoint-100").mkdir(parents=True)
    (tmp_path / "clips").mkdir()
    return tmp_path / "run" / "checkpoint-100"


def test_work_and_study_lie_beside_the_result_unless_they_are_named(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "a" / ".." / "out", None, None)
    assert place == Place(tmp_path / "out", tmp_path / "out.work", tmp_path / "out.work" / "study.db", named=False)
    named = Place.of(tmp_path / "out", tmp_path / "work", tmp_path / "trials.db")
    assert named == Place(tmp_path / "out", tmp_path / "work", tmp_path / "trials.db", named=True)


def file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"somebody's")
    return path


@pytest.mark.parametrize(
    ("given", "before", "said"),
    [
        (("out", None, None), "out/notes.txt", "out: is not empty, and no result of `awct2 average`"),
        (("out", None, None), "out/average.json", "out: holds an average already; .* or add --overwrite"),
        (("out", None, None), "out.work/notes.txt", "out.work: is not empty, and no work of a search"),
        (("out", None, None), "out.work", "out.work: is a file, and the work goes into a folder of that name"),
        (("out", "out/work", None), None, "work: lies in .*out, which appears when all is done"),
        (("work/out", "work", None), None, "out: lies in .*work, where the work is"),
        (("out", None, "out/study.db"), None, "study.db: lies in .*out, which appears when all is done"),
        (("run/checkpoint-100/out", None, None), None, "out: lies in the checkpoint .*checkpoint-100"),
        (("run", None, None), None, "run: is not empty"),
        (("out", "run", None), None, "run: the checkpoint lies in it .*--work"),
        (("out", "clips", None), None, "clips: .*clips lies in it; .*--work"),
        (("out", "a/work", None), "a", "work: cannot be made, since .*a is a file; .*--work"),
        (("out", None, "a/study.db"), "a", "a: cannot be made, since .*a is a file; .*--study"),
    ],
)
def test_places_where_something_would_be_lost_are_refused(
    run: Path, tmp_path: Path, given: tuple[str, str | None, str | None], before: str | None, said: str
) -> None:
    if before:
        file(tmp_path / before)
    out, work, study = (None if name is None else tmp_path / name for name in given)
    assert out is not None
    there = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=said):
        Place.of(out, work, study).check([str(run), str(run)], [str(tmp_path / "clips")])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == there


def test_an_earlier_result_does_not_go_with_what_somebody_has_put_there(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "out", None, None)
    for name in ("model.safetensors", "search.json", "search.md", "search.svg"):
        file(place.out / name)
    (place.out / "average.json").write_text('{"files": ["average.json", "model.safetensors"]}', encoding="utf-8")
    place.check_out(overwrite=True)
    file(place.out / "notes.txt")
    with pytest.raises(InputError, match=r"out: holds notes\.txt, which no `awct2 average` has written; move it away"):
        place.check_out(overwrite=True)


def test_work_that_was_begun_is_gone_on_with(run: Path, tmp_path: Path) -> None:
    place = Place.of(tmp_path / "out", None, None)
    place.make()
    file(place.study)
    place.check([str(run)])
    place.settle()
    place.tidy()
    assert place.study.exists()


def test_a_work_folder_in_which_nothing_is_goes(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "out", None, None)
    place.make()
    place.tidy()
    assert not place.work.exists()


def finished(place: Place, made: Callable[[str], Path]) -> None:
    """Leave work as it is when the result is there."""
    place.make()
    for name in ("features-float32-abc/features.bin", "sums-abc/sums.json", "models/abc/model.bin"):
        file(place.work / name)
    made("search.json")
    place.about_to_appear(place.out)


@pytest.mark.parametrize("of_another", [False, True])
def test_work_that_is_done_goes_and_what_others_put_there_stays(tmp_path: Path, of_another: bool) -> None:
    place = Place.of(tmp_path / "out", None, None)
    finished(place, lambda name: file(place.out / name))
    if of_another:
        file(place.work / "notes.txt")
    place.settle()
    left = {path.name for path in place.work.rglob("*")} if place.work.exists() else set()
    # With the mark, the work can be gone on with.
    assert left == ({"notes.txt", ".search"} if of_another else set())
    file(place.out / "average.json")
    place.check([], overwrite=True)


def test_work_of_a_result_that_is_not_there_stays(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "out", None, None)
    finished(place, lambda name: file(place.out / name))
    (place.out / "search.json").write_bytes(b"another one's")
    place.settle()
    assert (place.work / "sums-abc" / "sums.json").exists()


def test_an_earlier_result_comes_back_unless_somebody_is_just_replacing_it(tmp_path: Path) -> None:
    from anime_whisper_ct2.search.place import KIND
    from anime_whisper_ct2.system import swapping

    place = Place.of(tmp_path / "out", None, None)
    file(place.out / "average.json")

    def swap() -> None:
        with swapping._beside(place.out, KIND) as (new, target):
            new.mkdir()
            target.rename(new.with_name("old"))
            place.settle()
            raise InterruptedError

    with Company(place.study) as company, company.ending(), pytest.raises(InterruptedError):
        swap()
    assert not place.out.exists()
    place.settle()
    assert (place.out / "average.json").exists()


def test_named_work_stays(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "out", tmp_path / "work", None)
    finished(place, lambda name: file(place.out / name))
    with Company(place.study) as company, place.joined() as crew:
        place.leave(crew, company)
    place.settle()
    assert (place.work / "sums-abc" / "sums.json").exists()


def test_the_last_one_in_a_work_folder_clears_it_and_the_last_one_at_the_study_that(tmp_path: Path) -> None:
    study = tmp_path / "a.work" / "study.db"
    a, b = Place.of(tmp_path / "a", None, None), Place.of(tmp_path / "b", None, study)
    for place in (a, b):
        finished(place, lambda name, out=place.out: file(out / name))  # type: ignore[misc]
    file(study)
    with Company(study) as of_a, a.joined() as crew_a, Company(study) as of_b, b.joined() as crew_b:
        a.settle()
        assert (a.work / "sums-abc").exists()
        a.leave(crew_a, of_a)
        # What b is at stays, and what it never was.
        assert {path.name for path in a.work.iterdir()} == {".search", "study.db", "study.db.processes"}
        assert (b.work / "sums-abc").exists()
        b.leave(crew_b, of_b)
    assert not b.work.exists()
    a.settle()
    assert not a.work.exists()


def test_models_of_those_that_are_gone_go_and_those_of_others_stay(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "out", None, None)
    with place.joined() as one, place.joined() as other:
        for token in (one.token, other.token, "gone"):
            file(place.models / token / "model.bin")
        place.clear_models(one)
        assert {path.name for path in place.models.iterdir()} == {one.token, other.token}


def test_work_of_a_search_with_another_study_is_left_alone(run: Path, tmp_path: Path) -> None:
    place, other = Place.of(tmp_path / "out", None, None), Place.of(tmp_path / "out", None, tmp_path / "b.db")
    place.make()
    with place.joined():
        with pytest.raises(InputError, match=r"out\.work: another search is at work there, with the study .*study\.db"):
            other.check([str(run)])
        place.check([str(run)])
    other.check([str(run)])
