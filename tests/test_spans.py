"""Pieces cover a recording without a gap, however the blocks fall."""

from __future__ import annotations

import numpy as np
import pytest

from anime_whisper_ct2.spans import fixed, is_silent


@pytest.mark.parametrize("blocks", [[10], [3, 3, 4], [1] * 10, [7, 3], [25, 1, 4], [10, 10]])
@pytest.mark.parametrize("size", [1, 3, 10, 50])
def test_pieces_join_to_the_recording(blocks: list[int], size: int) -> None:
    whole = np.arange(sum(blocks), dtype=np.float32)
    pieces = list(fixed(np.split(whole, np.cumsum(blocks)[:-1]), size))
    np.testing.assert_array_equal(np.concatenate([piece.samples for piece in pieces]), whole)
    assert [piece.start for piece in pieces] == list(range(0, len(whole), size))
    assert all(len(piece.samples) == size for piece in pieces[:-1])


def test_no_samples_no_piece() -> None:
    assert list(fixed([np.zeros(0, np.float32)])) == []


def test_times_are_in_seconds() -> None:
    second = list(fixed([np.ones(480_000 + 8_000, np.float32)]))[1]
    assert (second.start_s, second.end_s) == (30.0, 30.5)


@pytest.mark.parametrize(("peak", "silent"), [(0.0, True), (1e-5, True), (2.0**-15, False), (-0.1, False)])
def test_silence_is_what_16_bits_cannot_hold(peak: float, silent: bool) -> None:
    samples = np.zeros(100, np.float32)
    samples[3] = peak
    assert is_silent(samples) is silent
