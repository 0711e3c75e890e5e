"""Logs read: what is in them, what was appended since, and what is no decision."""

from __future__ import annotations

import errno
import gc
import os
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.reviews import Decision, Log, Logs, open_log
from anime_whisper_ct2.reviews.ledger import Ledger
from anime_whisper_ct2.reviews.lines import Entry, at_of, to_line
from anime_whisper_ct2.system.files import opened
from tests.support.reviewers_at_work import BEGUN, decided

HARD_IDS = ("さくら/1.ogg", "\udcff.ogg", "a\nb.ogg", "<img src=x onerror=alert(1)>", "", "\u2028", "a")


def draft(id_: str, action: str = "accept", value: object = None, batch: str | None = None) -> Decision:
    return Decision("", "", id_, 0.0, 1.0, "0" * 20, action, value, batch)  # type: ignore[arg-type]


def undo(step: str) -> Decision:
    return draft("", "undo", step)


def written(folder: Path, name: str, *lines: Decision) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"edits-{name}.jsonl"
    path.write_bytes(b"".join(map(to_line, lines)))
    return path


def replaced(path: Path, *lines: Decision) -> None:
    """Put another file in the place of a log, as rsync and git do."""
    beside = path.with_name("beside")
    beside.write_bytes(b"".join(map(to_line, lines)))
    beside.replace(path)


def by(reviewer: str, second: int, drawn: Decision) -> Decision:
    return replace(drawn, at=at_of(BEGUN + second * 1_000_000), reviewer=reviewer)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "review"


@pytest.fixture
def log(folder: Path) -> Iterator[Log]:
    with open_log(folder, "hana") as log:
        yield log


class TestReading:
    def test_a_folder_that_is_not_there_holds_nothing(self, folder: Path) -> None:
        logs = Logs(folder)
        assert (len(logs), list(logs.ids), logs.of("a"), logs.reviewers, logs.sizes) == (0, [], (), {}, {})
        assert logs.refresh() == frozenset()
        assert not logs.history("hana").undoable

    def test_a_recording_has_its_lines_in_the_order_of_time_whichever_log_they_are_in(self, folder: Path) -> None:
        lines = [by("taro", 3, draft("a")), by("hana", 1, draft("a", "reject")), by("hana", 2, draft("b"))]
        written(folder, "taro", lines[0])
        written(folder, "hana", *lines[1:])
        logs = Logs(folder)
        assert logs.of("a") == (lines[1], lines[0])
        assert logs.of("b") == (lines[2],)
        assert logs.of("c") == ()
        assert logs.reviewers == {"hana": 2, "taro": 1}

    def test_other_files_are_no_logs(self, folder: Path) -> None:
        written(folder, "hana", by("hana", 1, draft("a")))
        (folder / "edits-hana.lock").touch()
        (folder / "notes.jsonl").write_text("{}\n", encoding="utf-8")
        assert len(Logs(folder)) == 1

    def test_ids_are_whatever_text(self, folder: Path) -> None:
        decided(folder, "hana", *map(draft, HARD_IDS))
        logs = Logs(folder)
        assert list(logs.ids) == list(HARD_IDS)
        for id_ in HARD_IDS:
            assert id_ in logs.ids
            assert [line.id for line in logs.of(id_)] == [id_]
        assert "b" not in logs.ids
        assert 5 not in logs.ids

    def test_lines_that_are_exactly_equal_count_once(self, folder: Path) -> None:
        lines = [by("hana", 1, draft("a")), by("hana", 2, draft("b"))]
        written(folder, "hana", *lines, lines[0])
        written(folder, "copied", *lines)
        logs = Logs(folder)
        assert (len(logs), logs.reviewers, logs.of("a")) == (2, {"hana": 2}, (lines[0],))
        assert len(logs.history("hana").undoable) == 2

    def test_undos_and_samples_are_about_no_recording(self, log: Log, folder: Path) -> None:
        log.append([draft("a")])
        (sample,) = log.append([draft("x", "sample", {"k": 3})])
        log.append([undo("nothing")])
        logs = Logs(folder)
        assert (list(logs.ids), logs.samples, len(logs)) == (["a"], (sample,), 3)

    def test_a_torn_last_line_is_passed_over(self, folder: Path) -> None:
        path = written(folder, "hana", by("hana", 1, draft("a")))
        whole = path.stat().st_size
        with path.open("ab") as file:
            file.write(to_line(by("hana", 2, draft("b")))[:-1])
        logs = Logs(folder)
        assert (len(logs), logs.sizes) == (1, {"edits-hana.jsonl": whole})

    @pytest.mark.parametrize(
        ("bad", "why"),
        [
            (b"{}\n", "it has no 'v'"),
            (b"no json\n", "Expecting value"),
            (b'{"v": 2}\n', "later awct2"),
            (b"\xff\n", "utf-8"),
        ],
    )
    def test_a_line_that_is_no_decision_is_named(self, folder: Path, bad: bytes, why: str) -> None:
        path = written(folder, "hana", by("hana", 1, draft("a")))
        with path.open("ab") as file:
            file.write(bad + to_line(by("hana", 2, draft("b"))))
        with pytest.raises(InputError, match=why) as caught:
            Logs(folder)
        assert str(caught.value).startswith(f"{path}, line 2: ")
        assert "\n" not in str(caught.value)

    def test_a_log_that_was_changed_while_it_was_read_is_named(self, folder: Path) -> None:
        path = written(folder, "hana", by("hana", 1, draft("a")), by("hana", 2, draft("b")))
        logs = Logs(folder)
        path.write_bytes(b"\n".join((b"x" * 30, *path.read_bytes().split(b"\n"))))
        with pytest.raises(InputError, match="changed while it was read"):
            logs.of("b")


