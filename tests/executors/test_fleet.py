"""Several engines share the work, one lost heals, and nothing is done twice or left out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.errors import EngineError, InputError, ModelFolderError
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.fleet import Fleet, _Station
from anime_whisper_ct2.executors.messages import StationSettings
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.options import DecodingOptions, EngineOptions, FrontendOptions, SegmentOptions
from anime_whisper_ct2.records import Failure, Headway, Recording, Tick, Transcript
from tests.support.places import CORPUS
from tests.support.processes import KILLED, kill

N = 60


def settings(opener: str, model: str = "") -> StationSettings:
    here = FrontendOptions(workers=0)
    named, here = f"tests.support.engines:{opener}", FrontendOptions(workers=0)
    return StationSettings(model, EngineOptions(), DecodingOptions(), here, WindowLength(), named)


@pytest.fixture
def recordings(write_tone: Callable[..., Path]) -> list[Recording]:
    path = str(write_tone("a.wav", 0.5))
    return [Recording(f"{n}", path, path, {"n": n}) for n in range(N)]


def run(
    fleet: Fleet, recordings: list[Recording], stop_after: int | None = None, *, failures: bool = False
) -> dict[int, Any]:
    done: dict[int, Any] = {}
    try:
        fleet.open()
        for item in fleet.run(enumerate(recordings)):
            if isinstance(item, (Tick, Headway)):
                continue
            key, outcome = item
            assert key not in done
            assert failures or isinstance(outcome, Transcript)
            done[key] = outcome
            if len(done) == stop_after:
                fleet.stop()
    finally:
        fleet.close()
    return done


def test_each_process_sees_its_own_gpu(recordings: list[Recording]) -> None:
    pins = ({"CUDA_VISIBLE_DEVICES": gpu} for gpu in ("2", "3"))
    fleet = Fleet([replace(settings("by_gpu"), env=pin) for pin in pins], ahead=4)
    assert {outcome.text for outcome in run(fleet, recordings).values()} == {"2", "3"}


def test_on_gpus_the_first_settles_what_all_encode_with(recordings: list[Recording]) -> None:
    on_gpus = replace(settings("by_encoder"), engine=EngineOptions("cuda"))
    fleet = Fleet([on_gpus] * 2, ahead=4)
    assert {outcome.text for outcome in run(fleet, recordings).values()} == {"auto", "torch"}


def test_every_recording_comes_back_once_under_its_own_number(recordings: list[Recording]) -> None:
    done = run(Fleet([settings("plain"), settings("plain")], ahead=8), recordings)
    assert {key: (outcome.id, outcome.meta) for key, outcome in done.items()} == {
        n: (f"{n}", {"n": n}) for n in range(N)
    }


def test_the_work_is_shared(recordings: list[Recording]) -> None:
    fleet = Fleet([settings("by_process"), settings("by_process")], ahead=8)
    done = run(fleet, recordings)
    shares = [sum(outcome.text == who for outcome in done.values()) for who in {o.text for o in done.values()}]
    assert len(shares) == 2
    # More than the 8 that each is given at first.
    assert min(shares) >= N // 6
    # Both engines' time: each recording took a fiftieth of a second.
    assert fleet.worked.span_s - fleet.worked.waited_s >= N * 0.02
    assert fleet.figures["engine_waits"] == round(fleet.worked.waited_s / fleet.worked.span_s, 4)


def test_a_small_corpus_is_shared_too(recordings: list[Recording]) -> None:
    done = run(Fleet([settings("by_process"), settings("by_process")]), recordings[:8])
    assert len({outcome.text for outcome in done.values()}) == 2


def test_an_engine_that_dies_is_started_again_and_its_share_done(recordings: list[Recording], tmp_path: Path) -> None:
    fleet = Fleet([settings("dies_once", str(tmp_path / "died"))] * 2, ahead=8)
    assert run(fleet, recordings).keys() == set(range(N))
    assert fleet.figures["engine_deaths"] == 1


def test_an_engine_that_dies_as_torch_encodes_is_started_again(tiny_model: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    options = EngineOptions(device="cpu", compute_type="float32", encoder="torch", batch_size=2)
    here = FrontendOptions(workers=0)
    named = "tests.support.torch_engines:dies_once"
    fleet = Fleet([StationSettings(str(model), options, DecodingOptions(), here, WindowLength("fit"), named)], ahead=16)
    paths = sorted(map(str, CORPUS.rglob("第一章/*.ogg")))
    done = run(fleet, [Recording(path, path, path) for path in paths])
    assert fleet.figures["engine_deaths"] == 1
    assert fleet.description["encoder"]["library"] == "torch"
    assert len(done) == len(paths) >= 9
    assert all(transcript.text for transcript in done.values())


def test_an_engine_that_dies_in_a_long_recording_goes_on_where_it_was(
    write_tone: Callable[..., Path], tmp_path: Path
) -> None:
    path = str(write_tone("long.wav", 20 * 30.0))
    taken = tmp_path / "taken"
    cut = replace(settings("dies_every_eight_windows", str(taken)), segment=SegmentOptions("off"))
    fleet = Fleet([cut])
    try:
        fleet.open()
        items = [item for item in fleet.run([(0, Recording("long", path, path))]) if not isinstance(item, Tick)]
    finally:
        fleet.close()
    *headways, (_, transcript) = items
    assert isinstance(transcript, Transcript)
    assert [segment.text for segment in transcript.segments] == [f"{n}" for n in range(20)]
    assert fleet.figures["engine_deaths"] >= 2
    # Each is told of once; lost is no more than what was in flight.
    headways = [headway for headway in headways if isinstance(headway, Headway)]
    told = [home.number for headway in headways for home in headway.homes]
    assert len(told) == len(set(told)) >= 12
    assert len(taken.read_text(encoding="utf-8").splitlines()) <= 20 + 8 * fleet.figures["engine_deaths"]
    # What the dead ones did is this run's own work, and nothing of it is taken back.
    assert {headway.kept_s for headway in headways} == {0.0}
    assert [headway.done_s for headway in headways] == sorted(headway.done_s for headway in headways)


def test_a_long_recording_that_costs_the_engine_again_and_again_is_the_only_one_left_out(
    recordings: list[Recording], write_tone: Callable[..., Path]
) -> None:
    path = str(write_tone("long.wav", 12 * 30.0))
    cut = replace(settings("dies_at_the_eighth_window"), segment=SegmentOptions("off"))
    done = run(Fleet([cut]), [Recording("long", path, path), *recordings[:8]], failures=True)
    assert isinstance(done[0], Failure)
    assert (done[0].error, len(done)) == ("EngineDied", 9)
    assert all(isinstance(done[key], Transcript) for key in range(1, 9))


def test_an_engine_that_keeps_dying_leaves_its_share_to_the_others(recordings: list[Recording]) -> None:
    fleet = Fleet([settings("by_process"), settings("always_dies")], ahead=8)
    assert run(fleet, recordings).keys() == set(range(N))
    assert fleet.figures["engine_deaths"] == 3


@pytest.mark.parametrize(
    ("opener", "engines", "ahead", "cause"),
    [
        ("dies_of_poison", 2, 8, KILLED),
        ("hangs_over_poison", 1, 4, "the device has not answered for 3 s"),
        ("loses_the_device_over_poison", 1, 16, "CUDA failed with error an illegal memory access was encountered"),
    ],
)
def test_a_recording_that_costs_the_engine_is_found_and_the_only_one_left_out(
    recordings: list[Recording],
    write_tone: Callable[..., Path],
    opener: str,
    engines: int,
    ahead: int,
    cause: str,
) -> None:
    given = list(recordings)
    given[17] = replace(given[17], audio=str(write_tone("poison.wav", 0.7)))
    done = run(Fleet([settings(opener)] * engines, ahead=ahead), given, failures=True)
    assert done.keys() == set(range(N))
    failed = {key: outcome for key, outcome in done.items() if isinstance(outcome, Failure)}
    assert failed.keys() == {17}
    assert (failed[17].error, failed[17].message) == ("EngineDied", f"the engine died over it ({cause})")


@pytest.mark.parametrize("opener", ["hangs_once", "fails_once", "runs_out_of_memory_and_is_lost"])
def test_a_device_that_answers_no_more_is_reached_again_by_a_new_process(
    recordings: list[Recording], tmp_path: Path, opener: str
) -> None:
    fleet = Fleet([settings(opener, str(tmp_path / "happened"))], ahead=32)
    assert run(fleet, recordings).keys() == set(range(N))
    assert fleet.figures["engine_deaths"] == 1
    # What the lost one had counted is not lost with it.
    assert fleet.figures["memory_halvings"] == (opener == "runs_out_of_memory_and_is_lost")


def test_a_device_that_is_not_there_at_once_is_asked_for_again(recordings: list[Recording], tmp_path: Path) -> None:
    fleet = Fleet([settings("comes_back_late", str(tmp_path / "happened"))], ahead=32)
    assert run(fleet, recordings).keys() == set(range(N))
    assert fleet.figures["engine_deaths"] == 2


@pytest.mark.posix("fork")
def test_nobody_waits_for_a_process_that_a_device_keeps_from_ending(
    recordings: list[Recording], tmp_path: Path
) -> None:
    left = tmp_path / "left"
    assert run(Fleet([settings("is_kept_from_ending", str(left))], ahead=8), recordings).keys() == set(range(N))
    kill(int(left.read_text(encoding="utf-8")))  # it is still there


def test_an_engine_that_never_loads_is_given_up(recordings: list[Recording], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anime_whisper_ct2.executors.fleet._LOAD_LIMIT_S", 0.5)
    with pytest.raises(EngineError, match="died while it loaded the model"):
        run(Fleet([settings("never_loads")]), recordings)


@pytest.mark.parametrize(("opener", "cause"), [("always_dies", KILLED), ("always_fails", "illegal memory access")])
def test_no_engine_left_ends_the_run(recordings: list[Recording], opener: str, cause: str) -> None:
    with pytest.raises(EngineError, match=rf"^no engine is left \(.*{cause}.*\)$"):
        run(Fleet([settings(opener)], ahead=32), recordings)


def test_audio_that_recordings_bring_along_bounds_what_is_handed_out(
    write_tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write_tone("a.wav", 0.5).read_bytes()
    monkeypatch.setattr("anime_whisper_ct2.executors.fleet._MOST_BYTES", 3 * len(content))
    most = 0
    given = _Station.give

    def give(station: _Station, task: Task) -> None:
        nonlocal most
        given(station, task)
        most = max(most, len(station.in_hand))

    monkeypatch.setattr(_Station, "give", give)
    fleet = Fleet([settings("plain"), settings("plain")])
    assert run(fleet, [Recording(f"{n}", f"{n}", content) for n in range(N)]).keys() == set(range(N))
    assert most == 3


def test_an_engine_that_refuses_the_model_says_why(recordings: list[Recording]) -> None:
    with pytest.raises(ModelFolderError, match="not a model"):
        run(Fleet([settings("plain"), settings("refuses", "m")], ahead=8), recordings)


@pytest.mark.parametrize("ahead", [8, 2048])
def test_stopping_ends_with_what_is_in_flight(recordings: list[Recording], ahead: int) -> None:
    # Also when every recording was handed out already.
    done = run(Fleet([settings("by_process")], ahead=ahead), recordings, stop_after=5)
    assert 5 <= len(done) < N


def test_an_error_in_the_listing_reaches_the_caller(recordings: list[Recording]) -> None:
    def listing() -> Iterator[Recording]:
        yield from recordings[:20]
        raise LookupError("the list ends here")

    with pytest.raises(LookupError, match="the list ends here"):
        run(Fleet([settings("plain")], ahead=8), listing())  # type: ignore[arg-type]


def test_engines_split_the_cores_and_gpus_get_one_each() -> None:
    assert [part.cpu_threads for part in EngineOptions(device="cpu", engines=2, cpu_threads=6).split()] == [3, 3]
    assert [part.gpus for part in EngineOptions(gpus=(0, 2)).split()] == [(0,), (2,)]
    wrong = (
        {"engines": 2},
        {"engines": 2, "device": "cuda"},
        {"engines": 0},
        {"gpus": (1,), "device": "cpu"},
        {"gpus": (0, 0)},
        {"gpus": ()},
    )
    for options in wrong:
        with pytest.raises(InputError):
            EngineOptions(**options)  # type: ignore[arg-type]
