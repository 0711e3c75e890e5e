"""A run's corpus listed anew, in a process of its own, for what of it is no file that a path leads to.

What a tar holds is found again by its offset, a row of a table by its number. Compressed and remote tars are gone
through once, and what they hold is kept in a temporary file, as far as that may grow; what does not fit is found again
by going through its archive another time.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import IO

from anime_whisper_ct2.errors import Awct2Error, one_line
from anime_whisper_ct2.executors.process import Child, streams
from anime_whisper_ct2.extensions import TARS, has_extension
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.readers.remote_errors import redacted
from anime_whisper_ct2.readers.tables import TableRow, placed
from anime_whisper_ct2.readers.tar import tar_shard
from anime_whisper_ct2.records import Audio, Container, Excerpt, Section, carried_bytes
from anime_whisper_ct2.review.sound.cutting import Packed, Place
from anime_whisper_ct2.system.pipes import reader_may_go
from anime_whisper_ct2.system.processes import cause_of_death

# How much is sent at a time: so many recordings, or bytes of what is kept, or what has come in so long.
_MOST_SENT, _MOST_SENT_BYTES, _SEND_EVERY_S = 1_000, 8 << 20, 0.2
_UNKNOWN, _SECTION, _KEPT, _PACKED, _ROW, _NAMED, _OTHER = range(7)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be listed: INPUTs as a run took them; of what cannot be read in place, so many bytes may be sent."""

    inputs: tuple[str, ...]
    audio_column: str | None
    kept_bytes: int


@dataclass(frozen=True, slots=True)
class Found:
    """A recording of the corpus: where it is, and what it holds, where that is worth keeping."""

    id: str
    place: Place
    data: bytes | None = None


class Listing:
    """Where the recordings of a corpus are, by id, as far as it has been listed; a thread waits for the rest.

    `ids` gives those that are asked for, sorted; others are passed over. Memory: 21 bytes for each, and what a
    temporary file in `folder` holds of `kept_bytes` at most. `problem`: why the corpus cannot be listed, or not to its
    end.
    """

    def __init__(self, ids: Callable[[], Sequence[str]], asked: Asked, folder: Path | None) -> None:
        self._read_ids = ids
        self._ids: Sequence[str] = ()
        self._kinds = bytearray()
        self._which, self._at, self._size = array("I"), array("Q"), array("Q")
        self._files: list[tuple[str, str | None, bool]] = []
        self._numbers: dict[tuple[str, str | None, bool], int] = {}
        self._others: dict[int, Audio] = {}
        self._changed = threading.Condition()
        self._kept, room = _kept_file(folder, asked.kept_bytes)
        self._end = 0
        self.done = False
        self.problem: str | None = None
        self._closed = False
        self._child: Child | None = None
        self._thread = threading.Thread(target=self._follow, args=(replace(asked, kept_bytes=room),), daemon=True)
        self._thread.start()

    def place_of(self, id_: str, named: str, patience_s: float) -> Place | None:
        """Say where a recording is, which its transcript calls `named`; None where it is not listed.

        One that the listing has not come to yet is waited for so long. Raises TimeoutError.
        """
        deadline_s = time.monotonic() + patience_s
        with self._changed:
            while True:
                at = bisect_left(self._ids, id_)
                is_asked_for = at < len(self._ids) and self._ids[at] == id_
                if self.done or (is_asked_for and self._kinds[at] != _UNKNOWN) or (self._ids and not is_asked_for):
                    return self._place(at, named) if is_asked_for else None
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError
                self._changed.wait(min(left_s, 0.5))

    def close(self) -> None:
        """End the listing, and forget what was kept."""
        self._closed = True
        child = self._child
        if child is not None:
            child.kill()
        self._thread.join(5.0)
        with self._changed:
            if self._kept is not None:
                self._kept.close()
                self._kept = None

    def _place(self, at: int, named: str) -> Place | None:
        kind = self._kinds[at]
        if kind == _OTHER:
            return self._others[at]
        if kind == _NAMED:
            return named if _digest(named) == self._at[at] else None
        if kind == _KEPT:
            if self._kept is None:
                return None
            self._kept.seek(self._at[at])
            return self._kept.read(self._size[at])
        if kind == _UNKNOWN:
            return None
        path, column, saved = self._files[self._which[at]]
        if kind == _SECTION:
            return Section(path, self._at[at], self._size[at])
        return Packed(path, self._at[at]) if kind == _PACKED else TableRow(path, self._at[at], column, saved)

    def _follow(self, asked: Asked) -> None:
        """Take in what the process finds, until it ends."""
        problem: str | None = "it is not known why"
        try:
            problem = self._followed(asked)
        except Awct2Error as error:  # no process, or the run's own file
            problem = str(error)
        finally:
            with self._changed:
                self.done, self.problem = True, problem
                self._changed.notify_all()

    def _followed(self, asked: Asked) -> str | None:
        child = Child(__name__, {})
        self._child = child
        try:
            # `close` may have looked before there was one.
            if self._closed:
                child.kill()
            child.send(asked)
            self._prepare(self._read_ids())
            while isinstance(found := child.receive(), list):
                self._take(found)
        except (EOFError, OSError):
            return f"the process that listed it died ({cause_of_death(child.close())})"
        except BaseException:
            child.kill()
            child.close()
            raise
        child.close()
        problem: str | None = found
        return problem

    def _prepare(self, ids: Sequence[str]) -> None:
        with self._changed:
            self._kinds = bytearray(len(ids))
            self._which = array("I", bytes(self._which.itemsize * len(ids)))
            self._at, self._size = (array("Q", bytes(8 * len(ids))) for _ in range(2))
            self._ids = ids

    def _take(self, found: list[Found]) -> None:
        with self._changed:
            for one in found:
                at = bisect_left(self._ids, one.id)
                if at < len(self._ids) and self._ids[at] == one.id and self._kinds[at] == _UNKNOWN:
                    self._note(at, one)
            self._changed.notify_all()

    def _note(self, at: int, found: Found) -> None:
        place = found.place
        if found.data is not None and self._keep(found.data):
            self._kinds[at], self._at[at], self._size[at] = _KEPT, self._end - len(found.data), len(found.data)
        elif isinstance(place, Section):
            self._kinds[at], self._at[at], self._size[at] = _SECTION, place.offset, place.size
            self._which[at] = self._number(place.path)
        elif isinstance(place, TableRow):
            self._kinds[at], self._at[at] = _ROW, place.row
            self._which[at] = self._number(place.path, place.column, saved=place.saved)
        elif isinstance(place, Packed):
            self._kinds[at], self._at[at] = _PACKED, place.number
            self._which[at] = self._number(place.path)
        elif isinstance(place, str) and is_url(place) and redacted(place) == place:
            # Most are what their transcripts say, and there may be millions.
            self._kinds[at], self._at[at] = _NAMED, _digest(place)
        else:
            self._kinds[at] = _OTHER
            self._others[at] = place

    def _keep(self, data: bytes) -> bool:
        """Keep what a recording holds; not where the disk has no room."""
        if self._kept is None:
            return False
        try:
            self._kept.seek(self._end)
            self._kept.write(data)
            self._kept.flush()
        except OSError:
            return False
        self._end += len(data)
        return True

    def _number(self, path: str, column: str | None = None, *, saved: bool = False) -> int:
        """Number the files that recordings lie in."""
        file = (path, column, saved)
        if file not in self._numbers:
            self._numbers[file] = len(self._files)
            self._files.append(file)
        return self._numbers[file]


