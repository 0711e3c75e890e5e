"""The memory of batches in flight: as many buffers as there are batches, used again from batch to batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import torch

Tensor: TypeAlias = torch.Tensor


class Arena:
    """Memory for tensors of any shape, as large as the largest so far: a run's batches soon ask for no more.

    `pinned`: memory of the host that a GPU copies from beside its work.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device, *, pinned: bool = False) -> None:
        self._dtype, self._device, self._pinned = dtype, device, pinned
        self._flat: Tensor | None = None

    def view(self, shape: Sequence[int]) -> Tensor:
        """Give a tensor of a shape, whose values are whatever was left there. Raises RuntimeError out of memory."""
        size = math.prod(shape)
        if self._flat is None or len(self._flat) < size:
            self._flat = None  # given back first
            self._flat = torch.empty(size, dtype=self._dtype, device=self._device, pin_memory=self._pinned)
        return self._flat[:size].view(*shape)

    def drop(self) -> None:
        """Give the memory back, as far as no view is left."""
        self._flat = None


@dataclass(frozen=True, slots=True)
class Buffers:
    """What one batch needs: its mel on the host, and on the device where that is another place, and its output."""

    host: Arena
    mel: Arena
    output: Arena

    def drop(self) -> None:
        """Give all of it back."""
        for arena in (self.host, self.mel, self.output):
            arena.drop()


class Leases:
    """Lends buffers; a batch has them to itself, and what is idle waits for the next one."""

    def __init__(self, make: Callable[[], Buffers]) -> None:
        self._make = make
        self._idle: list[Buffers] = []

    @contextmanager
    def one(self) -> Iterator[Buffers]:
        """Lend buffers until the `with` ends; where an error ends it, for good: its traceback may still hold them."""
        try:
            lent = self._idle.pop()
        except IndexError:
            lent = self._make()
        yield lent
        self._idle.append(lent)

    def drop(self) -> None:
        """Give back the memory of what is idle."""
        self._idle.clear()
