"""Runs that somebody has listened to, with what was decided about them applied."""

from __future__ import annotations

from collections.abc import Iterator

from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.evaluation.records import Line
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.reviews import Counts, Logs, ReviewOptions, Reviews, review_folder


class Reviewed:
    """A run's texts with its decisions applied; `counts` are those of the last time that all `lines` were read.

    Raises InputError for a log that cannot be read, and where only what was accepted is wanted and nothing was decided.
    """

    def __init__(self, run: RunFolder, options: ReviewOptions) -> None:
        self._run = run
        self._options = options
        self._logs = Logs(review_folder(run.file))
        if options.review == "accepted" and not self._logs.ids:
            raise InputError(f"{run.file}: nothing of it was accepted in a review yet; leave --review accepted out")
        self.counts = Counts()

    @property
    def any(self) -> bool:
        """Whether anything was decided."""
        return bool(self._logs.ids)

    def lines(self) -> Iterator[Line]:
        """Read the transcripts again; a recording of which nothing is left is none."""
        reviews = Reviews(self._run.file, self._options, self._logs)
        for transcript in self._run.transcripts():
            kept = reviews.kept(transcript)
            if kept.segments or not transcript.segments:
                yield Line(kept.id, kept.text.strip(), kept.meta)
        self.counts = reviews.counts

    def notes(self, name: str) -> Iterator[str]:
        """Say in a line each what was applied to the run of this name, and what could not be."""
        counts = self.counts
        done = [
            f"{number:,} {what}"
            for number, what in (
                (counts.accepted, "accepted"),
                (counts.corrected, "corrected"),
                (counts.rejected, "rejected"),
            )
            if number
        ]
        stale = f"; {counted(counts.stale, 'decision')} out of date" if counts.stale else ""
        yield (
            f"{name}: as reviewed: {', '.join(done) or 'nothing decided'}{stale}; "
            "--review none scores what the run itself has heard"
        )
        if counts.conflicts and self._options.conflicts is None:
            does = "is" if counts.conflicts == 1 else "are"
            yield (
                f"{name}: reviewers differ about {counted(counts.conflicts, 'segment')}, of which the run's own text "
                f"{does} scored; choose with --conflicts"
            )
