"""Whisper's encoder by torch, under CTranslate2's decoder."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import ctranslate2
import numpy as np
import torch

from anime_whisper_ct2.engine.device import ComputeDevice, kind_of_error
from anime_whisper_ct2.engine.encoders import Encoded
from anime_whisper_ct2.engine.encoders.stock import StockEncoder
from anime_whisper_ct2.engine.encoders.torch_buffers import Buffers, Leases, Tensor
from anime_whisper_ct2.engine.encoders.torch_lanes import CpuLane, GpuLane, Lane
from anime_whisper_ct2.engine.encoders.torch_network import TorchNetwork
from anime_whisper_ct2.errors import EngineMemoryError
from anime_whisper_ct2.features.mel import stack
from anime_whisper_ct2.features.windows import AMBIGUOUS_FRAMES
from anime_whisper_ct2.model_dir import MODEL_BIN, ModelDir
from anime_whisper_ct2.model_dir.variables import read_variables
from anime_whisper_ct2.records import Batch, FeatureType

HandOver = Callable[[Tensor], Any]


def hand_over(output: Tensor) -> Any:
    """Give a complete tensor as a `StorageView` that shares its memory, and keeps it."""
    return ctranslate2.StorageView.from_array(output.numpy() if output.device.type == "cpu" else output)


@dataclass(frozen=True, slots=True)
class _Computed:
    """Encoder output, shape (windows, positions, width), as torch and as CTranslate2 hold it."""

    output: Tensor
    source: Any
    lane: Lane
    hand_over: HandOver

    def rows(self, at: Sequence[int]) -> Any:
        """Give some windows, as a view of their own."""
        with torch.inference_mode():
            return self.hand_over(self.lane.picked(self.output, at))


class TorchEncoder:
    """Encodes batches on a `lane`, and hands the output over as it lies there.

    `stock`: serves lengths whose output CTranslate2 would take for mel. `dtype`: in which features come.
    """

    library = "torch"

    def __init__(
        self,
        network: TorchNetwork,
        lane: Lane,
        stock: StockEncoder,
        n_mels: int,
        dtype: FeatureType,
        hand_over: HandOver = hand_over,
    ) -> None:
        self._network: TorchNetwork | None = network
        self._lane = lane
        self._stock = stock
        self._n_mels, self._dtype = n_mels, dtype
        self._hand_over = hand_over
        mel_type = torch.float16 if dtype is np.float16 else torch.float32
        # Neither torch's array interface nor CTranslate2 has bfloat16, which goes over in float32.
        output_type = torch.float32 if network.dtype is torch.bfloat16 else network.dtype
        self._leases = Leases(lambda: lane.buffers(mel_type, output_type))

    @contextmanager
    def __call__(self, batch: Batch) -> Iterator[Encoded]:
        """Give a batch encoded; CTranslate2 reads it where torch wrote it."""
        if batch.frames in AMBIGUOUS_FRAMES:
            with self._stock(batch) as encoded:
                yield encoded
            return
        with self._leases.one() as buffers:
            output = self._encoded(batch, buffers)
            yield _Computed(output, self._hand_over(output), self._lane, self._hand_over)

    def most_windows(self, frames: int) -> int | None:
        """Give what CTranslate2's decoder can count to on a GPU: torch counts in 64 bits where it has to."""
        return self._stock.most_windows(frames) if frames in AMBIGUOUS_FRAMES else self._stock.most_decoded(frames)

    def free_memory(self) -> None:
        """Give back the buffers that no batch has, and what torch keeps for later."""
        self._leases.drop()
        self._lane.free_memory()

    def close(self) -> None:
        """Free the weights and all buffers."""
        self._network = None
        self.free_memory()
        self._lane.close()
        self._stock.close()

    def _encoded(self, batch: Batch, buffers: Buffers) -> Tensor:
        assert self._network is not None
        try:
            with torch.inference_mode():
                mel = buffers.host.view((len(batch.windows), self._n_mels, batch.frames))
                stack(batch, self._n_mels, self._dtype, out=mel.numpy())
                return self._lane.encode(self._network, mel, buffers)
        except RuntimeError as error:
            # What was launched before the error may still be at work on these buffers.
            self._lane.settle()
            if kind_of_error(str(error)) is EngineMemoryError:
                # The frames hold what was computed so far, and nobody would give it back before the next batch comes.
                traceback.clear_frames(error.__traceback__)
                buffers.drop()
                self.free_memory()
            raise


def settle_products(backends: Any) -> None:
    """Have torch sum in 32 bits, as CTranslate2 does, and attend with kernels of its own.

    In 16 bits, sums that are split for small batches round by the batch, and large ones overflow. cuDNN's attention
    lays out a plan for every new length, and has been wrong for those that are no multiple of 128 (pytorch#169849).
    `backends`: `torch.backends.cuda`; what an older one lacks is passed over.
    """
    for name in ("allow_fp16_reduced_precision_reduction", "allow_bf16_reduced_precision_reduction"):
        with suppress(AttributeError):
            setattr(backends.matmul, name, False)
    with suppress(AttributeError):
        backends.enable_cudnn_sdp(False)


def open_torch(
    model_dir: ModelDir, device: ComputeDevice, float_type: str, stock: StockEncoder, dtype: FeatureType
) -> TorchEncoder:
    """Load the encoder of a converted folder in a float type: `float32`, `float16` or `bfloat16`.

    Raises KeyError, ValueError and OSError where the folder holds no weights for it, and RuntimeError as torch does.
    """
    place = torch.device("cuda", 0) if device.name == "cuda" else torch.device("cpu")
    variables = read_variables(model_dir.path / MODEL_BIN)
    try:
        with torch.inference_mode():
            network = TorchNetwork(variables, getattr(torch, float_type), place)
        if place.type == "cuda":
            settle_products(torch.backends.cuda)
            torch.cuda.synchronize(place)  # the encoder computes in a stream of its own, which waits for no other
    except RuntimeError as error:
        if place.type == "cuda":
            traceback.clear_frames(error.__traceback__)
            torch.cuda.empty_cache()
        raise
    lane: Lane = GpuLane(torch.cuda, place) if place.type == "cuda" else CpuLane(device.replicas, device.threads)
    return TorchEncoder(network, lane, stock, model_dir.n_mels, dtype)
