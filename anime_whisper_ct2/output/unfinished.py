"""What is finished of recordings that are not, so that a long one is not begun again.

OUT/unfinished/NAME.jsonl   of one recording: its id in the first line, and then a line for each window

A file is there of a recording of more than two minutes, from when that shows until its line is in `transcripts.jsonl`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anime_whisper_ct2.output.lines import dump_json, id_of, segment_dict
from anime_whisper_ct2.output.results import read_segment
from anime_whisper_ct2.records import Home, Sound
from anime_whisper_ct2.system import files, refusals
from anime_whisper_ct2.system.appending import appended, write_whole

UNFINISHED = "unfinished"
# What `_name_of` gives.
_NAME = re.compile(r"[0-9a-f]{24}\.jsonl")
# Of what is no line of ours: its window is done again.
_NO_LINE = (ValueError, KeyError, TypeError, OverflowError, RecursionError)


class Unfinished:
    """The folder for one run, which holds the lock of OUT. Raises OSError.

    To make one changes nothing. `ids` are those of the recordings of which something is kept.
    """

    def __init__(self, out: Path) -> None:
        self._folder = out / UNFINISHED
        self._paths: dict[str, Path] = {}
        # Those that were opened by this run, and of these what has yet to be synced.
        self._begun: set[str] = set()
        self._unsynced: set[Path] = set()
        # Those whose first line does not say what they are of.
        self._nameless: list[Path] = []
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(self._folder.glob("*.jsonl")):
                id_ = _id_in(path)
                if id_ is not None:
                    self._paths[id_] = path
                elif _NAME.fullmatch(path.name):
                    self._nameless.append(path)

    @property
    def ids(self) -> Collection[str]:
        """The recordings of which windows are kept."""
        return self._paths.keys()

    def homes(self, id_: str) -> tuple[Home, ...]:
        """Give the windows that are kept of a recording, in their order; of two of one number the later one."""
        path = self._paths.get(id_)
        if path is None:
            return ()
        kept: dict[int, Home] = {}
        with files.opened(path) as file:
            file.readline()
            for line in file:
                with contextlib.suppress(*_NO_LINE):
                    # A torn last line is no JSON, but for its end it might be.
                    if line.endswith(b"\n"):
                        home = _home(json.loads(line))
                        kept[home.number] = home
        return tuple(kept[number] for number in sorted(kept))

    def keep(self, id_: str, homes: Iterable[Home]) -> None:
        """Append windows of a recording."""
        lines = "".join(dump_json(_line(home)) + "\n" for home in homes)
        path = self._paths.get(id_)
        if path is None:
            self._folder.mkdir(exist_ok=True)
            path = self._paths[id_] = self._folder / _name_of(id_)
            lines = dump_json({"id": id_}) + "\n" + lines
        # Not kept open: of many engines, there may be more such recordings than a process may have files. Only what an
        # earlier run left can be torn.
        with appended(path) if id_ not in self._begun else files.opened(path, "ab", buffering=0) as file:
            write_whole(file, lines.encode("utf-8"))
        self._begun.add(id_)
        self._unsynced.add(path)

    def sync(self) -> None:
        """See to it that all is on the disk."""
        for path in self._unsynced:
            # Windows syncs no file that is open for reading alone.
            with files.opened(path, "ab") as file:
                os.fsync(file.fileno())
        self._unsynced.clear()

    def drop(self, id_: str) -> None:
        """Remove what is kept of a recording that is done."""
        path = self._paths.pop(id_, None)
        if path is not None:
            self._begun.discard(id_)
            self._unsynced.discard(path)
            _give_up(path)
            self._leave()

    def tidy(self) -> None:
        """Remove files of which nobody can tell what they are of; to be called before anything is kept."""
        for path in self._nameless:
            _give_up(path)
        if self._nameless:
            self._nameless.clear()
            self._leave()

    def clear(self) -> None:
        """Remove everything."""
        self._paths.clear()
        try:
            files.remove_tree(self._folder)
        except OSError as error:
            if not refusals.is_held(error):
                raise
            for path in self._folder.glob("*.jsonl"):
                files.remove_or_empty(path)

    def _leave(self) -> None:
        """Remove the folder with the last file; where it holds anything else, it stays."""
        if not self._paths:
            with contextlib.suppress(OSError):
                self._folder.rmdir()


def _give_up(path: Path) -> None:
    """Remove a file that nothing is read from any more; where it is held, the next run does."""
    try:
        files.remove_or_empty(path)
    except OSError as error:
        if not refusals.is_held(error):
            raise


def _id_in(path: Path) -> str | None:
    """Give the id that a file begins with; None where its first line is torn, or none of ours."""
    with contextlib.suppress(*_NO_LINE), files.opened(path) as file:
        if (line := file.readline()).endswith(b"\n"):
            return id_of(line)
    return None


def _name_of(id_: str) -> str:
    # Ids hold slashes, and anything else: a name of fixed length fits every file system.
    return hashlib.sha256(id_.encode("utf-8", "surrogateescape")).hexdigest()[:24] + ".jsonl"


def _line(home: Home) -> dict[str, Any]:
    return {**asdict(home), "segment": None if home.segment is None else segment_dict(home.segment)}


def _home(line: dict[str, Any]) -> Home:
    segment = line["segment"]
    return Home(
        int(line["number"]),
        float(line["start_s"]),
        float(line["end_s"]),
        Sound(**line["sound"]),
        None if segment is None else read_segment(segment),
    )
