"""The readers: archives, tables, manifests, lists, Kaldi's folders, standard input and saved datasets."""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from zlib import crc32

from anime_whisper_ct2.errors import RecordingError
from anime_whisper_ct2.output.lines import to_json
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.readers.fetch import opened
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.records import Excerpt, Failure, Recording, Section, Transcript, Unreadable
from tests.fuzz.door_seeds import CSV, JSON, LIST, arrows, kaldis, parquets, saved, tars, texts
from tests.fuzz.mending import mend_tar, vary_json
from tests.fuzz.mutation import TOKENS, unpack
from tests.fuzz.targets import Target

# More would tell nothing new, and take long.
_MOST_RECORDINGS = 20_000
_MOST_OPENED = 5
# Short ones say as much, and more of them a second.
_MOST_TEXT = 1 << 13


def check(recordings: Iterable[Recording]) -> object:
    """Hold recordings to what every reader promises; gives what tells outcomes apart.

    Ids are texts, not empty, unique, and the same after a line of `transcripts.jsonl`; `meta` is JSON without NaN, and
    text of valid UTF-8; a failure has a name and a message of one line; times are finite; what an archive or table
    holds can be opened or is a RecordingError.
    """
    ids: set[str] = set()
    outcomes: set[str] = set()
    count = 0
    for count, recording in enumerate(recordings, 1):
        if count > _MOST_RECORDINGS:
            break
        _check_one(recording)
        assert recording.id not in ids, f"the id {recording.id!r:.200} came twice"
        ids.add(recording.id)
        outcomes.add(_kind(recording))
        if count <= _MOST_OPENED:
            _open(recording)
    return min(count, 20), sorted(outcomes)


def _check_one(recording: Recording) -> None:
    assert isinstance(recording.id, str), f"the id {recording.id!r:.200} is no text"
    assert recording.id, "an id is empty"
    assert isinstance(recording.name, str), f"the name {recording.name!r:.200} is no text"
    meta = json.dumps(dict(recording.meta), allow_nan=False, ensure_ascii=False)
    meta.encode("utf-8")
    transcript = Transcript(recording.id, recording.name, 1.0, "ja", "", (), (), recording.meta)
    line = to_json(transcript)
    line.encode("utf-8")
    assert "\n" not in line, "a line of two lines"
    read = json.loads(line)
    assert (read["id"], read["audio"]) == (recording.id, recording.name), f"{recording.id!r:.200} is read otherwise"
    assert read["meta"] == recording.meta, f"{recording.meta!r:.200} is read otherwise"
    audio = recording.audio
    if isinstance(audio, Unreadable):
        assert audio.error.isidentifier(), f"the error {audio.error!r:.200} is no name"
        _check_message(audio.message)
        to_json(Failure(recording.id, recording.name, "read", audio.error, audio.message)).encode("utf-8")
    elif isinstance(audio, Excerpt):
        assert math.isfinite(audio.offset_s), f"begins at {audio.offset_s}"
        assert audio.offset_s >= 0, f"begins at {audio.offset_s}"
        assert audio.duration_s is None or (math.isfinite(audio.duration_s) and audio.duration_s > 0), "ends before"
    elif isinstance(audio, Section):
        assert 0 <= audio.offset <= audio.offset + audio.size <= os.path.getsize(audio.path), "a section reaches beyond"


def _check_message(message: str) -> None:
    assert message.strip(), "a failure without a message"
    assert len(message.splitlines()) == 1, f"a message of many lines: {message!r:.300}"
    assert len(message) < 4000, f"a message of {len(message)} characters"


def _kind(recording: Recording) -> str:
    audio = recording.audio
    if isinstance(audio, Unreadable):
        return f"{audio.error} {audio.message[-40:].translate(_NO_DIGITS)}"
    return f"{type(audio).__name__} {len(recording.meta) > 0}"


_NO_DIGITS = str.maketrans("0123456789", "#" * 10)


def _open(recording: Recording) -> None:
    """Open what is not behind a URL."""
    audio = recording.audio.audio if isinstance(recording.audio, Excerpt) else recording.audio
    if isinstance(audio, str) and is_url(audio):
        return
    try:
        with opened(recording.audio):
            pass
    except RecordingError as error:
        _check_message(str(error))


