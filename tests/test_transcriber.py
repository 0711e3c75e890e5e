"""The Python door takes audio in any shape and keeps its order."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2 import Failure, FakeEngine, Recording, RecordingError, Transcriber, Transcript
from anime_whisper_ct2.errors import InputError
from tests.support.places import CORPUS
from tests.support.sounds import tone


@pytest.fixture
def transcriber() -> Iterator[Transcriber]:
    with Transcriber(FakeEngine(batch_size=3), workers=0) as made:
        yield made


def test_every_shape_of_audio(transcriber: Transcriber, write_tone: Callable[..., Path]) -> None:
    path = write_tone("a.wav", 1.0)
    array = tone(1.0)
    given = [
        path,
        str(path),
        path.read_bytes(),
        array,
        (tone(1.0, 48_000), 48_000),
        {"array": array, "sampling_rate": 16_000, "path": None},
        {"bytes": path.read_bytes(), "path": "a.wav"},
        {"bytes": None, "path": str(path)},
        np.stack([array, array], axis=1),
        Recording("mine", "mine", str(path), {"speaker": "さくら"}),
    ]
    results = list(transcriber.transcribe(given))
    assert [result.text for result in results] == ["1.00秒"] * len(given)
    assert [result.id for result in results[:4]] == [path.as_posix(), path.as_posix(), "audio-2", "audio-3"]
    assert (results[-1].id, results[-1].meta) == ("mine", {"speaker": "さくら"})


def test_order_is_kept_although_batches_end_in_their_own(transcriber: Transcriber) -> None:
    lengths = [0.5 + n / 10 for n in range(20)]
    results = list(transcriber.transcribe(tone(length) for length in lengths))
    assert [result.text for result in results] == [f"{length:.2f}秒" for length in lengths]


def test_an_endless_stream_is_read_as_it_is_used(transcriber: Transcriber) -> None:
    def endless() -> Iterator[np.ndarray]:
        while True:
            yield tone(0.3)

    assert len(list(islice(transcriber.transcribe(endless()), 10))) == 10


@pytest.mark.parametrize("_", range(3))
def test_a_script_that_ends_while_the_engine_computes_ends_well(tiny_model: Path, _: int) -> None:
    clips = [str(path) for path in sorted(CORPUS.rglob("*.ogg"))] * 4
    script = f"""
from anime_whisper_ct2 import Transcriber
for transcript in Transcriber({str(tiny_model)!r}, device="cpu").transcribe({clips!r}, ordered=False):
    print("one")
    break
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200, check=False)
    assert (ended.returncode, ended.stdout) == (0, "one\n"), ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_failure_raises_or_comes_in_its_place(transcriber: Transcriber) -> None:
    given = [tone(0.5), b"no audio", tone(1.0)]
    with pytest.raises(RecordingError, match=r"audio-1: no decoder reads it"):
        list(transcriber.transcribe(given))
    kinds = [type(result) for result in transcriber.transcribe(given, on_error="yield")]
    assert kinds == [Transcript, Failure, Transcript]


def test_one_transcriber_serves_many_calls(transcriber: Transcriber) -> None:
    for _ in range(3):
        assert len(list(transcriber.transcribe([tone(0.5)]))) == 1


@pytest.mark.parametrize("wrong", ["a.wav", b"x", {"path": "a.wav"}, np.zeros(3)])
def test_a_single_recording_instead_of_a_list_is_pointed_out(transcriber: Transcriber, wrong: object) -> None:
    with pytest.raises(InputError, match="put a single one into a list"):
        transcriber.transcribe(wrong)  # type: ignore[arg-type]


def test_what_is_no_audio_is_named_by_its_place(transcriber: Transcriber) -> None:
    with pytest.raises(InputError, match="recording 1 is int"):
        list(transcriber.transcribe([tone(0.1), 3]))  # type: ignore[list-item]


def test_the_real_model_reads_a_path_and_its_array_alike(tiny_model: Path, references: dict[str, str]) -> None:
    id_ = next(iter(references))
    samples, rate = soundfile.read(CORPUS / id_, dtype="float32")
    with Transcriber(tiny_model, workers=0, device="cpu", compute_type="float32") as transcriber:
        from_path, from_array = transcriber.transcribe([CORPUS / id_, (samples, rate)])
    assert from_path.text == from_array.text != ""


def test_an_error_that_is_kept_keeps_no_workers(write_tone: Callable[..., Path]) -> None:
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    before = children.read_text(encoding="utf-8") if children.exists() else ""
    with Transcriber(FakeEngine(), workers=1) as transcriber:
        try:
            list(transcriber.transcribe([b"no audio"]))
        except RecordingError as error:
            kept = error
        assert kept.recording == "audio-0"
        if children.exists():
            assert set(children.read_text(encoding="utf-8").split()) <= set(before.split())


def test_an_open_engine_takes_no_options() -> None:
    engine = FakeEngine()
    with pytest.raises(InputError, match="takes no options"):
        Transcriber(engine, beam_size=5)
    engine.close()
