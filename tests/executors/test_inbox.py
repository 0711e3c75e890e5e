"""Several threads fill it and one empties it: in order, and never much beyond its size."""

from __future__ import annotations

import threading

from anime_whisper_ct2.executors.inbox import Inbox
from tests.support.processes import wait_until


def weightless(_: int) -> int:
    return 0


def test_items_come_out_in_order_and_together() -> None:
    inbox = Inbox[int](100, 100, weightless)
    assert inbox.put([1, 2], 0.0)
    assert inbox.put([3], 0.0)
    assert len(inbox) == 3
    assert inbox.take(0.0) == [1, 2, 3]
    assert inbox.take(0.01) == []


def test_a_full_one_takes_nothing_until_it_is_half_empty() -> None:
    inbox = Inbox[int](4, 100, weightless)
    assert inbox.put([1, 2, 3, 4, 5, 6], 0.0)  # whole, since there was room
    assert not inbox.put([7], 0.01)
    waiting = threading.Thread(target=inbox.put, args=([7], 60.0))
    waiting.start()
    assert inbox.take(0.0) == [1, 2, 3, 4, 5, 6]
    assert inbox.take(60.0) == [7]
    waiting.join(60)


def test_what_was_forgotten_makes_room() -> None:
    inbox = Inbox[int](2, 10, lambda item: item)
    assert inbox.put([6, 6], 0.0)
    waiting = threading.Thread(target=inbox.put, args=([7], 60.0))
    waiting.start()
    inbox.clear()
    assert inbox.take(60.0) == [7]
    waiting.join(60)


def test_what_is_heavy_fills_it_as_well() -> None:
    inbox = Inbox[int](100, 10, lambda item: item)
    assert inbox.put([6, 6], 0.0)
    assert not inbox.put([0], 0.01)
    inbox.take(0.0)
    assert inbox.put([6], 0.0)
    assert inbox.put([0], 0.0)


def test_nothing_is_lost_between_many_threads() -> None:
    inbox = Inbox[int](8, 10_000, weightless)

    def fill(first: int) -> None:
        for item in range(first, first + 300, 3):
            while not inbox.put([item, item + 1, item + 2], 0.05):
                pass

    threads = [threading.Thread(target=fill, args=(1_000 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    taken: list[int] = []
    while len(taken) < 1_200:
        some = inbox.take(60.0)
        assert some
        taken += some
        assert len(inbox) < 8 + 3
    for n, thread in enumerate(threads):
        thread.join(60)
        ours = [item for item in taken if n * 1_000 <= item < n * 1_000 + 300]
        assert ours == list(range(n * 1_000, n * 1_000 + 300))
    wait_until(lambda: not any(thread.is_alive() for thread in threads), 60, "a thread waits for ever")
