"""The recordings that a list names, as a run would give them: which file each is, and how long."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from anime_whisper_ct2.languages import LANGUAGES, code_of
from anime_whisper_ct2.readers.lists.voices import voice_list
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.records import Decoded, LogMel, Segment, Transcript, Window
from anime_whisper_ct2.review.lists.lines import Entry, Written
from anime_whisper_ct2.review.sound.clip_workers import ClipWorkers
from anime_whisper_ct2.system import waiting
from anime_whisper_ct2.text.quality import compression_ratio, flags

# Headers that are read together, by so many processes, and how long that may take: they may be far away.
_AT_A_TIME, _WORKERS, _LIMIT_S = 100, 2, 60.0
# Without the length of a recording these say nothing.
_BY_LENGTH = frozenset(("fast", "slow"))


def transcripts_of(path: Path, form: Written) -> list[Transcript]:
    """Give the entries of a list in their order: ids are the paths as they are written, each once.

    Where no file is found for one as `readers.lists` finds it, or its headers do not say how long it is, it lasts 0 s.
    Of a text, the flags are given that say something without a run. Raises InputError for a list that cannot be read.
    """
    found = list(_found(path, form))
    lengths_s = _lengths_s([audio for _, _, audio in found])
    return [_transcript(*each, length_s) for each, length_s in zip(found, lengths_s, strict=True)]


def _found(path: Path, form: Written) -> Iterator[tuple[str, Entry, str | None]]:
    """Give the entries of a list, each with an id of its own and the file that it names; None: it is not there."""
    # One recording for each line that is not blank, whether it is one or not.
    recordings = voice_list(os.fspath(path))
    taken: Counter[str] = Counter()
    audio: dict[str, str] = {}
    for raw, entry in zip(form.lines, form.entries(), strict=True):
        recording = next(recordings, None) if form.says_something(raw) else None
        if entry is None:
            continue
        id_ = entry.path
        while id_ in taken:
            taken[entry.path] += 1
            id_ = f"{entry.path}#{taken[entry.path]}"
        taken[id_] += 1
        if recording is not None and isinstance(there := recording.audio, str):
            # Of a path that two lines name, the second is a failure to a run.
            audio.setdefault(entry.path, there if is_url(there) else os.path.abspath(there))  # noqa: PTH100 - may be no UTF-8
        yield id_, entry, audio.get(entry.path)


def _lengths_s(audio: Sequence[str | None]) -> list[float | None]:
    """Read the lengths of files; None where one is not there, or does not say, and of what is behind a URL."""
    there = [path for path in audio if path is not None and not is_url(path)]
    chunks = [there[at : at + _AT_A_TIME] for at in range(0, len(there), _AT_A_TIME)]
    lengths: dict[str, float | None] = {}
    workers = ClipWorkers(min(_WORKERS, len(chunks)), _LIMIT_S)
    try:
        with waiting.threads(_WORKERS, "lengths") as threads:
            for chunk, found in zip(chunks, waiting.mapped(threads, workers.lengths_s, chunks), strict=True):
                lengths.update(zip(chunk, found, strict=True))
    finally:
        workers.close()
    return [None if path is None else lengths.get(path) for path in audio]


def _transcript(id_: str, entry: Entry, audio: str | None, length_s: float | None) -> Transcript:
    end_s = 0.0 if length_s is None else round(length_s, 3)
    window = Window(0, 0, 0.0, end_s, LogMel(np.zeros((1, 0), np.float32), 0.0))
    found = flags(window, Decoded(entry.text, (), 0.0, 0.0))
    kept = tuple(flag for flag in found if length_s is not None or flag not in _BY_LENGTH)
    segment = Segment(0.0, end_s, entry.text, 0.0, 0.0, compression_ratio(entry.text), kept)
    meta = {"speaker": entry.speaker, "language": entry.language}
    name = entry.path if audio is None else audio
    return Transcript(id_, name, end_s, _language(entry.language), entry.text, (segment,), kept, meta)


def _language(given: str) -> str:
    """Give Whisper's code for a language as these lists write it: `JP`, `all_ja`; what is none stays."""
    name = given.strip().lower().removeprefix("all_")
    return name if name in LANGUAGES else code_of(name) or given
