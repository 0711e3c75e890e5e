"""A Kaldi data folder: `wav.scp segments text utt2spk spk2utt utt2lang`, each sorted by its bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.formats import ExportSettings, Row, speaker_of
from anime_whisper_ct2.export.formats.audio_files import local_path
from anime_whisper_ct2.export.formats.plain import flat, one_line, shown
from anime_whisper_ct2.export.formats.sorting import SortedLines

FORMAT = "kaldi"
text_of = one_line
# An utterance's id is its speaker's, a hyphen, and its name. Sorting by it sorts by speaker too, as Kaldi demands, when
# nothing in a speaker's id sorts before the hyphen.
_NOT_IN_SPEAKERS = re.compile(r"[\x00-\x2d\s/|\x7f-\x9f\ud800-\udfff]+")
# What Kaldi takes a file name for when it begins or ends so: a command to run, an offset, nothing.
_NOT_A_PATH = re.compile(r"^[\s|]|[\s|]$|:[0-9]+$|\n|\r")


def write(rows: Iterable[Row], folder: Path, settings: ExportSettings) -> None:
    """Write the folder's files; paths are absolute, and recordings that are one row have its id.

    Rows are read once and sorted on disk, because ids that begin with the speaker sort otherwise than rows do. None is
    without text, as Kaldi's validation demands. The ids of the speakers are held in memory.

    Raises InputError for audio that is no file here, and for paths that Kaldi would take for a command.
    """
    speakers = _Speakers()
    with SortedLines() as utterances, SortedLines() as recordings:
        for row in rows:
            speaker = speakers.id_of(speaker_of(row, settings))
            utterance = f"{speaker}-{flat(row.name)}"
            recording = utterance if row.whole else flat(row.recording)
            start = 0.0 if row.whole else row.start_s
            # A stretch that is shorter than the last decimal still has to end after it begins.
            end = start + max(row.duration_s, 0.001)
            text = text_of(row.text)
            fields = (utterance, speaker, recording, f"{start:.3f}", f"{end:.3f}", flat(row.language), text)
            utterances.add((" ".join(fields) + "\n").encode())
            recordings.add(recording.encode() + b" " + _path(row) + b"\n")
        _write_utterances(utterances, folder)
        _write_recordings(recordings, folder)


def _write_utterances(utterances: Iterable[bytes], folder: Path) -> None:
    with ExitStack() as files:
        segments, text, utt2spk, spk2utt, utt2lang = (
            files.enter_context((folder / name).open("wb"))
            for name in ("segments", "text", "utt2spk", "spk2utt", "utt2lang")
        )
        split = (line.rstrip(b"\n").split(b" ", 6) for line in utterances)
        for speaker, group in groupby(split, key=lambda fields: fields[1]):
            spk2utt.write(speaker)
            for utterance, _, recording, start, end, language, words in group:
                segments.write(b" ".join((utterance, recording, start, end)) + b"\n")
                text.write(utterance + b" " + words + b"\n")
                utt2spk.write(utterance + b" " + speaker + b"\n")
                utt2lang.write(utterance + b" " + language + b"\n")
                spk2utt.write(b" " + utterance)
            spk2utt.write(b"\n")


def _write_recordings(recordings: Iterable[bytes], folder: Path) -> None:
    before = b""
    with (folder / "wav.scp").open("wb") as file:
        for line in recordings:
            # A recording comes once for each of its utterances, one behind the other.
            if line != before:
                file.write(line)
            before = line


class _Speakers:
    """Gives each speaker an id without white space that no other has."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._taken: set[str] = set()

    def id_of(self, speaker: str) -> str:
        """Give the id of a speaker, the same each time."""
        known = self._ids.get(speaker)
        if known is not None:
            return known
        plain = id_ = _NOT_IN_SPEAKERS.sub("_", speaker) or "speaker"
        number = 1
        while id_ in self._taken:
            number += 1
            id_ = f"{plain}_{number}"
        self._taken.add(id_)
        self._ids[speaker] = id_
        return id_


def _path(row: Row) -> bytes:
    path = local_path(row, FORMAT)
    if _NOT_A_PATH.search(path):
        raise InputError(f"{shown(row.audio)}: Kaldi would not take that name for a file; rename it")
    return os.fsencode(path)
