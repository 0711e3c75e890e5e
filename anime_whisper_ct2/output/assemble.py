"""Put a recording together when its last window is home."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from anime_whisper_ct2.records import (
    Broken,
    Closed,
    Decoded,
    Excerpt,
    Failure,
    Opened,
    Outcome,
    Recording,
    Segment,
    Tick,
    Transcript,
    Window,
    Word,
    flags_of,
)
from anime_whisper_ct2.text.quality import compression_ratio


@dataclass(slots=True)
class _Open:
    recording: Recording
    # None: a window without a text, which is home all the same.
    segments: dict[int, Segment | None] = field(default_factory=dict)
    closed: Closed | None = None

    def is_complete(self, closed: Closed) -> bool:
        """Say whether every window is home."""
        # A recording that was tried twice may have left more behind than it has.
        return all(number in self.segments for number in range(closed.windows))


class Assembler:
    """A stage that gathers decoded windows into transcripts, in the order in which recordings finish.

    `between` is put between the texts of two segments.
    """

    def __init__(self, language: str, between: str = "") -> None:
        self._language = language
        self._between = between
        self._open: dict[int, _Open] = {}

    def __call__(
        self, items: Iterable[Opened | Closed | Broken | Tick | tuple[Window, Decoded]]
    ) -> Iterator[tuple[int, Outcome] | Tick]:
        """Turn the stages' messages into (key, outcome); a tick passes through."""
        for item in items:
            if isinstance(item, Tick):
                yield item
            elif isinstance(item, Opened):
                self._open.setdefault(item.key, _Open(item.recording))
            elif isinstance(item, Broken):
                # Windows of it may still be under way: they find no recording and are dropped.
                if broken := self._open.pop(item.key, None):
                    yield item.key, _failure(broken.recording, item)
            else:
                yield from self._progress(item)

    def _progress(self, item: Closed | tuple[Window, Decoded]) -> Iterator[tuple[int, Outcome]]:
        key = item.key if isinstance(item, Closed) else item[0].key
        entry = self._open.get(key)
        if entry is None:
            return
        if isinstance(item, Closed):
            entry.closed = item
        else:
            window, decoded = item
            entry.segments[window.number] = _segment(window, decoded) if decoded.text else None
        if entry.closed is not None and entry.is_complete(entry.closed):
            del self._open[key]
            yield key, self._transcript(entry, entry.closed)

    def _transcript(self, entry: _Open, closed: Closed) -> Transcript:
        found = (entry.segments[number] for number in range(closed.windows))
        segments = tuple(segment for segment in found if segment is not None)
        return Transcript(
            id=entry.recording.id,
            audio=entry.recording.name,
            duration=round(closed.duration, 3),
            language=self._language,
            text=self._between.join(segment.text for segment in segments),
            segments=segments,
            flags=flags_of(segments, (*_empty(segments), *closed.flags)),
            meta=entry.recording.meta,
            offset=_offset_s(entry.recording),
            missing_s=None if closed.missing_s is None else round(closed.missing_s, 3),
        )


def _empty(segments: tuple[Segment, ...]) -> tuple[str, ...]:
    return () if segments else ("empty",)


def _offset_s(recording: Recording) -> float | None:
    return round(recording.audio.offset_s, 3) if isinstance(recording.audio, Excerpt) else None


def _segment(window: Window, decoded: Decoded) -> Segment:
    return Segment(
        start=round(window.start_s, 3),
        end=round(window.end_s, 3),
        text=decoded.text,
        avg_logprob=round(decoded.avg_logprob, 4),
        no_speech_prob=round(decoded.no_speech_prob, 4),
        compression_ratio=round(compression_ratio(decoded.text), 3),
        flags=decoded.flags,
        words=tuple(_word(window, word) for word in decoded.words),
        retries=decoded.retries,
    )


def _word(window: Window, word: Word) -> Word:
    """Move a word to its place in the recording, where it stays inside the segment's rounded times."""
    first, last = round(window.start_s, 3), round(window.end_s, 3)
    start, end = (min(max(round(window.start_s + at, 3), first), last) for at in (word.start, word.end))
    return Word(start, end, word.text, round(word.probability, 3))


def _failure(recording: Recording, broken: Broken) -> Failure:
    return Failure(recording.id, recording.name, broken.stage, broken.error, broken.message)
