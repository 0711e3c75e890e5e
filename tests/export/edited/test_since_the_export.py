"""What a review has made of segments since a table was exported: nothing of it is undone silently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.export import ClipFolder, Export
from anime_whisper_ct2.export.edited import Corrected
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.reviews import Decision, Piece, ReviewOptions, Reviews, open_log, review_folder
from anime_whisper_ct2.reviews.records import Action
from tests.support.decisions import decide, seen, undo
from tests.support.edits import correct, edit, replaced, rows_of, say, write_heard
from tests.support.reviewers_at_work import cut, merging, on
from tests.support.runs import LONG, short, write_run

SHORT = short("a.ogg", "おはよお")
WITH = pytest.mark.parametrize("marker", [True, False], ids=["marker", "no marker"])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", SHORT, LONG)


def export(run: Path, name: str = "out", marker: bool = True, **options: Any) -> Path:
    """Export a csv; gives it, where no marker is beside it or where one is."""
    Export(run, "csv", run.parent / name, **options).run()
    table = run.parent / name / "transcripts.csv"
    return table if marker else table.rename(run.parent / f"{name}.csv")


def pieces(run: Path, id_: str = "a.ogg") -> tuple[Piece, ...]:
    folder = RunFolder(run)
    return Reviews(folder.file).replayed(folder[id_]).pieces


def now(run: Path, id_: str, number: int, action: Action, value: Any = None) -> Decision:
    """Decide on a segment as it is now."""
    return on(id_, pieces(run, id_)[number], action, value)


def said(run: Path, id_: str = "a.ogg") -> list[tuple[str, str | None]]:
    return [(piece.text, piece.verdict) for piece in pieces(run, id_)]


def told(done: Corrected) -> list[tuple[str, str, str]]:
    return [(change.action, change.before, change.after) for change in done.changes]


def quiet(done: Corrected) -> bool:
    """Nothing was decided, and there is nothing to be said."""
    return not (done.changes or done.unusable or done.conflicts or done.already)


class TestBeforeTheExport:
    def test_what_was_corrected_is_what_is_edited(self, run: Path) -> None:
        decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"), seen(LONG, 1, "reject"), seen(LONG, 0, "accept"))
        table = export(run)
        assert quiet(correct(run, table))
        done = correct(run, edit(table, say("text", "おはよー", "ひとつめ")))
        assert told(done) == [("correct", "おはよう", "おはよー"), ("correct", "一つ目", "ひとつめ")]
        assert (done.conflicts, said(run)) == ((), [("おはよー", "corrected")])

    def test_the_runs_own_text_comes_back_where_it_is_typed(self, run: Path) -> None:
        decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"))
        done = correct(run, edit(export(run), say("text", "おはよお")))
        assert told(done) == [("correct", "おはよう", "おはよお")]
        assert said(run) == [("おはよお", "accepted")]

    def test_pieces_of_a_split_are_edited_each(self, run: Path) -> None:
        decide(run, "太郎", now(run, LONG.id, 2, "split", cut(pieces(run, LONG.id)[2], 10.0, "三つ", "目")))
        done = correct(run, edit(export(run), say("text", "おはよお", "一つ目", "二つ目", "みっつ", "")))
        assert told(done) == [("correct", "三つ", "みっつ"), ("reject", "目", "目")]
        assert said(run, LONG.id)[2:] == [("みっつ", "corrected"), ("目", "rejected")]

    @WITH
    def test_a_rejected_segment_is_in_no_table_and_stays_so(self, run: Path, marker: bool) -> None:
        decide(run, "太郎", seen(LONG, 1, "reject"))
        assert quiet(correct(run, export(run, marker=marker)))

    @pytest.mark.parametrize("first", [True, False])
    def test_a_conflict_that_the_export_has_settled_is_shown_so(self, run: Path, first: bool) -> None:
        decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"))
        decide(run, "次郎", seen(SHORT, 0, "correct", "おはよー"), after_s=9)
        table = export(run, review=ReviewOptions(conflicts="first" if first else "last"))
        assert rows_of(table)[0]["text"] == ("おはよう" if first else "おはよー")
        assert quiet(correct(run, table))
        done = correct(run, edit(table, say("text", "お早う")))
        assert (done.changes, [remark.line for remark in done.conflicts]) == ((), [2])

    def test_without_a_marker_nobody_knows_and_force_says_so(self, run: Path) -> None:
        decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"))
        table = export(run, marker=False)
        assert quiet(correct(run, table))
        edit(table, say("text", "おはよー"))
        done = correct(run, table)
        assert (done.changes, [remark.why for remark in done.conflicts]) == (
            (),
            ["a.ogg from 0 to 1.5 s: the review has 'おはよう' by 太郎"],
        )
        assert told(correct(run, table, force=True)) == [("correct", "おはよう", "おはよー")]


class TestAfterTheExport:
    @WITH
    def test_a_row_that_was_not_edited_undoes_no_correction(self, run: Path, marker: bool) -> None:
        table = export(run, marker=marker)
        decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"))
        assert quiet(correct(run, table))

    @WITH
    def test_a_row_that_was_edited_too_is_a_conflict_unless_it_says_the_same(self, run: Path, marker: bool) -> None:
        table = edit(export(run, marker=marker), say("text", "おはよー", "ひとつめ"))
        decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"), seen(LONG, 0, "correct", "ひとつめ"))
        done = correct(run, table)
        # Where nothing tells when it was exported, that it says the same is no edit.
        assert (done.changes, done.already) == ((), int(marker))
        assert [remark.line for remark in done.conflicts] == [2]
        assert told(correct(run, table, force=True)) == [("correct", "おはよう", "おはよー")]
        assert said(run) == [("おはよー", "corrected")]

    @WITH
    def test_an_earlier_correction_that_was_corrected_again_is_no_edit(self, run: Path, marker: bool) -> None:
        decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"))
        table = export(run, marker=marker)
        decide(run, "太郎", now(run, "a.ogg", 0, "correct", "おはよー"), after_s=60)
        assert quiet(correct(run, table))

    @WITH
    def test_a_correction_that_was_undone_is_not_done_again(self, run: Path, marker: bool) -> None:
        (line,) = decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"))
        table = export(run, marker=marker)
        decide(run, "太郎", undo(line), after_s=60)
        assert quiet(correct(run, table))
        assert said(run) == [("おはよお", None)]

    @WITH
    def test_an_undo_that_was_undone_before_the_export_is_known(self, run: Path, marker: bool) -> None:
        (line,) = decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"))
        (gone,) = decide(run, "太郎", undo(line), after_s=60)
        decide(run, "太郎", undo(gone), after_s=120)
        table = export(run, marker=marker)
        assert rows_of(table)[0]["text"] == "おはよう"
        assert quiet(correct(run, table))

    @WITH
    def test_a_rejected_segment_comes_back_by_force_alone(self, run: Path, marker: bool) -> None:
        table = export(run, marker=marker)
        decide(run, "太郎", seen(SHORT, 0, "reject"), seen(LONG, 1, "reject"))
        assert quiet(correct(run, table))
        edit(table, say("text", "おはよう", "一つ目", ""))
        done = correct(run, table)
        assert (done.changes, done.already) == ((), 1)
        assert [remark.why for remark in done.conflicts] == ["a.ogg from 0 to 1.5 s: was rejected by 太郎"]
        correct(run, table, force=True)
        assert said(run) == [("おはよう", "corrected")]

    @WITH
    def test_who_accepts_a_text_meanwhile_has_not_changed_it(self, run: Path, marker: bool) -> None:
        table = edit(export(run, marker=marker), say("text", "おはよう"))
        decide(run, "太郎", seen(SHORT, 0, "accept"))
        assert told(correct(run, table)) == [("correct", "おはよお", "おはよう")]
        assert said(run) == [("おはよう", "corrected")]

    @WITH
    def test_what_reviewers_differ_about_stays_a_conflict_unless_forced(self, run: Path, marker: bool) -> None:
        table = export(run, marker=marker)
        decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"))
        decide(run, "次郎", seen(SHORT, 0, "correct", "おはよー"), after_s=9)
        assert quiet(correct(run, table))
        edit(table, say("text", "お早う"))
        assert [remark.why for remark in correct(run, table).conflicts] == [
            "a.ogg from 0 to 1.5 s: reviewers differ about it"
        ]
        correct(run, table, force=True)
        assert said(run) == [("お早う", "corrected")]
        assert not pieces(run)[0].rivals

    @WITH
    def test_segments_that_were_split_or_merged_are_corrected_there(self, run: Path, marker: bool) -> None:
        table = export(run, marker=marker)
        one, two, three = pieces(run, LONG.id)
        decide(
            run,
            "太郎",
            merging(LONG.id, one, two, "一つ目二つ目"),
            on(LONG.id, three, "split", cut(three, 9.0, "三つ", "目")),
        )
        assert quiet(correct(run, table))
        done = correct(run, edit(table, say("text", "おはよう", "ひとつめ", "二つ目", "みっつめ")), force=True)
        assert told(done) == [("correct", "おはよお", "おはよう")]
        assert [remark.line for remark in done.unusable] == [3, 5]
        assert "was split or merged in the review since; correct it there" in done.unusable[0].why

    @WITH
    def test_times_that_were_trimmed_meanwhile_stay_and_the_text_is_corrected(self, run: Path, marker: bool) -> None:
        table = export(run, marker=marker)
        decide(run, "太郎", now(run, LONG.id, 0, "trim", {"start": 1.0, "end": 3.0}))
        assert quiet(correct(run, table))
        done = correct(run, edit(table, say("text", "おはよお", "ひとつめ")))
        assert [(change.action, change.start) for change in done.changes] == [("correct", 1.0)]
        # Other times are another matter.
        done = correct(run, edit(table, say("start", "0.0", "0.75")))
        assert (done.changes, [remark.why for remark in done.conflicts]) == (
            (),
            [f"{LONG.id} from 1 to 3 s: has other times in the review"],
        )
        assert [change.to for change in correct(run, table, force=True).changes] == [(0.75, 3.0)]

    def test_only_what_was_accepted_was_in_that_export(self, run: Path) -> None:
        decide(run, "太郎", seen(SHORT, 0, "accept"))
        table = export(run, review=ReviewOptions("accepted"))
        assert len(rows_of(table)) == 1
        assert told(correct(run, edit(table, say("text", "おはよう")))) == [("correct", "おはよお", "おはよう")]

    def test_an_export_of_the_bare_run_shows_that(self, run: Path) -> None:
        decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"))
        table = export(run, review=ReviewOptions("none"))
        assert quiet(correct(run, table))
        assert len(correct(run, edit(table, say("text", "おはよー"))).conflicts) == 1


@pytest.mark.parametrize("format_", ["esd", "gptsovits"])
def test_lists_know_of_splits_and_trims(tmp_path: Path, format_: str, write_tone: Callable[..., Path]) -> None:
    long = replace(LONG, id="長い.wav")
    run = write_heard(tmp_path, write_tone, short("a.wav"), long)
    clips = ClipFolder(workers=0)
    Export(run, format_, tmp_path / "before", clips=clips).run()
    one, _, three = pieces(run, long.id)
    decide(
        run,
        "太郎",
        on(long.id, one, "trim", {"start": 1.5, "end": 3.0}),
        on(long.id, three, "split", cut(three, 9.0, "三つ", "目")),
        now(run, "a.wav", 0, "trim", {"start": 0.5, "end": 1.0}),
    )
    Export(run, format_, tmp_path / "after", clips=clips).run()
    for name in ("before", "after"):
        table = tmp_path / name / f"{format_}.list"
        assert quiet(correct(run, table))
        # Nor where nothing tells how it was made.
        (alone := tmp_path / f"{name}.list").write_bytes(table.read_bytes())
        assert quiet(correct(run, alone))
    done = correct(run, replaced(replaced(table, "|はい", "|はーい"), "|三つ", "|みっつ"))
    assert told(done) == [("correct", "はい", "はーい"), ("correct", "三つ", "みっつ")]
    assert said(run, long.id)[2:] == [("みっつ", "corrected"), ("目", None)]


def test_a_log_that_another_process_has_open_is_not_written(run: Path) -> None:
    table = edit(export(run), say("text", "おはよう"))
    with open_log(review_folder(run / "transcripts.jsonl"), "花子"):
        assert len(correct(run, table, dry_run=True).changes) == 1
        with pytest.raises(OutputError, match="is open in another review"):
            correct(run, table)
        assert len(correct(run, table, "太郎").changes) == 1
