"""What decisions make of recordings, put into the index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.records import RECORDING_FLAGS, Transcript
from anime_whisper_ct2.review.index.against import other_text, rate
from anime_whisper_ct2.review.index.numbering import Former, numbered
from anime_whisper_ct2.review.index.risk import Signs, risk, sure_of
from anime_whisper_ct2.review.index.rows import STATUSES, restored, status_of, stored
from anime_whisper_ct2.review.index.search_forms import fold
from anime_whisper_ct2.review.index.vocabulary import Vocabulary
from anime_whisper_ct2.reviews.records import Piece
from anime_whisper_ct2.reviews.versions import version_of_piece
from anime_whisper_ct2.text import Normalizer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

Read: TypeAlias = Callable[[int], Transcript]
Transaction: TypeAlias = Callable[[], AbstractContextManager[None]]
# So many are brought together before they go into the index.
_BLOCK = 100_000
_STATUS_NUMBERS = {status: number for number, status in enumerate(STATUSES)}
# DuckDB 1.5 takes an array of texts in which one is None for one of pandas: what is not there is written otherwise.
_NOBODY = -1
_FOLLOWING = {
    **{"row": np.int32, "start": np.float64, "stop": np.float64, "text": object, "folded": object, "cps": np.float64},
    **{"other": object, "cer": np.float64, "risk": np.float64},
}


@dataclass(frozen=True, slots=True)
class Changed:
    """A row and the piece that it is now; `facts`: of a row that has to be written anew, what the run says of it."""

    row: int
    rec: int
    piece: Piece
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the run says of the segments that a piece was made of: the worst of each."""

    logprob: float
    doubt: float | None
    flags: tuple[str, ...]
    retried: bool

    @classmethod
    def of(cls, transcript: Transcript, origins: Sequence[int]) -> Facts:
        """Gather them from the run's own segments."""
        segments = [transcript.segments[origin] for origin in origins]
        own = [flag for flag in transcript.flags if flag in RECORDING_FLAGS]
        doubts = [segment.doubt for segment in segments if segment.doubt is not None]
        return cls(
            min(segment.avg_logprob for segment in segments),
            max(doubts, default=None),
            tuple(dict.fromkeys((*(flag for segment in segments for flag in segment.flags), *own))),
            any(segment.retries is not None and segment.retries.kept != "first" for segment in segments),
        )


