"""What an export writes of a text, and what a cell that was edited says instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from anime_whisper_ct2.export.edited.cells import cell_of, is_lost, says, typed
from anime_whisper_ct2.export.edited.records import Row, Table
from anime_whisper_ct2.export.formats.plain import field, one_line
from anime_whisper_ct2.text import NORMALIZERS


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one table: `column` is theirs, `written` makes of a segment's text what the export has written."""

    column: int
    written: Callable[[str], str]
    is_legacy: bool

    @classmethod
    def of(cls, table: Table, normalizer: str | None) -> Texts:
        """Say how the texts of a table were written, with a normalizer of this name, or none."""
        fitted = field if table.kind == "list" else one_line
        normalize = None if normalizer is None else NORMALIZERS[normalizer]

        def written(text: str) -> str:
            """Give what stands in the table for a text; some normalizers take nothing that is broken."""
            return fitted(text) if normalize is None else fitted(normalize(text))

        return cls(table.columns.index("text"), written, table.is_legacy)

    def is_untouched(self, row: Row, text: str) -> bool:
        """Say whether a row has what the export has written of a segment's text."""
        value = self.written(text)
        return any(says(cell, value, is_legacy=self.is_legacy) for cell in row.readings(self.column))

    def typed(self, row: Row, text: str) -> str:
        """Give what a row has in the place of a segment's text."""
        value = self.written(text)
        readings = [cell_of(cell) for cell in row.readings(self.column)]
        quoted = readings[0].startswith('"') and '"' not in readings[0][1:-1]
        # Quotes that the text has had itself are no program's.
        cell = readings[0] if len(readings) > 1 and value.startswith('"') and quoted else readings[-1]
        return typed(cell, value)

    def loses(self, text: str) -> bool:
        """Say whether the table's encoding has no room for a text: what was not edited would be lost, too."""
        return self.is_legacy and is_lost(self.written(text))


def likeliest(table: Table, sample: Iterable[tuple[Row, str]]) -> str | None:
    """Say which normalizer the texts of a table went through, by rows and the texts of their segments.

    None where that explains as many rows as any: most are as the export has written them.
    """
    sample = list(sample)
    counts = {
        name: sum(texts.is_untouched(row, text) for row, text in sample)
        for name, texts in ((name, Texts.of(table, name)) for name in (None, *NORMALIZERS))
    }
    return max(counts, key=counts.__getitem__)
