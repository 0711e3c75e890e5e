"""Lists of recordings on the spot, and what must be true of whatever is read of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from hypothesis import strategies as st

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.lists.manifests import manifest
from anime_whisper_ct2.records import Recording, Unreadable

Write = Callable[[str, str | bytes], str]


def writer(folder: Path) -> Write:
    """Give a function that writes a file below a folder, and gives its path."""

    def write(name: str, content: str | bytes) -> str:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


def json_lines(*rows: object) -> str:
    return "".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def message(recording: Recording, error: str = "ManifestError") -> str:
    assert isinstance(recording.audio, Unreadable), recording
    assert recording.audio.error == error
    assert "\n" not in recording.audio.message
    return recording.audio.message


def only(path: str, column: str | None = None) -> Recording:
    (recording,) = manifest(path, column)
    return recording


def one_row(write: Write, **row: object) -> Recording:
    return only(write("m.jsonl", json_lines(row)))


_KEYS = st.sampled_from(["path", "audio", "id", "offset", "duration", "start", "end", "text"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(exclude_categories=()), max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
_ROWS = st.dictionaries(_KEYS, _VALUES, max_size=5).map(lambda row: json.dumps(row).encode())
_FIELDS = st.sampled_from([b"path", b"id", b"offset", b"end", b"a.wav", b"b.mp3", b"1", b"nan", b"-1", b"r1", b"x |"])
_ODD = st.sampled_from([b'"', b",", b"\t", b" ", b"\n", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"[", b"{}", b"\x1b"])
BYTES = (
    st.lists(_FIELDS | _ODD, max_size=30).map(b"".join)
    | st.lists(_ROWS | _ODD, max_size=5).map(b"\n".join)
    | st.binary(max_size=60)
)


def check_all(read: Callable[[], Iterator[Recording]]) -> None:
    """Read all there is: ids are unique, metadata is JSON, and messages are one line each."""
    refused, recordings = "", list[Recording]()
    try:
        recordings.extend(read())
    except InputError as error:
        refused = str(error)
    assert "\n" not in refused
    ids = [recording.id for recording in recordings]
    assert len(set(ids)) == len(ids)
    assert all(ids)
    for recording in recordings:
        text = json.dumps(dict(recording.meta), ensure_ascii=False, allow_nan=False)
        assert json.loads(text.encode("utf-8")) == recording.meta
        json.dumps(recording.id).encode()
        if isinstance(recording.audio, Unreadable):
            assert recording.audio.error
            assert recording.audio.message.isprintable()
        else:
            os.fsencode(recording.name)
            assert recording.name.isprintable() or not recording.name.isascii()
