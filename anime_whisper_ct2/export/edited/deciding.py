"""What an edited row makes of its segment, beside what the review has made of that since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from anime_whisper_ct2.export.edited.matching import Match
from anime_whisper_ct2.export.edited.records import Change, Making, Remark
from anime_whisper_ct2.export.edited.states import Recording, ms_of, times_of
from anime_whisper_ct2.export.edited.texts import Texts
from anime_whisper_ct2.export.formats.plain import shown
from anime_whisper_ct2.reviews import Decision, Piece, version_of_piece
from anime_whisper_ct2.reviews.structure import Held, Impossible, outcome

# Behind the name of a batch: it came out of a table.
_BATCH = " from a table"
_RESHAPED = "was split or merged in the review since; correct it there"


@dataclass(frozen=True, slots=True)
class Rules:
    """Who decides, as which step, and whether also against what was decided since the export."""

    reviewer: str
    batch: str
    force: bool = False


@dataclass(slots=True)
class Outcome:
    """What comes of the rows of some recordings: changes, the lines that make them, and what is left out."""

    changes: list[Change] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    already: int = 0
    unusable: list[Remark] = field(default_factory=list)
    conflicts: list[Remark] = field(default_factory=list)


def batch_name(token: str) -> str:
    """Name a step that came out of a table."""
    return token + _BATCH


def decide(
    recording: Recording, matches: Iterable[Match], missing: Iterable[Match], texts: Texts, rules: Rules, out: Outcome
) -> None:
    """Work out what the rows of one recording come to; `missing` are segments whose rows are gone, to be rejected."""
    desk = _Desk(recording, texts, rules, out)
    for match in matches:
        desk.read(match)
    for match in missing:
        desk.reject_missing(match)
    desk.draft()


@dataclass(slots=True)
class _Wish:
    """What a row wants of a segment; `text` is empty where it is to be rejected, None where the text stays."""

    line: int
    text: str | None = None
    to: tuple[float, float] | None = None


class _Desk:
    def __init__(self, recording: Recording, texts: Texts, rules: Rules, out: Outcome) -> None:
        self._recording = recording
        self._id = recording.bare.id
        self._texts = texts
        self._rules = rules
        self._out = out
        self._pieces = list(recording.now)
        self._wishes: dict[int, _Wish] = {}

    def read(self, match: Match) -> None:
        """Take in a row."""
        text = self._edited(match)
        retimed = match.to is not None and text != "" and ms_of(*match.to) != times_of(match.piece)
        if text is None and not retimed:
            return
        at = self._recording.counterpart(match.piece)
        if at is None:
            self._refuse(match.row.line, match.piece, _RESHAPED)
            return
        now = self._pieces[at]
        wish = _Wish(match.row.line)
        if text is not None:
            if self._is_so(match, now, text):
                self._out.already += 1
            elif self._is_changed(match, now) and not self._rules.force:
                self._conflict(match.row.line, now, _why(now))
                return
            else:
                wish.text = text
        if retimed and match.to is not None:
            if ms_of(*match.to) == times_of(now):
                self._out.already += 1
            elif why := self._not_to_be_trimmed(match, now):
                is_settled = not now.rivals and now.verdict != "rejected"
                (self._conflict if is_settled else self._refuse)(match.row.line, now, why)
            else:
                wish.to = match.to
        if wish.text is not None or wish.to is not None:
            self._wishes[at] = wish

    def reject_missing(self, match: Match) -> None:
        """Take in that the row of a segment is gone."""
        at = self._recording.counterpart(match.piece)
        if at is None:
            self._refuse(0, match.piece, _RESHAPED)
            return
        now = self._pieces[at]
        if now.verdict == "rejected" and not now.rivals:
            self._out.already += 1
        elif self._is_changed(match, now) and not self._rules.force:
            self._conflict(0, now, _why(now))
        else:
            self._wishes[at] = _Wish(0, "")

    def draft(self) -> None:
        """Make lines of all that is wanted: times first, each as soon as its neighbours have made room."""
        waiting = [(at, wish.to) for at, wish in self._wishes.items() if wish.to is not None]
        refused: dict[int, str] = {}
        while waiting:
            refused = {at: why for at, to in waiting if (why := self._trim(at, *to)) is not None}
            if len(refused) == len(waiting):
                break
            waiting = [(at, to) for at, to in waiting if at in refused]
        for at, to in waiting:
            self._refuse(self._wishes[at].line, self._pieces[at], f"cannot last {_stretch(*to)}: {refused[at]}")
        for at in sorted(self._wishes):
            self._rewrite(at, self._wishes[at])

    def _edited(self, match: Match) -> str | None:
        """Give the text of a row where it was edited, empty where it is to be rejected; None where it was not."""
        row, texts = match.row, self._texts
        if texts.is_untouched(row, match.piece.text):
            return None
        if not self._is_known(match) and any(texts.is_untouched(row, text) for text in self._former(match)):
            # The table is older than the review, or as old.
            return None
        bare = self._bare(match)
        return bare if bare and texts.is_untouched(row, bare) else texts.typed(row, match.piece.text)

    def _former(self, match: Match) -> Iterable[str]:
        """Give what texts an earlier export may have had for a segment."""
        at = self._recording.counterpart(match.piece)
        places = [match.piece, *([] if at is None else [self._recording.now[at]])]
        yield from (piece.text for piece in places)
        if (bare := self._bare(match)) is not None:
            yield bare
        times = {times_of(piece) for piece in places}
        if len(match.piece.origins) == 1:
            own = self._recording.bare.segments[match.piece.origins[0]]
            times.add(ms_of(own.start, own.end))
        for each in times:
            yield from self._recording.said.get(each, ())

    def _bare(self, match: Match) -> str | None:
        """Give the run's own text of a segment that is one of its own."""
        origins = match.piece.origins
        if len(origins) != 1 or len(match.state.made_of[origins]) != 1:
            return None
        return self._recording.bare.segments[origins[0]].text

    def _is_known(self, match: Match) -> bool:
        return self._recording.is_known and match.state is self._recording.states[0]

    def _is_so(self, match: Match, now: Piece, text: str) -> bool:
        """Say whether the review has come to the same."""
        if now.rivals:
            return False
        if now.verdict == "rejected":
            return not text
        return bool(text) and (now.text == text or self._texts.is_untouched(match.row, now.text))

    def _is_changed(self, match: Match, now: Piece) -> bool:
        """Say whether others, or the same reviewer in the page, may have said otherwise since the export."""
        if now.rivals:
            return True
        by = now.decided if now.verdict == "rejected" else now.text_by
        if by is not None and by.reviewer == self._rules.reviewer and (by.batch or "").endswith(_BATCH):
            return False
        if now.verdict == "rejected":
            return True
        return now.text != match.piece.text if self._is_known(match) else now.text_by is not None

    def _not_to_be_trimmed(self, match: Match, now: Piece) -> str | None:
        if now.rivals or now.verdict == "rejected":
            return _why(now)
        if self._rules.force:
            return None
        own = match.piece
        if not self._is_known(match) and len(now.origins) == 1:
            segment = self._recording.bare.segments[now.origins[0]]
            own = replace(own, start=segment.start, end=segment.end)
        return None if times_of(own) == times_of(now) else "has other times in the review"

    def _trim(self, at: int, start: float, end: float) -> str | None:
        """Give a segment other times; says why where that cannot be."""
        piece = self._pieces[at]
        start, end = round(start, 3), round(end, 3)
        decision = replace(self._line(piece, "trim"), value={"start": start, "end": end})
        others = [other for number, other in enumerate(self._pieces) if number != at]
        try:
            (made,) = outcome(decision, [Held(piece, None)], others, self._recording.length_s)
        except Impossible as error:
            return str(error)
        self._out.decisions.append(decision)
        self._out.changes.append(self._change(self._wishes[at].line, piece, "trim", piece.text, (start, end)))
        self._pieces[at] = made.piece
        return None

    def _rewrite(self, at: int, wish: _Wish) -> None:
        piece = self._pieces[at]
        if wish.text is None:
            return
        if not wish.text:
            self._out.decisions.append(self._line(piece, "reject"))
            self._out.changes.append(self._change(wish.line, piece, "reject", piece.text))
            return
        if self._texts.loses(piece.text):
            self._refuse(
                wish.line, piece, "the table is in cp932, which lacks some of its characters; save it as UTF-8"
            )
            return
        self._out.decisions.append(replace(self._line(piece, "correct"), value=wish.text))
        self._out.changes.append(self._change(wish.line, piece, "correct", wish.text))

    def _line(self, piece: Piece, action: Making) -> Decision:
        seen = version_of_piece(self._id, piece)
        return Decision("", "", self._id, piece.start, piece.end, seen, action, batch=self._rules.batch)

    def _change(
        self, line: int, piece: Piece, action: Making, after: str, to: tuple[float, float] | None = None
    ) -> Change:
        return Change(line, self._id, piece.start, piece.end, action, piece.text, after, to)

    def _conflict(self, line: int, piece: Piece, why: str) -> None:
        self._out.conflicts.append(Remark(line, f"{self._named(piece)}: {why}"))

    def _refuse(self, line: int, piece: Piece, why: str) -> None:
        self._out.unusable.append(Remark(line, f"{self._named(piece)}: {why}"))

    def _named(self, piece: Piece) -> str:
        return f"{shown(self._id)} {_stretch(piece.start, piece.end)}"


def _stretch(start_s: float, end_s: float) -> str:
    """Name times to the millisecond, which six digits are too few for in a long recording."""
    start, end = (f"{time_s:.3f}".rstrip("0").rstrip(".") for time_s in (start_s, end_s))
    return f"from {start} to {end} s"


def _why(now: Piece) -> str:
    """Say what the review has made of a segment."""
    if now.rivals:
        return "reviewers differ about it"
    by = now.decided if now.verdict == "rejected" else now.text_by
    who = f" by {shown(by.reviewer)}" if by is not None else ""
    if now.verdict == "rejected":
        return f"was rejected{who}"
    return f"the review has {shown(now.text)!r}{who}"
