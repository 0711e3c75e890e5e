"""What a value becomes in a cell of a table, and back: also where a spreadsheet has saved it in between."""

from __future__ import annotations

from collections.abc import Iterator

from anime_whisper_ct2.export.formats.plain import one_line
from anime_whisper_ct2.export.formats.tables import BREAKS, FORMULA
from anime_whisper_ct2.readers.lists.encodings import LEGACY

# What spreadsheets write in cp932 for characters that they find in it under another number.
_ALIKE = str.maketrans("〜−‖—¢£¬¥", "～－∥―￠￡￢\\")
_LOST = "?"


def cell_of(text: str) -> str:
    """Give a text as a reader of a table sees it: one line, without spaces at its ends."""
    return one_line(text)


def says(cell: str, value: str, *, is_legacy: bool) -> bool:
    """Say whether a cell is what an export has made of a value, which is one line."""
    cell = cell_of(cell)
    if cell == value or cell in escaped(value) or unescaped(cell) == value:
        return True
    return is_legacy and any(cell in (form, *escaped(form)) for form in legacy_forms(value))


def typed(cell: str, value: str) -> str:
    """Give the text that stands in a cell which was `value`, without what keeps spreadsheets from computing it."""
    cell = cell_of(cell)
    return cell if unescaped(value) != value else unescaped(cell)


def escaped(value: str) -> tuple[str, ...]:
    """Give what a csv has for a value that a spreadsheet would compute; nothing for any other."""
    return ("'" + value,) if value.startswith(FORMULA) else ()


def unescaped(cell: str) -> str:
    """Take off the `'` before what a spreadsheet would compute."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def is_lost(value: str) -> bool:
    """Say whether a text has characters that cp932 lacks, or gives back as others."""
    try:
        return value.encode(LEGACY).decode(LEGACY) != value
    except UnicodeEncodeError:
        return True


def legacy_forms(value: str) -> Iterator[str]:
    """Give what a table in cp932 may have for a text that has characters which that lacks."""
    if not is_lost(value):
        return
    for text in (value.translate(_ALIKE), value):
        # A character beyond U+FFFF is two to some, and so becomes two question marks.
        for lost in (1, 2):
            yield "".join(_legacy(character, lost) for character in text)


def written_id(id_: str) -> str:
    """Give an id as a table has it, line ends and tabs as spaces: what is no UTF-8 with escapes."""
    return BREAKS.sub(" ", id_.encode("utf-8", "backslashreplace").decode())


def id_forms(cell: str) -> tuple[str, ...]:
    """Give what `written_id` may have been of a cell."""
    return tuple(dict.fromkeys(BREAKS.sub(" ", form) for form in (cell, unescaped(cell))))


def _legacy(character: str, lost: int) -> str:
    if not is_lost(character):
        return character
    return _LOST * (lost if ord(character) > 0xFFFF else 1)