def test_little_is_held_of_each_line(folder: Path) -> None:
    """A million lines are 200 MB with the ids, which are most of it."""
    lines = [by("hana", number, draft(f"speaker/clip {number:08}.ogg")) for number in range(20_000)]
    written(folder, "hana", *lines)
    del lines
    tracemalloc.start()
    try:
        logs = Logs(folder)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(logs.ids) == 20_000
    assert held / 20_000 < 175


class TestCopies:
    """Git may check logs out with other ends of lines than were written."""

    def test_a_line_is_the_same_with_a_carriage_return(self, folder: Path) -> None:
        lines = [by("hana", 1, draft("a")), by("hana", 2, draft("b")), by("hana", 3, draft("x", "sample", {"k": 3}))]
        written(folder, "hana", *lines[:2])
        path = written(folder, "copied", *lines)
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        logs = Logs(folder)
        assert (len(logs), logs.reviewers, logs.of("a"), logs.of("b")) == (3, {"hana": 3}, (lines[0],), (lines[1],))
        assert len(logs.history("hana").undoable) == 2
        assert logs.samples == (lines[2],)
        assert logs.sizes["edits-copied.jsonl"] == path.stat().st_size

    def test_a_log_that_became_so_is_written_on(self, folder: Path) -> None:
        decided(folder, "hana", draft("a"), draft("b"))
        path = folder / "edits-hana.jsonl"
        logs = Logs(folder)
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        decided(folder, "hana", draft("c"))
        assert "c" in logs.refresh()
        assert [len(logs.of(id_)) for id_ in "abc"] == [1, 1, 1]
        decided(folder, "hana", draft("d"))
        assert logs.refresh() == {"d"}


def test_more_reviewers_and_logs_than_fit_in_two_bytes(folder: Path) -> None:
    ledger = Ledger()
    last = 1 << 16
    for number in range(last + 1):
        ledger.add(number, 0, b"%d" % number, Entry(number, f"{number}", "a", "accept", None, None))
    ledger.settle()
    assert ledger.reviewers[ledger.reviewer[last]] == f"{last}"
    assert ledger.step_lines(last, last).tolist() == ledger.since([1] * last + [0]).tolist() == [last]
    assert len(ledger.counts()) == last + 1


