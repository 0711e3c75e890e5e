"""A corpus: what all INPUTs of a run stand for together, with what is selected of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.readers.contained import contained
from anime_whisper_ct2.readers.listing import Listing
from anime_whisper_ct2.readers.patterns import as_meant
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.readers.selection import Selection
from anime_whisper_ct2.readers.sources import STDIN, Name, Source, is_list, sources
from anime_whisper_ct2.readers.there import check_leads_somewhere
from anime_whisper_ct2.records import Container, Recording
from anime_whisper_ct2.system.paths import alike


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a run is to transcribe: folders (all audio below them), audio files, lists, tars, tables, and globs of them.

    A list is a manifest (JSONL, CSV, TSV), a plain list of paths or a Kaldi `wav.scp`; `-` is a list of paths on
    standard input. A table is Parquet, Arrow or a Hugging Face dataset's folder. All may be URLs that fsspec knows.
    `audio_column` names the column of a list or table that holds the audio.

    `include` and `exclude` are shell patterns over ids (`*.ogg`, `alice/*`); with `include`, only what matches one of
    them is taken. `shard` (i, n) takes one of n parts, 0 ≤ i < n, each recording by its id alone; `limit` comes last.
    Iterating lists the corpus anew, in the same order, and opens no audio but the beginning of what may be none by its
    extension. A folder that cannot be listed is a recording that fails; its id ends in a slash.

    Raises InputError for an INPUT that is not there.
    """

    inputs: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    limit: int | None = None
    shard: tuple[int, int] | None = None
    audio_column: str | None = None
    selection: Selection = field(init=False, repr=False, compare=False)
    _sources: tuple[Source, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.inputs, (str, os.PathLike)):
            object.__setattr__(self, "inputs", (os.fspath(self.inputs),))
        if not self.inputs:
            raise InputError("no INPUT given; name a folder, a file or a glob")
        object.__setattr__(self, "inputs", tuple(map(as_meant, self.inputs)))
        object.__setattr__(self, "selection", Selection(tuple(self.include), tuple(self.exclude), self.shard))
        found = [source for given in self.inputs for source in sources(given, self.audio_column)]
        # The same INPUT twice, or a glob over it, is one INPUT.
        by_place = {source.path if is_url(source.path) else alike(source.path): source for source in found}
        object.__setattr__(self, "_sources", tuple(by_place.values()))

    def __iter__(self) -> Iterator[Recording]:
        return self.recordings(Listing(self.selection))

    def recordings(self, listing: Listing) -> Iterator[Recording]:
        """List the corpus as iterating does, and let `listing` follow."""
        everything = (recording for source in self._sources for recording in source.recordings(listing))
        taken = (recording for recording in everything if listing.takes(recording))
        yield from islice(taken, self.limit)
        # What a limit leaves has not been looked at.
        listing.whole = self.limit is None

    def references(self, listing: Listing | None = None) -> Iterator[Recording]:
        """List the corpus as iterating does, but for containers whose audio only their reader can get at.

        Of those, each comes as one recording that stands for all, its audio a `Container`; `selection` is for whoever
        lists it.
        """
        left = self.limit
        listing = Listing(self.selection) if listing is None else listing
        for source in self._sources:
            for recording in source.references(listing):
                if left is not None and left <= 0:
                    return
                audio = recording.audio
                if not listing.takes(recording):
                    continue
                if isinstance(audio, Container) and left is not None:
                    # Somebody has to count them, so that what comes behind gets what is left of the limit.
                    held = contained(audio.path, audio.prefix, audio.column)
                    taken = sum(1 for _ in islice(filter(self.selection.takes, held), left))
                    if taken:
                        yield replace(recording, audio=replace(audio, limit=taken))
                    left -= taken
                    continue
                if left is not None:
                    left -= 1
                yield recording
                if left == 0:
                    return
        listing.whole = self.limit is None

    @property
    def places(self) -> tuple[str, ...]:
        """Give the folders and files on disk that whoever opens the audio must see, absolute; lists are not of them."""
        return tuple(
            os.path.abspath(source.path)  # noqa: PTH100 - a path that may be no UTF-8
            for source in self._sources
            if not is_url(source.path) and not is_list(source.path)
        )

    def check_lists(self) -> None:
        """Refuse lists of which no file is there, but those that a pattern happens to match. Raises InputError.

        Of one on standard input, nothing is known yet.
        """
        for source in self._sources:
            if is_list(source.path) and source.path != STDIN and not source.matched:
                check_leads_somewhere(source.path, source.recordings(Listing()))

    def why_nothing(self) -> str | None:
        """Say in one line why there is nothing to transcribe; None where there is, or where to find out takes long."""
        if any(source.path == STDIN or is_url(source.path) for source in self._sources):
            return None
        listing = Listing(self.selection)
        return listing.why_nothing(self.inputs) if next(self.recordings(listing), None) is None else None

    def check(self) -> None:
        """Refuse INPUTs that would give two recordings one id; each INPUT sees to its own.

        Raises InputError with both names.
        """
        # One INPUT sees to its own ids, and standard input could not be read twice.
        if len(self._sources) == 1:
            return
        seen = IdSet()
        containers: dict[str, str] = {}
        for name in self._names():
            # All ids of a container begin with its name, so its name is enough.
            inside = next((containers[start] for start in _above(name.id) if start in containers), None)
            if inside or not seen.add(name.id):
                self._refuse(inside or self._first(name.id), name)
            if name.container:
                containers[name.id] = name.path

    def count(self) -> int | None:
        """Count the recordings, where that takes no more than listing names; None for standard input and containers."""
        if len(self._sources) == 1 and self._sources[0].path == STDIN:
            return None
        count = 0
        for name in self._names():
            if name.container:
                return None
            count += 1
        return count if self.limit is None else min(count, self.limit)

    def _names(self) -> Iterator[Name]:
        for source in self._sources:
            yield from (
                name for name in source.names() if name.container or self.selection.takes_id(name.id, place=name.place)
            )

    def _first(self, id_: str) -> str:
        return next(name.path for name in self._names() if name.id == id_)

    def _refuse(self, first: str, second: Name) -> None:
        what = f"have ids that begin with {second.id!r}" if second.container else f"have the id {second.id!r}"
        raise InputError(
            f"{first} and {second.path} would both {what}; "
            "name the folder above both, or transcribe them into different outputs"
        )


def _above(id_: str) -> Iterator[str]:
    """Give the folders that an id lies in, each with its slash."""
    at = id_.find("/")
    while at >= 0:
        yield id_[: at + 1]
        at = id_.find("/", at + 1)
