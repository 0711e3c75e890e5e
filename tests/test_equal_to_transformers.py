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
from anime_whisper_ct2.records import Float32
from tests.conftest import CHECKPOINT, CORPUS
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


def test_mean_log_probability_equals_that_of_transformers(
    clips: list[Clip], ours: dict[str, Transcript], theirs: Any
) -> None:
    model, extractor, tokenizer = theirs.model, theirs.feature_extractor, theirs.tokenizer
    end = tokenizer.eos_token_id
    for clip in clips[::4]:
        features = extractor(clip.samples, sampling_rate=16_000, return_tensors="pt").input_features
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = model.generate(features, return_dict_in_generate=True, output_scores=True, **GREEDY)
        tokens = out.sequences[0][-len(out.scores) :].tolist()
        per_token = [
            float(torch.log_softmax(scores[0], -1)[token]) for scores, token in zip(out.scores, tokens, strict=True)
        ]
        if end in tokens:
            per_token = per_token[: tokens.index(end) + 1]
        (segment,) = ours[clip.name].segments
        assert segment.avg_logprob == pytest.approx(np.mean(per_token), abs=1e-3), clip.name
