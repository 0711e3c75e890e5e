"""A device whose encoder gives other numbers than it should is refused at load, with what was seen and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest

from anime_whisper_ct2.engine import selfcheck, whisper
from anime_whisper_ct2.engine.capacity import Capacity
from anime_whisper_ct2.engine.encoders.stock import StockEncoder
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.errors import EngineError, EngineLostError, EngineMemoryError, in_python
from anime_whisper_ct2.model_dir import ModelShape, open_model_dir
from anime_whisper_ct2.options import EngineOptions
from anime_whisper_ct2.records import Float32

SHAPE = ModelShape(n_mels=80, n_vocab=9, decoder_layers=1, decoder_heads=1, encoder_heads=20, width=1280)


def sound(out: Float32) -> Float32:
    """Leave an encoder's output as it is."""
    return out


@dataclass
class Model:
    """In the place of `ctranslate2.models.Whisper`: an encoder of one product, whose output `spoil` changes."""

    spoil: Callable[[Float32], Float32] = sound
    errors: list[Exception] = field(default_factory=list)
    n_mels: int = 80
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def encode(self, features: Any, to_cpu: bool = False) -> Any:
        """Raise the next error, or give something of shape (windows, positions, 16) that depends on the sound."""
        if self.errors:
            raise self.errors.pop(0)
        values = np.asarray(features, np.float32)
        self.shapes.append(values.shape)
        weights = np.random.default_rng(0).standard_normal((self.n_mels, 16)).astype(np.float32)
        out = np.stack([row[:, ::2].T @ weights for row in values])
        return ctranslate2.StorageView.from_array(np.ascontiguousarray(self.spoil(out)))


def check(model: Model, *, gpu: int | None = None, compute_type: str = "float16", windows: float = 2.0) -> Capacity:
    """Check a device whose encoder is `model`, and say what a batch may hold afterwards."""
    capacity = Capacity(windows)
    encoder = StockEncoder(model, SHAPE, np.float32, on_cpu=False, aligned=False)
    selfcheck.check(
        encoder,
        model,
        np.float32,
        capacity,
        compute_type=compute_type,
        folder=Path("no such folder"),  # so that there is no first layer to compare
        gpu=gpu,
    )
    return capacity


def in_row(at: int, change: Callable[[Float32], Float32]) -> Callable[[Float32], Float32]:
    """Change one window of every batch that has so many."""

    def spoil(out: Float32) -> Float32:
        if len(out) > at:
            out[at] = change(out[at])
        return out

    return spoil


def test_a_sound_device_passes_with_one_window_and_with_a_full_batch() -> None:
    model = Model()
    check(model, gpu=0)
    # Of a short length as many as go together, and a few of 30 s.
    assert [(shape[0], shape[2]) for shape in model.shapes] == [(1, 192), (8, 192), (1, 3000), (2, 3000)]


def test_what_goes_wrong_in_long_windows_alone_is_seen() -> None:
    with pytest.raises(EngineError, match="no numbers in 3 of 3 windows"):
        check(Model(lambda out: out * np.nan if out.shape[1] == 1500 else out), gpu=0)


def test_rounding_is_no_fault() -> None:
    rng = np.random.default_rng(1)
    check(Model(lambda out: out * (1 + 0.005 * rng.standard_normal(out.shape)).astype(np.float32)), gpu=0)


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (in_row(0, lambda row: row * np.nan), "no numbers in 2 of 9 windows"),
        (in_row(6, lambda row: row + np.float32(np.inf)), "no numbers in 1 of 9 windows"),
        (lambda out: out * 0, "the value 0 everywhere"),
        (lambda out: out * 0 + 3, "the value 3 everywhere"),
        (lambda out: np.repeat(out[:1], len(out), axis=0), "the same numbers for different sounds"),
        # As beyond an index that overflows: the last rows are not what they are alone.
        (in_row(6, lambda row: row * 1.4), r"numbers 42 % apart, .* explains 3 %.* window 7 of a batch of 8"),
        (in_row(7, lambda row: row[::-1]), "window 8 of a batch of 8"),
    ],
)
def test_what_a_broken_device_gives_is_said(spoil: Callable[[Float32], Float32], seen: str) -> None:
    with pytest.raises(EngineError, match=seen) as caught:
        check(Model(spoil), gpu=0)
    assert type(caught.value) is EngineError
    said = str(caught.value)
    assert said.startswith("GPU 0, computing in float16, cannot be trusted with texts: ")
    for way in ("update the NVIDIA driver", "--compute-type float32", "--device cpu", "awct2 doctor"):
        assert way in said
    assert 'device="cpu"' in in_python(said)
    assert 'compute_type="float32"' in in_python(said)


def test_advice_is_for_the_device_at_hand() -> None:
    broken = in_row(0, lambda row: row * np.nan)
    with pytest.raises(EngineError, match=r"this CPU.*convert the model anew; awct2 doctor") as caught:
        check(Model(broken), compute_type="float32")
    assert "--device" not in str(caught.value)
    assert "--compute-type" not in str(caught.value)


