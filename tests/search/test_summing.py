"""Sums of checkpoints are kept where they leave room for all else, and never at the cost of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from anime_whisper_ct2.models import open_series
from anime_whisper_ct2.options import AUDIO
from anime_whisper_ct2.search import summing
from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.place import Place
from anime_whisper_ct2.search.summing import summed
from anime_whisper_ct2.search.trying import Trier

if TYPE_CHECKING:
    from anime_whisper_ct2.models import PrefixSums, Series


class Disk:
    """A disk on which so much is free beside what sums take."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.size = 1 << 40

    def __call__(self, _path: object) -> SimpleNamespace:
        """Say how much is free."""
        return SimpleNamespace(
            free=self.size - sum(path.stat().st_size for path in self.place.work.glob("sums-*/sum-*"))
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place.of(tmp_path / "out", tmp_path / "work", None)
    place.make()
    return place


@pytest.fixture
def disk(place: Place, monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(place)
    monkeypatch.setattr(summing.shutil, "disk_usage", disk)
    return disk


@pytest.fixture
def opened(series: list[str]) -> Iterator[Series]:
    with open_series(series) as checkpoints:
        yield checkpoints


@contextmanager
def sums_of(opened: Series, place: Place, notes: list[str], identity: str = "a") -> Iterator[PrefixSums | None]:
    """Open sums as a process of its own would."""
    with place.joined() as crew:
        trier = Trier(opened, place.models / crew.token, SearchOptions(), AUDIO, None, notes.append)
        with summed(place, crew, trier, [identity] * 5, lambda _advance: None, notes.append) as sums:
            yield sums


def elements(opened: Series) -> int:
    return sum(tensor.size for tensor in opened.checkpoints[0].tensors.values())


def test_they_are_kept_where_a_conversion_and_the_result_find_room_beside_them(
    opened: Series, place: Place, disk: Disk
) -> None:
    # Five sums, a conversion, and the result in float32.
    least, notes = (5 * 8 + 8 + 4) * elements(opened), list[str]()
    disk.size = least
    with sums_of(opened, place, notes) as sums:
        assert sums is not None
    assert not notes
    # Of an earlier call, they go as soon as they leave too little.
    disk.size = least - 1
    with sums_of(opened, place, notes) as sums:
        assert sums is None
    (note,) = notes
    assert f"take {40 * elements(opened):,} bytes, and all else {12 * elements(opened):,}; " in note
    assert note.endswith("so there are no sums; each trial reads all of its checkpoints meanwhile")
    assert not list(place.work.glob("sums-*"))


def test_those_of_other_checkpoints_go_first(opened: Series, place: Place, disk: Disk) -> None:
    notes: list[str] = []
    disk.size = 52 * elements(opened)
    with sums_of(opened, place, notes, "b"):
        pass
    with sums_of(opened, place, notes, "a") as sums:
        assert sums is not None
    assert not notes
    assert len(list(place.work.glob("sums-*"))) == 1


def test_what_another_process_reads_stays(opened: Series, place: Place, disk: Disk) -> None:
    notes: list[str] = []
    disk.size = 52 * elements(opened)
    with sums_of(opened, place, notes) as first:
        disk.size -= 1
        with sums_of(opened, place, notes) as second:
            assert first is not None
            assert second is not None
    assert not notes


def test_another_process_needs_room_for_its_conversion_too(opened: Series, place: Place, disk: Disk) -> None:
    notes: list[str] = []
    disk.size = 52 * elements(opened)
    with place.joined(), sums_of(opened, place, notes) as sums:
        assert sums is None
    disk.size += 8 * elements(opened)
    with place.joined(), sums_of(opened, place, notes) as sums:
        assert sums is not None


@pytest.mark.parametrize(("count", "strategy"), [(4, "range"), (5, "weights")])
def test_where_they_would_save_nothing_there_are_none(
    series: list[str], place: Place, count: int, strategy: str
) -> None:
    with open_series(series[:count]) as few, place.joined() as crew:
        options = SearchOptions(strategy=strategy)  # type: ignore[arg-type] # one of the two
        trier = Trier(few, place.models, options, AUDIO, None, print)
        with summed(place, crew, trier, ["a"] * count, lambda _advance: None, print) as sums:
            assert sums is None
    assert not list(place.work.glob("sums-*"))
