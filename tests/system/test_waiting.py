"""Waits end with what they wait for, and hear a signal before."""

from __future__ import annotations

import _thread
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from anime_whisper_ct2.system import waiting
from tests.support.deafness import hears, wait_until_main_is_still
from tests.support.processes import wait_until


def test_the_first_of_several_futures_is_given() -> None:
    futures: list[Future[int]] = [Future() for _ in range(3)]
    threading.Timer(0.05, futures[1].set_result, (1,)).start()
    assert waiting.first_done(futures) == {futures[1]}
    assert waiting.first_done([]) == set()


def test_a_result_or_an_error_comes_through() -> None:
    assert waiting.apart(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        waiting.apart(lambda: 1 // 0)


def test_a_call_is_left_behind_until_it_ends() -> None:
    go_on = threading.Event()

    def interrupt() -> None:
        wait_until_main_is_still()
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        waiting.apart(go_on.wait)
    assert waiting.left_behind()
    go_on.set()
    wait_until(lambda: not waiting.left_behind(), 10, "it goes on")


def test_results_come_in_the_order_of_what_was_given() -> None:
    def late(n: int) -> int:
        time.sleep(0.02 * (3 - n))
        return n

    with waiting.threads(3, "late") as pool:
        assert list(waiting.mapped(pool, late, range(4))) == [0, 1, 2, 3]


def test_what_a_pool_has_not_begun_is_dropped_after_an_error_and_done_otherwise() -> None:
    done: list[int] = []
    with waiting.threads(1, "all") as pool:
        for n in range(3):
            pool.submit(done.append, n)
    assert done == [0, 1, 2]
    go_on = threading.Event()

    def fail() -> None:
        with waiting.threads(1, "none") as pool:
            pool.submit(go_on.wait, 10)
            pool.submit(done.append, 3)
            threading.Timer(0.05, go_on.set).start()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert done == [0, 1, 2]


def test_a_child_that_goes_on_has_no_status_yet() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert waiting.exit_status(child, 0.15) is None
        child.communicate(b"\n")
        assert waiting.exit_status(child, 10) == 0


def waits(name: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """A wait, and what ends it."""
    event, future, items = threading.Event(), Future[int](), queue.SimpleQueue[int]()
    thread = threading.Thread(target=event.wait, daemon=True)
    thread.start()

    def pool() -> None:
        with waiting.threads(1, "pool") as threads:
            threads.submit(event.wait)

    return {
        "first_done": (lambda: waiting.first_done([future]), lambda: future.set_result(1)),
        "result_of": (lambda: waiting.result_of(future), lambda: future.set_result(1)),
        "take": (lambda: waiting.take(items), lambda: items.put(1)),
        "join": (lambda: waiting.join(thread), event.set),
        "apart": (lambda: waiting.apart(event.wait), event.set),
        "threads": (pool, event.set),
    }[name]


@pytest.mark.parametrize("name", ["first_done", "result_of", "take", "join", "apart", "threads"])
def test_a_signal_is_heard_in(name: str) -> None:
    assert hears(*waits(name))


def test_a_signal_is_heard_while_a_child_goes_on() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert hears(lambda: waiting.exit_status(child, 60), child.kill)


def test_a_plain_wait_hears_none() -> None:
    """Else the tests with signals would prove nothing."""
    event = threading.Event()
    assert not hears(event.wait, event.set, patience_s=0.5)