def _kept_file(folder: Path | None, most_bytes: int) -> tuple[IO[bytes] | None, int]:
    """Make a file that goes with this process; None, and no bytes, where there can be none."""
    if folder is not None and most_bytes > 0:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            return tempfile.TemporaryFile(dir=folder), most_bytes
    return None, 0


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _listed(asked: Asked) -> Iterator[Found]:
    """List a corpus. Raises InputError."""
    left = asked.kept_bytes
    for recording in Corpus(asked.inputs, audio_column=asked.audio_column).references():
        audio = recording.audio
        if not isinstance(audio, Container):
            # A stretch is the transcript's, too.
            yield Found(recording.id, audio.audio if isinstance(audio, Excerpt) else audio)
        elif has_extension(audio.path.partition("::")[0].partition("?")[0], TARS):
            for number, inner in enumerate(tar_shard(audio.path, audio.prefix)):
                kept = isinstance(inner.audio, bytes) and carried_bytes(inner.audio) <= left
                left -= carried_bytes(inner.audio) if kept else 0
                whole = inner.audio if isinstance(inner.audio, bytes) and kept else None
                place: Place = Packed(audio.path, number) if isinstance(inner.audio, bytes) else inner.audio
                yield Found(inner.id, place, whole)
        else:
            for inner, row in placed(audio.path, audio.prefix, audio.column):
                yield Found(inner.id, row if isinstance(inner.audio, bytes) and row is not None else inner.audio)


def main() -> None:
    """Be the process: what to list on standard input, lists of what is found on standard output, and how it ended."""
    source, sink = streams()
    waiting: list[Found] = []
    size, since_s = 0, time.monotonic()

    def send(message: object) -> None:
        """Send it at once."""
        with reader_may_go(sink):
            pickle.dump(message, sink, protocol=5)
            sink.flush()

    try:
        problem: str | None = None
        try:
            for found in _listed(pickle.load(source)):
                waiting.append(found)
                size += len(found.data or b"")
                late = time.monotonic() - since_s > _SEND_EVERY_S
                if late or len(waiting) >= _MOST_SENT or size >= _MOST_SENT_BYTES:
                    send(waiting)
                    waiting, size, since_s = [], 0, time.monotonic()
        except (EOFError, BrokenPipeError):
            raise
        except Awct2Error as error:
            problem = one_line(str(error))
        except Exception as error:
            problem = one_line(f"{type(error).__name__}: {error}")
        send(waiting)
        send(problem)
    except (EOFError, BrokenPipeError):
        os._exit(0)
