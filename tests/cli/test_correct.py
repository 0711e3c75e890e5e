"""`awct2 correct`: what it shows and writes, and how it ends."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.export import Export
from anime_whisper_ct2.reviews import Logs, open_log, review_folder
from tests.support.decisions import decide, seen
from tests.support.edits import edit, say
from tests.support.hostile import ESCAPES
from tests.support.runs import LONG, short, write_run

SHORT = short("a.ogg", "おはよお")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", SHORT, LONG)


@pytest.fixture
def table(run: Path) -> Path:
    Export(run, "csv", run.parent / "out").run()
    return run.parent / "out" / "transcripts.csv"


def command(*args: object) -> Result:
    return CliRunner().invoke(main, ["correct", *map(str, args)], prog_name="awct2")


def refused(result: Result, status: int) -> str:
    """The one line that says why."""
    assert (result.exit_code, result.stdout) == (status, ""), result.output
    assert result.stderr.count("\n") == 1 or result.stderr.startswith("Usage: "), result.stderr
    return result.stderr


def test_changes_are_shown_with_the_characters_that_differ_and_then_counted(run: Path, table: Path) -> None:
    def change(rows: list[dict[str, str]]) -> None:
        rows[0]["text"] = "おはよう"
        rows[1]["start"] = "0.75"
        rows[2]["text"] = ""
        rows[3].update(flags="", note="?")

    edit(table, lambda rows: [row.update(note="") for row in rows])
    done = command(run, edit(table, change), "--reviewer", "花子")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "a.ogg  0.000-1.500  おはよ[-お-]{+う+}",
        f"{LONG.id}  0.500-3.000  trimmed to 0.750-3.000  一つ目",
        f"{LONG.id}  4.000-4.500  rejected  二つ目",
    ]
    log = run / "review" / "edits-花子.jsonl"
    assert done.stderr.splitlines() == [
        f"4 rows, 3 changes (1 corrected, 1 rejected, 1 trimmed): {log}",
        "Note: only texts and times can be corrected; changes are ignored in flags (1 row).",
        "Note: no columns of an export, and ignored: note.",
    ]
    assert len(log.read_bytes().splitlines()) == 3


def test_where_nothing_is_to_be_done_that_is_said(run: Path, table: Path) -> None:
    done = command(run, table)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "4 rows, 0 changes; nothing to do\n")
    edit(table, say("text", "おはよう"))
    assert command(run, table).exit_code == 0
    again = command(run, table)
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == "4 rows, 0 changes, 1 change that the review has already; nothing to do\n"


def test_a_dry_run_shows_the_same_and_writes_nothing(run: Path, table: Path) -> None:
    edit(table, say("text", "おはよう"))
    dry = command(run, table, "--dry-run")
    assert (dry.exit_code, dry.stderr) == (0, "4 rows, 1 change (1 corrected); nothing was written: --dry-run\n")
    assert not (run / "review").exists()
    assert command(run, table).stdout == dry.stdout != ""


def test_who_decides_is_who_has_logged_in_unless_a_name_is_given(
    run: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "mika")
    edit(table, say("text", "おはよう"))
    assert command(run, table).exit_code == 0
    assert dict(Logs(review_folder(run / "transcripts.jsonl")).reviewers) == {"mika": 1}


def test_rows_that_are_left_out_are_named_and_the_status_says_so(run: Path, table: Path) -> None:
    def change(rows: list[dict[str, str]]) -> None:
        for n, row in enumerate(rows[:3]):
            row["text"] = f"直{n}"
        rows[2]["id"] = "z.ogg"

    edit(table, change)
    decide(run, "太郎", seen(SHORT, 0, "correct", "おはよう"))
    done = command(run, table, "-q")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        "Warning: 1 row not used: line 4: z.ogg: no recording of the run",
        "Warning: 1 row left out, changed in the review since the export: line 2: a.ogg from 0 to 1.5 s: the review "
        "has 'おはよう' by 太郎; --force takes the table's",
    ]
    assert command(run, table, "--force").stdout.splitlines() == ["a.ogg  0.000-1.500  [-おはよう-]{+直0+}"]


def test_only_the_first_of_many_rows_are_named(run: Path, table: Path) -> None:
    edit(table, lambda rows: rows.extend({**rows[0], "id": f"{n}.ogg"} for n in range(9)))
    (line,) = command(run, table, "-q").stderr.splitlines()
    assert line.startswith("Warning: 9 rows not used: line 6: 0.ogg: ")
    assert line.endswith("line 10: 4.ogg: no recording of the run; …")


def test_json_has_all_of_it(run: Path, table: Path) -> None:
    edit(table, say("text", "おはよう", "", "二つ目", "三つ目"))
    edit(table, lambda rows: rows[3].update(id="z.ogg"))
    done = command(run, table, "--reviewer", "花子", "--json")
    assert done.exit_code == 3
    said = json.loads(done.stdout)
    assert [(one["line"], one["id"], one["action"], one["before"], one["after"]) for one in said["changes"]] == [
        (2, "a.ogg", "correct", "おはよお", "おはよう"),
        (3, LONG.id, "reject", "一つ目", "一つ目"),
    ]
    assert said["unusable"] == [{"line": 5, "why": "z.ogg: no recording of the run"}]
    assert (said["rows"], said["fitting"], said["already"], said["conflicts"]) == (4, 3, 0, [])
    assert said["log"] == str(run / "review" / "edits-花子.jsonl")
    (step,) = Logs(run / "review").history("花子").undoable
    assert said["batch"] == step.name


def test_no_terminal_obeys_an_id_or_a_text(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", short(f"a{ESCAPES}.ogg", "普通"))
    Export(run, "csv", tmp_path / "out").run()
    table = edit(tmp_path / "out" / "transcripts.csv", say("text", "\u202e逆\u202e"))
    shown = command(run, table).output
    assert ("\x1b" in shown, "\u202e" in shown, "逆" in shown) == (False, False, True)


class TestRefused:
    def test_a_table_of_another_run(self, table: Path, tmp_path: Path) -> None:
        other = write_run(tmp_path / "other", short("x.ogg"))
        assert "none of its 4 rows fits" in refused(command(other, table), 2)

    def test_what_is_no_table_or_no_run(self, run: Path, table: Path, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("hello\n")
        assert "is no csv, tsv, esd.list or .list" in refused(command(run, tmp_path / "a.txt"), 2)
        assert "no results of a run" in refused(command(tmp_path / "nowhere", table), 2)
        assert "cannot be opened" in refused(command(run, tmp_path / "no.csv"), 2)

    def test_urls(self, run: Path, table: Path) -> None:
        assert "is a URL" in refused(command("s3://b/run", table), 2)
        assert "is a URL" in refused(command(run, "https://example.org/a.csv"), 2)

    def test_missing_rows_where_nothing_tells_them(self, run: Path, table: Path, tmp_path: Path) -> None:
        alone = table.rename(tmp_path / "alone.csv")
        assert "leave --reject-missing out" in refused(command(run, alone, "--reject-missing"), 2)

    def test_a_log_that_a_page_has_open(self, run: Path, table: Path) -> None:
        edit(table, say("text", "おはよう"))
        with open_log(review_folder(run / "transcripts.jsonl"), "花子"):
            said = refused(command(run, table, "--reviewer", "花子"), 1)
        assert "is open in another review" in said
        assert "--reviewer" in said

    def test_a_log_that_cannot_be_read(self, run: Path, table: Path) -> None:
        (run / "review").mkdir()
        (run / "review" / "edits-x.jsonl").write_text("{}\n")
        edit(table, say("text", "おはよう"))
        assert "edits-x.jsonl" in refused(command(run, table, "--reviewer", "花子"), 2)
        assert [path.name for path in (run / "review").iterdir()] == ["edits-x.jsonl"]
