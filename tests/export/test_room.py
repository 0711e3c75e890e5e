"""No path of an export is longer than it may be, and a place that leaves no room is refused."""

from __future__ import annotations

import builtins
import gzip
import io
import json
import os
import re
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli.export import export_command
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export import ClipFolder, Export
from anime_whisper_ct2.export.formats.publish import MARKER
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.export.naming import units
from anime_whisper_ct2.system.refusals import ROOM_IN_FOLDER
from tests.support.files import contents
from tests.support.runs import LONG, short, write_run

DEEP = "とても長い話者の名前/第一章 はじまりの朝/" + "長い題名の台詞、その一" * 6
IDS = (f"{DEEP}a.wav", f"{DEEP}b.wav", f"{DEEP}c.wav", "短い/d.wav", "e__f.wav")


@pytest.fixture
def run(tmp_path: Path, write_tone: Callable[..., Path]) -> Path:
    """A run over recordings with long names, one of them with three segments."""
    transcripts = [*map(short, IDS[:-1]), replace(LONG, id=IDS[-1])]
    for one in transcripts:
        write_tone(f"corpus/{one.id}", seconds=one.duration)
    corpus = tmp_path / "corpus"
    folder = write_run(tmp_path / "run", *(replace(one, audio=str(corpus / one.id)) for one in transcripts))
    (folder / "run.json").write_text(json.dumps({"inputs": [str(corpus)], "settings": {}}), encoding="utf-8")
    return folder


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, set[str]]:
    """Note what files and folders are made outside of the run and its corpus, whatever becomes of them."""
    noted: dict[str, set[str]] = {"files": set(), "folders": set()}

    def note(kind: str, path: Any) -> None:
        if isinstance(path, (str, os.PathLike)):
            whole = os.path.abspath(os.fspath(path))
            if whole.startswith(str(tmp_path)) and not whole.startswith(
                (str(tmp_path / "run"), str(tmp_path / "corp"))
            ):
                noted[kind].add(whole)

    def watching(module: Any, name: str, kind: str, at: int) -> None:
        real = getattr(module, name)

        def watched(*args: Any, **more: Any) -> Any:
            note("folders" if kind == "files" and os.path.isdir(args[0]) else kind, args[at])
            return real(*args, **more)

        monkeypatch.setattr(module, name, watched)

    watching(os, "mkdir", "folders", 0)
    for name in ("link", "replace", "rename"):
        watching(os, name, "files", 1)
    opened = builtins.open

    def watched(file: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
        if set(mode) & set("wxa+"):
            note("files", file)
        return opened(file, mode, *args, **more)

    for module in (builtins, io):
        monkeypatch.setattr(module, "open", watched)
    return noted


def longest(paths: set[str]) -> int:
    return max(map(units, paths), default=0)


def listed(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in contents(folder).items() if name != MARKER}


@pytest.mark.parametrize(
    ("format_", "clips"), [(name, clips) for name in FORMATS for clips in {False, FORMATS[name].unit == "rows"}]
)
def test_no_path_of_any_format_is_longer(
    run: Path, tmp_path: Path, written: dict[str, set[str]], format_: str, clips: bool
) -> None:
    folder = ClipFolder(tmp_path / "clips", workers=0) if clips else None
    if FORMATS[format_].cuts:
        folder = ClipFolder(tmp_path / "clips" if clips else None, workers=0)
    if FORMATS[format_].whole_files_only and folder is None:
        # The one recording of three segments has to be cut.
        folder = ClipFolder(tmp_path / "clips", workers=0)
    allowed = units(str(tmp_path)) + 140
    done = Export(run, format_, tmp_path / "out", clips=folder, max_path=allowed).run()
    assert done.clips_missing == 0
    assert done.rows == 7
    assert written["files"]
    assert longest(written["files"]) <= allowed
    # As Windows has it for folders.
    assert longest(written["folders"]) <= allowed - ROOM_IN_FOLDER


def test_names_are_cut_only_where_they_must_be_and_without_the_option_nothing_is(run: Path, tmp_path: Path) -> None:
    for name, max_path in (("a", None), ("b", 10_000), ("c", units(str(tmp_path)) + 90)):
        Export(run, "txt", tmp_path / name, max_path=max_path).run()
    whole = {id_.replace(".wav", ".txt") for id_ in IDS}
    assert set(listed(tmp_path / "a")) == whole
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    short_ones = set(listed(tmp_path / "c"))
    assert len(short_ones) == len(IDS)
    assert short_ones & whole == {"短い/d.txt", "e__f.txt"}
    assert all(re.search(r"-[0-9a-f]{8}\.txt$", name) for name in short_ones - whole)


def test_the_same_room_gives_the_same_names_wherever_it_is(run: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        Export(run, "txt", tmp_path / name, max_path=units(str(tmp_path)) + 80).run()
    assert listed(tmp_path / "one") == listed(tmp_path / "two")


def test_clips_are_found_again_by_their_short_names(run: Path, tmp_path: Path) -> None:
    clips, allowed = ClipFolder(tmp_path / "clips", workers=0), units(str(tmp_path)) + 140
    first = Export(run, "nemo", tmp_path / "a", clips=clips, max_path=allowed).run()
    again = Export(run, "nemo", tmp_path / "b", clips=clips, max_path=allowed).run()
    assert (first.clips_written, again.clips_resumed) == (7, 7)


def speakers(folder: Path) -> set[str]:
    """Give who speaks in an export, of whichever format that names them."""
    found = set()
    for path in folder.rglob("*"):
        if path.name in ("esd.list", "gptsovits.list"):
            found |= {line.split("|")[1] for line in path.read_text(encoding="utf-8").splitlines()}
        elif path.name == "utt2spk":
            found |= {line.split(" ")[1] for line in path.read_text(encoding="utf-8").splitlines()}
        elif path.name == "metadata.jsonl":
            found |= {json.loads(line)["speaker"] for line in path.read_bytes().splitlines()}
        elif path.name == "supervisions.jsonl.gz":
            found |= {json.loads(line)["speaker"] for line in gzip.decompress(path.read_bytes()).splitlines()}
        elif path.suffix == ".tar":
            with tarfile.open(path) as tar:
                samples = [member for member in tar if member.name.endswith(".json")]
                found |= {json.load(cast(IO[bytes], tar.extractfile(one)))["speaker"] for one in samples}
    return found


@pytest.mark.parametrize("more", [110, 130, 160])
@pytest.mark.parametrize("format_", [name for name, one in FORMATS.items() if one.names_speaker and one.unit == "rows"])
def test_a_speaker_stays_one_whatever_there_is_room_for(
    tmp_path: Path, write_tone: Callable[..., Path], format_: str, more: int
) -> None:
    speaker = "とても長い話者の名前" * 4
    ids = [f"{speaker}/{rest}.wav" for rest in ("短い", "第一章/" + "長い題名の台詞" * 5)] + ["短い/d.wav"]
    whole = [replace(short(id_), audio=str(write_tone(f"corpus/{id_}", seconds=1.5))) for id_ in ids]
    run = write_run(tmp_path / "run", *whole)
    (run / "run.json").write_text(json.dumps({"inputs": [str(tmp_path / "corpus")], "settings": {}}), encoding="utf-8")
    needed = FORMATS[format_].whole_files_only or FORMATS[format_].cuts
    clips = ClipFolder(tmp_path / "clips", workers=0) if needed else None
    allowed = units(str(tmp_path)) + more
    Export(run, format_, tmp_path / "out", clips=clips, max_path=allowed).run()
    assert speakers(tmp_path / "out") == {speaker, "短い"}


@pytest.mark.parametrize("format_", ["txt", "esd", "csv", "webdataset"])
def test_a_place_that_leaves_no_room_is_refused_with_what_it_would_take(
    run: Path, tmp_path: Path, format_: str
) -> None:
    clips = ClipFolder(tmp_path / "clips", workers=0) if format_ == "webdataset" else None
    with pytest.raises(InputError, match=rf"--max-path 30 is too little for {re.escape(str(tmp_path))}") as raised:
        Export(run, format_, tmp_path / "out", clips=clips, max_path=30)
    found = re.search(r"give at least (\d+)", str(raised.value))
    assert found
    Export(run, format_, tmp_path / "out", clips=clips, max_path=int(found[1])).run()
    with pytest.raises(InputError):
        Export(run, format_, tmp_path / "out", clips=clips, max_path=int(found[1]) - 1)


def test_a_title_that_names_a_file_takes_room_too(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--max-path"):
        Export(
            run,
            "webdataset",
            tmp_path / "out",
            title="x" * 180,
            clips=ClipFolder(tmp_path / "clips", workers=0),
            max_path=units(str(tmp_path)) + 140,
        )


def test_the_command_takes_it(run: Path, tmp_path: Path) -> None:
    args = [str(run), "srt", "-o", str(tmp_path / "out"), "--max-path"]
    done = CliRunner().invoke(export_command, [*args, str(units(str(tmp_path)) + 80)])
    assert done.exit_code == 0, done.output
    assert len(listed(tmp_path / "out")) == len(IDS)
    assert CliRunner().invoke(export_command, [*args, "0"]).exit_code == 2
