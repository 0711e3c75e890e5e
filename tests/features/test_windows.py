"""How far fitted windows are padded, and when."""

from __future__ import annotations

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.features.windows import (
    AMBIGUOUS_FRAMES,
    WindowLength,
    enough_together,
    longer_length,
    window_length,
    work,
)


class TestLength:
    @pytest.mark.parametrize("tail_s", [0.0, 0.64, 1.28, 2.56, 5.12])
    def test_a_fitted_window_holds_clip_and_tail_and_little_more(self, tail_s: float) -> None:
        length = WindowLength("fit", tail_s)
        for frames in range(1, 3001):
            fitted = length(frames)
            assert fitted <= 3000
            assert fitted % 2 == 0
            assert fitted not in AMBIGUOUS_FRAMES
            if fitted < 3000:
                assert 0 <= fitted - (frames + tail_s * 100) < max(128, fitted / 6)

    @pytest.mark.parametrize("tail_s", [0.0, 0.64, 1.28, 2.56, 5.12])
    def test_no_fitted_window_is_just_beyond_where_a_gpu_takes_a_larger_block(self, tail_s: float) -> None:
        """Behind 512 and 1,024 positions the softmax of CTranslate2 takes a fifth longer."""
        positions = {WindowLength("fit", tail_s)(frames) // 2 for frames in range(1, 3001)}
        for most in (512, 1_024):
            assert most in positions
            assert not positions.intersection(range(most + 1, most + 57))

    def test_full_is_always_30_s(self) -> None:
        assert {WindowLength("full")(frames) for frames in (1, 256, 3000)} == {3000}

    def test_auto_fits_only_what_was_measured(self) -> None:
        assert window_length("auto", None, {}).mode == "full"
        assert window_length("auto", None, {"window_profile": {"tail_s": 1.28}}) == WindowLength("fit", 1.28)
        assert window_length("full", None, {"window_profile": {"tail_s": 1.28}}).mode == "full"
        assert window_length("fit", None, {}) == WindowLength("fit", 2.56)
        assert window_length("fit", 0.64, {"window_profile": {"tail_s": 1.28}}).tail_s == 0.64

    def test_a_tail_without_a_fitted_window_is_refused(self) -> None:
        for mode in ("full", "auto"):
            with pytest.raises(InputError, match="a tail is for fitted windows"):
                window_length(mode, 1.0, {})  # type: ignore[arg-type]

    def test_a_tail_beyond_the_window_is_refused(self) -> None:
        with pytest.raises(InputError, match="tail"):
            WindowLength("fit", 31)


class TestLonger:
    @pytest.mark.parametrize("tail_s", [0.0, 0.64, 1.28, 2.56, 5.12, 10.24])
    def test_a_longer_window_holds_clearly_more_silence_and_costs_clearly_less_than_30_s(self, tail_s: float) -> None:
        length = WindowLength("fit", tail_s)
        longer = {frames: longer_length(frames, length(frames)) for frames in range(1, 3001)}
        for frames, padded in longer.items():
            if padded < 3000:
                assert padded - frames >= max(512, 1.5 * (length(frames) - frames))
                assert padded > length(frames)
                assert padded not in AMBIGUOUS_FRAMES
                assert work(padded) < 0.6
        assert (longer[300] < 3000) is (tail_s <= 5.12)
        assert longer[1_500] == 3000

    def test_work_is_that_of_linear_layers_and_attention(self) -> None:
        def operations(positions: float) -> float:
            return 1.283e9 * positions + 1.638e5 * positions**2

        for frames in (320, 768, 1_536, 3_000):
            assert work(frames) == pytest.approx(operations(frames / 2) / operations(1_500), rel=1e-3)

    def test_16_windows_of_30_s_are_a_good_batch_and_more_of_shorter_ones(self) -> None:
        assert [enough_together(frames) for frames in (3_000, 1_500, 768)] == [16, 32, 63]
