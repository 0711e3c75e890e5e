"""`esd.list` of Style-Bert-VITS2 and the `.list` of GPT-SoVITS, opened for a review and written anew.

A list becomes a `transcripts.jsonl` in the cache, so that all else reads it as it reads a run; decisions lie beside the
list (`reviews.review_folder`). What is written is a new list: the lines whose texts were corrected are others in it,
rejected ones are not there, and every other line is the same bytes.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anime_whisper_ct2.errors import InputError, OutputError, counted, one_line
from anime_whisper_ct2.output.lines import TRANSCRIPTS, read_lines, to_json
from anime_whisper_ct2.output.results import read_transcript
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.review.lists.lines import REFUSED, Written, refused_in, written
from anime_whisper_ct2.review.lists.recordings import transcripts_of
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.paths import alike
from anime_whisper_ct2.system.refusals import reason

if TYPE_CHECKING:
    from anime_whisper_ct2.reviews import Reviews

__all__ = ["REFUSED", "ListRun", "Saved", "beside", "open_list", "refused_in", "save_list"]

_VERSION = 1
_POINTER = "list.json"
# What was made of a list that has changed since is removed after so long; a page may be open on it still.
_KEPT_S = 30 * 86_400.0
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class ListRun:
    """A list as it was opened.

    `file`: the transcripts that were made of it, in its order, each with an id that is the path as it is written and
    one segment, the file's whole length; 0 s where that is not known. `others`: how many lines are none of a recording,
    and stay as they are; `other_lines` are the first of them, by their numbers. `missing`: how many recordings are not
    there or cannot be read. `size` and `changed_ns` tell whether the list is the same still.
    """

    path: Path
    file: Path
    encoding: str
    entries: int
    others: int
    other_lines: tuple[int, ...]
    missing: int
    size: int
    changed_ns: int

    def refused_in(self, text: str) -> str:
        """Give the characters of a text that this list cannot hold, each once; in cp932 there are many."""
        return refused_in(text, self.encoding)

    @property
    def note(self) -> str | None:
        """What a reviewer should know of it; None where there is nothing."""
        said = []
        if self.others:
            lines = ", ".join(map(str, self.other_lines)) + (", …" if self.others > len(self.other_lines) else "")
            said.append(
                f"{counted(self.others, 'line')} not of the form path|speaker|language|text "
                f"(line {lines}); they stay as they are"
            )
        if self.missing:
            said.append(f"{counted(self.missing, 'recording')} not there, or of a length that cannot be read")
        return "; ".join(said) or None


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a list's lines; `other` ones are none of a recording."""

    path: Path
    kept: int
    corrected: int
    rejected: int
    other: int


def open_list(path: Path, cache: Path) -> ListRun:
    """Read a list, and the lengths of its recordings from their headers, in processes of their own.

    It is done once for each state of the list; what was made is kept below `cache`. Raises InputError for what is no
    such list, OutputError where the cache cannot be written to.
    """
    size, changed_ns = _state(path)
    home = cache / "lists" / _name_of(path)
    if (known := _known(home, path, size, changed_ns)) is not None:
        return known
    form = written(_bytes_of(path), str(path))
    entries = list(form.entries())
    if not any(entries):
        raise InputError(f"{path}: no line is of the form path|speaker|language|text; name a list that is, or a run")
    transcripts = transcripts_of(path, form)
    content = "".join(to_json(transcript) + "\n" for transcript in transcripts).encode()
    others = [n for n, raw in enumerate(form.lines, 1) if not entries[n - 1] and form.says_something(raw)]
    made = ListRun(
        path=path,
        file=home / blake2b(content, digest_size=8).hexdigest() / TRANSCRIPTS,
        encoding=form.encoding,
        entries=len(transcripts),
        others=len(others),
        other_lines=tuple(others[:_MOST_NAMED]),
        missing=sum(transcript.duration == 0 for transcript in transcripts),
        size=size,
        changed_ns=changed_ns,
    )
    _keep(home, made, content)
    return made


