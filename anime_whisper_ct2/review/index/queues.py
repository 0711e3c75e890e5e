"""A queue is frozen: which segments fit, in which order, and how many there would be of each kind beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.review.index.queries import (
    NO_SPEAKER,
    UNDECIDED,
    UNHEARD,
    Filters,
    Sort,
    condition,
    names_in,
    order,
)
from anime_whisper_ct2.review.index.rows import HEARD, STATUSES, Frozen, restored, stored

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

MOST_SPEAKERS = 500
Mask = npt.NDArray[np.bool_]


def freeze(
    con: Connection,
    filters: Filters,
    sort: Sort,
    flagsets: Sequence[Sequence[str]],
    narrowed: str | None = None,
    *,
    descending: bool,
) -> Frozen:
    """Ask for the segments that fit, once, and count among them; `narrowed`: SQL for what else they have to fulfil."""
    where, given = condition(filters)
    if narrowed is not None:
        where = f"{where} AND {narrowed}"
    found = con.execute(
        "SELECT s.row, s.stop - s.start AS seconds, s.flagset, s.status, r.speaker, "
        f"s.status = {STATUSES.index('accepted')} AND coalesce(s.heard, 0.0) < {HEARD} AS unheard "
        f"FROM segments s JOIN recs r ON r.rec = s.rec WHERE {where} ORDER BY {order(sort, descending=descending)}",
        given,
    ).fetchnumpy()
    columns = {name: np.asarray(values) for name, values in found.items()}
    flag, speaker, status = (
        _of_flag(columns, filters, flagsets),
        _of_speaker(con, columns, filters),
        _of(columns, filters),
    )
    rows = flag & speaker & status
    speakers, left_out = _speakers(con, columns["speaker"][flag & status])
    return Frozen(
        columns["row"][rows].astype(np.int32),
        round(float(columns["seconds"][rows].sum()), 3),
        _flags(columns["flagset"][speaker & status], flagsets),
        speakers,
        left_out,
        _statuses(columns["status"][flag & speaker], columns["unheard"][flag & speaker]),
    )


def _everything(columns: Mapping[str, npt.NDArray[Any]]) -> Mask:
    return np.ones(len(columns["row"]), bool)


def _of_flag(columns: Mapping[str, npt.NDArray[Any]], filters: Filters, flagsets: Sequence[Sequence[str]]) -> Mask:
    if not filters.flag:
        return _everything(columns)
    wanted = np.array([names_in(names, filters.flag) for names in flagsets], bool)
    chosen: Mask = wanted[columns["flagset"]]
    return chosen


def _of_speaker(con: Connection, columns: Mapping[str, npt.NDArray[Any]], filters: Filters) -> Mask:
    if not filters.speaker:
        return _everything(columns)
    name = "" if filters.speaker == NO_SPEAKER else stored(filters.speaker)
    numbers = con.execute("SELECT number FROM speakers WHERE name = ?", [name]).fetchall()
    chosen: Mask = columns["speaker"] == (numbers[0][0] if numbers else -1)
    return chosen


def _of(columns: Mapping[str, npt.NDArray[Any]], filters: Filters) -> Mask:
    status = columns["status"]
    if not filters.status:
        return _everything(columns)
    chosen: Mask
    if filters.status == UNHEARD:
        chosen = columns["unheard"].astype(bool)
    elif filters.status == UNDECIDED:
        chosen = np.isin(status, [STATUSES.index("open"), STATUSES.index("conflict")])
    else:
        chosen = status == STATUSES.index(filters.status)
    return chosen


def _flags(sets: npt.NDArray[Any], flagsets: Sequence[Sequence[str]]) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = {}
    for number, count in enumerate(np.bincount(sets, minlength=len(flagsets)).tolist()):
        for name in dict.fromkeys(flagsets[number]):
            counts[name] = counts.get(name, 0) + count
    return tuple(sorted(((n, c) for n, c in counts.items() if c), key=lambda item: (-item[1], item[0])))


def _speakers(con: Connection, numbers: npt.NDArray[Any]) -> tuple[tuple[tuple[str, int], ...], int]:
    counts = np.bincount(numbers) if len(numbers) else np.zeros(0, np.int64)
    # Those of whom nothing is known are told in any case, behind the others.
    (unknown,) = con.execute("SELECT number FROM speakers WHERE name = ''").fetchone() or (len(counts),)
    of_unknown = int(counts[unknown]) if unknown < len(counts) else 0
    counts[unknown : unknown + 1] = 0
    # Numbers are in the order of names, and the sort is stable.
    most = np.argsort(-counts, kind="stable")[:MOST_SPEAKERS]
    most = most[counts[most] > 0]
    found = con.execute(
        "SELECT number, name FROM speakers WHERE number IN (SELECT unnest(?::INT[]))", [most.tolist()]
    ).fetchall()
    names = {number: restored(name) for number, name in found}
    each = [(names[at], int(counts[at])) for at in most.tolist()]
    told = [*each, ("", of_unknown)] if of_unknown else each
    return tuple(told), int(np.count_nonzero(counts)) - len(most)


def _statuses(statuses: npt.NDArray[Any], unheard: npt.NDArray[Any]) -> dict[str, int]:
    each: dict[str, int] = dict(zip(STATUSES, np.bincount(statuses, minlength=len(STATUSES)).tolist(), strict=True))
    each[UNDECIDED] = each["open"] + each["conflict"]
    each[UNHEARD] = int(np.count_nonzero(unheard))
    return each
