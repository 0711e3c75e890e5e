"""The streamed network equals faster-whisper's, and what it and the span machine find is what was spoken."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.audio import load
from anime_whisper_ct2.errors import ModelError
from anime_whisper_ct2.options import SegmentMode, SegmentOptions
from anime_whisper_ct2.records import Float32
from anime_whisper_ct2.segments.spans import Piece, segmented, utterances
from anime_whisper_ct2.segments.vad import FRAME_SAMPLES, Vad
from anime_whisper_ct2.segments.vad import silero as silero_room
from anime_whisper_ct2.segments.vad.fake import LoudnessVad
from anime_whisper_ct2.segments.vad.silero import SileroVad
from tests.support.commands import BARE
from tests.support.places import CORPUS, ROOT
from tests.support.references import LONG_RECORDING, references

RATE = 16_000


@dataclass(frozen=True)
class Line:
    """When a line is spoken, in seconds."""

    start: float
    end: float


@pytest.fixture(scope="module")
def silero() -> SileroVad:
    return SileroVad()


@pytest.fixture(scope="module")
def recording() -> Float32:
    return load(str(CORPUS / LONG_RECORDING))


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return [Line(line["start"], line["end"]) for line in references()[LONG_RECORDING]["lines"]]


def streamed(vad: Vad, blocks: list[Float32]) -> Float32:
    vad.reset()
    return np.concatenate([*(vad(block) for block in blocks), vad.finish()])


def faster_whispers(samples: Float32) -> Float32:
    """The probabilities that faster-whisper's own model gives; `samples` end with 64 zeros, as it makes them."""
    from faster_whisper.vad import get_vad_model

    assert not samples[-64:].any()
    found: Float32 = get_vad_model()(samples.copy())
    return found


def test_a_whole_recording_has_faster_whispers_probabilities(silero: SileroVad, recording: Float32) -> None:
    samples = recording[: -100 - len(recording) % FRAME_SAMPLES]
    padded = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES))
    minutes = [samples[at : at + 60 * RATE] for at in range(0, len(samples), 60 * RATE)]
    np.testing.assert_allclose(streamed(silero, minutes), faster_whispers(padded), atol=1e-4)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 70_000) | st.integers(0, 600), max_size=12))
def test_probabilities_do_not_depend_on_how_the_stream_is_split(
    silero: SileroVad, recording: Float32, cuts: list[int]
) -> None:
    samples = recording[5 * RATE : 5 * RATE + 70_000]
    padded = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES))
    expected = faster_whispers(padded)
    np.testing.assert_allclose(streamed(silero, np.split(samples, sorted(cuts))), expected, atol=1e-4)


@pytest.mark.parametrize("vad", ["silero", "loudness"])
def test_each_finished_frame_gives_one_probability(vad: str, silero: SileroVad) -> None:
    tried: Vad = silero if vad == "silero" else LoudnessVad()
    tried.reset()
    assert tried(np.ones(511, np.float32)).shape == (0,)
    assert tried(np.ones(0, np.float32)).shape == (0,)
    assert tried(np.ones(1, np.float32)).shape == (1,)
    assert tried.finish().shape == (0,)
    assert tried(np.ones(1025, np.float32)).shape == (2,)
    last = tried.finish()
    assert last.shape == (1,)
    assert last.dtype == np.float32
    assert tried.finish().shape == (0,)


def test_after_a_reset_nothing_is_left_of_the_recording_before(silero: SileroVad, recording: Float32) -> None:
    samples = recording[: 3 * RATE]
    first = streamed(silero, [samples])
    silero(recording[6 * RATE : 7 * RATE + 77])
    np.testing.assert_array_equal(streamed(silero, [samples]), first)


