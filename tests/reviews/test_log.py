"""A log written: what is confirmed is on the disk, whatever becomes of the process, the disk or the clock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.reviews import Decision, Log, Logs, open_log
from anime_whisper_ct2.reviews.folder import review_folder
from anime_whisper_ct2.reviews.lines import at_of, to_line
from tests.support.commands import BARE
from tests.support.places import PYTHONPATH
from tests.support.refusing import FULL
from tests.support.reviewers_at_work import BEGUN, decided


def draft(id_: str = "a", **more: object) -> Decision:
    return Decision("", "", id_, 0.0, 1.0, "0" * 20, "accept", **more)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run" / "review"


class TestTimes:
    def test_every_line_is_later_than_the_one_before_whatever_the_clock_says(self, folder: Path) -> None:
        times = iter((BEGUN + 10, BEGUN + 10, BEGUN, BEGUN + 1000))
        with open_log(folder, "hana", clock=lambda: next(times)) as log:
            lines = [line for number in (1, 3, 1, 1) for line in log.append([draft()] * number)]
        assert [line.at for line in lines] == [at_of(BEGUN + after) for after in (10, 11, 12, 13, 14, 1000)]

    def test_a_log_goes_on_behind_its_last_line(self, folder: Path) -> None:
        with open_log(folder, "hana", clock=lambda: BEGUN) as log:
            log.append([draft(batch="x" * 200_000), draft(batch="y" * 200_000)])
        with open_log(folder, "hana", clock=lambda: 0) as log:
            (line,) = log.append([draft()])
        assert line.at == at_of(BEGUN + 2)

    def test_who_and_when_are_the_log_s_to_say(self, folder: Path) -> None:
        (line,) = decided(folder, "hana", Decision("never", "taro", "a", 0.0, 1.0, "", "accept"))
        assert line.reviewer == "hana"
        assert Logs(folder).of("a") == (line,)


class TestNames:
    @pytest.mark.parametrize("name", ["hana", "Hana_2.b", "花子", "a@b-c+d"])
    def test_a_plain_name_is_the_file_s(self, folder: Path, name: str) -> None:
        decided(folder, name, draft())
        assert [path.name for path in folder.iterdir()] == [f"edits-{name}.jsonl"]

    @pytest.mark.parametrize(
        "name",
        [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "CON",
            "nul.txt",
            "a:b",
            "ends.",
            " ",
            "\udcff",
            "a\nb",
            "ば",
            "x" * 500,
            "~",
            "😀",
        ],
    )
    def test_any_other_is_made_one_that_every_system_takes(self, folder: Path, name: str) -> None:
        (line,) = decided(folder, name, draft())
        (path,) = folder.iterdir()
        assert line.reviewer == name
        assert Logs(folder).reviewers == {name: 1}
        assert len(path.name.encode()) < 200
        assert not set(path.name) & set('/\\:*?"<>|\n\udcff ')

    def test_names_that_come_to_one_file_do_not_mix(self, folder: Path) -> None:
        names = ["hana", "Hana", "HANA", "ha na", "ha:na", "が", "か\u3099"]
        for name in names:
            decided(folder, name, draft())
        for name in reversed(names):
            decided(folder, name, draft())
        files = list(folder.iterdir())
        assert len({path.name.casefold() for path in files}) == len(names)
        for path in files:
            assert len({json.loads(line)["reviewer"] for line in path.read_text(encoding="utf-8").splitlines()}) == 1

    def test_a_copied_log_of_that_name_is_not_written_to(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        taken = folder / "edits-hana.jsonl"
        taken.write_bytes(to_line(Decision(at_of(BEGUN), "taro", "a", 0.0, 1.0, "", "accept")))
        before = taken.read_bytes()
        decided(folder, "hana", draft())
        assert taken.read_bytes() == before
        assert Logs(folder).reviewers == {"hana": 1, "taro": 1}

    def test_folders(self) -> None:
        assert review_folder(Path("run/transcripts.jsonl")) == Path("run/review")
        assert review_folder(Path("voices/esd.list")) == Path("voices/esd.list.review")


class TestOpening:
    def test_where_nobody_decides_nothing_is_left(self, folder: Path) -> None:
        folder.parent.mkdir()
        with open_log(folder, "hana"):
            assert folder.exists()
        assert list(folder.parent.iterdir()) == []

    def test_a_torn_last_line_is_cut_off(self, folder: Path) -> None:
        (line,) = decided(folder, "hana", draft())
        path = folder / "edits-hana.jsonl"
        with path.open("ab") as file:
            file.write(to_line(line)[:-5])
        with open_log(folder, "hana") as log:
            log.append([draft("b")])
        assert [json.loads(raw)["id"] for raw in path.read_bytes().splitlines()] == ["a", "b"]

    def test_a_log_whose_last_line_is_no_decision_is_refused(self, folder: Path) -> None:
        decided(folder, "hana", draft())
        with (folder / "edits-hana.jsonl").open("ab") as file:
            file.write(b"{}\n")
        with (
            pytest.raises(OutputError, match=r"edits-hana\.jsonl: its last line is no decision"),
            open_log(folder, "hana"),
        ):
            pass

    def test_a_second_in_one_process_is_refused(self, folder: Path) -> None:
        with open_log(folder, "hana") as log:
            with pytest.raises(OutputError, match="open in another review") as caught, open_log(folder, "hana"):
                pass
            assert "\n" not in str(caught.value)
            assert "--reviewer" in str(caught.value)
            with open_log(folder, "taro") as other:
                other.append([draft()])
            log.append([draft()])
        with open_log(folder, "hana") as log:
            log.append([draft()])
        assert Logs(folder).reviewers == {"hana": 2, "taro": 1}

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "run").touch()
        with pytest.raises(OutputError, match="cannot be written"), open_log(tmp_path / "run" / "review", "hana"):
            pass


# Appends what it is told to, and tells what was confirmed.
CHILD = """
import sys
from pathlib import Path
from anime_whisper_ct2.reviews import Decision, open_log
with open_log(Path(sys.argv[1]), sys.argv[2]) as log:
    print("open", flush=True)
    for number in range(100_000):
        if sys.stdin.readline() == "":
            break
        log.append([Decision("", "", f"{number}", 0.0, 1.0, "", "accept")])
        print(number, flush=True)
