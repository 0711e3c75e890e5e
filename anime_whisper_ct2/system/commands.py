"""A command to copy, quoted so that all shells of the system take it, as far as one quoting serves them all.

On Windows, no quoting keeps `%NAME%` from cmd and also `$`, a backtick or a typographic quote from PowerShell: a word
with one of these is right in the other of the two.
"""

from __future__ import annotations

import re
import shlex
import sys

# What no shell sees anything in, so that it needs no quotes: sh, and on Windows cmd and PowerShell. To that `,` makes a
# list, and `@` begins a name; `\` is Windows' separator.
_PLAIN = re.compile(r"[\w./:=,+@-]+", re.ASCII)
_PLAIN_ON_WINDOWS = re.compile(r"[\w./:=+\\-]+", re.ASCII)
# What sh reads between double quotes. To cmd.exe, `'` is a letter like any other.
_READ_BETWEEN_QUOTES = re.compile(r'["$`\\!]')


def quoted(word: str) -> str:
    """Quote a word of a command: as it is where it can be, else in `"…"`, which cmd, PowerShell and sh all know.

    The module says what of it they know otherwise.
    """
    if sys.platform == "win32":
        if _PLAIN_ON_WINDOWS.fullmatch(word):
            return word
        # The C runtime takes `\` before a `"` for its escape, as at the end of a folder's name.
        inside = re.sub(r'(\\*)"', r'\1\1\\"', word)
        return '"' + re.sub(r"(\\+)\Z", r"\1\1", inside) + '"'
    if _PLAIN.fullmatch(word):
        return word
    return shlex.quote(word) if _READ_BETWEEN_QUOTES.search(word) else f'"{word}"'


def command_line(*words: str) -> str:
    """Write a command with its arguments, each quoted where it has to be."""
    return " ".join(map(quoted, words))