def test_workers_load_onnxruntime_only_for_a_vad_and_never_faster_whisper() -> None:
    code = (
        "import sys; from anime_whisper_ct2.segments.vad.silero import SileroVad\n"
        "names = ('onnxruntime', 'faster_whisper', 'ctranslate2')\n"
        "before = [name for name in names if name in sys.modules]; SileroVad()\n"
        "print(before, [name for name in names if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env={**BARE, "PYTHONPATH": str(ROOT)})
    assert answer.stdout.strip() == "[] ['onnxruntime']"


@pytest.mark.parametrize("installed", [True, False])
def test_an_absent_network_is_named_with_what_to_do(
    installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ModuleSpec("faster_whisper", None, origin=str(tmp_path / "__init__.py")) if installed else None
    monkeypatch.setattr(silero_room, "find_spec", lambda name: spec)
    with pytest.raises(ModelError, match=r"silero_vad_v6\.onnx.*install faster-whisper"):
        SileroVad()


def far(pieces: list[Piece], lines: list[Line]) -> float:
    """The largest distance in seconds of a piece's edge from its line's."""
    assert len(pieces) == len(lines)
    pairs = zip(pieces, lines, strict=True)
    return max(max(abs(piece.start_s - line.start), abs(piece.end_s - line.end)) for piece, line in pairs)


def test_every_line_of_the_long_recording_is_one_segment_within_three_tenths_of_a_second(
    silero: SileroVad, recording: Float32, lines: list[Line]
) -> None:
    blocks = [recording[at : at + 60 * RATE] for at in range(0, len(recording), 60 * RATE)]
    pieces = list(segmented(blocks, SegmentOptions(), lambda: silero))
    assert far(pieces, lines) <= 0.3
    for piece in pieces:
        np.testing.assert_array_equal(piece.samples, recording[piece.start : piece.start + len(piece.samples)])


@pytest.mark.parametrize("longest", [1.0, 2.0, 4.0, 15.0, 30.0])
@pytest.mark.parametrize("mode", ["vad", "pack"])
def test_no_segment_of_speech_exceeds_the_limit(
    silero: SileroVad, recording: Float32, lines: list[Line], longest: float, mode: SegmentMode
) -> None:
    options = SegmentOptions(mode=mode, max_segment_s=longest)
    pieces = list(utterances([recording], silero, options))
    assert max(len(piece.samples) for piece in pieces) <= longest * RATE
    spoken = sum(line.end - line.start for line in lines)
    heard = sum(
        max(0.0, min(piece.end_s, line.end) - max(piece.start_s, line.start)) for piece in pieces for line in lines
    )
    assert heard > 0.95 * spoken  # what is missing are pauses within lines, where the shortest limit parts them


@pytest.mark.parametrize("noise_db", [None, -80, -60, -50])
@pytest.mark.parametrize("pause_s", [0.9, 1.3, 4.0])
def test_lines_with_known_pauses_are_parted_over_any_noise_floor(
    silero: SileroVad, recording: Float32, lines: list[Line], noise_db: float | None, pause_s: float
) -> None:
    chosen = lines[::3]
    voices = [recording[round(line.start * RATE) : round(line.end * RATE)] for line in chosen]
    pause = np.zeros(round(pause_s * RATE), np.float32)
    samples = np.concatenate([pause, *(part for voice in voices for part in (voice, pause))])
    if noise_db is not None:
        noise = np.random.default_rng(5).standard_normal(len(samples)) * 10 ** (noise_db / 20)
        samples += noise.astype(np.float32)
    ends = np.cumsum([len(voice) + len(pause) for voice in voices]) / RATE
    said = [Line(end - len(voice) / RATE, end) for end, voice in zip(ends.tolist(), voices, strict=True)]
    assert far(list(utterances([samples], silero, SegmentOptions())), said) <= 0.3


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.01, 0.3])
def test_silence_and_white_noise_are_no_speech(silero: SileroVad, level: float) -> None:
    noise = np.random.default_rng(0).standard_normal(40 * RATE).astype(np.float32) * np.float32(level)
    assert list(utterances([noise], silero, SegmentOptions())) == []


@pytest.mark.parametrize("count", [0, 1, 511, 512])
def test_hardly_any_samples_are_no_speech(silero: SileroVad, count: int) -> None:
    assert list(utterances([np.full(count, 0.5, np.float32)], silero, SegmentOptions())) == []
