"""Which encoder a run gets: torch's where it can be had and agrees, and why where it is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from anime_whisper_ct2.engine.device import ComputeDevice
from anime_whisper_ct2.engine.encoders import EncoderChoice, torch_door
from anime_whisper_ct2.engine.encoders.choosing import choose
from anime_whisper_ct2.engine.encoders.installation import UnusableTorchError
from anime_whisper_ct2.engine.encoders.torch_door import TorchEncoder
from anime_whisper_ct2.engine.encoders.torch_lanes import GpuLane
from anime_whisper_ct2.engine.encoders.torch_network import TorchNetwork
from anime_whisper_ct2.errors import EngineError, EngineLostError, EngineMemoryError, InputError, in_python
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.model_dir.variables import read_variables
from anime_whisper_ct2.options import Device, EngineOptions
from tests.support.commands import BARE
from tests.support.places import PYTHONPATH
from tests.support.pretend_torch_cuda import PretendCuda

GPU = ComputeDevice("cuda", "float32", 64, replicas=2, threads=1)
CPU = ComputeDevice("cpu", "float32", 16, replicas=1, threads=1)
AUTO, TORCH = EngineOptions(encoder="auto"), EngineOptions(encoder="torch")
Options = EngineOptions
Choose = Callable[..., EncoderChoice]
Opened = Callable[..., None]


def here(_device: str) -> Any:
    return torch


@pytest.fixture
def model_dir(tiny_model: Path) -> ModelDir:
    return open_model_dir(tiny_model)


@pytest.fixture
def chosen(model_dir: ModelDir, bare: Any) -> Choose:
    """Choose for the tiny model."""

    def choice(
        options: Options, device: ComputeDevice = GPU, find_torch: Callable[[str], Any] = here, model: Any = bare
    ) -> EncoderChoice:
        return choose(options, device, model_dir, model, np.float32, aligned=False, find_torch=find_torch)

    return choice


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch) -> PretendCuda:
    """Open torch's encoder as on a GPU, though it computes on the CPU."""
    cuda = PretendCuda()

    def opened(model: ModelDir, _device: ComputeDevice, float_type: str, stock: Any, dtype: Any) -> TorchEncoder:
        here = torch.device("cpu")
        with torch.inference_mode():
            network = TorchNetwork(read_variables(model.path / "model.bin"), getattr(torch, float_type), here)
        return TorchEncoder(network, GpuLane(cuda, here), stock, model.n_mels, dtype)

    monkeypatch.setattr(torch_door, "open_torch", opened)
    return cuda


def fails(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("options", "device", "why"),
    [
        (AUTO, CPU, "the CPU gains nothing by torch"),
        (Options(encoder="ctranslate2"), GPU, "asked for, or as the run began"),
    ],
)
def test_where_torch_is_not_to_be_used_nobody_looks_for_it(
    options: Options, device: ComputeDevice, why: str, chosen: Choose
) -> None:
    choice = chosen(options, device, find_torch=fails(AssertionError()))
    assert (choice.encoder.library, choice.why) == ("ctranslate2", why)


def test_an_engine_on_a_cpu_loads_no_torch_by_itself(tiny_model: Path) -> None:
    code = (
        "import sys; from anime_whisper_ct2.engine.whisper import open_engine; "
        "from anime_whisper_ct2.options import DecodingOptions, EngineOptions; "
        "engine = open_engine(sys.argv[1], EngineOptions(device='cpu'), DecodingOptions()); "
        "engine.close(); print(*sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tiny_model)],
        capture_output=True,
        text=True,
        check=True,
        env={**BARE, "PYTHONPATH": PYTHONPATH},
    )
    assert "ctranslate2" in answer.stdout.split()
    assert "torch" not in answer.stdout.split()


@pytest.mark.parametrize(("options", "why"), [(AUTO, "agrees with"), (TORCH, "asked for, and agrees with")])
def test_on_a_gpu_torch_encodes_where_it_agrees(
    options: Options, why: str, chosen: Choose, on_gpu: PretendCuda
) -> None:
    choice = chosen(options)
    assert choice.encoder.library == "torch"
    assert choice.why.startswith(f"{why} CTranslate2's within ")
    assert choice.why.endswith(" % (float32)")
    assert ("host waits", 2) in on_gpu.said


def test_on_the_cpu_torch_encodes_where_it_is_asked_for(chosen: Choose) -> None:
    choice = chosen(TORCH, CPU)
    assert choice.encoder.library == "torch"
    choice.encoder.close()


