"""The clips of a run: which there are to be, cut out of its recordings, and as rows of an export."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.clip_folders import way
from anime_whisper_ct2.export.clips import ClipResult, cut_clips, cut_rows, jobs
from anime_whisper_ct2.export.clips.plan import CLIPS, ClipOptions, PlannedClip, plan
from anime_whisper_ct2.export.clips.rows import Clip, ClipsOf
from anime_whisper_ct2.export.filters import Filters
from anime_whisper_ct2.export.formats import Format
from anime_whisper_ct2.export.formats.plain import language_code
from anime_whisper_ct2.export.naming import Names
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.output.source import Source
from anime_whisper_ct2.records import Transcript


class RunClips:
    """The clips of a run's segments that stay, for one format.

    A clip reaches the margin of `options` around the speech: what the run has kept around an utterance counts. Raises
    InputError for a margin that is chosen, and less than that; `margin_asked`: it is, also where it is the default.
    """

    def __init__(
        self,
        run: RunFolder,
        source: Source,
        names: Names,
        filters: Filters,
        format_: Format,
        options: ClipOptions,
        *,
        margin_asked: bool = False,
    ) -> None:
        if format_.cuts and options.format != "wav":
            raise InputError(f"{format_.name} takes WAV alone, and the clips are to be {options.format}")
        asked = margin_asked or options.margin_s != CLIPS.margin_s
        if asked and options.margin_s < source.padding_s:
            raise InputError(
                f"--margin {options.margin_s:g} is less than the run has kept around the speech, with --speech-pad "
                f"{source.padding_s:g}; give at least {source.padding_s:g}, or transcribe with a smaller --speech-pad"
            )
        self.options = replace(options, margin_s=max(0.0, round(options.margin_s - source.padding_s, 6)))
        self._run = run
        self._source = source
        self._names = names
        self._filters = filters
        self._format = format_

    def cut(self, folder: Path, workers: int | None) -> Iterator[ClipResult]:
        """Cut into a folder what is not there yet; gives what became of each recording's clips.

        Raises InputError where the format has no code for a recording's language, or where nothing could be cut, and as
        `cut_clips` does.
        """
        there, first = False, None
        work = jobs(
            self._run,
            self._source.recordings(),
            lambda one: self._plan(one, self._names[one.id]),
            self._source.located,
        )
        for result in cut_clips(work, folder, self.options, workers):
            there = there or bool(result.written or result.resumed)
            if result.missing:
                first = first or result
            yield result
        if first is not None and not there:
            raise InputError(f"no clip could be cut; {first.id}: {first.message}; export where the recordings are")

    def rows(self, folder: Path, export: Path | None) -> ClipsOf:
        """Give the clips that are there, called by their way from the export, where they lie near it."""
        cut = cut_rows(folder, self._plan, self.options)
        near = None if export is None else way(export, folder)
        start = len(os.path.join(folder, ""))  # noqa: PTH118 - as cut_rows joins them

        def clips_of(transcript: Transcript, name: str) -> Iterator[Clip]:
            """Give a recording's clips, called as the export is to call them."""
            for clip in cut(transcript, name):
                yield clip if near is None else replace(clip, audio=f"{near}/{clip.path[start:]}".replace(os.sep, "/"))

        return clips_of

    def _plan(self, transcript: Transcript, name: str) -> tuple[PlannedClip, ...]:
        if self._filters.drops_recording(transcript):
            return ()
        planned = plan(transcript, name, self.options, self._filters.keeps, self._names.holds)
        if planned and self._format.languages is not None:
            # Before it is cut, and not when all is.
            language_code(transcript.id, transcript.language, self._format.languages, self._format.name)
        return planned
