"""Every command and option is described, in both languages, and every command line that is shown is one."""

from __future__ import annotations

import io
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import fields
from importlib.util import find_spec
from inspect import cleandoc
from pathlib import PureWindowsPath

import click
import pytest

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.cli.groups import OPTIONS, option_groups
from anime_whisper_ct2.doctor import Check
from anime_whisper_ct2.plan import PlanOptions
from tests.support.documents import BOTH, DOCS, ENGLISH, Block, Handbook, spans
from tests.support.places import ROOT

COMMANDS: dict[str, click.Command] = {"index": main, **main.commands}
PAGES = [page for page in ENGLISH.pages if page.startswith("reference/commands/")]
SHELL = [block for block in ENGLISH.blocks if block.language in ("sh", "bash")]
WINDOWS = [block for block in ENGLISH.blocks if block.language in ("powershell", "bat")]
OPTION_CELLS = 4
# What parts one command from the next in a line.
BETWEEN = re.compile(r"[|&;<>()]+")
# A word in quotes that cmd.exe takes for letters, in a command that runs on Windows too.
QUOTED_FOR_SH = re.compile(r"(?:^|[|;&] *)(?:awct2|pip|pipx|uv) (?:[^|#\n]* )?'", re.MULTILINE)
QUOTED_WORD = re.compile(r"(?:^|[ (])'[^']+'")


def page_of(command: str) -> str:
    return f"reference/commands/{command}.md"


def option_rows(book: Handbook, command: str) -> dict[str, list[str]]:
    """The rows of a command's option tables, by each name that they give an option."""
    return {name: row for row in book.rows(page_of(command)) if len(row) == OPTION_CELLS for name in spans(row[:1])}


def test_every_command_has_a_page_and_every_page_a_command() -> None:
    assert sorted(PAGES) == sorted(map(page_of, COMMANDS))
    for name in main.commands:
        assert ENGLISH.section(page_of(name)).title.startswith(f"`awct2 {name}")


@BOTH
@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_its_row_with_default_and_choices(book: Handbook, command: str) -> None:
    rows = option_rows(book, command)
    known = {"-h", "--help"} if command == "index" else set()
    for option in (p for p in COMMANDS[command].params if isinstance(p, click.Option)):
        names = [*option.opts, *option.secondary_opts]
        known.update(names)
        row, default = rows[names[0]], option.to_info_dict()["default"]
        assert spans(row[:1]) == names
        if isinstance(default, str | int | float | tuple) and not isinstance(default, bool):
            values = default if isinstance(default, tuple) else (default,)
            assert spans(row[2:3]) == [str(value) for value in values], names
        if isinstance(option.type, click.Choice):
            assert set(option.type.choices) <= set(spans(row)), names
    assert rows.keys() == known


@BOTH
@pytest.mark.parametrize("command", main.commands)
def test_options_come_in_the_groups_and_the_order_of_the_help(book: Handbook, command: str) -> None:
    groups = option_groups(main.commands[command])
    sections = [section for section in book.below(page_of(command)) if section.tables]
    tables = [
        (s.title, [spans(row[:1]) for row in s.tables[0][2:]]) for s in sections if len(s.tables[0][0]) == OPTION_CELLS
    ]
    named = [[[*o.opts, *o.secondary_opts] for o in options] for options in groups.values()]
    assert [names for _, names in tables] == named
    if book is ENGLISH:
        assert [title for title, _ in tables] == list(groups)
    assert list(groups) == [OPTIONS] or OPTIONS not in groups


@pytest.mark.parametrize("command", main.commands)
def test_the_english_tables_are_those_of_the_command_line(command: str) -> None:
    from cogapp import Cog

    printed, page = io.StringIO(), ENGLISH.pages[page_of(command)].path
    with redirect_stdout(printed):
        status = Cog().main(["cog", "--check", "-I", str(DOCS), "-p", "import cog, command_tables", str(page)])
    assert status == 0, printed.getvalue()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_that_parses(command: str) -> None:
    text = cleandoc(COMMANDS[command].help or "")
    assert re.search(r"^Examples?:$", text, re.MULTILINE)
    examples = re.findall(r"^ +(awct2 .*)", text, re.MULTILINE)
    assert examples
    for example in examples:
        parse(shlex.split(example, comments=True)[1:])


@pytest.mark.parametrize("block", [pytest.param(block, id=f"{block.page}, line {block.line}") for block in SHELL])
def test_command_lines_can_be_called(block: Block) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command, *arguments in calls(block.code):
        if command == "awct2":
            parse(arguments)
        elif command == "make":
            assert set(arguments) <= targets
        elif command.startswith("python") and arguments[:1] == ["-m"]:
            # Windows' Python for embedding comes without `venv`.
            assert arguments[1] in sys.stdlib_module_names or exists(arguments[1]), arguments[1]


@pytest.mark.parametrize("block", [pytest.param(block, id=f"{block.page}, line {block.line}") for block in WINDOWS])
def test_command_lines_for_windows_can_be_called(block: Block) -> None:
    for arguments in calls_on_windows(block.code):
        parse(arguments)


def test_batch_files_are_ascii_so_that_no_editor_saves_them_wrongly() -> None:
    assert all(block.code.isascii() for block in WINDOWS if block.language == "bat")


@BOTH
def test_commands_are_quoted_as_cmd_and_powershell_and_sh_know_it(book: Handbook) -> None:
    in_blocks = [block.code for block in book.blocks if QUOTED_FOR_SH.search(block.code)]
    written = "\n".join(document.written for document in book.documents.values())
    in_text = [span for span in spans([written]) if QUOTED_WORD.search(span) and not span.startswith("jq ")]
    assert (in_blocks, in_text) == ([], [])


def calls(code: str, escape: str = "\\") -> Iterator[list[str]]:
    """Give the commands of a script, each with its arguments; variables are numbers. `escape`: none but in sh."""
    for line in re.sub(r"\$\w+", "1", code.replace("\\\n", " ") if escape else code).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.escape = escape
        call: list[str] = []
        for word in [*lexer, ";"]:
            if not BETWEEN.fullmatch(word):
                call += [] if not call and word == "exec" else [word]
            elif call:
                yield call
                call = []


def calls_on_windows(code: str) -> Iterator[list[str]]:
    """Give the arguments of each call of `awct2` in a script of cmd or PowerShell; what `cmd /c` runs is one word."""
    for command, *arguments in calls(code, escape=""):
        if PureWindowsPath(command).stem == "awct2":
            yield arguments
        elif command == "cmd":
            yield from calls_on_windows(arguments[-1])


def parse(arguments: list[str]) -> None:
    """Read a command line as click would, without running it."""
    if not arguments[0].startswith("-"):
        main.commands[arguments[0]].make_context(arguments[0], arguments[1:])


def exists(module: str) -> bool:
    """Tell whether `python -m` finds a module, of the checkout or installed."""
    path = ROOT / module.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() or find_spec(module) is not None


@BOTH
def test_a_plan_reads_as_many_headers_as_is_said(book: Handbook) -> None:
    assert spans(option_rows(book, "run")["--sample"][2:3]) == [str(PlanOptions().sample)]


@BOTH
def test_what_the_doctor_prints_as_json_is_named(book: Handbook) -> None:
    names = {"ok", "version", "checks", *(field.name for field in fields(Check))}
    assert names <= book.prose(page_of("doctor"))
