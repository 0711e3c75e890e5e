"""Risk is one number from all that speaks against a text, and no part of it can lower it."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.records import RECORDING_FLAGS, SEGMENT_FLAGS
from anime_whisper_ct2.review.index.risk import FLAGS, Signs, reasons, risk, risk_sql, sure_of

NAMES = sorted((SEGMENT_FLAGS | RECORDING_FLAGS) - {"empty"})
SIGNS = st.builds(
    Signs,
    logprob=st.floats(-20.0, 0.0),
    doubt=st.none() | st.floats(0.0, 1.0),
    flags=st.lists(st.sampled_from([*NAMES, "of a later version"]), unique=True, max_size=4).map(tuple),
    retried=st.booleans(),
    cps=st.none() | st.floats(0.0, 100.0),
    pace=st.none() | st.floats(0.1, 20.0),
    cer=st.none() | st.floats(0.0, 500.0),
)


@given(SIGNS)
def test_risk_lies_between_none_and_all(signs: Signs) -> None:
    assert 0.0 <= risk(signs) <= 1.0


@given(SIGNS, st.floats(0.0, 5.0), st.floats(0.0, 1.0), st.sampled_from(NAMES), st.floats(0.0, 300.0))
def test_nothing_that_speaks_against_a_text_lowers_its_risk(
    signs: Signs, worse: float, doubt: float, flag: str, cer: float
) -> None:
    least = risk(signs)
    assert risk(replace(signs, logprob=signs.logprob - worse)) >= least
    assert risk(replace(signs, doubt=max(doubt, signs.doubt or 0.0))) >= (least if signs.doubt is not None else 0.0)
    assert risk(replace(signs, flags=tuple(dict.fromkeys((*signs.flags, flag))))) >= least
    assert risk(replace(signs, retried=True)) >= least
    assert risk(replace(signs, cer=(signs.cer or 0.0) + cer)) >= least


@given(SIGNS, st.floats(1.0, 10.0), st.floats(1.0, 10.0))
def test_the_further_from_the_speakers_pace_the_higher_the_risk(signs: Signs, one: float, two: float) -> None:
    near, far = sorted((one, two))
    at = replace(signs, pace=5.0)
    assert risk(replace(at, cps=5.0 * near)) <= risk(replace(at, cps=5.0 * far))
    assert risk(replace(at, cps=5.0 / near)) <= risk(replace(at, cps=5.0 / far))


@settings(max_examples=25)
@given(st.lists(SIGNS, min_size=1, max_size=30))
def test_sql_and_python_give_the_same_number(many: list[Signs]) -> None:
    formula = risk_sql("logprob", "doubt", "sure", "retried", "cps", "pace", "cer")
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE t (n INT, logprob DOUBLE, doubt DOUBLE, sure DOUBLE, retried BOOL, cps DOUBLE, pace DOUBLE, "
            "cer DOUBLE)"
        )
        lines = [
            (n, one.logprob, one.doubt, sure_of(one.flags), one.retried, one.cps, one.pace, one.cer)
            for n, one in enumerate(many)
        ]
        con.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?)", lines)
        told = [value for (value,) in con.execute(f"SELECT {formula} FROM t ORDER BY n").fetchall()]
    assert told == pytest.approx([risk(one) for one in many], abs=1.5e-6)


def test_every_flag_of_a_run_is_weighed() -> None:
    assert set(NAMES) == set(FLAGS)


def test_reasons_are_told_by_their_weight() -> None:
    signs = Signs(-0.3, 0.6, ("noisy", "stock_phrase", "doubtful"), retried=True, cps=20.0, pace=5.0, cer=50.0)
    assert reasons(signs) == ("stock_phrase", "doubt", "differs", "retries", "speed_fast", "noisy")
    assert reasons(Signs(-0.1, 0.05, cps=5.0, pace=5.0)) == ()
    assert reasons(Signs(-0.1, 0.05, cps=0.5, pace=5.0)) == ("speed_slow",)
