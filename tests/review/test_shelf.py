from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.review.refusing import RefusedError
from anime_whisper_ct2.review.shelf import FrozenQueue, Shelf


def queue(*rows: int) -> FrozenQueue:
    return FrozenQueue(1, np.array(rows, np.int32))


def listed(frozen: FrozenQueue) -> list[int]:
    return frozen.rows.tolist()


def test_a_split_puts_the_new_row_behind_the_old_one_and_its_undoing_takes_it_away() -> None:
    frozen = queue(5, 2, 9)
    assert frozen.change((1, 2), (1, 2, 100), total=100) == 2
    assert listed(frozen) == [5, 2, 100, 9]
    assert frozen.change((1, 2, 100), (1, 2), total=100) == 2
    assert listed(frozen) == [5, 2, 9]
    frozen.change((1, 2), (1, 2, 100), total=100)
    assert listed(frozen) == [5, 2, 100, 9]


def test_a_merge_takes_a_row_away_and_its_undoing_puts_it_back_where_it_was() -> None:
    frozen = queue(7, 5, 2, 9)
    assert frozen.change((5, 7), (5,), total=100) == 0
    assert listed(frozen) == [5, 2, 9]
    assert frozen.change((5,), (5, 7), total=100) == 0
    assert listed(frozen) == [7, 5, 2, 9]


def test_rows_that_a_queue_never_had_do_not_come_into_it() -> None:
    frozen = queue(5, 2)
    assert frozen.change((5, 6), (5,), total=100) is None
    assert frozen.change((5,), (5, 6), total=100) is None
    assert frozen.change((3, 4), (3, 100, 4), total=100) is None
    assert listed(frozen) == [5, 2]


def test_a_row_is_found_wherever_it_is_looked_for_first() -> None:
    frozen = queue(5, 2, 9)
    assert [frozen.position(9, guess) for guess in (None, 2, 0, 50, -1)] == [2] * 5
    assert frozen.position(4) is None


@given(st.permutations(range(12)), st.lists(st.integers(0, 10), max_size=8))
def test_undoing_all_merges_and_splits_gives_the_queue_that_there_was(rows: Sequence[int], at: list[int]) -> None:
    frozen = queue(*rows)
    states = [tuple(range(12))]
    for number, drawn in enumerate(at):
        now = list(states[-1])
        place = drawn % len(now)
        if number % 2 or place == len(now) - 1:
            now.insert(place + 1, 100 + number)
        else:
            del now[place + 1]
        frozen.change(states[-1], now, total=12)
        assert sorted(listed(frozen)) == sorted(now)
        states.append(tuple(now))
    for before, after in zip(reversed(states), reversed(states[:-1]), strict=False):
        frozen.change(before, after, total=12)
    assert listed(frozen) == list(rows)


def test_the_last_32_queues_are_kept_and_older_ones_are_gone() -> None:
    shelf = Shelf()
    made = [shelf.add(np.array([n], np.int32), {}) for n in range(33)]
    with pytest.raises(RefusedError) as refused:
        shelf.get(made[0].number)
    assert (refused.value.status, refused.value.code) == (410, "queue_gone")
    assert shelf.get(made[1].number) is made[1]
    # What was used stays.
    shelf.add(np.array([0], np.int32), {})
    assert shelf.get(made[1].number) is made[1]
    assert shelf.find(made[2].number) is None


def test_queues_are_made_while_others_follow_a_split() -> None:
    shelf = Shelf()
    first = shelf.add(np.array([1, 2], np.int32), {})
    made: list[FrozenQueue] = []
    maker = threading.Thread(target=lambda: made.append(shelf.add(np.array([1], np.int32), {})))

    class Slow(FrozenQueue):
        def change(self, *given: object, **more: object) -> int | None:
            maker.start()
            # As long as it takes where nothing is in its way.
            maker.join(0.2)
            return None

    second = shelf.add(np.array([1], np.int32), {})
    shelf._queues[second.number] = Slow(second.number, second.order)
    shelf.change((1, 2), (1, 100, 2), total=100)
    maker.join()
    assert listed(first) == [1, 100, 2]
    assert shelf.latest is made[0]


def test_a_queue_says_once_from_where_on_it_has_changed() -> None:
    frozen = queue(5, 2, 9)
    frozen.change((1, 2), (1, 2, 100), total=100)
    frozen.change((5,), (5, 101), total=100)
    frozen.change((3,), (3, 102), total=100)
    assert [frozen.moved(), frozen.moved()] == [1, None]


@pytest.mark.parametrize("number", [0, -1, 1 << 52])
def test_a_queue_that_never_was_is_not_found(number: int) -> None:
    with pytest.raises(RefusedError) as refused:
        Shelf().get(number)
    assert refused.value.status == 404


def test_a_queue_of_the_server_before_is_gone_and_no_other_one() -> None:
    old = Shelf().add(np.array([1], np.int32), {}).number - 5_000
    with pytest.raises(RefusedError) as refused:
        Shelf().get(old)
    assert refused.value.status == 410
