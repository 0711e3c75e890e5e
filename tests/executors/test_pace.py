"""A CPU gets little at first, and of one recording never much; a GPU gets what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import pytest

from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors.pace import Pace
from anime_whisper_ct2.records import Batch, Decoded
from tests.support.audio_windows import numbered, said


class Paced:
    """An engine whose windows take a given time each, and a pace that looks at its clock."""

    def __init__(self, device: str, window_s: float, batch_size: int = 16) -> None:
        self.now_s = 0.0
        self._window_s = window_s
        self._taken: list[tuple[Batch, Future[list[Decoded]]]] = []
        self.engine = FakeEngine(batch_size=batch_size)
        self.engine.description: Mapping[str, Any] = {"device": device}
        self.engine.submit = self._submit  # type: ignore[method-assign]
        self.pace = Pace(self.engine, lambda: self.now_s)

    def _submit(self, batch: Batch) -> Future[list[Decoded]]:
        self._taken.append((batch, Future()))
        return self._taken[-1][1]

    def compute(self, windows: int, step: str = "first", error: Exception | None = None) -> None:
        """Have a batch computed."""
        self.pace.submit(Batch(tuple(numbered(0, n) for n in range(windows)), 3000, step))  # type: ignore[arg-type]
        batch, future = self._taken.pop()
        self.now_s += self._window_s * windows
        future.set_exception(error) if error else future.set_result([said("")] * len(batch.windows))

    def enough(self, count: int, recordings: int = 1) -> bool:
        """Say whether so many windows are enough for a batch."""
        return self.pace.are_enough([numbered(n % recordings, n) for n in range(count)], 3000)


def test_the_first_batch_on_a_cpu_is_one_window_and_each_may_be_twice_the_last() -> None:
    paced = Paced("cpu", 1.0)
    sizes = []
    for _ in range(6):
        sizes.append(paced.pace.capacity(3000))
        paced.compute(sizes[-1])
    assert sizes == [1, 2, 4, 8, 16, 16]


def test_of_short_windows_30_s_go_first_too() -> None:
    paced = Paced("cpu", 1.0, batch_size=64)
    assert [paced.pace.capacity(frames) for frames in (3000, 1500, 704)] == [1, 2, 4]
    paced.compute(2)
    assert [paced.pace.capacity(frames) for frames in (3000, 1500, 704)] == [4, 8, 17]


def test_a_batch_that_fails_is_no_reason_for_a_larger_one() -> None:
    paced = Paced("cpu", 1.0)
    paced.compute(1, error=EngineError("no"))
    assert paced.pace.capacity(3000) == 1


def test_a_gpu_gets_what_it_takes_from_the_first_batch_on() -> None:
    paced = Paced("cuda", 1.0, batch_size=64)
    assert paced.pace.capacity(3000) == 64
    paced.compute(64)
    assert not paced.enough(64)


@pytest.mark.parametrize(("window_s", "enough"), [(10.0, 4), (1.0, 4), (0.25, 8), (0.1, 20)])
def test_of_one_recording_a_cpu_gets_some_seconds_at_a_time(window_s: float, enough: int) -> None:
    paced = Paced("cpu", window_s, batch_size=64)
    assert not paced.enough(64)  # nobody knows yet
    paced.compute(4)
    assert [paced.enough(count) for count in (enough - 1, enough)] == [False, True]
    # Of several, each is kept when it is finished.
    assert not paced.enough(64, recordings=2)


def test_a_search_does_not_count() -> None:
    paced = Paced("cpu", 1.0)
    paced.compute(8, step="beam")
    assert paced.pace.capacity(3000) == 1
