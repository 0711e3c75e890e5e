"""Samples come to -1 … 1 as they are meant, and all of them are numbers."""

from __future__ import annotations

import numpy as np
import pytest

from anime_whisper_ct2.audio.levels import Levels
from tests.support.sounds import tone


def block(seconds: float = 1.0) -> np.ndarray:
    return np.stack([tone(seconds), tone(seconds, hertz=330.0)], axis=1)


@pytest.mark.parametrize("scale", [2.0**15, 2.0**23, 2.0**31])
def test_floats_of_an_integer_scale_are_brought_to_one(scale: float) -> None:
    levels = Levels()
    for _ in range(2):
        np.testing.assert_allclose(levels(block() * np.float32(scale)), block(), atol=1e-6)


def test_the_scale_of_the_first_block_is_that_of_the_later_ones() -> None:
    levels, quiet = Levels(), block() * np.float32(1e-3)
    levels(block() * np.float32(32_768))
    np.testing.assert_allclose(levels(quiet * np.float32(32_768)), quiet, atol=1e-6)


def test_floats_beyond_one_stay_as_they_are() -> None:
    np.testing.assert_array_equal(Levels()(block() * np.float32(40)), block() * np.float32(40))


@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, 3e38, 1e7])
def test_what_is_no_sample_is_silence_and_no_scale(junk: float) -> None:
    samples = block()
    samples[100, 1] = junk
    levelled = Levels()(samples)
    assert levelled[100, 1] == 0.0
    samples[100, 1] = 0.0
    np.testing.assert_array_equal(levelled, samples)


def test_junk_among_scaled_samples_is_silence_too() -> None:
    samples = block() * np.float32(32_768)
    samples[100, 1] = np.nan
    levelled = Levels()(samples)
    assert levelled[100, 1] == 0.0
    np.testing.assert_allclose(levelled[200:], block()[200:], atol=1e-6)


def test_nothing_at_all_stays_nothing() -> None:
    assert Levels()(np.empty((0, 2), np.float32)).shape == (0, 2)
