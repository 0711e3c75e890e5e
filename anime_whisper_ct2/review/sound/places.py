"""Where the sound of a transcript is, and whether it may be opened: a run may be anybody's, and names what it likes."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from anime_whisper_ct2.extensions import CONTAINERS, has_extension
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.output.source import Source
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.readers.remote_errors import redacted
from anime_whisper_ct2.readers.tables import is_dataset_folder
from anime_whisper_ct2.records import Excerpt, Section, Transcript
from anime_whisper_ct2.review.sound.cutting import NoSound, Place
from anime_whisper_ct2.review.sound.listing import Asked, Listing
from anime_whisper_ct2.system.paths import alike, bare, slashed

# How much of compressed and remote tars is kept on the disk, and which share of what is free there.
KEPT_BYTES = 4 << 30
_SHARE = 2
# What stands where a URL had a query, in which secrets travel.
_REDACTED = "?…"


class Places:
    """Where a run's recordings are: at the path that a transcript names, or found by listing the corpus anew.

    The corpus is listed once, where some recording is no file: within a tar or a table, or named by a list alone. URLs,
    and folders of other machines on Windows, are opened where `run.json` lists them as INPUTs, or something above them,
    or a list among these names them; any with `allow_urls`. `kept_bytes` of what cannot be read in place are held in a
    temporary file in `cache` at most. To be called from any thread.
    """

    def __init__(
        self, run: RunFolder, cache: Path | None, *, allow_urls: bool = False, kept_bytes: int = KEPT_BYTES
    ) -> None:
        self._run = run
        self._source = Source(run)
        self._allow_urls = allow_urls
        self._cache = cache
        self._kept_bytes = kept_bytes
        self._inputs, self._above = _started_from(run)
        self._lock = threading.Lock()
        self._listing: Listing | None = None
        self._closed = False
        if any(map(_holds_recordings, self._inputs)):
            self._listed()

    @property
    def ready(self) -> bool:
        """Whether no listing is going on."""
        return self._listing is None or self._listing.done

    @property
    def problem(self) -> str | None:
        """Why the corpus could not be listed, or not to its end."""
        return self._listing.problem if self._listing is not None else None

    def named(self, transcript: Transcript) -> Place | None:
        """Give what a transcript names, where that may be opened; nobody has looked whether anything is there."""
        path = self._source.located(transcript).audio
        if _is_elsewhere(path):
            if _REDACTED in path or _is_within(path):
                return None
            if not self._allow_urls and not any(_lies_below(path, each) for each in self._above):
                return None
        return _stretch_of(path, transcript)

    def found(self, transcript: Transcript, patience_s: float) -> Place:
        """Give where the corpus has a recording. One that is not listed yet is waited for so long. Raises NoSound."""
        path = self._source.located(transcript).audio
        shown = redacted(path)
        listing = self._listed() if self._inputs else None
        place: Place | None = None
        if listing is not None:
            try:
                place = listing.place_of(transcript.id, path, patience_s)
            except TimeoutError:
                raise NoSound(f"{shown}: the corpus is still being listed; try again in a while", "Listing") from None
        if place is not None:
            return _stretch_of(place, transcript)
        if listing is not None and listing.problem:
            raise NoSound(f"{shown}: the corpus cannot be listed: {listing.problem}")
        if _is_elsewhere(path) and not self._allow_urls:
            what = "a URL" if is_url(path) else "on another machine"
            raise NoSound(f"{shown}: is {what}, and not of the run's INPUTs; --allow-urls opens it", "NotAllowed")
        raise NoSound(f"{shown}: is not there, and the run's INPUTs do not list it; put it back", "Absent")

    def close(self) -> None:
        """End a listing, and remove what was kept."""
        with self._lock:
            self._closed = True
            listing = self._listing
        if listing is not None:
            listing.close()

    def _listed(self) -> Listing:
        """Give the listing, which begins where there is none."""
        with self._lock:
            if self._closed:
                raise NoSound("the review is being closed", "Closed")
            if self._listing is None:
                column = self._run.about.get("audio_column")
                asked = Asked(self._inputs, column if isinstance(column, str) else None, self._room_bytes())
                self._listing = Listing(lambda: self._run.ids, asked, self._cache)
            return self._listing

    def _room_bytes(self) -> int:
        if self._cache is None:
            return 0
        with suppress(OSError):
            self._cache.mkdir(parents=True, exist_ok=True)
            return min(self._kept_bytes, shutil.disk_usage(self._cache).free // _SHARE)
        return 0


def _started_from(run: RunFolder) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give a run's INPUTs from the folder where it was given them; and those, with that folder."""
    start = run.about.get("folder")
    if not isinstance(start, str) or not os.path.isdir(start):  # noqa: PTH112 - may be no UTF-8
        return run.inputs, run.inputs
    inputs = tuple(each if is_url(each) else os.path.join(start, each) for each in run.inputs)  # noqa: PTH118 - as above
    return inputs, (*inputs, start)


def _stretch_of(place: Place, transcript: Transcript) -> Place:
    if transcript.offset is None or not isinstance(place, (str, bytes, Section)):
        return place
    return Excerpt(place, transcript.offset, transcript.duration)


def _holds_recordings(given: str) -> bool:
    """Say whether an INPUT is a tar, a table or a saved dataset, as far as that is seen without going far."""
    return has_extension(given.partition("?")[0], CONTAINERS) or (not is_url(given) and is_dataset_folder(given))


def _is_elsewhere(path: str) -> bool:
    r"""Say whether to open a path tells another machine of it: a URL, and on Windows `\\machine\share`."""
    return is_url(path) or (os.sep == "\\" and slashed(bare(path)).startswith("//"))


def _is_within(path: str) -> bool:
    """Say whether a path leads into a container, so that nothing can be opened there."""
    return any(has_extension(above, CONTAINERS) for above in _folders(slashed(path)))


def _folders(path: str) -> Iterator[str]:
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _lies_below(path: str, given: str) -> bool:
    """Say whether a path is an INPUT or lies below it, and leads nowhere else from there."""
    if path == given:
        return True
    if not is_url(path):
        path, given = slashed(alike(path)), slashed(alike(given))
    beginning = given.rstrip("/") + "/"
    rest = unquote(path.removeprefix(beginning))
    # fsspec takes what follows `::` for another place.
    return path.startswith(beginning) and "::" not in rest and ".." not in slashed(rest.replace("\\", "/")).split("/")
