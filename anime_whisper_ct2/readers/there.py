"""Whether a list leads anywhere, before a model is loaded for it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.readers.rows import shown
from anime_whisper_ct2.readers.spelling import spelled
from anime_whisper_ct2.records import Audio, Excerpt, Recording, Unreadable
from anime_whisper_ct2.system.paths import is_of_another_system


def check_leads_somewhere(path: str, recordings: Iterable[Recording]) -> None:
    """Refuse a list none of whose files is there; one that is ends the look, and what is behind URLs may be.

    Raises InputError, with the first of them and where it was looked for.
    """
    first: Recording | None = None
    count = 0
    for recording in recordings:
        if _may_be_read(recording.audio):
            return
        first = first or recording
        count += 1
    if first is not None:
        raise InputError(f"{shown(path)}: {_lost(first, count)}")


def _may_be_read(audio: Audio) -> bool:
    if isinstance(audio, Excerpt):
        return _may_be_read(audio.audio)
    if isinstance(audio, str):
        return is_url(audio) or os.path.exists(spelled(audio))  # noqa: PTH110 - a path that may be no UTF-8
    return not isinstance(audio, Unreadable)


def _lost(first: Recording, count: int) -> str:
    audio = first.audio.audio if isinstance(first.audio, Excerpt) else first.audio
    if isinstance(audio, Unreadable):
        none = "its only row cannot be used" if count == 1 else f"none of its {counted(count, 'row')} can be used"
        return f"{none}; the first, {first.id}: {audio.message}"
    none = "the file that it names is not there" if count == 1 else f"none of the {counted(count, 'file')} is there"
    path = audio if isinstance(audio, str) else first.name
    return f"{none}; the first is looked for at {path}{_advice(first, path)}"


def _advice(first: Recording, path: str) -> str:
    if is_of_another_system(path):
        return ", a path of another system; write it as this one has it"
    if not path.isascii() and not path.isprintable():
        return ", which is no UTF-8; save the list as UTF-8"
    # Relative paths start from the list's folder, and some lists are written for the working folder.
    if path != first.id and os.path.exists(first.id):  # noqa: PTH110 - as above
        return "; from the working folder it is there, so give the paths on standard input: awct2 run - < LIST"
    return "; mend the paths, which start from the list's folder where they are relative"
