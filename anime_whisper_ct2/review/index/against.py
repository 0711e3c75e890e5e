"""A second run's texts, beside the segments of the first: those of its segments whose middle lies in one of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anime_whisper_ct2.review.index.rows import restored
from anime_whisper_ct2.text import Normalizer, count_errors

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

_BLOCK = 50_000
_WITHIN = "(o.start + o.stop) / 2 >= {start} AND (o.start + o.stop) / 2 < {stop}"
_JOINED = "coalesce(string_agg(o.text, '' ORDER BY o.start, o.number), '')"


def make_others(con: Connection, normalizer: Normalizer) -> None:
    """Put the texts of `second`, which `building.load` has read, beside the segments, and compare them."""
    con.execute(
        """CREATE TABLE others AS SELECT rec, number, s."start" AS start, s."end" AS stop, s.text AS text
        FROM (SELECT rec, unnest(segments) AS s, unnest(generate_series(1, len(segments))) AS number
            FROM second JOIN recs USING (id)) ORDER BY rec, number"""
    )
    con.execute("UPDATE recs SET other = true WHERE id IN (SELECT id FROM second)")
    con.execute("DROP TABLE second")
    con.execute(
        f"""UPDATE segments SET other = told.text FROM (SELECT s.row, {_JOINED} AS text
            FROM segments s JOIN recs r ON r.rec = s.rec LEFT JOIN others o
            ON o.rec = s.rec AND {_WITHIN.format(start="s.start", stop="s.stop")}
            WHERE r.other GROUP BY s.row) told WHERE told.row = segments.row"""
    )
    con.execute("UPDATE segments SET cer = 0.0 WHERE other = text")
    apart = con.cursor()
    apart.execute("SELECT row, text, other FROM segments WHERE other <> text")
    while block := apart.fetchmany(_BLOCK):
        rates = [rate(restored(other), restored(text), normalizer) for _, text, other in block]
        con.register("rates", {"row": np.array([row for row, _, _ in block], np.int32), "cer": np.array(rates)})
        con.execute("UPDATE segments SET cer = rates.cer FROM rates WHERE rates.row = segments.row")
        con.unregister("rates")


def other_text(con: Connection, rec: int, start: float, stop: float) -> str | None:
    """Give what the second run has between two times of a recording; None where it does not have the recording."""
    found = con.execute(
        f"SELECT {_JOINED} FROM recs r LEFT JOIN others o ON o.rec = r.rec AND {_WITHIN.format(start='?', stop='?')} "
        "WHERE r.rec = ? AND r.other GROUP BY r.rec",
        [start, stop, rec],
    ).fetchall()
    return restored(found[0][0]) if found else None


def rate(reference: str, heard: str, normalizer: Normalizer) -> float:
    """Give the character error rate in percent as `awct2 eval` counts it, the second run's text being the reference."""
    return count_errors(normalizer(reference), normalizer(heard)).cer
