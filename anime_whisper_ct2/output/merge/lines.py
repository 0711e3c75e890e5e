"""The lines of all parts, one after the other, each recording once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.output.lines import ERRORS, TRANSCRIPTS
from anime_whisper_ct2.output.merge.parts import Part
from anime_whisper_ct2.system.files import opened
from anime_whisper_ct2.system.refusals import reason


@dataclass(slots=True)
class Copied:
    """Lines of one part that were taken over."""

    transcribed: int = 0
    failed: int = 0


def copy_lines(parts: Sequence[Part], transcripts: IO[bytes], errors: IO[bytes]) -> Sequence[Copied]:
    """Copy the lines of all parts, byte for byte, and count them.

    Raises InputError for an id that two parts hold, and for what is no line of a run.
    """
    seen = IdSet()
    copied = []
    for at, part in enumerate(parts):
        count = Copied()
        own = IdSet()
        for id_, line in lines_of(part.path / TRANSCRIPTS):
            _check_new(id_, seen, own, parts[: at + 1])
            transcripts.write(line)
        count.transcribed = len(own)
        for id_, line in _failures(part, own):
            _check_new(id_, seen, own, parts[: at + 1])
            errors.write(line)
            count.failed += 1
        copied.append(count)
    return copied


def _check_new(id_: str, seen: IdSet, own: IdSet, parts: Sequence[Part]) -> None:
    new = seen.add(id_)
    # New to its own part and known to the whole: then another part holds it.
    if own.add(id_) and not new:
        # The sets hold digests; only the files can say that it is the same id.
        for other in parts[:-1]:
            if any(held == id_ for name in (TRANSCRIPTS, ERRORS) for held, _ in lines_of(other.path / name)):
                raise InputError(
                    f"{other.path} and {parts[-1].path} both hold the recording {id_!r}; merge runs that share none"
                )


def _failures(part: Part, done: IdSet) -> Iterator[tuple[str, bytes]]:
    """Give the failures that stand: of a recording that failed twice the last, and none of what was done later.

    A run tidies its own at the end, and one that was killed did not.
    """
    path = part.path / ERRORS
    # The file is read three times, so that only the ids of those that failed twice have to be held.
    failed, again = IdSet(), IdSet()
    for id_, _ in lines_of(path):
        if not failed.add(id_):
            again.add(id_)
    last = {id_: number for number, (id_, _) in enumerate(lines_of(path)) if id_ in again} if len(again) else {}
    for number, (id_, line) in enumerate(lines_of(path)):
        if id_ not in done and last.get(id_, number) == number:
            yield id_, line


def lines_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """Read whole lines with their ids; a file that is not there has none. Raises InputError."""
    try:
        with opened(path) as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                yield _id(line, path, number), line
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


def _id(line: bytes, path: Path, number: int) -> str:
    try:
        id_ = json.loads(line)["id"]
        if not isinstance(id_, str):
            raise TypeError("its id is no text")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path}, line {number}: not a line that a run wrote ({error}); mend or remove it") from error
    return id_
