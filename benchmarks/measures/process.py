"""What a process and everything it started cost: wall time, processor time, memory, open files. Linux only (/proc)."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.measures.places import ROOT

T = TypeVar("T")

PROC = Path("/proc")
# The variable that names the commit where the checkout is a copy without its history.
COMMIT = "AWCT2_BENCH_COMMIT"
# What others may use of the machine's processor time before a measurement is done again.
MOST_FOR_OTHERS = 0.03
_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0  # /proc is Linux's
PACKAGES = (
    "anime-whisper-ct2",
    "ctranslate2",
    "duckdb",
    "faster-whisper",
    "numpy",
    "soundfile",
    "torch",
    "transformers",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process and its descendants."""

    rss_mib: float
    peak_mib: float  # the sum of each process's own peak (VmHWM): pages that processes share count for each of them
    open_files: int
    processes: int


def tree(root: int | None = None) -> list[int]:
    """List a process (this one by default) and its descendants that are alive."""
    found = [root or os.getpid()]
    for pid in found:
        with contextlib.suppress(OSError):
            for task in (PROC / str(pid) / "task").iterdir():
                with contextlib.suppress(OSError):
                    found += map(int, (task / "children").read_text().split())
    return found


def cpu_seconds(root: int | None = None) -> float:
    """Give the processor time that a tree has used, those of it that have ended and been waited for included."""
    ticks = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            # After the name, which is in brackets and may hold anything: user, system, children's user and system.
            fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS_PER_S


def busy_seconds() -> float:
    """Give the processor time that the whole machine has used since it started; waiting for disks is none."""
    user, nice, system, _idle, _wait, irq, soft, steal = map(int, (PROC / "stat").read_text().split()[1:9])
    return (user + nice + system + irq + soft + steal) / _TICKS_PER_S


def sample(root: int | None = None) -> Sample:
    """Look at a tree now."""
    pids = tree(root)
    rss = peak = files = alive = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            status = (PROC / str(pid) / "status").read_text()
            if (found := re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)) is None:
                continue  # it has ended and waits to be waited for
            rss += int(found[1])
            peak += int(re.findall(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)[0])
            files += sum(1 for _ in (PROC / str(pid) / "fd").iterdir())
            alive += 1
    return Sample(rss / 1024, peak / 1024, files, alive)


class Watch:
    """Samples this process's tree from a thread while it is open; `peak_mib` is the most that was seen at one time."""

    def __init__(self, every_s: float = 0.25) -> None:
        self.samples: list[tuple[float, Sample]] = []
        self._every_s = every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)

    def __enter__(self) -> Watch:
        self._start = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._look()

    @property
    def peak_mib(self) -> float:
        """MiB; the sum of the peaks of the processes that were alive together."""
        return max((each.peak_mib for _, each in self.samples), default=0.0)

    def _work(self) -> None:
        while not self._done.wait(self._every_s):
            self._look()

    def _look(self) -> None:
        self.samples.append((time.perf_counter() - self._start, sample()))


@dataclass(slots=True)
class Span:
    """What went by between two moments.

    `others_share`: what part of the machine's processor time everything but this tree used. A figure is worth little
    where that is more than a few hundredths.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    others_share: float = 0.0


@contextlib.contextmanager
def span() -> Iterator[Span]:
    """Measure the wall time, and the processor time of this process's tree, of a block."""
    result = Span()
    cpu, busy, start = cpu_seconds(), busy_seconds(), time.perf_counter()
    yield result
    result.wall_s = time.perf_counter() - start
    result.cpu_s = cpu_seconds() - cpu
    others = max(0.0, busy_seconds() - busy - result.cpu_s)
    result.others_share = round(others / max(result.wall_s, 0.01) / (os.cpu_count() or 1), 4)


def undisturbed(work: Callable[[], T], share: Callable[[T], float], tries: int = 3) -> T:
    """Do something that is measured, again where others used too much of the machine; the least disturbed counts.

    With several tries, each waits for a quiet moment.
    """
    results: list[T] = []
    while len(results) < tries and (not results or share(results[-1]) > MOST_FOR_OTHERS):
        if tries > 1:
            wait_for_quiet()
        results.append(work())
    return min(results, key=share)


def wait_for_quiet(share: float = MOST_FOR_OTHERS, at_most_s: float = 600.0) -> None:
    """Wait for two seconds in which the machine does next to nothing; not for ever."""
    end = time.monotonic() + at_most_s
    while time.monotonic() < end:
        busy = busy_seconds()
        time.sleep(2.0)
        if busy_seconds() - busy <= 2.0 * share * (os.cpu_count() or 1):
            return


def about() -> dict[str, Any]:
    """Describe the machine, the versions and the commit that figures belong to."""
    return {
        "machine": machine(),
        "versions": {"python": platform.python_version(), **versions()},
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def machine() -> dict[str, Any]:
    """Describe the processor, its memory and the GPU."""
    name = re.search(r"^model name\s*:\s*(.+)$", (PROC / "cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+)", (PROC / "meminfo").read_text(), re.MULTILINE)
    return {
        "processor": name[1] if name else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory[1]) / 2**20, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()}",
        "gpu": gpu(),
        "load_before": round(os.getloadavg()[0], 2),  # of the last minute: above 0.3 something else was running
    }


def gpu() -> str | None:
    """Name the GPU and its driver, or None."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    return None


def versions() -> dict[str, str]:
    """Give the versions of what is measured; what is not installed is left out."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def commit() -> str:
    """Name the commit, with a plus where files differ from it."""
    if told := os.environ.get(COMMIT):
        return told
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