"""


@pytest.fixture
def child(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the log of hana open."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), "hana"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**BARE, "PYTHONPATH": PYTHONPATH},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def confirmed(child: subprocess.Popen[str]) -> str:
    """Have the child write one more."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("go\n")
    child.stdin.flush()
    return child.stdout.readline().strip()


class TestProcesses:
    def test_two_processes_do_not_write_one_log(self, folder: Path, child: subprocess.Popen[str]) -> None:
        assert confirmed(child) == "0"
        with pytest.raises(OutputError, match="open in another review"), open_log(folder, "hana"):
            pass
        child.communicate("", timeout=60)
        with open_log(folder, "hana") as log:
            log.append([draft("later")])
        assert sorted(Logs(folder).ids) == ["0", "later"]

    def test_a_process_that_is_killed_loses_nothing_that_was_confirmed(
        self, folder: Path, child: subprocess.Popen[str]
    ) -> None:
        for number in range(20):
            assert confirmed(child) == str(number)
        child.kill()
        child.wait(60)
        path = folder / "edits-hana.jsonl"
        assert [json.loads(raw)["id"] for raw in path.read_bytes().splitlines()] == [str(n) for n in range(20)]
        # The lock went with it.
        with open_log(folder, "hana") as log:
            log.append([draft("later")])
        assert len(Logs(folder)) == 21

    @pytest.mark.posix("signals between processes")
    def test_a_process_that_stands_still_keeps_its_log(self, folder: Path, child: subprocess.Popen[str]) -> None:
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(OutputError, match="open in another review"), open_log(folder, "hana"):
            pass
        os.kill(child.pid, signal.SIGCONT)
        assert confirmed(child) == "0"


class _Disk:
    """What the system's calls on a log come to, until the disk has room again."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self.syncs = True
        self._fsync = os.fsync
        patch.setattr(os, "fsync", self.fsync)

    def fsync(self, descriptor: int) -> None:
        if not self.syncs:
            raise FULL
        self._fsync(descriptor)

    def hold(self, log: Log, patch: pytest.MonkeyPatch) -> None:
        """Let the log's file take no more than there is room for."""
        file = log._file
        disk = self

        class Limited:
            def write(self, content: bytes) -> int:
                if disk.room is None:
                    return file.write(content)
                taken = content[: disk.room]
                disk.room -= len(taken)
                if not taken:
                    raise FULL
                return file.write(taken)

            def seek(self, *at: int) -> int:
                return file.seek(*at)

            def fileno(self) -> int:
                return file.fileno()

        patch.setattr(log, "_file", Limited())


