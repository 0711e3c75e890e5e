"""Texts and names as the data set formats can carry them, and files that come out the same every time."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, TextIO

from anime_whisper_ct2.errors import InputError

# What some reader or other takes for the end of a line, a tab among them.
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_BREAKS = re.compile(f"[{_CONTROL}]+")
_BREAKS_AND_BARS = re.compile(f"[{_CONTROL}|]+")
_NOT_IN_IDS = re.compile(rf"[{_CONTROL}\s|\ud800-\udfff]")
# Those of them that JSON lets into its strings as they are.
_ESCAPED = {ord(character): f"\\u{ord(character):04x}" for character in "\x85\u2028\u2029"}
# A file system takes 255 bytes for a name, of which an extension is to find room.
_MOST_NAME_BYTES = 200


def one_line(text: str) -> str:
    """Give a text as one line without tabs: what would end a line becomes a space, and the ends are stripped."""
    return _encodable(_BREAKS.sub(" ", text)).strip()


def field(text: str) -> str:
    """Give a text as one field of a line whose fields are parted by `|`, which becomes a space."""
    return _encodable(_BREAKS_AND_BARS.sub(" ", text)).strip()


def shown(name: str) -> str:
    """Give a name as a message can hold it: in one line, and printed by every terminal."""
    return name if name.isprintable() else repr(name)[1:-1]


def language_code(recording: str, language: str, known: Mapping[str, str], format_: str) -> str:
    """Give a format's code for the language of a recording. Raises InputError where it has none."""
    code = known.get(language)
    if code is None:
        raise InputError(f"{shown(recording)}: its language is {language!r}; {format_} knows {', '.join(known)} only")
    return code


def flat(name: str) -> str:
    """Give a name with folders as one word of at most 200 bytes: `a/b` becomes `a__b`, white space becomes `_`.

    Different names stay different: one that could be mistaken for another carries a digest of the original.
    """
    parts = name.split("/")
    joined = "__".join(parts)
    word = _NOT_IN_IDS.sub("_", joined)
    encoded = word.encode("utf-8")
    clear = word == joined != "" and not any("__" in part or part[:1] == "_" or part[-1:] == "_" for part in parts)
    if clear and len(encoded) <= _MOST_NAME_BYTES:
        return word
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    return (encoded[: _MOST_NAME_BYTES - 11].decode("utf-8", "ignore") or "_") + "-" + digest


def to_json(content: Mapping[str, Any]) -> str:
    """Give one line of JSON, for those too who split lines at more than `\\n`.

    Names that are no valid UTF-8 are written with escapes, which readers give back.
    """
    text = json.dumps(content, ensure_ascii=False)
    if not _is_encodable(text):
        return json.dumps(content)
    return text.translate(_ESCAPED)


def open_text(path: Path) -> TextIO:
    r"""Open a UTF-8 text file for writing, with `\n` on every system."""
    return path.open("w", encoding="utf-8", newline="\n")


@contextmanager
def open_gzip(path: Path) -> Iterator[TextIO]:
    """Open a gzip file for writing text as `open_text` does; the same text gives the same bytes, whenever."""
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text,
    ):
        yield text


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _encodable(text: str) -> str:
    return text if _is_encodable(text) else text.encode("utf-8", "replace").decode("utf-8")
