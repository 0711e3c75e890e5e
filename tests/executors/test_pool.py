"""The front end's processes: order-free, bounded, and one death costs one recording."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors import attendant
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.local import LocalExecutor
from anime_whisper_ct2.executors.pool import InProcess, Message, WorkerPool
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.options import FrontendOptions, SegmentOptions
from anime_whisper_ct2.records import ArrayAudio, Broken, Closed, Heard, Opened, Recording, Tick, Window
from tests.support.audio_windows import numbered
from tests.support.deaths import ABORT, SEGFAULT, limited
from tests.support.processes import wait_until
from tests.support.sounds import tone
from tests.support.windows import ON_WINDOWS

SETTINGS = FeatureSettings(n_mels=80, half=False, segment=SegmentOptions(mode="off"))


def recording(name: str, audio: object) -> Recording:
    return Recording(name, name, audio)  # type: ignore[arg-type]


def seconds(n: int) -> Recording:
    return recording(f"{n}s", ArrayAudio(tone(n), 16_000))


def gather(messages: Iterator[Message]) -> dict[int, list[Message]]:
    by_key: dict[int, list[Message]] = {}
    for message in messages:
        if not isinstance(message, Tick):
            by_key.setdefault(message.key, []).append(message)
    return by_key


def test_workers_give_what_one_process_gives(write_tone: Callable[..., Path]) -> None:
    given = [recording(str(n), str(write_tone(f"{n}.flac", 0.5 + n))) for n in range(6)]
    here = gather(InProcess(SETTINGS)(enumerate(given)))
    there = gather(WorkerPool(SETTINGS, workers=2, capacity=8)(enumerate(given)))
    assert here.keys() == there.keys() == set(range(6))
    for key, messages in here.items():
        assert [type(m) for m in messages] == [type(m) for m in there[key]] == [Opened, Window, Closed]
        # Workers multiply in one thread, and this process in as many as there are cores: the last bits may differ.
        ours, theirs = (one.mel.values for one in (messages[1], there[key][1]))  # type: ignore[union-attr]
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_arrays_larger_than_a_pipe_do_not_block_it() -> None:
    done = gather(WorkerPool(SETTINGS, workers=1, capacity=2)(enumerate([seconds(70), seconds(40), seconds(1)])))
    assert [len(messages) for messages in done.values()] == [5, 4, 3]


def test_a_slow_consumer_holds_the_workers_back(write_tone: Callable[..., Path]) -> None:
    path = str(write_tone("a.wav", 1.0))
    taken = 0

    def source() -> Iterator[Recording]:
        nonlocal taken
        for n in range(200):
            taken += 1
            yield recording(str(n), path)

    messages = WorkerPool(SETTINGS, workers=1, capacity=4)(enumerate(source()))
    next(messages)
    time.sleep(1.0)
    assert taken < 40  # 4 in the queue, and what fits into a pipe
    messages.close()  # type: ignore[attr-defined]


def test_silence_gives_no_window() -> None:
    (messages,) = gather(
        InProcess(SETTINGS)([(0, recording("0", ArrayAudio(np.zeros(16_000, np.float32), 16_000)))])
    ).values()
    assert messages[1:] == [Closed(0, 0, 1.0)]


def test_a_broken_file_costs_itself(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    (tmp_path / "bad.ogg").write_bytes(b"OggS" + bytes(300))
    given = [
        recording(name, str(path)) for name, path in (("bad", tmp_path / "bad.ogg"), ("good", write_tone("g.wav")))
    ]
    done = gather(WorkerPool(SETTINGS, workers=1, capacity=8)(enumerate(given)))
    assert isinstance(done[0][-1], Broken)
    assert isinstance(done[1][-1], Closed)


@pytest.mark.usefixtures("faulty_decoders")
@pytest.mark.parametrize(
    ("fault", "error", "reason", "time_limit_s"),
    [
        ("segfault", "WorkerDied", SEGFAULT, 120),
        ("abort", "WorkerDied", ABORT, 120),
        ("hang", "TimeLimit", "within 6 s", 6),
        # A slow machine takes seconds to fill a gigabyte.
        pytest.param("hoard", "MemoryError", "", 120, marks=limited),
    ],
)
def test_a_decoder_that_fails_in_any_way_costs_its_recording(
    fault: str, error: str, reason: str, time_limit_s: float, write_tone: Callable[..., Path]
) -> None:
    given = [recording(name, str(write_tone(f"{name}.wav"))) for name in ("a", fault, "b", "c")]
    done = gather(WorkerPool(SETTINGS, workers=1, capacity=8, time_limit_s=time_limit_s)(enumerate(given)))
    assert [type(done[key][-1]) for key in range(4)] == [Closed, Broken, Closed, Closed]
    broken = done[1][-1]
    assert isinstance(broken, Broken)
    assert broken.error == error
    assert reason in broken.message


@pytest.mark.usefixtures("faulty_decoders")
def test_a_recording_is_tried_again_after_a_death(write_tone: Callable[..., Path]) -> None:
    given = [recording(name, str(write_tone(f"{name}.wav"))) for name in ("a", "segfault-once", "b")]
    done = gather(WorkerPool(SETTINGS, workers=1, capacity=8)(enumerate(given)))
    assert [type(done[key][-1]) for key in range(3)] == [Closed] * 3
    assert sum(isinstance(message, Window) for message in done[1]) == 1


def test_how_far_a_long_recording_is_read_is_told_ahead_of_its_windows(write_tone: Callable[..., Path]) -> None:
    pool = WorkerPool(SETTINGS, workers=1, capacity=64)
    messages = pool([(0, recording("long", str(write_tone("long.wav", 10 * 30.0))))])
    assert isinstance(next(message for message in messages if not isinstance(message, Tick)), Opened)
    wait_until(lambda: len(pool._out) >= 11, 60, "it is not read")
    kinds = [type(message) for message in messages if not isinstance(message, Tick)]
    told = kinds.index(Window)
    assert kinds == [Heard] * told + [Window] * 10 + [Closed]
    assert told >= 1


def test_short_recordings_pass_a_long_one(write_tone: Callable[..., Path]) -> None:
    """The engine takes nothing but what comes: fifty clips must not be the last that it gets."""
    long = recording("long", str(write_tone("long.wav", 60 * 30.0)))
    clips = [recording(str(n), str(write_tone(f"{n}.wav"))) for n in range(10)]
    messages = WorkerPool(SETTINGS, workers=1, capacity=4)(enumerate([long, *clips]))
    closed = [message.key for message in messages if isinstance(message, Closed)]
    assert closed[-1] == 0


def test_clips_go_to_a_worker_several_at_a_time_once_they_have_shown_to_be_short(
    write_tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, given = str(write_tone("a.wav")), []
    give = attendant.Attendant._give

    def noted(self: attendant.Attendant, worker: object, hand: attendant._InHand, tasks: list[object]) -> None:
        given.append((len(tasks), len(hand.tasks)))
        give(self, worker, hand, tasks)  # type: ignore[arg-type]

    monkeypatch.setattr(attendant.Attendant, "_give", noted)
    messages = WorkerPool(SETTINGS, workers=1, capacity=8)((n, recording(str(n), path)) for n in range(100))
    assert sum(isinstance(message, Closed) for message in messages) == 100
    assert given[0][1] <= 2
    assert max(hand for _, hand in given) == attendant._SHORT
    assert max(tasks for tasks, _ in given) >= attendant._SHORT // 2


def test_long_recordings_come_a_few_at_a_time(write_tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of a pass, each worker should have one."""
    path, most = str(write_tone("a.wav", 61.0)), 0
    noted = attendant._InHand.take

    def take(self: attendant._InHand, task: object) -> object:
        nonlocal most
        made = noted(self, task)  # type: ignore[arg-type]
        most = max(most, len(self.tasks))
        return made

    monkeypatch.setattr(attendant._InHand, "take", take)
    messages = WorkerPool(SETTINGS, workers=1, capacity=8)((n, recording(str(n), path)) for n in range(12))
    assert sum(isinstance(message, Closed) for message in messages) == 12
    assert most <= attendant._AHEAD + attendant._LONG


