"""Rows that are gone from a table, where whoever removed them wants their segments rejected."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export import ClipFolder, Export
from anime_whisper_ct2.export.edited import Corrected
from anime_whisper_ct2.export.filters import Filters
from anime_whisper_ct2.output.lines import to_json
from tests.support.decisions import decide, seen
from tests.support.edits import correct, edit, rows_of, save, write_heard
from tests.support.runs import LONG, segment, short, transcript, write_run

SHORT = short("a.ogg", "おはよお")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", SHORT, LONG, short("c.ogg", "あれ"), transcript("d.ogg"))


def export(run: Path, **options: object) -> Path:
    Export(run, "csv", run.parent / "out", **options).run()
    return run.parent / "out" / "transcripts.csv"


def without(table: Path, *numbers: int) -> Path:
    rows = rows_of(table)
    return save(table, [row for number, row in enumerate(rows) if number not in numbers])


def rejected(done: Corrected) -> list[str]:
    assert {change.action for change in done.changes} <= {"reject"}
    return [change.before for change in done.changes]


def test_segments_whose_rows_are_gone_are_rejected_where_that_is_asked_for(run: Path) -> None:
    table = without(export(run), 0, 2)
    assert correct(run, table).changes == ()
    assert rejected(correct(run, table, reject_missing=True)) == ["おはよお", "二つ目"]
    done = correct(run, table, reject_missing=True)
    assert (done.changes, done.already) == ((), 2)


def test_what_the_filters_had_left_out_is_not(run: Path) -> None:
    filters = Filters(min_logprob=-1.0, drop_flags=("repetition",), min_duration_s=1.0)
    table = without(export(run, filters=filters), 0)
    assert rejected(correct(run, table, reject_missing=True)) == ["おはよお"]


def test_what_has_passed_the_filters_only_since_is_not(run: Path) -> None:
    table = without(export(run, filters=Filters(drop_flags=("repetition",))), 0)
    # Whoever accepts a text takes its flags off.
    decide(run, "太郎", seen(LONG, 2, "accept"))
    assert rejected(correct(run, table, reject_missing=True)) == ["おはよお"]


def test_what_a_normalizer_leaves_nothing_of_is_not(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", SHORT, short("b.ogg", "「」"), short("c.ogg", "うん"))
    table = export(run, normalizer="dataset")
    assert len(rows_of(table)) == 2
    assert rejected(correct(run, without(table, 0), reject_missing=True)) == ["おはよお"]


def test_what_was_corrected_since_is_a_conflict(run: Path) -> None:
    table = without(export(run), 0)
    decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"))
    done = correct(run, table, reject_missing=True)
    assert (done.changes, [remark.line for remark in done.conflicts]) == ((), [0])
    assert rejected(correct(run, table, reject_missing=True, force=True)) == ["おはよう"]


def test_a_table_by_itself_does_not_tell_which_rows_it_had(run: Path, tmp_path: Path) -> None:
    table = without(export(run), 0).rename(tmp_path / "alone.csv")
    with pytest.raises(InputError, match="nothing beside it says which segments the export had"):
        correct(run, table, reject_missing=True)


def test_a_run_that_has_grown_since_is_refused(run: Path) -> None:
    table = without(export(run), 0)
    with (run / "transcripts.jsonl").open("ab") as file:
        file.write(to_json(short("e.ogg", "新しい")).encode() + b"\n")
    later = (table.parent / ".awct2-export.json").stat().st_mtime_ns + 1_000_000_000
    os.utime(run / "transcripts.jsonl", ns=(later, later))
    with pytest.raises(InputError, match="was written after that export"):
        correct(run, table, reject_missing=True)
    assert not (run / "review").exists()


def test_while_a_row_is_of_no_recording_none_is_gone(run: Path) -> None:
    def change(rows: list[dict[str, str]]) -> None:
        rows[0]["id"] = "z.ogg"

    table = edit(export(run), change)
    with pytest.raises(InputError, match=r"line 2: z\.ogg: no recording of the run; .* leave --reject-missing out"):
        correct(run, table, reject_missing=True)


def test_a_row_that_could_not_be_used_is_not_gone(run: Path) -> None:
    def change(rows: list[dict[str, str]]) -> None:
        rows.append({**rows[0], "text": "おはよう"})

    done = correct(run, edit(export(run), change), reject_missing=True)
    assert (done.changes, [remark.line for remark in done.unusable]) == ((), [2, 7])


@pytest.mark.parametrize("format_", ["esd", "gptsovits"])
def test_of_lists_those_that_had_a_clip(tmp_path: Path, format_: str, write_tone: Callable[..., Path]) -> None:
    run = write_heard(
        tmp_path, write_tone, short("a.wav", "おはよお"), short("b/ c.wav", "あれ"), replace(LONG, id="長い.wav")
    )
    (tmp_path / "corpus" / "a.wav").unlink()
    Export(run, format_, tmp_path / "out", clips=ClipFolder(workers=0)).run()
    table = tmp_path / "out" / f"{format_}.list"
    lines = table.read_text("utf-8").splitlines(keepends=True)
    assert len(lines) == 4
    table.write_text("".join(line for line in lines if "あれ" not in line and "二つ目" not in line), encoding="utf-8")
    assert rejected(correct(run, table, reject_missing=True)) == ["あれ", "二つ目"]


def test_two_segments_of_one_time_are_two(tmp_path: Path) -> None:
    made = transcript("a.ogg", segment(0.0, 1.5, "一"), segment(0.0, 1.5, "二"), duration=2.0)
    run = write_run(tmp_path / "run", made)
    assert rejected(correct(run, without(export(run), 0), reject_missing=True)) == ["一"]
