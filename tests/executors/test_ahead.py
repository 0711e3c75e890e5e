"""Reading ahead: bounded in items and in bytes, with the end and errors where they belong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from anime_whisper_ct2.executors.ahead import Ahead
from tests.support.processes import wait_until


def counted(items: int, begun: list[int]) -> Iterator[int]:
    for item in range(items):
        begun.append(item)
        yield item


@pytest.mark.parametrize(("most", "item_bytes", "taken"), [(4, 0, 5), (100, 10 << 20, 8), (100, 1 << 30, 2)])
def test_no_more_is_taken_than_may_wait(most: int, item_bytes: int, taken: int) -> None:
    begun: list[int] = []
    stop = threading.Event()
    ahead = Ahead(counted(50, begun), most, stop.is_set, lambda _: item_bytes)
    # One more than wait here is in the thread's hands.
    wait_until(lambda: len(begun) == taken, 30, "reading ahead")
    time.sleep(0.3)
    assert len(begun) == taken
    assert [ahead.next(30.0) for _ in range(50)] == list(range(50))
    assert ahead.next(30.0) is None
    assert ahead.over
    stop.set()


def test_the_end_is_not_told_before_everything_is_taken() -> None:
    ahead = Ahead(iter([1, 2]), 5)
    assert ahead.next(30.0) == 1
    assert not ahead.over
    assert ahead.next(30.0) == 2
    assert ahead.next(30.0) is None
    assert ahead.over


def test_an_error_comes_behind_the_items_before_it_and_once() -> None:
    def listing() -> Iterator[int]:
        yield 1
        raise LookupError("here")

    ahead = Ahead(listing(), 5)
    assert ahead.next(30.0) == 1
    assert not ahead.over
    with pytest.raises(LookupError, match="here"):
        ahead.next(30.0)
    assert ahead.over
    assert ahead.next() is None


def test_nothing_is_given_at_once_while_the_iterable_waits() -> None:
    waits = threading.Event()

    def listing() -> Iterator[int]:
        waits.wait()
        yield 1

    ahead = Ahead(listing(), 5)
    assert ahead.next() is None
    assert not ahead.over
    waits.set()
    assert ahead.next(30.0) == 1


def test_a_stop_ends_the_thread_that_waits_for_room() -> None:
    stop = threading.Event()
    begun: list[int] = []
    Ahead(counted(50, begun), 2, stop.is_set)
    wait_until(lambda: len(begun) == 3, 30, "reading ahead")
    stop.set()
    time.sleep(0.3)
    assert len(begun) == 3


def test_several_are_given_while_enough_are_left_for_others() -> None:
    ahead = Ahead(iter(range(10)), 10, weigh=lambda _: 1 << 20)
    wait_until(lambda: ahead.several(0, 0) == [] and len(ahead._waiting) == 10, 30, "reading ahead")
    assert ahead.several(3, 4) == [0, 1, 2]
    assert ahead.several(9, 4) == [3, 4, 5]
    assert ahead.several(9, 4) == []
    assert [ahead.next(30.0) for _ in range(5)] == [6, 7, 8, 9, None]
    assert ahead.over
