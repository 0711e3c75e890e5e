"""Full and half width alike, as Unicode's NFKC has it, whichever way a text takes through the index."""

from __future__ import annotations

import re
import unicodedata

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.review.index.rows import restored, stored
from anime_whisper_ct2.review.index.search_forms import FREQUENT, PLAIN, SIMPLE, fold, folded, folded_sql

CLASS = re.compile(f"[{re.sub(r'.x{([0-9a-f]+)}', lambda found: chr(int(found[1], 16)), PLAIN)}]")
SIGNS = st.characters(codec="utf-8") | st.sampled_from("…！？　ＡａZ１'ｶﾞか\u3099が…はい、。♪é①㍻")


def test_what_is_plain_stays_as_it_is_and_joins_nothing() -> None:
    plain = [chr(code) for code in range(0x110000) if CLASS.fullmatch(chr(code))]
    assert len(plain) > 20_000
    assert [sign for sign in plain if folded(sign) != sign or unicodedata.combining(sign)] == []
    # None of them is joined to what stands before it.
    assert [sign for sign in plain if folded(f"か{sign}") != f"か{sign}"] == []
    for wide, narrow in FREQUENT.items():
        assert folded(wide) == narrow


@settings(max_examples=40)
@given(st.lists(st.text(SIGNS, max_size=12), min_size=1, max_size=40))
@example(["Ａ\u0301", "！…", "'＇'", "", "ｶﾞ", "{}?{0}", "％ｓ"])
def test_sql_and_python_fold_alike(texts: list[str]) -> None:
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t (n INT, text VARCHAR)")
        con.executemany("INSERT INTO t VALUES (?, ?)", list(enumerate(texts)))
        told = con.execute(
            f"SELECT text, {folded_sql('text')}, regexp_full_match(text, '[{SIMPLE}]*') FROM t ORDER BY n"
        ).fetchall()
    for text, alike, simple in told:
        if simple:
            assert (alike or text) == folded(text)
        else:
            assert alike is None
        assert (fold(text) or text) == folded(text)


@given(st.text(st.characters(codec="utf-8") | st.characters(categories=["Cs"])))
def test_what_utf8_cannot_hold_is_stored_and_given_back(text: str) -> None:
    stored(text).encode()
    assert restored(stored(text)) == text
