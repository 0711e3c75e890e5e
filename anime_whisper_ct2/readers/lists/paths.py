"""Plain lists of paths, one a line, as systems and people write them.

A line is the path that it says wherever a file of that name is there. Otherwise quotes around it, spaces beside it,
Windows' backslashes and its encoding are taken for how it was written, and a `#` in front for a remark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from anime_whisper_ct2.errors import RecordingError
from anime_whisper_ct2.readers.lists.encodings import LEGACY, UTF8, encoding_of, legacy_readings, legacy_text
from anime_whisper_ct2.readers.lists.lines import MAX_PATH_LINE_BYTES, without_mark
from anime_whisper_ct2.readers.rows import Rows, path_text
from anime_whisper_ct2.records import Recording

_QUOTES = "\"'“”"
_REMARK = "#"


def path_list(
    lines: Iterable[bytes],
    base: str = "",
    source: str = "stdin",
    remark: Callable[[], None] = lambda: None,
) -> Iterator[Recording]:
    """Give the recordings that a list of paths names, one a line; empty lines are skipped.

    Relative paths start from `base`. A bad line's recording is named by `source` and its number. Names that are not
    valid UTF-8 come through as they are. `remark` is called for every line that is taken for a remark.
    """
    rows = Rows(source, base)
    encoding: str | None = None
    for number, line in enumerate(without_mark(lines), 1):
        if not line.strip():
            continue
        try:
            if len(line) > MAX_PATH_LINE_BYTES:
                raise RecordingError(f"the line is longer than {MAX_PATH_LINE_BYTES >> 20} MiB; give one path a line")
            shown = encoding_of(line)
            encoding = encoding if encoding == UTF8 else shown or encoding
            written = _path_in(line, shown or encoding, rows)
            if written is None:
                remark()
                continue
            id_, name = rows.locate(written)
        except RecordingError as error:
            yield rows.refuse(number, error)
        else:
            yield rows.accept(number, id_, name, name, {})


def _path_in(line: bytes, encoding: str | None, rows: Rows) -> str | None:
    """Give the path that a line names; None for a remark. `encoding`: what it, or else its list, shows to be in."""
    readings = list(_readings(line))
    meant = readings[-1]
    if encoding_of(line) != UTF8 and not line.isascii():
        if encoding == LEGACY and (text := legacy_text(line)) is not None:
            meant = _without_quotes(text)
        readings += map(_without_quotes, legacy_readings(line))
    # A list may have millions of lines, and to look for each file takes a while: only where there is a choice.
    if len(readings) == 1 and not meant.startswith(_REMARK):
        return meant
    if there := next(filter(rows.leads_somewhere, readings), None):
        return there
    # Of paths that lead nowhere, the one without its quotes is what was meant.
    return None if meant.startswith(_REMARK) else meant


def _without_quotes(text: str) -> str:
    return text.strip().strip(_QUOTES)


def _readings(line: bytes) -> Iterator[str]:
    """Give what a line may say, what it says to the letter first."""
    written = path_text(line)
    yield written
    bare = written.strip()
    if len(bare) > 2 and bare[0] in _QUOTES and bare[-1] in _QUOTES:
        bare = bare[1:-1]
    if bare and bare != written:
        yield bare