def test_two_batches_of_whichever_length_has_the_largest_may_wait_and_weigh_what_two_of_30_s_do() -> None:
    class Fitting(FakeEngine):
        def capacity(self, frames: int) -> int:
            return 160 if frames < 3_000 else 40

    engine = Fitting()
    executor = LocalExecutor(engine, frontend=FrontendOptions(workers=1), length=WindowLength("fit"))
    workers = executor._new_frontend()
    engine.close()
    assert isinstance(workers, WorkerPool)
    for frames, windows in ((500, 320), (3_000, 80)):
        # A clip is opened and closed, too.
        for key in range(windows):
            assert workers._out.put([Opened(key, seconds(1)), numbered(key, 0, frames), Closed(key, 1, 1.0)], 0.0)
        assert not workers._out.put([Closed(0, 1, 1.0)], 0.0)
        while workers._out.take(0.0):
            pass


@pytest.mark.usefixtures("faulty_decoders")
def test_of_many_in_the_same_hands_only_the_one_at_fault_is_lost(
    write_tone: Callable[..., Path],
) -> None:
    paths = [str(write_tone(f"{'segfault-' if n == 33 else ''}{n}.wav", 0.2)) for n in range(50)]
    done = gather(WorkerPool(SETTINGS, workers=1, capacity=50)((n, recording(p, p)) for n, p in enumerate(paths)))
    assert [key for key, messages in done.items() if isinstance(messages[-1], Broken)] == [33]
    assert sum(isinstance(messages[-1], Closed) for messages in done.values()) == 49
    assert all(sum(isinstance(message, Opened) for message in messages) == 1 for messages in done.values())


