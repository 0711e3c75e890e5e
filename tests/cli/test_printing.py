"""What the command prints: to machines UTF-8 everywhere, to people what their stream has, and nothing dies of it."""

from __future__ import annotations

import ast
import errno
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import click
import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli import main, printing
from anime_whisper_ct2.cli.printing import bar, note, note_above_bar, results, say, say_json, settle, steady
from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.system import pipes
from tests.support.commands import COMMAND, environment
from tests.support.places import ROOT
from tests.support.refusing import BROKEN_PIPE, FULL, INVALID, Refusing

ENCODINGS = ("utf-8", "cp932", "cp1252", "cp437", "ascii")
BLOCKS = "▁▂▃▄▅▆▇█"


class Stream(io.TextIOWrapper):
    """A standard stream that leads to a file, with the line ends that Windows gives it."""

    def __init__(self, encoding: str) -> None:
        self.written = io.BytesIO()
        super().__init__(self.written, encoding=encoding, newline="\r\n")


@pytest.fixture
def redirected(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Stream]:
    """Redirect both standard streams to one of an encoding."""

    def redirect(encoding: str) -> Stream:
        stream = Stream(encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return redirect


Refuse = Callable[[OSError, Literal["pipe", "file"]], None]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refuse]:
    """Have both standard streams lead to one that takes nothing."""
    with ExitStack() as streams:

        def refused(error: OSError, into: Literal["pipe", "file"]) -> None:
            for name in ("stdout", "stderr"):
                stream = streams.enter_context(Refusing(error, into))
                monkeypatch.setattr(sys, name, io.TextIOWrapper(stream, encoding="utf-8", write_through=True))

        yield refused
        monkeypatch.undo()


def standing(call: Callable[[], object]) -> object:
    """Give the status that a call of the command ends with."""
    with pytest.raises(SystemExit) as ended:
        call()
    return ended.value.code or 0


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "一 … 0.5 – 0.6 × ♡"),
        ("cp932", "一 … 0.5 - 0.6 × \\u2661"),
        ("cp1252", "\\u4e00 … 0.5 – 0.6 × \\u2661"),
        ("ascii", "\\u4e00 ... 0.5 - 0.6 x \\u2661"),
    ],
)
@pytest.mark.parametrize("print_", [say, note, note_above_bar])
def test_people_get_what_their_stream_has(
    print_: Callable[[str], None], encoding: str, said: str, redirected: Callable[[str], Stream]
) -> None:
    stream = redirected(encoding)
    print_("一 … 0.5 – 0.6 × ♡")
    stream.flush()
    assert stream.written.getvalue().decode(encoding).splitlines() == [said]


def test_a_wave_dash_is_the_one_that_cp932_has(redirected: Callable[[str], Stream]) -> None:
    stream = redirected("cp932")
    say("あ〜")
    assert stream.written.getvalue().decode("cp932") == "あ～\r\n"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bars_are_of_one_kind(encoding: str, redirected: Callable[[str], Stream]) -> None:
    stream = redirected(encoding)
    say(BLOCKS)
    said = stream.written.getvalue().decode(encoding).strip()
    # Of eight heights in either form.
    assert len(set(said)) == 8
    assert said == BLOCKS if encoding == "utf-8" else said.isascii()
    assert "?" not in said


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_the_same_bytes_on_every_stream(encoding: str, redirected: Callable[[str], Stream]) -> None:
    stream = redirected(encoding)
    content = {"id": "声/♡.ogg", "path": "\udcff", "é": [1, None]}
    say_json(content)
    written = stream.written.getvalue()
    assert json.loads(written.decode("utf-8")) == content
    assert written == '{\n  "id": "声/♡.ogg",\n  "path": "\\udcff",\n  "é": [\n    1,\n    null\n  ]\n}\n'.encode()


def test_json_comes_behind_what_was_printed_before_it(redirected: Callable[[str], Stream]) -> None:
    stream = redirected("cp932")
    stream.write("before\n")
    say_json([])
    assert stream.written.getvalue() == b"before\r\n[]\n"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bytes_that_are_no_utf_8_are_escaped(encoding: str, redirected: Callable[[str], Stream]) -> None:
    stream = redirected(encoding)
    say("\udcff")
    assert stream.written.getvalue().splitlines() == [b"\\udcff"]


@pytest.mark.parametrize("encoding", ["cp932", "cp1252"])
def test_what_click_prints_by_itself_does_not_die_either(encoding: str, redirected: Callable[[str], Stream]) -> None:
    stream = redirected(encoding)
    with pytest.raises(UnicodeEncodeError):
        click.echo("声♡")
    steady()
    click.echo("♡ …")
    assert stream.written.getvalue().decode(encoding) == "\\u2661 …\r\n"


