"""A `torch.cuda` without a GPU: what was asked of it is written down in order, and tensors stay on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class PretendCuda:
    """Stands in for the module `torch.cuda`; `said` names streams by their numbers, in the order they were made."""

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []
        self.current: int | None = None
        self._made = 0

    def Stream(self) -> _Stream:
        self._made += 1
        return _Stream(self, self._made)

    def Event(self, *, blocking: bool = False) -> _Event:
        return _Event(self)

    @contextmanager
    def stream(self, stream: _Stream) -> Iterator[None]:
        before, self.current = self.current, stream.number
        try:
            yield
        finally:
            self.current = before

    def empty_cache(self) -> None:
        self.said.append(("emptied",))


class _Stream:
    def __init__(self, cuda: PretendCuda, number: int) -> None:
        self._cuda, self.number = cuda, number

    def wait_event(self, event: _Event) -> None:
        self._cuda.said.append(("stream waits", self.number, event.stream))

    def synchronize(self) -> None:
        self._cuda.said.append(("host waits for stream", self.number))


class _Event:
    def __init__(self, cuda: PretendCuda) -> None:
        self._cuda = cuda
        self.stream: int | None = None

    def record(self, stream: _Stream) -> None:
        self.stream = stream.number
        self._cuda.said.append(("recorded", self.stream))

    def synchronize(self) -> None:
        # An event that was never recorded is done at once, and says nothing of the work.
        self._cuda.said.append(("host waits", self.stream))
