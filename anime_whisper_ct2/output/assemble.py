"""Put a recording together when its last window is home."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from anime_whisper_ct2.records import (
    LONG_S,
    AtHome,
    Broken,
    Closed,
    Decoded,
    Excerpt,
    Failure,
    Headway,
    Heard,
    Home,
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
from anime_whisper_ct2.text.quality import compression_ratio, is_lost

# How often it is told how far one has come, where no window has come home meanwhile.
_TOLD_EVERY_S = 1.0


@dataclass(slots=True)
class _Open:
    recording: Recording
    # Windows that were home from the start, until it is known that they still are what they were.
    kept: dict[int, Home]
    # None: a window without a text, which is home all the same.
    segments: dict[int, Segment | None] = field(default_factory=dict)
    closed: Closed | None = None
    # Not told of yet.
    fresh: list[Home] = field(default_factory=list)
    is_long: bool = False
    heard_s: float = 0.0
    length_s: float | None = None
    reached_s: float = 0.0  # the end of the last window that is home
    home_s: float = 0.0  # in windows that are home, and of that in those that were so from the start
    home_before_s: float = 0.0
    told_s: float = float("-inf")

    @property
    def is_complete(self) -> bool:
        """Whether every window is home."""
        # A recording that was tried twice may have left more behind than it has.
        return self.closed is not None and all(number in self.segments for number in range(self.closed.windows))

    def hear(self, seconds: float, length_s: float | None) -> None:
        """Note how far it has been decoded."""
        self.is_long = self.is_long or seconds > LONG_S
        self.heard_s, self.length_s = seconds, length_s

    def take(self, home: Home, *, kept: bool) -> None:
        """Take a window in."""
        length_s = 0.0 if home.number in self.segments else home.end_s - home.start_s
        self.segments[home.number] = home.segment
        self.is_long = self.is_long or home.end_s > LONG_S
        self.reached_s = max(self.reached_s, home.end_s)
        self.home_s += length_s
        if kept:
            self.home_before_s += length_s
        else:
            self.fresh.append(home)

    def headway(self, key: int) -> Headway:
        """Tell how far it has come, and of the windows that have come home since the last time."""
        whole = self.closed is not None and self.is_complete
        done_s = self.heard_s if whole else self.reached_s
        # What is between windows goes with them.
        kept_s = done_s * self.home_before_s / self.home_s if self.home_s else 0.0
        # Of a finished one, the transcript tells all.
        homes, self.fresh = () if whole else tuple(self.fresh), []
        heard_s = max(self.heard_s, done_s)
        return Headway(key, self.recording.id, heard_s, done_s, kept_s, self.length_s, homes)


class Assembler:
    """A stage that gathers decoded windows into transcripts, in the order in which recordings finish.

    `between` is put between the texts of two segments. Of long recordings it tells how far they have come; while
    `amid_batch` says that more windows follow at once, it waits for these.
    """

    def __init__(
        self,
        language: str,
        between: str = "",
        amid_batch: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._language = language
        self._between = between
        self._amid_batch = amid_batch
        self._clock = clock
        self._open: dict[int, _Open] = {}
        # Long ones of which there is something to tell.
        self._due: dict[int, _Open] = {}

    def __call__(
        self, items: Iterable[Opened | Heard | AtHome | Closed | Broken | Tick | tuple[Window, Decoded]]
    ) -> Iterator[tuple[int, Outcome] | Headway | Tick]:
        """Turn the stages' messages into (key, outcome), and headway; a tick passes through."""
        for item in items:
            if isinstance(item, Tick):
                yield item
            elif isinstance(item, Opened):
                kept = {home.number: home for home in item.recording.home}
                self._open.setdefault(item.key, _Open(item.recording, kept))
            elif isinstance(item, Broken):
                # Windows of it may still be under way: they find no recording and are dropped.
                self._due.pop(item.key, None)
                if broken := self._open.pop(item.key, None):
                    if broken.is_long and broken.fresh:
                        yield broken.headway(item.key)
                    yield item.key, _failure(broken.recording, item)
            else:
                yield from self._progress(item)
            if self._due and not self._amid_batch():
                yield from self._told()

    def _progress(
        self, item: Heard | AtHome | Closed | tuple[Window, Decoded]
    ) -> Iterator[tuple[int, Outcome] | Headway]:
        key = item[0].key if isinstance(item, tuple) else item.key
        entry = self._open.get(key)
        if entry is None:
            return
        if isinstance(item, tuple):
            entry.take(_home(*item), kept=False)
        elif isinstance(item, AtHome):
            entry.take(entry.kept[item.number], kept=True)
        elif isinstance(item, Heard):
            entry.hear(item.seconds, item.length_s)
        else:
            entry.closed = item
            entry.hear(item.duration, item.duration)
        if entry.is_complete:
            assert entry.closed is not None
            del self._open[key]
            self._due.pop(key, None)
            if entry.is_long:
                yield entry.headway(key)
            yield key, self._transcript(entry, entry.closed)
        elif entry.is_long:
            self._due[key] = entry

    def _told(self) -> Iterator[Headway]:
        """Tell of the long recordings, each that has a window home, and of others now and then."""
        now = self._clock()
        for key, entry in list(self._due.items()):
            if entry.fresh or now - entry.told_s >= _TOLD_EVERY_S:
                entry.told_s = now
                del self._due[key]
                yield entry.headway(key)

    def _transcript(self, entry: _Open, closed: Closed) -> Transcript:
        found = (entry.segments[number] for number in range(closed.windows))
        segments = tuple(segment for segment in found if segment is not None)
        return Transcript(
            id=entry.recording.id,
            audio=entry.recording.name,
            duration=round(closed.duration, 3),
            language=self._language,
            text=self._between.join(segment.text for segment in segments if segment.text),
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


def _home(window: Window, decoded: Decoded) -> Home:
    # One that is lost is no silence, and is there to say so.
    segment = _segment(window, decoded) if decoded.text or is_lost(decoded) else None
    return Home(window.number, window.start_s, window.end_s, window.sound, segment)


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
        doubt=None if decoded.doubt is None else round(decoded.doubt, 4),
    )


def _word(window: Window, word: Word) -> Word:
    """Move a word to its place in the recording, where it stays inside the segment's rounded times."""
    first, last = round(window.start_s, 3), round(window.end_s, 3)
    start, end = (min(max(round(window.start_s + at, 3), first), last) for at in (word.start, word.end))
    return Word(start, end, word.text, round(word.probability, 3))


def _failure(recording: Recording, broken: Broken) -> Failure:
    return Failure(recording.id, recording.name, broken.stage, broken.error, broken.message)
