"""What tests of encoders share: windows of the sample corpus, and the tiny model as CTranslate2 loads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest

from anime_whisper_ct2.audio import load
from anime_whisper_ct2.features.mel import WINDOW_SAMPLES, log_mel
from anime_whisper_ct2.records import Batch, LogMel, Window
from tests.support.places import CORPUS
from tests.support.references import references


@pytest.fixture(scope="session")
def windows() -> list[Window]:
    """Every line of the corpus."""
    made = []
    for name in sorted(references()):
        samples = load(str(CORPUS / name))
        if len(samples) <= WINDOW_SAMPLES:
            made.append(Window(len(made), 0, 0.0, len(samples) / 16_000, log_mel(samples, 128)))
    assert len(made) > 20
    return made


@pytest.fixture(scope="session")
def bare(tiny_model: Path) -> Any:
    """CTranslate2's own model, which is right."""
    return ctranslate2.models.Whisper(str(tiny_model), device="cpu", compute_type="float32")


@pytest.fixture
def noise() -> Callable[..., Batch]:
    """Make a batch of noise: `noise(windows, frames)`."""

    def make(number: int, frames: int, seed: int = 0) -> Batch:
        values = np.random.default_rng(seed).uniform(-1, 1.5, (number, 128, frames)).astype(np.float32)
        window = Window(0, 0, 0.0, frames / 100, LogMel(values[0], -1.0))
        return Batch(tuple(replace(window, mel=LogMel(one, -1.0)) for one in values), frames)

    return make
