"""Errors that an earlier call left behind.

CUDA keeps the last error of each thread until somebody asks for it, and CTranslate2 has kernels that nobody asks after.
Where memory ran out, or a launch in `align` failed unseen (CTranslate2#2064), the next call on that thread fails by it,
with words that say nothing of the cause, and is in order the time after.

Source: the texts of NVIDIA's thrust and cub, which CTranslate2 computes with, and of CUDA's errors that no kernel of a
sound batch can cause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import ctranslate2
import numpy as np

from anime_whisper_ct2.engine.device import kind_of_error
from anime_whisper_ct2.errors import EngineError

T = TypeVar("T")

_FRAMES = 16
_LEFT_BEHIND = re.compile(
    # What thrust was about to do, the error's name behind it
    r"parallel_for failed|failed to synchronize|trivial_device_copy|after (?:dispatch|reduction|scan|merge)"
    # What memory that ran out, or a launch that was refused, is remembered as
    r"|invalid device ordinal|invalid configuration argument|invalid resource handle|invalid device pointer",
    re.IGNORECASE,
)


def is_left_behind(said: str) -> bool:
    """Say whether an error may be an earlier call's: one of memory, or of a device that is lost, is its own."""
    return kind_of_error(said) is EngineError and _LEFT_BEHIND.search(said) is not None


def called_again(call: Callable[[], T], times: int) -> T:
    """Make a call, and up to so many times again while it fails by what may be left behind: on each thread, once.

    Raises MemoryError where it still does: what is left behind is mostly memory that ran out, and a smaller batch may
    go. Other errors pass.
    """
    left = times
    while True:
        try:
            return call()
        except RuntimeError as error:
            if not times or not is_left_behind(str(error)):
                raise
            if not left:
                raise MemoryError(str(error)) from error
            left -= 1


def clear(model: Any, prompt: Sequence[int], threads: int) -> None:
    """Have each of CTranslate2's `threads` compute something, so that what was left behind costs no recording its text.

    `model`: `ctranslate2.models.Whisper`. Whatever fails is what was to be cleared.
    """
    silence = np.zeros((1, int(model.n_mels), _FRAMES), np.float32)
    waiting = []
    # All at once, and more than there are: one that fails at once is free for the next before another thread wakes.
    for _ in range(2 * threads):
        features = ctranslate2.StorageView.from_array(silence)
        waiting.append(model.generate(features, [list(prompt)], max_length=2 * len(prompt), asynchronous=True)[0])
    for result in waiting:
        with suppress(RuntimeError):
            result.result()
