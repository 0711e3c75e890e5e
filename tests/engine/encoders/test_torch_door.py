"""Batches by way of torch: in which order a GPU is used, whose the buffers are, and what becomes of failures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import pytest
import torch

from anime_whisper_ct2.engine.encoders.torch_door import TorchEncoder, hand_over
from anime_whisper_ct2.engine.encoders.torch_lanes import CpuLane, GpuLane, Lane
from anime_whisper_ct2.engine.encoders.torch_network import TorchNetwork
from anime_whisper_ct2.features.mel import stack
from anime_whisper_ct2.features.windows import AMBIGUOUS_FRAMES
from anime_whisper_ct2.model_dir.variables import read_variables
from anime_whisper_ct2.records import Batch, Float32
from tests.support.encoders import stock
from tests.support.pretend_torch_cuda import PretendCuda

CPU = torch.device("cpu")
OUT_OF_MEMORY = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 139.00 GiB"

Noise = Callable[..., Batch]


class Watched(TorchNetwork):
    """Says when it computes, in which stream, and what with; fails on batches larger than `most`."""

    def __init__(self, folder: Path, cuda: PretendCuda, dtype: torch.dtype = torch.float32) -> None:
        with torch.inference_mode():
            super().__init__(read_variables(folder / "model.bin"), dtype, CPU)
        self.cuda = cuda
        self.most: int | None = None
        self.error: Callable[[], Exception] = lambda: torch.OutOfMemoryError(OUT_OF_MEMORY)
        self.made: WeakSet[torch.Tensor] = WeakSet()

    def __call__(self, mel: torch.Tensor) -> torch.Tensor:
        self.cuda.said.append(("computed", self.cuda.current))
        found = super().__call__(mel)
        self.made.add(found)
        if self.most is not None and len(mel) > self.most:
            raise self.error()
        return found


@dataclass
class OnGpu:
    """An encoder on a GPU that is none."""

    encoder: TorchEncoder
    network: Watched
    cuda: PretendCuda


@pytest.fixture
def on_gpu(tiny_model: Path, bare: Any) -> OnGpu:
    cuda = PretendCuda()

    def handed(tensor: torch.Tensor) -> Any:
        cuda.said.append(("handed over",))
        return hand_over(tensor)

    network = Watched(tiny_model, cuda)
    other = stock(bare, np.float32, on_cpu=False)
    return OnGpu(TorchEncoder(network, GpuLane(cuda, CPU), other, 128, np.float32, handed), network, cuda)


def values(view: Any) -> Float32:
    return np.array(view)


def right(bare: Any, batch: Batch) -> Float32:
    with stock(bare, np.float32, on_cpu=True)(batch) as encoded:
        return values(encoded.source)


def test_the_output_is_handed_over_when_the_stream_that_computes_it_is_done(on_gpu: OnGpu, noise: Noise) -> None:
    with on_gpu.encoder(noise(3, 64)):
        pass
    assert on_gpu.cuda.said == [
        ("recorded", 1),  # the copy, in a stream of its own
        ("stream waits", 2, 1),
        ("computed", 2),
        ("recorded", 2),
        ("host waits", 2),
        ("handed over",),
    ]


def test_rows_for_a_second_pass_are_complete_when_they_are_handed_over(on_gpu: OnGpu, noise: Noise, bare: Any) -> None:
    batch = noise(4, 64)
    with on_gpu.encoder(batch) as encoded:
        del on_gpu.cuda.said[:]
        rows = encoded.rows([3, 1])
        # Not in the stream that computes, where they would queue up behind the next batch.
        assert on_gpu.cuda.said == [("recorded", 1), ("host waits", 1), ("handed over",)]
        np.testing.assert_allclose(values(rows), right(bare, batch)[[3, 1]], atol=1e-4)


def test_nobody_writes_to_a_batch_s_buffers_before_it_is_done_with(on_gpu: OnGpu, noise: Noise, bare: Any) -> None:
    batches = [noise(3, 64, seed) for seed in range(6)]
    together = threading.Barrier(3, timeout=60)

    def through(at: int) -> Float32:
        for first in (False, True):
            with on_gpu.encoder(batches[at + 3 * first]) as encoded:
                together.wait()
                found = values(encoded.source)
                together.wait()
            together.wait()
        return found

    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(through, range(3)))
    for at, one in enumerate(found):
        np.testing.assert_allclose(one, right(bare, batches[at + 3]), atol=1e-4)


def test_buffers_serve_every_length_and_are_made_once_for_each_batch_in_flight(on_gpu: OnGpu, noise: Noise) -> None:
    def place(batch: Batch) -> int:
        with on_gpu.encoder(batch) as encoded:
            return values_at(encoded.source)

    first = place(noise(4, 128))
    assert {place(noise(windows, frames)) for windows, frames in ((4, 128), (1, 64), (8, 64), (2, 250))} == {first}
    with on_gpu.encoder(noise(1, 64)) as encoded:
        assert values_at(encoded.source) == first
        assert place(noise(1, 64)) != first


def values_at(view: Any) -> int:
    """Say where a view's values lie."""
    address: int = view.__array_interface__["data"][0]
    return address


