"""An index is made from the lines of a run: sorted tables of recordings and segments, with what can be said of each.

DuckDB reads the lines; what it cannot read, or read as something else than our own reader would, that one reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.output.results import read_transcript
from anime_whisper_ct2.records import LONGEST_S, RECORDING_FLAGS, Transcript
from anime_whisper_ct2.review.index.offsets import Lines, find_lines
from anime_whisper_ct2.review.index.risk import risk_sql, sure_of
from anime_whisper_ct2.review.index.rows import is_utf8, restored, stored
from anime_whisper_ct2.review.index.search_forms import fold_the_rest, folded_sql
from anime_whisper_ct2.review.index.speakers import PACES, SPEAKER
from anime_whisper_ct2.system.files import opened
from anime_whisper_ct2.system.refusals import reason

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

# OverflowError: an integer too long for a float. RecursionError: JSON that is nested too deep for its parser.
NO_TRANSCRIPT = (ValueError, KeyError, TypeError, OverflowError, RecursionError)

_SEGMENT = (
    'STRUCT("start" DOUBLE, "end" DOUBLE, text VARCHAR, avg_logprob DOUBLE, flags VARCHAR[], '
    "retries STRUCT(kept VARCHAR), doubt DOUBLE)"
)
_COLUMNS = f"id: 'VARCHAR', duration: 'DOUBLE', flags: 'VARCHAR[]', segments: '{_SEGMENT}[]'"
_READ = (
    "read_json(?, format='newline_delimited', compression='uncompressed', ignore_errors=true, maximum_object_size=?, "
    f"columns={{{_COLUMNS}, meta: 'STRUCT(speaker JSON)'"
)
# What is kept of a line. Of JSON's kinds of values, a speaker is a text: what is between its quotation marks.
_LINE = f"line BIGINT, id VARCHAR, told VARCHAR, own VARCHAR[], segments {_SEGMENT}[]"
_SELECTED = "id, CASE WHEN json_type(meta.speaker) = 'VARCHAR' THEN meta.speaker ->> '$' END, flags, segments"
_LEAST_OBJECT = 1 << 24
_BLOCK_BYTES = 1 << 24


class NotRead(Exception):
    """DuckDB has read something else than the lines of a file."""


def load(con: Connection, path: Path, table: str, on_progress: Callable[[float], object]) -> tuple[Lines, str | None]:
    """Read a run's lines into a table: line, id, told (a speaker), own (flags), segments.

    Of two lines with one id, the later one counts. Gives the lines, and a note where our own reader had to help. Raises
    InputError for a line that no run wrote.
    """
    lines = find_lines(path, lambda share: on_progress(0.3 * share))
    con.execute(f"CREATE TEMP TABLE {table} ({_LINE})")
    try:
        strictly = _load_quickly(con, path, table, lines)
    except NotRead:
        strictly = np.arange(len(lines.offsets))
    con.execute("DROP TABLE IF EXISTS raw")
    on_progress(0.6)
    if len(strictly):
        _load_strictly(con, path, table, lines, strictly, lambda share: on_progress(0.6 + 0.3 * share))
    _only_last(con, table)
    on_progress(1.0)
    few = counted(len(strictly), "line")
    return lines, f"{few} of {path.name} had to be read one by one, which is slower" if len(strictly) else None


def make_tables(con: Connection, takes: Callable[[str], bool] | None, lines: Lines) -> None:
    """Make `recs` and `segments` out of `run`, which `load` has read; ids that are not taken are left out."""
    if takes is not None:
        ids = [row[0] for row in con.execute("SELECT DISTINCT id FROM run").fetchall()]
        con.register("others", {"id": _texts([id_ for id_ in ids if not takes(restored(id_))])})
        con.execute("DELETE FROM run WHERE id IN (SELECT id FROM others)")
        con.unregister("others")
    _make_recs(con, lines)
    _make_sets(con)
    _make_segments(con)
    con.execute("DROP TABLE run")
    fold_the_rest(con)


def set_risks(con: Connection) -> None:
    """Reckon the speakers' paces and every segment's risk; what there is of a second run is known by then."""
    con.execute(PACES)
    formula = risk_sql("s.logprob", "s.doubt", "f.sure", "s.retried", "s.cps", "p.pace", "s.cer")
    con.execute(
        f"UPDATE segments SET risk = told.risk FROM (SELECT s.row, {formula} AS risk FROM segments s "
        "JOIN flagsets f ON f.number = s.flagset JOIN recs r ON r.rec = s.rec "
        "JOIN speakers p ON p.number = r.speaker) told WHERE told.row = segments.row"
    )


def _load_quickly(con: Connection, path: Path, table: str, lines: Lines) -> Any:
    """Have DuckDB read; gives the numbers of the lines that it could not read, or that look odd."""
    import duckdb  # noqa: PLC0415 - 66 MB, of an extra

    if not is_utf8(path):
        raise NotRead
    try:
        most = max(_LEAST_OBJECT, lines.longest + 2)
        con.execute(f"CREATE OR REPLACE TEMP TABLE raw AS SELECT * FROM {_READ}}})", [_pattern(path), most])
    except duckdb.Error as error:
        raise NotRead from error
    count = con.execute("SELECT count(*) FROM raw").fetchall()[0][0]
    if count != len(lines.offsets) + lines.torn:
        raise NotRead
    con.execute("DELETE FROM raw WHERE rowid >= ?", [len(lines.offsets)])
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE odd AS
        SELECT rowid AS line FROM raw WHERE id IS NULL OR segments IS NULL OR NOT coalesce(isfinite(duration), false)
        UNION SELECT line FROM (SELECT rowid AS line, unnest(segments) AS s FROM raw) WHERE NOT coalesce(
            s."start" BETWEEN 0 AND {LONGEST_S} AND s."end" BETWEEN s."start" AND {LONGEST_S}
            AND s.text IS NOT NULL AND isfinite(s.avg_logprob) AND (s.doubt IS NULL OR isfinite(s.doubt)), false)"""
    )
    con.execute(f"INSERT INTO {table} SELECT rowid, {_SELECTED} FROM raw WHERE rowid NOT IN (SELECT line FROM odd)")
    return con.execute("SELECT line FROM odd ORDER BY line").fetchnumpy()["line"]


