"""Lists of the programs that train voices: `esd.list` of Style-Bert-VITS2, and the `.list` of GPT-SoVITS.

A line is `path|speaker|language|text`. The first names files below a folder `raw` beside its list, the second by whole
paths, by paths from where it was started, or by their names alone, with the folder given elsewhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from anime_whisper_ct2.errors import RecordingError, one_line
from anime_whisper_ct2.languages import LANGUAGES, code_of
from anime_whisper_ct2.readers.lists.lines import MAX_ROW_BYTES, text_lines_of
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.readers.rows import BAD_ROW, DRIVE, Rows, folder_of, split_url
from anime_whisper_ct2.readers.spelling import spelled
from anime_whisper_ct2.records import Recording, Unreadable

_MARK = "|"
_RAW, _WAVS = "raw", "wavs"
# How far above its list a path may start: both programs write paths from their own folder.
_ABOVE = 3
# What Style-Bert-VITS2 puts behind the text once it has prepared it: phonemes, tones, and phonemes for each letter.
_NUMBERS = re.compile(r"-?\d+(?: -?\d+)*")


def voice_list(path: str) -> Iterator[Recording]:
    """Read a list as a stream: path, speaker, language and text; without a speaker, a language or both, too.

    `meta` holds `speaker`, `language`, by Whisper's code, and `text`. The id is the path as it is written, below the
    list's folder. The audio is the first of these that is there, on a disk:

    1. a relative path in `raw` beside the list;
    2. the path itself, from the list's folder if it is relative;
    3. from the working folder, or from up to three folders above the list;
    4. the file's name alone beside the list, in `raw` or `wavs` there, or in the folder that is called like the list.

    Raises InputError for a list that cannot be read.
    """
    rows = Rows(path)
    for number, line in enumerate(text_lines_of(path), 1):
        if not line.strip():
            continue
        try:
            written, meta = _fields(line)
            id_, name = rows.locate(written)
        except RecordingError as error:
            yield rows.refuse(number, error)
            continue
        audio = _audio(path, written, name)
        yield rows.accept(number, id_, audio if isinstance(audio, str) else name, audio, meta)


def _fields(line: bytes) -> tuple[str, dict[str, str]]:
    """Give the path and what is said of it. Raises RecordingError for a line that is no text, or too long."""
    if len(line) > MAX_ROW_BYTES:
        raise RecordingError(f"the line is longer than {MAX_ROW_BYTES >> 20} MiB; shorten it")
    try:
        fields = [field.strip() for field in line.decode("utf-8").split(_MARK)]
    except UnicodeDecodeError:
        raise RecordingError("the line is no valid UTF-8; save the list as UTF-8") from None
    if not fields[0]:
        raise RecordingError(f"the line names no audio before its first {_MARK}; mend it")
    path, *about = fields
    if len(fields) == 7 and _NUMBERS.fullmatch(fields[5]) and _NUMBERS.fullmatch(fields[6]):
        about = fields[1:4]
    return path, _about(about)


def _about(fields: Sequence[str]) -> dict[str, str]:
    """Name what stands behind a path: a text alone, a speaker or language before it, or both."""
    if not fields:
        return {}
    if len(fields) == 1:
        return {"text": fields[0]}
    if len(fields) == 2:
        first, text = fields
        language = _language(first)
        return {"language": language, "text": text} if language else {"speaker": first, "text": text}
    # A mark within the text is a part of it.
    speaker, language, text = fields[0], fields[1], _MARK.join(fields[2:])
    return {"speaker": speaker, "language": _language(language) or language, "text": text}


def _language(written: str) -> str | None:
    """Give Whisper's code for what a list calls a language: `JP`, `ja`, `all_ja`; None for what is none."""
    name = written.lower().removeprefix("all_")
    return name if name in LANGUAGES else code_of(name)


def _audio(source: str, written: str, name: str) -> str | Unreadable:
    """Give the first file that is there, or why there is none; behind URLs nothing is looked for."""
    if is_url(name) or is_url(source):
        return name
    candidates = list(_candidates(source, written, name))
    for path in candidates:
        if os.path.isfile(spelled(path)):  # noqa: PTH113 - a path that may be no UTF-8
            return path
    tried = ", ".join(dict.fromkeys(folder_of(path) for path in candidates))
    message = f"there is no file {name}; it was looked for in {tried}; put the list beside its files"
    return Unreadable(BAD_ROW, one_line(message))


def _candidates(source: str, written: str, name: str) -> Iterator[str]:
    folder = folder_of(source)
    written = written.replace("\\", "/")
    relative = not (os.path.isabs(written) or DRIVE.match(written))  # noqa: PTH117 - as above
    if relative:
        yield _join(folder, _RAW, written)
    yield name
    if relative:
        yield written
        for above in range(1, _ABOVE + 1):
            yield _join(folder, *[".."] * above, written)
    basename = written.rpartition("/")[2]
    stem = PurePath(split_url(source)[1]).stem
    for below in ("", _RAW, _WAVS, stem):
        yield _join(folder, below, basename)


def _join(folder: str, *parts: str) -> str:
    return os.path.normpath(os.path.join(folder, *parts))  # noqa: PTH118 - as above