@pytest.mark.parametrize("encoding", ["cp932", "cp1252"])
def test_a_wrong_use_with_japanese_in_it_is_answered(encoding: str) -> None:
    result = CliRunner(charset=encoding).invoke(main, ["run", "声", "-o", "♡", "--device", "声♡"])
    assert result.exit_code == 2
    assert "is not one of" in result.stderr


@pytest.mark.parametrize(("platform", "gone"), [("linux", BROKEN_PIPE), ("win32", INVALID)])
def test_without_a_reader_the_command_goes_on(
    platform: str, gone: OSError, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes, "sys", SimpleNamespace(platform=platform))
    # Each with a stream of its own: one that was found out leads nowhere.
    for print_ in (say, say_json, note, note_above_bar):
        refuse(gone, "pipe")
        print_("text")
    for asked, status in ((["--help"], 0), (["--version"], 0), (["run", "-h"], 0), (["--bogus"], 2)):
        refuse(gone, "pipe")
        assert standing(lambda asked=asked: main(asked)) == status  # type: ignore[misc] # bound to each


@pytest.mark.parametrize("error", [FULL, INVALID])
def test_what_a_disk_refuses_is_said_of_results_and_ends_no_run(
    error: OSError, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes, "sys", SimpleNamespace(platform="win32"))
    refuse(error, "file")
    note("text")
    note_above_bar("text")
    for print_ in (say, say_json):
        with pytest.raises(OutputError, match=f"standard output cannot be written: {error.strerror}"):
            print_("text")


