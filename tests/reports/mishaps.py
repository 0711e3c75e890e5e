"""Random cuts, flips, removals and joins: `python -m tests.reports.mishaps [--count 2000] [--seed N] [--keep FOLDER]`.

What fails is kept, with its seed, and the exit status is 1: sound lost without a word where the `ffmpeg` command hears
it, or an error that is none of ours.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Queue
from random import Random

import numpy as np

from anime_whisper_ct2.audio import Findings, blocks_of
from anime_whisper_ct2.errors import RecordingError
from anime_whisper_ct2.records import Float32
from tests.reports.oracle import RATE, heard_by_ffmpeg
from tests.reports.sounds import encode, speech

# So much may be lost without a word.
LOST_S = 0.2
_SECONDS = 4.0
_PIECE, _SOUND = RATE // 50, 0.004
# Where the command hears this much, refusing is noted: too strict, though no fault.
_USABLE_S = 0.3
# Files of a few seconds; the command has a minute of its own.
_HANG_S = 90.0
FORMATS: dict[str, tuple[int, tuple[str, ...]]] = {
    "wav": (44_100, ()),
    "flac": (44_100, ()),
    "ogg": (44_100, ("-c:a", "libvorbis", "-page_duration", "300000")),
    "opus": (48_000, ("-c:a", "libopus", "-b:a", "64k", "-page_duration", "300000")),
    "mp3": (44_100, ("-q:a", "4")),
    "m4a": (44_100, ("-c:a", "aac", "-movflags", "+faststart")),
    "webm": (48_000, ("-c:a", "libopus", "-b:a", "64k", "-cluster_time_limit", "500")),
    "mkv": (44_100, ("-c:a", "aac", "-cluster_time_limit", "500")),
    "aac": (44_100, ("-c:a", "aac")),
    "ts": (48_000, ("-c:a", "aac")),
    "aiff": (44_100, ()),
    "w64": (44_100, ()),
}
OPERATIONS = ("cut", "flip", "remove", "join")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; `fault` is empty where that is right. Seconds are those with sound in them."""

    number: int
    kind: str
    operation: str
    ours_s: float
    theirs_s: float
    word: str  # what is said about it: nothing, `incomplete`, or `refused`
    fault: str = ""


@cache
def originals(folder: Path, kind: str) -> tuple[bytes, ...]:
    """Make three whole files of a format: mono, stereo, and mono of another place."""
    rate, options = FORMATS[kind]
    made = []
    for number, (start_s, channels) in enumerate(((0.0, 1), (5.0, 2), (10.0, 1))):
        path = folder / f"{kind}-{number}.{kind}"
        if not path.exists():
            partial = folder / f"{kind}-{number}-{multiprocessing.current_process().pid}.{kind}"
            encode(partial, speech(start_s, _SECONDS, rate, channels), rate, *options)
            partial.replace(path)
        made.append(path.read_bytes())
    return tuple(made)


def _range(random: Random, size: int) -> tuple[int, int]:
    start = random.randrange(size)
    return start, min(size, start + 1 + int(random.expovariate(1 / random.choice((20, 400, size / 20)))))


def mishap(seed: int, number: int, folder: Path) -> tuple[str, str, bytes]:
    """Give format, operation and bytes of a case; the same for the same seed and number."""
    random = Random(f"{seed} {number}")
    kind = list(FORMATS)[number % len(FORMATS)]
    operation = random.choice(OPERATIONS)
    wholes = originals(folder, kind)
    data = bytearray(random.choice(wholes))
    if operation == "cut":
        del data[random.randrange(1, len(data)) :]
    elif operation == "flip":
        for _ in range(random.choice((1, 1, 3, 20))):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    elif operation == "remove":
        start, end = _range(random, len(data))
        del data[start:end]
    else:
        other = random.choice(wholes)
        data += other[random.choice((0, 0, random.randrange(len(other)))) :]
    return kind, operation, bytes(data)


def try_one(seed: int, number: int, folder: Path, keep: Path | None = None) -> Outcome:
    """Make one file and compare what is heard in it; keep it where that is wrong."""
    kind, operation, data = mishap(seed, number, folder)
    path = folder / f"case-{number}.{kind}"
    path.write_bytes(data)
    try:
        outcome = _judged(number, kind, operation, path)
        if outcome.fault and keep:
            shutil.copy(path, keep / f"{seed}-{number}.{kind}")
    finally:
        path.unlink()
    return outcome


