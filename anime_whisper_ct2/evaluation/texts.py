"""Where texts can be read from: runs, tables, folders of `.txt`, tars, Kaldi's `text`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.evaluation.records import Line
from anime_whisper_ct2.evaluation.reviewed import Reviewed
from anime_whisper_ct2.evaluation.tables import HEARD_KEYS, TEXT_KEYS, line_of, table_lines
from anime_whisper_ct2.extensions import DELIMITED, JSON_LINES
from anime_whisper_ct2.output.lines import ERRORS, TRANSCRIPTS, read_lines
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.readers.files import below
from anime_whisper_ct2.readers.lists.encodings import name_text, texts_as_utf8
from anime_whisper_ct2.readers.lists.lines import MAX_ROW_BYTES, lines_of, text_lines_of
from anime_whisper_ct2.readers.rows import extension, shown, valid_text
from anime_whisper_ct2.reviews import ReviewOptions
from anime_whisper_ct2.system.paths import at_home

# What a line has that has no text.
LACKING = "no text that can be read"
_KALDI = "text"
# Kaldi's `text`, and the lists of Japanese corpora (JSUT, JVS): an id, then white space or a colon, then the text.
_SPACED = re.compile(r"(\S+)\s+(.*)", re.DOTALL)
_COLON = re.compile(r"([^\s:]+):(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a table hold the recording's id and its text; None: guessed."""

    id: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """A source of texts that can be read again and again; `lines` reads it anew.

    `columns_count`: whether names of columns mean something to it. `run`: the run that it is, where it is one.
    `lacking`: what those lines have that have no text. `notes`: what a user should know of it, under a name, once it
    was read.
    """

    path: str
    lines: Callable[[], Iterator[Line]]
    columns_count: bool = False
    run: RunFolder | None = None
    lacking: str = LACKING
    notes: Callable[[str], Iterable[str]] = lambda _name: ()

    @property
    def name(self) -> str:
        """What to call it in a table: the name of its folder or file, the extension apart."""
        path = PurePath(self.path)
        if path.name == TRANSCRIPTS:
            # Every run's file is called the same; its folder is not.
            path = path.parent
        return (path.name if os.path.isdir(path) else path.stem) or self.path  # noqa: PTH112 - as bytes, as elsewhere

    def failed(self) -> Iterator[str]:
        """Give the ids that the run could not transcribe, as its `errors.jsonl` has them."""
        if self.run is not None:
            path = self.run.folder / ERRORS
            if path.is_file():
                yield from (str(line.get("id")) for line in read_lines(path))


def open_texts(path: str, columns: Columns | None = None, *, heard: bool, review: ReviewOptions | None = None) -> Texts:
    """Find out what a path is, and how its texts are read.

    A run's folder or `transcripts.jsonl`; JSON lines, CSV or TSV; a folder of `.txt` whose names are the recordings'; a
    Kaldi data folder, its `text`, or any list of an id and a text in each line; tars, Parquet and all else that `awct2
    run` reads, whose texts are in `text` of the metadata. `heard`: texts are a recogniser's, so in a table that holds
    both, its own are meant. `review` says how what was decided about a run is applied; None: it is not.

    Raises InputError when there is nothing, and for names of columns where there are none.
    """
    columns = columns or Columns()
    path = at_home(path)
    texts = _open(path, columns, review, heard=heard)
    if (columns.id or columns.text) and not texts.columns_count:
        raise InputError(f"{shown(path)}: has no columns to choose; leave the names of columns out")
    return texts


def texts_of_meta(run: Texts, column: str | None = None) -> Texts:
    """Take the references out of what a run itself keeps of its corpus: `meta.text`, or another key of `meta`."""
    key = column or "text"

    def lines() -> Iterator[Line]:
        """Read the run again, each text from its `meta`."""
        for line in run.lines():
            text = line.meta.get(key)
            yield Line(line.id, text.strip() if isinstance(text, str) else None, line.meta)

    return Texts(run.path, lines, columns_count=True)