@pytest.mark.parametrize("asked", [["--help"], ["--version"], ["run", "-h"]], ids=" ".join)
def test_what_a_disk_refuses_of_the_help_is_said_in_a_line(
    asked: list[str], refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(FULL, "file")
    said = Stream("utf-8")
    monkeypatch.setattr(sys, "stderr", said)
    assert standing(lambda: main(asked)) == OutputError.exit_code
    assert said.written.getvalue() == b"Error: standard output cannot be written: No space left on device\r\n"


@pytest.mark.posix("a device that is always full")
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is Linux's")
@pytest.mark.parametrize("completing", [False, True])
def test_a_device_that_is_full_gets_no_traceback_of_what_click_prints(completing: bool) -> None:
    extra = {"_AWCT2_COMPLETE": "bash_source"} if completing else {}
    with open("/dev/full", "wb") as full:
        call = [*COMMAND, "--version"]
        done = subprocess.run(call, stdout=full, stderr=subprocess.PIPE, env=environment(**extra), check=False)
    said = b"Error: standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize("fault", [INVALID, BROKEN_PIPE, FULL, EOFError("cut off")], ids=repr)
def test_what_fails_in_a_command_is_no_reader_that_has_gone(
    fault: Exception, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise copy(fault)

    monkeypatch.setattr(pipes, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(main.commands["doctor"], "callback", fail)
    refuse(INVALID, "pipe")
    with pytest.raises(type(fault), match=re.escape(str(fault))):
        main(["doctor"])


def test_what_the_disk_did_not_take_is_no_error_at_the_interpreters_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        """A disk that takes nothing, as long as it is led to."""

        def write(self, _written: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    silenced: list[object] = []
    monkeypatch.setattr(printing, "silence", silenced.append)
    stream = io.TextIOWrapper(io.BufferedWriter(Full()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    stream.write("what is left")
    settle()
    assert silenced == [stream]
    monkeypatch.setattr(Full, "write", lambda _self, written: len(written))
    stream.close()


def test_without_standard_streams_nothing_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    # As under pythonw, or behind `>&-`.
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    steady()
    settle()
    for print_ in (say, say_json, note, note_above_bar):
        print_("text")
    with bar(total=2) as shown:
        shown.update(1)
    with pytest.raises(OutputError, match="standard output is closed"):
        results()


@pytest.mark.parametrize("closed", [io.TextIOWrapper.close, io.TextIOWrapper.detach])
def test_standard_streams_that_a_program_has_closed_are_none(
    closed: Callable[[io.TextIOWrapper], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stdout", "stderr"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="cp932")
        closed(stream)
        monkeypatch.setattr(sys, name, stream)
    for print_ in (say, say_json, note, note_above_bar):
        print_("text")
    with bar(total=2) as shown:
        shown.update(1)
    with pytest.raises(OutputError, match="standard output is closed"):
        results()
    for asked, status in (["--version"], 0), (["--help"], 0), (["--bogus"], 2):
        assert standing(lambda asked=asked: main(asked)) == status  # type: ignore[misc] # bound to each


def test_only_one_module_of_the_command_line_prints() -> None:
    forbidden = {
        *("click.echo", "click.secho", "click.echo_via_pager", "click.progressbar", "click.get_text_stream"),
        *("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__", "tqdm.write", "print", "tqdm"),
    }
    found = set()
    for path in sorted((ROOT / "anime_whisper_ct2" / "cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else None
            used = ast.unparse(node) if isinstance(node, ast.Attribute) else None
            imported = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
            if {called, used} & forbidden or imported & {"echo", "secho", "stdout", "stderr"}:
                found.add(path.name)
    assert found == {"printing.py"}


@pytest.fixture
def tables(tmp_path: Path) -> list[str]:
    """Texts and references with ids that few encodings have; some lines differ."""
    for name, heard in (("ref", "はい"), ("聴♡", "はあ")):
        rows = "".join(f"声♡/{n}.ogg,{heard if n % 2 else 'はい'}\n" for n in range(9))
        (tmp_path / f"{name}.csv").write_text(f"id,text\n{rows}", encoding="utf-8")
    return [str(tmp_path / "聴♡.csv"), str(tmp_path / "ref.csv")]


@pytest.fixture
def run_folder(tmp_path: Path) -> str:
    """A run as a command finds it, of lines of many lengths."""
    lines = []
    for n in range(40):
        segment = {"start": 0.0, "end": 1.0 + n, "text": "はい…♡", "avg_logprob": -0.01 * n, "flags": []}
        segment |= {"no_speech_prob": 0.1, "compression_ratio": 1.0}
        audio = {"id": f"声♡/{n}.ogg", "audio": f"声♡/{n}.ogg", "duration": 1.0 + n, "language": "ja"}
        lines.append({**audio, "text": "はい…♡", "segments": [segment], "flags": [], "meta": {}})
    written = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (tmp_path / "transcripts.jsonl").write_text(written, encoding="utf-8")
    return str(tmp_path)


@pytest.mark.parametrize("encoding", ENCODINGS)
class TestWholeCommands:
    def test_eval_writes_its_table_and_its_json(self, encoding: str, tables: list[str]) -> None:
        table = CliRunner(charset=encoding).invoke(main, ["eval", *tables])
        assert table.exit_code == 0, table.exception
        assert "| CER |" in table.stdout
        as_json = CliRunner(charset=encoding).invoke(main, ["eval", *tables, "--json"])
        assert json.loads(as_json.stdout_bytes.decode("utf-8"))["runs"][0]["name"] == "聴♡"

    def test_stats_writes_its_tables_and_its_json(self, encoding: str, run_folder: str) -> None:
        tables = CliRunner(charset=encoding).invoke(main, ["stats", run_folder])
        assert tables.exit_code == 0, tables.exception
        spread = next(line for line in tables.stdout.splitlines() if line.startswith("recordings, seconds"))
        assert ("█" if encoding == "utf-8" else "#") in spread
        as_json = CliRunner(charset=encoding).invoke(main, ["stats", run_folder, "--json"])
        assert json.loads(as_json.stdout_bytes.decode("utf-8"))["extremes"]["slowest"][0]["text"] == "はい…♡"

    def test_an_error_with_japanese_in_it_is_one_line(self, encoding: str, tmp_path: Path) -> None:
        result = CliRunner(charset=encoding).invoke(main, ["stats", str(tmp_path / "声♡")])
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: ")


@pytest.mark.parametrize("options", [(), ("--json",), ("--help",)], ids=["table", "json", "help"])
def test_a_reader_that_has_gone_is_no_error(options: tuple[str, ...], tables: list[str], tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    examples = tmp_path / "examples.md"
    with open(write, "wb") as pipe:
        result = subprocess.run(
            [*COMMAND, "eval", *tables, "--examples", str(examples), *options],
            stdout=pipe,
            stderr=subprocess.PIPE,
            env=environment(PYTHONIOENCODING="utf-8"),
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
    assert (result.returncode, result.stderr) == (0, "")
    if options != ("--help",):
        # What does not go to the pipe is done all the same, with the same bytes on every system.
        assert b"\r" not in examples.read_bytes()


def test_every_character_that_stands_for_another_is_ascii_or_has_one_that_is() -> None:
    assert all(forms[-1].isascii() for forms in printing._STANDS_FOR.values())
