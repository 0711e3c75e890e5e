"""Rows read out of the index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.review.index.ids_on_disk import Ids
from anime_whisper_ct2.review.index.risk import Signs, reasons
from anime_whisper_ct2.review.index.rows import STATUSES, Row, Said, Status, restored

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

_BLOCK = 50_000


@dataclass(frozen=True, slots=True)
class Statuses:
    """Rows that are there, shape (n,), how each stands, as its place in STATUSES, and how many seconds it lasts."""

    rows: npt.NDArray[np.int32]
    statuses: npt.NDArray[np.uint8]
    seconds: npt.NDArray[np.float64]

    def having(self, statuses: Iterable[Status]) -> Statuses:
        """Leave the rows that have one of some statuses."""
        kept = np.isin(self.statuses, [STATUSES.index(status) for status in statuses])
        return Statuses(self.rows[kept], self.statuses[kept], self.seconds[kept])


def read_rows(
    con: Connection,
    rows: Sequence[int],
    flagsets: Sequence[tuple[str, ...]],
    tagsets: Sequence[tuple[str, ...]],
    reviewers: Sequence[str],
) -> list[Row]:
    """Read rows in the order that they are asked for in, those that are there."""
    found = con.execute(
        """SELECT s.row, s.rec, r.id, s.start, s.stop, s.text, s.status, s.flagset, s.tagset, p.name, p.pace, s.risk,
        s.doubt, s.logprob, s.cps, s.cer, s.reviewer, s.decided_at, s.heard, s.retried, s.seen
        FROM segments s JOIN recs r ON r.rec = s.rec JOIN speakers p ON p.number = r.speaker
        WHERE NOT s.gone AND s.row IN (SELECT unnest(?::INT[]))""",
        [[row for row in map(int, rows) if 0 <= row < 1 << 31]],
    ).fetchall()
    there = {line[0]: _row(line, flagsets, tagsets, reviewers) for line in found}
    return [there[row] for row in map(int, rows) if row in there]


def read_statuses(con: Connection, rows: npt.NDArray[np.int32]) -> Statuses:
    """Read how rows stand, in their order, those that are there."""
    wanted = np.ascontiguousarray(rows, np.int32)
    con.register("wanted", {"row": wanted, "place": np.arange(len(wanted))})
    found = con.execute(
        "SELECT s.row, s.status, s.stop - s.start AS seconds FROM segments s JOIN wanted ON wanted.row = s.row "
        "WHERE NOT s.gone ORDER BY wanted.place"
    ).fetchnumpy()
    con.unregister("wanted")
    return Statuses(found["row"], found["status"], found["seconds"])


def read_said(con: Connection, rows: npt.NDArray[np.int32], ids: Ids) -> Iterator[Said]:
    """Read what rows say, in their order, those that are there, in blocks."""
    for first in range(0, len(rows), _BLOCK):
        wanted = np.ascontiguousarray(rows[first : first + _BLOCK], np.int32)
        con.register("wanted", {"row": wanted, "place": np.arange(len(wanted))})
        found = con.execute(
            "SELECT s.row, s.rec, s.start, s.stop, s.text, s.status FROM segments s JOIN wanted ON wanted.row = s.row "
            "WHERE NOT s.gone ORDER BY wanted.place"
        ).fetchall()
        con.unregister("wanted")
        for row, rec, start, stop, text, status in found:
            yield Said(row, rec, ids.name(rec), start, stop, restored(text), STATUSES[status])


def _row(
    line: tuple[Any, ...],
    flagsets: Sequence[tuple[str, ...]],
    tagsets: Sequence[tuple[str, ...]],
    reviewers: Sequence[str],
) -> Row:
    row, rec, id_, start, stop, text, status, flagset, tagset, speaker, pace, risk, *figures = line
    doubt, logprob, cps, cer, reviewer, at, heard, retried, seen = figures
    flags = tuple(dict.fromkeys(flagsets[flagset]))
    return Row(
        row=row,
        rec=rec,
        id=restored(id_),
        start=start,
        end=stop,
        text=restored(text),
        status=STATUSES[status],
        flags=flags,
        tags=tagsets[tagset],
        speaker=restored(speaker),
        risk=risk,
        reasons=reasons(Signs(logprob, doubt, flags, retried, cps, pace, cer)),
        doubt=doubt,
        logprob=logprob,
        cps=cps,
        cer=cer,
        by=None if reviewer is None else reviewers[reviewer],
        at=at,
        heard=heard,
        seen=seen,
    )
