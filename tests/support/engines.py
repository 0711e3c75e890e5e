"""Engines for the processes of a fleet under test; they are named by `module:function`, since nothing is inherited."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import EngineError, EngineLostError, EngineMemoryError, InputError, ModelFolderError
from anime_whisper_ct2.options import DecodingOptions, EngineOptions
from anime_whisper_ct2.records import Decoded, Window
from tests.support.processes import die


def plain(_model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Answer with the length."""
    return FakeEngine()


def by_process(_model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Answer with the process that did it, slowly enough for others to get their share."""

    def decode(_: Window) -> Decoded:
        time.sleep(0.02)
        return Decoded(str(os.getpid()), (1,), -0.1, 0.0)

    return FakeEngine(decode)


def by_gpu(_model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Answer with the GPUs that the process may see, slowly enough for others to get their share."""

    def decode(_: Window) -> Decoded:
        time.sleep(0.02)
        return Decoded(os.environ.get("CUDA_VISIBLE_DEVICES", "all"), (1,), -0.1, 0.0)

    return FakeEngine(decode)


def by_encoder(_model: str, engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Answer slowly with the encoder that was asked for, and have torch where that is open."""

    def decode(_: Window) -> Decoded:
        time.sleep(0.02)
        return Decoded(engine.encoder, (1,), -0.1, 0.0)

    made = FakeEngine(decode)
    made.description = {"encoder": {"library": "torch" if engine.encoder == "auto" else engine.encoder, "why": ""}}
    return made


def dies_once(model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Die in the middle, once among all processes; `model` names the file that remembers."""
    left = 5

    def decode(window: Window) -> Decoded:
        nonlocal left
        left -= 1
        if left < 0:
            try:
                Path(model).touch(exist_ok=False)
                die()
            except FileExistsError:
                pass
        return Decoded(f"{window.end_s:.1f}", (1,), -0.1, 0.0)

    return FakeEngine(decode)


def dies_every_eight_windows(model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Answer with the number, and die at each eighth window among all processes; `model` names their list."""

    def decode(window: Window) -> Decoded:
        # So that those before it are home.
        time.sleep(0.05)
        with Path(model).open("a", encoding="utf-8") as taken:
            taken.write(f"{window.number}\n")
        if len(Path(model).read_text(encoding="utf-8").splitlines()) % 8 == 0:
            die()
        return Decoded(f"{window.number}", (1,), -0.1, 0.0)

    return FakeEngine(decode, batch_size=1)


def dies_at_the_eighth_window(_model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Die at one window of a long recording."""

    def decode(window: Window) -> Decoded:
        # So that those before it are home.
        time.sleep(0.05)
        if window.number == 7:
            die()
        return Decoded(f"{window.number}", (1,), -0.1, 0.0)

    return FakeEngine(decode, batch_size=1)


def always_dies(_model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Die at the first window."""

    def decode(_: Window) -> Decoded:
        die()
        raise AssertionError

    return FakeEngine(decode)


def dies_of_poison(_model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Die at one length of clip: 0.7 s."""

    def decode(window: Window) -> Decoded:
        if round(window.end_s, 2) == 0.7:
            die()
        return Decoded("はい", (1,), -0.1, 0.0)

    return FakeEngine(decode)


def hangs_once(model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Never answer in the middle, once among all processes; `model` names the file that remembers."""
    left = 5

    def decode(window: Window) -> Decoded:
        nonlocal left
        left -= 1
        if left < 0 and not Path(model).exists():
            Path(model).touch()
            threading.Event().wait()
        return Decoded(f"{window.end_s:.1f}", (1,), -0.1, 0.0)

    return FakeEngine(decode, limit_s=5.0)


def hangs_over_poison(_model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Never answer at one length of clip: 0.7 s."""

    def decode(window: Window) -> Decoded:
        if round(window.end_s, 2) == 0.7:
            threading.Event().wait()
        return Decoded("はい", (1,), -0.1, 0.0)

    return FakeEngine(decode, limit_s=3.0)


def fails_once(model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Fail at everything from the middle on, in one process among all; `model` names the file that remembers."""
    left = 5
    broken = False

    def decode(_: Window) -> Decoded:
        nonlocal left, broken
        left -= 1
        if left < 0 and not Path(model).exists():
            Path(model).touch()
            broken = True
        if broken:
            raise EngineError("CUDA failed with error an illegal memory access was encountered")
        return Decoded("はい", (1,), -0.1, 0.0)

    return FakeEngine(decode)


def loses_the_device_over_poison(_model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Fail at one length of clip, 0.7 s, and from then on at everything, as CUDA does after an illegal access."""
    lost = False

    def decode(window: Window) -> Decoded:
        nonlocal lost
        lost = lost or round(window.end_s, 2) == 0.7
        if lost:
            raise EngineLostError("CUDA failed with error an illegal memory access was encountered")
        return Decoded("はい", (1,), -0.1, 0.0)

    return FakeEngine(decode)


def runs_out_of_memory_and_is_lost(model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Have a batch halved and then lose the device, once among all processes; `model` names the file that remembers."""
    batches = 0

    def decode(_: Window) -> Decoded:
        nonlocal batches
        batches += 1
        if batches == 1 and not Path(model).exists():
            raise EngineMemoryError("out of memory")
        if batches == 10 and not Path(model).exists():
            Path(model).touch()
            raise EngineLostError("CUDA failed with error unspecified launch failure")
        return Decoded("はい", (1,), -0.1, 0.0)

    return FakeEngine(decode)


def is_kept_from_ending(model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Lose the device, once among all processes, with somebody at the pipe who stays; `model` is to name them."""
    is_first = not Path(model).exists()
    if is_first:
        # Now, while nothing is computed: a fork stops OpenBLAS's threads, and whoever waits for them waits for ever.
        stays = os.fork()
        if not stays:
            time.sleep(600)
            os._exit(0)
        Path(model).write_text(f"{stays}", encoding="utf-8")

    def decode(_: Window) -> Decoded:
        if is_first:
            raise EngineLostError("the device has not answered for 300 s")
        return Decoded("はい", (1,), -0.1, 0.0)

    return FakeEngine(decode)


def comes_back_late(model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Lose the device, and not find it the next time either; `model` names the file that remembers."""
    past = Path(model).read_text(encoding="utf-8") if Path(model).exists() else ""
    if past == "lost":
        Path(model).write_text("lost and found", encoding="utf-8")
        raise InputError("no CUDA device 0: none found")
    left = 5

    def decode(_: Window) -> Decoded:
        nonlocal left
        left -= 1
        if left < 0 and not past:
            Path(model).write_text("lost", encoding="utf-8")
            raise EngineLostError("CUDA failed with error unspecified launch failure")
        return Decoded("はい", (1,), -0.1, 0.0)

    return FakeEngine(decode)


def never_loads(_model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Wait for a device that never comes."""
    threading.Event().wait()
    raise AssertionError


def always_fails(_model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Fail at everything."""

    def decode(_: Window) -> Decoded:
        raise EngineError("CUDA failed with error an illegal memory access was encountered")

    return FakeEngine(decode)


def refuses(model: str, _engine: EngineOptions, _decoding: DecodingOptions) -> FakeEngine:
    """Find the model wanting."""
    raise ModelFolderError(f"{model}: not a model")
