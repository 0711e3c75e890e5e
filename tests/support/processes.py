"""The real command as processes: started apart, found again when they should be gone, and held to what they left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import COMMAND, as_text, environment
from tests.support.windows import ON_WINDOWS, Job, is_running, resume, suspend

# Every process of a run inherits this, workers in sessions of their own, too.
_MARK = "AWCT2_TEST_RUN"
# What a run says of a process that `kill` ended.
KILLED = "exit status 9" if ON_WINDOWS else "signal 9, SIGKILL"


@dataclass(frozen=True, slots=True)
class Running:
    """A command that was started, the leader of a process group; `mark` is in the environment of all it starts.

    On Windows, which shows no environment, `job` holds all that it starts.
    """

    process: subprocess.Popen[str]
    mark: str
    log: Path
    job: Job | None = None

    @property
    def pids(self) -> list[int]:
        """The processes that are still there."""
        if self.job:
            return self.job.pids
        wanted = f"{_MARK}={self.mark}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    @property
    def said(self) -> str:
        """What is in the log so far."""
        return as_text(self.log.read_bytes(), "replace")

    def pause(self) -> None:
        """Let the command alone stand still."""
        if ON_WINDOWS:
            suspend(self.process)
        else:
            self.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        if ON_WINDOWS:
            resume(self.process)
        else:
            self.signal(signal.SIGCONT)

    def signal(self, number: int) -> None:
        """Send a signal to the command alone."""
        self.process.send_signal(number)

    def kill_group(self) -> None:
        """End the process group as a machine does that is taken away; Windows knows none, and ends the command."""
        with contextlib.suppress(ProcessLookupError):
            if ON_WINDOWS:
                self.process.kill()
            else:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait(self, timeout_s: float = 200.0) -> int:
        """Wait for the end, and for the end of all that it started."""
        code = self.process.wait(timeout_s)
        wait_until(lambda: not self.pids, 60.0, "processes are left over")
        return code


@contextmanager
def running(
    *args: object, log: Path, command: Sequence[str] = COMMAND, cwd: Path | None = None, **extra: str
) -> Iterator[Running]:
    """Start `awct2`; what is left of it at the end is killed."""
    mark = uuid.uuid4().hex
    env = environment(**extra, **{_MARK: mark})
    # `faulty_decoders` puts its folder there.
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), env["PYTHONPATH"])))
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, *map(str, args)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            text=True,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
    run = Running(process, mark, log, Job(process) if ON_WINDOWS else None)
    try:
        yield run
    finally:
        for pid in run.pids:
            with contextlib.suppress(ProcessLookupError):
                kill(pid)
        process.wait()


def kill(pid: int) -> None:
    """End a process at once: SIGKILL, or what Windows has for it."""
    os.kill(pid, 9)


def is_there(pid: int) -> bool:
    """Say whether there is such a process."""
    if ON_WINDOWS:
        return is_running(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def die() -> None:
    """End this process at once, as the system does when memory runs out."""
    kill(os.getpid())


def finished(*args: object, log: Path, **options: Any) -> tuple[int, str]:
    """Run `awct2` to its end: the exit status and what it said."""
    with running(*args, log=log, **options) as run:
        return run.wait(), run.said


def wait_until(condition: Callable[[], object], timeout_s: float, otherwise: str) -> None:
    """Wait for something to become true; fails with `otherwise`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.01)


class PeakMemory:
    """Watches the resident memory of all processes of a run, pages that they share counted once for each."""

    def __init__(self, run: Running) -> None:
        self._run = run
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_bytes = 0

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self.peak_bytes = max(self.peak_bytes, sum(map(_resident_bytes, self._run.pids)))


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def lines(out: Path, name: str = "transcripts.jsonl") -> list[dict[str, Any]]:
    """Read a file of results strictly: every line is JSON, and only the last may be torn."""
    with contextlib.suppress(FileNotFoundError):
        *whole, _torn = (out / name).read_bytes().split(b"\n")
        return [json.loads(line) for line in whole]
    return []


def line_count(out: Path) -> int:
    """Count the whole lines of `transcripts.jsonl`."""
    with contextlib.suppress(FileNotFoundError):
        return (out / "transcripts.jsonl").read_bytes().count(b"\n")
    return 0


def texts(out: Path) -> dict[str, tuple[str, list[tuple[float, float]]]]:
    """Give each recording's text and times."""
    return {
        line["id"]: (line["text"], [(segment["start"], segment["end"]) for segment in line["segments"]])
        for line in lines(out)
    }


def hold_to_the_truth(out: Path, status: int, *, done_before: int = 0, **expected: object) -> dict[str, Any]:
    """Assert that `run.json`, the files and the exit status tell one story; gives `run.json`."""
    run: dict[str, Any] = json.loads((out / "run.json").read_text(encoding="utf-8"))
    done, failed = lines(out), lines(out, "errors.jsonl")
    ids = [line["id"] for line in (*done, *failed)]
    assert len(ids) == len(set(ids)), "a recording has two lines"
    assert run["done"] == len(done) - done_before
    assert run["resumed"] <= done_before
    new = done[done_before:]
    assert run["empty"] == sum("empty" in line["flags"] for line in new)
    assert run["flagged"] == sum(bool({*line["flags"]} - {"empty"}) for line in new)
    assert abs(run["audio_seconds"] - sum(line["duration"] for line in new)) < 0.001 * (1 + len(new))
    if run["state"] == "finished":
        assert run["resumed"] == done_before
        assert run["failed"] == len(failed)
        assert run["found"] == len(ids)
        assert status == (3 if failed else 0)
    else:
        assert run["failed"] <= len(failed)
        assert status == {"interrupted": 130, "failed": 1}[run["state"]]
    assert all(line["stage"] and line["error"] and line["message"] for line in failed)
    assert {key: run[key] for key in expected} == expected
    return run


def one_line(said: str, *parts: str) -> None:
    """Assert that a run that could not go on says so in one line, its last, which holds some words."""
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert errors == said.splitlines()[-1:], said
    for part in parts:
        assert part in errors[0]
