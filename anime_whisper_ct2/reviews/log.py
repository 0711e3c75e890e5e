"""The log of one reviewer, written: what `append` has returned from is on the disk."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.reviews.folder import log_files, names_for
from anime_whisper_ct2.reviews.lines import NO_DECISION, at_of, microseconds, read_line, to_line
from anime_whisper_ct2.reviews.records import Decision
from anime_whisper_ct2.system.appending import appended, write_whole
from anime_whisper_ct2.system.files import opened, remove, sync_folder
from anime_whisper_ct2.system.locks import tried
from anime_whisper_ct2.system.refusals import reason, subject

_PORTION_BYTES = 4 << 20
_BLOCK_BYTES = 1 << 16


def now_us() -> int:
    """Give the time in microseconds since 1970."""
    return time.time_ns() // 1000


class Log:
    """One reviewer's log, held open for appending."""

    def __init__(self, path: Path, reviewer: str, file: IO[bytes], clock: Callable[[], int] = now_us) -> None:
        self.reviewer = reviewer
        self.path = path
        self._file = file
        self._clock = clock
        self._last = _last_at(file, path)
        # Where the log ends that a failed write has left longer, which the disk would not take back either.
        self._whole: int | None = None

    def append(self, drafts: Sequence[Decision]) -> tuple[Decision, ...]:
        """Write decisions at the end, all or none; give them as they were written: with their times and the reviewer.

        Each is later than all before it, whatever the clock says. They are on the disk when this returns. Raises
        OutputError where they could not be written: the log is as it was, and the next try may succeed. Where the disk
        refuses to take even that back, what was written stays until that try takes it back first; the whole lines of it
        count as decided for who reads the log meanwhile, and for good where no try follows.
        """
        written: list[Decision] = []
        if drafts:
            self.append_all(drafts, written.append)
        return tuple(written)

    def append_all(self, drafts: Iterable[Decision], on_each: Callable[[Decision], object]) -> None:
        """Write decisions as `append` does, of which a million need not be in memory; each is told as it is written.

        All or none stay, also where what gives the drafts, or hears of the decisions, breaks off.
        """
        last = self._last
        try:
            self._check_place()
            self._take_back()
            self._whole = self._file.seek(0, os.SEEK_END)
            try:
                for portion in _portions(self._written(drafts, on_each)):
                    write_whole(self._file, portion)
                os.fsync(self._file.fileno())
            except BaseException:
                # Of a batch, portions may be written already.
                self._last = last
                self._take_back()
                raise
            self._whole = None
        except OSError as error:
            raise _cannot_write(self.path, error) from error

    def _written(self, drafts: Iterable[Decision], on_each: Callable[[Decision], object]) -> Iterator[Decision]:
        at = max(self._clock(), self._last + 1)
        for draft in drafts:
            decision = replace(draft, at=at_of(at), reviewer=self.reviewer)
            self._last, at = at, at + 1
            on_each(decision)
            yield decision

    def _take_back(self) -> None:
        if self._whole is not None:
            os.ftruncate(self._file.fileno(), self._whole)
            self._whole = None

    def _check_place(self) -> None:
        """Raise OSError where the log was moved away: what is written now would be lost."""
        if os.name == "posix" and not os.path.samestat(os.fstat(self._file.fileno()), self.path.stat()):
            raise FileNotFoundError(2, "another file has taken its place", str(self.path))


@contextmanager
def open_log(folder: Path, reviewer: str, clock: Callable[[], int] = now_us) -> Iterator[Log]:
    """Open a reviewer's log for as long as it is wanted; folder and log are made where they are not there.

    `clock` gives microseconds since 1970. Raises OutputError where another process has it open, or it cannot be
    written.
    """
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = _place(folder, reviewer)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    with contextlib.ExitStack() as stack:
        if is_new:
            stack.callback(_discard_folder, folder)
        lock = path.with_suffix(".lock")
        try:
            if not stack.enter_context(tried(lock)):
                raise OutputError(
                    f"{path}: is open in another review; end that one, or name another reviewer with --reviewer"
                )
            stack.callback(_discard, lock)
            file = stack.enter_context(appended(path))
            sync_folder(folder)
            log = Log(path, reviewer, file, clock)
        except OSError as error:
            raise _cannot_write(path, error) from error
        try:
            yield log
        finally:
            empty = _is_empty(file)
            file.close()
            if empty:
                _discard(path)


def _place(folder: Path, reviewer: str) -> Path:
    """Choose the log's file: the first of its names that is not another reviewer's, in any case of its letters."""
    there = {path.name.casefold(): path for path in log_files(folder)}
    names = list(names_for(reviewer))
    for name in names[:-1]:
        other = there.get(name.casefold())
        if other is None or (other.name == name and _writer(other) in (None, reviewer)):
            return folder / name
    return folder / names[-1]


def _writer(path: Path) -> str | None:
    """Say who has written the first line of a log; None where it has none yet."""
    with opened(path) as file:
        raw = file.readline()
    try:
        return read_line(raw).reviewer if raw.endswith(b"\n") else None
    except NO_DECISION:
        # Whose it is nobody knows; it is said when the logs are read.
        return ""


def _last_at(file: IO[bytes], path: Path) -> int:
    """Give the time of the last line, 0 of an empty log. Raises OSError."""
    at = file.seek(0, os.SEEK_END)
    tail = b""
    while at > 0 and tail.count(b"\n") < 2:
        step = min(_BLOCK_BYTES, at)
        at -= step
        file.seek(at)
        tail = file.read(step) + tail
    if not tail:
        return 0
    try:
        return microseconds(read_line(tail[:-1].rpartition(b"\n")[2]).at)
    except NO_DECISION:
        raise OutputError(f"{path}: its last line is no decision; mend or remove that line") from None


def _portions(decisions: Iterable[Decision]) -> Iterator[bytes]:
    portion = bytearray()
    for decision in decisions:
        portion += to_line(decision)
        if len(portion) >= _PORTION_BYTES:
            yield bytes(portion)
            portion.clear()
    if portion:
        yield bytes(portion)


def _is_empty(file: IO[bytes]) -> bool:
    try:
        return file.seek(0, os.SEEK_END) == 0
    except OSError:
        return False


def _discard(path: Path) -> None:
    # Windows lets nobody remove what is open; what stays is in nobody's way.
    with contextlib.suppress(OSError):
        remove(path, missing_ok=True, patience_s=0)


def _discard_folder(folder: Path) -> None:
    # Where nobody has decided anything, nothing is left behind.
    with contextlib.suppress(OSError):
        folder.rmdir()


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{subject(error, path)} cannot be written: {reason(error, path)}; mend that and try again")