def test_memory_that_runs_out_is_given_back_before_anybody_asks_again(on_gpu: OnGpu, noise: Noise) -> None:
    on_gpu.network.most = 2
    with pytest.raises(RuntimeError, match="out of memory") as caught, on_gpu.encoder(noise(3, 64)):
        pass
    # Whoever holds the error holds none of what was computed before it.
    assert caught.value.__traceback__ is not None
    assert len(on_gpu.network.made) == 0
    # Not while a stream may be at work on it.
    assert on_gpu.cuda.said[-3:] == [("host waits for stream", 1), ("host waits for stream", 2), ("emptied",)]
    with on_gpu.encoder(noise(2, 64)) as encoded:
        assert encoded.source.shape == [2, 32, 192]


def test_buffers_are_not_used_again_before_what_was_launched_on_them_has_ended(on_gpu: OnGpu, noise: Noise) -> None:
    on_gpu.network.most, on_gpu.network.error = 2, lambda: RuntimeError("CUDA error: invalid argument")
    with pytest.raises(RuntimeError, match="invalid argument"), on_gpu.encoder(noise(3, 64)):
        pass
    assert on_gpu.cuda.said[-2:] == [("host waits for stream", 1), ("host waits for stream", 2)]


def test_what_is_kept_for_later_is_given_back_when_somebody_else_needs_it(on_gpu: OnGpu, noise: Noise) -> None:
    with on_gpu.encoder(noise(2, 64)) as encoded:
        before = values(encoded.source)
        on_gpu.encoder.free_memory()
        assert on_gpu.cuda.said[-1] == ("emptied",)
        # What a batch is using stays.
        assert np.array_equal(values(encoded.source), before)


@pytest.mark.parametrize("frames", AMBIGUOUS_FRAMES)
def test_output_that_would_be_taken_for_mel_is_left_to_ctranslate2(frames: int, on_gpu: OnGpu, noise: Noise) -> None:
    with on_gpu.encoder(noise(2, frames)) as encoded:
        assert encoded.source.shape == [2, 128, frames]
    assert on_gpu.cuda.said == []


def test_bfloat16_which_no_array_interface_has_goes_over_in_float32(tiny_model: Path, bare: Any, noise: Noise) -> None:
    cuda = PretendCuda()
    network = Watched(tiny_model, cuda, torch.bfloat16)
    other = stock(bare, np.float16, on_cpu=False)
    encoder = TorchEncoder(network, GpuLane(cuda, CPU), other, 128, np.float16)
    batch = noise(2, 64)
    with encoder(batch) as encoded:
        found = values(encoded.source)
    assert found.dtype == np.float32
    assert np.abs(found - right(bare, batch)).mean() < 0.05


class TestOnTheCpu:
    def lane(self) -> Lane:
        return CpuLane(replicas=2, threads=1)

    def test_the_output_is_ctranslate2_s_and_no_copy(self, tiny_model: Path, bare: Any, noise: Noise) -> None:
        network = Watched(tiny_model, PretendCuda())
        outputs: list[torch.Tensor] = []

        def handed(tensor: torch.Tensor) -> Any:
            outputs.append(tensor)
            return hand_over(tensor)

        other = stock(bare, np.float32, on_cpu=True)
        encoder = TorchEncoder(network, self.lane(), other, 128, np.float32, handed)
        batch = noise(5, 512)
        with encoder(batch) as encoded:
            assert values_at(encoded.source) == outputs[0].data_ptr()
            np.testing.assert_allclose(values(encoded.source), right(bare, batch), atol=1e-4)
            np.testing.assert_allclose(values(encoded.rows([4])), right(bare, batch)[[4]], atol=1e-4)

    def test_closing_leaves_torch_s_threads_as_they_were(self, tiny_model: Path, bare: Any, noise: Noise) -> None:
        before = torch.get_num_threads()
        other = stock(bare, np.float32, on_cpu=True)
        network = Watched(tiny_model, PretendCuda())
        encoder = TorchEncoder(network, CpuLane(replicas=1, threads=before + 1), other, 128, np.float32)
        with encoder(noise(1, 64)):
            assert torch.get_num_threads() == before + 1
        encoder.close()
        assert torch.get_num_threads() == before


def test_features_are_laid_out_where_they_are_copied_from(noise: Noise) -> None:
    batch = noise(2, 64)
    out = np.full((2, 128, 64), np.nan, np.float16)
    assert stack(batch, 128, np.float16, out) is out
    assert np.array_equal(out, stack(batch, 128, np.float16))
