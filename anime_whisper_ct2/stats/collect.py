"""One pass over a run: totals, values and the worst of them."""

from __future__ import annotations

from array import array
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain
from math import inf, isfinite

from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.records import Segment, Transcript
from anime_whisper_ct2.stats.agreement import disagreements
from anime_whisper_ct2.stats.distribution import distribution
from anime_whisper_ct2.stats.failures import failures
from anime_whisper_ct2.stats.figures import Amount, Extreme, FailureCount, FlagCount, RunStats, StatsOptions
from anime_whisper_ct2.stats.reviewed import Reviewed

NO_FOLDER = "."


def run_stats(
    run: RunFolder, options: StatsOptions | None = None, on_recording: Callable[[], object] | None = None
) -> RunStats:
    """Read a run once and give its figures; `on_recording` is called after each recording.

    Memory, beside the ids that the run holds: 8 bytes for each recording and 24 for each segment, which make the
    percentiles exact, 320 MB for ten million clips; and an entry for each group, flag and failed recording.

    Raises InputError for a line that no run wrote, naming it.
    """
    options = options or StatsOptions()
    collected = _Collected(options)
    reviewed = Reviewed(run, options.review) if options.review.review != "none" else None
    for transcript in run.transcripts():
        left = transcript if reviewed is None else reviewed.add(transcript)
        # What was rejected was heard.
        collected.add(left, empty=not left.text and bool(left.segments or not transcript.segments))
        if on_recording is not None:
            on_recording()
    kinds: Counter[tuple[str, str]] = Counter()
    for id_, kind in failures(run).items():
        kinds[kind] += 1
        collected.add_failure(id_)
    # By name where counts are equal, so that the same run gives the same report.
    frequent = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    state = run.about.get("state")
    return RunStats(
        run=str(run.file),
        state=state if isinstance(state, str) else None,
        total=collected.total,
        failures=tuple(FailureCount(stage, error, count) for (stage, error), count in frequent),
        distributions={name: distribution(values) for name, values in collected.values.items()},
        flags=collected.flags(),
        groups=dict(sorted(collected.groups.items())),
        extremes={name: worst.extremes for name, worst in collected.worst.items()},
        warnings=disagreements(run, collected.total),
        review=None if reviewed is None else reviewed.stats(),
    )


class _Collected:
    """What grows while the transcripts pass by."""

    def __init__(self, options: StatsOptions) -> None:
        self.total = Amount()
        self.groups: dict[str, Amount] = {}
        self.values = {
            name: array("d")
            for name in ("recording_seconds", "segment_seconds", "characters_per_second", "avg_logprob")
        }
        self.worst = {
            "slowest": _Worst(options.top),
            "fastest": _Worst(options.top, highest=True),
            "lowest_logprob": _Worst(options.top),
            "highest_compression": _Worst(options.top, highest=True),
            "highest_doubt": _Worst(options.top, highest=True),
        }
        self._grouped = options.group_by == "folder"
        self._segment_flags: Counter[str] = Counter()
        self._recording_flags: Counter[str] = Counter()

    def add(self, transcript: Transcript, *, empty: bool) -> None:
        """Count one recording in the totals, its group, the distributions and the lists."""
        segments = transcript.segments
        characters = [len("".join(segment.text.split())) for segment in segments]
        spans_s = [_positive(segment.end - segment.start) for segment in segments]
        duration_s = _positive(transcript.duration)
        flags = {*transcript.flags, *chain.from_iterable(segment.flags for segment in segments)}
        for amount in self._amounts(transcript.id):
            amount.recordings += 1
            amount.audio_s += duration_s
            amount.segments += len(segments)
            amount.segments_s += sum(spans_s)
            amount.characters += sum(characters)
            amount.empty += empty
            amount.flagged += not flags <= {"empty"}
        self._recording_flags.update(flags)
        for segment in segments:
            self._segment_flags.update(set(segment.flags))
        # A segment that lasts no time has no speed, and one without a text neither that nor a score.
        rates = [count / span if span and count else None for count, span in zip(characters, spans_s, strict=True)]
        logprobs = [segment.avg_logprob if segment.text else None for segment in segments]
        self.values["recording_seconds"].append(duration_s)
        self.values["segment_seconds"].extend(spans_s)
        self.values["characters_per_second"].extend(rate for rate in rates if rate is not None)
        self.values["avg_logprob"].extend(figure for figure in logprobs if figure is not None and isfinite(figure))
        for name, figures in (
            ("slowest", rates),
            ("fastest", rates),
            ("lowest_logprob", logprobs),
            ("highest_compression", [segment.compression_ratio for segment in segments]),
            ("highest_doubt", [segment.doubt for segment in segments]),
        ):
            self.worst[name].offer(transcript, figures)

    def add_failure(self, id_: str) -> None:
        """Count one recording that failed."""
        for amount in self._amounts(id_):
            amount.failed += 1

    def flags(self) -> dict[str, FlagCount]:
        """Give the flags that were seen, sorted by name."""
        return {
            flag: FlagCount(self._segment_flags[flag], recordings)
            for flag, recordings in sorted(self._recording_flags.items())
        }

    def _amounts(self, id_: str) -> tuple[Amount, ...]:
        if not self._grouped:
            return (self.total,)
        folder, slash, _ = id_.partition("/")
        return self.total, self.groups.setdefault(folder if slash else NO_FOLDER, Amount())


class _Worst:
    """The recordings with the lowest figures, or the highest; of two with the same, the first by id."""

    def __init__(self, size: int, *, highest: bool = False) -> None:
        self._size = size
        self._sign = -1 if highest else 1
        self._kept: list[tuple[float, str, Segment]] = []

    @property
    def extremes(self) -> tuple[Extreme, ...]:
        """The recordings that were kept, the worst first."""
        return tuple(
            Extreme(self._sign * rank, id_, segment.start, segment.end, segment.text)
            for rank, id_, segment in self._kept
        )

    def offer(self, transcript: Transcript, figures: Iterable[float | None]) -> None:
        """Keep a recording if the worst of its segments is among the worst; `figures` are the segments', in order."""
        # Once the list is full, one comparison passes over nearly every segment.
        bound = self._kept[-1][0] if len(self._kept) == self._size and self._kept else inf
        worst: tuple[float, Segment] | None = None
        for figure, segment in zip(figures, transcript.segments, strict=True):
            if figure is not None and isfinite(figure) and (rank := self._sign * figure) < bound:
                worst, bound = (rank, segment), rank
        if worst is not None:
            # Ids differ, so that two segments are never compared.
            insort(self._kept, (worst[0], transcript.id, worst[1]))
            del self._kept[self._size :]


def _positive(seconds: float) -> float:
    return seconds if isfinite(seconds) and seconds > 0 else 0.0
