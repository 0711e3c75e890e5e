"""The process in which cases run: it makes them, and says what it finds."""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from types import CodeType, FrameType
from typing import Any

from anime_whisper_ct2.errors import Awct2Error
from tests.fuzz.guard import Guard
from tests.fuzz.mutation import mutate
from tests.fuzz.targets import Target, target

MOST_CPU_S = 5.0
MOST_GROWTH_BYTES = 500 << 20
# Beyond this a child is replaced, so that the next case's growth can be told.
_TIRED_BYTES = 250 << 20
_MOST_POOL = 600
_SHRINK_S = 4.0
_SHRINK_TRIES = 400
# One case of so many is traced line by line, which takes several times longer.
_TRACED_EVERY = 4
_PACKAGE = os.sep + "anime_whisper_ct2" + os.sep
_DIGITS = re.compile(r"[0-9.]+|'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class Task:
    """What a child is to do: run one case, or with `case` None make `most_cases` and run them, for `seconds`."""

    target: str
    case: bytes | None = None
    seed: str = ""
    seconds: float = 0.0
    most_cases: int | None = None
    kept: tuple[bytes, ...] = ()
    known: frozenset[str] = frozenset()  # the names of findings that are not news


@dataclass(frozen=True, slots=True)
class Finding:
    """A case that breaks an invariant: `kind` is `error`, `invariant`, `slow`, `memory`, `hang` or `crash`.

    `place` is where.
    """

    target: str
    kind: str
    place: str
    message: str
    case: bytes

    @property
    def name(self) -> str:
        """What tells findings apart."""
        return f"{self.kind} {self.place}"

    @property
    def counts(self) -> bool:
        """Whether it is a fault of ours: a decoder's crash costs a worker, and thereby one recording."""
        return not (self.kind == "crash" and target(self.target).isolated)


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a task. `tired`: the child is to be replaced before the next, as it has grown too much."""

    cases: int
    outcomes: int
    tired: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """The fuzzer itself has a fault."""

    traceback: str


def serve(pipe: Connection, folder: str, beat: Any) -> None:
    """Do tasks until there are none. `beat` holds when the last sign of life was, 0 between tasks."""
    _silence(folder)
    _BEAT.append(beat)
    scratch = Path(folder)
    for name in ("out", "tmp", "in"):
        (scratch / name).mkdir(exist_ok=True)
    os.chdir(scratch)
    tempfile.tempdir = str(scratch / "tmp")
    sys.dont_write_bytecode = True
    runner = _Runner(scratch, Guard(*(str(scratch / name) for name in ("out", "tmp", "in"))), beat)
    while (task := pipe.recv()) is not None:
        try:
            pipe.send(_do(task, runner, pipe.send))
        except Exception:  # a fault of the fuzzer's own
            pipe.send(Broken(traceback.format_exc()))
            return


def alive() -> None:
    """Say that what runs goes on, so that its time begins anew: what may take long has a bound for each step."""
    if _BEAT:
        _BEAT[0].value = time.monotonic()
    _CLOCK[:] = (time.process_time(), max(_CLOCK[1], time.process_time() - _CLOCK[0]))


# When the step began, and how long the longest took, both in seconds of the processor.
_CLOCK = [0.0, 0.0]
_BEAT: list[Any] = []


@dataclass(slots=True)
class _Runner:
    scratch: Path
    guard: Guard
    beat: Any
    baseline: int = 0
    current: int = field(init=False)

    def __post_init__(self) -> None:
        self.current = os.open(self.scratch / "current", os.O_RDWR | os.O_CREAT)

    def run(self, name: str, what: Target, case: bytes) -> tuple[str, Finding | None]:
        """Run a case; gives its outcome, and what is wrong with it."""
        # Should this process die, its parent looks there for the reason.
        os.ftruncate(self.current, 0)
        os.pwrite(self.current, case, 0)
        self.beat.value = time.monotonic()
        _CLOCK[:] = (time.process_time(), 0.0)
        before = peak_bytes()
        outcome, fault = "", None
        try:
            with self.guard.watching():
                outcome = str(what.run(case, self.scratch))
        except Awct2Error as error:
            outcome = f"{type(error).__name__} {_template(error)}"
            if len(str(error).splitlines()) != 1 or type(error) not in what.refusals:
                fault = Finding(name, "invariant", _place(error), f"{type(error).__name__} of {str(error)!r}", case)
        except AssertionError as error:
            fault = Finding(name, "invariant", _place(error), str(error) or "an assertion", case)
        except Exception as error:
            fault = Finding(name, "error", _place(error), f"{type(error).__name__}: {error}", case)
        alive()
        self.beat.value = 0.0
        if fault is None and _CLOCK[1] > MOST_CPU_S:
            fault = Finding(name, "slow", "", f"took {_CLOCK[1]:.1f} s of the processor", case)
        if fault is None and before - self.baseline < _TIRED_BYTES and peak_bytes() - before > MOST_GROWTH_BYTES:
            fault = Finding(name, "memory", "", f"took {peak_bytes() - before >> 20} MiB", case)
        return outcome, fault

    @property
    def tired(self) -> bool:
        return peak_bytes() - self.baseline > _TIRED_BYTES


def _do(task: Task, runner: _Runner, send: Callable[[Finding], None]) -> Done:
    what = target(task.target)
    seeds = list(what.seeds())
    runner.baseline = 0
    if task.case is not None:
        runner.run(task.target, what, seeds[0])  # what is loaded at first is nobody's growth
        runner.baseline = peak_bytes()
        _, fault = runner.run(task.target, what, task.case)
        if fault:
            send(fault)
        return Done(1, 1, runner.tired)
    return _fuzz(task, what, seeds, runner, send)


def _fuzz(task: Task, what: Target, seeds: list[bytes], runner: _Runner, send: Callable[[Finding], None]) -> Done:
    rng = Random(task.seed)
    known = set(task.known)
    first = [*seeds, *task.kept]
    pool = list(first)
    outcomes: set[str] = set()
    lines: set[tuple[CodeType, int, int]] = set()
    end = time.monotonic() + task.seconds
    count = 0
    while time.monotonic() < end and (task.most_cases is None or count < task.most_cases):
        if count < len(first):
            case = first[count]
        else:
            given = rng.choice(first if rng.random() < 0.25 else pool[-rng.randint(1, len(pool)) :])
            if rng.random() < what.blind:
                given = mutate(rng, given, pool, what.tokens, what.most_bytes)
            case = what.finish(rng, given)
        count += 1
        traced = count % _TRACED_EVERY == 0 or count <= len(first)
        seen: set[tuple[CodeType, int, int]] = set()
        if traced:
            sys.settrace(_tracer(seen))
        try:
            outcome, fault = runner.run(task.target, what, case)
        finally:
            sys.settrace(None)
        if fault is None:
            if (outcome not in outcomes or seen - lines) and len(case) <= what.most_bytes:
                pool.append(case)
                if len(pool) > _MOST_POOL:
                    del pool[rng.randrange(len(first), len(pool) - 1)]
            outcomes.add(outcome)
            lines |= seen
        elif fault.name not in known:
            known.add(fault.name)
            send(_shrunk(fault, what, runner))
        if runner.baseline == 0 and count >= len(seeds):
            runner.baseline = peak_bytes()
        if runner.tired and count > len(seeds):
            break
    return Done(count, len(outcomes), runner.tired)


def _shrunk(found: Finding, what: Target, runner: _Runner) -> Finding:
    """Leave out of a case what its fault does not need, as far as the time allows."""
    if found.kind in {"slow", "memory"}:
        return found
    end = time.monotonic() + _SHRINK_S
    best, tries = found, 0
    size = len(found.case) // 2
    while size:
        at = 0
        while at < len(best.case):
            if time.monotonic() > end or tries > _SHRINK_TRIES:
                return best
            tries += 1
            _, fault = runner.run(found.target, what, best.case[:at] + best.case[at + size :])
            if fault and fault.name == best.name:
                best = fault
            else:
                at += size
        size //= 2
    return best


def _tracer(seen: set[tuple[CodeType, int, int]]) -> Callable[[FrameType, str, Any], Any]:
    """Note which line of the package follows which."""
    before = 0

    def local(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal before
        if event == "line":
            seen.add((frame.f_code, before, frame.f_lineno))
            before = frame.f_lineno
        return local

    return lambda frame, _event, _arg: local if _PACKAGE in frame.f_code.co_filename else None


def _template(error: BaseException) -> str:
    return _DIGITS.sub("#", str(error))[:120]


def _place(error: BaseException) -> str:
    """Name what was raised, and the last lines of ours that it came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "anime_whisper_ct2" in f.filename]
    tests = [f for f in traceback.extract_tb(error.__traceback__) if f"tests{os.sep}fuzz" in f.filename]
    at = [f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in (*frames[-1:], *tests[-1:])]
    return " ".join((type(error).__name__, *at))


def peak_bytes() -> int:
    """Give the most memory that this process ever had."""
    try:
        # What `getrusage` says is the parent's as well, on Linux.
        with open("/proc/self/status", "rb") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith(b"VmHWM"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _silence(folder: str) -> None:
    """Let C code complain to a file; keep Ctrl-C for the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log = os.open(os.path.join(folder, "native.log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    faulthandler.enable(os.fdopen(log, "w"), all_threads=False)