def _load_strictly(
    con: Connection,
    path: Path,
    table: str,
    lines: Lines,
    numbers: Sequence[int],
    on_progress: Callable[[float], object],
) -> None:
    """Read lines as all else reads them, and have DuckDB read what came of that, in blocks."""
    beside = Path(con.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]) / "lines.jsonl"
    beside.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    for block in _blocks(_strict_lines(path, lines, numbers)):
        beside.write_bytes(b"".join(block))
        most = max(_LEAST_OBJECT, *map(len, block)) + 2
        con.execute(
            f"INSERT INTO {table} SELECT line, {_SELECTED} FROM {_READ}, line: 'BIGINT'}})",
            [_pattern(beside), most],
        )
        done += len(block)
        on_progress(done / len(numbers))
    beside.unlink(missing_ok=True)


def _pattern(path: Path) -> str:
    """Give the pattern that fits a path alone: DuckDB takes none for a name; in brackets, no character is special."""
    return "".join(f"[{c}]" if c in "[*?" else c for c in str(path))


def _blocks(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    block, size = [], 0
    for line in lines:
        block.append(line)
        size += len(line)
        if size >= _BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _strict_lines(path: Path, lines: Lines, numbers: Sequence[int]) -> Iterator[bytes]:
    for number in numbers:
        transcript = read_line(path, int(lines.offsets[number]), int(number))
        segments = [
            {
                "start": segment.start,
                "end": segment.end,
                "text": stored(segment.text),
                "avg_logprob": segment.avg_logprob,
                "flags": [stored(flag) for flag in segment.flags],
                "retries": None if segment.retries is None else {"kept": segment.retries.kept},
                "doubt": segment.doubt,
            }
            for segment in transcript.segments
        ]
        speaker = transcript.meta.get("speaker")
        line = {
            "line": int(number),
            "id": stored(transcript.id),
            "duration": transcript.duration,
            "flags": [stored(flag) for flag in transcript.flags],
            "segments": segments,
            "meta": {"speaker": stored(speaker) if isinstance(speaker, str) else None},
        }
        yield json.dumps(line, ensure_ascii=False).encode() + b"\n"


def strict_json(raw: bytes) -> Any:
    """Read a line as `RunFolder` does, to which NaN and infinities are no numbers. Raises one of NO_TRANSCRIPT."""
    return json.loads(raw, parse_float=_finite, parse_constant=_finite)


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ValueError(f"{written:.40} is no finite number")
    return number


def read_line(path: Path, offset: int, number: int | None = None) -> Transcript:
    """Read the recording whose line begins at an offset. Raises InputError for what no run wrote."""
    try:
        with opened(path) as file:
            file.seek(offset)
            raw = file.readline()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error, path)}") from error
    try:
        return read_transcript(strict_json(raw))
    except NO_TRANSCRIPT as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        where = "a line" if number is None else f"line {number + 1}"
        raise InputError(f"{path}, {where}: not a line that a run wrote ({what}); mend or remove it") from error


def _only_last(con: Connection, table: str) -> None:
    total, distinct = con.execute(f"SELECT count(*), count(DISTINCT id) FROM {table}").fetchall()[0]
    if total != distinct:
        con.execute(f"DELETE FROM {table} WHERE line NOT IN (SELECT max(line) FROM {table} GROUP BY id)")


