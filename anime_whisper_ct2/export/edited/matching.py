"""Which segment of its recording a row of an edited table is about."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.export.clips.plan import is_one
from anime_whisper_ct2.export.edited.finding import FileName
from anime_whisper_ct2.export.edited.records import Remark, Row, Table
from anime_whisper_ct2.export.edited.states import Recording, State, Times, ms_of, times_of
from anime_whisper_ct2.export.edited.texts import Texts
from anime_whisper_ct2.export.formats.plain import flat, shown
from anime_whisper_ct2.reviews import Piece

# Times in names are rounded.
_SLACK_S = 0.002
# A table whose times all have fewer decimals was rounded by the program that saved it.
_DECIMALS, _SEVERAL = 3, 3


@dataclass(frozen=True, slots=True)
class Match:
    """A row, and the segment that it is about: the number `at` in a state.

    `to`: other times that it gives, in seconds. `rounded`: its times have lost decimals.
    """

    row: Row
    state: State
    at: int
    to: tuple[float, float] | None = None
    rounded: bool = False

    @property
    def piece(self) -> Piece:
        """The segment as that state has it."""
        return self.state.pieces[self.at]


@dataclass(frozen=True, slots=True)
class Matched:
    """The rows of a recording that fit, each segment once, and what is to be said of the others.

    `taken` are segments that some row is about, though it could not be used.
    """

    matches: tuple[Match, ...]
    unusable: tuple[Remark, ...]
    taken: tuple[Match, ...] = ()


def match_rows(recording: Recording, rows: Sequence[Row], table: Table, texts: Texts) -> Matched:
    """Find the segments of a table's rows by their times; those that were edited by what is left of both."""
    start, end = (table.columns.index(name) for name in ("start", "end"))
    exact = [_by_times(state) for state in recording.states]
    # A table of a row or two may have such times by itself.
    is_rounded = table.decimals < _DECIMALS and len(table.rows) >= _SEVERAL
    rounded = [_by_times(state, table.decimals) for state in recording.states] if is_rounded else []
    found: list[Match] = []
    loose: list[tuple[Row, tuple[float, float]]] = []
    unusable: list[Remark] = []
    used: set[tuple[int, int]] = set()
    for row in rows:
        times = _seconds(row.cells[start]), _seconds(row.cells[end])
        if times[0] is None or times[1] is None:
            which = row.cells[start] if times[0] is None else row.cells[end]
            unusable.append(Remark(row.line, f"{shown(which[:40])!r} is no time in seconds"))
            continue
        given = (times[0], times[1])
        match = _exactly(recording, exact, row, ms_of(*given), texts, used)
        match = match or _rounded(recording, rounded, row, ms_of(*given))
        if match is None:
            loose.append((row, given))
        else:
            found.append(_since(recording, match, given))
    fitting, doubled = _once(recording, found)
    moved, lost = _moved(recording, loose, [*fitting.matches, *fitting.taken], texts)
    return Matched(
        tuple(sorted((*fitting.matches, *moved), key=lambda match: match.row.line)),
        (*unusable, *doubled, *lost),
        fitting.taken,
    )


def match_clips(
    recording: Recording,
    rows: Sequence[tuple[Row, FileName]],
    name: str,
    planned: Callable[[State], Mapping[str, int]],
) -> Matched:
    """Find the segments of a list's rows by the names of their clips; `name` is the recording's.

    `planned` gives the names of a state's clips, each with the number of its segment.
    """
    plans = [planned(state) for state in recording.states]
    is_flat = any(file.flat for _, file in rows)
    flattened = [{flat(name): at for name, at in names.items()} for names in plans] if is_flat else []
    found: list[Match] = []
    unusable: list[Remark] = []
    for row, file in rows:
        if match := _planned(recording, flattened if file.flat else plans, row, file) or _within(
            recording, row, file, name
        ):
            found.append(match)
        else:
            unusable.append(Remark(row.line, f"{shown(row.cells[0])}: its times are those of no segment"))
    fitting, doubled = _once(recording, found)
    return Matched(fitting.matches, (*unusable, *doubled), fitting.taken)


def _by_times(state: State, decimals: int = _DECIMALS) -> Mapping[Times, Sequence[int]]:
    found: defaultdict[Times, list[int]] = defaultdict(list)
    for number, piece in enumerate(state.pieces):
        found[ms_of(round(piece.start, decimals), round(piece.end, decimals))].append(number)
    return found


def _exactly(
    recording: Recording,
    exact: Sequence[Mapping[Times, Sequence[int]]],
    row: Row,
    times: Times,
    texts: Texts,
    used: set[tuple[int, int]],
) -> Match | None:
    for number, (state, by_times) in enumerate(zip(recording.states, exact, strict=True)):
        if numbers := by_times.get(times):
            # Two segments may have the same times: the one whose text it is, else the next.
            free = [at for at in numbers if (number, at) not in used] or numbers
            at = next((at for at in free if texts.is_untouched(row, state.pieces[at].text)), free[0])
            used.add((number, at))
            return Match(row, state, at)
    return None


