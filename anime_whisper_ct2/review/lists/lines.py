"""The lines of a list `path|speaker|language|text`, as the bytes that they are: what is not changed stays the same."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.lists.encodings import LEGACY, UTF8, UTF16_MARKS, encoding_of, with_utf16_mark

MARK = "|"
# What a text may not hold: it parts fields and lines.
REFUSED = "|\r\n"
_UTF16 = dict(zip(UTF16_MARKS, ("utf-16-le", "utf-16-be"), strict=True))
_HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """What a line of four fields says, to the letter."""

    path: str
    speaker: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """A list as it was read: its lines with their ends, without the byte order mark that stands before them."""

    encoding: str
    mark: bytes
    lines: tuple[bytes, ...]

    def entries(self) -> Iterator[Entry | None]:
        """Give what each line says; None of one that has other fields, names no audio, or whose text is none."""
        return map(self._entry, self.lines)

    def says_something(self, raw: bytes) -> bool:
        """Say whether a line is not blank."""
        return bool(raw.strip()) if self.encoding not in _UTF16.values() else bool(raw.replace(b"\0", b"").strip())

    def with_text(self, raw: bytes, text: str) -> bytes:
        """Put another text into a line that is an entry. Raises ValueError for one that it cannot hold."""
        if refused := refused_in(text, self.encoding):
            raise ValueError(f"the text holds {refused!r}")
        line = self._decoded(raw)
        body = _without_end(line)
        # Measured, not encoded again: cp932 has two ways to write some characters.
        before = len(self._encoded(body[: body.rindex(MARK) + 1]))
        return raw[:before] + self._encoded(text + line[len(body) :])

    def _entry(self, raw: bytes) -> Entry | None:
        try:
            path, speaker, language, text = _without_end(self._decoded(raw)).split(MARK)
            text.encode("utf-8")
        except ValueError:
            return None
        return Entry(path, speaker, language, text) if path.strip() else None

    def _decoded(self, raw: bytes) -> str:
        return raw.decode(self.encoding, _errors(self.encoding))

    def _encoded(self, text: str) -> bytes:
        return text.encode(self.encoding, _errors(self.encoding))


def refused_in(text: str, encoding: str = UTF8) -> str:
    """Give the characters of a text that a list cannot hold, each once: what parts its fields, what it cannot write."""
    return "".join(dict.fromkeys(c for c in text if c in REFUSED or not _can_write(c, encoding)))


def written(data: bytes, name: str) -> Written:
    """Part what a list holds into its lines. Raises InputError for broken UTF-16."""
    encoding, mark = _form(data)
    data = data[len(mark) :]
    if encoding not in _UTF16.values():
        return Written(encoding, mark, tuple(_with_ends(data)))
    try:
        text = data.decode(encoding, "surrogatepass")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: is broken UTF-16 text; save it as UTF-8") from error
    *whole, last = text.split("\n")
    lines = (*(line + "\n" for line in whole), *((last,) if last else ()))
    return Written(encoding, mark, tuple(line.encode(encoding, "surrogatepass") for line in lines))


def _form(data: bytes) -> tuple[str, bytes]:
    """Give the encoding of a list and the mark in front of it, as `readers.lists` takes them."""
    head = data[:_HEAD_BYTES]
    if data.startswith(codecs.BOM_UTF8):
        return UTF8, codecs.BOM_UTF8
    marked = with_utf16_mark(head)
    for mark, encoding in _UTF16.items():
        if marked.startswith(mark):
            return encoding, mark if marked is head else b""
    # The first line that shows one of them.
    return next(filter(None, map(encoding_of, _with_ends(data))), UTF8), b""


def _with_ends(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = data.find(b"\n", at) + 1 or len(data)
        yield data[at:end]
        at = end


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line


def _errors(encoding: str) -> str:
    # Names of files may be no UTF-8.
    return {UTF8: "surrogateescape", LEGACY: "strict"}.get(encoding, "surrogatepass")


def _can_write(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
