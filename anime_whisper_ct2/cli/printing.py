"""All that the command prints: results and tables on standard output, notes and bars on standard error.

What is for machines is UTF-8 with line feeds on every system. What is for people is in the stream's own encoding: on
Windows, where it leads to a file or a pipe, cp932, cp1252 or another old one. A character that this lacks is written in
ASCII. Once nobody reads a stream any more, the rest of it goes nowhere, and the command does what is left to do.
"""

from __future__ import annotations

import codecs
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Any, NoReturn, TextIO, TypeGuard

import click
from tqdm import tqdm

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.system.pipes import reader_gone, silence

# How a stream treats a character that it lacks.
_PLAINLY = "awct2.plainly"
# Bars are of one kind: an encoding may have some of the blocks, as cp437 has.
_BLOCKS = "▁▂▃▄▅▆▇█"
_WITHOUT_BLOCKS = str.maketrans(_BLOCKS, ".:-=+*%#")
# What stands for a character: the first of these that the stream has. The wave dash is what others write for the only
# one that cp932 has, and so is the first of the dashes.
_STANDS_FOR = {
    "…": ("...",),
    "—": ("―", "-"),
    **dict.fromkeys("–‒‐‑−", ("-",)),
    "〜": ("～", "~"),
    "～": ("~",),
    "×": ("x",),
    "→": ("->",),
    **dict.fromkeys("“”", ('"',)),
    **dict.fromkeys("‘’", ("'",)),
    "\N{NO-BREAK SPACE}": (" ",),
    **{block: (chr(plain),) for block, plain in zip(_BLOCKS, _WITHOUT_BLOCKS.values(), strict=True)},
}


def steady() -> None:
    """Have no character be too much for the standard streams, whoever writes it: click, warnings and tracebacks too."""
    for stream in (sys.stdout, sys.stderr):
        # In a notebook they are something else.
        if _is_there(stream) and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_PLAINLY)


def settle() -> None:
    """Leave nothing in the standard streams that the interpreter could not write at its end, and would complain of."""
    for stream in filter(_is_there, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            silence(stream)


def say(text: str) -> None:
    """Print lines for people to standard output. Raises OutputError when the disk does not take them."""
    _print(lambda: click.echo(_fitting(text, sys.stdout)), sys.stdout)


def say_json(content: object) -> None:
    """Print JSON to standard output. Raises OutputError when the disk does not take it."""
    # A path that is no valid UTF-8 holds lone surrogates; written as escapes they stay JSON, and UTF-8.
    written = json.dumps(content, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n"
    if not _takes_bytes(sys.stdout):
        say(written.decode().rstrip())
        return

    def write() -> None:
        """Write past the stream's encoding and line ends."""
        sys.stdout.flush()
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()

    _print(write, sys.stdout)


def results() -> IO[bytes]:
    """Give standard output for results, which are bytes. Raises OutputError where there is none."""
    if not _takes_bytes(sys.stdout):
        raise OutputError("standard output is closed or takes no bytes; name a file or a folder with -o")
    return sys.stdout.buffer


def note(text: str) -> None:
    """Print lines to standard error."""
    _print(lambda: click.echo(_fitting(text, sys.stderr), err=True), sys.stderr)


def note_above_bar(text: str) -> None:
    """Print lines to standard error where a bar may be, which stays below them."""
    _print(lambda: tqdm.write(_fitting(text, sys.stderr), file=sys.stderr), sys.stderr)


def bar(**options: Any) -> tqdm[NoReturn]:
    """Give a bar on standard error, which is seen on a terminal alone; `options` are tqdm's."""
    # Of blocks where the stream has them, by tqdm's own choice.
    return tqdm(file=sys.stderr, dynamic_ncols=True, disable=not on_terminal(), **options)


def on_terminal() -> bool:
    """Say whether somebody sees standard error as it is written."""
    return _is_there(sys.stderr) and sys.stderr.isatty()


def printed_by_click() -> AbstractContextManager[None]:
    """Have what click prints by itself end as all else that is printed. Raises OutputError as `say` does."""
    return _writing(sys.stdout)


@contextmanager
def _writing(stream: TextIO | None) -> Iterator[None]:
    """Have what writes to a stream end well where that has no reader, and on standard error also where it is refused.

    Raises OutputError when standard output cannot be written.
    """
    try:
        yield
    except OSError as error:
        if not reader_gone(error, stream) and stream is not sys.stderr:
            raise OutputError(f"standard output cannot be written: {error.strerror or error}") from error
        if stream is not None:
            silence(stream)


def _print(write: Callable[[], object], stream: TextIO | None) -> None:
    if _is_there(stream):
        with _writing(stream):
            write()


def _is_there(stream: TextIO | None) -> TypeGuard[TextIO]:
    """Say whether there is a stream: under pythonw there is none, and a program may have closed or detached its own."""
    try:
        return stream is not None and not stream.closed
    except ValueError:
        return False


def _takes_bytes(stream: TextIO | None) -> bool:
    return _is_there(stream) and hasattr(stream, "buffer")


def _fitting(text: str, stream: TextIO | None) -> str:
    """Write a text with the characters that a stream has."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if any(block in text for block in _BLOCKS) and not _has(_BLOCKS, encoding):
        text = text.translate(_WITHOUT_BLOCKS)
    return text.encode(encoding, _PLAINLY).decode(encoding)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Give what stands for a character that a codec lacks, else its escape, and where the text goes on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start]
    known = (form for form in _STANDS_FOR.get(lacking, ()) if _has(form, error.encoding))
    return next(known, lacking.encode("ascii", "backslashreplace").decode()), error.start + 1


def _has(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


codecs.register_error(_PLAINLY, _plainly)
