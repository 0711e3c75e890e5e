"""Exports of hostile transcripts: every format is whole and inert, or refuses with one line."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export import ClipFolder, Export
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.output.lines import TRANSCRIPTS
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.records import Segment
from tests.fuzz.export_checks import CHECKS
from tests.fuzz.ledger import lines, transcript
from tests.fuzz.mending import vary_json
from tests.fuzz.mutation import TOKENS
from tests.fuzz.targets import Target

_MOST_BYTES = 1 << 13
_TEXTS = ("txt", "srt", "vtt", "ass", "lrc", "tsv", "csv", "json", "parquet")
_DATASETS = ("esd", "ljspeech", "hf", "nemo", "kaldi", "lhotse", "webdataset")


def _export(formats: tuple[str, ...], case: bytes, folder: Path) -> object:
    """Any `transcripts.jsonl` that is read is exported, or refused with one InputError.

    What is written lies in the export, as files and folders of the export's own, and is the same when exported again.
    Each format is held to what its readers demand (see `export_checks`); nothing in a table computes, nothing
    in a subtitle is markup or another cue, no path in a data set is a command.
    """
    run, out = folder / "out" / "run", folder / "out" / "export"
    for path in (run, out):
        shutil.rmtree(path, ignore_errors=True)
    run.mkdir()
    _sound(folder / "in" / "a.wav")
    (run / TRANSCRIPTS).write_bytes(case)
    name = formats[crc32(case) % len(formats)]
    try:
        # A run whose lines cannot be read is not what is tested here.
        transcripts = list(RunFolder(run).transcripts())
    except InputError:
        return "no run"
    # A worker process for each case would take most of the time.
    clips = ClipFolder(workers=0) if FORMATS[name].cuts else None
    try:
        done = Export(run, name, out, clips=clips).run()
    except InputError:
        assert not out.exists(), "a refused export left something behind"
        raise
    files = list(_files(out))
    # What has no text is left out, and a recording that has nothing else.
    texts = [sum(bool(segment.text) for segment in one.segments) for one in transcripts]
    left = sum(1 for one, held in zip(transcripts, texts, strict=True) if held or not one.segments)
    CHECKS[name](out, sum(texts), left)
    again = Export(run, name, out, clips=clips).run()
    assert again == done, f"{again} when exported again, and {done} before"
    assert list(_files(out)) == files, "another export of the same has other files"
    return name, min(done.rows, 4), min(done.left_out, 2)


@cache
def _sound(path: Path) -> None:
    soundfile.write(path, np.zeros(4800, np.float32), 16_000)


def _files(out: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(out.rglob("*")):
        status = path.lstat()
        assert stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode), f"{path} is neither a file nor a folder"
        if stat.S_ISREG(status.st_mode):
            yield path.relative_to(out).as_posix(), path.read_bytes()


def _seeds() -> list[bytes]:
    one = transcript("a/1.wav", "=SUM(1) <b>&amp; --> {\\an8} |")
    two = replace(one.segments[0], start=0.1, end=0.2, text="「はい」\n[00:01.00] 00:00:01,000 --> 00:00:02,000")
    parts = replace(
        transcript("b/長い.wav"), segments=(replace(one.segments[0], end=0.1), two), duration=0.3, offset=None
    )
    stretch = replace(transcript("c.tar/x.train.wav"), offset=0.05, duration=0.2, meta={"speaker": "A B|C/\udcff"})
    silent = replace(transcript("d.wav"), segments=(), text="", flags=("empty",))
    twice = replace(parts, id="e", segments=(two, two, Segment(0.2, 0.3, "", -1.0, 0.1, 1.0, ("x", "y"))))
    return [lines(one, parts), lines(one, silent, twice), lines(stretch, transcript("a/1.flac"), transcript("A/1.wav"))]


_TOKENS = (
    *TOKENS,
    *(b'"id": "../../x"', b'"id": "/x"', b"in/a.wav", b"../in/a.wav", b"in/a.wav |", b'"language": "en"', b"\\u0085"),
    *(
        b"\\u2028",
        b"\\r\\n\\r\\n",
        b"-->",
        b"WEBVTT",
        b"{\\\\i1}",
        b"&lt;",
        b"=cmd|",
        b"\\t=1",
        b'"speaker": "',
        b"train",
    ),
)

TARGETS: Mapping[str, Target] = {
    "export-texts": Target(partial(_export, _TEXTS), _seeds, _TOKENS, vary_json, _MOST_BYTES, 0.2),
    "export-datasets": Target(partial(_export, _DATASETS), _seeds, _TOKENS, vary_json, _MOST_BYTES, 0.2),
    "export-voices": Target(partial(_export, ("gptsovits",)), _seeds, _TOKENS, vary_json, _MOST_BYTES, 0.2),
}
