"""A window's features lie where its worker wrote them, for as long as anybody looks, and no slot is lost."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from anime_whisper_ct2.executors import attendant, pool
from anime_whisper_ct2.executors import slots as room
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.pool import InProcess, WorkerPool
from anime_whisper_ct2.executors.slots import LENT, Laid, Lease, Slots, Writer
from anime_whisper_ct2.options import SegmentOptions
from anime_whisper_ct2.records import ArrayAudio, Closed, Features, LogMel, Opened, Recording, Sound, Window
from tests.support import dying_worker
from tests.support.processes import wait_until
from tests.support.sounds import tone

SETTINGS = FeatureSettings(n_mels=80, half=True, segment=SegmentOptions(mode="off"))


def window(frames: int, seed: int = 0) -> Window:
    values = np.random.default_rng(seed).standard_normal((80, frames)).astype(np.float16)
    return Window(7, 1, 0.5, 2.5, LogMel(values, -0.6), Sound(0.1, 0.0, 30.0))


@pytest.fixture
def slots() -> Iterator[Slots]:
    made = Slots(80, np.float16, 4)
    yield made
    made.close()


def lay(slots: Slots, lease: Lease, *windows: Window) -> list[Window]:
    """Send windows the way that they go, with both ends in this process."""
    writer = Writer(slots.layout)
    writer.take(lease.more())
    laid = [writer.laid(one) for one in windows]
    assert all(isinstance(one, Laid) for one in laid)
    return lease.taken(laid)  # type: ignore[return-value]


@pytest.mark.parametrize("frames", [1, 513, 1_500, 3_000])
def test_a_window_comes_out_as_it_went_in(slots: Slots, frames: int) -> None:
    sent = window(frames)
    (got,) = lay(slots, Lease(slots), sent)
    np.testing.assert_array_equal(got.mel.values, sent.mel.values, strict=True)
    assert not got.mel.values.flags.owndata
    rest = [(one.key, one.number, one.start_s, one.end_s, one.mel.floor, one.sound) for one in (got, sent)]
    assert rest[0] == rest[1]


def test_a_slot_is_free_when_the_last_view_of_it_is_gone(slots: Slots) -> None:
    lease = Lease(slots)
    (got,) = lay(slots, lease, window(2_000))
    lease.end()
    assert slots.free == 3
    part = got.mel.values[:, 5:9]
    copy = part.copy()
    del got
    assert slots.free == 3
    np.testing.assert_array_equal(part, copy)
    del part
    assert slots.free == 4


def test_a_slot_of_a_long_window_serves_again(slots: Slots) -> None:
    """What it holds beyond a short one is given back to the system meanwhile."""
    for seed, frames in enumerate((3_000, 400, 3_000, 2_999)):
        lease, sent = Lease(slots), window(frames, seed)
        (got,) = lay(slots, lease, sent)
        np.testing.assert_array_equal(got.mel.values, sent.mel.values)
        lease.end()
        del got


def test_windows_outlive_the_slots() -> None:
    made = Slots(80, np.float16, 4)
    sent = window(700)
    (got,) = lay(made, Lease(made), sent)
    made.close()
    del made
    gc.collect()
    np.testing.assert_array_equal(got.mel.values, sent.mel.values)


def test_many_threads_may_let_go(slots: Slots) -> None:
    for _ in range(50):
        lease = Lease(slots)
        threads = [
            threading.Thread(target=lambda held: held.clear(), args=([got],))
            for got in lay(slots, lease, window(100), window(100, 1), window(100, 2))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        del threads
        lease.end()
    assert sorted(slots.lease(9)) == [0, 1, 2, 3]


def test_without_a_free_slot_a_window_goes_as_it_is(slots: Slots) -> None:
    held = slots.lease(3)
    writer = Writer(slots.layout)
    writer.take(Lease(slots).more())
    assert isinstance(writer.laid(window(100)), Laid)
    sent = window(100)
    assert writer.laid(sent) is sent
    writer.take(held)
    assert isinstance(writer.laid(sent), Laid)


def test_a_write_that_finds_no_memory_costs_nothing(slots: Slots, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk: the window goes as it is, and the slot serves for the next one."""
    writer = Writer(slots.layout)
    writer.take(slots.lease(1))
    sent = window(100)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(room.Lent, "write", full)
        assert writer.laid(sent) is sent
    assert isinstance(writer.laid(sent), Laid)


@pytest.mark.parametrize("frames", [0, 3_001])
def test_what_lies_in_no_slot_is_not_looked_at(slots: Slots, frames: int) -> None:
    """A worker whose memory is damaged says anything; to read where it says would cost this process."""
    lease = Lease(slots)
    mine, *_ = lease.more()
    good = Laid(mine, 100, 0.0, 0, 0, 0.0, 1.0, Sound())
    for wrong in (
        [Laid(mine, frames, 0.0, 0, 0, 0.0, 1.0, Sound())],
        [good, good],
        [Laid(99, 100, 0.0, 0, 0, 0.0, 1.0, Sound())],
    ):
        with pytest.raises(EOFError):
            lease.taken(wrong)
    with pytest.raises(EOFError):
        Lease(None).taken([good])
    lease.end()
    assert slots.free == 4