@pytest.mark.parametrize(("command", "advice"), [("pip install x", "pip install x"), ("", "--encoder ctranslate2")])
def test_a_torch_that_cannot_be_had_is_a_reason_and_refused_where_it_is_asked_for(
    command: str, advice: str, chosen: Choose
) -> None:
    lacking = fails(UnusableTorchError("torch is not here", command))
    choice = chosen(AUTO, find_torch=lacking)
    assert (choice.encoder.library, choice.why) == ("ctranslate2", "torch is not here")
    with pytest.raises(InputError, match="torch is not here") as caught:
        chosen(TORCH, find_torch=lacking)
    assert advice in str(caught.value)


def test_the_advice_speaks_python_to_python() -> None:
    assert in_python("choose --encoder ctranslate2") == 'choose encoder="ctranslate2"'


def test_another_gpu_than_the_process_s_first_is_left_to_ctranslate2(chosen: Choose) -> None:
    device: Device = "cuda"
    second = Options(device=device, gpus=(1,))
    assert "first GPU, and this is number 1" in chosen(second, find_torch=fails(AssertionError())).why
    with pytest.raises(InputError, match="CUDA_VISIBLE_DEVICES"):
        chosen(replace(second, encoder="torch"))


def test_a_compute_type_that_torch_has_not_is_refused(chosen: Choose) -> None:
    # Only some processors compute in it, so no model of it can be opened everywhere.
    sixteen = SimpleNamespace(compute_type="int16", device="cpu")
    with pytest.raises(InputError, match="does not compute in int16"):
        chosen(TORCH, CPU, model=sixteen)


def test_weights_that_torch_cannot_use_are_refused_by_name(model_dir: ModelDir, bare: Any, tmp_path: Path) -> None:
    data = (model_dir.path / "model.bin").read_bytes()
    (tmp_path / "model.bin").write_bytes(data.replace(b"encoder/layer_norm/gamma", b"encoder/layer_norm/gamme"))
    with pytest.raises(InputError, match="there is no encoder/layer_norm/gamma"):
        choose(TORCH, CPU, replace(model_dir, path=tmp_path), bare, np.float32, aligned=False)


def test_output_that_is_not_ctranslate2_s_is_not_decoded(
    chosen: Choose, on_gpu: PretendCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = TorchNetwork.__call__
    monkeypatch.setattr(TorchNetwork, "__call__", lambda self, mel: right(self, mel) * 1.01)
    choice = chosen(AUTO)
    assert (choice.encoder.library, choice.why) == (
        "ctranslate2",
        "torch's encoder differs from CTranslate2's by 1 % (float32)",
    )
    # Whatever torch keeps would be missing elsewhere.
    assert on_gpu.said[-1] == ("emptied",)
    with pytest.raises(EngineError, match=r"differs from CTranslate2's by 1 % .*--encoder ctranslate2"):
        chosen(TORCH)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_output_of_no_numbers_or_of_nothing_is_not_decoded(
    value: float, chosen: Choose, on_gpu: PretendCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = TorchNetwork.__call__
    monkeypatch.setattr(TorchNetwork, "__call__", lambda self, mel: right(self, mel).fill_(value))
    assert chosen(AUTO).encoder.library == "ctranslate2"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 26.00 MiB"), EngineMemoryError),
        (RuntimeError("CUDA error: no kernel image is available for execution on the device"), EngineError),
    ],
)
def test_ctranslate2_serves_where_torch_s_encoder_fails_at_load(
    error: Exception, kind: type[EngineError], chosen: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_door, "open_torch", fails(error))
    choice = chosen(AUTO)
    assert (choice.encoder.library, choice.why) == ("ctranslate2", f"torch's encoder failed: {error}")
    with pytest.raises(kind, match="torch's encoder failed"):
        chosen(TORCH)


def test_memory_that_is_too_little_for_the_comparison_is_given_back(
    chosen: Choose, on_gpu: PretendCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TorchNetwork, "__call__", fails(torch.OutOfMemoryError("CUDA out of memory")))
    assert chosen(AUTO).encoder.library == "ctranslate2"
    assert on_gpu.said[-1] == ("emptied",)


@pytest.mark.parametrize("options", [AUTO, TORCH])
def test_a_device_that_is_lost_is_not_passed_over(
    options: Options, chosen: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = RuntimeError("CUDA error: an illegal memory access was encountered")
    monkeypatch.setattr(torch_door, "open_torch", fails(lost))
    with pytest.raises(EngineLostError, match="illegal memory access"):
        chosen(options)
