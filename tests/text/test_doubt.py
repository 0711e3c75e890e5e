"""Doubt grows with what speaks against a text, and bounds come from the model's own folder."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.records import Decoded
from anime_whisper_ct2.text.doubt import BOUNDS, Bounds, disagreement, doubt
from tests.support.audio_windows import window


def decoded(logprob: float = -0.2, tokens: int = 12, flags: tuple[str, ...] = ()) -> Decoded:
    return Decoded("text", tuple(range(tokens)), logprob, 0.01, flags=flags)


def test_less_probable_texts_are_doubted_more() -> None:
    doubts = [doubt(window(0), decoded(logprob)) for logprob in (0.0, -0.1, -0.3, -0.5, -1.0, -3.0, -99.0)]
    assert all(less < more for less, more in pairwise(doubts[:-1]))
    assert 0 <= doubts[0] < 0.05
    assert 0.99 < doubts[-1] <= 1


def test_texts_spelled_in_many_tokens_are_doubted_more_up_to_what_a_loop_has() -> None:
    length_s = window(0).end_s
    doubts = [doubt(window(0), decoded(-0.4, round(rate * length_s))) for rate in (1, 3, 5, 8, 12)]
    assert all(less < more for less, more in pairwise(doubts))
    assert doubt(window(0), decoded(-0.4, round(40 * length_s))) == pytest.approx(doubts[-1], abs=0.02)


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.8])
def test_a_short_cry_is_no_reason_for_doubt(seconds: float) -> None:
    assert doubt(window(0, seconds), decoded(-0.2, 5)) < BOUNDS.doubt


@pytest.mark.parametrize("flag", ["repetition", "cap", "fast", "stock_phrase", "no_speech"])
def test_what_is_wrong_on_the_face_of_it_is_doubted_however_sure_the_decoder_was(flag: str) -> None:
    assert doubt(window(0), decoded(0.0, 3, (flag,))) >= 0.9
    assert doubt(window(0), decoded(0.0, 3, ("clipped", "noisy"))) < 0.1


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("", "", 0.0), ("あいう", "あいう", 0.0), ("あいう", "", 1.0), ("あいうえ", "あいか", 0.5)],
)
def test_disagreement_is_edits_over_the_longer_text(one: str, other: str, expected: float) -> None:
    assert disagreement(one, other) == disagreement(other, one) == expected


@pytest.mark.parametrize(
    ("awct2", "expected"),
    [
        ({}, BOUNDS),
        ({"marks": {"doubt": {"bound": 0.4}}}, Bounds(0.4, BOUNDS.no_speech)),
        ({"marks": {"no_speech": {"bound": 0.2}}}, Bounds(BOUNDS.doubt, 0.2)),
        # Measured, and it cannot tell.
        ({"marks": {"no_speech": {"bound": None}}}, Bounds(BOUNDS.doubt, None)),
        ({"marks": {"doubt": {"bound": None}}}, BOUNDS),
    ],
)
def test_bounds_are_those_that_were_measured(awct2: dict[str, Any], expected: Bounds) -> None:
    assert Bounds.of(awct2) == expected


@pytest.mark.parametrize(
    "marks",
    [
        *([], None, 3, {"doubt": None}, {"no_speech": []}, {"doubt": {"bound": "x"}}, {"doubt": {"bound": [1]}}),
        *({"no_speech": {"bound": True}}, {"no_speech": {"bound": float("nan")}}, {"doubt": {"bound": -1}}),
    ],
)
def test_what_no_calibration_wrote_is_refused(marks: object) -> None:
    with pytest.raises(InputError, match="run awct2 calibrate again"):
        Bounds.of({"marks": marks})


def test_without_a_bound_everything_passes_for_speech() -> None:
    silent = Decoded("text", (1,), -0.1, 0.99)
    assert not BOUNDS.is_speech(silent)
    assert Bounds(no_speech=None).is_speech(silent)
