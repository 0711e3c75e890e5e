"""Commands to copy: every shell reads them as the words that they were made of."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anime_whisper_ct2.system import commands
from anime_whisper_ct2.system.commands import command_line, quoted

# No argument of a process holds a NUL, nor on Linux what is no text.
WORDS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=4)
NASTY = (
    "",
    " ",
    "声/一 二.ogg",
    "a'b",
    'a"b',
    "$HOME",
    "`id`",
    "!!",
    "~",
    "*",
    "a\\",
    "\\\\",
    "a;b",
    "#",
    "a\nb",
    "{1..3}",
)


@contextmanager
def on(platform: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "sys", SimpleNamespace(platform=platform))
        yield


def as_windows_reads(line: str) -> list[str]:
    """Split a command line as the C runtime does, by Microsoft's page "Parsing C command-line arguments"."""
    words: list[str] = []
    word, is_quoted, begun, at = "", False, False, 0
    while at < len(line):
        slashes = re.compile(r"\\*").match(line, at)
        assert slashes is not None
        count, at = len(slashes[0]), slashes.end()
        if line[at : at + 1] == '"':
            word, begun = word + "\\" * (count // 2), True
            if count % 2:
                word += '"'
            elif is_quoted and line[at + 1 : at + 2] == '"':
                word, at = word + '"', at + 1
            else:
                is_quoted = not is_quoted
            at += 1
            continue
        word, begun = word + "\\" * count, begun or count > 0
        if at < len(line):
            if line[at] in " \t" and not is_quoted:
                words, word, begun = [*words, word] if begun else words, "", False
            else:
                word, begun = word + line[at], True
            at += 1
    return [*words, word] if begun else words


@given(WORDS)
@example(list(NASTY))
def test_sh_reads_the_same_words(words: list[str]) -> None:
    with on("linux"):
        assert shlex.split(command_line(*words)) == words


@given(WORDS)
@example(list(NASTY))
@example(["C:\\声 の\\", "a\\\\b\\\\", '\\"', 'x\\\\" y'])
def test_windows_reads_the_same_words(words: list[str]) -> None:
    with on("win32"):
        line = command_line(*words)
    assert as_windows_reads(line) == words
    # What Python's own Popen would have made of them is read alike.
    assert as_windows_reads(subprocess.list2cmdline(words)) == words


@pytest.mark.posix("sh")
def test_a_real_sh_reads_the_same_words() -> None:
    with on("linux"):
        line = command_line("printf", "%s\\0", *NASTY)
    said = subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout
    assert said.decode("utf-8").split("\0")[:-1] == list(NASTY)


@pytest.mark.parametrize("platform", ["linux", "win32"])
@pytest.mark.parametrize("word", ["my corpus", "声", "C:/x y", "a>=1,<2", "ray[data]", "*.ogg", "", "O'Brien"])
def test_what_has_to_be_quoted_is_so_that_every_shell_knows(platform: str, word: str) -> None:
    with on(platform):
        assert quoted(word) == f'"{word}"'


@pytest.mark.parametrize(
    ("platform", "word"),
    [("linux", "out/a_1.ogg"), ("linux", "part,2@x=1"), ("win32", "C:\\out\\a_1.ogg"), ("win32", "--window=fit")],
)
def test_what_no_shell_sees_anything_in_stays_as_it_is(platform: str, word: str) -> None:
    with on(platform):
        assert quoted(word) == word


@pytest.mark.parametrize("word", ["a,b", "@a"])
def test_what_powershell_would_take_for_something_else_is_quoted(word: str) -> None:
    with on("win32"):
        assert quoted(word) == f'"{word}"'
