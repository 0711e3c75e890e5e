"""Decisions laid over a run: its transcripts as reviewers have left them. Nothing of the run is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.reviews.effective import effective, without
from anime_whisper_ct2.reviews.folder import review_folder
from anime_whisper_ct2.reviews.logs import Logs
from anime_whisper_ct2.reviews.records import Counts, Piece, Replayed, ReviewOptions
from anime_whisper_ct2.reviews.replay import replay
from anime_whisper_ct2.reviews.resolving import resolved

_ALL = ReviewOptions()
_KEPT = frozenset(("accepted", "corrected"))


class Reviews:
    """What was decided about a run, whose `transcripts.jsonl`, or another file such as a list, is `run_file`.

    Every transcript that is given to it is to be as the run has it. `counts`: what came of those that went through
    `overlay` or `kept` so far, each recording once. Raises InputError for a log that cannot be read.
    """

    def __init__(self, run_file: Path, options: ReviewOptions = _ALL, logs: Logs | None = None) -> None:
        self.options = options
        self._logs = logs
        if logs is None and options.review != "none":
            self._logs = Logs(review_folder(run_file))
        self.counts = Counts(reviewers=self._logs.reviewers if self._logs is not None and self.any else {})
        self._counted = IdSet()

    @property
    def any(self) -> bool:
        """Whether there is any decision, and the options say to apply them."""
        return self.options.review != "none" and self._logs is not None and len(self._logs.ids) > 0

    def overlay(self, transcript: Transcript) -> Transcript:
        """Give a recording as the decisions leave it: rejected segments are in it, with that verdict.

        Its text is that of the others. A segment in conflict has the run's own text and no verdict.
        """
        if not self._has(transcript.id):
            return transcript
        replayed = self._replayed(transcript)
        settled = self._settled(replayed.pieces)
        if self._counted.add(transcript.id):
            self._count(transcript, replayed, settled)
        return effective(transcript, settled)

    def replayed(self, transcript: Transcript) -> Replayed:
        """Give what the decisions come to; without any, the run's own segments."""
        replayed = self._replayed(transcript)
        return Replayed(self._settled(replayed.pieces), replayed.stale, replayed.applied, replayed.undone)

    def kept(self, transcript: Transcript) -> Transcript:
        """Give a recording without its rejected segments; with `review` `accepted`, without undecided ones as well."""
        laid = self.overlay(transcript)
        if self.options.review == "accepted":
            return without(laid, lambda segment: segment.verdict not in _KEPT)
        return without(laid, lambda segment: segment.verdict == "rejected") if self._has(transcript.id) else laid

    def times_changed(self, transcript: Transcript) -> bool:
        """Say whether segments are in other places than the run's own."""
        if not self._has(transcript.id):
            return False
        return _times_changed(transcript, effective(transcript, self._settled(self._replayed(transcript).pieces)))

    def unresolved(self, transcripts: Mapping[str, Transcript]) -> Iterator[tuple[str, Piece]]:
        """Give the segments in conflict, by recording, in the order of their ids; others are not read.

        `transcripts` are those of the run without this overlay.
        """
        if not self.any or self._logs is None or self.options.conflicts is not None:
            return
        for id_ in sorted(self._logs.ids):
            if id_ in transcripts:
                yield from ((id_, piece) for piece in self._replayed(transcripts[id_]).pieces if piece.rivals)

    def _has(self, id_: str) -> bool:
        return self.any and self._logs is not None and id_ in self._logs.ids

    def _replayed(self, transcript: Transcript) -> Replayed:
        if self._logs is None or not self.any:
            return replay(transcript, (), lambda _: False)
        return replay(transcript, self._logs.of(transcript.id), self._logs.is_undone)

    def _settled(self, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        return pieces if self.options.conflicts is None else resolved(pieces, self.options.conflicts)

    def _count(self, transcript: Transcript, replayed: Replayed, settled: tuple[Piece, ...]) -> None:
        counts = self.counts
        counts.decisions += replayed.applied
        counts.stale += len(replayed.stale)
        counts.conflicts += sum(bool(piece.rivals) for piece in replayed.pieces)
        verdicts = [piece.verdict for piece in settled if not piece.rivals]
        counts.accepted += verdicts.count("accepted")
        counts.corrected += verdicts.count("corrected")
        counts.rejected += verdicts.count("rejected")
        own = {(segment.start, segment.end) for segment in transcript.segments}
        counts.changed_times += sum((piece.start, piece.end) not in own for piece in settled if not piece.rivals)


def _times_changed(transcript: Transcript, laid: Transcript) -> bool:
    before = sorted((segment.start, segment.end) for segment in transcript.segments)
    return before != sorted((segment.start, segment.end) for segment in laid.segments)