class Updating:
    """Puts pieces into the index; `moved`: recordings of which rows are gone, or behind, where `behind` has them."""

    def __init__(
        self,
        con: Connection,
        id_of: Callable[[int], str],
        firsts: npt.NDArray[np.int64],
        tags: Vocabulary,
        reviewers: Vocabulary,
        flagsets: list[tuple[str, ...]],
        normalizer: Normalizer,
        transaction: Transaction,
    ) -> None:
        self._con = con
        self._id_of = id_of
        self._firsts = firsts
        self._tags = tags
        self._reviewers = reviewers
        self._flagsets = flagsets
        self._normalizer = normalizer
        self._transaction = transaction
        total = int(firsts[-1])
        told = con.execute("SELECT row, rec FROM segments WHERE gone OR row >= ?", [total]).fetchall()
        self.behind = {row: rec for row, rec in told if row >= total}
        self.moved = {rec for _, rec in told}
        self._next = max(self.behind, default=total - 1) + 1

    def __call__(self, outcomes: Iterable[tuple[int, Sequence[Piece]]], read: Read) -> dict[int, tuple[int, ...]]:
        """Put outcomes in, all of them or none; gives the rows of each."""
        answer: dict[int, tuple[int, ...]] = {}
        same: list[Changed] = []
        with self._transaction():
            for rec, pieces in outcomes:
                answer[rec] = self._take(rec, pieces, read, same)
                if len(same) >= _BLOCK:
                    self._write(same)
                    same.clear()
            self._write(same)
        return answer

    def _take(self, rec: int, pieces: Sequence[Piece], read: Read, same: list[Changed]) -> tuple[int, ...]:
        """Find the rows of a recording's pieces, and what has to be written of them."""
        first, behind = int(self._firsts[rec]), int(self._firsts[rec + 1])
        if rec not in self.moved:
            rows = tuple(first + piece.origins[0] for piece in pieces)
            if len(rows) == behind - first == len(set(rows)) and all(len(piece.origins) == 1 for piece in pieces):
                same.extend(Changed(row, rec, piece) for row, piece in zip(rows, pieces, strict=True))
                return rows
        told = self._con.execute("SELECT row, origin, start, stop, mixed, gone FROM segments WHERE rec = ?", [rec])
        formers = {former.row: former for former in (Former(*line) for line in told.fetchall())}
        rows = numbered(pieces, first, tuple(formers.values()), self._new(rec))
        anew = []
        transcript = None
        for row, piece in zip(rows, pieces, strict=True):
            if len(piece.origins) == 1 and row in formers and not formers[row].mixed:
                same.append(Changed(row, rec, piece))
                continue
            transcript = transcript or read(rec)
            anew.append(Changed(row, rec, piece, Facts.of(transcript, piece.origins)))
        self._restructure(rec, rows, anew)
        same.extend(anew)
        self.moved.add(rec)
        return rows

    def _new(self, rec: int) -> Callable[[], int]:
        def new() -> int:
            row = self._next
            self._next += 1
            self.behind[row] = rec
            return row

        return new

    def _restructure(self, rec: int, rows: Sequence[int], anew: Sequence[Changed]) -> None:
        self._con.execute(
            "UPDATE segments SET gone = row NOT IN (SELECT unnest(?::INT[])) WHERE rec = ?", [list(rows), rec]
        )
        for each in anew:
            self._con.execute("DELETE FROM segments WHERE row = ?", [each.row])
            self._insert(each)

    def _insert(self, each: Changed) -> None:
        piece, facts = each.piece, each.facts
        assert facts is not None
        pace, known = self._con.execute(
            "SELECT p.pace, r.other FROM recs r JOIN speakers p ON p.number = r.speaker WHERE r.rec = ?", [each.rec]
        ).fetchall()[0]
        other = other_text(self._con, each.rec, piece.start, piece.end) if known else None
        cer = None if other is None else rate(other, piece.text, self._normalizer)
        cps = _cps(piece)
        signs = Signs(facts.logprob, facts.doubt, facts.flags, facts.retried, cps, pace, cer)
        line = {
            "row": each.row,
            "rec": each.rec,
            "origin": min(piece.origins),
            "start": piece.start,
            "stop": piece.end,
            "text": stored(piece.text),
            "folded": fold(piece.text),
            "logprob": facts.logprob,
            "doubt": facts.doubt,
            "flagset": self._flagset(facts.flags),
            "retried": facts.retried,
            "cps": cps,
            "other": None if other is None else stored(other),
            "cer": cer,
            "risk": risk(signs),
            "mixed": len(piece.origins) > 1,
            "gone": False,
            "touched": True,
        }
        self._con.execute(
            f"INSERT INTO segments ({', '.join(line)}) VALUES ({', '.join('?' * len(line))})", list(line.values())
        )

    def _flagset(self, flags: tuple[str, ...]) -> int:
        if flags not in self._flagsets:
            self._flagsets.append(flags)
            names = [stored(flag) for flag in flags]
            self._con.execute("INSERT INTO flagsets VALUES (?, ?, ?)", [len(self._flagsets) - 1, names, sure_of(flags)])
        return self._flagsets.index(flags)

    def _decided(self, changed: Sequence[Changed]) -> dict[str, npt.NDArray[Any]]:
        """Give the columns that say what was decided."""
        by = [each.piece.decided or each.piece.text_by for each in changed]
        return {
            "status": np.array([_STATUS_NUMBERS[status_of(each.piece)] for each in changed], np.uint8),
            "tagset": np.array([self._tags.number(list(each.piece.tags)) for each in changed], np.int32),
            "reviewer": np.array(
                [_NOBODY if line is None else self._reviewers.number(line.reviewer) for line in by], np.int32
            ),
            "decided_at": np.array(["" if line is None else line.at for line in by], object),
            "seen": np.array([self._seen(each) for each in changed], object),
            "heard": np.array(
                [np.nan if line is None or line.heard is None else line.heard for line in by], np.float64
            ),
        }

    def _seen(self, each: Changed) -> str:
        return version_of_piece(self._id_of(each.rec), each.piece) if each.piece.rivals else ""

    def _write(self, changed: Sequence[Changed]) -> None:
        """Write what was decided of rows that there are; where their text or times are others now, what follows."""
        if not changed:
            return
        columns = {
            "row": np.array([each.row for each in changed], np.int32),
            "start": np.array([each.piece.start for each in changed], np.float64),
            "stop": np.array([each.piece.end for each in changed], np.float64),
            "text": np.array([stored(each.piece.text) for each in changed], object),
            **self._decided(changed),
        }
        self._con.register("staged", columns)
        self._con.execute(
            f"""UPDATE segments SET status = staged.status, tagset = staged.tagset, heard = {_known("staged.heard")},
            reviewer = nullif(staged.reviewer, {_NOBODY}), decided_at = nullif(staged.decided_at, ''),
            seen = nullif(staged.seen, '')
            FROM staged WHERE staged.row = segments.row"""
        )
        anew = self._con.execute(
            """SELECT s.row, s.rec, n.start, n.stop, n.text, n.start <> s.start OR n.stop <> s.stop, s.other, r.other,
            s.logprob, s.doubt, s.flagset, s.retried, p.pace
            FROM segments s JOIN staged n ON n.row = s.row JOIN recs r ON r.rec = s.rec
            JOIN speakers p ON p.number = r.speaker WHERE n.start <> s.start OR n.stop <> s.stop OR n.text <> s.text"""
        ).fetchall()
        self._con.unregister("staged")
        if anew:
            self._write_texts([self._follows(*line) for line in anew])

    def _follows(
        self,
        row: int,
        rec: int,
        start: float,
        stop: float,
        text: str,
        timed: bool,
        other: str | None,
        known: bool,
        *facts: Any,
    ) -> tuple[Any, ...]:
        """Give what follows from a text and its times, as `_FOLLOWING` has it."""
        logprob, doubt, flagset, retried, pace = facts
        if timed and known:
            other = stored(other_text(self._con, rec, start, stop) or "")
        heard = restored(text)
        cer = None if other is None else rate(restored(other), heard, self._normalizer)
        cps = len(heard) / max(stop - start, 0.1)
        signs = Signs(logprob, doubt, self._flagsets[flagset], retried, cps, pace, cer)
        return (
            row,
            start,
            stop,
            text,
            fold(heard) or text,
            cps,
            other or "",
            np.nan if cer is None else cer,
            risk(signs),
        )

    def _write_texts(self, lines: Sequence[tuple[Any, ...]]) -> None:
        columns = {
            name: np.array([line[at] for line in lines], kind) for at, (name, kind) in enumerate(_FOLLOWING.items())
        }
        self._con.register("staged", columns)
        self._con.execute(
            f"""UPDATE segments SET start = n.start, stop = n.stop, text = n.text, folded = nullif(n.folded, n.text),
            cps = n.cps, other = CASE WHEN {_known("n.cer")} IS NOT NULL THEN n.other END, cer = {_known("n.cer")},
            risk = n.risk, touched = true
            FROM staged n WHERE n.row = segments.row"""
        )
        self._con.unregister("staged")


def _known(column: str) -> str:
    # Versions of DuckDB differ in whether NaN in an array is no number or nothing.
    return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END"


def _cps(piece: Piece) -> float:
    return len(piece.text) / max(piece.end - piece.start, 0.1)
