"""What was decided about the parts and about the merge itself: one log for each reviewer.

    OUT/review/edits-NAME.jsonl   the lines of all logs of that name, each once, by their times

Lines are taken over byte for byte; of what they say, only the time is read here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.lines import REVIEW
from anime_whisper_ct2.system.files import opened, remove, replace
from anime_whisper_ct2.system.locks import tried
from anime_whisper_ct2.system.refusals import reason

_LOGS = "edits-*.jsonl"
_BESIDE = ".merging"
# In the place of a log's extension: what a review holds while it appends.
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Joined:
    """How much was decided: lines, and by how many."""

    decisions: int = 0
    reviewers: int = 0


class ReviewLogs:
    """The logs of a merge: written beside on entering, in their place with `put`, and else as they were.

    What `out` holds stays in it: decisions about a merge outlive the next one. Memory: the lines of one reviewer.

    Raises InputError for a log that cannot be read, OutputError where a review has one of `out` open, and OSError.
    """

    def __init__(self, parts: Sequence[Path], out: Path) -> None:
        self._out = out / REVIEW
        self._logs: dict[str, list[Path]] = {}
        # What is decided already comes first, under the name that it has.
        for folder in (self._out, *(part / REVIEW for part in parts)):
            for path in sorted(folder.glob(_LOGS)):
                self._logs.setdefault(os.path.normcase(path.name), []).append(path)
        self._beside: list[tuple[Path, Path]] = []
        self._held = ExitStack()
        self._is_new = not self._out.exists()
        self.joined = Joined()

    def __enter__(self) -> ReviewLogs:
        try:
            for paths in self._logs.values():
                self._join(paths)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def put(self) -> None:
        """Put the logs into their place. Raises OSError."""
        for beside, log in self._beside:
            replace(beside, log)

    def _join(self, paths: Sequence[Path]) -> None:
        log = self._out / paths[0].name
        self._out.mkdir(parents=True, exist_ok=True)
        # Before it is read: what is appended between would be lost.
        self._hold(log)
        lines = list(dict.fromkeys(line for path in paths for line in _lines(path)))
        self.joined = Joined(self.joined.decisions + len(lines), self.joined.reviewers + bool(lines))
        content = b"".join(line for _, line in sorted(lines, key=lambda each: each[0]))
        if not content or (log in paths and _content(log) == content):
            return
        beside = log.with_name(log.name + _BESIDE)
        self._beside.append((beside, log))
        with opened(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _hold(self, log: Path) -> None:
        lock = log.with_suffix(_LOCK)
        if not self._held.enter_context(tried(lock)):
            raise OutputError(f"{log} is open in a review; end that, and merge again")
        self._held.callback(_discard, lock)

    def _close(self) -> None:
        for beside, _ in self._beside:
            _discard(beside)
        self._held.close()
        if self._is_new:
            # It holds logs by now, or parts had none but empty ones.
            with suppress(OSError):
                self._out.rmdir()


def _discard(path: Path) -> None:
    # Windows lets nobody remove what is open; what stays is in nobody's way.
    with suppress(OSError):
        remove(path, missing_ok=True, patience_s=0)


def _lines(path: Path) -> list[tuple[str, bytes]]:
    """Read the whole lines of a log with their times."""
    whole = _content(path).split(b"\n")[:-1]
    return [(_at(line, path, number), line + b"\n") for number, line in enumerate(whole, 1)]


def _content(path: Path) -> bytes:
    """Read a log; a torn last line counts for nothing."""
    try:
        with opened(path) as file:
            content = file.read()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error, path)}") from error
    return content[: content.rfind(b"\n") + 1]


def _at(line: bytes, path: Path, number: int) -> str:
    try:
        at = json.loads(line)["at"]
        if not isinstance(at, str):
            raise TypeError("its time is no text")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path}, line {number}: not a line that a review wrote; mend or remove it") from error
    return at
