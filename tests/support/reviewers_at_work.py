"""Decisions made in tests: as a reviewer makes them on what he sees, and lines of logs without a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.reviews import Action, Conflicts, Decision, Piece, Replayed, open_log, replay, version_of
from anime_whisper_ct2.reviews.lines import at_of, to_line

# 2027, in microseconds since 1970.
BEGUN = 1_800_000_000_000_000


def seen_as(id_: str, piece: Piece) -> str:
    """The version of a segment, as whoever sees it sends it back."""
    return version_of(id_, piece.start, piece.end, piece.text, piece.verdict, piece.rivals)


def on(id_: str, piece: Piece, action: Action, value: Any = None, **more: Any) -> Decision:
    """A draft of a decision about a segment."""
    return Decision("", "", id_, piece.start, piece.end, seen_as(id_, piece), action, value, **more)


def merging(id_: str, first: Piece, second: Piece, text: str) -> Decision:
    """A draft that makes one segment of two."""
    other = {"start": second.start, "end": second.end, "seen": seen_as(id_, second)}
    return on(id_, first, "merge", {"start": first.start, "end": second.end, "text": text, "with": other})


def cut(piece: Piece, at: float, *texts: str) -> list[dict[str, Any]]:
    """The value of a split in two."""
    return [{"start": piece.start, "end": at, "text": texts[0]}, {"start": at, "end": piece.end, "text": texts[1]}]


@dataclass
class Table:
    """Lines by several reviewers about one recording, without any files; `now` is what the next line's clock says."""

    transcript: Transcript
    lines: list[Decision] = field(default_factory=list)
    undone: set[str] = field(default_factory=set)
    now: int = BEGUN

    def sees(self, *, without: Sequence[Decision] = ()) -> tuple[Piece, ...]:
        """The segments, as somebody sees them to whom some lines have not come."""
        return self.replayed(without=without).pieces

    def replayed(self, conflicts: Conflicts | None = None, *, without: Sequence[Decision] = ()) -> Replayed:
        """What the lines come to."""
        known = [line for line in self.lines if line not in without]
        known.sort(key=lambda line: (line.at, line.reviewer, to_line(line)))
        return replay(self.transcript, known, lambda line: line.step in self.undone, conflicts)

    def decide(self, reviewer: str, draft: Decision, skew_us: int = 0) -> Decision:
        """Add a line."""
        self.now += 1
        line = replace(draft, at=at_of(self.now + skew_us), reviewer=reviewer)
        self.lines.append(line)
        return line


def say(pieces: Sequence[Piece]) -> list[tuple[str, str | None]]:
    """What segments say, and what was decided."""
    return [(piece.text, piece.verdict) for piece in pieces]


def decided(folder: Path, reviewer: str, *drafts: Decision) -> tuple[Decision, ...]:
    """Decisions as a log has them that was opened for them."""
    with open_log(folder, reviewer) as log:
        return log.append(drafts)
