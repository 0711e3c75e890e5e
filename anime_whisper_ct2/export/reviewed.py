"""What reviewers decided about a run, as its export applies it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.export.formats.plain import shown
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.reviews import CONFLICTS, Counts, Logs, Piece, ReviewOptions, Reviews, review_folder

# So many conflicts are named where they are refused.
_NAMED = 3


class Reviewed:
    """A run with the decisions about it: `run` gives its transcripts as they leave them, rejected segments among them.

    Where there are no decisions, or they are not to be applied, that is the run itself, and `counts` is None.

    Raises InputError for options that cannot be, for a log that cannot be read, and where only what was accepted is
    wanted and nothing was decided.
    """

    def __init__(self, run: RunFolder, options: ReviewOptions) -> None:
        _check(options)
        self.options = options
        self.counts: Counts | None = None
        self._bare = self.run = run
        self._logs: Logs | None = None
        if options.review == "none":
            return
        logs = Logs(review_folder(run.file))
        if options.review == "accepted" and not logs.ids:
            raise InputError(f"{run.file}: nothing of it was accepted in a review yet; leave --review accepted out")
        if logs.ids:
            self._logs = logs
            self._reviews = Reviews(run.file, options, logs)
            self.run = run.overlaid(self._reviews.overlay)

    @property
    def accepted_only(self) -> bool:
        """Whether what nobody accepted or corrected is to be left out."""
        return self.options.review == "accepted"

    @property
    def about(self) -> Mapping[str, Any]:
        """What to say of it in the marker of an export: nothing where no decision was applied.

        With how many lines each reviewer's log had, because they are applied as they were then.
        """
        if self._logs is None:
            return {}
        return {"review": {**asdict(self.options), "reviewers": dict(sorted(self._logs.reviewers.items()))}}

    def check(self) -> None:
        """Raise InputError where reviewers differ about a segment and nothing says whose decision counts."""
        # Nobody differs from himself, and the other recordings need not be read.
        if self._logs is None or self.options.conflicts is not None or len(self._logs.reviewers) < 2:
            return
        found = list(self._reviews.unresolved(self._bare))
        if not found:
            return
        named = "; ".join(_conflict(id_, piece) for id_, piece in found[:_NAMED])
        more = "; …" if len(found) > _NAMED else ""
        raise InputError(
            f"reviewers differ about {counted(len(found), 'segment')}: {named}{more}; "
            "settle that in `awct2 review`, or choose with --conflicts first, last or drop"
        )

    def transcripts(self, *, whole: bool = False) -> Iterator[tuple[Transcript, bool]]:
        """Read the transcripts as `run` gives them; with `whole`, each with whether its segments have other times now.

        Once through, `counts` says what was applied.
        """
        if self._logs is None:
            yield from ((transcript, False) for transcript in self.run.transcripts())
            return
        for transcript in self._bare.transcripts():
            yield self._reviews.overlay(transcript), whole and self._reviews.times_changed(transcript)
        self.counts = replace(self._reviews.counts)
        self.counts.stale += self._absent(self._logs)

    def _absent(self, logs: Logs) -> int:
        """Count the decisions about recordings that the run does not hold any more."""
        ids = self._bare.ids
        absent = (id_ for id_ in logs.ids if (at := bisect_left(ids, id_)) == len(ids) or ids[at] != id_)
        return sum(not logs.is_undone(decision) for id_ in absent for decision in logs.of(id_))


def _check(options: ReviewOptions) -> None:
    """Raise InputError for options that there are not, and for one that has no effect beside the other."""
    if options.review not in ("all", "accepted", "none"):
        raise InputError(f"there is no review {options.review!r}; choose all, accepted or none")
    if options.conflicts not in (None, *CONFLICTS):
        raise InputError(f"conflicts are {options.conflicts!r}; choose one of {', '.join(CONFLICTS)}")
    if options.review == "none" and options.conflicts is not None:
        raise InputError("--conflicts has no effect: --review none passes over all decisions; leave one of the two out")


def _conflict(id_: str, piece: Piece) -> str:
    """Name a segment that reviewers differ about, and these."""
    known = [decision for decision in (piece.text_by, piece.decided) if decision is not None]
    people = dict.fromkeys(one.reviewer for one in (*known[-1:], *(rival.decision for rival in piece.rivals)))
    return f"{shown(id_)} from {piece.start:g} to {piece.end:g} s ({', '.join(map(shown, people))})"
