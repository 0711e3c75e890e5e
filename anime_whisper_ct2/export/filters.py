"""Which segments of a run an export takes."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from difflib import get_close_matches

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.records import RECORDING_FLAGS, SEGMENT_FLAGS, Segment, Transcript, flags_of, joined

# Why a segment is left out that no filter minds itself.
BESIDE = "beside one of these"
# One that was lost to an overflow, or that a normalizer leaves nothing of.
WITHOUT_TEXT = "without text"
# What a reviewer said, or did not say.
REJECTED = "rejected in review"
NOT_ACCEPTED = "not accepted in review"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a segment must be like to stay; all of it must hold.

    One without a text never stays, nor one that was rejected in a review.

    Raises InputError for bounds that nothing can meet, and for flags that there are not.
    """

    min_duration_s: float | None = None  # at least so long
    max_duration_s: float | None = None  # at most so long
    min_logprob: float | None = None  # the mean log-probability of its tokens is at least this
    max_no_speech: float | None = None  # the probability that nobody speaks is at most this
    max_doubt: float | None = None  # its doubt is at most this
    drop_flags: tuple[str, ...] = ()  # neither it nor its recording has any of these
    accepted_only: bool = False  # a reviewer has accepted or corrected it

    def __post_init__(self) -> None:
        _check("the shortest duration", self.min_duration_s, 0, math.inf, "0 or more")
        _check("the longest duration", self.max_duration_s, 0, math.inf, "0 or more")
        _check("the least log-probability", self.min_logprob, -math.inf, 0, "0 or less")
        _check("the highest no_speech_prob", self.max_no_speech, 0, 1, "from 0 to 1")
        _check("the highest doubt", self.max_doubt, 0, 1, "from 0 to 1")
        if None not in (self.min_duration_s, self.max_duration_s) and not self._in_limits(self.min_duration_s or 0):
            raise InputError(
                f"the shortest duration, {self.min_duration_s} s, is over the longest, {self.max_duration_s} s"
            )
        for flag in self.drop_flags:
            _check_name("flag", flag, RECORDING_FLAGS | SEGMENT_FLAGS)

    def keeps(self, segment: Segment) -> bool:
        """Say whether a segment stays, its recording's flags apart."""
        return self.reason(segment) is None

    def reason(self, segment: Segment) -> str | None:
        """Say why a segment is left out, by the first filter that does it in the order of the fields; None: it stays.

        What a review says of it comes first. Raises InputError for a segment without a doubt where that decides.
        """
        if reason := self._of_review(segment):
            return reason
        if not segment.text:
            return WITHOUT_TEXT
        # As files give it: the difference of two floats may miss a bound that it seems to meet.
        return self._of_duration(round(segment.end - segment.start, 3)) or self._of_figures(segment)

    def reasons(self, transcript: Transcript, *, whole: bool = False) -> list[str]:
        """Say why segments of a recording are left out, one reason for each; `whole`: it stays as one piece or not."""
        segments = transcript.segments
        if flag := self._flag(own_flags(transcript)):
            return [self._of_review(segment) or flag for segment in segments]
        if not whole:
            return [reason for segment in segments if (reason := self.reason(segment))]
        if reason := self._of_duration(transcript.duration):
            return [self._of_review(segment) or reason for segment in segments]
        found = [self._of_whole(segment) for segment in segments]
        return [reason or BESIDE for reason in found] if any(found) else []

    def drops_recording(self, transcript: Transcript) -> bool:
        """Say whether a recording's own flags drop it with all that is in it."""
        return self._flag(own_flags(transcript)) is not None

    def apply(self, transcript: Transcript) -> Transcript | None:
        """Give what stays of a recording, or None where nothing does.

        A recording that never held a segment stays, unless `empty` is a flag to drop.
        """
        if self.drops_recording(transcript):
            return None
        kept = tuple(segment for segment in transcript.segments if self.keeps(segment))
        if len(kept) == len(transcript.segments):
            return transcript
        if not kept:
            return None
        # Those without a text had no part in it.
        whole = len(kept) == sum(bool(segment.text) for segment in transcript.segments)
        text = transcript.text if whole else joined(transcript, (segment.text for segment in kept))
        return with_only(transcript, kept, text)

    def keeps_whole(self, transcript: Transcript) -> bool:
        """Say whether a recording can stay as one piece: its duration is in the limits and every segment is good.

        Sound whose text was dropped would teach a wrong text, so that one bad segment is enough to drop it.
        """
        if not transcript.segments:
            return False
        return not self.reasons(transcript, whole=True)

    def _of_review(self, segment: Segment) -> str | None:
        if segment.verdict == "rejected":
            return REJECTED
        return NOT_ACCEPTED if self.accepted_only and segment.verdict is None else None

    def _of_whole(self, segment: Segment) -> str | None:
        """Say why a segment cannot be in an example that is its whole recording, durations apart."""
        return self._of_review(segment) or (self._of_figures(segment) if segment.text else WITHOUT_TEXT)

    def _in_limits(self, duration_s: float) -> bool:
        return self._of_duration(duration_s) is None

    def _of_duration(self, duration_s: float) -> str | None:
        low, high = self.min_duration_s, self.max_duration_s
        if low is not None and duration_s < low:
            return f"shorter than {low:g} s"
        return f"longer than {high:g} s" if high is not None and duration_s > high else None

    def _of_figures(self, segment: Segment) -> str | None:
        if self.min_logprob is not None and segment.avg_logprob < self.min_logprob:
            return f"under a log-probability of {self.min_logprob:g}"
        if self.max_no_speech is not None and segment.no_speech_prob > self.max_no_speech:
            return f"over a no_speech_prob of {self.max_no_speech:g}"
        if self.max_doubt is not None:
            if segment.doubt is None:
                raise InputError(
                    "the results say no doubt: an earlier version made them; transcribe again with `awct2 run "
                    "--overwrite`, or leave --max-doubt out"
                )
            if segment.doubt > self.max_doubt:
                return f"over a doubt of {self.max_doubt:g}"
        return self._flag(segment.flags)

    def _flag(self, flags: Collection[str]) -> str | None:
        return next((f"flagged {flag}" for flag in self.drop_flags if flag in flags), None)


def _check(what: str, value: float | None, low: float, high: float, wanted: str) -> None:
    """Raise InputError for a bound that is no finite number, or outside of what figures can be."""
    # Said so that NaN is refused, too.
    if value is not None and not (math.isfinite(value) and low <= value <= high):
        raise InputError(f"{what} is {value}; it must be {wanted}")


def _check_name(what: str, name: str, known: Collection[str]) -> None:
    """Raise InputError for a name that there is not, with the one that was meant, or with all."""
    if name in known:
        return
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"choose of {', '.join(sorted(known))}"
    raise InputError(f"there is no {what} {name!r}; {hint}")


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