def _open(path: str, columns: Columns, review: ReviewOptions | None, *, heard: bool) -> Texts:
    kind = extension(path)
    if os.path.isdir(path):  # noqa: PTH112 - plain strings keep invalid UTF-8
        return _open_folder(path, columns, review)
    # With names of columns it is read as the JSON lines that it is.
    if PurePath(path).name == TRANSCRIPTS and columns == Columns():
        return _open_run(path, review)
    if kind in (*JSON_LINES, *DELIMITED):
        keys = HEARD_KEYS + TEXT_KEYS if heard else TEXT_KEYS
        return Texts(path, partial(table_lines, path, columns.id, columns.text, keys), columns_count=True)
    if kind == "txt" or (not kind and os.path.isfile(path)):  # noqa: PTH113 - as above
        return Texts(path, partial(_listed, path))
    return _open_corpus(path, columns)


def _open_folder(path: str, columns: Columns, review: ReviewOptions | None) -> Texts:
    def has(name: str) -> bool:
        """Say whether the folder holds a file of this name."""
        return os.path.isfile(os.path.join(path, name))  # noqa: PTH113, PTH118 - as above

    if has(TRANSCRIPTS):
        return _open_run(path, review)
    if has(_KALDI):
        return Texts(path, partial(_listed, os.path.join(path, _KALDI)))  # noqa: PTH118 - as above
    if next(below(path, ("txt",)), None):
        return Texts(path, partial(_files, path))
    return _open_corpus(path, columns)


def _open_run(path: str, review: ReviewOptions | None) -> Texts:
    run = RunFolder(path)
    if review is not None and review.review != "none" and (reviewed := Reviewed(run, review)).any:
        return Texts(path, reviewed.lines, run=run, notes=reviewed.notes)

    def lines() -> Iterator[Line]:
        """Read the transcripts again."""
        return (Line(each.id, each.text.strip(), each.meta) for each in run.transcripts())

    return Texts(path, lines, run=run)


def _open_corpus(path: str, columns: Columns) -> Texts:
    corpus = Corpus((path,))
    key = columns.text or "text"

    def lines() -> Iterator[Line]:
        """List the corpus again, each text from its metadata."""
        for recording in corpus:
            text = recording.meta.get(key)
            yield line_of(recording, text.strip() if isinstance(text, str) else None)

    return Texts(path, lines, columns_count=columns.id is None)


def _listed(path: str) -> Iterator[Line]:
    """Read an id and a text from each line."""
    for (id_, is_text), text in texts_as_utf8(_split(path)):
        yield Line(id_, valid_text(text).strip() if is_text else None)


def _split(path: str) -> Iterator[tuple[tuple[str, bool], bytes]]:
    """Split each line into its id and its text, as far as there is one: each has its own encoding."""
    pattern: re.Pattern[str] | None = None
    # Of Kaldi's own, ids may be the names of files, bytes that are no UTF-8 included.
    read = text_lines_of if extension(path) else lines_of
    for number, raw in enumerate(read(path), 1):
        if not raw.strip():
            continue
        line = raw[:MAX_ROW_BYTES].decode("utf-8", "surrogateescape").strip()
        # The first line decides for all, since a text may hold a colon itself.
        if pattern is None:
            pattern = _SPACED if _SPACED.fullmatch(line) or ":" not in line else _COLON
        # Kaldi writes an utterance without words as its id alone.
        id_, text = found.groups() if (found := pattern.fullmatch(line)) else (line, "")
        if found or pattern is _SPACED:
            yield (name_text(_bytes(id_)), True), _bytes(text)
        else:
            yield (f"{shown(path)}:{number}", False), b""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _files(root: str) -> Iterator[Line]:
    """Read a folder of texts, each by its path without `.txt`."""
    for id_, path in below(root, ("txt",)):
        yield Line(id_[: -len(".txt")], _content(path))


def _content(path: str) -> str | None:
    """Read a text file, as lists are read; None for one that is no text."""
    raw = bytearray()
    try:
        for line in text_lines_of(path):
            raw += line + b"\n"
            if len(raw) > MAX_ROW_BYTES:
                return None
        return raw.decode("utf-8").strip()
    except (InputError, ValueError):
        return None