def _make_recs(con: Connection, lines: Lines) -> None:
    """Number the recordings in the order of their ids, as all else sorts them."""
    ids = con.execute(f"SELECT line, id FROM run WHERE {_STANDS_IN}").fetchall()
    order = "id"
    if ids:
        # What stands in for no UTF-8 lies behind all else, and what it stands for does not.
        con.execute("CREATE TEMP TABLE ranks (line BIGINT, rank BLOB)")
        con.executemany("INSERT INTO ranks VALUES (?, ?)", [(line, _rank(id_)) for line, id_ in ids])
        order = "coalesce((SELECT rank FROM ranks WHERE ranks.line = run.line), encode(id))"
    con.register("offsets", {"line": np.arange(len(lines.offsets)), "begins": lines.offsets})
    con.execute(
        f"""CREATE TEMP TABLE ranked AS SELECT line, id, {SPEAKER} AS speaker, coalesce(len(segments), 0)::INT AS n,
        (row_number() OVER (ORDER BY {order}) - 1)::INT AS rec FROM run"""
    )
    con.execute(
        "CREATE TABLE speakers AS SELECT (row_number() OVER (ORDER BY name) - 1)::INT AS number, name, "
        "NULL::DOUBLE AS pace FROM (SELECT DISTINCT speaker AS name FROM ranked)"
    )
    con.execute(
        """CREATE TABLE recs AS SELECT ranked.rec, ranked.id, nullif(nfc_normalize(ranked.id), ranked.id) AS composed,
        begins, (sum(n) OVER (ORDER BY rec) - n)::INT AS first_row, n, number AS speaker, false AS other
        FROM ranked JOIN offsets USING (line) JOIN speakers ON speakers.name = ranked.speaker ORDER BY rec"""
    )
    con.execute("CREATE TEMP TABLE placed AS SELECT line, rec, first_row FROM ranked JOIN recs USING (rec)")
    con.execute("DROP TABLE ranked")
    con.unregister("offsets")


_STANDS_IN = r"regexp_matches(id, '[\x{10D800}-\x{10DFFF}]')"


def _rank(id_: str) -> bytes:
    # Of UTF-8 and of this, the bytes are in the order of the code points.
    return restored(id_).encode("utf-8", "surrogatepass")


def _make_sets(con: Connection) -> None:
    """Number the sets of flags that segments have: their own ones, and behind them the recording's."""
    own = ", ".join(f"'{flag}'" for flag in sorted(RECORDING_FLAGS))
    con.execute(
        f"""CREATE TEMP TABLE pieces AS SELECT (first_row + k - 1)::INT AS row, rec, (k - 1)::INT AS origin, s,
        list_concat(coalesce(s.flags, []), list_filter(coalesce(own, []), lambda x: x IN ({own}))) AS flags
        FROM (SELECT first_row, rec, own, unnest(segments) AS s, unnest(generate_series(1, len(segments))) AS k
            FROM run JOIN placed USING (line))"""
    )
    sets = [row[0] for row in con.execute("SELECT DISTINCT flags FROM pieces ORDER BY flags").fetchall()]
    con.execute("CREATE TABLE flagsets (number INT, names VARCHAR[], sure DOUBLE)")
    for number, names in enumerate(sets):
        con.execute("INSERT INTO flagsets VALUES (?, ?, ?)", [number, names, sure_of(names)])


def _make_segments(con: Connection) -> None:
    con.execute(
        f"""CREATE TABLE segments AS SELECT p.row, p.rec, p.origin, p.s."start" + 0.0 AS start, p.s."end" + 0.0 AS stop,
        p.s.text AS text, {folded_sql("p.s.text")} AS folded, p.s.avg_logprob AS logprob, p.s.doubt AS doubt,
        f.number AS flagset, coalesce(p.s.retries.kept <> 'first', false) AS retried,
        length(p.s.text) / greatest(p.s."end" - p.s."start", 0.1) AS cps,
        NULL::VARCHAR AS other, NULL::DOUBLE AS cer, NULL::DOUBLE AS risk, 0::UTINYINT AS status, 0::INT AS tagset,
        NULL::INT AS reviewer, NULL::VARCHAR AS decided_at, NULL::DOUBLE AS heard, NULL::VARCHAR AS seen,
        false AS mixed, false AS gone, false AS touched
        FROM pieces p JOIN flagsets f ON f.names = p.flags ORDER BY p.row"""
    )
    con.execute("DROP TABLE pieces")
    con.execute("DROP TABLE placed")


def _texts(values: Sequence[str]) -> Any:
    return np.array(values, dtype=object)
