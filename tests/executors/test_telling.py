"""Of long recordings, what is told never goes back, and what this run did is never taken for an earlier one's."""

from __future__ import annotations

import pytest

from anime_whisper_ct2.executors.telling import Telling
from anime_whisper_ct2.records import Headway, Home, Recording, Sound

KEY = 5


def homes(*numbers: int) -> tuple[Home, ...]:
    return tuple(Home(n, 30.0 * n, 30.0 * n + 30.0, Sound(), None) for n in numbers)


def headway(done_s: float, kept_s: float, *fresh: Home) -> Headway:
    return Headway(KEY, "long", done_s + 60.0, done_s, kept_s, 3_000.0, fresh)


def figures(told: Headway) -> tuple[float, float]:
    return told.done_s, told.kept_s


@pytest.mark.parametrize("before", [0, 3, 10])
def test_over_two_deaths_only_what_an_earlier_run_did_counts_as_kept(before: int) -> None:
    telling = Telling()
    at_first, kept_s = homes(*range(before)), 30.0 * before
    assert figures(telling.told(headway(kept_s, kept_s))) == (kept_s, kept_s)
    first, second, third = homes(*range(before, before + 4)), homes(before + 4), homes(before + 5)
    assert figures(telling.told(headway(kept_s + 120, kept_s, *first))) == (kept_s + 120, kept_s)
    telling.lost([(KEY, Recording("long", "long", "long", home=(*at_first, *first)))])
    # Over what is there already: it stays where it was.
    for done_s in (0.0, 30.0, kept_s):
        assert figures(telling.told(headway(done_s, done_s))) == (kept_s + 120, kept_s)
    # The new engine takes all that it was given for kept.
    assert figures(telling.told(headway(kept_s + 150, kept_s + 120, *second))) == (kept_s + 150, pytest.approx(kept_s))
    telling.lost([(KEY, Recording("long", "long", "long", home=(*at_first, *first, *second)))])
    last = telling.told(headway(kept_s + 180, kept_s + 150, *third))
    assert figures(last) == (kept_s + 180, pytest.approx(kept_s))


def test_windows_are_passed_on_also_where_it_goes_over_them_again() -> None:
    telling = Telling()
    telling.told(headway(120.0, 0.0, *homes(0, 1, 3)))
    telling.lost([(KEY, Recording("long", "long", "long", home=homes(0, 1, 3)))])
    assert telling.told(headway(90.0, 60.0, *homes(2))).homes == homes(2)


def test_what_has_ended_is_forgotten() -> None:
    telling = Telling()
    telling.told(headway(120.0, 0.0, *homes(0)))
    telling.lost([(KEY, Recording("long", "long", "long", home=homes(0)))])
    telling.ended(KEY)
    assert telling.told(headway(30.0, 20.0)) == headway(30.0, 20.0)
