"""What a review of a run has come to, counted while its transcripts pass by."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.reviews import Decision, Logs, Piece, ReviewOptions, Reviews, replay, review_folder, samples
from anime_whisper_ct2.stats.figures import Reviewer, ReviewStats, Sample

# Below this share, a clip that was accepted was not heard.
_HEARD = 0.8
# Who takes longer over one clip has done something else.
_LONGEST_MS = 60_000


class Reviewed:
    """The decisions about a run, and what they come to so far.

    Raises InputError for a log that cannot be read, and where only what was accepted is wanted and nothing was decided.
    """

    def __init__(self, run: RunFolder, options: ReviewOptions) -> None:
        self._run = run
        self._conflicts = options.conflicts
        self._logs = Logs(review_folder(run.file))
        self._reviews = Reviews(run.file, options, self._logs)
        if options.review == "accepted" and not self._logs.ids:
            raise InputError(f"{run.file}: nothing of it was accepted in a review yet; leave --review accepted out")
        self._segments: Counter[str] = Counter()
        self._decided_s = 0.0
        self._people: defaultdict[str, _Person] = defaultdict(_Person)

    def add(self, transcript: Transcript) -> Transcript:
        """Count one recording's decisions; gives what they leave of it."""
        if transcript.id not in self._logs.ids:
            self._segments["open"] += len(transcript.segments)
            return self._reviews.kept(transcript)
        decisions = self._logs.of(transcript.id)
        replayed = replay(transcript, decisions, self._logs.is_undone, self._conflicts)
        self._segments["stale"] += len(replayed.stale)
        for piece in replayed.pieces:
            self._add_piece(piece)
        for decision in decisions:
            self._add_decision(decision)
        return self._reviews.kept(transcript)

    def stats(self) -> ReviewStats | None:
        """Give the figures once all recordings were added; None where nothing was decided."""
        if not self._logs.ids and not self._logs.samples:
            return None
        for id_ in self._logs.ids:
            if not _holds(self._run, id_):
                for decision in self._logs.of(id_):
                    self._segments["stale"] += not self._logs.is_undone(decision)
                    self._add_decision(decision)
        count = self._segments
        return ReviewStats(
            accepted=count["accepted"],
            corrected=count["corrected"],
            rejected=count["rejected"],
            open=count["open"],
            decided_s=self._decided_s,
            unheard=count["unheard"],
            conflicts=count["conflicts"],
            stale=count["stale"],
            reviewers={name: person.figures() for name, person in sorted(self._people.items())},
            samples=tuple(
                sample
                for line in self._logs.samples
                if not self._logs.is_undone(line) and (sample := _sample(line)) is not None
            ),
        )

    def _add_piece(self, piece: Piece) -> None:
        """Count a segment; one that reviewers differ about is open."""
        lasts_s = max(0.0, piece.end - piece.start)
        self._segments["conflicts"] += bool(piece.rivals)
        if piece.rivals or piece.verdict is None:
            self._segments["open"] += 1
            return
        self._segments[piece.verdict] += 1
        self._decided_s += lasts_s
        decision = piece.decided
        if decision is not None:
            self._people[decision.reviewer].audio_s += lasts_s
        if piece.verdict == "accepted" and (decision is None or (decision.heard or 0.0) < _HEARD):
            self._segments["unheard"] += 1

    def _add_decision(self, decision: Decision) -> None:
        person = self._people[decision.reviewer]
        stands = not self._logs.is_undone(decision)
        person.decisions += stands
        # Lines of one batch were one step, of which each would say how long it took.
        if decision.batch is None and decision.ms is not None:
            person.timed += stands
            person.work_ms += max(0, min(decision.ms, _LONGEST_MS))


class _Person:
    def __init__(self) -> None:
        self.decisions = 0
        self.timed = 0
        self.work_ms = 0
        self.audio_s = 0.0

    def figures(self) -> Reviewer:
        """Give what one reviewer has done."""
        return Reviewer(self.decisions, self.audio_s, self.work_ms / 1000, self.timed)


def _sample(line: Decision) -> Sample | None:
    """Read what a sample told; None where another version says it otherwise."""
    try:
        drawn = samples.Sample.from_value(line.value)
    except (KeyError, TypeError, ValueError):
        return None
    return Sample(line.reviewer, line.at, drawn.of, drawn.k, drawn.wrong, drawn.bound)


def _holds(run: RunFolder, id_: str) -> bool:
    """Look among the ids alone; the run's own `in` would read the transcript."""
    at = bisect_left(run.ids, id_)
    return at < len(run.ids) and run.ids[at] == id_
