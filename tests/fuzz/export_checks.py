"""What the readers of each format demand of an export: whole, inert, and nothing that leads away.

Each function gets the export's folder, and how many segments and recordings it holds.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from anime_whisper_ct2.export.formats.publish import MARKER
from anime_whisper_ct2.export.formats.tables import COLUMNS

_Check = Callable[[Path, int, int], None]


def _read(out: Path, extension: str, count: int) -> Iterator[str]:
    """Give the texts of the files with an extension, of which there are as many as recordings."""
    found = [path for path in out.rglob(f"*.{extension}") if path.name != MARKER]
    assert len(found) == count, f"{len(found)} files for {count} recordings"
    for path in found:
        yield path.read_bytes().decode("utf-8")


def _txt(out: Path, segments: int, recordings: int) -> None:
    texts = list(_read(out, "txt", recordings))
    assert sum(len(text.split("\n")) - 1 for text in texts) == segments, "not one line for each segment"
    assert sum(len(text.splitlines()) for text in texts) == segments, "a line of several"


_LINES = r"([^\n]+(?:\n[^\n]+)?)"  # two at most
_SRT = re.compile(rf"\d+\n(\d\d+:\d\d:\d\d,\d{{3}}) --> (\d\d+:\d\d:\d\d,\d{{3}})\n{_LINES}")
_VTT = re.compile(rf"(\d\d+:\d\d:\d\d\.\d{{3}}) --> (\d\d+:\d\d:\d\d\.\d{{3}})\n{_LINES}")
_ASS = re.compile(r"Dialogue: 0,(\d+:\d\d:\d\d\.\d\d),(\d+:\d\d:\d\d\.\d\d),Default,[^,]*,0,0,0,,([^\n]+)")
_LRC = re.compile(r"\[\d\d+:\d\d\.\d\d\](?!\[)[^\n]*")


def _srt(out: Path, segments: int, recordings: int) -> None:
    for text in _read(out, "srt", recordings):
        _cues(_SRT, text.rstrip("\n").split("\n\n") if text else [], segments, ("-->",))


def _vtt(out: Path, segments: int, recordings: int) -> None:
    for text in _read(out, "vtt", recordings):
        head, *cues = text.rstrip("\n").split("\n\n")
        assert head == "WEBVTT", "no head"
        _cues(_VTT, cues, segments, ("-->", "<"))


def _ass(out: Path, segments: int, recordings: int) -> None:
    for text in _read(out, "ass", recordings):
        head, _, events = text.partition("\n[Events]\nFormat: ")
        assert head.startswith("\ufeff[Script Info]\n"), "no head"
        cues = events.split("\n")[1:-1]
        _cues(_ASS, cues, segments, ("{", "}"))
        texts = [cue.split(",", 9)[9].replace("\\N", "", 1) for cue in cues]
        assert not any("\\" in text for text in texts), "a command"


def _cues(pattern: re.Pattern[str], cues: list[str], segments: int, forbidden: tuple[str, ...]) -> None:
    assert segments or not cues, "subtitles of nothing"
    before: tuple[int, str] = (0, "")
    for cue in cues:
        found = pattern.fullmatch(cue)
        assert found, f"no cue: {cue!r:.200}"
        # As clocks of one form are in order: the longer is the later.
        start, end = ((len(clock), clock) for clock in found.groups()[:2])
        assert before <= start < end, f"ends before it begins, or begins before another ends: {cue!r:.200}"
        before = end
        assert not any(sign in found[3] for sign in forbidden), f"markup, or another arrow: {cue!r:.200}"


def _lrc(out: Path, segments: int, recordings: int) -> None:
    found = [line for text in _read(out, "lrc", recordings) for line in text.splitlines()]
    assert all(map(_LRC.fullmatch, found)), f"no line of lyrics in {found!r:.300}"
    assert len(found) == segments, f"{len(found)} lines of {segments} segments"


def _tsv(out: Path, segments: int, _: int) -> None:
    text = (out / "transcripts.tsv").read_bytes().decode("utf-8")
    rows = [line.split("\t") for line in text.splitlines()]
    assert {len(row) for row in rows} == {len(COLUMNS)}, "rows of different lengths"
    assert len(rows) == segments + 1, f"{len(rows) - 1} rows of {segments} segments"


def _csv(out: Path, segments: int, _: int) -> None:
    with (out / "transcripts.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, strict=True))
    assert {len(row) for row in rows} == {len(COLUMNS)}, "rows of different lengths"
    assert len(rows) == segments + 1, f"{len(rows) - 1} rows of {segments} segments"
    texts = [row[COLUMNS.index(name)] for row in rows for name in ("id", "text", "flags", "audio")]
    computing = [text for text in texts if text.startswith(tuple("=+-@\t\r\n＝＋－＠"))]
    assert not computing, f"a spreadsheet computes {computing[0]!r:.200}"


def _json(out: Path, segments: int, recordings: int) -> None:
    contents = [_object(text) for text in _read(out, "json", recordings)]
    assert sum(len(content["segments"]) for content in contents) == segments, "segments were lost"


def _parquet(out: Path, segments: int, _: int) -> None:
    from pyarrow import parquet

    table = parquet.read_table(out / "transcripts.parquet")
    table.validate(full=True)
    assert table.num_rows == segments, f"{table.num_rows} rows of {segments} segments"
    for meta in table["meta"].to_pylist():
        _object(meta)


def _object(text: str) -> dict[str, Any]:
    def refused(name: str) -> Any:
        raise AssertionError(f"{name} is no JSON")

    content = json.loads(text, parse_constant=refused)
    assert isinstance(content, dict), f"{content!r:.100} is no object"
    return content


def _listed(path: Path, fields: int) -> list[list[str]]:
    text = path.read_bytes().decode("utf-8")
    rows = [line.split("|") for line in text.splitlines()]
    assert all(len(row) == fields and all(field.strip() for field in row) for row in rows), f"{rows!r:.300}"
    assert len({row[0] for row in rows}) == len(rows), "a file is listed twice"
    return rows


def _esd(out: Path, *_: int) -> None:
    rows = _listed(out / "esd.list", 4)
    _are_files(out / "raw", (row[0] for row in rows))


def _gptsovits(out: Path, *_: int) -> None:
    rows = _listed(out / "gptsovits.list", 4)
    names = [os.path.basename(row[0]) for row in rows]
    assert len(set(names)) == len(names), "two files of one name"
    assert [row[0] for row in rows] == [os.path.join(out, "wavs", name) for name in names], "a path leads away"
    _are_files(out / "wavs", iter(names))


def _ljspeech(out: Path, *_: int) -> None:
    rows = _listed(out / "metadata.csv", 3)
    _are_files(out / "wavs", (f"{row[0]}.wav" for row in rows))


def _are_files(folder: Path, names: Iterator[str]) -> None:
    for name in names:
        assert not name.startswith("/"), f"{name!r:.200} leads away"
        assert ".." not in name.split("/"), f"{name!r:.200} leads away"
        assert (folder / name).is_file(), f"{name!r:.200} is not there"


def _lines(path: Path) -> list[dict[str, Any]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    assert len(text.splitlines()) == text.count("\n"), "a line of several"
    return [_object(line) for line in text.splitlines()]


def _hf(out: Path, *_: int) -> None:
    rows = _lines(out / "metadata.jsonl")
    _are_files(out, (row["file_name"] for row in rows))
    assert len({row["file_name"] for row in rows}) == len(rows), "a file is named twice"
    types = {tuple(type(value) for name, value in row.items() if name != "doubt") for row in rows}
    assert len(types) <= 1, "rows of different types"


def _nemo(out: Path, *_: int) -> None:
    for row in _lines(out / "manifest.jsonl"):
        assert os.path.isfile(row["audio_filepath"]), f"{row['audio_filepath']!r:.200} is not there"
        assert row.get("offset", 0) >= 0, f"begins at {row['offset']}"


def _lhotse(out: Path, *_: int) -> None:
    recordings = {row["id"]: row for row in _lines(out / "recordings.jsonl.gz")}
    supervisions = _lines(out / "supervisions.jsonl.gz")
    assert len({row["id"] for row in supervisions}) == len(supervisions), "an id comes twice"
    for row in supervisions:
        recording = recordings[row["recording_id"]]
        assert 0 <= row["start"] <= row["start"] + row["duration"] <= recording["duration"] + 1e-6, f"{row!r:.200}"


def _kaldi(out: Path, *_: int) -> None:
    tables = {path.name: path.read_bytes().split(b"\n")[:-1] for path in out.iterdir() if path.name != MARKER}
    for name, rows in tables.items():
        keys = [row.split(b" ")[0] for row in rows]
        assert keys == sorted(set(keys)), f"{name} is not in order, or a key comes twice"
        assert all(keys), f"{name} has a row without a key"
        assert not any(re.search(rb"[\x00-\x1f\x7f]", row) for row in rows), f"{name} has a control character"
    utterances = [row.split(b" ")[0] for row in tables["text"]]
    for name in ("segments", "utt2spk", "utt2lang"):
        assert [row.split(b" ")[0] for row in tables[name]] == utterances, f"{name} has other utterances"
    assert {row.count(b" ") for row in tables["utt2spk"]} <= {1}, "a speaker of several words"
    assert {row.count(b" ") for row in tables["segments"]} <= {3}, "a segment of several words"
    speakers = [row.split(b" ")[1] for row in tables["utt2spk"]]
    assert speakers == sorted(speakers), "not sorted by speaker"
    for row in tables["wav.scp"]:
        path = row.split(b" ", 1)[1]
        assert os.path.isfile(path), f"{path!r:.200} is not there"
        assert not path.strip().endswith(b"|"), f"{path!r:.200} is a command"
    known = {row.split(b" ")[0] for row in tables["wav.scp"]}
    assert {row.split(b" ")[1] for row in tables["segments"]} == known, "segments of other recordings"


def _webdataset(out: Path, *_: int) -> None:
    for path in out.rglob("*.tar"):
        with tarfile.open(path) as tar:
            names = [member.name for member in tar if member.isreg()]
        assert len(set(names)) == len(names), "a member comes twice"
        keys: dict[str, list[str]] = {}
        for name in names:
            assert not name.startswith("/"), f"{name!r:.200} leads away"
            assert ".." not in name.split("/"), f"{name!r:.200} leads away"
            folder, slash, base = name.rpartition("/")
            stem, _, extension = base.partition(".")
            keys.setdefault(folder + slash + stem, []).append(extension)
        assert all(extensions[1:] == ["json", "txt"] for extensions in keys.values()), f"samples {keys!r:.300}"


CHECKS: Mapping[str, _Check] = {
    **{
        "txt": _txt,
        "srt": _srt,
        "vtt": _vtt,
        "ass": _ass,
        "lrc": _lrc,
        "tsv": _tsv,
        "csv": _csv,
        "json": _json,
        "parquet": _parquet,
    },
    **{"esd": _esd, "ljspeech": _ljspeech, "hf": _hf, "nemo": _nemo, "kaldi": _kaldi, "lhotse": _lhotse},
    "webdataset": _webdataset,
    "gptsovits": _gptsovits,
}
