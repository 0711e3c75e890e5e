"""Places for windows in memory that workers write into: one window in each, its features and nothing else.

This process owns them all. An attendant lends its worker a few; what comes back with a window is a view of the slot,
and with the last reference to that, wherever it was kept meanwhile, the slot is free again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.records import Features, FeatureType, LogMel, Sound, Window
from anime_whisper_ct2.system.shared import MOST_BYTES, Block, Handle, Lent

# What a slot holds beyond so many frames is given back after use: sooner or later every slot has a long window.
_KEPT_FRAMES = 1_024
# So many a worker has: it goes on for as many windows while nobody takes them.
LENT = 16


@dataclass(frozen=True, slots=True)
class Laid:
    """A window whose `frames` frames lie in a slot; all else as in `Window`."""

    slot: int
    frames: int
    floor: float
    key: int
    number: int
    start_s: float
    end_s: float
    sound: Sound


@dataclass(frozen=True, slots=True)
class Layout:
    """What a worker has to know of the slots to write into them."""

    handle: Handle
    size_bytes: int
    slot_bytes: int


class Slots:
    """Slots for windows of up to 30 s: `count` of them, or as many as a gigabyte of addresses holds.

    Any thread may call any method. Raises OSError where there is no such memory.
    """

    def __init__(self, n_mels: int, dtype: FeatureType, count: int) -> None:
        self._n_mels = n_mels
        self._type = np.dtype(dtype).str
        self._frame_bytes = n_mels * np.dtype(dtype).itemsize
        self._slot_bytes = WINDOW_FRAMES * self._frame_bytes
        self.count = max(1, min(count, MOST_BYTES // self._slot_bytes))
        self._block: Block | None = Block(self.count * self._slot_bytes)
        self.layout = Layout(self._block.handle, self.count * self._slot_bytes, self._slot_bytes)
        self._address = np.frombuffer(self._block.memory, np.uint8).__array_interface__["data"][0]
        # What came back last goes out first: its pages are there.
        self._free = deque(reversed(range(self.count)))

    @property
    def inherited(self) -> tuple[int, ...]:
        """What a worker has to be started with."""
        return self._block.inherited if self._block else ()

    @property
    def free(self) -> int:
        """How many slots nobody has."""
        return len(self._free)

    def lease(self, most: int) -> list[int]:
        """Lend some slots, as many as there are."""
        lent: list[int] = []
        try:
            while len(lent) < most:
                lent.append(self._free.pop())
        except IndexError:
            pass
        return lent

    def give_back(self, slots: Collection[int]) -> None:
        """Take back slots in which nobody writes any more."""
        self._free.extend(slots)

    def window(self, laid: Laid) -> Window:
        """Give the window that lies in a slot, without a copy; not after `close`."""
        assert self._block is not None
        array = {
            "shape": (self._n_mels, laid.frames),
            "typestr": self._type,
            "data": (self._address + laid.slot * self._slot_bytes, False),
            "version": 3,
        }
        values: Features = np.asarray(_Held(array, partial(self._release, self._block, laid)))
        return Window(laid.key, laid.number, laid.start_s, laid.end_s, LogMel(values, laid.floor), laid.sound)

    def close(self) -> None:
        """Have no more workers; the memory goes with the last window that lies in it."""
        if self._block:
            self._block.close()
            self._block = None

    def _release(self, block: Block, laid: Laid) -> None:
        if laid.frames > _KEPT_FRAMES:
            start = laid.slot * self._slot_bytes
            block.trim(start + _KEPT_FRAMES * self._frame_bytes, start + laid.frames * self._frame_bytes)
        self._free.append(laid.slot)


class _Held:
    """What views of a slot stand on: numpy keeps it for as long as there are any."""

    __slots__ = ("__array_interface__", "_release")

    def __init__(self, array: Mapping[str, Any], release: Callable[[], None]) -> None:
        self.__array_interface__ = array
        self._release = release  # it keeps the memory, too

    def __del__(self) -> None:
        self._release()


class Lease:
    """The slots that one worker has, of `slots` if there are any."""

    def __init__(self, slots: Slots | None) -> None:
        self._slots = slots
        self._lent: set[int] = set()

    @property
    def is_low(self) -> bool:
        """Whether it has used more than half of them."""
        return len(self._lent) < LENT // 2

    def more(self) -> list[int]:
        """Lend it as many as it has used, if there are so many."""
        lent = self._slots.lease(LENT - len(self._lent)) if self._slots else []
        self._lent.update(lent)
        return lent

    def taken(self, messages: Sequence[object]) -> list[object]:
        """Take windows out of the slots that they lie in; the other messages stay what they are.

        Raises EOFError where a slot is not the worker's, or too small: its memory is damaged, and it as good as dead.
        """
        laid = [message for message in messages if isinstance(message, Laid)]
        slots = {message.slot for message in laid}
        if not slots <= self._lent or len(slots) < len(laid) or not all(0 < m.frames <= WINDOW_FRAMES for m in laid):
            raise EOFError
        self._lent -= slots
        # Nothing was lent where there are no slots.
        return [self._slots.window(m) if self._slots and isinstance(m, Laid) else m for m in messages]

    def end(self) -> None:
        """Have back what the worker did not use; it has to have ended."""
        if self._slots:
            self._slots.give_back(self._lent)
        self._lent = set()


class Writer:
    """The slots as a worker has them: those that were lent to it, each to be written once.

    Raises OSError where this process cannot have the memory.
    """

    def __init__(self, layout: Layout) -> None:
        self._slot_bytes = layout.slot_bytes
        self._memory = Lent(layout.handle, layout.size_bytes)
        self._lent: deque[int] = deque()

    def take(self, slots: Collection[int]) -> None:
        """Have some more; from any thread."""
        self._lent.extend(slots)

    def laid(self, window: Window) -> Laid | Window:
        """Lay a window into a slot; without one, or without memory for it, it stays what it is."""
        values = window.mel.values
        if not self._lent:
            return window
        slot = self._lent.popleft()
        try:
            self._memory.write(values.data.cast("B"), slot * self._slot_bytes)
        except OSError:
            self._lent.append(slot)
            return window
        return Laid(
            slot,
            values.shape[1],
            window.mel.floor,
            window.key,
            window.number,
            window.start_s,
            window.end_s,
            window.sound,
        )