def test_workers_are_replaced_now_and_then(write_tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attendant, "_RECYCLE_AFTER", 3)
    path = str(write_tone("a.wav"))
    done = gather(WorkerPool(SETTINGS, workers=1, capacity=8)((n, recording(str(n), path)) for n in range(8)))
    assert [type(messages[-1]) for messages in done.values()] == [Closed] * 8


def test_workers_that_cannot_start_end_the_run(
    monkeypatch: pytest.MonkeyPatch, write_tone: Callable[..., Path]
) -> None:
    # Programs that end at once, whatever they are asked.
    monkeypatch.setattr(sys, "executable", "hostname.exe" if ON_WINDOWS else "/bin/false")
    with pytest.raises(EngineError, match="no worker process could be started"):
        list(WorkerPool(SETTINGS, workers=1, capacity=8)([(0, recording("a", str(write_tone("a.wav"))))]))


# The last two are what a worker's broken pipe is told by.
@pytest.mark.parametrize("kind", [LookupError, OSError, EOFError])
def test_an_error_in_the_listing_reaches_the_caller(kind: type[Exception]) -> None:
    def source() -> Iterator[Recording]:
        yield seconds(1)
        raise kind("the list ends here")

    with pytest.raises(kind, match="the list ends here"):
        list(WorkerPool(SETTINGS, workers=1, capacity=8)(enumerate(source())))


def test_stopping_ends_the_iteration_and_the_processes(write_tone: Callable[..., Path]) -> None:
    path = str(write_tone("a.wav"))
    workers = WorkerPool(SETTINGS, workers=2, capacity=4)
    messages = workers((n, recording(str(n), path)) for n in range(10_000))
    next(messages)
    workers.stop()
    start = time.monotonic()
    rest = sum(1 for _ in messages)
    assert rest < 100
    assert time.monotonic() - start < 30
    assert all(one._worker is None for one in workers._attendants)


def test_a_source_that_waits_for_results_gets_them(write_tone: Callable[..., Path]) -> None:
    path = str(write_tone("a.wav"))
    done: list[int] = []

    def one_by_one() -> Iterator[tuple[int, Recording]]:
        for n in range(5):
            deadline = time.monotonic() + 60
            while len(done) < n and time.monotonic() < deadline:
                time.sleep(0.01)
            yield n, recording(str(n), path)

    for message in WorkerPool(SETTINGS, workers=2, capacity=4)(one_by_one()):
        if isinstance(message, Closed):
            done.append(message.key)
    assert done == [0, 1, 2, 3, 4]


def test_leaving_early_does_not_wait_for_the_source(write_tone: Callable[..., Path]) -> None:
    path = str(write_tone("a.wav"))

    def live() -> Iterator[tuple[int, Recording]]:
        yield 0, recording("0", path)
        time.sleep(300)

    start = time.monotonic()
    messages = WorkerPool(SETTINGS, workers=1, capacity=4)(live())
    next(messages)
    messages.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < 60


def test_files_where_the_user_stands_are_not_imported(
    write_tone: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write_tone("a.wav"))
    (tmp_path / "soundfile.py").write_text("raise SystemExit('a file of the corpus was run')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (messages,) = gather(WorkerPool(SETTINGS, workers=1, capacity=4)([(0, recording("a", path))])).values()
    assert isinstance(messages[-1], Closed)
