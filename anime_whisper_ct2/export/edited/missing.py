"""Segments whose rows are gone from a table that had them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.edited.marker import Made
from anime_whisper_ct2.export.edited.matching import Match
from anime_whisper_ct2.export.edited.records import Row, Table
from anime_whisper_ct2.export.edited.states import Recording, State
from anime_whisper_ct2.export.edited.texts import Texts
from anime_whisper_ct2.export.formats.plain import flat
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.system.refusals import reason

_GONE = Row(0, ())


class Missing:
    """Finds the segments that an export had, by its marker, and that a table has no more.

    Raises InputError where nothing says what the export had.
    """

    def __init__(self, table: Table, made: Made | None, run_file: Path, texts: Texts) -> None:
        if made is None:
            raise InputError(
                f"{table.path}: nothing beside it says which segments the export had; leave --reject-missing out, or "
                "name the table in the folder that `awct2 export` has written"
            )
        try:
            written_ns = run_file.stat().st_mtime_ns
        except OSError as error:
            raise InputError(f"{run_file} cannot be read: {reason(error, run_file)}") from error
        if written_ns > made.written_ns:
            raise InputError(
                f"{run_file} was written after that export: nobody can tell what it had; leave --reject-missing out, "
                "or export again"
            )
        self._made = made
        self._texts = texts
        below = FORMATS[made.format].audio_below
        # A clip that could not be cut was no row, and an export of clips has their files.
        self._clips = None if below is None else table.path.absolute().parent / below

    def of(
        self,
        recording: Recording,
        taken: Collection[Match],
        planned: Callable[[State], Mapping[str, int]] | None,
    ) -> Iterator[Match]:
        """Give the segments of a recording that no row is about any more; `planned` as in `match_clips`."""
        state = recording.states[0]
        if self._made.filters.drops_recording(state.transcript):
            return
        own = {match.at for match in taken if match.state is state}
        others = {recording.counterpart(match.piece) for match in taken if match.state is not state}
        clips = None if planned is None else {at: name for name, at in planned(state).items()}
        for at, segment in enumerate(state.transcript.segments):
            if at in own or not self._made.filters.keeps(segment) or not self._texts.written(segment.text):
                continue
            if others and recording.counterpart(state.pieces[at]) in others:
                continue
            if clips is None or (at in clips and self._is_cut(clips[at])):
                yield Match(_GONE, state, at)

    def _is_cut(self, name: str) -> bool:
        if self._clips is None:
            return True
        file = flat(name) if FORMATS[self._made.format].flat else name
        return (self._clips / f"{file}.wav").is_file()
