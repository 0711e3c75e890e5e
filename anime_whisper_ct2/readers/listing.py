"""What a listing came across beside the recordings that it gave: files that are no audio, patterns that fit nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.model_dir import is_checkpoint, is_converted
from anime_whisper_ct2.readers.content import extension_of
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.readers.rows import shown
from anime_whisper_ct2.readers.selection import EVERYTHING, Selection, fits
from anime_whisper_ct2.records import Container, Recording, Unreadable

_NO_EXTENSION = "(none)"
_REST = "(more)"
# What follows a dot is not always an extension, and each kind takes memory.
_EXTENSION = re.compile(r"[\w+~-]{1,16}")
_MOST_KINDS = 1_000
_MOST_SHOWN = 10


class Listing:
    """Follows one listing of a corpus.

    `passed_over` counts the files that are taken for no audio, by their extensions with the dot; hidden ones and those
    that `--exclude` names are no part of it. `whole` says that the listing came to its end.
    """

    def __init__(self, selection: Selection = EVERYTHING) -> None:
        self.passed_over: Counter[str] = Counter()
        self.whole = False
        self._selection = selection
        self._recordings = 0
        self._remarks = 0
        self._unmatched = list(selection.include)

    def takes(self, recording: Recording) -> bool:
        """Say whether a recording is taken, and count it."""
        if isinstance(recording.audio, Container):
            self._unmatched.clear()  # whoever lists it knows
            return True
        if not (isinstance(recording.audio, Unreadable) and recording.audio.place):
            self._recordings += 1
            self._unmatched = [each for each in self._unmatched if not fits(recording.id, each)]
        return self._selection.takes(recording)

    def pass_over(self, id_: str) -> None:
        """Count a file that is no audio."""
        if self._counts(id_):
            self.passed_over[self._kind(id_)] += 1

    def remark(self) -> None:
        """Count a line of a list that was taken for a remark."""
        self._remarks += 1

    def take_back(self, id_: str) -> None:
        """Count a file no more, which turned out to be of use."""
        if self._counts(id_):
            kind = self._kind(id_)
            self.passed_over[kind] -= 1
            if not self.passed_over[kind]:
                del self.passed_over[kind]

    def notes(self) -> Iterable[str]:
        """Say in a line each what was passed over, and which patterns fitted nothing."""
        if self._remarks:
            what = "begins with # and was" if self._remarks == 1 else "begin with # and were"
            yield f"{counted(self._remarks, 'line')} of lists {what} taken for a remark: no such file is there"
        if self.passed_over:
            yield f"{counted(self.passed_over.total(), 'other file')}: {kinds(self.passed_over)}"
        if self.whole:
            yield from self._idle_patterns()

    def why_nothing(self, inputs: Sequence[str]) -> str:
        """Say why nothing is there to transcribe, in one line without a stop."""
        if self._recordings:
            patterns = list(self._idle_patterns())
            if patterns and len(patterns) == len(self._selection.include):
                return "; ".join(patterns)
            return f"None of {counted(self._recordings, 'recording')} is left by --include, --exclude and --shard"
        if len(inputs) == 1 and not is_url(inputs[0]) and (is_converted(inputs[0]) or is_checkpoint(inputs[0])):
            return f"{inputs[0]} is a model's folder: name it with --model, and as INPUT what it is to transcribe"
        where = shown(inputs[0]) if len(inputs) == 1 else f"{len(inputs)} INPUTs"
        count = self.passed_over.total()
        seen = f": {counted(count, 'file')}, {kinds(self.passed_over)}" if count else ""
        return f"No audio found in {where}{seen}; name a folder with recordings, or the files themselves"

    def _idle_patterns(self) -> Iterable[str]:
        if self._recordings:
            for pattern in self._unmatched:
                yield f"--include {pattern!r} matched none of {counted(self._recordings, 'recording')}"

    def _counts(self, id_: str) -> bool:
        return "/." not in "/" + id_ and not self._selection.excludes(id_)

    def _kind(self, id_: str) -> str:
        extension = extension_of(id_)
        if not _EXTENSION.fullmatch(extension):
            return _NO_EXTENSION
        kind = f".{extension}"
        return kind if kind in self.passed_over or len(self.passed_over) < _MOST_KINDS else _REST


def kinds(counts: Mapping[str, int]) -> str:
    """Write counts by extension, the most frequent ones first: `.txt 15, .zip 3, (none) 1`."""
    ordered = sorted(counts.items(), key=lambda kind: (-kind[1], kind[0]))
    first = ", ".join(f"{extension} {count:,}" for extension, count in ordered[:_MOST_SHOWN])
    more = len(ordered) - _MOST_SHOWN
    return first + (f" and {counted(more, 'more kind')}" if more > 0 else "")