def test_an_encoder_that_fails_is_told_by_its_kind() -> None:
    with pytest.raises(EngineLostError, match="illegal memory access"):
        check(Model(errors=[RuntimeError("CUDA failed with error an illegal memory access was encountered")]), gpu=0)
    with pytest.raises(EngineError, match="fails on 8 windows of noise: no kernel image"):
        check(Model(errors=[RuntimeError("no kernel image is available for execution on the device")]), gpu=0)


def test_memory_that_runs_out_makes_batches_smaller() -> None:
    model = Model(errors=[RuntimeError("CUDA failed with error out of memory")])
    capacity = check(model, gpu=0)
    assert [shape[0] for shape in model.shapes if shape[2] == 192][-1] == capacity(selfcheck.GPU_FRAMES) == 4

    def never(_: Float32) -> Float32:
        raise MemoryError

    with pytest.raises(EngineMemoryError):
        check(Model(never), gpu=0)


def test_an_error_that_the_probe_left_behind_is_no_fault() -> None:
    check(Model(errors=[RuntimeError("parallel_for failed: cudaErrorInvalidDevice: invalid device ordinal")]), gpu=0)


class TestFirstLayer:
    def checked(self, tiny_model: Path, spoil: Callable[[Float32], Float32], errors: Any = ()) -> list[str]:
        """Check a sound encoder on a GPU whose first layer `spoil` changes; gives the devices that models were on."""
        devices: list[str] = []

        def load(name: str, *, device: str, device_index: int, compute_type: str, files: Any) -> Any:
            devices.append(f"{device} {device_index} {compute_type}")
            real = ctranslate2.models.Whisper(name, device="cpu", compute_type="float32", files=files)
            return _Spoiled(real, spoil, list(errors)) if device == "cuda" else real

        model = Model()
        encoder = StockEncoder(model, SHAPE, np.float32, on_cpu=False, aligned=False)
        selfcheck.check(
            encoder,
            model,
            np.float32,
            Capacity(1.0),
            compute_type="float16",
            folder=tiny_model,
            gpu=1,
            load=load,
        )
        return devices

    def test_the_gpu_is_compared_with_the_cpu(self, tiny_model: Path) -> None:
        assert self.checked(tiny_model, lambda out: out * 1.01) == ["cpu 0 float32", "cuda 1 float16"]

    @pytest.mark.parametrize(
        ("spoil", "seen"),
        [
            (lambda out: out * 1.5, "numbers 50 % apart, of which rounding explains 3 %, from the CPU's"),
            (lambda out: out * np.nan, "no numbers in its first layer"),
        ],
    )
    def test_one_that_is_sure_of_other_numbers_is_refused(
        self, tiny_model: Path, spoil: Callable[[Float32], Float32], seen: str
    ) -> None:
        with pytest.raises(EngineError, match=f"GPU 1.*{seen}"):
            self.checked(tiny_model, spoil)

    def test_one_without_room_for_it_is_not_compared(self, tiny_model: Path) -> None:
        self.checked(tiny_model, sound, [RuntimeError("CUDA failed with error out of memory")])

    def test_one_that_is_lost_over_it_is_told(self, tiny_model: Path) -> None:
        with pytest.raises(EngineLostError):
            self.checked(tiny_model, sound, [RuntimeError("CUDA failed with error unspecified launch failure")])


@dataclass
class _Spoiled:
    model: Any
    spoil: Callable[[Float32], Float32]
    errors: list[Exception]

    def encode(self, *given: Any, **named: Any) -> Any:
        """Encode, and change what comes of it."""
        if self.errors:
            raise self.errors.pop(0)
        out = np.array(self.model.encode(*given, **named))
        return ctranslate2.StorageView.from_array(self.spoil(out).astype(np.float32))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


@pytest.mark.parametrize("compute_type", ["float32", "int8"])
def test_the_cpu_agrees_with_itself(tiny_model: Path, compute_type: str) -> None:
    # The bounds are far above what is found on a CPU: rows of a batch are computed apart.
    engine = CTranslate2Engine(
        open_model_dir(tiny_model),
        EngineOptions(device="cpu", compute_type=compute_type),  # type: ignore[arg-type]
    )
    for windows in (2, 5):
        fault = selfcheck.batch_fault(
            engine._encoder, engine._model, np.float32, selfcheck.CPU_FRAMES, windows, compute_type
        )
        assert fault is None
    engine.close()


def test_the_engine_checks_what_it_loads(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = whisper.WhisperModel

    def load(*given: Any, **named: Any) -> Any:
        made = real(*given, **named)
        made.model = _Spoiled(made.model, lambda out: out * np.nan, [])
        return made

    monkeypatch.setattr(whisper, "WhisperModel", load)
    with pytest.raises(EngineError, match="cannot be trusted with texts: of noise its encoder makes values that are"):
        CTranslate2Engine(open_model_dir(tiny_model), EngineOptions(device="cpu"))