def test_there_are_no_more_slots_than_a_gigabyte_of_addresses_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_BYTES", 10 * 3_000 * 80 * 2)
    made = Slots(80, np.float16, 1_000)
    made.close()
    assert made.count == made.free == 10


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Slots]:
    """Keep the slots of the pools that are opened; each counts the windows that it gave."""
    made: list[Slots] = []

    class Kept(Slots):
        given = 0

        def __init__(self, *args: object) -> None:
            super().__init__(*args)  # type: ignore[arg-type]
            made.append(self)

        def window(self, laid: Laid) -> Window:
            self.given += 1
            return super().window(laid)

    monkeypatch.setattr(pool, "Slots", Kept)
    return made


def recordings(count: int) -> list[tuple[int, Recording]]:
    sounds = (ArrayAudio(tone(1 + key % 3), 16_000) for key in range(count))
    return [(key, Recording(str(key), str(key), sound)) for key, sound in enumerate(sounds)]


def features(messages: Iterator[pool.Message]) -> dict[int, Features]:
    """Give each recording's features, of one window each, and see that all ended well."""
    found: dict[int, Features] = {}
    opened, closed = [], []
    for message in messages:
        if isinstance(message, Window):
            found[message.key] = message.mel.values
        elif isinstance(message, Opened):
            opened.append(message.key)
        elif isinstance(message, Closed):
            closed.append(message.key)
    assert sorted(opened) == sorted(closed) == sorted(found)
    return found


def test_features_lie_in_shared_memory_and_their_slots_come_back(seen: list[Slots]) -> None:
    there = features(WorkerPool(SETTINGS, workers=2, capacity=8)(recordings(12)))
    here = features(InProcess(SETTINGS)(recordings(12)))
    assert sum(not values.flags.owndata for values in there.values()) == 12
    for key, values in here.items():
        np.testing.assert_allclose(there[key], values, rtol=0, atol=2e-3)
    (slots,) = seen
    assert slots.free == slots.count - 12
    there.clear()
    assert slots.free == slots.count


@pytest.mark.parametrize("moment", dying_worker.MOMENTS)
def test_no_slot_is_lost_and_no_half_window_seen_when_a_worker_is_killed(
    moment: str, seen: list[Slots], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendant, "_WORKER", dying_worker.MODULE)
    for name, value in dying_worker.environment(moment, tmp_path):
        monkeypatch.setenv(name, value)
    there = features(WorkerPool(SETTINGS, workers=1, capacity=8)(recordings(9)))
    assert (tmp_path / "died").exists()
    for key, values in features(InProcess(SETTINGS)(recordings(9))).items():
        np.testing.assert_allclose(there[key], values, rtol=0, atol=2e-3)
    there.clear()
    del values
    (slots,) = seen
    assert slots.free == slots.count


def test_who_keeps_all_windows_holds_nobody_up(seen: list[Slots]) -> None:
    kept = features(WorkerPool(SETTINGS, workers=1, capacity=1)(recordings(3 * LENT)))
    (slots,) = seen
    assert len(kept) == 3 * LENT > slots.count
    assert slots.free == 0


def test_where_there_is_no_such_memory_features_come_through_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(room, "Block", refuse)
    there = features(WorkerPool(SETTINGS, workers=1, capacity=8)(recordings(5)))
    assert len(there) == 5


def test_stopping_early_leaves_no_slot_in_use(seen: list[Slots]) -> None:
    # Whoever reads ahead is still at it afterwards, and knows the pool.
    held = threading.Event()

    def endless() -> Iterator[tuple[int, Recording]]:
        yield from recordings(200)
        held.wait(60)

    workers = WorkerPool(SETTINGS, workers=2, capacity=2)
    messages = workers(endless())
    next(message for message in messages if isinstance(message, Window))
    (slots,) = seen
    wait_until(lambda: slots.given > 3, 60, "no more windows came than were asked for")  # type: ignore[attr-defined]
    messages.close()  # type: ignore[attr-defined]
    try:
        assert slots.free == slots.count
    finally:
        held.set()


def shared_memory() -> set[str]:
    """Tell what of such memory this process has mapped or open."""
    links = [entry.readlink() for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink() and entry.exists()]
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    return {line for line in [*map(str, links), *maps] if "memfd:awct2" in line}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_pass_leaves_no_mapping_and_no_descriptor_behind(write_tone: Callable[..., Path]) -> None:
    gc.collect()
    before = shared_memory()
    path = str(write_tone("a.wav"))
    workers = WorkerPool(SETTINGS, workers=1, capacity=4)
    assert sum(isinstance(message, Closed) for message in workers([(0, Recording("a", "a", path))])) == 1
    gc.collect()
    assert shared_memory() <= before
