"""Bad lines are marked, good ones are not, and what is no speech is told from it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from anime_whisper_ct2 import Transcriber, Transcript
from anime_whisper_ct2.calibration import CalibrationOptions, calibrate
from anime_whisper_ct2.calibration.marks import measure_doubt
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import EngineOptions
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.text import count_errors
from anime_whisper_ct2.text.doubt import BAD_CER, BOUNDS
from anime_whisper_ct2.text.normalize import author
from tests.real import sounds, spoken

pytestmark = pytest.mark.real


def heard(model: Path, samples: Iterable[np.typing.NDArray[np.float32]]) -> list[Transcript]:
    with Transcriber(model, device="cpu", compute_type="float32", window="full", workers=1) as transcriber:
        return list(transcriber.transcribe(samples))


@pytest.fixture(scope="module")
def lines(clips_run: Path, model: Path) -> list[tuple[spoken.Spoken, Transcript]]:
    """Every line, of the clips and of the recording, and what was made of it."""
    ours = {transcript.id: transcript for transcript in RunFolder(clips_run).transcripts()}
    recorded = list(spoken.recorded())
    made = heard(model, (line.samples for line in recorded))
    return [*((line, ours[line.id]) for line in spoken.clips()), *zip(recorded, made, strict=True)]


def cer(line: spoken.Spoken, transcript: Transcript) -> float:
    return count_errors(author(line.text), author(transcript.text)).cer


def test_on_voices_held_out_two_thirds_of_the_bad_lines_are_marked_and_few_others(
    lines: list[tuple[spoken.Spoken, Transcript]],
) -> None:
    held_out = [(line, made) for line, made in lines if line.held_out]
    doubts = [max((segment.doubt or 0.0 for segment in made.segments), default=0.0) for _, made in held_out]
    measured = measure_doubt(doubts, [cer(line, made) for line, made in held_out], BOUNDS.doubt)
    assert measured.lines > 120
    assert measured.bad >= 10
    assert measured.found >= 65
    assert measured.wrongly <= 12
    assert measured.first_third >= 80
    # The flag is the figure.
    marked = ["doubtful" in made.flags for _, made in held_out]
    assert marked == [doubt >= BOUNDS.doubt for doubt in doubts]


def test_no_line_passes_for_a_sound_without_speech(lines: list[tuple[spoken.Spoken, Transcript]]) -> None:
    assert not [line.id for line, made in lines if {"no_speech", "empty"} & set(made.flags)]


def test_every_sound_without_speech_is_marked_and_what_is_told_from_speech_is_not_decoded_again(model: Path) -> None:
    made = dict(zip(sounds.sounds(), heard(model, sounds.sounds().values()), strict=True))
    assert len(made) == 15
    assert not {name for name, one in made.items() if not {"no_speech", "empty", "doubtful"} & set(one.flags)}
    silent = [one for one in made.values() if {"no_speech", "empty"} & set(one.flags)]
    assert len(silent) >= 14
    assert not [one.text for one in silent for segment in one.segments if segment.retries]


def test_no_retry_takes_the_flag_off_a_text_that_stayed_wrong(lines: list[tuple[spoken.Spoken, Transcript]]) -> None:
    retried = [(line, made) for line, made in lines if any(segment.retries is not None for segment in made.segments)]
    assert retried
    hidden = [
        (line.text, made.text)
        for line, made in retried
        if cer(line, made) >= BAD_CER and not set(made.flags) - {"replaced", "clipped", "noisy"}
    ]
    assert not hidden
    for _, made in retried:
        (segment,) = made.segments
        assert segment.retries is not None
        assert ("replaced" in segment.flags) <= (segment.retries.kept != "first")


def test_calibration_finds_the_bounds_on_the_model_itself(model: Path) -> None:
    engine = CTranslate2Engine(open_model_dir(model), EngineOptions(device="cpu", compute_type="float32"))
    try:
        options = CalibrationOptions(clips=60, tails_s=(2.56,))
        measured = calibrate(engine, Corpus((str(spoken.CLIPS),)), options, references="meta")
    finally:
        engine.close()
    assert measured.no_speech is not None
    assert measured.no_speech.bound == BOUNDS.no_speech
    assert measured.no_speech.clips == 0
    assert measured.doubt is not None
    assert measured.doubt.lines == 60
    # Ten bad lines are the least that a bound is measured from.
    assert (measured.doubt.bound is None) == (measured.doubt.bad < 10)
