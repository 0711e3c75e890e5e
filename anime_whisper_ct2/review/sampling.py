"""Random samples of queues: drawn, listened to, and what that tells of the rest."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anime_whisper_ct2.review.bench import Bench
from anime_whisper_ct2.review.index.queries import Filters
from anime_whisper_ct2.review.index.rows import Row
from anime_whisper_ct2.review.refusing import RefusedError, saved, unknown
from anime_whisper_ct2.review.requests import SampleRequest
from anime_whisper_ct2.review.shelf import FrozenQueue, Rows
from anime_whisper_ct2.reviews import Decision
from anime_whisper_ct2.reviews.samples import Sample as SampleRecord
from anime_whisper_ct2.reviews.samples import upper_bound


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows drawn from a queue, in the order of the draw; `name` names it until it is closed.

    `of` is how many it was drawn from.
    """

    name: str
    queue: FrozenQueue
    seed: int
    of: int
    drawn: Mapping[int, Row]


@dataclass(frozen=True, slots=True)
class SampleClosed:
    """What listening told: `wrong` of the first `k` were not right as they were, and at most the share `bound` of all.

    `k` goes as far as the last one that was decided; those before it that were `skipped` count as wrong. `bound` holds
    with 95 % confidence (one-sided, Clopper–Pearson). `step` names its line in the log.
    """

    k: int
    wrong: int
    skipped: int
    bound: float
    of: int
    step: str


@dataclass(frozen=True, slots=True)
class _Count:
    k: int
    wrong: int
    skipped: int


class Sampling:
    """The samples that are being listened to."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._open: dict[str, Sample] = {}
        self._closed: dict[str, SampleClosed] = {}

    def draw(self, request: SampleRequest) -> Sample:
        """Draw rows of a queue into a queue of their own. Raises RefusedError where there is none to draw."""
        source = self._bench.shelf.get(request.queue)
        rows = self._undecided(source.rows) if request.only_undecided else source.rows
        if not len(rows):
            what = "no segment of the queue is undecided" if len(source.rows) else "the queue is empty"
            raise RefusedError(f"{what}: there is nothing to draw from", "nothing_to_do")
        seed = secrets.randbits(32) if request.seed is None else request.seed
        drawn = np.random.Generator(np.random.PCG64(seed)).choice(rows, min(request.k, len(rows)), replace=False)
        queue = self._bench.shelf.add(drawn.astype(np.int32), source.filters)
        there = {row.row: row for row in self._bench.index.rows(drawn.tolist())}
        sample = Sample(secrets.token_hex(4), queue, seed, len(rows), there)
        self._open[sample.name] = sample
        return sample

    def close(self, name: str) -> SampleClosed:
        """Count what was decided since the draw, and keep that in the log. Closed again, a sample says the same.

        Raises RefusedError for a sample that was never drawn, or of which nothing was decided.
        """
        if (closed := self._closed.get(name)) is not None:
            return closed
        sample = self._open.get(name)
        if sample is None:
            raise unknown("sample", name[:40])
        count = self._counted(sample)
        if not count.k:
            raise RefusedError("nothing of this sample was decided yet", "nothing_to_do")
        record = SampleRecord(
            seed=sample.seed,
            k=count.k,
            of=sample.of,
            wrong=count.wrong,
            bound=upper_bound(count.wrong, count.k),
            drawn=len(sample.drawn),
            skipped=count.skipped,
            filters=sample.queue.filters,
        )
        (line,) = self._bench.write([Decision("", "", "", 0.0, 0.0, "", "sample", record.as_value())])
        closed = SampleClosed(count.k, count.wrong, count.skipped, record.bound, sample.of, line.step)
        self._closed[name] = closed
        del self._open[name]
        with saved():
            self._bench.follow()
        return closed

    def _undecided(self, rows: Rows) -> Rows:
        """Leave those that a batch for undecided ones would decide on, which conflicts are not."""
        undecided = self._bench.index.queue(Filters(status="open"), "id", descending=False).rows
        kept: Rows = rows[np.isin(rows, undecided)]
        return kept

    def _counted(self, sample: Sample) -> _Count:
        """Count as far as the last row that something was decided about, in the order of the draw.

        Whatever number was to be drawn, its first rows are a random sample of so many. But of a sample that leaves out
        what was skipped, nothing is known: those may have been the hard ones.
        """
        now = {row.row: row for row in self._bench.index.rows(list(sample.drawn))}
        found = [_is_wrong(before, now.get(number)) for number, before in sample.drawn.items()]
        while found and found[-1] is None:
            found.pop()
        skipped = found.count(None)
        return _Count(len(found), found.count(True) + skipped, skipped)


def _is_wrong(before: Row, now: Row | None) -> bool | None:
    """Say whether a row was not right as it was drawn; None where nothing was decided about it since."""
    if now is None:  # merged into the one before it
        return True
    if (now.start, now.end, now.text) != (before.start, before.end, before.text):
        return True
    if now.status == "open" or (now.status, now.by, now.at) == (before.status, before.by, before.at):
        return None
    return now.status in ("rejected", "conflict")
