"""An export goes into a folder, a file or a stream, and where it cannot, one line says what helps."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from copy import copy
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli.export import export_command
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.export import Export
from anime_whisper_ct2.export.destination import Destination
from anime_whisper_ct2.export.filters import Filters
from anime_whisper_ct2.output.printed import ReaderGone
from anime_whisper_ct2.system import pipes
from tests.support.files import contents
from tests.support.held import Holders
from tests.support.places import ROOT
from tests.support.refusing import INVALID, Refusing, without_reader
from tests.support.runs import LONG, short, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", short("a.ogg"), LONG)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return write_run(tmp_path / "one", LONG)


def command(*args: object) -> Result:
    return CliRunner().invoke(export_command, [str(arg) for arg in args], catch_exceptions=False)


TABLES = {"tsv": "transcripts.tsv", "csv": "transcripts.csv", "parquet": "transcripts.parquet"}


@pytest.mark.parametrize("format_", TABLES)
def test_a_table_goes_to_standard_output_as_it_would_lie_in_its_folder(run: Path, format_: str) -> None:
    answer = command(run, format_, "-o", "-")
    assert answer.exit_code == 0
    Export(run, format_, run.parent / "out").run()
    assert answer.stdout_bytes == (run.parent / "out" / TABLES[format_]).read_bytes()
    assert answer.stderr == "2 recordings, 4 segments: standard output\n"


def test_a_file_is_written_where_one_is_named(run: Path) -> None:
    for format_, name in TABLES.items():
        done = Export(run, format_, run.parent / "out").run()
        file = run.parent / f"deep/表.{format_.upper()}"
        assert Export(run, format_, file).run().path == file
        assert file.read_bytes() == (done.path / name).read_bytes()  # type: ignore[operator] # a folder's
        (file.parent / file.name).unlink()
    assert os.listdir(run.parent / "deep") == []


@pytest.mark.parametrize("format_", ["txt", "srt", "vtt", "ass", "lrc", "json"])
def test_a_single_recording_is_a_file_or_a_stream_of_its_own(one: Path, format_: str) -> None:
    Export(one, format_, one.parent / "out").run()
    expected = (one.parent / "out" / f"b/長い.{format_}").read_bytes()
    Export(one, format_, one.parent / f"a.{format_}").run()
    assert (one.parent / f"a.{format_}").read_bytes() == expected
    stream = io.BytesIO()
    assert Export(one, format_, stream).run().path is None
    assert stream.getvalue() == expected
    assert sorted(os.listdir(one.parent)) == [f"a.{format_}", "one", "out"]


@pytest.mark.parametrize(
    ("format_", "out", "said"),
    [
        (
            "srt",
            "a.srt",
            "a.srt: srt is a file for each recording, and the run has 2 recordings; name a folder with -o",
        ),
        ("srt", "-", "srt is a file for each recording, and the run has 2 recordings, which cannot go to standard"),
        ("esd", "esd.list", "esd.list: esd is a folder of files; name a folder with -o, such as esd"),
        ("gptsovits", "-", "gptsovits is a folder of files, which cannot go to standard output; name a folder with -o"),
        ("webdataset", "x.tar", "x.tar: webdataset is a folder of files"),
        ("csv", "x.tsv", "x.tsv: csv is no .tsv; name a folder, or a file that ends in .csv"),
        ("csv", "x.xlsx", "x.xlsx: csv is no .xlsx; name a folder, or a file that ends in .csv"),
    ],
)
def test_what_is_no_single_file_gets_the_line_that_helps(
    run: Path, monkeypatch: pytest.MonkeyPatch, format_: str, out: str, said: str
) -> None:
    monkeypatch.chdir(run.parent)
    before = contents(run.parent)
    with pytest.raises(InputError) as raised:
        command(run, format_, "-o", out)
    assert str(raised.value).startswith(said)
    assert contents(run.parent) == before


def test_nothing_is_written_over_but_what_says_the_same(run: Path) -> None:
    (run.parent / "a b").mkdir()
    file = run.parent / "a b" / "out.csv"
    for _ in range(2):
        Export(run, "csv", file).run()
    edited = file.read_bytes().replace("一つ目".encode(), "ひとつめ".encode())
    file.write_bytes(edited)
    with pytest.raises(InputError, match=r"out\.csv is there already and says something else") as raised:
        Export(run, "csv", file).run()
    assert str(raised.value).endswith("; remove it, or name another")
    assert file.read_bytes() == edited
    file.write_bytes(b"")
    Export(run, "csv", file).run()
    assert file.stat().st_size
    assert os.listdir(file.parent) == ["out.csv"]


def test_a_folder_that_is_there_is_one_whatever_it_is_called(run: Path) -> None:
    (run.parent / "a.srt").mkdir()
    Export(run, "srt", run.parent / "a.srt").run()
    assert (run.parent / "a.srt" / "a.srt").is_file()


def test_a_recording_that_is_left_out_is_no_file(one: Path) -> None:
    assert Export(one, "srt", one.parent / "a.srt", filters=Filters(max_duration_s=0.1)).run().rows == 0
    assert os.listdir(one.parent) == ["one"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is Linux's")
@pytest.mark.parametrize(("device", "status"), [("/dev/full", 1), (None, 0)])
def test_a_stream_that_takes_no_more_is_no_traceback(run: Path, device: str | None, status: int) -> None:
    code = "from anime_whisper_ct2.cli import main; main(prog_name='awct2')"
    call = [sys.executable, "-c", code, "export", str(run), "tsv", "-o", "-"]
    environment = {**os.environ, "PYTHONPATH": "convert"}
    if device is None:
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(device, os.O_WRONLY)
    try:
        done = subprocess.run(call, stdout=writer, stderr=subprocess.PIPE, cwd=ROOT, env=environment, check=False)
    finally:
        os.close(writer)
    assert done.returncode == status, done.stderr
    assert b"Traceback" not in done.stderr
    assert (b"standard output: the export could not be written" in done.stderr) == (status == 1)


def test_a_reader_that_has_gone_is_known_by_what_windows_calls_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "sys", SimpleNamespace(platform="win32"))
    with Refusing(INVALID, "pipe") as stream, pytest.raises(ReaderGone):
        Export(run, "tsv", stream).run()


def test_what_a_disk_refuses_is_no_reader_that_has_gone(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "sys", SimpleNamespace(platform="win32"))
    said = "standard output: the export could not be written: Invalid argument"
    with Refusing(INVALID, "file") as stream, pytest.raises(OutputError, match=said) as raised:
        Export(run, "tsv", stream).run()
    assert not isinstance(raised.value, ReaderGone)


def test_nor_is_what_a_disk_does_not_give_back(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unread(io.BytesIO):
        def read(self, _size: int | None = None) -> NoReturn:
            raise copy(INVALID)

    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r", **how: Unread() if mode == "rb" else opened(path, mode, **how)
    )
    monkeypatch.setattr(pipes, "sys", SimpleNamespace(platform="win32"))
    with without_reader() as stream, pytest.raises(OutputError, match="could not be written: Invalid") as raised:
        Export(run, "tsv", stream).run()
    assert not isinstance(raised.value, ReaderGone)


@pytest.mark.parametrize("out", ["a.csv", None])
def test_a_file_that_cannot_be_read_is_named_and_what_goes_with_the_error_is_not(
    tmp_path: Path, out: str | None
) -> None:
    path = None if out is None else tmp_path / out
    where, recording = path or "standard output", tmp_path / "corpus" / "a.wav"

    def fail(about: str) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error", about)

    for about, named in ((recording, f"{recording}: "), ("x.csv", "")):
        with pytest.raises(OutputError) as raised, Destination(path, "x.csv", io.BytesIO()).opened({}) as folder:
            fail(str(folder / about))
        assert str(raised.value).startswith(f"{where}: the export could not be written: {named}Input/output error")


def test_a_table_that_somebody_has_open_is_named_and_what_says_the_same_stays(run: Path, holders: Holders) -> None:
    file = run.parent / "out.csv"
    Export(run, "csv", file).run()
    holders.hold(file)
    Export(run, "csv", file).run()
    assert holders.refusals == []
    file.write_bytes(b"")
    with pytest.raises(OutputError, match=r"out\.csv: the export could not be written: .*Excel"):
        Export(run, "csv", file).run()
    holders.let_go()
    assert not list(run.parent.glob(".awct2-*/*"))
