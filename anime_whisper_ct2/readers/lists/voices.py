"""Lists of the programs that train voices: `esd.list` of Style-Bert-VITS2, and the `.list` of GPT-SoVITS.

A line is `path|speaker|language|text`. The first names files below a folder `raw` beside its list, the second by whole
paths, by paths from where it was started, or by their names alone, with the folder given elsewhere.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from anime_whisper_ct2.errors import RecordingError, one_line
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.languages import LANGUAGES, code_of
from anime_whisper_ct2.readers.lists.lines import MAX_ROW_BYTES, text_lines_of
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.readers.rows import BAD_ROW, Rows, folder_of, split_url
from anime_whisper_ct2.readers.spelling import spelled
from anime_whisper_ct2.records import Recording, Unreadable
from anime_whisper_ct2.system.paths import alike, is_absolute

_MARK = "|"
_RAW, _WAVS = "raw", "wavs"
# How far above its list a path may start: both programs write paths from their own folder.
_ABOVE = 3
# What Style-Bert-VITS2 puts behind the text once it has prepared it: phonemes, tones, and phonemes for each letter.
_NUMBERS = re.compile(r"-?\d+(?: -?\d+)*")
# Languages as the two programs write them: where a speaker may stand, `Ben` and `Ko` are names.
_WRITTEN = re.compile(r"(?:all_)?(?:jp|ja|zh|en|ko|yue)|JP|JA|ZH|EN|KO|YUE")


def voice_list(path: str) -> Iterator[Recording]:
    """Read a list as a stream: path, speaker, language and text; without a speaker, a language or both, too.

    `meta` holds `speaker`, `language`, by Whisper's code, and `text`. The id is the path as it is written, below the
    list's folder. The audio is the first of these that is there, on a disk:

    1. a relative path in `raw` beside the list;
    2. the path itself, from the list's folder if it is relative;
    3. from the working folder, or from up to three folders above the list;
    4. the file's name alone beside the list, in `raw` or `wavs` there, or in the folder that is called like the list;
       of a relative path only in the one that it names last, so that the files of two speakers stay apart.

    A second line that comes to the same file by its name alone fails: which of the two it belongs to is not known.

    Raises InputError for a list that cannot be read.
    """
    rows, taken = Rows(path), IdSet()
    for number, line in enumerate(text_lines_of(path), 1):
        if not line.strip():
            continue
        try:
            written, meta = _fields(line)
            id_, name = rows.locate(written)
        except RecordingError as error:
            yield rows.refuse(number, error)
            continue
        audio = _audio(path, written, name, taken)
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
        if _WRITTEN.fullmatch(first):
            return {"language": _language(first), "text": text}
        return {"speaker": first, "text": text}
    # A mark within the text is a part of it.
    speaker, language, text = fields[0], fields[1], _MARK.join(fields[2:])
    return {"speaker": speaker, "language": _language(language), "text": text}


def _language(written: str) -> str:
    """Give Whisper's code for what a list calls a language: `JP`, `ja`, `all_ja`; what is none stays."""
    name = written.lower().removeprefix("all_")
    return name if name in LANGUAGES else code_of(name) or written


def _audio(source: str, written: str, name: str, taken: IdSet) -> str | Unreadable:
    """Give the first file that is there, or why there is none; behind URLs nothing is looked for.

    `taken` holds the files that were found by their names alone.
    """
    if is_url(name) or is_url(source):
        return name
    whole, alone = _candidates(source, written, name)
    for path in (*whole, *alone):
        found = spelled(path)
        if not os.path.isfile(found):  # noqa: PTH113 - a path that may be no UTF-8
            continue
        if path in whole or taken.add(alike(found)):
            return path
        message = f"there is no file {name}, and {path}, of the same name, is an earlier line's; mend the path"
        return Unreadable(BAD_ROW, one_line(message))
    candidates = (*whole, *alone)
    tried = ", ".join(dict.fromkeys(folder_of(path) for path in candidates))
    message = f"there is no file {name}; it was looked for in {tried}; put the list beside its files"
    return Unreadable(BAD_ROW, one_line(message))


def _candidates(source: str, written: str, name: str) -> tuple[list[str], list[str]]:
    """Give the paths that a file may have by its whole path, and those that it may have by its name alone."""
    folder = folder_of(source)
    written = written.replace("\\", "/")
    named, _, basename = posixpath.normpath(written).rpartition("/")
    absolute = is_absolute(written)
    below = ("", _RAW, _WAVS, PurePath(split_url(source)[1]).stem)
    last = named.rpartition("/")[2]
    alone = [_join(folder, each, basename) for each in below if absolute or not named or each == last]
    if absolute:
        # On the machine of the list, its folders lay below others: here they may lie below the list's.
        folders = named.split("/")[1:]
        tails = (folders[at:] for at in range(max(0, len(folders) - _ABOVE), len(folders)))
        return [name], [*(_join(folder, *tail, basename) for tail in tails), *alone]
    above = [_join(folder, *[".."] * count, written) for count in range(1, _ABOVE + 1)]
    return [_join(folder, _RAW, written), name, written, *above], alone


def _join(folder: str, *parts: str) -> str:
    return os.path.normpath(os.path.join(folder, *parts))  # noqa: PTH118 - as above
