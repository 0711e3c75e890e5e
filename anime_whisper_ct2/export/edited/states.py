"""The forms of a recording that an export may have shown: as reviewed by then, as reviewed by now, and bare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.edited.marker import Made
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.reviews import Conflicts, Decision, Logs, Piece, replay
from anime_whisper_ct2.reviews.effective import effective
from anime_whisper_ct2.reviews.folder import log_files
from anime_whisper_ct2.reviews.lines import NO_DECISION, at_of, read_entry
from anime_whisper_ct2.reviews.structure import length_of
from anime_whisper_ct2.reviews.versions import milliseconds
from anime_whisper_ct2.system.files import opened
from anime_whisper_ct2.system.refusals import reason

Times = tuple[int, int]
Origins = Mapping[tuple[int, ...], Sequence[int]]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A recording in one form: each of its pieces is the segment of the same number of the transcript.

    `made_of`: the numbers of the pieces by which of the run's own they are made of.
    """

    pieces: tuple[Piece, ...]
    transcript: Transcript
    made_of: Origins


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A recording, and the forms that a table may show it in; the first is the likeliest.

    `now` are its segments as the review has left them. `is_known`: the first form is the one that the export had.
    `length_s`: where it ends. `said`: what texts segments at these times were given in the review so far.
    """

    bare: Transcript
    now: tuple[Piece, ...]
    states: tuple[State, ...]
    is_known: bool
    length_s: float
    said: Mapping[Times, frozenset[str]]
    made_of: Origins

    def counterpart(self, piece: Piece) -> int | None:
        """Give the number of what a segment of an earlier form is now; None where it was split or merged."""
        alike = self.made_of.get(piece.origins, ())
        if len(alike) == 1:
            return alike[0]
        return next((number for number in alike if times_of(self.now[number]) == times_of(piece)), None)


def ms_of(start_s: float, end_s: float) -> Times:
    """Give times in whole milliseconds, as they are compared."""
    return milliseconds(start_s), milliseconds(end_s)


def times_of(piece: Piece) -> Times:
    """Give a segment's times in whole milliseconds."""
    return ms_of(piece.start, piece.end)


class States:
    """The forms of a run's recordings; `made` says how the export was made, None where nothing does.

    Raises InputError for a log that cannot be read.
    """

    def __init__(self, folder: Path, logs: Logs, made: Made | None) -> None:
        self._logs = logs
        self._made = made
        self._then = None if made is None else _Then(folder, made.reviewers)

    def of(self, transcript: Transcript) -> Recording:
        """Give a recording, which is as the run has it."""
        bare = replay(transcript, (), lambda _: False).pieces
        length_s = length_of(transcript)
        if transcript.id not in self._logs.ids:
            made_of = _made_of(bare)
            return Recording(transcript, bare, (State(bare, transcript, made_of),), True, length_s, {}, made_of)
        decisions = self._logs.of(transcript.id)
        now = replay(transcript, decisions, self._logs.is_undone).pieces
        forms = [now, bare]
        if self._then is not None and self._made is not None:
            known = [decision for decision in decisions if self._then.was_there(decision)]
            forms.insert(0, _replayed(transcript, known, self._then.was_undone, self._made.conflicts))
        states = tuple(_state(transcript, pieces) for pieces in forms)
        is_known = self._then is not None
        return Recording(transcript, now, states, is_known, length_s, _said(decisions), _made_of(now))


def _replayed(
    transcript: Transcript,
    decisions: Sequence[Decision],
    is_undone: Callable[[Decision], bool],
    conflicts: Conflicts | None,
) -> tuple[Piece, ...]:
    return replay(transcript, decisions, is_undone, conflicts).pieces


def _state(transcript: Transcript, pieces: tuple[Piece, ...]) -> State:
    # In conflict, an export shows the run's own: the bare form has that.
    pieces = tuple(replace(piece, rivals=()) for piece in pieces)
    return State(pieces, effective(transcript, pieces), _made_of(pieces))


def _made_of(pieces: Sequence[Piece]) -> Origins:
    found: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        found[piece.origins].append(number)
    return found


def _said(decisions: Sequence[Decision]) -> Mapping[Times, frozenset[str]]:
    found: defaultdict[Times, set[str]] = defaultdict(set)
    for decision in decisions:
        if decision.action == "correct":
            found[ms_of(decision.start, decision.end)].add(decision.value)
    return {times: frozenset(texts) for times, texts in found.items()}


class _Then:
    """Which lines of a review were there when it was applied, told by how many each reviewer had written."""

    def __init__(self, folder: Path, reviewers: Mapping[str, int]) -> None:
        self._until: dict[str, str] = {}
        self._undone: set[tuple[str, str]] = set()
        if not reviewers:
            return
        undos: defaultdict[str, dict[str, str]] = defaultdict(dict)
        times: defaultdict[str, list[str]] = defaultdict(list)
        for reviewer, at, undoes in _lines(folder):
            times[reviewer].append(at)
            if undoes is not None:
                undos[reviewer][at] = undoes
        for reviewer, count in reviewers.items():
            if count > 0 and (there := sorted(times[reviewer])[:count]):
                self._until[reviewer] = there[-1]
        for reviewer, targets in undos.items():
            for at in sorted(targets, reverse=True):
                if at <= self._until.get(reviewer, "") and (reviewer, at) not in self._undone:
                    self._undone.add((reviewer, targets[at]))

    def was_there(self, decision: Decision) -> bool:
        """Say whether a decision had been made by then."""
        return decision.at <= self._until.get(decision.reviewer, "")

    def was_undone(self, decision: Decision) -> bool:
        """Say whether it had been undone by then."""
        return (decision.reviewer, decision.step) in self._undone


def _lines(folder: Path) -> set[tuple[str, str, str | None]]:
    """Read who has written the lines of all logs, when, and of undos what they undo; those that are copies once.

    Raises InputError for a log that cannot be read.
    """
    found: set[tuple[str, str, str | None]] = set()
    path = folder
    try:
        for path in log_files(folder):
            with opened(path) as file:
                for raw in file:
                    if raw.endswith(b"\n"):
                        entry = read_entry(raw)
                        found.add((entry.reviewer, at_of(entry.at), entry.value if entry.action == "undo" else None))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error, path)}") from error
    except NO_DECISION as error:
        raise InputError(f"{path} was changed while it was read; try again") from error
    return found
