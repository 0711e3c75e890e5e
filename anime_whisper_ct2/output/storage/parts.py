"""Parts of a run's results in its output, each with a marker that is written last.

    OUT/parts/NAME.jsonl   lines of transcripts, and behind them lines of errors
    OUT/parts/NAME.json    how many bytes are which, their checksum, and what they come to
    OUT/parts/TOKEN.probe  there while a run goes on: a node that does not see it has another folder there

Without its marker, or with other bytes than that says, a part is none.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.lines import Part
from anime_whisper_ct2.output.metrics import Counts
from anime_whisper_ct2.output.storage import Storage
from anime_whisper_ct2.system import waiting

_FOLDER = "parts"
_LINES, _MARKER, _PROBE = ".jsonl", ".json", ".probe"
_READERS = 8


def probe_name(token: str) -> str:
    """Give the name of a file in the output by which a node sees whether it is the same one."""
    return f"{_FOLDER}/{token}{_PROBE}"


class Parts:
    """The parts in an output; all methods raise OutputError where that cannot be read or written."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def write(self, name: str, transcripts: bytes, errors: bytes, counts: Counts) -> None:
        """Write a part, its marker last; one of the same name is replaced by it."""
        content = transcripts + errors
        # With a sum, because nothing is synced: after a power cut, a marker may be there and its lines may not.
        marker = {"transcripts": len(transcripts), "errors": len(errors), "crc32": zlib.crc32(content)}
        self._storage.write(f"{_FOLDER}/{name}{_LINES}", content)
        self._storage.write(f"{_FOLDER}/{name}{_MARKER}", json.dumps({**marker, **asdict(counts)}).encode("ascii"))

    def read(self, name: str) -> Part:
        """Read a part that has its marker. Raises OutputError for one that is damaged."""
        content = self._storage.read(f"{_FOLDER}/{name}{_LINES}")
        try:
            marker = json.loads(self._storage.read(f"{_FOLDER}/{name}{_MARKER}"))
            lengths = marker.pop("transcripts"), marker.pop("errors")
            if sum(lengths) != len(content) or marker.pop("crc32") != zlib.crc32(content):
                raise ValueError("other bytes than its marker says")
            return Part(name, content[: lengths[0]], content[lengths[0] :], Counts(**marker))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OutputError(
                f"{self._storage.place}/{_FOLDER}/{name}{_LINES} is damaged ({error}); remove it, "
                "and the same command does again what was in it"
            ) from error

    def complete(self) -> list[str]:
        """Name the parts that have their markers, sorted."""
        names = self._storage.names(_FOLDER)
        return [name[len(_FOLDER) + 1 : -len(_MARKER)] for name in names if name.endswith(_MARKER)]

    def left(self) -> Iterator[Part]:
        """Read the parts that an earlier run has left; one that is damaged, as after a power cut, is left out."""
        names = self.complete()
        # Behind a URL each takes a moment, and there may be many.
        with waiting.threads(_READERS, "parts") as readers:
            for start in range(0, len(names), _READERS):
                for part in waiting.mapped(readers, self._try_to_read, names[start : start + _READERS]):
                    if part is not None:
                        yield part

    def _try_to_read(self, name: str) -> Part | None:
        with contextlib.suppress(OutputError):
            return self.read(name)
        return None

    def remove(self, names: Iterable[str]) -> None:
        """Remove parts, their markers first."""
        listed = list(names)
        for suffix in (_MARKER, _LINES):
            self._storage.remove([f"{_FOLDER}/{name}{suffix}" for name in listed])

    def remove_old(self) -> None:
        """Remove all parts, finished or not, before there are new ones."""
        # The probe is this run's own, and nodes may yet look for it.
        names = [name for name in self._storage.names(_FOLDER) if not name.endswith(_PROBE)]
        # Markers first, as in `remove`: a part without one is none.
        names.sort(key=lambda name: not name.endswith(_MARKER))
        self._storage.remove(names)

    def remove_all(self) -> None:
        """Remove the folder of the parts, with what runs that were killed have left in it."""
        self._storage.clear(_FOLDER)
