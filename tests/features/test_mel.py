"""Features are those of transformers, whatever the clip's length."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from transformers import WhisperFeatureExtractor

from anime_whisper_ct2.features import mel
from anime_whisper_ct2.records import Batch, Float32, Window


@lru_cache
def extractor(n_mels: int) -> WhisperFeatureExtractor:
    return WhisperFeatureExtractor(feature_size=n_mels)


def noise(n: int, seed: int = 0) -> Float32:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(n) * 0.1 * np.linspace(0.0, 1.0, n)).astype(np.float32)


def as_transformers_sees_it(samples: Float32, n_mels: int = 128) -> Float32:
    return extractor(n_mels)(samples, sampling_rate=16_000, return_tensors="np").input_features[0]


def in_a_full_window(samples: Float32, n_mels: int = 128) -> Float32:
    window = Window(0, 0, 0.0, len(samples) / 16_000, mel.log_mel(samples, n_mels))
    return mel.stack(Batch((window,), 3000), n_mels, np.float32)[0]


@pytest.mark.parametrize("n_mels", [80, 128])
def test_filters_are_those_of_transformers(n_mels: int) -> None:
    np.testing.assert_allclose(mel.mel_filters(n_mels), extractor(n_mels).mel_filters, atol=1e-8)


# The lengths around the edges: shorter than half an STFT frame, around a hop, and where the 30 s end.
@pytest.mark.parametrize(
    "n", [1, 2, 159, 160, 161, 199, 200, 201, 400, 16_000, 87_654, 479_700, 479_801, 479_960, 479_999, 480_000]
)
def test_a_window_equals_that_of_transformers(n: int) -> None:
    np.testing.assert_allclose(in_a_full_window(noise(n)), as_transformers_sees_it(noise(n)), atol=1e-4)


def test_quiet_and_loud_clips_keep_their_own_floor() -> None:
    for gain in (1e-4, 1e-2, 5.0):
        samples = noise(50_000) * np.float32(gain)
        np.testing.assert_allclose(in_a_full_window(samples), as_transformers_sees_it(samples), atol=1e-4)


def test_silence_is_the_lowest_value_throughout() -> None:
    samples = np.zeros(16_000, np.float32)
    np.testing.assert_allclose(in_a_full_window(samples), as_transformers_sees_it(samples), atol=1e-6)


def test_80_bands() -> None:
    np.testing.assert_allclose(in_a_full_window(noise(9_000), 80), as_transformers_sees_it(noise(9_000), 80), atol=1e-4)


def test_only_frames_that_touch_sound_are_computed() -> None:
    assert mel.log_mel(noise(16_000), 128).values.shape == (128, 102)


def test_half_precision_is_the_same_rounded() -> None:
    exact, half = (mel.log_mel(noise(30_000), 128, dtype) for dtype in (np.float32, np.float16))
    np.testing.assert_array_equal(exact.values.astype(np.float16), half.values)
    assert half.values.flags.c_contiguous


@pytest.mark.parametrize("n", [0, 480_001])
def test_what_is_no_window_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="1 to 480000 samples"):
        mel.log_mel(np.zeros(n, np.float32), 128)
