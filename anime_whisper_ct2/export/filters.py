"""Which segments of a run an export takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.records import RECORDING_FLAGS, Segment, Transcript, flags_of


@dataclass(frozen=True, slots=True)
class Filters:
    """What a segment must be like to stay; all of it must hold."""

    min_duration_s: float | None = None  # at least so long
    max_duration_s: float | None = None  # at most so long
    min_logprob: float | None = None  # the mean log-probability of its tokens is at least this
    drop_flags: tuple[str, ...] = ()  # neither it nor its recording has any of these

    def __post_init__(self) -> None:
        for name, value in (("shortest", self.min_duration_s), ("longest", self.max_duration_s)):
            # Said so that NaN is refused, too.
            if value is not None and not value >= 0:
                raise InputError(f"the {name} duration is {value} s; it must be 0 or more")
        if None not in (self.min_duration_s, self.max_duration_s) and not self._in_limits(self.min_duration_s or 0):
            raise InputError(
                f"the shortest duration, {self.min_duration_s} s, is over the longest, {self.max_duration_s} s"
            )

    def keeps(self, segment: Segment) -> bool:
        """Say whether a segment stays, its recording's flags apart."""
        # As files give it: the difference of two floats may miss a bound that it seems to meet.
        return self._in_limits(round(segment.end - segment.start, 3)) and self._good(segment)

    def drops_recording(self, transcript: Transcript) -> bool:
        """Say whether a recording's own flags drop it with all that is in it."""
        return not set(self.drop_flags).isdisjoint(own_flags(transcript))

    def apply(self, transcript: Transcript) -> Transcript | None:
        """Give what stays of a recording, or None where nothing does.

        A recording that never held a segment stays, unless `empty` is a flag to drop.
        """
        if self.drops_recording(transcript):
            return None
        kept = tuple(segment for segment in transcript.segments if self.keeps(segment))
        if len(kept) == len(transcript.segments):
            return transcript
        return with_only(transcript, kept, joined(kept)) if kept else None

    def keeps_whole(self, transcript: Transcript) -> bool:
        """Say whether a recording can stay as one piece: its duration is in the limits and every segment is good.

        Sound whose text was dropped would teach a wrong text, so that one bad segment is enough to drop it.
        """
        if not transcript.segments or self.drops_recording(transcript):
            return False
        return self._in_limits(transcript.duration) and all(map(self._good, transcript.segments))

    def _in_limits(self, duration_s: float) -> bool:
        low, high = self.min_duration_s, self.max_duration_s
        return (low is None or duration_s >= low) and (high is None or duration_s <= high)

    def _good(self, segment: Segment) -> bool:
        if self.min_logprob is not None and segment.avg_logprob < self.min_logprob:
            return False
        return set(self.drop_flags).isdisjoint(segment.flags)


def own_flags(transcript: Transcript) -> tuple[str, ...]:
    """Give the flags that a recording has of itself.

    A run adds those of all its segments; what is wrong with one of them says nothing of the others.
    """
    of_segments = {flag for segment in transcript.segments for flag in segment.flags} - RECORDING_FLAGS
    return tuple(flag for flag in transcript.flags if flag not in of_segments)


def with_only(transcript: Transcript, segments: tuple[Segment, ...], text: str) -> Transcript:
    """Give a recording with some of its segments, as they are or changed, and this text.

    Flags of the others go with them: they would pass for the recording's own.
    """
    return replace(transcript, segments=segments, text=text, flags=flags_of(segments, own_flags(transcript)))


def joined(segments: Iterable[Segment]) -> str:
    """Put the texts of some of a recording's segments together."""
    return " ".join(segment.text for segment in segments)
