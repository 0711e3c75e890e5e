"""A state's name says all that a reviewer saw of it, and no more."""

from __future__ import annotations

import pytest

from anime_whisper_ct2.reviews import Decision, Piece, Rival, version_of

LINE = Decision("2027-01-01T00:00:00.000000Z", "hana", "a", 0.0, 1.0, "", "reject")


def test_a_version_is_20_hex_digits_and_stays_what_it_was() -> None:
    """It lies in logs: another way to compute it would make all of them stale."""
    assert version_of("さくら/1.ogg", 0.0, 1.5, "はい") == "5958220cd9f639b718d0"


@pytest.mark.parametrize(
    "other",
    [
        version_of("b", 0.0, 1.0, "x"),
        version_of("a", 0.001, 1.0, "x"),
        version_of("a", 0.0, 1.001, "x"),
        version_of("a", 0.0, 1.0, "x "),
        version_of("a", 0.0, 1.0, "x", "accepted"),
        version_of("a", 0.0, 1.0, "x", None, [Rival(LINE, ())]),
        version_of("a", 0.0, 1.0, "x", None, [Rival(LINE, (Piece(0.0, 1.0, "y", (0,)),))]),
    ],
)
def test_each_part_of_a_state_counts(other: str) -> None:
    assert other != version_of("a", 0.0, 1.0, "x")


def test_less_than_a_millisecond_does_not_count() -> None:
    assert version_of("a", 0.1 + 0.2, 1.0, "x") == version_of("a", 0.3, 1.0000001, "x")


def test_what_is_no_utf_8_has_a_version() -> None:
    assert len(version_of("\udcff.ogg", 0.0, 1.0, "\ud800")) == 20


def test_parts_of_a_state_cannot_be_moved_into_one_another() -> None:
    assert version_of('a",0,1,"x', 0.0, 1.0, "y") != version_of("a", 0.0, 1.0, 'x",0,1,"y')
