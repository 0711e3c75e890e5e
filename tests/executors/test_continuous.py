"""An open executor serves callers who come and go: each gets its own, whatever becomes of the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

import pytest

from anime_whisper_ct2 import FakeEngine, Recording, Transcriber
from anime_whisper_ct2.errors import EngineError, InputError
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.continuous import Continuous
from anime_whisper_ct2.executors.local import LocalExecutor
from anime_whisper_ct2.options import DecodingOptions, FrontendOptions
from anime_whisper_ct2.records import ArrayAudio, Failure, Outcome, Tick, Transcript
from tests.support.processes import wait_until
from tests.support.sounds import tone

PATIENCE_S = 60.0


def recordings(*lengths_s: float, name: str = "a") -> list[Recording]:
    return [
        Recording(f"{name}-{number}", f"{name}-{number}", ArrayAudio(tone(length), 16_000))
        for number, length in enumerate(lengths_s)
    ]


def texts(outcomes: Iterable[Outcome]) -> dict[str, str]:
    return {outcome.id: outcome.text if isinstance(outcome, Transcript) else outcome.message for outcome in outcomes}


@contextmanager
def opened(engine: FakeEngine) -> Iterator[Continuous]:
    continuous = Continuous(LocalExecutor(engine, DecodingOptions(retry=False), FrontendOptions(1)))
    try:
        yield continuous
    finally:
        continuous.stop()
        continuous.close()
        engine.close()


class Instant:
    """An executor that answers each recording at once, and ticks while there is none."""

    def __init__(self, answer: Callable[[Recording], Outcome] | None = None) -> None:
        self.answer = answer or (lambda recording: Failure(recording.id, recording.name, "", "", ""))
        self.description: dict[str, object] = {}
        self.figures: dict[str, object] = {}
        self.taken = 0
        self.stopped = False

    def run(self, tasks: Iterable[Task]) -> Generator[tuple[int, Outcome] | Tick, None, None]:
        for key, recording in tasks:
            self.taken += 1
            yield key, self.answer(recording)
            yield Tick()

    def stop(self) -> None:
        self.stopped = True


def test_each_of_several_callers_gets_its_own() -> None:
    lengths = (0.5, 1.0, 1.5, 0.5, 0.7)
    with opened(FakeEngine()) as continuous, ThreadPoolExecutor(3) as threads:
        got = threads.map(lambda name: texts(continuous.transcribe(recordings(*lengths, name=name))), "abc")
        for name, found in zip("abc", got, strict=True):
            assert found == {f"{name}-{number}": f"{length:.2f}秒" for number, length in enumerate(lengths)}


def test_portions_of_two_callers_are_in_hand_together() -> None:
    class InFours(Instant):
        def run(self, tasks: Iterable[Task]) -> Generator[tuple[int, Outcome] | Tick, None, None]:
            tasks = iter(tasks)
            while four := list(islice(tasks, 4)):
                yield from ((key, self.answer(recording)) for key, recording in four)

    continuous = Continuous(InFours())
    with ThreadPoolExecutor(2) as threads:
        # Neither would come back without the other's.
        calls = [threads.submit(lambda: list(continuous.transcribe(recordings(0.1, 0.1)))) for _ in range(2)]
        assert [len(call.result(PATIENCE_S)) for call in calls] == [2, 2]
    continuous.close()


def test_an_iterable_that_raises_concerns_its_caller_only() -> None:
    def broken() -> Iterator[Recording]:
        yield from recordings(0.5)
        raise LookupError("no more of it")

    with opened(FakeEngine()) as continuous:
        other = continuous.transcribe(recordings(0.5, 0.7, name="b"))
        first = next(other)
        with pytest.raises(LookupError, match="no more of it"):
            list(continuous.transcribe(broken()))
        assert texts([first, *other]) == {"b-0": "0.50秒", "b-1": "0.70秒"}
        assert texts(continuous.transcribe(recordings(1.0, name="c"))) == {"c-0": "1.00秒"}


def test_a_broken_recording_is_a_failure_among_the_others() -> None:
    with opened(FakeEngine()) as continuous:
        outcomes = list(continuous.transcribe([*recordings(0.5), Recording("bad", "bad", b"no audio")]))
    assert {outcome.id: type(outcome) for outcome in outcomes} == {"a-0": Transcript, "bad": Failure}


def test_numbers_are_the_callers_own() -> None:
    continuous = Continuous(Instant())
    (alone,) = recordings(0.1)
    assert [key for key, _ in continuous.run([(7, alone), (7, alone), (3, alone)])] == [7, 7, 3]
    continuous.close()


def test_an_error_of_the_engine_reaches_all_callers_and_those_who_come_later() -> None:
    listing, free = threading.Event(), threading.Event()

    def fail(_: Recording) -> Outcome:
        raise EngineError("the device is gone")

    def waiting() -> Iterator[Recording]:
        listing.set()
        assert free.wait(PATIENCE_S)
        yield from recordings(0.1)

    continuous = Continuous(Instant(fail))
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(lambda: list(continuous.transcribe(waiting())))]
        assert listing.wait(PATIENCE_S)
        calls.append(threads.submit(lambda: list(continuous.transcribe(recordings(0.1)))))
        wait_until(lambda: len(continuous._unfinished) == 2, PATIENCE_S, "nobody else has come")
        free.set()
        for call in calls:
            with pytest.raises(EngineError, match="the device is gone"):
                call.result(PATIENCE_S)
    assert continuous.failed
    with pytest.raises(EngineError, match="the device is gone"):
        list(continuous.transcribe(recordings(0.1)))
    continuous.close()


def test_an_executor_that_ends_early_leaves_nobody_waiting() -> None:
    class Forgetful(Instant):
        def run(self, tasks: Iterable[Task]) -> Generator[tuple[int, Outcome] | Tick, None, None]:
            yield from ()
            next(iter(tasks))

    continuous = Continuous(Forgetful())
    with pytest.raises(EngineError, match="1 recording came to no end"):
        list(continuous.transcribe(recordings(0.1, 0.1)))
    continuous.close()


def test_after_stop_portions_end_with_what_is_in_hand_and_nothing_is_begun() -> None:
    begun, free = threading.Event(), threading.Event()

    def slow(recording: Recording) -> Outcome:
        begun.set()
        assert free.wait(PATIENCE_S)
        return Failure(recording.id, recording.name, "", "", "")

    executor = Instant(slow)
    continuous = Continuous(executor)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(lambda: list(continuous.transcribe(recordings(*[0.1] * 50))))
        assert begun.wait(PATIENCE_S)
        continuous.stop()
        free.set()
        assert len(call.result(PATIENCE_S)) == 1
    assert executor.stopped
    assert list(continuous.transcribe(recordings(0.1))) == []
    continuous.close()


def test_close_waits_for_what_was_handed_in_and_takes_no_more() -> None:
    with opened(FakeEngine()) as continuous, ThreadPoolExecutor(1) as threads:
        run = continuous.transcribe(recordings(0.5, 0.5, 0.5))
        call = threads.submit(lambda: len([next(run), *run]))
        while not continuous._open and not call.done():
            pass
        continuous.close()
        assert call.result(PATIENCE_S) == 3
        with pytest.raises(RuntimeError, match="closed"):
            list(continuous.transcribe(recordings(0.5)))


def test_a_caller_that_leaves_has_no_more_of_its_own_listed() -> None:
    def endless() -> Iterator[Recording]:
        while True:
            yield from recordings(0.01)

    executor = Instant()
    continuous = Continuous(executor)
    run = continuous.transcribe(endless())
    next(run)
    run.close()  # type: ignore[attr-defined] # an iterator by its type, so that nobody counts on it
    assert len(list(continuous.transcribe(recordings(0.1, 0.1, name="b")))) == 2
    continuous.close()
    assert executor.taken < 100_000


def test_a_caller_that_takes_nothing_holds_nobody_up_and_its_results_stay_few() -> None:
    read = 0

    def endless() -> Iterator[Recording]:
        nonlocal read
        (one,) = recordings(0.01)
        while True:
            read += 1
            yield one

    continuous = Continuous(Instant())
    idle = continuous.transcribe(endless())
    next(idle)
    for _ in range(3):
        assert len(list(continuous.transcribe(recordings(0.1, 0.1)))) == 2
    assert read < 2_000
    continuous.stop()
    continuous.close()


def test_a_transcriber_that_keeps_its_workers_starts_them_once() -> None:
    with Transcriber(FakeEngine(), workers=1, keep_workers=True) as transcriber:
        pids = set()
        for _ in range(2):
            given = [tone(1.0), b"no audio", tone(0.5)]
            results = list(transcriber.transcribe(given, on_error="yield"))
            assert [result.id for result in results] == ["audio-0", "audio-1", "audio-2"]
            assert [isinstance(result, Failure) for result in results] == [False, True, False]
            (attendant,) = transcriber._continuous._executor._frontend._attendants  # type: ignore[union-attr]
            pids.add(attendant._worker.pid)
        assert len(pids) == 1
    with pytest.raises(InputError, match="closed"):
        list(transcriber.transcribe([tone(0.5)]))