def _judged(number: int, kind: str, operation: str, path: Path) -> Outcome:
    theirs = heard_by_ffmpeg(path)
    findings, blocks, word, fault = Findings(), [np.zeros(0, np.float32)], "", ""
    try:
        for block in blocks_of(str(path), findings=findings):
            blocks.append(block)
    except RecordingError:
        word = "refused"
    except Exception as error:  # any other kind would end a run
        fault = f"{type(error).__name__}: {error}"[:200]
    ours = np.concatenate(blocks)
    word = word or ("incomplete" if findings.incomplete else "")
    if not np.isfinite(ours).all():
        fault = "samples that are no numbers"
    shorter_s, quieter_s = (len(theirs) - len(ours)) / RATE, sounding_s(theirs) - sounding_s(ours)
    # What is left of the sound of damaged packets is quieter here and there without being lost.
    if not word and not fault and (shorter_s > LOST_S or quieter_s > max(LOST_S, sounding_s(theirs) / 10)):
        fault = f"{max(shorter_s, quieter_s):.3f} s lost without a word"
    return Outcome(number, kind, operation, sounding_s(ours), sounding_s(theirs), word, fault)


def sounding_s(samples: Float32) -> float:
    """Count the seconds that are no pause: gaps filled with silence are none."""
    pieces = samples[: len(samples) // _PIECE * _PIECE].reshape(-1, _PIECE).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        return float((np.sqrt((pieces**2).mean(axis=1)) > _SOUND).sum() * _PIECE / RATE) if len(pieces) else 0.0


def _serve(pipe: Connection, seed: int, folder: Path, keep: Path) -> None:
    """Try the numbers that come, until none does."""
    while (number := pipe.recv()) is not None:
        pipe.send(try_one(seed, number, folder, keep))


class _Child:
    """A process for files, replaced when one of them ends or holds it."""

    def __init__(self, seed: int, folder: Path, keep: Path) -> None:
        self._given = seed, folder, keep
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, *self._given), daemon=True)
        self._process.start()
        theirs.close()

    def __call__(self, number: int) -> Outcome:
        """Try one file, whatever becomes of the process."""
        self._pipe.send(number)
        try:
            if self._pipe.poll(_HANG_S):
                outcome: Outcome = self._pipe.recv()
                return outcome
            fault = f"no end after {_HANG_S:.0f} s"
        except (EOFError, ConnectionError):
            self._process.join()
            fault = f"the process ended with status {self._process.exitcode}"
        self._process.kill()
        self._process.join()
        self._start()
        seed, folder, keep = self._given
        kind, operation, data = mishap(seed, number, folder)
        (keep / f"{seed}-{number}.{kind}").write_bytes(data)
        return Outcome(number, kind, operation, 0.0, 0.0, "", fault)

    def close(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join(10)
        self._process.kill()


def many(seed: int, numbers: range, folder: Path, keep: Path, processes: int) -> Iterator[Outcome]:
    """Try them all, some at a time."""
    idle: Queue[_Child] = Queue()
    children = [_Child(seed, folder, keep) for _ in range(processes)]
    for child in children:
        idle.put(child)

    def tried(number: int) -> Outcome:
        child = idle.get()
        try:
            return child(number)
        finally:
            idle.put(child)

    with ThreadPoolExecutor(processes) as threads:
        for done in as_completed([threads.submit(tried, number) for number in numbers]):
            yield done.result()
    for child in children:
        child.close()


def table(outcomes: list[Outcome]) -> str:
    """Sum up, one line for each format and operation."""
    lines = [
        f"{'format':8}{'mishap':10}{'files':>7}{'heard':>7}{'flagged':>9}{'refused':>9}{'needlessly':>12}{'faults':>8}"
    ]
    groups = Counter((one.kind, one.operation) for one in outcomes)
    for (kind, operation), count in sorted(groups.items()):
        group = [one for one in outcomes if (one.kind, one.operation) == (kind, operation)]
        words = Counter(one.word for one in group if not one.fault)
        faults = sum(1 for one in group if one.fault)
        needless = sum(1 for one in group if one.word == "refused" and one.theirs_s > _USABLE_S)
        counted = f"{words['']:>7}{words['incomplete']:>9}{words['refused']:>9}{needless:>12}{faults:>8}"
        lines.append(f"{kind:8}{operation:10}{count:>7}{counted}")
    return "\n".join(lines)


def main() -> int:
    """Try so many files and sum up."""
    parser = argparse.ArgumentParser(prog="python -m tests.reports.mishaps", description=__doc__)
    parser.add_argument("--count", type=int, default=2_000, help="how many files (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for other files (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one (default: %(default)s)")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir(), "mishaps"), help="for those that fail")
    parser.add_argument("--processes", type=int, default=2, help="at a time (default: %(default)s)")
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        numbers = range(given.first, given.first + given.count)
        for outcome in many(given.seed, numbers, Path(folder), given.keep, given.processes):
            outcomes.append(outcome)
            if outcome.fault:
                print(
                    f"{given.seed}-{outcome.number}.{outcome.kind} {outcome.operation}: {outcome.fault} "
                    f"({outcome.ours_s:.2f} of {outcome.theirs_s:.2f} s with sound)",
                    flush=True,
                )
    faults = [one for one in outcomes if one.fault]
    print(table(outcomes))
    print(f"{len(outcomes)} files in {time.monotonic() - start:.0f} s, {len(faults)} faults, kept in {given.keep}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
