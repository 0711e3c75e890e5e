"""How many windows go together: as many as the memory and CTranslate2's indices allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.features.windows import short_for_full

# Windows of the two batches that measure what one takes.
PROBES = (4, 16)
# The longest text that is aligned: the most tokens that Whisper writes, and those around them.
_ALIGNED_TOKENS = 224 + 4


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


def windows_by_index(frames: int, heads: int, width: int, n_mels: int) -> int:
    """Give how many windows of so many frames CTranslate2's encoder can count the numbers of on CUDA, in one batch.

    Its softmax multiplies row and length in 32 bits without a sign: beyond, later rows stay as they are and first ones
    are done twice, without an error. The convolutions lay their input out by an index with a sign, in blocks of 256.
    """
    positions = (frames + 1) // 2
    softmax = (2**32 - 1) // (max(1, heads) * positions**2)
    convolutions = (2**31 - 256) // (3 * max(width * positions, n_mels * frames))
    return min(softmax, convolutions)


def decoder_windows_by_index(positions: int, width: int, heads: int, *, aligned: bool) -> int:
    """Give how many windows of so many positions CTranslate2's decoder can count the numbers of on CUDA, in one batch.

    Of each position, it keeps a key and a value of that width, and adds their bias by an index of 32 bits. Where texts
    are `aligned`, every token looks at every position at once, in each of the heads.
    """
    of_each = 2 * width * positions
    return (2**32 - 1) // (max(of_each, heads * _ALIGNED_TOKENS * positions) if aligned else of_each)


def check_batch_size(windows: int | None, most: int | None) -> None:
    """Hold the batch size that somebody asked for against what may go together at 30 s.

    Raises InputError where it is more.
    """
    if windows is not None and most is not None and windows > most:
        together = counted(most, "window")
        raise InputError(
            f"the batch size is {windows}, and {together} of 30 s are what CTranslate2 takes of this model at a time "
            "on a GPU: beyond, its 32-bit indices overflow and texts are wrong, without an error; give a smaller "
            "--batch-size, or leave it out"
        )


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
