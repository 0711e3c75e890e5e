"""A second run's texts lie beside the segments that they speak of, and are counted as `awct2 eval` counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from anime_whisper_ct2.evaluation.records import Line
from anime_whisper_ct2.evaluation.scoring import EvalOptions, evaluate
from anime_whisper_ct2.evaluation.texts import Texts
from anime_whisper_ct2.output.lines import TRANSCRIPTS, to_json
from anime_whisper_ct2.review.index.index import Index, open_index
from anime_whisper_ct2.review.index.queries import Filters
from anime_whisper_ct2.reviews.records import Piece
from anime_whisper_ct2.text import NORMALIZERS
from tests.support.runs import segment, short, transcript, write_run

HERE = (
    short("a.ogg", "はい、そうです"),
    short("b.ogg", "いいえ"),
    transcript("c.ogg", segment(0.0, 5.0, "一つ目"), segment(6.0, 9.0, "二つ目"), segment(10.0, 12.0, "三つ目")),
    short("only here.ogg", "ここだけ"),
)
THERE = (
    short("a.ogg", "はいそうです!"),
    short("b.ogg", "いや"),
    transcript("c.ogg", segment(0.0, 2.0, "ひと"), segment(2.5, 6.5, "つめ"), segment(7.0, 10.9, "二つ目")),
    short("only there.ogg", "そこだけ"),
    short("b.ogg", "いえ"),
)
# By the middles of its segments, and the later line of b.
OTHERS = {0: "はいそうです!", 1: "いえ", 2: "ひとつめ", 3: "二つ目", 4: "", 5: None}


@pytest.fixture(params=sorted(NORMALIZERS))
def normalizer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def index(tmp_path: Path, normalizer: str) -> Iterator[Index]:
    here = write_run(tmp_path / "first", *HERE) / TRANSCRIPTS
    there = tmp_path / "second" / TRANSCRIPTS
    there.parent.mkdir()
    there.write_text("".join(to_json(each) + "\n" for each in THERE), encoding="utf-8")
    with open_index(here, against=there, normalizer=normalizer, cache=tmp_path / "cache") as opened:
        yield opened


def evaluated(reference: str, heard: str, normalizer: str) -> float:
    """Give the rate that `awct2 eval` gives for one pair."""
    options = EvalOptions(normalizer=normalizer)
    one, other = (
        Texts(name, lambda text=text: iter([Line("x", text)])) for name, text in (("h", heard), ("r", reference))
    )
    return evaluate({"h": one}, other, options).runs[0].total.errors.cer


def test_the_texts_are_those_whose_middle_lies_in_a_segment(index: Index) -> None:
    assert index.against_name == "second"
    for row in index.rows(range(6)):
        assert index.other(row.rec, row.start, row.end) == OTHERS[row.row]
    rec = index.record_of("c.ogg")
    assert rec is not None
    assert index.other(rec, 0.0, 100.0) == "ひとつめ二つ目"


def test_rates_are_those_of_eval_under_the_same_normaliser(index: Index, normalizer: str) -> None:
    for row in index.rows(range(6)):
        other = OTHERS[row.row]
        assert row.cer == (None if other is None else pytest.approx(evaluated(other, row.text, normalizer)))
    differ = {row for row, other in OTHERS.items() if other is not None and (index.rows([row])[0].cer or 0.0) > 0}
    assert {2, 1, 4} <= differ
    assert (0 in differ) == (normalizer != "author")
    assert set(index.queue(Filters(differs=True)).rows.tolist()) == differ
    assert index.queue(Filters(), "cer", descending=True).rows.tolist()[-1] == 5
    assert index.queue(Filters(), "cer", descending=False).rows.tolist()[-1] == 5


def test_a_reviewer_who_takes_the_other_text_differs_no_more(index: Index) -> None:
    rec = index.record_of("b.ogg")
    assert rec is not None
    before = index.rows([1])[0]
    assert "differs" in before.reasons
    index.update([(rec, [Piece(0.0, 1.5, "いえ", (0,), "corrected")])])
    row = index.rows([1])[0]
    assert row.cer == 0.0
    assert row.risk < before.risk
    assert "differs" not in row.reasons
    assert 1 not in index.queue(Filters(differs=True)).rows


def test_other_times_have_another_text_beside_them(index: Index) -> None:
    rec = index.record_of("c.ogg")
    assert rec is not None
    one = Piece(0.0, 2.2, "ひと", (0,))
    rest = (Piece(2.2, 5.0, "つめ", (0,)), Piece(6.0, 12.0, "二つ目三つ目", (1, 2)))
    rows = index.update([(rec, (one, *rest))])[rec]
    assert [index.other(row.rec, row.start, row.end) for row in index.rows(rows)] == ["ひと", "つめ", "二つ目"]
    assert [row.cer == 0.0 for row in index.rows(rows)] == [True, True, False]
    # Trimmed only.
    index.update([(rec, (replace(one, end=0.5), *rest))])
    assert index.rows(rows[:1])[0].cer == 100.0 * 2


def test_another_second_run_or_normaliser_makes_another_index(tmp_path: Path, index: Index, normalizer: str) -> None:
    first = tmp_path / "first" / TRANSCRIPTS
    with open_index(first, cache=tmp_path / "cache") as alone:
        assert alone.against_name is None
        assert alone.other(0, 0.0, 1.5) is None
        assert [row.cer for row in alone.rows(range(6))] == [None] * 6
        assert len(alone.queue(Filters(differs=True)).rows) == 0
    index.close()
    there = tmp_path / "second" / TRANSCRIPTS
    there.write_text(to_json(short("a.ogg", "はい、そうです")) + "\n", encoding="utf-8")
    with open_index(first, against=there, normalizer=normalizer, cache=tmp_path / "cache") as again:
        assert [row.cer for row in again.rows(range(6))] == [0.0, None, None, None, None, None]
