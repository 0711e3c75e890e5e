"""Undos of undos, however they come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.reviews.undoing import Undoing

# By their times: each undoes an earlier step, which is a decision (below 0: a batch), or an undo.
UNDOS = st.lists(st.integers(-3, 14), max_size=15).map(lambda targets: list(enumerate(targets, 1)))


def reference(undos: list[tuple[int, int]]) -> set[int]:
    undone: set[int] = set()
    for at, target in sorted(undos, reverse=True):
        if at not in undone and target < at:
            undone.add(target)
    return undone


@given(undos=UNDOS, order=st.randoms(use_true_random=False))
def test_what_is_undone_is_the_same_in_any_order_as_from_the_latest_on(
    undos: list[tuple[int, int]], order: object
) -> None:
    shuffled = list(undos)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    undoing, late = Undoing(), Undoing()
    for at, target in undos:
        undoing.add(at, target)
    for at, target in (*shuffled, *shuffled):
        late.add(at, target)
    expected = reference(undos)
    for step in range(-4, 17):
        assert undoing.is_undone(step) == late.is_undone(step) == (step in expected)


def test_a_chain_of_redos_ends_in_the_step_that_it_began_with() -> None:
    undoing = Undoing()
    for at, target in ((10, -1), (11, 10), (12, 11)):
        undoing.add(at, target)
    assert undoing.is_undone(-1)
    assert not undoing.is_undone(10)
    assert undoing.origin(12) == undoing.origin(10) == -1