class TestReadingOn:
    def test_what_was_appended_since_is_told_by_recording(self, log: Log, folder: Path) -> None:
        logs = Logs(folder)
        log.append([draft("a"), draft("b")])
        assert logs.refresh() == {"a", "b"}
        assert logs.refresh() == frozenset()
        decided(folder, "taro", draft("b"), draft("c"))
        assert logs.refresh() == {"b", "c"}
        assert [line.reviewer for line in logs.of("b")] == ["hana", "taro"]
        assert sorted(logs.ids) == ["a", "b", "c"]

    def test_an_undone_batch_is_told_with_all_of_it(self, log: Log, folder: Path) -> None:
        logs = Logs(folder)
        lines = log.append([draft(id_, batch="b1") for id_ in "abc"])
        log.append([draft("d")])
        logs.refresh()
        log.append([undo("b1")])
        assert logs.refresh() == {"a", "b", "c"}
        assert all(map(logs.is_undone, lines))
        (undone,) = log.append([undo("b1")])
        log.append([undo(undone.at)])
        assert logs.refresh() == {"a", "b", "c"}

    def test_many_lines_are_sorted_in_among_the_others(
        self, log: Log, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("anime_whisper_ct2.reviews.ledger._MOST_FRESH", 3)
        log.append([draft("b"), draft("d")])
        logs = Logs(folder)
        for ids in ("ac", "bde", "fbg", "ha"):
            log.append([draft(id_) for id_ in ids])
            logs.refresh()
        assert {id_: len(logs.of(id_)) for id_ in "abcdefghi"} == dict(
            zip("abcdefghi", (2, 3, 1, 2, 1, 1, 1, 1, 0), strict=True)
        )

    def test_a_log_that_is_shorter_than_it_was_is_read_anew(self, folder: Path) -> None:
        lines = [by("hana", 1, draft("a")), by("hana", 2, draft("b"))]
        path = written(folder, "hana", *lines)
        logs = Logs(folder)
        path.write_bytes(to_line(lines[1]))
        assert logs.refresh() == {"a", "b"}
        assert (list(logs.ids), logs.of("b")) == (["b"], (lines[1],))
        path.unlink()
        assert logs.refresh() == {"b"}
        assert len(logs) == 0

    def test_a_log_that_was_replaced_by_a_longer_one_is_read_anew(self, folder: Path) -> None:
        path = written(folder, "hana", by("hana", 1, draft("a")))
        logs = Logs(folder)
        written(folder, "hana", by("hana", 1, draft("b")), by("hana", 2, draft("c")))
        assert logs.refresh() == {"a", "b", "c"}
        assert path.stat().st_size == logs.sizes[path.name]

    @pytest.mark.posix("what is open is replaced")
    def test_a_log_that_a_longer_copy_has_replaced_is_read_on(self, folder: Path) -> None:
        lines = [by("hana", second, draft(id_)) for second, id_ in enumerate("abc")]
        path = written(folder, "hana", *lines[:2])
        logs = Logs(folder)
        assert logs.of("a") == (lines[0],)
        replaced(path, *lines)
        assert logs.refresh() == {"c"}
        assert [logs.of(id_) for id_ in "abc"] == [(line,) for line in lines]
        assert [step.first for step in logs.history("hana").undoable] == lines
        # And where nobody has asked for news yet.
        replaced(path, *lines, by("hana", 9, draft("d")))
        assert logs.of("b") == (lines[1],)
        # A copy may hold no more than was there.
        assert logs.refresh() == {"d"}
        replaced(path, *lines, by("hana", 9, draft("d")))
        assert logs.refresh() == frozenset()
        assert logs.of("c") == (lines[2],)

    @pytest.mark.parametrize("second", [5, 12])
    def test_a_log_that_another_one_has_replaced_is_read_anew_though_it_ends_alike(
        self, folder: Path, second: int
    ) -> None:
        lines = [by("hana", second, draft(id_)) for second, id_ in enumerate("abc")]
        path = written(folder, "hana", *lines)
        logs = Logs(folder)
        another = by("hana", second, draft("x"))
        replaced(path, lines[0], another, lines[2])
        assert logs.refresh() == {"a", "b", "c", "x"}
        assert (logs.of("b"), logs.of("x"), len(logs)) == ((), (another,), 3)

    def test_a_log_written_over_in_as_many_bytes_is_read_anew(self, folder: Path) -> None:
        path = written(folder, "hana", by("hana", 1, draft("a")))
        logs = Logs(folder)
        before = path.stat()
        written(folder, "hana", by("hana", 1, draft("b")))
        os.utime(path, ns=(0, before.st_mtime_ns + 10**9))
        assert path.stat().st_size == before.st_size
        assert logs.refresh() == {"a", "b"}
        assert (logs.of("a"), len(logs.of("b"))) == ((), 1)

    def test_a_line_that_cannot_be_read_any_more_is_read_from_the_file_that_is_there(self, folder: Path) -> None:
        line = by("hana", 1, draft("a"))
        written(folder, "hana", line)
        logs = Logs(folder)
        assert logs.of("a") == (line,)

        class Stale:
            def seek(self, *_: int) -> int:
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

        (file,) = logs._files
        file._file = Stale()  # type: ignore[assignment]
        assert logs.of("a") == (line,)

    def test_a_log_with_a_line_that_is_none_keeps_no_other_from_being_read(self, log: Log, folder: Path) -> None:
        first, bad, last = (to_line(by("aki", second, draft(id_))) for second, id_ in enumerate("abc"))
        path = written(folder, "aki")
        logs = Logs(folder)
        path.write_bytes(first + bad.replace(b"accept", b"applaud") + last)
        log.append([draft("d")])
        assert logs.refresh() == {"a", "d"}
        assert logs.problem is not None
        assert f"{path}, line 2" in logs.problem
        assert logs.refresh() == frozenset()
        assert logs.problem is not None
        path.write_bytes(first + bad + last)
        assert logs.refresh() >= {"b", "c"}
        assert (logs.problem, len(logs)) == (None, 4)

    @pytest.mark.posix("permissions")
    def test_what_cannot_be_looked_at_for_now_is_not_forgotten(
        self, log: Log, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        decided(folder, "aki", draft("a"))
        log.append([draft("b")])
        logs = Logs(folder)
        decided(folder, "aki", draft("c"))
        log.append([draft("d")])

        def refused(path: Path, *_: object) -> IO[bytes]:
            if path.name == "edits-aki.jsonl":
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return opened(path)

        with monkeypatch.context() as patched:
            patched.setattr("anime_whisper_ct2.reviews.log_files.opened", refused)
            assert logs.refresh() == {"d"}
            assert logs.problem is not None
            assert "Permission denied" in logs.problem
            assert len(logs) == 3
        assert logs.refresh() == {"c"}
        assert (logs.problem, len(logs)) == (None, 4)

    def test_a_line_that_is_being_written_is_read_when_it_is_whole(self, folder: Path) -> None:
        line = to_line(by("hana", 2, draft("b")))
        path = written(folder, "hana", by("hana", 1, draft("a")))
        logs = Logs(folder)
        for half in (line[:20], line[20:]):
            with path.open("ab") as file:
                file.write(half)
            told = logs.refresh()
        assert told == {"b"}

    def test_what_is_new_since_the_logs_had_some_size(self, log: Log, folder: Path) -> None:
        log.append([draft(id_, batch="b1") for id_ in "ab"])
        sizes = Logs(folder).sizes
        log.append([draft("c")])
        later = Logs(folder).sizes
        log.append([undo("b1")])
        decided(folder, "taro", draft("d"))
        logs = Logs(folder)
        assert logs.ids_since({}) == {"a", "b", "c", "d"}
        assert logs.ids_since(sizes) == {"a", "b", "c", "d"}
        assert logs.ids_since(later) == {"a", "b", "d"}
        assert logs.ids_since(logs.sizes) == frozenset()

    @pytest.mark.parametrize("sizes", [{"edits-hana.jsonl": 10**6}, {"edits-miki.jsonl": 1}])
    def test_of_logs_that_are_shorter_or_gone_nobody_can_tell(
        self, log: Log, folder: Path, sizes: dict[str, int]
    ) -> None:
        log.append([draft("a")])
        assert Logs(folder).ids_since(sizes) is None


class TestHistory:
    def test_nobody_undoes_another_s_steps(self, folder: Path) -> None:
        (line,) = decided(folder, "hana", draft("a"))
        decided(folder, "taro", undo(line.at))
        logs = Logs(folder)
        assert not logs.is_undone(line)
        assert len(logs.history("hana").undoable) == 1
        assert len(logs.history("taro").undoable) == 0

    def test_a_step_tells_where_it_began_and_how_many_lines_it_has(self, log: Log, folder: Path) -> None:
        (single,) = log.append([draft("z")])
        batch = log.append([draft(id_, batch="b1") for id_ in "cab"])
        logs = Logs(folder)
        steps = logs.history("hana").undoable
        assert [(step.name, step.first, step.count) for step in steps] == [(single.at, single, 1), ("b1", batch[0], 3)]
        assert tuple(steps[:1]) == (steps[0],)

    def test_a_step_tells_recordings_that_are_the_runs_own_again_without_it_from_others(
        self, log: Log, folder: Path
    ) -> None:
        log.append([draft("heard before")])
        log.append([draft(id_, "tag", {"add": ["x"]}, batch="b1") for id_ in ("heard before", "heard later", "lone")])
        log.append([draft(id_, "correct", "y", batch="b1") for id_ in ("changed", "lone too")])
        log.append([draft("lone too too", "reject", batch="b1"), draft("lone too too", batch="b1")])
        decided(folder, "taro", draft("heard later"))
        log.append([draft("another")])
        logs = Logs(folder)
        told = tuple(map(set, logs.step_ids(logs.history("hana").undoable[1])))
        assert told == ({"lone", "lone too too"}, {"heard before", "heard later", "changed", "lone too"})

    def test_something_new_takes_what_could_be_redone(self, log: Log, folder: Path) -> None:
        logs = Logs(folder)
        first, second = log.append([draft("a")]) + log.append([draft("b")])
        (taken,) = log.append([undo(second.at)])
        logs.refresh()
        assert [(step.first, step.undone_by) for step in logs.history("hana").redoable] == [(second, taken.at)]
        log.append([draft("c")])
        logs.refresh()
        history = logs.history("hana")
        assert [step.first.id for step in history.undoable] == ["a", "c"]
        assert len(history.redoable) == 0
        assert history.undoable[0].first == first

    def test_a_copied_log_changes_no_history(self, log: Log, folder: Path) -> None:
        logs = Logs(folder)
        lines = log.append([draft("a")]) + log.append([draft("b")])
        log.append([undo(lines[1].at)])
        logs.refresh()
        before = logs.history("hana")
        written(folder, "copied", *lines)
        assert logs.refresh() <= {"a", "b"}
        after = logs.history("hana")
        assert list(after.undoable) == list(before.undoable)
        assert list(after.redoable) == list(before.redoable)
