"""Two texts beside each other: where they are equal, and what the one has in the place of the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from anime_whisper_ct2.text import Normalizer

Difference: TypeAlias = Literal["equal", "replace", "insert", "delete"]


@dataclass(frozen=True, slots=True)
class DiffPart:
    """A stretch of both texts, as they are compared; `insert`: only in the other, `delete`: only in this one."""

    kind: Difference
    here: str
    other: str


def differences(here: str, other: str, normalizer: Normalizer) -> tuple[DiffPart, ...]:
    """Align two texts as `text.count_errors` does: as many characters differ as it counts edits."""
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 - where nothing is compared, it is not needed

    here, other = normalizer(here), normalizer(other)
    return tuple(
        DiffPart(
            cast(Difference, code.tag), here[code.src_start : code.src_end], other[code.dest_start : code.dest_end]
        )
        for code in Levenshtein.opcodes(here, other)
    )
