"""The format of a line: written and read alike, and read strictly."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.reviews import Decision
from anime_whisper_ct2.reviews.lines import NO_DECISION, at_of, microseconds, read_entry, read_line, to_line
from tests.support.hostile import ESCAPES, FORMULA, MARKUP

ANY = st.text(st.characters(exclude_categories=()), max_size=20) | st.sampled_from(
    [MARKUP, ESCAPES, FORMULA, "a\nb", "\udcff\ud800", "\u2028", ""]
)
TIMES = st.floats(0, 1e6, allow_nan=False)
PART = st.fixed_dictionaries({"start": st.just(0.0), "end": TIMES, "text": ANY})
VALUES = st.one_of(
    st.tuples(st.sampled_from(["accept", "reject"]), st.none()),
    st.tuples(st.just("correct"), ANY),
    st.tuples(st.just("tag"), st.fixed_dictionaries({"add": st.lists(ANY), "remove": st.lists(ANY)})),
    st.tuples(st.just("trim"), st.fixed_dictionaries({"start": st.just(0.5), "end": TIMES.map(lambda s: s + 1)})),
    st.tuples(st.just("split"), st.lists(PART, min_size=2, max_size=3)),
    st.tuples(st.just("undo"), ANY),
)
DECISIONS = st.builds(
    lambda since, who, id_, end, seen, value, batch, heard, ms: Decision(
        at_of(since), who, id_, 0.0, end, seen, value[0], value[1], batch, heard, ms, 1.5 if heard else None
    ),
    st.integers(0, 4_000_000_000_000_000),
    *(ANY, ANY, TIMES, ANY, VALUES, st.none() | ANY, st.none() | st.floats(0, 1), st.none() | st.integers(0, 10**6)),
)
LINE: dict[str, Any] = {
    "v": 1,
    "at": "2026-11-29T20:41:14.123456Z",
    "reviewer": "hana",
    "id": "a.ogg",
    "start": 0.0,
    "end": 1.5,
    "seen": "0" * 20,
    "action": "accept",
    "value": None,
    "batch": None,
    "heard": None,
    "ms": None,
}


def line(**changes: Any) -> bytes:
    return json.dumps({**LINE, **changes}).encode() + b"\n"


@given(DECISIONS)
def test_a_decision_is_read_back_as_it_was_written(decision: Decision) -> None:
    raw = to_line(decision)
    assert raw.count(b"\n") == 1
    assert raw.endswith(b"\n")
    assert read_line(raw) == decision
    entry = read_entry(raw)
    assert (at_of(entry.at), entry.reviewer, entry.id, entry.action) == (
        *(decision.at, decision.reviewer, decision.id, decision.action),
    )


def test_a_line_has_the_keys_of_the_contract() -> None:
    decision = read_line(line())
    assert json.loads(to_line(decision)) == LINE


def test_keys_that_are_not_known_are_passed_over() -> None:
    assert read_line(line(mood="good")) == read_line(line())


def test_whole_numbers_are_times_as_well() -> None:
    assert read_line(line(start=0, end=2)).end == 2.0


@pytest.mark.parametrize(
    "raw",
    [
        b"\n",
        b"[]\n",
        b"{}\n",
        b'"text"\n',
        b"\xff\xfe\n",
        b'{"v": 1\n',
        line() + b"x",
        b"[" * 100_000 + b"\n",
        line(v=2),
        line(v="1"),
        line(action="bless"),
        line(action=["accept"]),
        line(at="2026-11-29 20:41:14.123456Z"),
        line(at="2026-11-29T20:41:14Z"),
        line(at="2026-13-29T20:41:14.123456Z"),
        line(at="2026-11-29T20:41:14.1_3456Z"),
        line(at="2026-11-29T20:41:14.１２３４５６Z"),
        line(at=5),
        line(reviewer=None),
        line(id=7),
        line(seen=7),
        line(start=-1),
        line(start=2.0),
        line(end=True),
        line(end="1"),
        line(end=1e300),
        line(end=10**400),
        line(start=0.0, end=float("nan")),
        line(value="x"),
        line(action="correct"),
        line(action="correct", value=1),
        line(action="tag", value=["a"]),
        line(action="tag", value={"add": "a"}),
        line(action="tag", value={"add": [1]}),
        line(action="tag", value={"addd": []}),
        line(action="trim", value={"start": 1.0, "end": 0.5}),
        line(action="split", value=[]),
        line(action="split", value=[{"start": 0, "end": 1, "text": "a"}]),
        line(action="split", value=[{"start": 0, "end": 1}] * 2),
        line(action="merge", value={"start": 0, "end": 1, "text": "a"}),
        line(action="merge", value={"start": 0, "end": 1, "text": "a", "with": 3}),
        line(action="undo"),
        line(action="sample"),
        line(batch=3),
        line(heard="all"),
        line(ms=float("inf")),
        line(rate=[]),
    ],
    ids=lambda raw: raw[-70:].decode("latin-1").strip(),
)
def test_what_is_no_decision_is_refused_by_both_readers(raw: bytes) -> None:
    for read in (read_line, read_entry):
        with pytest.raises(NO_DECISION):
            read(raw)


@given(st.integers(0, 4_000_000_000_000_000))
def test_times_are_those_of_the_calendar(since_1970: int) -> None:
    at = at_of(since_1970)
    assert microseconds(at) == since_1970
    whole, rest = divmod(since_1970, 1_000_000)
    read = datetime.fromisoformat(at[:-1]).replace(tzinfo=timezone.utc)
    assert read == datetime.fromtimestamp(whole, timezone.utc).replace(microsecond=rest)


@given(st.lists(st.integers(0, 4_000_000_000_000_000), min_size=2, max_size=2))
def test_times_are_in_order_as_texts(since_1970: list[int]) -> None:
    first, second = since_1970
    assert (at_of(first) < at_of(second)) == (first < second)
