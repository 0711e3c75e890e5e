"""Braces in a name stand for many shards, as in bash, and never for more than can be listed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers import tar as room
from anime_whisper_ct2.readers.tar import shards


@pytest.mark.parametrize(
    ("pattern", "count", "first", "last"),
    [
        ("galgame-{000000..000114}.tar", 115, "galgame-000000.tar", "galgame-000114.tar"),
        ("s3://bucket/{train,val-{0..9}}/x.tar", 11, "s3://bucket/train/x.tar", "s3://bucket/val-9/x.tar"),
        ("C:\\data\\x-{9..0..3}.tar", 4, "C:\\data\\x-9.tar", "C:\\data\\x-0.tar"),
        ("{a..c}{1..2}", 6, "a1", "c2"),
        ("plain.tar", 1, "plain.tar", "plain.tar"),
        ("{single}.tar", 1, "{single}.tar", "{single}.tar"),
        ("{000000..999999}", 1_000_000, "000000", "999999"),
    ],
)
def test_brace_patterns_are_expanded(pattern: str, count: int, first: str, last: str) -> None:
    names = shards(pattern)
    assert (len(names), names[0], names[-1]) == (count, first, last)


@pytest.mark.parametrize("pattern", ["{0..1", "0..1}", "}{", "{{0..1}", "{" * 2000 + "}" * 2000])
def test_unbalanced_braces_are_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="braces"):
        shards(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["{0..1000000}", "{0..99999999999999}", "{0..9999}{0..9999}", "{a,{0..999999}{0..999999}}", "{1,2}" * 40],
)
def test_patterns_for_more_than_a_million_names_are_refused_without_making_them(pattern: str) -> None:
    with pytest.raises(InputError, match="names; at most 1,000,000"):
        shards(pattern)


def brace_patterns() -> Iterator[st.SearchStrategy[str]]:
    word = st.text("ab,.{}0-", max_size=4)
    numbers = st.tuples(st.integers(-30, 30), st.integers(-30, 30), st.integers(0, 5)).map(
        "{{{0[0]}..{0[1]}..{0[2]}}}".format
    )
    letters = st.tuples(st.sampled_from("abyzAZ"), st.sampled_from("cdBY")).map("{{{0[0]}..{0[1]}}}".format)
    yield st.recursive(
        word | numbers | letters,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3).map(lambda items: "{" + ",".join(items) + "}")
            | st.tuples(inner, inner).map("".join)
        ),
        max_leaves=5,
    )


@settings(max_examples=200)
@given(pattern=next(brace_patterns()))
def test_the_count_agrees_with_what_braceexpand_makes(pattern: str) -> None:
    from braceexpand import braceexpand

    try:
        counted = room._count(pattern)
    except ValueError:
        return
    if counted < 20_000:
        made = sum(1 for _ in braceexpand(pattern, escape=False))
        # Between capital and small letters braceexpand leaves six signs out.
        assert made <= counted or math.isclose(made, counted)
