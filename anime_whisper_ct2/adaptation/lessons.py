"""What the teacher said of each clip, kept in a folder: heard once, learnt from many times.

Each lesson is a file of its own, written beside and renamed. `lessons.jsonl` lists them, a line each, written behind
its file: what a stopped process left without a line is heard again, and so is what lost its bytes with the power.
`teacher.json` says whose lessons they are. All of them together are never in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anime_whisper_ct2.errors import InputError, OutputError, one_line
from anime_whisper_ct2.output.lines import dump_json
from anime_whisper_ct2.records import LogMel
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.appending import appended, write_whole
from anime_whisper_ct2.system.refusals import reason

TEACHER = "teacher.json"
INDEX = "lessons.jsonl"


@dataclass(frozen=True, slots=True)
class Teacher:
    """What the lessons depend on: none are taken over from a teacher that differs in any of it."""

    weights: str  # SHA-256 of the checkpoint's weights, 64 hexadecimal digits
    language: str
    prompt: tuple[int, ...]  # ids of the tokens that every text begins with
    channel: str  # of the audio
    n_mels: int


# What the fields are called where they differ.
_WHAT = {
    "weights": "checkpoint",
    "language": "language",
    "prompt": "prompt",
    "channel": "channel of the audio",
    "n_mels": "number of mel bands",
}


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What the teacher says of one clip at 30 s.

    `mel`: of the real frames, as the engine got them. `tokens`: of its text and the end token, without the prompt; the
    end is missing where the token limit came first. `hidden`: shape (tokens, width), the decoder's last hidden states
    that the tokens are read from. `usable`: neither cut off nor a loop, and torch reads the same tokens.
    """

    id: str
    mel: LogMel
    tokens: tuple[int, ...]
    hidden: NDArray[np.float16]
    text: str
    seconds: float
    usable: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """What the list says of a lesson: the real frames (10 ms) of its clip, and how many tokens it has.

    `stamp`: of the audio that was heard, as `readers.stamps` has it. `content`: SHA-256 of the lesson's file, 32
    hexadecimal digits of it. Both are "" where an older version has heard it.
    """

    id: str
    frames: int
    tokens: int
    usable: bool
    stamp: str = field(default="", compare=False)
    content: str = field(default="", compare=False)


