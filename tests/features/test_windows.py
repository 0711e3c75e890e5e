"""How far fitted windows are padded, and when."""

from __future__ import annotations

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.features.windows import AMBIGUOUS_FRAMES, WindowLength, window_length


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
