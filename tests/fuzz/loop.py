"""The parent's side: it watches a child at work, ends it where it hangs or bloats, and starts another."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.fuzz.child import MOST_GROWTH_BYTES, Broken, Done, Finding, Task, serve

CASES = Path(__file__).parent / "cases"
# Without a sign of life. Far above what a case may take of the processor: the machine may be busy.
_HANG_S = 60.0
# Ended before the machine has none left; below this a case is judged when it is done.
_BLOAT_BYTES = 3 * MOST_GROWTH_BYTES
_POLL_S = 0.1
# Where in the package a dying process was.
_OURS = re.compile(r'File "[^"]*anime_whisper_ct2/([^"]*", line [0-9]+)')


class Worker:
    """A child process for cases, replaced when one of them ends it. Use it in a `with`."""

    def __init__(self) -> None:
        # Memory, where the system has such a folder: journals sync to the disk for every case.
        shared = "/dev/shm"
        self._folder = tempfile.mkdtemp(prefix="fuzz-", dir=shared if os.access(shared, os.W_OK) else None)
        self._context = multiprocessing.get_context("spawn")
        self._beat: Any = self._context.Value("d", 0.0, lock=False)
        self._process: Any = None
        self._pipe: Connection

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def replay(self, target: str, case: bytes) -> list[Finding]:
        """Run one case; gives what is wrong with it."""
        found, _ = self._do(Task(target, case))
        return found

    def fuzz(
        self,
        target: str,
        seed: str,
        seconds: float,
        most_cases: int | None = None,
        on_found: Callable[[Finding], None] = lambda _: None,
    ) -> tuple[list[Finding], int]:
        """Make cases and run them, for so long; gives each finding once, and how many cases there were.

        What ends the process is not cut down.
        """
        findings: list[Finding] = []
        known: set[str] = set()
        kept = [case for _, case in kept_cases(target)]
        end = time.monotonic() + seconds
        count = part = 0
        while (left := end - time.monotonic()) > 0 and (most_cases is None or count < most_cases):
            most = None if most_cases is None else most_cases - count
            found, done = self._do(Task(target, None, f"{seed} {part}", left, most, tuple(kept), frozenset(known)))
            for one in found:
                if one.case in kept:  # it may have ended the child, and would do so again
                    kept.remove(one.case)
                if one.name not in known:
                    known.add(one.name)
                    findings.append(one)
                    on_found(one)
            count += done.cases
            part += 1
        return findings, count

    def _do(self, task: Task) -> tuple[list[Finding], Done]:
        """Give a child a task and wait for its end, or the child's."""
        if self._process is None:
            self._start()
        self._pipe.send(task)
        found: list[Finding] = []
        while True:
            try:
                if self._pipe.poll(_POLL_S):
                    message = self._pipe.recv()
                    if isinstance(message, Finding):
                        found.append(message)
                        continue
                    if isinstance(message, Broken):
                        raise RuntimeError(f"the fuzzer's own fault: {message.traceback}")
                    if message.tired:
                        self._end()
                    return found, message
                kind, what = self._trouble()
            except (EOFError, ConnectionError):
                self._process.join()
                kind, what = "crash", f"the process ended with status {self._process.exitcode}"
            if kind:
                case = Path(self._folder, "current").read_bytes()
                log = Path(self._folder, "native.log").read_text(errors="replace", encoding="utf-8")
                self._end(at_once=True)
                place = " ".join([what, *_OURS.findall(log)[:1]])
                found.append(Finding(task.target, kind, place, " ".join([what, *log.split()]), case))
                return found, Done(1, 1)

    def _trouble(self) -> tuple[str, str]:
        """Say what is wrong with a child that is at work."""
        beat = self._beat.value
        if beat and time.monotonic() - beat > _HANG_S:
            return "hang", f"no sign of life for {_HANG_S:.0f} s"
        if _resident_bytes(self._process.pid) > _BLOAT_BYTES:
            return "memory", f"took more than {_BLOAT_BYTES >> 20} MiB"
        return "", ""

    def _start(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        self._beat.value = 0.0
        self._process = self._context.Process(target=serve, args=(theirs, self._folder, self._beat), daemon=True)
        self._process.start()
        theirs.close()

    def _end(self, *, at_once: bool = False) -> None:
        if self._process is None:
            return
        if at_once:
            self._process.kill()
        else:
            with contextlib.suppress(OSError):
                self._pipe.send(None)
            self._process.join(10)
            self._process.kill()
        self._process.join()
        self._pipe.close()
        self._process = None


def kept_cases(target: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Give the kept cases of a target, or of all: the target's name, and the case."""
    for path in sorted(CASES.iterdir()):
        name, _, digest = path.name.rpartition("-")
        if digest and not path.name.startswith(".") and target in (None, name):
            yield name, path.read_bytes()


def keep(found: Finding) -> Path:
    """Write a finding's case to where `tests/fuzz/test_fuzz.py` will replay it."""
    path = CASES / f"{found.target}-{sha256(found.case).hexdigest()[:12]}"
    path.write_bytes(found.case)
    return path


def _resident_bytes(pid: int) -> int:
    """Give a process's memory, or 0 where the system does not say."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
