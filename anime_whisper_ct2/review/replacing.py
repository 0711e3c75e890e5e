"""Replacing in all texts of a queue: what would change, and the lines that change it, which are one step."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from anime_whisper_ct2.review.batch_lines import Batch, batch_line, batch_name
from anime_whisper_ct2.review.bench import Bench
from anime_whisper_ct2.review.index.rows import Said
from anime_whisper_ct2.review.patterns import BLOCK, LIMIT_S, Replacer
from anime_whisper_ct2.review.refusing import RefusedError
from anime_whisper_ct2.review.requests import ReplaceRequest
from anime_whisper_ct2.review.shelf import Rows
from anime_whisper_ct2.review.stepping import RefusedIn, no_character, text_fault
from anime_whisper_ct2.reviews import Decision

# Previews that are kept; each holds the texts that it would change.
_KEPT = 4
# To correct a rejected segment would bring it back, and a conflict is for somebody to listen to.
_PASSED_OVER = ("rejected", "conflict")


@dataclass(frozen=True, slots=True)
class Replacement:
    """A text, and what rules would make of it."""

    said: Said
    after: str


@dataclass(frozen=True, slots=True)
class ReplacePreview:
    """What rules would change; `left_out`: how many texts would become such as no segment may have, or empty."""

    number: int
    changes: Sequence[Replacement]
    left_out: int


class Replacing:
    """Previews by their numbers; `limit_s` is what a pattern may take over a block of texts."""

    def __init__(self, bench: Bench, refused_in: RefusedIn = no_character, limit_s: float = LIMIT_S) -> None:
        self._bench = bench
        self._refused_in = refused_in
        self._limit_s = limit_s
        self._numbers = count(1)
        self._previews: OrderedDict[int, ReplacePreview] = OrderedDict()

    def preview(self, request: ReplaceRequest, rows: Rows) -> ReplacePreview:
        """Try rules on the texts of rows. Raises RefusedError for a rule that cannot be carried out, or none."""
        if not request.rules:
            raise RefusedError("there is no rule")
        if not all(rule.find for rule in request.rules):
            raise RefusedError("a rule says nothing to find", "bad_pattern")
        changes: list[Replacement] = []
        left_out = 0
        texts = (text for text in self._bench.said(rows) if text.status not in _PASSED_OVER)
        with Replacer(request.rules, self._limit_s) as replacer:
            while block := list(islice(texts, BLOCK)):
                for text, after in zip(block, replacer.replaced([text.text for text in block]), strict=True):
                    if after == text.text:
                        continue
                    if after is None or text_fault(after, self._refused_in):
                        left_out += 1
                    else:
                        changes.append(Replacement(text, after))
        preview = ReplacePreview(next(self._numbers), changes, left_out)
        self._previews[preview.number] = preview
        while len(self._previews) > _KEPT:
            self._previews.popitem(last=False)
        return preview

    def batch_of(self, number: int, left_out: Collection[int]) -> Batch:
        """Make the lines of a preview, but for rows that are left out or have changed since.

        Raises RefusedError for a preview that is not there, or where nothing is left to change.
        """
        preview = self._previews.get(number)
        if preview is None:
            raise RefusedError("this preview is kept no longer: make it anew", "preview_gone", 410)
        wanted = {change.said.row: change for change in preview.changes if change.said.row not in left_out}
        kept = [wanted[now.row] for now in self._bench.said(_rows(wanted)) if now == wanted[now.row].said]
        if not kept:
            raise RefusedError("nothing is left to be changed", "nothing_to_do")
        name = batch_name()

        def lines() -> Iterator[Decision]:
            return (batch_line(name, change.said, "correct", change.after) for change in kept)

        return Batch(name, "correct", _rows([change.said.row for change in kept]), lines)

    def forget(self, number: int) -> None:
        """Drop a preview that was carried out."""
        self._previews.pop(number, None)


def _rows(wanted: Collection[int]) -> Rows:
    return np.fromiter(wanted, np.int32, len(wanted))
