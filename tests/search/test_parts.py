"""Who is held out, and in which parts the others are heard, is decided by the ids and the seed alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.search.parts import parted


def ids(count: int) -> list[str]:
    return [f"さくら/{number:03}.ogg" for number in range(count)]


@given(st.integers(7, 400), st.floats(0.3, 0.7), st.integers(0, 5))
def test_everybody_is_in_one_part_or_held_out_and_parts_are_alike_in_size(
    count: int, holdout: float, seed: int
) -> None:
    found = parted(ids(count), holdout, seed)
    tried = [number for part in found.tried for number in part]
    assert sorted([*tried, *found.held_out]) == list(range(count))
    assert abs(len(found.held_out) - holdout * count) <= 0.5
    sizes = [len(part) for part in found.tried]
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) <= 12
    assert len(sizes) == 1 or min(sizes) >= 8


def test_the_order_of_the_listing_and_recordings_that_are_gone_change_nothing_for_others() -> None:
    names = ids(100)
    mixed = random.Random(0).sample(names, 100)
    held = {names[at] for at in parted(names, 0.3, 0).held_out}
    assert {mixed[at] for at in parted(mixed, 0.3, 0).held_out} == held
    # One in ten is gone: of those that are left, hardly any changes sides.
    fewer = [name for name in names if not name.endswith("7.ogg")]
    assert len({fewer[at] for at in parted(fewer, 0.3, 0).held_out} - held) <= 3


def test_another_seed_holds_out_others() -> None:
    assert parted(ids(100), 0.3, 0).held_out != parted(ids(100), 0.3, 1).held_out


def test_without_a_holdout_all_are_tried_on() -> None:
    found = parted(ids(3), 0.0, 0)
    assert found.held_out == ()
    assert [len(part) for part in found.tried] == [3]


@pytest.mark.parametrize(("count", "holdout"), [(3, 0.3), (3, 0.6), (1, 0.5)])
def test_of_too_few_nothing_can_be_held_out(count: int, holdout: float) -> None:
    with pytest.raises(InputError, match=rf"of {count} recordings? with a reference, --holdout {holdout}"):
        parted(ids(count), holdout, 0)
