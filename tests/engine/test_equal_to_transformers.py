"""With full windows in float32, text and scores are those of transformers, clip by clip."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from anime_whisper_ct2 import Transcriber, Transcript
from anime_whisper_ct2.audio import load
from anime_whisper_ct2.features.mel import log_mel, stack
from anime_whisper_ct2.records import Batch, Float32, Window
from tests.support.places import CHECKPOINT, CORPUS
from tests.tiny import lines, speech

FRESH = 100
GREEDY = {"language": "japanese", "task": "transcribe", "num_beams": 1}


@dataclass(frozen=True)
class Clip:
    name: str
    samples: Float32


@pytest.fixture(scope="module")
def clips(references: dict[str, str]) -> list[Clip]:
    """Every clip of the sample that fits a window, and fresh synthetic ones that were never trained on."""
    sample = [Clip(id_, load(os.fspath(CORPUS / id_))) for id_ in references]
    rng = np.random.default_rng(77)
    fresh = [
        Clip(f"fresh-{n}", speech.recorded(speech.say(line, rng), rng))
        for n, line in enumerate(lines.held_out(FRESH, seed=77))
    ]
    return [clip for clip in [*sample, *fresh] if len(clip.samples) <= 30 * 16_000]


@pytest.fixture(scope="module")
def ours(tiny_model: Path, clips: list[Clip]) -> dict[str, Transcript]:
    with Transcriber(tiny_model, device="cpu", compute_type="float32", window="full", workers=1) as transcriber:
        results = transcriber.transcribe(clip.samples for clip in clips)
        return {clip.name: result for clip, result in zip(clips, results, strict=True)}


@pytest.fixture(scope="module")
def theirs() -> Iterator[Any]:
    # transformers warns of its own deprecations; they say nothing of us.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers.logging.set_verbosity_error()
        yield transformers.pipeline("automatic-speech-recognition", model=str(CHECKPOINT), dtype=torch.float32)


def test_text_equals_that_of_the_pipeline_on_every_clip(
    clips: list[Clip], ours: dict[str, Transcript], theirs: Any
) -> None:
    raw = [{"raw": clip.samples, "sampling_rate": 16_000} for clip in clips]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        texts = [result["text"] for result in theirs(raw, batch_size=8, generate_kwargs=GREEDY)]
    different = {
        clip.name: (ours[clip.name].text, text)
        for clip, text in zip(clips, texts, strict=True)
        if ours[clip.name].text != text.strip()
    }
    assert not different
    assert len(clips) >= FRESH + 35


def test_features_equal_those_of_transformers_on_every_clip(clips: list[Clip], theirs: Any) -> None:
    for clip in clips:
        expected = theirs.feature_extractor(clip.samples, sampling_rate=16_000, return_tensors="np").input_features
        window = Window(0, 0, 0.0, len(clip.samples) / 16_000, log_mel(clip.samples, 128))
        np.testing.assert_allclose(stack(Batch((window,), 3000), 128, np.float32), expected, atol=1e-4)


def test_mean_log_probability_equals_that_of_transformers_on_every_clip(
    clips: list[Clip], ours: dict[str, Transcript], theirs: Any
) -> None:
    end = theirs.tokenizer.eos_token_id
    for at in range(0, len(clips), 8):
        batch = clips[at : at + 8]
        samples = [clip.samples for clip in batch]
        features = theirs.feature_extractor(samples, sampling_rate=16_000, return_tensors="pt").input_features
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = theirs.model.generate(features, return_dict_in_generate=True, output_scores=True, **GREEDY)
        # steps x clips x vocabulary, and the token that each step gave
        scores = torch.log_softmax(torch.stack(out.scores), -1)
        tokens = out.sequences[:, -len(out.scores) :]
        for row, clip in enumerate(batch):
            taken = tokens[row].tolist()
            steps = taken.index(end) + 1 if end in taken else len(taken)
            mean = float(np.mean([float(scores[step, row, taken[step]]) for step in range(steps)]))
            (segment,) = ours[clip.name].segments
            assert segment.avg_logprob == pytest.approx(mean, abs=1e-3), clip.name
