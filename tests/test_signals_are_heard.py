"""A signal is heard in every wait that a command makes in its main thread, also where waits let none in."""

from __future__ import annotations

import _thread
import os
import threading
import time
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

import anime_whisper_ct2_convert
from anime_whisper_ct2 import Transcriber
from anime_whisper_ct2.cli import main
from anime_whisper_ct2.cli.convert import convert
from anime_whisper_ct2.doctor import trial
from anime_whisper_ct2.engine import whisper
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.executors import Task, sample
from anime_whisper_ct2.executors.continuous import Continuous
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.executors.opening import here, open_whisper
from anime_whisper_ct2.export.clips import workers
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import EngineOptions, RunOptions
from anime_whisper_ct2.plan import headers
from anime_whisper_ct2.records import ArrayAudio, Batch, Decoded, Outcome
from anime_whisper_ct2_convert import source
from anime_whisper_ct2_convert.source import open_source
from tests.support.audio_windows import numbered, said
from tests.support.clips import cut, job
from tests.support.deafness import hears, wait_until_main_is_still
from tests.support.places import CORPUS
from tests.support.sounds import tone


class Busy(FakeEngine):
    """Answers when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[Future[list[Decoded]]] = []

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        self.left.append(Future())
        return self.left[-1]

    def let_go(self) -> None:
        for future in self.left:
            future.set_result([said("はい")])


class Waiting:
    """An executor that has nothing until it is let go."""

    def __init__(self, event: threading.Event) -> None:
        self.description: dict[str, object] = {}
        self.figures: dict[str, object] = {}
        self._event = event

    def run(self, _: Iterable[Task]) -> Generator[tuple[int, Outcome], None, None]:
        self._event.wait()
        yield from ()

    def stop(self) -> None: ...


@pytest.fixture
def event() -> threading.Event:
    return threading.Event()


def test_while_a_batch_is_decoded() -> None:
    engine = Busy()
    batch = Batch((numbered(0),), 3000)
    assert hears(lambda: list(Decoding(engine)([batch])), engine.let_go)


def test_while_a_calibration_warms_up() -> None:
    engine = Busy()
    assert hears(lambda: sample.warm_up(engine, [numbered(0)]), engine.let_go)


@pytest.fixture
def loading(event: threading.Event, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A model that loads until the event comes; what is given says when that has begun."""
    begun = threading.Event()

    def load(*_: object) -> FakeEngine:
        begun.set()
        event.wait()
        return FakeEngine()

    monkeypatch.setattr(whisper, "CTranslate2Engine", load)
    return begun


@pytest.mark.usefixtures("loading")
def test_while_a_model_loads_for_a_run(tiny_model: Path, event: threading.Event) -> None:
    options = RunOptions(engine=EngineOptions(device="cpu"))

    def opened() -> None:
        with here(open_model_dir(tiny_model), options, WindowLength("full"), open_whisper):
            pass

    assert hears(opened, event.set)


@pytest.mark.usefixtures("loading")
def test_while_a_model_loads_for_a_program(tiny_model: Path, event: threading.Event) -> None:
    assert hears(lambda: Transcriber(tiny_model), event.set)


def test_while_a_model_loads_to_be_calibrated(
    tiny_model: Path, event: threading.Event, loading: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Left(BaseException):
        """In the place of the process's end: the model loads on."""

    def end(status: int) -> None:
        raise Left(status)

    monkeypatch.setattr(os, "_exit", end)

    def interrupt() -> None:
        loading.wait(60)
        wait_until_main_is_still()
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    try:
        with pytest.raises(Left, match="130"):
            main(["calibrate", str(tiny_model), str(CORPUS)])
    finally:
        event.set()


def test_while_a_checkpoint_is_downloaded(event: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: event.wait())
    assert hears(lambda: open_source("someone/their-whisper"), event.set)


def test_while_the_hub_is_asked(event: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "file_exists", lambda *_, **__: event.wait())
    assert hears(lambda: source._is_there("someone/their-whisper", None, "model.bin"), event.set)


def test_while_a_conversion_is_verified(
    event: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted = SimpleNamespace(path=tmp_path / "out")
    monkeypatch.setattr(anime_whisper_ct2_convert, "convert", lambda *_, **__: converted)
    monkeypatch.setattr(anime_whisper_ct2_convert, "verify", lambda *_, **__: event.wait())
    monkeypatch.setattr(anime_whisper_ct2_convert, "check_can_verify", lambda: None)
    command: Any = convert.callback
    arguments = {"quantization": "float32", "revision": None, "force": False, "verified": True, "quiet": True}
    assert hears(lambda: command("checkpoint", converted.path, **arguments), event.set)


def test_while_workers_that_are_kept_have_nothing_yet(event: threading.Event) -> None:
    continuous = Continuous(Waiting(event))
    assert hears(lambda: next(continuous.run([]), None), event.set)
    assert not continuous.failed


def test_while_workers_that_are_kept_come_to_their_end(event: threading.Event) -> None:
    assert hears(Continuous(Waiting(event)).close, event.set)


def test_while_clips_are_cut(tmp_path: Path, event: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers._Workers, "cut", lambda *_: event.wait())
    monkeypatch.setattr(workers._Workers, "stop", lambda _: event.set())
    audio = ArrayAudio(tone(5), 16_000)
    assert hears(lambda: cut([job(audio)], tmp_path / "clips", workers=1), event.set)


def test_while_a_process_of_the_doctor_s_answers() -> None:
    assert hears(lambda: trial.apart(partial(time.sleep, 60)), lambda: None)


def test_while_headers_are_read(event: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "header_of", lambda _: event.wait())
    assert hears(lambda: list(headers.headers_of(["a.wav"])), event.set)