def _corpus(*inputs: str, column: str | None = None) -> object:
    """Ask all that a run asks of a corpus, and ask again: the second listing is the first."""
    corpus = Corpus(inputs, audio_column=column)
    corpus.check()
    corpus.count()
    first: list[str] = []
    outcome = check(_noted(corpus, first))
    again = [recording.id for recording, _ in zip(corpus, first, strict=False)]
    assert again == first, "the second listing gives other ids"
    return outcome


def _noted(recordings: Iterable[Recording], ids: list[str]) -> Iterable[Recording]:
    for recording in recordings:
        ids.append(recording.id)
        yield recording


def _one_file(endings: Sequence[str], columns: Sequence[str | None], case: bytes, folder: Path) -> object:
    """Any bytes under any of the endings are a corpus, or one InputError."""
    chance = crc32(case)
    path = folder / "in" / f"x.{endings[chance % len(endings)]}"
    path.write_bytes(case)
    return _corpus(str(path), column=columns[(chance >> 8) % len(columns)])


def _kaldi(case: bytes, folder: Path) -> object:
    """A `wav.scp` with any `segments`, `text` and `utt2spk` beside it is a corpus, or one InputError; nothing runs."""
    return _corpus(str(_files(case, folder / "in" / "kaldi", ("wav.scp", "segments", "text", "utt2spk")) / "wav.scp"))


def _dataset(case: bytes, folder: Path) -> object:
    """A folder that says it is a saved dataset is a corpus, or one InputError; nothing outside of it is read."""
    names = ("state.json", "dataset_dict.json", "data.arrow", "train/state.json", "train/data.arrow")
    dataset = _files(case, folder / "in" / "dataset", names)
    # What says that it is one.
    (dataset / "dataset_info.json").write_bytes(b"{}")
    return _corpus(str(dataset))


def _stdin(case: bytes, _folder: Path) -> object:
    """Any bytes on standard input are a corpus, or one InputError."""
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(case))
    try:
        return check(Corpus(("-",)))
    finally:
        sys.stdin = before


def _files(case: bytes, folder: Path, names: Sequence[str]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in zip(names, unpack(case, len(names)), strict=True):
        if content is not None:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
    return folder


def _with_whole_rows(rng: Random, case: bytes) -> bytes:
    """End a case as files do, mostly."""
    return case + b"\n" if rng.random() < 0.5 and not case.endswith(b"\n") else case


TARGETS: Mapping[str, Target] = {
    "tar": Target(
        partial(_one_file, ("tar", "tar", "tar", "tar.gz", "tgz", "tar.xz", "tar.bz2"), (None,)),
        tars,
        (*TOKENS, b"ustar\x0000", b"ustar  \0", b"././@LongLink", b"30 path=a.ogg\n", b"20 GNU.sparse.major=1\n"),
        mend_tar,
        1 << 15,
    ),
    "parquet": Target(partial(_one_file, ("parquet",), (None, None, None, "audio", "id")), parquets),
    "arrow": Target(partial(_one_file, ("arrow", "feather"), (None, None, None, "audio", "id")), arrows),
    "jsonl": Target(
        partial(_one_file, ("jsonl", "jsonl", "json", "ndjson"), (None, None, None, "audio", "a")),
        texts(*JSON),
        (*TOKENS, b'"offset": 1e9', b'"end": ', b'"id": " "', b'{"audio": ', b'"duration": null, '),
        vary_json,
        _MOST_TEXT,
        0.7,
    ),
    "csv": Target(
        partial(_one_file, ("csv",), (None, None, None, "path", "a")),
        texts(*CSV),
        (*TOKENS, b'""', b'","', b'"\n', b"audio,", b"id,id,"),
        _with_whole_rows,
        _MOST_TEXT,
    ),
    "tsv": Target(
        partial(_one_file, ("tsv",), (None, None, None, "path", "a")),
        texts(*(text.replace(",", "\t") for text in CSV)),
        (*TOKENS, b'""', b'"\t"', b"audio\t", b"start\tend\t"),
        _with_whole_rows,
        _MOST_TEXT,
    ),
    "list": Target(partial(_one_file, ("txt", "lst"), (None, None, None, "a")), texts(*LIST), most_bytes=_MOST_TEXT),
    "stdin": Target(_stdin, texts(*LIST), most_bytes=_MOST_TEXT),
    "kaldi": Target(_kaldi, kaldis, most_bytes=_MOST_TEXT),
    "dataset": Target(_dataset, saved, (*TOKENS, b'"filename": "../x.arrow"', b'["train", "train"]')),
}
