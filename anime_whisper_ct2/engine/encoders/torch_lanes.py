"""Where torch encodes: on a GPU, copies beside computation, or on the CPU, a few windows at a time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import torch

from anime_whisper_ct2.engine.encoders.stock import CPU_ENCODE_FRAMES
from anime_whisper_ct2.engine.encoders.torch_buffers import Arena, Buffers, Tensor
from anime_whisper_ct2.engine.encoders.torch_network import TorchNetwork


class Lane(Protocol):
    """One device's way to encode; several threads may ask at once, each with buffers of its own."""

    def buffers(self, mel_type: torch.dtype, output_type: torch.dtype) -> Buffers:
        """Make a batch's buffers, empty at first."""

    def encode(self, network: TorchNetwork, mel: Tensor, buffers: Buffers) -> Tensor:
        """Encode mel of the host, a view of the batch's buffers; the output is theirs, and complete on return."""

    def picked(self, output: Tensor, at: Sequence[int]) -> Tensor:
        """Copy some windows of an output, complete on return."""

    def settle(self) -> None:
        """Wait until nothing that was begun uses any memory; what comes of it is of no interest."""

    def free_memory(self) -> None:
        """Give back to the device what torch keeps for later."""

    def close(self) -> None:
        """Leave the process as it was found."""


class GpuLane:
    """Encodes on a GPU, one batch behind the other, while the next one's mel is copied there.

    CTranslate2 computes in streams of its own, which do not wait for torch's: so the host waits, and hands over what is
    complete. `cuda`: the module `torch.cuda`.
    """

    def __init__(self, cuda: Any, device: torch.device) -> None:
        self._cuda = cuda
        self._device = device
        self._copying, self._computing = cuda.Stream(), cuda.Stream()
        self._launching = threading.Lock()

    def buffers(self, mel_type: torch.dtype, output_type: torch.dtype) -> Buffers:
        """Make a batch's buffers; the host's are pinned, so that copies need not wait."""
        host = Arena(mel_type, torch.device("cpu"), pinned=self._device.type == "cuda")
        return Buffers(host, Arena(mel_type, self._device), Arena(output_type, self._device))

    def encode(self, network: TorchNetwork, mel: Tensor, buffers: Buffers) -> Tensor:
        """Copy, compute and wait; the thread sleeps meanwhile, and another's batch can queue up behind this one."""
        windows, _, frames = mel.shape
        there, output = buffers.mel.view(mel.shape), buffers.output.view(network.shape_of(windows, frames))
        copied, done = self._cuda.Event(), self._cuda.Event(blocking=True)
        with self._cuda.stream(self._copying):
            there.copy_(mel, non_blocking=True)
            copied.record(self._copying)
        # A batch at a time, so that none waits for parts of others.
        with self._launching, self._cuda.stream(self._computing):
            self._computing.wait_event(copied)
            output.copy_(network(there))
            done.record(self._computing)
        done.synchronize()
        return output

    def picked(self, output: Tensor, at: Sequence[int]) -> Tensor:
        """Copy beside the computation of others: the output is complete, and need not queue up."""
        done = self._cuda.Event(blocking=True)
        with self._cuda.stream(self._copying):
            rows = output.index_select(0, torch.tensor(list(at), device=output.device))
            done.record(self._copying)
        done.synchronize()
        return rows

    def settle(self) -> None:
        """Wait for both streams."""
        with contextlib.suppress(RuntimeError):
            self._copying.synchronize()
            self._computing.synchronize()

    def free_memory(self) -> None:
        """Empty torch's cache, which CTranslate2 cannot take from."""
        with contextlib.suppress(RuntimeError):
            self._cuda.empty_cache()

    def close(self) -> None:
        """Have nothing to leave."""


class CpuLane:
    """Encodes on the CPU as CTranslate2 would: so many batches side by side, each in threads of its own."""

    def __init__(self, replicas: int, threads: int) -> None:
        self._turns = threading.BoundedSemaphore(replicas)
        self._threads = threads
        self._threads_before = torch.get_num_threads()

    def buffers(self, mel_type: torch.dtype, output_type: torch.dtype) -> Buffers:
        """Make a batch's buffers; its mel stays where it is."""
        here = torch.device("cpu")
        host = Arena(mel_type, here)
        return Buffers(host, host, Arena(output_type, here))

    def encode(self, network: TorchNetwork, mel: Tensor, buffers: Buffers) -> Tensor:
        """Encode as few windows at a time as stay in a core's cache."""
        windows, _, frames = mel.shape
        output = buffers.output.view(network.shape_of(windows, frames))
        few = max(1, CPU_ENCODE_FRAMES // frames)
        with self._turns:
            # torch asks for this in each thread that computes.
            if torch.get_num_threads() != self._threads:
                torch.set_num_threads(self._threads)
            for at in range(0, windows, few):
                output[at : at + few] = network(mel[at : at + few])
        return output

    def picked(self, output: Tensor, at: Sequence[int]) -> Tensor:
        """Copy."""
        return output[list(at)]

    def settle(self) -> None:
        """Have nothing to wait for."""

    def free_memory(self) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Give the number of threads back to whoever uses torch beside us."""
        torch.set_num_threads(self._threads_before)
