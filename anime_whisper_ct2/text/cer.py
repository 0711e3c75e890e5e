"""Character errors: how many edits make a reference of what was heard, and of which kinds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Errors:
    """Edits between references and what was heard, over the references' `characters`."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    characters: int = 0

    @property
    def edits(self) -> int:
        """The least number of edits that makes the one of the other."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def cer(self) -> float:
        """The character error rate in percent."""
        return self.percent(self.edits)

    def percent(self, edits: int) -> float:
        """Give edits of some kind over the characters, in percent; over no characters, as jiwer does, over one."""
        return 100 * edits / max(1, self.characters)


def count_errors(reference: str, heard: str) -> Errors:
    """Count the edits of an optimal alignment, the one that jiwer takes."""
    if reference == heard:
        return Errors(characters=len(reference))
    # Imported here: workers load this package for `quality`, and compare nothing.
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 - see above

    kinds = [edit.tag for edit in Levenshtein.editops(reference, heard)]
    return Errors(kinds.count("replace"), kinds.count("delete"), kinds.count("insert"), len(reference))


def mean(rates: Iterable[float]) -> float:
    """Give the plain mean of rates, such as those of groups: each counts the same, however large; 0.0 of none."""
    given = list(rates)
    return sum(given) / len(given) if given else 0.0