def save_list(list_run: ListRun, reviews: Reviews, out: Path) -> Saved:
    """Write a list anew with what reviewers decided; it appears whole, in the place of what may be at `out`.

    Raises InputError where `out` is the list itself, where that was changed since it was opened, and for a decision
    that a list cannot hold: different ones of several people, a part of a file, a text with `|`. Raises OutputError
    where it cannot be written.
    """
    if _is_same(list_run.path, out):
        raise InputError(f"{out} is the list that is reviewed, which stays as it is; name another file")
    if _state(list_run.path) != (list_run.size, list_run.changed_ns):
        raise InputError(f"{list_run.path} was changed since it was opened; open it again, and save then")
    form = written(_bytes_of(list_run.path), str(list_run.path))
    transcripts = (read_transcript(line) for line in read_lines(list_run.file))
    lines: list[bytes] = []
    kept = corrected = rejected = other = 0
    for number, (raw, entry) in enumerate(zip(form.lines, form.entries(), strict=True), 1):
        if entry is None:
            lines.append(raw)
            other += form.says_something(raw)
            continue
        text = _text_of(next(transcripts), reviews, f"{list_run.path}, line {number}")
        if text is None:
            rejected += 1
        elif text == entry.text:
            kept += 1
            lines.append(raw)
        else:
            corrected += 1
            lines.append(_with_text(form, raw, text, f"{list_run.path}, line {number}"))
    _write(out, form.mark + b"".join(lines))
    return Saved(out, kept, corrected, rejected, other)


def beside(path: Path) -> Path:
    """Give where a list is saved that is to be saved nowhere else: `esd.reviewed.list` beside `esd.list`."""
    return path.with_name(f"{path.stem}.reviewed{path.suffix}")


def _text_of(transcript: Transcript, reviews: Reviews, place: str) -> str | None:
    """Give what a recording says by now; None where it is left out. Raises InputError."""
    pieces = reviews.replayed(transcript).pieces
    if any(piece.rivals for piece in pieces):
        raise InputError(f"{place}: reviewers decided differently; decide in the page, or choose with --conflicts")
    (segment,) = transcript.segments
    if pieces and [(piece.start, piece.end) for piece in pieces] != [(segment.start, segment.end)]:
        raise InputError(f"{place}: was trimmed or split, and a list holds whole files; undo that in the page")
    left = reviews.kept(transcript).segments
    return left[0].text if left else None


def _with_text(form: Written, raw: bytes, text: str, place: str) -> bytes:
    try:
        return form.with_text(raw, text)
    except ValueError as error:
        raise InputError(f"{place}: {one_line(str(error))}, which this list cannot hold; correct it") from error


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no such list: {reason(error, path)}") from error
    return found.st_size, found.st_mtime_ns


def _bytes_of(path: Path) -> bytes:
    try:
        with files.opened(path) as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error, path)}") from error


def _name_of(path: Path) -> str:
    """Name what is kept of a list, by where it is."""
    whole = os.path.realpath(path)
    stem = re.sub(r"[^\w.-]+", "--", path.stem)[-40:].strip("-.")
    return f"{stem}-{blake2b(whole.encode('utf-8', 'surrogateescape'), digest_size=8).hexdigest()}"


def _known(home: Path, path: Path, size: int, changed_ns: int) -> ListRun | None:
    """Give what was made of a list earlier, if that is the same still and all of it was there."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        with files.opened(home / _POINTER) as file:
            content: dict[str, Any] = json.loads(file.read())
        if content.pop("version") != _VERSION:
            return None
        made = replace(ListRun(**content), path=path, other_lines=tuple(content["other_lines"]))
        made = replace(made, file=home / content["file"] / TRANSCRIPTS)
        same = (made.size, made.changed_ns, made.missing) == (size, changed_ns, 0)
        return made if same and made.file.is_file() else None
    return None


def _keep(home: Path, made: ListRun, content: bytes) -> None:
    pointer = asdict(made) | {"version": _VERSION, "path": "", "file": made.file.parent.name}
    try:
        made.file.parent.mkdir(parents=True, exist_ok=True)
        # Another review may be reading the same.
        if not made.file.is_file():
            files.put(made.file, content)
        files.put(home / _POINTER, json.dumps(pointer).encode())
    except OSError as error:
        raise OutputError(
            f"{home} cannot be written: {reason(error, home)}; AWCT2_CACHE names another folder for the cache"
        ) from error
    with suppress(OSError):
        for folder in home.iterdir():
            if folder != made.file.parent and folder.is_dir() and folder.stat().st_mtime < time.time() - _KEPT_S:
                files.clear_away(folder)


def _write(out: Path, content: bytes) -> None:
    try:
        files.put(out, content, through_links=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {reason(error, out)}; name another file") from error


def _is_same(first: Path, second: Path) -> bool:
    if alike(os.path.realpath(first)) == alike(os.path.realpath(second)):
        return True
    with suppress(OSError):
        return os.path.samefile(first, second)  # noqa: PTH121 - as strings elsewhere
    return False
