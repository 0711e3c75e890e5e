"""The logs of a folder, read: which recordings were decided on, and what was decided, without all of it in memory."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.reviews.folder import log_files
from anime_whisper_ct2.reviews.ledger import DECISIONS, Kind, Ledger, Lines
from anime_whisper_ct2.reviews.lines import Entry, at_of, read_line
from anime_whisper_ct2.reviews.log_files import LogFile, unreadable
from anime_whisper_ct2.reviews.records import Decision
from anime_whisper_ct2.reviews.steps import Keys, Stack, Step, Steps
from anime_whisper_ct2.reviews.undoing import Undoing


class Logs:
    """All logs of a folder; one that is not there holds none. May be used by several threads.

    Exactly equal lines, as copied and merged logs have them, count once. A torn last line is passed over. Memory: the
    ids that were decided on, and some 50 bytes a line. Raises InputError for a line that is no decision, naming it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        # What `refresh` has not told yet: of a log that was replaced, and the first line that it did not tell of.
        self._lost: frozenset[str] = frozenset()
        self._told = 0
        self._begin()
        if fault := self._read():
            raise fault
        self._told = len(self._ledger)
        self.problem: str | None = None

    def __len__(self) -> int:
        with self._lock:
            return len(self._ledger.distinct())

    @property
    def ids(self) -> Collection[str]:
        """The recordings that have decisions, undone ones too; they may grow while they are looked at."""
        with self._lock:
            return self._ledger.ids

    @property
    def samples(self) -> tuple[Decision, ...]:
        """The samples that were drawn, in the order of their times."""
        with self._lock:
            return tuple(decision for _, decision in sorted(self._samples.items(), key=_order))

    @property
    def reviewers(self) -> Mapping[str, int]:
        """How many lines each has written."""
        with self._lock:
            return self._ledger.counts()

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many bytes of each log were read, by its name in the folder."""
        with self._lock:
            return {file.path.name: file.size for file in self._files}

    def of(self, id_: str) -> tuple[Decision, ...]:
        """Give what was decided about a recording, in the order of time: undone decisions too, undos not.

        Raises InputError where a log was changed meanwhile.
        """
        with self._lock:
            read = dict(self._lines(self._ledger.lines_of(id_)))
        return tuple(decision for _, decision in sorted(read.items(), key=_order))

    def is_undone(self, decision: Decision) -> bool:
        """Say whether the step is undone that a decision belongs to."""
        with self._lock:
            undoing = self._undoing.get(decision.reviewer)
            return undoing is not None and undoing.is_undone(self._ledger.key(decision.step))

    def refresh(self) -> frozenset[str]:
        """Read what was appended since; give the ids whose outcome may have changed by it.

        Where a log has become shorter, is gone, or another one took its place, all are read anew. What cannot be read
        is passed over, and told by the next call that can: `problem` says which log, and why, or is None.
        """
        with self._lock:
            self.read()
            told, lost = self._affected(np.arange(self._told, len(self._ledger))), self._lost
            self.pass_over()
            return told | lost if lost else told

    def pass_over(self) -> None:
        """Have `refresh` tell nothing of what was read until now."""
        with self._lock:
            self._told, self._lost = len(self._ledger), frozenset()

    def read(self) -> None:
        """Read what was appended since, as `refresh`, which is still to tell of it then."""
        with self._lock:
            unread: dict[LogFile, InputError] = {}
            is_grown = True
            for number, file in enumerate(self._files):
                try:
                    is_grown = is_grown and file.has_grown(partial(self._ledger.digests, number))
                except OSError as error:
                    unread[file] = unreadable(file.path, error)
            if not is_grown:
                self._lost |= frozenset(self._ledger.ids)
                self._close()
                self._begin()
                self._told = 0
            fault = self._read(unread)
            self.problem = None if fault is None else str(fault)

    def ids_since(self, sizes: Mapping[str, int]) -> frozenset[str] | None:
        """Give the ids whose outcome may differ from when the logs had these sizes; None where nobody can tell."""
        with self._lock:
            there = self.sizes
            if any(there.get(name, -1) < size for name, size in sizes.items()):
                return None
            return self._affected(self._ledger.since([sizes.get(file.path.name, 0) for file in self._files]))

    def history(self, reviewer: str) -> Steps:
        """Give what a reviewer can undo and redo, the newest last."""
        with self._lock:
            number = self._ledger.reviewer_number(reviewer)
            stack = self._stacks.get(number)
            if stack is None:
                stack = self._stacks[number] = Stack()
                for line in self._ledger.distinct().tolist():
                    if self._ledger.reviewer[line] == number:
                        self._stack(stack, line)
            return stack.steps(partial(self._step, self._ledger, number))

    def step_ids(self, step: Step) -> tuple[Iterator[str], Iterator[str]]:
        """Give the ids of the recordings that a step is about, to be gone through before anything else is asked.

        First those about which there is no other line, and of which it leaves texts and times as they are, so that they
        are the run's own again when it is undone; then the others.
        """
        with self._lock:
            number, key = self._ledger.reviewer_number(step.first.reviewer), self._ledger.key(step.name)
            lines = self._ledger.step_lines(number, key)
            lone = self._ledger.lone(lines)
            return self._ledger.recordings(lines[lone]), self._ledger.recordings(lines[~lone])

    def _begin(self) -> None:
        self._ledger = Ledger()
        self._files: list[LogFile] = []
        self._samples: dict[bytes, Decision] = {}
        self._undoing: dict[str, Undoing] = {}
        self._targets: dict[int, int] = {}  # of undos, by their lines
        # Only of reviewers who were asked about.
        self._stacks: dict[int, Stack] = {}
        self._latest: dict[int, int] = {}

    def _read(self, unread: Mapping[LogFile, InputError] = MappingProxyType({})) -> InputError | None:
        """Read on in all but some; gives what was wrong with the first of those that could not be read to their end."""
        faults = list(unread.values())
        try:
            known = {file.path for file in self._files}
            self._files += [LogFile(path) for path in log_files(self._folder) if path not in known]
        except OSError as error:
            faults.append(unreadable(self._folder, error))
        try:
            for number, file in enumerate(self._files):
                if file not in unread and (fault := self._read_file(number, file)):
                    faults.append(fault)
        finally:
            self._ledger.settle()
        return next(iter(faults), None)

    def _read_file(self, number: int, file: LogFile) -> InputError | None:
        try:
            for offset, raw, entry in file.read_on():
                self._take(number, offset, raw, entry)
        except InputError as error:
            return error
        return None

    def _take(self, file: int, offset: int, raw: bytes, entry: Entry) -> None:
        line = self._ledger.add(file, offset, raw, entry)
        at, reviewer = self._ledger.at[line], self._ledger.reviewer[line]
        if entry.action == "sample":
            self._samples.setdefault(raw, read_line(raw))
        elif entry.action == "undo":
            target = self._targets[line] = self._ledger.key(entry.value)
            self._undoing.setdefault(entry.reviewer, Undoing()).add(at, target)
        if (stack := self._stacks.get(reviewer)) is None:
            pass
        elif at > self._latest.get(reviewer, at - 1):
            self._stack(stack, line)
        else:
            # Out of another's copy: the order is another one.
            del self._stacks[reviewer]
        self._latest[reviewer] = max(at, self._latest.get(reviewer, at))

    def _stack(self, stack: Stack, line: int) -> None:
        kind = self._ledger.kind[line]
        if kind == Kind.UNDO:
            stack.undid(self._targets[line], self._ledger.at[line])
        elif kind in DECISIONS:
            stack.did(self._ledger.key_of(line))

    def _affected(self, lines: Lines) -> frozenset[str]:
        """Give the recordings that lines are about, and those of the steps that they undo or redo."""
        about = [lines]
        for line in self._ledger.undos(lines).tolist():
            number = self._ledger.reviewer[line]
            key = self._undoing[self._ledger.reviewers[number]].origin(self._targets[line])
            about.append(self._ledger.step_lines(number, key))
        return frozenset(self._ledger.recordings(np.concatenate(about)))

    def _step(self, ledger: Ledger, reviewer: int, keys: Keys) -> Step:
        key, undone_at = keys
        with self._lock:
            if ledger is not self._ledger:
                raise InputError(f"{self._folder}: a log was replaced while it was read; try again")
            lines = ledger.step_lines(reviewer, key)
            ((_, first),) = self._lines(lines[:1].tolist())
        return Step(first.step, first, len(lines), at_of(undone_at) if undone_at else None)

    def _lines(self, lines: Sequence[int]) -> Iterator[tuple[bytes, Decision]]:
        for line in lines:
            raw = self._files[self._ledger.file[line]].line_at(self._ledger.offset[line], self._ledger.digest(line))
            yield raw, read_line(raw)

    def _close(self) -> None:
        for file in self._files:
            file.close()


def _order(read: tuple[bytes, Decision]) -> tuple[str, str, bytes]:
    raw, decision = read
    return decision.at, decision.reviewer, raw
