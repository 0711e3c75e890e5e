"""What decisions make of recordings is in the index, and a piece keeps its row."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.output.lines import TRANSCRIPTS
from anime_whisper_ct2.records import Retries, Segment
from anime_whisper_ct2.review.index.index import Index, open_index
from anime_whisper_ct2.review.index.queries import Filters
from anime_whisper_ct2.review.index.risk import Signs, risk
from anime_whisper_ct2.reviews.records import Decision, Piece, Rival
from tests.support.runs import segment, short, transcript, write_run

LONG = transcript(
    "b/長い.ogg",
    segment(0.0, 10.0, "一つ目のことば"),
    Segment(10.0, 20.0, "二つ目", -1.5, 0.0, 1.0, ("fast",), (), Retries(("cap",), ("beam",), "beam"), 0.9),
    segment(20.0, 30.0, "三つ目", -0.3, "repetition"),
    duration=40.0,
    flags=("fast", "repetition", "incomplete"),
)
# The run's own segments, of which nothing was decided.
PIECES = tuple(Piece(one.start, one.end, one.text, (at,)) for at, one in enumerate(LONG.segments))
REC, FIRST = 1, 1
TOTAL = 5


def line(by: str = "Aki", heard: float | None = 1.0, at: str = "2026-11-29T20:41:14.000001Z") -> Decision:
    return Decision(at, by, LONG.id, 0.0, 10.0, "", "accept", heard=heard)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", short("a/1.ogg"), LONG, short("c/1.ogg")) / TRANSCRIPTS


@pytest.fixture
def index(file: Path, tmp_path: Path) -> Iterator[Index]:
    with open_index(file, cache=tmp_path / "cache") as opened:
        yield opened


def told(index: Index, *pieces: Piece) -> tuple[int, ...]:
    """Take pieces over, and see that the rows are those that were given, with what the pieces say."""
    rows = index.update([(REC, pieces)])[REC]
    assert len(rows) == len(pieces) == len(set(rows))
    assert index.rows_of(REC) == rows
    for row, piece in zip(index.rows(rows), pieces, strict=True):
        assert (row.start, row.end, row.text, row.tags) == (piece.start, piece.end, piece.text, piece.tags)
        assert row.status == ("conflict" if piece.rivals else piece.verdict or "open")
        assert index.record_of_row(row.row) == row.rec == REC
    assert set(index.queue(Filters(path=LONG.id)).rows.tolist()) == set(rows)
    return rows


def test_what_was_decided_is_in_the_row(index: Index) -> None:
    accepted = replace(PIECES[0], verdict="accepted", decided=line(heard=0.5), tags=("歌",))
    rival = Rival(line("結衣"), ())
    assert told(index, accepted, replace(PIECES[1], rivals=(rival,)), PIECES[2]) == (1, 2, 3)
    row = index.rows([1])[0]
    assert (row.by, row.at, row.heard) == ("Aki", "2026-11-29T20:41:14.000001Z", 0.5)
    assert index.counts() == {"open": 3, "accepted": 1, "corrected": 0, "rejected": 0, "conflict": 1}
    assert index.queue(Filters(status="unheard")).rows.tolist() == [1]
    assert set(index.queue(Filters(status="undecided")).rows.tolist()) == {0, 2, 3, 4}
    assert index.queue(Filters(by="Aki", tag="歌")).rows.tolist() == [1]
    assert (index.tags(), index.reviewers()) == (("歌",), ("Aki",))
    # And taken back.
    told(index, *PIECES)
    assert (index.tags(), index.reviewers()) == ((), ())
    assert index.counts()["open"] == TOTAL


def test_a_text_that_was_written_is_searched_for_measured_and_weighed(index: Index) -> None:
    before = index.rows([1])[0]
    written = replace(PIECES[0], text="ＡＢＣと書いた", verdict="corrected", decided=line())
    told(index, written, *PIECES[1:])
    row = index.rows([1])[0]
    assert row.cps == pytest.approx(0.7)
    assert index.queue(Filters(search="ABCと", nfkc=True)).rows.tolist() == [1]
    assert index.queue(Filters(search="一つ目のことば")).rows.tolist() == []
    assert (row.flags, row.logprob, row.doubt) == (before.flags, before.logprob, before.doubt)
    told(index, *PIECES)
    assert index.rows([1]) == [before]


def test_a_split_keeps_its_row_and_gets_one_behind_all_others(index: Index) -> None:
    one = replace(PIECES[1], end=14.0, text="二つ")
    other = replace(PIECES[1], start=14.0, text="目")
    assert told(index, PIECES[0], one, other, PIECES[2]) == (1, 2, TOTAL, 3)
    row, split = index.rows([2, TOTAL])
    assert (
        (row.flags, row.doubt, row.logprob)
        == (split.flags, split.doubt, split.logprob)
        == (("fast", "incomplete"), 0.9, -1.5)
    )
    # No second run is there, and the pace is of few lines: it is that of all.
    pace = statistics.median((2 / 1.5, 0.7, 0.3, 0.3, 2 / 1.5))
    for each in (row, split):
        assert each.risk == pytest.approx(risk(Signs(-1.5, 0.9, each.flags, True, each.cps, pace)), abs=2e-6)
    # Undone, it is gone, and its number is still its recording's; done again, it is there as before.
    assert told(index, *PIECES) == (1, 2, 3)
    assert index.rows([TOTAL]) == []
    assert index.record_of_row(TOTAL) == REC
    assert told(index, PIECES[0], one, other, PIECES[2]) == (1, 2, TOTAL, 3)
    # Trimmed, it is the same one; split once more, each of the others stays what it is.
    trimmed = replace(other, end=19.0)
    assert told(index, PIECES[0], one, trimmed, PIECES[2]) == (1, 2, TOTAL, 3)
    halves = replace(one, end=12.0), replace(one, start=12.0)
    assert told(index, PIECES[0], *halves, trimmed, PIECES[2]) == (1, 2, TOTAL + 1, TOTAL, 3)
    assert told(index, PIECES[0], one, trimmed, PIECES[2]) == (1, 2, TOTAL, 3)


def test_a_merge_has_the_worst_of_its_parts_and_the_other_row_is_gone(index: Index) -> None:
    before = index.rows([1, 2, 3])
    merged = Piece(10.0, 30.0, "二つ目三つ目", (1, 2))
    assert told(index, PIECES[0], merged) == (1, 2)
    row = index.rows([2])[0]
    assert row.flags == ("fast", "repetition", "incomplete")
    assert (row.logprob, row.doubt) == (-1.5, 0.9)
    assert index.rows([3]) == []
    assert sum(index.counts().values()) == TOTAL - 1
    assert told(index, *PIECES) == (1, 2, 3)
    assert index.rows([1, 2, 3]) == before


def test_merging_a_part_of_a_split_with_the_next_segment_keeps_the_parts_row(index: Index) -> None:
    one, other = replace(PIECES[0], end=5.0), replace(PIECES[0], start=5.0)
    assert told(index, one, other, *PIECES[1:]) == (1, TOTAL, 2, 3)
    assert told(index, one, Piece(5.0, 20.0, "だ", (0, 1)), PIECES[2]) == (1, TOTAL, 3)
    assert told(index, one, other, *PIECES[1:]) == (1, TOTAL, 2, 3)


def test_the_next_start_knows_all_of_it(index: Index, file: Path, tmp_path: Path) -> None:
    one, other = replace(PIECES[1], end=14.0, text="二つ"), replace(PIECES[1], start=14.0, text="目")
    accepted = replace(PIECES[0], verdict="accepted", decided=line("結衣\udc80"), tags=("a", "\udcff"))
    rows = told(index, accepted, one, other, PIECES[2])
    there = index.rows(rows)
    index.note_reviewed({"edits-結衣.jsonl": 812})
    index.close()
    with open_index(file, cache=tmp_path / "cache") as again:
        assert again.rows(rows) == there
        assert again.reviewed == {"edits-結衣.jsonl": 812}
        assert again.rows_of(REC) == rows
        assert again.reviewers() == ("結衣\udc80",)
        # New numbers go on behind those that were given.
        halves = replace(one, end=12.0), replace(one, start=12.0)
        assert again.update([(REC, (accepted, *halves, other, PIECES[2]))]) == {REC: (1, 2, TOTAL + 1, TOTAL, 3)}


def test_an_update_that_breaks_off_leaves_nothing_behind(index: Index) -> None:
    def broken() -> Iterator[tuple[int, tuple[Piece, ...]]]:
        yield (
            REC,
            (replace(PIECES[0], verdict="accepted", decided=line("nobody"), tags=("new",)), Piece(10, 30, "", (1, 2))),
        )
        raise KeyboardInterrupt

    before = index.rows(range(TOTAL))
    with pytest.raises(KeyboardInterrupt):
        index.update(broken())
    assert index.rows(range(TOTAL)) == before
    assert index.rows_of(REC) == (1, 2, 3)
    assert told(index, replace(PIECES[0], verdict="rejected", decided=line(), tags=("b",)), *PIECES[1:]) == (1, 2, 3)
    assert index.rows([1])[0].flags == before[1].flags


def test_who_reads_rows_while_an_update_breaks_off_keeps_what_they_had(index: Index) -> None:
    told(index, replace(PIECES[0], verdict="accepted", decided=line("Aki"), tags=("a",)), *PIECES[1:])
    tags = index._tags.values
    before = list(tags)
    with pytest.raises(KeyError):
        index.update(iter(_Broken()))
    assert tags == before
    assert index.rows([1])[0].tags == ("a",)


def test_a_note_that_breaks_off_leaves_the_one_before_and_room_for_another(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.note_reviewed({"edits-x.jsonl": 1})
    with monkeypatch.context() as patched:
        patched.setattr("anime_whisper_ct2.review.index.index.stored", _raise)
        with pytest.raises(KeyError):
            index.note_reviewed({"edits-x.jsonl": 2})
    assert index.reviewed == {"edits-x.jsonl": 1}
    index.note_reviewed({"edits-x.jsonl": 3})
    assert index.reviewed == {"edits-x.jsonl": 3}


class _Broken:
    def __iter__(self) -> Iterator[tuple[int, tuple[Piece, ...]]]:
        raise KeyError


def _raise(*_: object) -> NoReturn:
    raise KeyError


@st.composite
def outcomes(draw: st.DrawFn) -> tuple[Piece, ...]:
    """Give what a recording of three segments can come to: parts of them, in order, some merged."""
    cuts = sorted(draw(st.sets(st.integers(0, 30).map(float), min_size=1, max_size=6)) | {0.0, 30.0})
    made = []
    for start, end in pairwise(cuts):
        origins = tuple(at for at in range(3) if at * 10 < end and start < at * 10 + 10)
        verdict = draw(st.sampled_from((None, "accepted", "rejected")))
        made.append(Piece(start, end, draw(st.sampled_from("あいう")), origins, verdict, line() if verdict else None))
    return tuple(made)


@settings(max_examples=25)
@given(st.lists(outcomes(), max_size=6))
def test_after_any_changes_the_rows_are_the_pieces_and_back_is_back(
    index: Index, changes: list[tuple[Piece, ...]]
) -> None:
    before = index.rows([0, 4])
    first = index.rows(index.update([(REC, PIECES)])[REC])
    for pieces in changes:
        told(index, *pieces)
        assert index.update([(REC, pieces)])[REC] == index.rows_of(REC)
    assert told(index, *PIECES) == (1, 2, 3)
    assert index.rows([1, 2, 3]) == first
    assert index.rows([0, 4]) == before
