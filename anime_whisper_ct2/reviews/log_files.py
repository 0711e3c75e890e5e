"""One log on the disk: read on from where it was read to, and its lines by their places."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.reviews.lines import NO_DECISION, Entry, read_entry
from anime_whisper_ct2.system.files import opened
from anime_whisper_ct2.system.refusals import reason


@dataclass(frozen=True, slots=True)
class _Stamp:
    """By what a file is known to be the same still, without a look into it."""

    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Stamp:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


class LogFile:
    """A log, of which `size` bytes were read: whole lines. Those of a copy that ends them by CRLF are given by LF.

    A line's digest is the `hash` of its bytes as they are given.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._lines = 0
        self._last = b""
        self._stamp: _Stamp | None = None
        self._file: IO[bytes] | None = None
        self._closing: Callable[[], object] = lambda: None

    def has_grown(self, digests: Callable[[], Sequence[int]]) -> bool:
        """Say whether what was read of the log is still its beginning.

        One that was appended to is known by its last line; of one that another took the place of, as who copies or
        pulls does it, all lines must have their `digests`. Raises OSError where it cannot be looked at.
        """
        try:
            now = _Stamp.of(self.path.stat())
            if now == self._stamp:
                return True
            with opened(self.path) as file:
                now = _Stamp.of(os.fstat(file.fileno()))
                appended = self._stamp is not None and now.inode == self._stamp.inode and now.size > self._stamp.size
                holds = self._ends_so(file) if appended else self._holds(file, digests())
        except FileNotFoundError:
            return False
        if not appended:
            # What is open may be the file that was replaced.
            self.close()
        if holds:
            self._stamp = now
        return holds

    def read_on(self) -> Iterator[tuple[int, bytes, Entry]]:
        """Read the lines that were appended since, each with its offset. Raises InputError for one that is none."""
        try:
            if self.path.stat().st_size == self.size:
                return
            with opened(self.path) as file:
                if self._stamp is None:
                    self._stamp = _Stamp.of(os.fstat(file.fileno()))
                file.seek(self.size)
                for raw in file:
                    # Torn, or being written.
                    if not raw.endswith(b"\n"):
                        return
                    given = _plain(raw)
                    yield self.size, given, self._read(given)
                    self.size += len(raw)
                    self._lines += 1
                    self._last = raw
        except OSError as error:
            raise unreadable(self.path, error) from error

    def line_at(self, offset: int, digest: int) -> bytes:
        """Give the line that begins there. Raises InputError where it is another by now, or cannot be read."""
        for again in (False, True):
            try:
                raw = self._line_at(offset)
            except OSError as error:
                if again:
                    raise unreadable(self.path, error) from error
            else:
                if hash(raw) == digest:
                    return raw
            # Another file may have taken its place, which begins as this one does.
            self.close()
        raise InputError(f"{self.path} was changed while it was read; try again")

    def close(self) -> None:
        """Let go of the file."""
        self._closing()
        self._file = None

    def _line_at(self, offset: int) -> bytes:
        if self._file is None:
            self._file = opened(self.path)
            self._closing = weakref.finalize(self, self._file.close)
        self._file.seek(offset)
        return _plain(self._file.readline())

    def _ends_so(self, file: IO[bytes]) -> bool:
        file.seek(self.size - len(self._last))
        return file.read(len(self._last)) == self._last

    def _holds(self, file: IO[bytes], digests: Sequence[int]) -> bool:
        """Say whether a file begins with the lines that were read, byte for byte as far as their places go."""
        at = 0
        for digest in digests:
            raw = file.readline()
            at += len(raw)
            if hash(_plain(raw)) != digest:
                return False
        return at == self.size

    def _read(self, raw: bytes) -> Entry:
        try:
            return read_entry(raw)
        except NO_DECISION as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise InputError(
                f"{self.path}, line {self._lines + 1}: no decision ({what}); mend or remove that line"
            ) from error


def unreadable(path: Path, error: OSError) -> InputError:
    """Say why a log or their folder cannot be read."""
    return InputError(f"{path} cannot be read: {reason(error, path)}")


def _plain(raw: bytes) -> bytes:
    # Git may check a log out so, and it is to be the same as the one that it is a copy of.
    return raw[:-2] + b"\n" if raw.endswith(b"\r\n") else raw
