"""faster-whisper 1.2.1 loads the converted folder as it is and reads the same text from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from faster_whisper import WhisperModel

from anime_whisper_ct2 import Transcriber
from tests.support.places import CORPUS

CLIPS = [str(path) for path in sorted(CORPUS.rglob("第一章/*.ogg"))[:6]]


@pytest.fixture(scope="module")
def theirs(tiny_model: Path) -> WhisperModel:
    return WhisperModel(str(tiny_model), device="cpu", compute_type="float32", local_files_only=True)


def test_it_takes_our_tokenizer_and_mel_bands(theirs: WhisperModel) -> None:
    assert theirs.hf_tokenizer.token_to_id("<|notimestamps|>") is not None
    assert theirs.hf_tokenizer.get_vocab_size() < 10_000  # whisper-tiny's has 51,865
    assert theirs.feature_extractor.mel_filters.shape[0] == 128


def test_its_text_is_ours(theirs: WhisperModel, tiny_model: Path) -> None:
    with Transcriber(tiny_model, device="cpu", compute_type="float32", window="full", workers=0) as transcriber:
        ours = [transcript.text for transcript in transcriber.transcribe(CLIPS)]
    options = {"beam_size": 1, "temperature": 0.0, "without_timestamps": True, "condition_on_previous_text": False}
    texts = ["".join(segment.text for segment in theirs.transcribe(clip, **options)[0]).strip() for clip in CLIPS]
    # It pads the features with 0.0, a noise floor that our windows do not have: not every clip survives that alike.
    assert sum(a == b for a, b in zip(ours, texts, strict=True)) >= len(CLIPS) // 2


def test_word_timestamps_do_not_crash(tiny_model: Path) -> None:
    # With the teacher's alignment heads on two decoder layers the whole process would die (faster-whisper#688).
    code = (
        "import sys; from faster_whisper import WhisperModel\n"
        "model = WhisperModel(sys.argv[1], device='cpu', compute_type='float32', local_files_only=True)\n"
        "list(model.transcribe(sys.argv[2], word_timestamps=True)[0])\n"
        # This model was trained without timestamps: without them it writes the words that there are to align.
        "segments, _ = model.transcribe(sys.argv[2], word_timestamps=True, without_timestamps=True)\n"
        "print(sum(len(segment.words) for segment in segments))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tiny_model), CLIPS[0]], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 0
