"""What a reviewer asks the index for: filters and an order, checked, and as SQL."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from anime_whisper_ct2.errors import InputError, first_line
from anime_whisper_ct2.review.index.rows import STATUSES, Status, stored
from anime_whisper_ct2.review.index.search_forms import folded
from anime_whisper_ct2.system.paths import slashed

Sort = Literal["risk", "id", "length", "logprob", "cps", "cer"]
SORTS: tuple[Sort, ...] = get_args(Sort)
# What no segment is of itself: not decided (open or in conflict); accepted by somebody who cannot have heard it.
UNDECIDED, UNHEARD = "undecided", "unheard"
WITHOUT_FLAGS = "none"
# Of whom the corpus tells nothing; no folder is called so.
NO_SPEAKER = "/"

# Of `segments` as s, `recs` as r.
_ORDERS = {
    "risk": "s.risk",
    "id": "s.rec",
    "length": "s.stop - s.start",
    "logprob": "s.logprob",
    "cps": "s.cps",
    "cer": "s.cer",
}
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Filters:
    """Which segments are wanted: those that fit all of these. Empty texts and None leave all of them.

    Raises InputError for what cannot be meant.
    """

    flag: str = ""  # a flag of the segment or its recording; `none`: without any
    status: Status | Literal["undecided", "unheard", ""] = ""
    speaker: str = ""  # as the corpus tells, else the first folder; `/`: not known
    tag: str = ""
    by: str = ""  # who decided
    path: str = ""  # a shell pattern over ids, as `run --include` takes it
    min_s: float | None = None
    max_s: float | None = None
    min_logprob: float | None = None
    max_logprob: float | None = None
    min_cps: float | None = None  # characters a second
    max_cps: float | None = None
    search: str = ""  # a part of the text
    regex: bool = False  # `search` is a pattern of RE2
    nfkc: bool = False  # full and half width are alike
    differs: bool = False  # the second run has another text

    def __post_init__(self) -> None:
        if self.status and self.status not in (*STATUSES, UNDECIDED, UNHEARD):
            raise InputError(f"no status is called {self.status!r:.40}")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"{field.name} {value} is no bound")
            if isinstance(value, str) and len(value) > _LONGEST:
                raise InputError(f"{field.name} is longer than {_LONGEST:,} characters")
        for kind in ("s", "logprob", "cps"):
            least, most = getattr(self, f"min_{kind}"), getattr(self, f"max_{kind}")
            if least is not None and most is not None and least > most:
                raise InputError(f"min_{kind} {least} lies above max_{kind} {most}")
        if self.regex and self.search:
            _check(self.search)


def condition(filters: Filters) -> tuple[str, list[Any]]:
    """Give what a segment has to fulfil as SQL, with its arguments: all filters but those that are counted.

    Flag, speaker and status are left to whoever counts what each of them leaves.
    """
    found = ["NOT s.gone"]
    given: list[Any] = []

    def want(sql: str, *arguments: Any) -> None:
        found.append(f"({sql})")
        given.extend(arguments)

    for expression, least, most in (
        ("s.stop - s.start", filters.min_s, filters.max_s),
        ("s.logprob", filters.min_logprob, filters.max_logprob),
        ("s.cps", filters.min_cps, filters.max_cps),
    ):
        if least is not None:
            want(f"{expression} >= ?", least)
        if most is not None:
            want(f"{expression} <= ?", most)
    if filters.differs:
        want("s.cer > 0")
    if filters.path:
        pattern = glob_pattern(slashed(filters.path))
        composed = unicodedata.normalize("NFC", pattern)
        fits = "regexp_full_match({}, ?)"
        want(
            f"s.rec IN (SELECT rec FROM recs WHERE {fits.format('id')} OR {fits.format('coalesce(composed, id)')})",
            pattern,
            composed,
        )
    if filters.search:
        _search(filters, want)
    return " AND ".join(found), given


def order(sort: Sort, *, descending: bool) -> str:
    """Give an order as SQL: what it is called by, then ids and times, then numbers; what is not known comes last.

    Raises InputError for an order that there is not.
    """
    if sort not in SORTS:
        raise InputError(f"segments can be sorted by {', '.join(SORTS)}, and not by {sort!r:.40}")
    way = "DESC" if descending else "ASC"
    if sort == "id":
        return f"s.rec {way}, s.start {way}, s.row {way}"
    return f"{_ORDERS[sort]} {way} NULLS LAST, s.rec, s.start, s.row"


def glob_pattern(glob: str) -> str:
    """Give a shell pattern as RE2 has it: `*` is anything, also slashes, `?` one character, brackets one of several."""
    made, at = [r"(?s)"], 0
    while at < len(glob):
        sign = glob[at]
        at += 1
        # A bracket right behind the first one, or behind `!`, is one of the characters.
        closed = glob.find("]", at + 1 + glob[at : at + 1].count("!")) if sign == "[" else -1
        if sign == "*":
            made.append(".*")
        elif sign == "?":
            made.append(".")
        elif closed >= 0:
            inside, at = glob[at:closed], closed + 1
            made.append(_one_of(inside))
        else:
            made.append(re.escape(stored(sign)))
    return "".join(made)


def _one_of(inside: str) -> str:
    negated = inside.startswith("!")
    inside = stored(inside[negated:])
    ranges: list[str] = []
    at = 0
    while at < len(inside):
        first = last = inside[at]
        at += 1
        if at + 1 < len(inside) and inside[at] == "-":
            last, at = inside[at + 1], at + 2
        if first <= last:
            ranges.append(f"\\x{{{ord(first):x}}}-\\x{{{ord(last):x}}}")
    if not ranges:
        # No character lies in an empty range, and every one outside of it.
        return "." if negated else r"[^\x{0}-\x{10ffff}]"
    return f"[{'^' if negated else ''}{''.join(ranges)}]"


def _search(filters: Filters, want: Any) -> None:
    search = stored(filters.search)
    if filters.regex and filters.nfkc:
        want("regexp_matches(s.text, ?) OR regexp_matches(s.folded, ?)", search, search)
    elif filters.regex:
        want("regexp_matches(s.text, ?)", search)
    elif filters.nfkc:
        want("contains(coalesce(s.folded, s.text), ?)", stored(folded(filters.search)))
    else:
        want("contains(s.text, ?)", search)


def _check(pattern: str) -> None:
    """Raise InputError for what RE2 cannot compile."""
    import duckdb  # noqa: PLC0415 - 66 MB, of an extra

    try:
        with duckdb.connect() as con:
            con.execute("SELECT regexp_matches('', ?)", [stored(pattern)])
    except duckdb.Error as error:
        said = first_line(error).removeprefix("Invalid Input Error: ")
        raise InputError(f"the pattern cannot be searched for: {said}") from error


def names_in(values: Sequence[str], name: str) -> bool:
    """Say whether a set of flags or tags is wanted: it holds a name, or is empty where none is wanted."""
    return not values if name == WITHOUT_FLAGS else name in values
