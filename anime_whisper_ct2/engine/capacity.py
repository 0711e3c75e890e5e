"""How many windows go together: as many as the memory and CTranslate2's indices allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anime_whisper_ct2.features.windows import short_for_full

# Windows of the two batches that measure what one takes.
PROBES = (4, 16)


def windows_that_fit(free_bytes: Sequence[int], replicas: int, most: int) -> float:
    """Give how many windows of 30 s each replica can take, from the memory left after probes of 4 and of 16.

    `most` where the probes took no memory that could be seen.
    """
    few, many = PROBES
    a_window = (free_bytes[0] - free_bytes[1]) / (many - few)
    if a_window <= 0:
        return most
    # A fifth stays free: longer texts than the probe's grow the decoder's cache.
    return float(min(most, max(1, int(many + 0.8 * free_bytes[1] / a_window) // replicas)))


class Capacity:
    """What a batch of each length may hold: the batch size at 30 s, up to four times as many of shorter windows.

    `most` gives what other bounds than memory allow of a length, None where there are none.
    """

    def __init__(self, full_windows: float, most: Callable[[int], int | None] = lambda _frames: None) -> None:
        self.full_windows = full_windows
        self._most = most

    def __call__(self, frames: int) -> int:
        """Give how many windows of so many frames go together, 1 at least."""
        fits = max(1, int(self.full_windows * short_for_full(frames)))
        most = self._most(frames)
        return fits if most is None else max(1, min(fits, most))

    def shrink(self, frames: int, windows: int) -> None:
        """Take half of what did not fit from now on."""
        self.full_windows = max(1.0, min(self.full_windows, windows / 2 / short_for_full(frames)))
