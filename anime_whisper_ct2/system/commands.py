"""A command to copy, quoted so that every shell takes it."""

from __future__ import annotations

import re
import shlex
import sys

# What no shell of the three sees anything in, so that it needs no quotes; `\` is Windows' separator.
_PLAIN = re.compile(r"[\w./:=,+@-]+", re.ASCII)
_PLAIN_ON_WINDOWS = re.compile(r"[\w./:=,+@\\-]+", re.ASCII)
# What sh reads between double quotes. To cmd.exe, `'` is a letter like any other.
_READ_BETWEEN_QUOTES = re.compile(r'["$`\\!]')


def quoted(word: str) -> str:
    """Quote a word of a command: as it is where it can be, else in `"…"`, which cmd, PowerShell and sh all know."""
    if sys.platform == "win32":
        if _PLAIN_ON_WINDOWS.fullmatch(word):
            return word
        # The C runtime takes `\` before a `"` for its escape, as at the end of a folder's name.
        inside = re.sub(r'(\\*)"', r'\1\1\\"', word)
        return '"' + re.sub(r"(\\+)$", r"\1\1", inside) + '"'
    if _PLAIN.fullmatch(word):
        return word
    return shlex.quote(word) if not word or _READ_BETWEEN_QUOTES.search(word) else f'"{word}"'


def command(*words: str) -> str:
    """Write a command with its arguments, each quoted where it has to be."""
    return " ".join(map(quoted, words))
