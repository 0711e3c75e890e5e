"""In windows of 30 s, every spoken line comes out as transformers has it."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from anime_whisper_ct2.audio import load
from anime_whisper_ct2.output.results import RunFolder
from tests.real import spoken

pytestmark = pytest.mark.real
BATCH = 4


def test_every_first_text_is_that_of_transformers(clips_run: Path, checkpoint: Path) -> None:
    import torch
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    lines = list(spoken.clips())
    ours = {transcript.id: transcript for transcript in RunFolder(clips_run).transcripts()}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of its own deprecations
        processor = WhisperProcessor.from_pretrained(checkpoint)
        network = WhisperForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
        theirs = []
        for start in range(0, len(lines), BATCH):
            # As we hear them: another resampler is enough to turn a near tie.
            samples = [load(str(spoken.DATA / line.id)) for line in lines[start : start + BATCH]]
            features = processor(samples, sampling_rate=spoken.HZ, return_tensors="pt").input_features
            tokens = network.generate(features, language="japanese", task="transcribe", num_beams=1)
            theirs += [text.strip() for text in processor.batch_decode(tokens, skip_special_tokens=True)]
    # A text that a retry put there, or that ran into our token limit, is not the first one any more.
    changed = {id_ for id_, one in ours.items() if {"replaced", "cap"} & set(one.flags)}
    different = {
        line.id: (ours[line.id].text, text)
        for line, text in zip(lines, theirs, strict=True)
        if line.id not in changed and ours[line.id].text != text
    }
    assert not different
    assert len(changed) <= 3
