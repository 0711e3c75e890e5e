"""The index answers as plain Python does over the same lines, read strictly."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.review.index.index import Index, open_index
from anime_whisper_ct2.review.index.queries import SORTS, Filters, Sort
from anime_whisper_ct2.reviews.records import Decision, Piece
from benchmarks.measures.made_up import make_run
from tests.support import review_oracle as oracle
from tests.support.review_oracle import Plain

FLAGS = ("", "none", "fast", "repetition", "incomplete", "no such")
STATUSES = ("", "open", "accepted", "corrected", "rejected", "undecided", "unheard")
SEARCHES = ("", "学校", "忘", "ー", "...", "…", "ABC", "ＡＢＣ", "ガ", "ｶﾞ", "が", "1", "①", "é", "%", "_", "'", "🙂")
PATTERNS = ("[ぁ-ん]{6}", "^そ", "[!！?？]$", "学.?校", "(A|Ａ)B?", r"\.\.\.", "え+")
PATHS = ("", "話者00*", "*/第?章/*", "*.ogg", "話者[!0]*", "[0-9]*.ogg", "話者1[0-4]?/第[135]章/*[02468].ogg", "x*")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("made up"), 900)


@pytest.fixture(scope="module")
def index(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with open_index(run, cache=tmp_path_factory.mktemp("cache")) as opened:
        yield opened


@pytest.fixture(scope="module")
def segments(run: Path, index: Index) -> list[Plain]:
    """All segments, a part of them decided, as it is in the index."""
    segments = oracle.plain(run)
    decide(index, segments)
    return segments


def decide(index: Index, segments: list[Plain]) -> None:
    """Decide about every other recording of one segment, in the index and in the plain ones."""
    draw = random.Random(5)
    outcomes = []
    for one in segments:
        if len(index.rows_of(one.rec)) != 1 or one.rec % 2:
            continue
        one.by, one.heard = draw.choice(("Aki", "結衣")), draw.choice((None, 0.3, 0.8, 1.0))
        one.status = draw.choice(("accepted", "corrected", "rejected"))
        one.tags = draw.choice(((), ("歌",), ("歌", "小声")))
        if one.status == "corrected":
            one.text = f"正しく{one.text[:3]}"
        line = Decision("2026-11-29T20:41:14.123456Z", one.by, one.id, 0.0, 1.0, "", "accept", heard=one.heard)
        piece = Piece(one.start, one.end, one.text, (0,), one.status, line, tags=one.tags)  # type: ignore[arg-type]
        outcomes.append((one.rec, [piece]))
    assert len(outcomes) > 100
    index.update(outcomes)


def agree(
    index: Index, segments: list[Plain], filters: Filters, sort: Sort = "risk", *, descending: bool = True
) -> None:
    frozen = index.queue(filters, sort, descending=descending)
    wanted = oracle.expected(segments, filters)
    assert frozen.rows.tolist() == oracle.ordered(oracle.fitting(segments, filters), sort, descending=descending)
    assert frozen.seconds == pytest.approx(wanted["seconds"], abs=0.005)
    assert dict(frozen.flags) == wanted["flags"]
    assert dict(frozen.speakers) == wanted["speakers"]
    assert frozen.speakers_left_out == 0
    assert frozen.statuses == wanted["statuses"]
    for counts in (frozen.flags, [each for each in frozen.speakers if each[0]]):
        assert [count for _, count in counts] == sorted((count for _, count in counts), reverse=True)


def bounds(least: float, most: float) -> st.SearchStrategy[tuple[float | None, float | None]]:
    one = st.none() | st.floats(least, most)
    return st.tuples(one, one).filter(lambda two: None in two or two[0] <= two[1])  # type: ignore[operator]


@st.composite
def filters(draw: st.DrawFn) -> Filters:
    chosen: dict[str, Any] = {"regex": draw(st.booleans()), "nfkc": draw(st.booleans())}
    chosen["search"] = draw(st.sampled_from(PATTERNS if chosen["regex"] else SEARCHES))
    # Each of them by itself more often than not, or nothing would be left.
    for name, values in (("flag", FLAGS), ("status", STATUSES), ("path", PATHS)):
        chosen[name] = draw(st.just("") | st.sampled_from(values))
    chosen["speaker"] = draw(st.sampled_from(("", "", "", "名前3", "話者003", "/", "nobody")))
    chosen["tag"] = draw(st.sampled_from(("", "", "", "歌", "小声", "none such")))
    chosen["by"] = draw(st.sampled_from(("", "", "", "結衣", "nobody")))
    for kind, least, most in (("s", 0.0, 12.0), ("logprob", -2.0, 0.0), ("cps", 0.0, 40.0)):
        chosen[f"min_{kind}"], chosen[f"max_{kind}"] = draw(st.just((None, None)) | bounds(least, most))
    return Filters(**chosen)


def test_the_numbers_of_rows_are_those_of_the_segments_in_the_order_of_ids(run: Path, index: Index) -> None:
    folder = RunFolder(run)
    row = 0
    for rec, transcript in enumerate(folder.transcripts()):
        assert index.record_of(transcript.id) == rec
        assert index.id_of(rec) == transcript.id
        assert index.transcript(rec) == transcript
        assert index.rows_of(rec) == tuple(range(row, row + len(transcript.segments)))
        assert {index.record_of_row(each) for each in index.rows_of(rec)} <= {rec}
        row += len(transcript.segments)
    assert index.total == row == 900
    assert index.record_of("no such") is None
    with pytest.raises(KeyError):
        index.record_of_row(row)
    with pytest.raises(KeyError):
        index.id_of(len(folder))


def test_a_row_says_what_the_line_and_the_decisions_say(index: Index, segments: list[Plain]) -> None:
    for one, row in zip(segments, index.rows(range(900)), strict=True):
        assert (row.row, row.rec, row.id, row.start, row.end) == (one.row, one.rec, one.id, one.start, one.end)
        assert (row.text, row.status, row.flags, row.tags) == (one.text, one.status, one.flags, one.tags)
        assert (row.speaker, row.doubt, row.logprob) == (one.speaker, one.doubt, one.logprob)
        assert row.cps == pytest.approx(one.cps)
        assert row.risk == pytest.approx(one.risk, abs=2e-6)
        assert (row.by, row.heard, row.cer) == (one.by, one.heard, None)
        assert (row.at is None) == (one.by is None)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [True, False])
def test_everything_is_sorted_and_ties_are_in_the_order_of_ids(
    index: Index, segments: list[Plain], sort: Sort, *, descending: bool
) -> None:
    agree(index, segments, Filters(), sort, descending=descending)


@settings(max_examples=60)
@given(filters())
def test_filters_and_counts_are_those_of_plain_python(index: Index, segments: list[Plain], filters: Filters) -> None:
    agree(index, segments, filters)


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("nfkc", [True, False])
def test_parts_of_texts_are_found_however_short(
    index: Index, segments: list[Plain], search: str, *, nfkc: bool
) -> None:
    agree(index, segments, Filters(search=search, nfkc=nfkc))


def test_full_and_half_width_are_alike_only_where_that_is_asked_for(index: Index) -> None:
    wide, narrow = (set(index.queue(Filters(search=search)).rows.tolist()) for search in ("ＡＢＣ", "ABC"))
    assert wide
    assert narrow
    assert not wide & narrow
    for search in ("ＡＢＣ", "ABC"):
        assert set(index.queue(Filters(search=search, nfkc=True)).rows.tolist()) == wide | narrow


def test_texts_come_in_the_order_that_they_are_asked_for_in(index: Index, segments: list[Plain]) -> None:
    rows = index.queue(Filters()).rows
    said = list(index.texts(rows))
    assert [one.row for one in said] == rows.tolist()
    for one in said:
        asked = segments[one.row]
        assert (one.rec, one.id, one.start, one.end) == (asked.rec, asked.id, asked.start, asked.end)
        assert (one.text, one.status) == (asked.text, asked.status)
    assert [row.row for row in index.rows([7, 3, 99_999, -1, 3])] == [7, 3, 3]
    assert list(index.texts(np.array([99_999], np.int32))) == []


def test_what_is_there_is_summed_up(index: Index, segments: list[Plain]) -> None:
    assert index.seconds == pytest.approx(sum(one.seconds for one in segments), abs=0.01)
    assert index.flags == tuple(sorted({flag for one in segments for flag in one.flags}))
    assert not index.words
    assert index.notes == ()
    assert dict(index.counts()) == {
        status: sum(one.status == status for one in segments)
        for status in ("open", "accepted", "corrected", "rejected", "conflict")
    }
    assert index.tags() == ("小声", "歌")
    assert index.reviewers() == ("Aki", "結衣")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"search": "(", "regex": True}, "missing \\)"),
        ({"search": "(?=x)", "regex": True}, "invalid perl operator"),
        ({"search": "x" * 1_001}, "longer than 1,000"),
        ({"min_s": float("nan")}, "no bound"),
        ({"max_cps": float("inf")}, "no bound"),
        ({"min_logprob": -0.1, "max_logprob": -0.2}, "lies above"),
        ({"status": "done"}, "no status"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        Filters(**wrong)
    assert "\n" not in str(refused.value)


def test_an_order_that_there_is_not_is_refused(index: Index) -> None:
    with pytest.raises(InputError, match="sorted by"):
        index.queue(Filters(), "beauty")  # type: ignore[arg-type]


def test_of_very_many_speakers_the_most_frequent_are_told(tmp_path: Path) -> None:
    from tests.support.runs import segment, transcript, write_run

    many = [transcript(f"{number:04d}/1.ogg", segment(0, 1)) for number in range(600)]
    many += [transcript(f"{number:04d}/2.ogg", segment(0, 1)) for number in range(590, 600)]
    with open_index(write_run(tmp_path / "run", *many) / "transcripts.jsonl", cache=tmp_path) as index:
        frozen = index.queue(Filters(speaker="0599"))
    assert len(frozen.speakers) == 500
    assert frozen.speakers[:11] == (*((f"{number:04d}", 2) for number in range(590, 600)), ("0000", 1))
    assert frozen.speakers_left_out == 100
    assert len(frozen.rows) == 2
