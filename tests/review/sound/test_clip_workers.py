"""What decodes clips may hang, die or want all memory: that costs a message, and the next clip plays."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.review.sound.clip_workers import ClipWorkers
from anime_whisper_ct2.review.sound.cutting import Clip, NoSound, Stretch
from tests.support import odd_decoder
from tests.support.processes import KILLED, is_there, kill, wait_until
from tests.support.sounds import tone, written

# Long enough for a machine that is busy; what hangs is given less by hand.
PATIENT_S = 120.0


@pytest.fixture
def workers() -> Iterator[ClipWorkers]:
    odd = ClipWorkers(1, PATIENT_S, odd_decoder.MODULE)
    yield odd
    odd.close()


@pytest.fixture
def good(tmp_path: Path) -> Stretch:
    return Stretch(written(tmp_path / "good.wav", tone(1.0), 16_000), 0.25, 0.75, 1.0)


def pids(workers: ClipWorkers) -> list[int]:
    return [child.pid for child in workers._all]


def held(clip: Clip) -> int:
    """How many samples are in a clip of one channel with 16 bits."""
    return (len(clip.wav) - 44) // 2


def test_one_that_hangs_is_ended_when_its_time_is_over_and_the_next_clip_plays(
    workers: ClipWorkers, good: Stretch
) -> None:
    assert held(workers.cut(good)) == 8_000
    (before,) = pids(workers)
    with pytest.raises(NoSound, match=r"^no sound within 0\.3 s: the file is damaged, or far away$") as caught:
        workers.cut(Stretch("hangs.ogg", 0.0, 1.0), 0.3)
    assert caught.value.kind == "TimeLimit"
    assert not is_there(before)
    assert held(workers.cut(good)) == 8_000


def test_one_that_dies_twice_costs_one_message_and_the_next_clip_plays(workers: ClipWorkers, good: Stretch) -> None:
    with pytest.raises(NoSound) as caught:
        workers.cut(Stretch("dies.ogg", 0.0, 1.0))
    assert str(caught.value) == f"the worker that decoded it died, twice ({KILLED})"
    assert held(workers.cut(good)) == 8_000


def test_one_that_was_killed_by_somebody_else_costs_no_clip(workers: ClipWorkers, good: Stretch) -> None:
    workers.cut(good)
    (pid,) = pids(workers)
    kill(pid)
    wait_until(lambda: next(iter(workers._all)).ended, PATIENT_S, "it lives on")
    assert held(workers.cut(good)) == 8_000
    assert pids(workers) != [pid]


@pytest.mark.posix
def test_a_recording_that_wants_all_memory_does_not_get_it(workers: ClipWorkers, good: Stretch) -> None:
    with pytest.raises(NoSound) as caught:
        workers.cut(Stretch("eats.ogg", 0.0, 1.0))
    assert caught.value.kind == "MemoryError"
    assert held(workers.cut(good)) == 8_000


def test_a_worker_is_replaced_when_it_has_done_enough(
    workers: ClipWorkers, good: Stretch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anime_whisper_ct2.review.sound.clip_workers._RECYCLE_AFTER", 2)
    served_by = []
    for _ in range(5):
        workers.cut(good)
        served_by += pids(workers)
    assert [served_by.count(pid) for pid in dict.fromkeys(served_by)] == [2, 2, 1]


def test_lengths_are_read_together_and_one_over_which_a_worker_dies_costs_only_its_own(
    workers: ClipWorkers, tmp_path: Path
) -> None:
    paths = [written(tmp_path / f"{n}.flac", tone(n / 10), 16_000) for n in range(1, 4)]
    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")
    asked = [paths[0], str(tmp_path / "dies.wav"), paths[1], str(tmp_path / "text.wav"), paths[2], "not/there.wav"]
    assert workers.lengths_s(asked) == [0.1, None, 0.2, None, 0.3, None]


def test_many_threads_get_each_its_own_clip(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone(3.0), 16_000)
    whole, _ = soundfile.read(path, dtype="int16")
    stretches = [Stretch(path, n / 100, n / 100 + 0.5, 3.0) for n in range(60)]
    with_two = ClipWorkers(2, PATIENT_S)
    try:
        with ThreadPoolExecutor(8) as threads:
            clips = list(threads.map(with_two.cut, stretches))
        assert len(pids(with_two)) == 2
    finally:
        with_two.close()
    for stretch, clip in zip(stretches, clips, strict=True):
        first = round(stretch.start_s * 16_000)
        np.testing.assert_array_equal(np.frombuffer(clip.wav[44:], "<i2"), whole[first : first + 8_000])


def test_closing_ends_all_processes_and_whoever_waits_for_a_clip() -> None:
    workers = ClipWorkers(2, PATIENT_S, odd_decoder.MODULE)
    began = pids(workers)
    said: list[str] = []

    def wait() -> None:
        try:
            workers.cut(Stretch("hangs.ogg", 0.0, 1.0))
        except NoSound as error:
            said.append(str(error))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(workers._free.empty, PATIENT_S, "nobody works")
    workers.close()
    for thread in threads:
        thread.join(PATIENT_S)
    assert said == ["the review is being closed"] * 3
    assert len(began) == 2
    assert not any(map(is_there, began))
    assert os.getpid() not in began
    with pytest.raises(NoSound, match="being closed"):
        workers.cut(Stretch("hangs.ogg", 0.0, 1.0))
