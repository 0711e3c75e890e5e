"""Kaldi data folders: `wav.scp`, and the `segments`, `text` and `utt2spk` beside it. No command is ever run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from anime_whisper_ct2.errors import RecordingError, counted
from anime_whisper_ct2.readers.lists.encodings import name_readings, name_text, texts_as_utf8
from anime_whisper_ct2.readers.lists.lines import lines_of
from anime_whisper_ct2.readers.remote import exists, is_url
from anime_whisper_ct2.readers.rows import BAD_ROW, DUPLICATE, Rows, folder_of, seconds, short, valid_text
from anime_whisper_ct2.readers.spelling import spelled
from anime_whisper_ct2.records import Excerpt, Recording, Unreadable

# Such as `raw.ark:1234`, or a range within it: `raw.ark:1234[0:99]`.
_ARCHIVE = re.compile(r"\.ark:\d+(\[[^]]*\])?$", re.IGNORECASE)

_Meta = Callable[[str], dict[str, str]]


def wav_scp(path: str) -> Iterator[Recording]:
    """Read a `wav.scp` as a stream; with a `segments` beside it, the recordings are its stretches, and only these.

    `text` and `utt2spk` beside it become `text` and `speaker` in the metadata. These two, and with segments the
    `wav.scp`, are held in memory. Relative paths start from the folder of `wav.scp`, or from the current one where only
    that leads to a file. A pipe, standard input or an archive in place of a path is a recording that fails.

    Raises InputError for a file that cannot be read.
    """
    folder = folder_of(path)
    meta = _metadata(folder)
    segments = _beside(folder, "segments")
    if segments is None:
        yield from _utterances(path, meta)
    else:
        yield from _segments(segments, _recordings(path), meta)


def _utterances(path: str, meta: _Meta) -> Iterator[Recording]:
    rows = Rows(path)
    for number, id_, value in _entries(path):
        name, audio = _audio(rows, value)
        yield rows.accept(number, id_, name, audio, meta(id_), given=True)


def _recordings(path: str) -> dict[str, tuple[str, str | Unreadable]]:
    """Give the path of each recording, or why it cannot be read."""
    rows = Rows(path)
    table: dict[str, tuple[str, str | Unreadable]] = {}
    for number, id_, value in _entries(path):
        if id_ in table:
            again = f"wav.scp names {short(id_)} again in line {number}; keep one of the two"
            table[id_] = (name_text(value), Unreadable(DUPLICATE, again))
        else:
            table[id_] = _audio(rows, value)
    return table


def _segments(path: str, recordings: dict[str, tuple[str, str | Unreadable]], meta: _Meta) -> Iterator[Recording]:
    rows = Rows(path)
    for number, line in enumerate(lines_of(path), 1):
        fields = [name_text(field) for field in line.split()]
        if not fields:
            continue
        name, whole = recordings.get(fields[1] if len(fields) > 1 else "", ("", Unreadable(BAD_ROW, "")))
        audio: Excerpt | Unreadable
        try:
            offset_s, duration_s = _stretch(fields, recordings)
            audio = whole if isinstance(whole, Unreadable) else Excerpt(whole, offset_s, duration_s)
        except RecordingError as error:
            audio = Unreadable(BAD_ROW, str(error))
        yield rows.accept(number, fields[0], name or rows.place(number), audio, meta(fields[0]), given=True)


def _stretch(fields: list[str], recordings: dict[str, tuple[str, str | Unreadable]]) -> tuple[float, float | None]:
    if len(fields) != 4:
        # Kaldi allows a channel behind the times; here channels are mixed.
        raise RecordingError(
            f"the line has {counted(len(fields), 'field')}; give segment, recording, start and end, no channel"
        )
    _, recording, start, end = fields
    if recording not in recordings:
        raise RecordingError(f"the recording {short(recording)} is not in wav.scp; add it there")
    offset_s = seconds(start, "the start")
    # Kaldi's way to write the end of a recording.
    if re.fullmatch(r"-1(\.0*)?", end):
        return offset_s, None
    duration_s = seconds(end, "the end") - offset_s
    if duration_s <= 0:
        raise RecordingError(f"the segment ends at {end} s and starts at {start} s; mend the line")
    return offset_s, duration_s


def _audio(rows: Rows, raw: bytes) -> tuple[str, str | Unreadable]:
    """Give the resolved path that a line of `wav.scp` names, twice; or the value and why it is none."""
    value, *others = name_readings(raw)
    # In no known encoding, it is what leads to a file.
    if others and not _leads_somewhere(rows, value):
        value = next((each for each in others if _leads_somewhere(rows, each)), value)
    if not value:
        return value, Unreadable(BAD_ROW, "the line names no audio; give an utterance and a path")
    if value == "-" or value.startswith("|") or value.endswith("|"):
        reason = f"{short(value)} is a pipe, and commands are never run; write the audio to a file and name that"
        return value, Unreadable("KaldiPipe", reason)
    if _ARCHIVE.search(value):
        reason = f"{short(value)} lies in a Kaldi archive, which is not read; copy the audio to files (wav-copy)"
        return value, Unreadable("KaldiArchive", reason)
    try:
        _, name = rows.locate(value)
    except RecordingError as error:
        return value, Unreadable(BAD_ROW, str(error))
    # By Kaldi's own rule, paths start from where its scripts are run.
    if name != value and not is_url(name) and not _is_there(name) and _is_there(value):
        name = value
    return name, name


def _leads_somewhere(rows: Rows, value: str) -> bool:
    return rows.leads_somewhere(value) or _is_there(value)


def _is_there(path: str) -> bool:
    return os.path.exists(spelled(path))  # noqa: PTH110 - as bytes


def _entries(path: str) -> Iterator[tuple[int, str, bytes]]:
    """Give the number, the key and the rest of every line that is not empty."""
    for number, line in enumerate(lines_of(path), 1):
        key, *rest = line.split(None, 1) or [b""]
        if key:
            yield number, name_text(key), rest[0].rstrip() if rest else b""


def _metadata(folder: str) -> _Meta:
    tables = {name: _texts(_beside(folder, file)) for name, file in (("text", "text"), ("speaker", "utt2spk"))}
    return lambda id_: {name: table[id_] for name, table in tables.items() if id_ in table}


def _texts(path: str | None) -> dict[str, str]:
    if path is None:
        return {}
    texts = texts_as_utf8((id_, rest) for _, id_, rest in _entries(path))
    return {id_: valid_text(text) for id_, text in texts}


def _beside(folder: str, name: str) -> str | None:
    """Give the path of a file in a folder, or None where there is none."""
    path = folder.rstrip("/") + "/" + name if is_url(folder) else os.path.join(folder, name)  # noqa: PTH118 - as bytes
    there = exists(path) if is_url(path) else os.path.isfile(path)  # noqa: PTH113 - as bytes
    return path if there else None