class TestFull:
    @pytest.fixture
    def disk(self, monkeypatch: pytest.MonkeyPatch) -> _Disk:
        return _Disk(monkeypatch)

    @pytest.mark.parametrize("room", [0, 1, 150, 3000])
    def test_nothing_is_half_written_and_the_next_try_works(
        self, folder: Path, disk: _Disk, room: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("anime_whisper_ct2.reviews.log._PORTION_BYTES", 400)
        with open_log(folder, "hana", clock=lambda: BEGUN) as log:
            (first,) = log.append([draft()])
            before = log.path.read_bytes()
            disk.hold(log, monkeypatch)
            disk.room = room
            with pytest.raises(OutputError, match="No space left on device") as caught:
                log.append([draft(str(n)) for n in range(50)])
            assert str(log.path) in str(caught.value)
            assert "\n" not in str(caught.value)
            assert log.path.read_bytes() == before
            disk.room = None
            lines = log.append([draft("b")])
        assert [line.at for line in (first, *lines)] == [at_of(BEGUN), at_of(BEGUN + 1)]
        assert Logs(folder).of("b") == lines
        assert len(Logs(folder)) == 2

    def test_what_could_not_be_synced_is_not_there(self, folder: Path, disk: _Disk) -> None:
        with open_log(folder, "hana") as log:
            log.append([draft()])
            before = log.path.read_bytes()
            disk.syncs = False
            with pytest.raises(OutputError, match="cannot be written"):
                log.append([draft("b")])
            assert log.path.read_bytes() == before
            disk.syncs = True
            log.append([draft("c")])
        assert sorted(Logs(folder).ids) == ["a", "c"]

    def test_what_the_disk_would_not_take_back_is_taken_back_before_the_next_line(
        self, folder: Path, disk: _Disk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with open_log(folder, "hana") as log:
            log.append([draft()])
            disk.hold(log, monkeypatch)
            disk.room = 20
            with monkeypatch.context() as patch:
                patch.setattr(os, "ftruncate", lambda *_: (_ for _ in ()).throw(FULL))
                with pytest.raises(OutputError):
                    log.append([draft("b")])
            disk.room = None
            log.append([draft("c")])
        assert sorted(Logs(folder).ids) == ["a", "c"]

    @pytest.mark.posix("a limit to the size of a file")
    def test_a_limit_to_the_size_of_a_file_is_kept_by_the_system_itself(self, folder: Path) -> None:
        import resource

        with open_log(folder, "hana") as log:
            log.append([draft()])
            before = log.path.read_bytes()
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
            try:
                with pytest.raises(OutputError, match="cannot be written"):
                    log.append([draft(str(n)) for n in range(50)])
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
                signal.signal(signal.SIGXFSZ, ignored)
            assert log.path.read_bytes() == before
            log.append([draft("b")])
        assert sorted(Logs(folder).ids) == ["a", "b"]

    @pytest.mark.posix("what is open is removed")
    def test_a_log_that_was_moved_away_confirms_nothing_more(self, folder: Path) -> None:
        with open_log(folder, "hana") as log:
            log.append([draft()])
            log.path.rename(folder / "old.jsonl")
            with pytest.raises(OutputError, match=r"edits-hana\.jsonl cannot be written"):
                log.append([draft("b")])


class TestMany:
    def test_what_breaks_off_within_leaves_the_log_as_it_was(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("anime_whisper_ct2.reviews.log._PORTION_BYTES", 400)

        def broken() -> Iterator[Decision]:
            yield from (draft(str(number)) for number in range(20))
            raise InputError("the run was changed")

        with open_log(folder, "hana", clock=lambda: BEGUN) as log:
            log.append([draft()])
            before = log.path.read_bytes()
            told: list[Decision] = []
            with pytest.raises(InputError, match="the run was changed"):
                log.append_all(broken(), told.append)
            assert (log.path.read_bytes(), len(told)) == (before, 20)
            (line,) = log.append([draft("b")])
        assert line.at == at_of(BEGUN + 1)
        assert len(Logs(folder)) == 2

    def test_each_is_told_as_it_is_read(self, folder: Path) -> None:
        told: list[Decision] = []
        with open_log(folder, "hana") as log:
            log.append_all((draft("a", batch=f"{number}") for number in range(5)), told.append)
            log.append_all(iter(()), told.append)
        assert Logs(folder).of("a") == tuple(told)
        assert len(told) == 5

    def test_not_all_are_held_in_memory(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("anime_whisper_ct2.reviews.log._PORTION_BYTES", 4000)
        count = 5_000
        with open_log(folder, "hana") as log:
            tracemalloc.start()
            try:
                log.append_all((draft(f"clip {number}.ogg") for number in range(count)), lambda _: None)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
        assert peak < log.path.stat().st_size / 10
        assert len(Logs(folder)) == count


def test_threads_read_while_another_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anime_whisper_ct2.reviews.ledger._MOST_FRESH", 1)
    with open_log(folder, "hana") as log:
        log.append([draft("0")])
        logs = Logs(folder)
        failed: list[BaseException] = []

        def read() -> None:
            try:
                for number in range(200):
                    logs.refresh()
                    lines = logs.of(str(number % 20))
                    assert all(line.id == str(number % 20) for line in lines)
                    assert not any(map(logs.is_undone, lines))
                    assert not lines or str(number % 20) in logs.ids
                    assert all(line.action == "sample" for line in logs.samples)
            except BaseException as error:  # told by the main thread
                failed.append(error)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(100):
            log.append([draft(str(number % 20)), Decision("", "", "", 0, 0, "", "sample", {"k": number})])
        for thread in threads:
            thread.join()
        assert failed == []
        logs.refresh()
        assert len(logs) == 201