class LessonStore:
    """The lessons of one teacher in a folder, made where there is none.

    Of each, an entry is in memory. Raises InputError where the folder holds another teacher's, and OutputError where it
    cannot be written.
    """

    def __init__(self, folder: Path, teacher: Teacher) -> None:
        self.teacher = teacher
        self._folder = folder
        self._index = folder / INDEX
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._settle(teacher)
            self._entries = {entry.id: entry for entry in self._read_index()}
        except OSError as error:
            raise _unwritable(folder, error) from error

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries())

    def has(self, id_: str, stamp: str = "") -> bool:
        """Say whether there is a lesson of a recording, usable or not; with a stamp, whether it is of that very audio.

        One that has no stamp passes for the same.
        """
        entry = self._entries.get(id_)
        return entry is not None and (not stamp or entry.stamp in ("", stamp))

    def entries(self) -> Sequence[Entry]:
        """Give all entries by their ids: in the same order, in whichever the clips were heard."""
        return [self._entries[id_] for id_ in sorted(self._entries)]

    def frames(self, id_: str) -> int:
        """Give the real frames (10 ms) of a lesson's clip. Raises KeyError where there is no such lesson."""
        return self._entries[id_].frames

    def digest(self, ids: Iterable[str]) -> str:
        """Give a digest, 64 hexadecimal digits, that tells one row of lessons from another.

        Raises KeyError where there is no such lesson.
        """
        entries = [self._entries[id_] for id_ in ids]
        # A training that knows of no contents goes on from lessons that have none.
        about = [[one.id, one.frames, one.tokens, *filter(None, (one.content,))] for one in entries]
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()

    def add(self, lesson: Lesson, stamp: str = "") -> None:
        """Keep a lesson, in the place of one that there may be. `stamp`: of the audio that was heard.

        Raises OutputError where it cannot be written.
        """
        path, content = self._path(lesson.id), _packed(lesson)
        frames, digest = lesson.mel.values.shape[1], hashlib.sha256(content).hexdigest()[:32]
        entry = Entry(lesson.id, frames, len(lesson.tokens), lesson.usable, stamp, digest)
        line = dump_json({**asdict(entry), "bytes": len(content)}) + "\n"
        try:
            files.put(path, content)
            with appended(self._index) as index:
                write_whole(index, line.encode("utf-8"))
        except OSError as error:
            raise _unwritable(path, error) from error
        self._entries[lesson.id] = entry

    def read(self, id_: str) -> Lesson:
        """Read a lesson. Raises KeyError where there is none, and InputError where its file is not what was written."""
        path = self._path(self._entries[id_].id)
        try:
            with files.opened(path) as file, np.load(file) as held:
                about = json.loads(held["about"].tobytes())
                return Lesson(
                    id=about["id"],
                    mel=LogMel(held["mel"], about["floor"]),
                    tokens=tuple(held["tokens"].tolist()),
                    hidden=held["hidden"],
                    text=about["text"],
                    seconds=about["seconds"],
                    usable=about["usable"],
                )
        except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{path}: is not the lesson that was written there ({one_line(str(error))}); remove it, and go on"
            ) from error

    def _path(self, id_: str) -> Path:
        # Ids are paths and URLs, and may hold what is no valid UTF-8.
        return self._folder / f"{hashlib.sha256(id_.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.npz"

    def _settle(self, teacher: Teacher) -> None:
        """Write down whose lessons these are; where that is known, compare."""
        path = self._folder / TEACHER
        if not path.is_file():
            files.put(path, (dump_json(asdict(teacher), indent=2) + "\n").encode("utf-8"))
            return
        kept: Any = None
        with contextlib.suppress(ValueError):  # refused below
            kept = json.loads(path.read_bytes())
        if not isinstance(kept, dict):
            raise InputError(
                f"{path}: does not say whose lessons these are; remove {self._folder}, or name another --work"
            )
        now = json.loads(json.dumps(asdict(teacher)))
        if differ := [_WHAT[field.name] for field in fields(Teacher) if kept.get(field.name) != now[field.name]]:
            raise InputError(
                f"{self._folder}: holds the lessons of another teacher (another {', another '.join(differ)}); remove "
                "it, or name another --work"
            )

    def _read_index(self) -> Iterator[Entry]:
        with appended(self._index):
            pass  # cuts off a torn last line
        with files.opened(self._index) as index:
            for line in index:
                try:
                    about = json.loads(line)
                    known = [str(about.get(name, "")) for name in ("stamp", "content")]
                    entry = Entry(
                        about["id"], int(about["frames"]), int(about["tokens"]), bool(about["usable"]), *known
                    )
                    if self._path(entry.id).stat().st_size == about["bytes"]:
                        yield entry
                except (ValueError, KeyError, TypeError, AttributeError, FileNotFoundError):
                    continue  # heard again


def _packed(lesson: Lesson) -> bytes:
    """Give a lesson's file: the same bytes for the same lesson."""
    about = {
        "id": lesson.id,
        "text": lesson.text,
        "floor": lesson.mel.floor,
        "seconds": lesson.seconds,
        "usable": lesson.usable,
    }
    file = io.BytesIO()
    np.savez(
        file,
        about=np.frombuffer(json.dumps(about).encode("ascii"), np.uint8),
        mel=lesson.mel.values,
        tokens=np.array(lesson.tokens, np.int32),
        hidden=lesson.hidden,
    )
    return file.getvalue()


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: cannot be written ({reason(error, path)}); make room, or choose another --work")
