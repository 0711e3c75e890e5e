"""An engine's threads: calls in order, an orderly end, and no waiting for a device that never answers."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial

import pytest

from anime_whisper_ct2.engine.crew import Crew
from anime_whisper_ct2.errors import EngineError, EngineLostError
from anime_whisper_ct2.records import Worked

# Long enough for any answer on a busy machine, where one comes.
PATIENCE_S = 60.0


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    """What a stuck device waits for."""
    event = threading.Event()
    yield event
    event.set()


def stuck(answer: threading.Event, begun: threading.Event | None = None) -> int:
    if begun is not None:
        begun.set()
    answer.wait()
    return 7


def test_calls_are_made_in_order_and_give_what_they_return_or_raise() -> None:
    made = []

    def call(number: int) -> int:
        made.append(number)
        if number == 3:
            raise EngineError("three")
        return number * number

    crew: Crew[int] = Crew(1, PATIENCE_S)
    futures = [crew.submit(partial(call, number)) for number in range(6)]
    with pytest.raises(EngineError, match="three"):
        futures[3].result(PATIENCE_S)
    assert [future.result(PATIENCE_S) for future in futures if future is not futures[3]] == [0, 1, 4, 16, 25]
    assert made == list(range(6))
    assert not crew.hung
    crew.close()


def test_calls_are_made_side_by_side() -> None:
    barrier = threading.Barrier(3, timeout=PATIENCE_S)
    crew: Crew[int] = Crew(3)
    assert sorted(future.result(PATIENCE_S) for future in [crew.submit(barrier.wait) for _ in range(3)]) == [0, 1, 2]
    crew.close()


def test_closing_finishes_what_is_being_made_and_cancels_what_waits(answer: threading.Event) -> None:
    begun = threading.Event()
    slow = partial(stuck, answer, begun)
    crew: Crew[int] = Crew(1)
    first, second = crew.submit(slow), crew.submit(slow)
    assert begun.wait(PATIENCE_S)
    closing = threading.Thread(target=crew.close)
    closing.start()
    with pytest.raises(CancelledError):
        second.result(PATIENCE_S)
    assert closing.is_alive()
    assert not first.done()
    answer.set()
    closing.join(PATIENCE_S)
    assert first.result(PATIENCE_S) == 7
    with pytest.raises(RuntimeError, match="closed"):
        crew.submit(slow)


def test_a_call_without_an_answer_is_given_up_and_all_others_with_it(answer: threading.Event) -> None:
    crew: Crew[int] = Crew(1, 0.2)
    futures = [crew.submit(partial(stuck, answer)) for _ in range(3)]
    for future in futures:
        with pytest.raises(EngineLostError, match=r"^the device has not answered for 0 s$"):
            future.result(PATIENCE_S)
    assert crew.hung
    with pytest.raises(EngineLostError):
        crew.submit(lambda: 1).result(PATIENCE_S)
    crew.close()  # waits for nothing


def test_closing_does_not_wait_for_a_device_that_hangs_only_then(answer: threading.Event) -> None:
    begun = threading.Event()
    crew: Crew[int] = Crew(1, 0.5)
    future = crew.submit(partial(stuck, answer, begun))
    assert begun.wait(PATIENCE_S)
    crew.close()
    assert crew.hung
    with pytest.raises(EngineLostError):
        future.result(PATIENCE_S)


def test_an_answer_that_comes_too_late_changes_nothing(answer: threading.Event) -> None:
    crew: Crew[int] = Crew(1, 0.1)
    future = crew.submit(partial(stuck, answer))
    with pytest.raises(EngineLostError):
        future.result(PATIENCE_S)
    answer.set()
    time.sleep(0.05)
    with pytest.raises(EngineLostError):
        future.result(0)
    crew.close()


def test_what_a_failed_call_held_is_free_as_soon_as_its_error_is(
    monkeypatch: pytest.MonkeyPatch, answer: threading.Event
) -> None:
    class Held:
        pass

    class Lingering(threading.Timer):
        """A watch whose thread is slow to end."""

        def run(self) -> None:
            super().run()
            answer.wait(PATIENCE_S)

    monkeypatch.setattr("threading.Timer", Lingering)

    def fail(_: Held) -> None:
        raise EngineError("no")

    def failed(crew: Crew[None]) -> weakref.ref[Held]:
        held = Held()
        future = crew.submit(partial(fail, held))
        assert isinstance(future.exception(PATIENCE_S), EngineError)
        return weakref.ref(held)

    gc.disable()
    try:
        for limit_s in (None, PATIENCE_S):
            crew: Crew[None] = Crew(1, limit_s)
            held = failed(crew)
            crew.close()
            assert held() is None, limit_s
    finally:
        gc.enable()


def test_a_call_that_cannot_be_watched_is_made_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Timer) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Timer.start", refuse)
    crew: Crew[int] = Crew(1, PATIENCE_S)
    assert crew.submit(lambda: 7).result(PATIENCE_S) == 7
    crew.close()


def test_many_calls_that_take_their_time_are_not_taken_for_one_that_hangs() -> None:
    crew: Crew[None] = Crew(2, 4.0)
    for future in [crew.submit(partial(time.sleep, 0.05)) for _ in range(100)]:
        future.result(PATIENCE_S)
    assert not crew.hung
    crew.close()


def test_time_without_a_call_is_counted_between_the_first_and_the_last() -> None:
    now_s = 0.0

    def call(begin_s: float, end_s: float, crew: Crew[None]) -> None:
        nonlocal now_s
        now_s = begin_s

        def work() -> None:
            nonlocal now_s
            now_s = end_s

        crew.submit(work).result(PATIENCE_S)

    crew: Crew[None] = Crew(1, clock=lambda: now_s)
    assert crew.take_worked() == Worked()
    call(10.0, 12.0, crew)
    call(13.0, 17.0, crew)
    call(17.5, 20.0, crew)
    now_s = 100.0  # what comes behind the last one is nobody's wait
    assert crew.take_worked() == Worked(span_s=10.0, waited_s=1.5)
    call(200.0, 201.0, crew)
    assert crew.take_worked() == Worked(span_s=1.0, waited_s=0.0)
    crew.close()


def test_calls_side_by_side_leave_no_wait_and_one_that_is_being_made_counts_so_far(answer: threading.Event) -> None:
    now_s = 0.0
    crew: Crew[int] = Crew(2, clock=lambda: now_s)
    begun = threading.Event()
    long = crew.submit(partial(stuck, answer, begun))
    assert begun.wait(PATIENCE_S)
    now_s = 3.0
    assert crew.submit(lambda: 1).result(PATIENCE_S) == 1
    now_s = 8.0
    assert crew.take_worked() == Worked(span_s=8.0, waited_s=0.0)
    now_s = 9.0
    answer.set()
    assert long.result(PATIENCE_S) == 7
    assert crew.take_worked() == Worked(span_s=1.0, waited_s=0.0)
    crew.close()
