"""What was decided about parts comes along with them, and what was decided about a merge outlives the next one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli.merge import merge_command
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.merge import merge
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.reviews import Logs, open_log, review_folder
from tests.support.decisions import decide, seen
from tests.support.runs import short, write_run

TEXTS = {"a": "一つ", "b": "二つ"}


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, ...]:
    """Two runs of one recording each."""
    return tuple(write_run(tmp_path / name, short(f"{name}.ogg", text)) for name, text in TEXTS.items())


def of(run: Path, name: str) -> dict[str, bytes]:
    """Give the logs of a run by their names; `name` is there so that nothing else is."""
    found = {path.name: path.read_bytes() for path in (run / "review").iterdir()}
    assert name in found
    return found


def decided(run: Path, id_: str) -> list[object]:
    return [decision.value or decision.action for decision in Logs(review_folder(run / "transcripts.jsonl")).of(id_)]


def test_logs_of_one_name_become_one_in_the_order_of_their_times(tmp_path: Path, parts: tuple[Path, ...]) -> None:
    decide(parts[1], "花子", seen(short("b.ogg", "二つ"), 0, "correct", "ふたつ"))
    decide(parts[0], "花子", seen(short("a.ogg", "一つ"), 0, "accept"), after_s=9)
    decide(parts[0], "太郎", seen(short("a.ogg", "一つ"), 0, "accept"), after_s=5)
    merged = merge(parts, tmp_path / "out")
    assert (merged.review.decisions, merged.review.reviewers) == (3, 2)
    logs = of(tmp_path / "out", "edits-花子.jsonl")
    theirs = [of(part, "edits-花子.jsonl")["edits-花子.jsonl"] for part in parts]
    assert logs == {
        "edits-花子.jsonl": theirs[1] + theirs[0],
        "edits-太郎.jsonl": (parts[0] / "review" / "edits-太郎.jsonl").read_bytes(),
    }
    assert decided(tmp_path / "out", "b.ogg") == ["ふたつ"]


def test_merging_again_keeps_what_was_decided_about_the_merge_and_takes_what_is_new(
    tmp_path: Path, parts: tuple[Path, ...]
) -> None:
    out = tmp_path / "out"
    decide(parts[0], "花子", seen(short("a.ogg", "一つ"), 0, "accept"))
    merge(parts, out)
    decide(out, "花子", seen(short("b.ogg", "二つ"), 0, "correct", "弐つ"), after_s=60)
    before = of(out, "edits-花子.jsonl")
    merge(parts, out, overwrite=True)
    assert of(out, "edits-花子.jsonl") == before
    # Meanwhile somebody goes on with the part.
    decide(parts[0], "花子", seen(short("a.ogg", "一つ"), 0, "tag", {"add": ["声が小さい"]}), after_s=30)
    merge(parts[::-1], out)
    assert decided(out, "a.ogg") == ["accept", {"add": ["声が小さい"]}]
    assert decided(out, "b.ogg") == ["弐つ"]
    times = [line[:50] for line in of(out, "edits-花子.jsonl")["edits-花子.jsonl"].splitlines()]
    assert times == sorted(times)


def test_a_torn_last_line_was_never_confirmed_and_is_left_out(tmp_path: Path, parts: tuple[Path, ...]) -> None:
    decide(parts[0], "花子", seen(short("a.ogg", "一つ"), 0, "accept"))
    log = parts[0] / "review" / "edits-花子.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"v": 1, "at": "2027')
    merge(parts, tmp_path / "out")
    assert of(tmp_path / "out", log.name) == {log.name: whole}


def test_parts_that_nobody_reviewed_leave_no_folder(tmp_path: Path, parts: tuple[Path, ...]) -> None:
    assert merge(parts, tmp_path / "out").review.decisions == 0
    assert not (tmp_path / "out" / "review").exists()


def test_parts_in_whose_logs_nothing_stands_leave_no_folder(tmp_path: Path, parts: tuple[Path, ...]) -> None:
    for part, content in zip(parts, (b"", b'{"torn": '), strict=True):
        (part / "review").mkdir()
        (part / "review" / "edits-x.jsonl").write_bytes(content)
    assert merge(parts, tmp_path / "out").review.decisions == 0
    assert not (tmp_path / "out" / "review").exists()


def test_a_log_that_is_open_is_left_alone_and_the_merge_is_not_made(tmp_path: Path, parts: tuple[Path, ...]) -> None:
    out = tmp_path / "out"
    merge(parts, out)
    decide(parts[0], "花子", seen(short("a.ogg", "一つ"), 0, "accept"))
    with open_log(out / "review", "花子") as log:
        log.append((seen(short("b.ogg", "二つ"), 0, "reject"),))
        before = (out / "run.json").read_bytes()
        with pytest.raises(OutputError, match=r"edits-花子\.jsonl is open in a review; end that, and merge again"):
            merge(parts, out)
        assert (out / "run.json").read_bytes() == before
        log.append((seen(short("b.ogg", "二つ"), 0, "accept"),))
    merge(parts, out)
    assert decided(out, "b.ogg") == ["reject", "accept"]
    assert decided(out, "a.ogg") == ["accept"]
    assert sorted(path.name for path in (out / "review").iterdir()) == ["edits-花子.jsonl"]


def test_a_line_that_is_no_decision_is_named_and_nothing_is_merged(tmp_path: Path, parts: tuple[Path, ...]) -> None:
    decide(parts[1], "花子", seen(short("b.ogg", "二つ"), 0, "accept"))
    log = parts[1] / "review" / "edits-花子.jsonl"
    log.write_bytes(log.read_bytes() + b"accept\n")
    with pytest.raises(InputError, match=r"edits-花子\.jsonl, line 2: not a line that a review wrote"):
        merge(parts, tmp_path / "out")
    assert not (tmp_path / "out" / "transcripts.jsonl").exists()
    assert list((tmp_path / "out").rglob("*.merging")) == []


def test_a_disk_that_takes_no_log_leaves_the_merge_and_its_logs_as_they_were(
    tmp_path: Path, parts: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    merge(parts, out)
    decide(out, "花子", seen(short("b.ogg", "二つ"), 0, "reject"))
    before = of(out, "edits-花子.jsonl")
    decide(parts[0], "花子", seen(short("a.ogg", "一つ"), 0, "accept"), after_s=9)
    with monkeypatch.context() as patch:

        def full(_descriptor: int) -> None:
            raise OSError(28, os.strerror(28))

        patch.setattr("anime_whisper_ct2.output.merge.reviews.os.fsync", full)
        with pytest.raises(OutputError, match="cannot be written"):
            merge(parts, out)
    assert of(out, "edits-花子.jsonl") == before
    assert list(RunFolder(out)) == ["a.ogg", "b.ogg"]


def test_the_command_says_how_much_was_decided(tmp_path: Path, parts: tuple[Path, ...]) -> None:
    decide(parts[0], "花子", seen(short("a.ogg", "一つ"), 0, "accept"))
    args = [*map(str, parts), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(merge_command, args)
    assert result.exit_code == 0, result.output
    assert "Review: 1 decision by 1 reviewer.\n" in result.stderr
