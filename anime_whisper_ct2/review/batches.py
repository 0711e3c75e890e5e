"""One decision about all rows of a queue: what it would come to, and its lines, which are one step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from anime_whisper_ct2.review.batch_lines import Batch, batch_line, batch_name
from anime_whisper_ct2.review.bench import Bench, Shown
from anime_whisper_ct2.review.index.reading import Statuses
from anime_whisper_ct2.review.index.rows import STATUSES
from anime_whisper_ct2.review.refusing import RefusedError
from anime_whisper_ct2.review.requests import BatchRequest, Tags
from anime_whisper_ct2.review.shelf import Rows
from anime_whisper_ct2.reviews import Decision

# Rows that a preview shows, drawn anew the same each time.
_EXAMPLES = 5
_EXAMPLES_SEED = 0
# What a decision leaves as it is: to decide so again would only say that nobody had listened.
_DONE = {"accept": ("accepted", "corrected"), "reject": ("rejected",), "tag": ()}


@dataclass(frozen=True, slots=True)
class BatchPreview:
    """How many segments a batch would decide on, how long they are in all, and a few of them."""

    count: int
    seconds: float
    examples: Sequence[Shown]


def previewed(bench: Bench, request: BatchRequest, rows: Rows) -> BatchPreview:
    """Say what a batch would come to."""
    found = _concerned(bench, request, rows)
    drawn = np.random.Generator(np.random.PCG64(_EXAMPLES_SEED)).choice(
        len(found.rows), min(_EXAMPLES, len(found.rows)), replace=False
    )
    examples = bench.shown(found.rows[np.sort(drawn)].tolist())
    return BatchPreview(len(found.rows), round(float(found.seconds.sum()), 3), examples)


def batch_of(bench: Bench, request: BatchRequest, rows: Rows) -> Batch:
    """Make the lines of a batch. Raises RefusedError where there is nothing to decide on."""
    value = None
    if request.action == "tag":
        tags = request.value or Tags((), ())
        if not tags.add and not tags.remove:
            raise RefusedError("no tag is named")
        value = {"add": list(tags.add), "remove": list(tags.remove)}
    found = _concerned(bench, request, rows).rows
    if not len(found):
        raise RefusedError("no segment of this queue is left to be decided so", "nothing_to_do")
    name = batch_name(request.sample)

    def lines() -> Iterator[Decision]:
        return (batch_line(name, said, request.action, value) for said in bench.said(found))

    return Batch(name, request.action, found, lines)


def _concerned(bench: Bench, request: BatchRequest, rows: Rows) -> Statuses:
    """Leave those of a queue's rows that a batch decides on: never conflicts, nor what has been decided so."""
    there = bench.index.statuses(rows)
    if request.only_undecided:
        return there.having(("open",))
    passed_over = ("conflict", *_DONE[request.action])
    return there.having([status for status in STATUSES if status not in passed_over])
