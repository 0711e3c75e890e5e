"""How wrong texts are: counted as `awct2 eval` counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.text import NORMALIZERS, Errors, count_errors

Counts = npt.NDArray[np.int64]


class Scorer:
    """Holds texts against the right ones. `characters`: of those, normalised; shape (recordings,)."""

    def __init__(self, right: Sequence[str], normalizer: str) -> None:
        self._normalize = NORMALIZERS[normalizer]
        self._right = [self._normalize(text) for text in right]
        self.characters: Counts = np.array([len(text) for text in self._right], np.int64)

    def edits(self, number: int, heard: str) -> int:
        """Count the edits between what was heard of a recording and what is right."""
        return count_errors(self._right[number], self._normalize(heard.strip())).edits

    def characters_of(self, numbers: Sequence[int]) -> int:
        """Count the characters of some recordings."""
        return int(self.characters[list(numbers)].sum())


def cer(edits: int, characters: int) -> float:
    """Give the character error rate in percent."""
    return Errors(characters=characters).percent(edits)
