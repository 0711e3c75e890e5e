"""What was edited beside texts and times: it has no effect, and that is said."""

from __future__ import annotations

from collections.abc import Sequence

from anime_whisper_ct2.export.edited.cells import escaped, legacy_forms, unescaped, written_id
from anime_whisper_ct2.export.edited.marker import Made
from anime_whisper_ct2.export.edited.matching import Match
from anime_whisper_ct2.export.edited.reading import LISTED, NEEDED
from anime_whisper_ct2.export.edited.records import Table
from anime_whisper_ct2.export.edited.states import Recording, State
from anime_whisper_ct2.export.formats import ExportSettings, Named, Row, esd, gptsovits, speaker_of
from anime_whisper_ct2.export.formats.plain import field
from anime_whisper_ct2.export.formats.tables import COLUMNS, written_rows


class Columns:
    """The other columns of a table: which of them an export knows, and what it has written there."""

    def __init__(self, table: Table, made: Made | None) -> None:
        self._is_legacy = table.is_legacy
        self._made = made
        self._is_list = table.kind == "list"
        known = LISTED[1:3] if self._is_list else [name for name in COLUMNS if name not in NEEDED]
        self._at = {name: table.columns.index(name) for name in known if name in table.columns}
        ours = LISTED if self._is_list else COLUMNS
        self.unknown = tuple(name for name in table.columns if name.strip() and name not in ours)
        self._of: tuple[State, Sequence[tuple[str | float, ...]]] | None = None

    def edited(self, recording: Recording, match: Match) -> list[str]:
        """Name the columns of a row that say something else than the export; none where nobody knows what it said."""
        if not recording.is_known or match.state is not recording.states[0]:
            return []
        wanted = self._listed(recording) if self._is_list else self._tabular(match)
        return [name for name, value in wanted.items() if name in self._at and not self._has(match, name, value)]

    def _has(self, match: Match, name: str, value: str | float) -> bool:
        return any(_says(cell, value, is_legacy=self._is_legacy) for cell in match.row.readings(self._at[name]))

    def _tabular(self, match: Match) -> dict[str, str | float]:
        state = match.state
        if self._of is None or self._of[0] is not state:
            self._of = state, list(written_rows([Named("", state.transcript)]))
        return dict(zip(COLUMNS, self._of[1][match.at], strict=True))

    def _listed(self, recording: Recording) -> dict[str, str | float]:
        if self._made is None:
            return {}
        one = recording.bare
        row = Row("", one.id, "", 0.0, 0.0, True, "", one.language, 0.0, 0.0, meta=one.meta)
        speaker = field(speaker_of(row, ExportSettings(self._made.title, self._made.speaker))) or "speaker"
        codes = {esd.FORMAT: esd.LANGUAGES, gptsovits.FORMAT: gptsovits.LANGUAGES}[self._made.format]
        return {"speaker": speaker, "language": codes.get(one.language, one.language)}


def _says(cell: str, value: str | float, *, is_legacy: bool) -> bool:
    if isinstance(value, str):
        value, cell = written_id(value), written_id(cell).strip()
        forms = (value, *escaped(value), *(legacy_forms(value) if is_legacy else ()))
        return any(form.strip() == cell for form in forms) or unescaped(cell) == value.strip()
    text = cell.strip() if "." in cell else cell.strip().replace(",", ".")
    try:
        # Spreadsheets write numbers their own way, with fewer decimals, too.
        return float(text) == round(value, len(text.partition(".")[2])) or float(text) == value
    except ValueError:
        return False