def _rounded(
    recording: Recording, rounded: Sequence[Mapping[Times, Sequence[int]]], row: Row, times: Times
) -> Match | None:
    for state, by_times in zip(recording.states, rounded, strict=False):
        if len(numbers := by_times.get(times, ())) == 1:
            return Match(row, state, numbers[0], rounded=True)
    return None


def _since(recording: Recording, match: Match, given: tuple[float, float]) -> Match:
    """Take times that a segment has by now for an edit of those that the export had, where that is known."""
    then, *others = recording.states
    if not recording.is_known or match.state not in others[:1]:
        return match
    numbers = then.made_of.get(match.piece.origins, ())
    if len(numbers) != 1 or recording.counterpart(piece := then.pieces[numbers[0]]) != match.at:
        return match
    return match if piece.verdict == "rejected" else Match(match.row, then, numbers[0], given)


def _once(recording: Recording, found: Iterable[Match]) -> tuple[Matched, list[Remark]]:
    """Take the rows that are the only ones of their segments; of copies that say the same, the first."""
    by_segment: defaultdict[tuple[object, ...], list[Match]] = defaultdict(list)
    for match in found:
        at = recording.counterpart(match.piece)
        key = ("gone", match.piece.origins, times_of(match.piece)) if at is None else ("now", at)
        by_segment[key].append(match)
    matches: list[Match] = []
    taken: list[Match] = []
    unusable: list[Remark] = []
    for several in by_segment.values():
        first, *others = several
        if all(other.row.cells == first.row.cells for other in others):
            matches.append(first)
            unusable += [Remark(other.row.line, f"is a copy of line {first.row.line}") for other in others]
        else:
            taken.append(first)
            lines = ", ".join(str(match.row.line) for match in several)
            unusable += [Remark(match.row.line, f"lines {lines} are about the same segment") for match in several]
    return Matched(tuple(matches), (), tuple(taken)), unusable


def _moved(
    recording: Recording, loose: Sequence[tuple[Row, tuple[float, float]]], fitting: Sequence[Match], texts: Texts
) -> tuple[list[Match], list[Remark]]:
    """Find what rows with other times than any segment's are about, among the segments that no other row is about."""
    state = recording.states[0]
    gone = {recording.counterpart(match.piece) for match in fitting if match.state is not state}
    own = {match.at for match in fitting if match.state is state}
    free = [
        number
        for number, piece in enumerate(state.pieces)
        if number not in own and piece.verdict != "rejected" and (not gone or recording.counterpart(piece) not in gone)
    ]
    times_free = {number: times_of(state.pieces[number]) for number in free}
    chosen: defaultdict[int, list[tuple[Row, tuple[float, float]]]] = defaultdict(list)
    unusable: list[Remark] = []
    for row, times in loose:
        at = _nearest(state, times_free, row, ms_of(*times), texts)
        if at is None:
            why = f"{shown(recording.bare.id)}: no segment is at {times[0]:g} to {times[1]:g} s"
            unusable.append(Remark(row.line, why))
        else:
            chosen[at].append((row, times))
    found: list[Match] = []
    for at, several in chosen.items():
        if len(several) == 1:
            found.append(Match(several[0][0], state, at, to=several[0][1]))
            continue
        why = f"{counted(len(several), 'row')} for one segment; split it in `awct2 review`"
        unusable += [Remark(row.line, why) for row, _ in several]
    return found, unusable


def _nearest(state: State, free: Mapping[int, Times], row: Row, given: Times, texts: Texts) -> int | None:
    """Choose the segment that a row was: one that it still begins or ends with, else the only one that it lies over."""
    over = [at for at, times in free.items() if min(times[1], given[1]) > max(times[0], given[0])]
    beside = [at for at in over if any(a == b for a, b in zip(free[at], given, strict=True))]
    for among in (beside, over, [at for at in over if texts.is_untouched(row, state.pieces[at].text)]):
        if len(among) == 1:
            return among[0]
    return None


def _planned(recording: Recording, plans: Sequence[Mapping[str, int]], row: Row, file: FileName) -> Match | None:
    for state, names in zip(recording.states, plans, strict=True):
        for tail in file.tails(file.last if file.flat else file.name):
            if tail in names:
                return Match(row, state, names[tail])
    return None


def _within(recording: Recording, row: Row, file: FileName, name: str) -> Match | None:
    """Find the only segment that lies in the stretch of a clip: it reaches at most halfway to the next one."""
    times = file.stretch_of(name)
    for state in recording.states:
        if times is None:
            inside = [0] if file.is_called(name) and is_one(state.transcript) else []
        else:
            inside = list(_inside(state, *times))
        if len(inside) == 1:
            return Match(row, state, inside[0])
    return None


def _inside(state: State, start_s: float, end_s: float) -> Iterator[int]:
    for number, piece in enumerate(state.pieces):
        if piece.start >= start_s - _SLACK_S and piece.end <= end_s + _SLACK_S:
            yield number


def _seconds(cell: str) -> float | None:
    """Read a time; some countries' spreadsheets write a comma into it."""
    text = cell.strip()
    try:
        number = float(text if "." in text else text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
