"""A run in, a data set out: the one place that knows the order of the steps."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.clip_folders import ClipFolder, below, claim, waiting, way
from anime_whisper_ct2.export.clips import ClipResult
from anime_whisper_ct2.export.clips.plan import ClipOptions
from anime_whisper_ct2.export.clips.rows import ClipsOf
from anime_whisper_ct2.export.cutting import RunClips
from anime_whisper_ct2.export.destination import destination
from anime_whisper_ct2.export.filters import WITHOUT_TEXT, Filters, with_only
from anime_whisper_ct2.export.formats import ExportSettings, Named, Row
from anime_whisper_ct2.export.formats.plain import shown
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.export.formats.rows import rows
from anime_whisper_ct2.export.naming import Names
from anime_whisper_ct2.export.reviewed import Reviewed
from anime_whisper_ct2.export.room import room_for_names
from anime_whisper_ct2.export.subtitles import SHOWN_BY, SubtitleOptions
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.output.source import Source
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.reviews import Counts, ReviewOptions
from anime_whisper_ct2.system.paths import path_of
from anime_whisper_ct2.text import NORMALIZERS


@dataclass(slots=True)
class Exported:
    """What an export holds, and what of the run it left out.

    `path` is None where it went to a stream. `rows`: lines of the data set, or segments where the format has a file for
    each recording. `left_out`: recordings that nothing is there of; `filtered`: segments that are not there, each
    counted once, by the first reason in the order of the filters. `clips_written` were cut, `clips_resumed` were there
    already, `clips_missing` could not be cut and are no rows. `unfinished` says that the run has not come to its end.
    `review`: what was applied of a review, None where there is none, or it was passed over.
    """

    path: Path | None
    recordings: int = 0
    rows: int = 0
    left_out: int = 0
    filtered: Counter[str] = field(default_factory=Counter)
    clips_written: int = 0
    clips_resumed: int = 0
    clips_missing: int = 0
    unfinished: str | None = None
    review: Counts | None = None


class Export:
    """Writes the results of a run in one format.

    `run` is the output folder of `awct2 run`, or a `transcripts.jsonl`; `out` is a folder, by default `export/FORMAT`
    in the run, a file or a binary stream: of formats that are one file, and of one recording. The same results give the
    same bytes. `speaker` is who speaks in all of it, `title` the data set's name; by default that is the corpus's.
    `normalizer` is the name of one of `text.NORMALIZERS`, which all texts go through; what it leaves nothing of is left
    out. `subtitles` says how subtitles are to be. With `clips`, every segment that stays is cut out of its recording
    first, and the rows of a data set are those clips; a call that was interrupted goes on with those that are left.
    `esd`, `gptsovits` and `ljspeech` always hold clips, and cut their own where `clips` names no folder. `on_clips`
    gets what became of each recording's clips. What reviewers decided about the run is applied as `review` says: texts
    as corrected, nothing that was rejected. `max_path` is how many characters the absolute path of anything that is
    written may have: names of recordings that are too long for that are cut, and marked with a hash.

    Raises InputError for a format or a run that is not there, for what the format cannot be, for a review that cannot
    be read, and for a place that leaves no room for names.
    """

    def __init__(
        self,
        run: Path | str,
        format_: str,
        out: Path | IO[bytes] | None = None,
        *,
        filters: Filters | None = None,
        review: ReviewOptions | None = None,
        speaker: str | None = None,
        title: str | None = None,
        normalizer: str | None = None,
        subtitles: SubtitleOptions | None = None,
        clips: ClipFolder | None = None,
        on_clips: Callable[[ClipResult], None] | None = None,
        max_path: int | None = None,
    ) -> None:
        if format_ not in FORMATS:
            raise InputError(f"there is no format {format_!r}; choose one of {', '.join(FORMATS)}")
        if normalizer is not None and normalizer not in NORMALIZERS:
            raise InputError(f"there is no normalizer {normalizer!r}; choose one of {', '.join(NORMALIZERS)}")
        self._format = FORMATS[format_]
        self._reviewed = Reviewed(RunFolder(run), review or ReviewOptions())
        self._run = self._reviewed.run
        filters = filters or Filters()
        self._filters = replace(filters, accepted_only=True) if self._reviewed.accepted_only else filters
        if subtitles is not None and format_ not in SHOWN_BY:
            raise InputError(f"subtitle options are for {', '.join(SHOWN_BY)}; {format_} shows none")
        for name, value, known in (
            ("speaker", speaker, self._format.names_speaker),
            ("title", title, self._format.names_title),
        ):
            if value is not None and not known:
                raise InputError(f"--{name} has no effect: {format_} names none; leave it out")
        self._settings = ExportSettings(title or self._run.title or ExportSettings().title, speaker, subtitles)
        out = out if out is not None else self._run.folder / "export" / format_
        out = path_of(out) if isinstance(out, Path) else out
        place = out if isinstance(out, Path) else None
        room = None if max_path is None else room_for_names(max_path, self._format, place, clips, self._settings.title)
        # Of all ids, before any filter: no name may depend on what is left out.
        self._names = Names(self._run.ids, room)
        self._to = destination(out, self._format, self._run.ids, self._names)
        self._normalizer = normalizer
        self._source = Source(self._run)
        self._folder = clips or ClipFolder()
        self._clips = self._clips_wanted(clips)
        self._on_clips = on_clips or (lambda _result: None)

    def run(self) -> Exported:
        """Write it, whole or not at all.

        Raises InputError when the place is taken, the format cannot hold this run, no clip can be cut or reviewers
        differ, OutputError when the disk does not take it; what an earlier export left there is then as it was.
        """
        self._reviewed.check()
        # Of a `transcripts.jsonl` alone, nothing says so.
        done = Exported(self._to.path, unfinished=self._run.unfinished if self._run.about else None)
        about = {
            "format": self._format.name,
            "settings": asdict(self._settings),
            "filters": _filters_given(self._filters),
            "normalizer": self._normalizer,
            "clips": asdict(self._clips.options) if self._clips else None,
            **self._reviewed.about,
        }
        given, folder = self._folder.path, self._to.folder
        keep = below(given, folder) if given and folder and self._to.file is None else None
        settings = replace(self._settings, place=os.path.abspath(folder) if folder else "")  # noqa: PTH100 - a string
        with self._clips_at() as clips, self._to.opened(about, keep) as target:
            content = (self._recordings if self._format.unit == "recordings" else self._rows)(done, clips)
            self._format.write(content, target, settings)
        done.left_out = len(self._run) - done.recordings
        done.review = self._reviewed.counts
        return done

    def _clips_wanted(self, given: ClipFolder | None) -> RunClips | None:
        """Say which clips are cut; None: none are. Raises InputError for clips that have no place."""
        own = self._format.cuts
        if not own and given is None:
            return None
        if not own and self._folder.path is None:
            raise InputError(f"{self._format.name} cuts no clips of its own; name a folder for them with --clips DIR")
        options = self._folder.options or ClipOptions("wav" if own else ClipOptions().format)
        # What lies in the export itself is no copy where it need not be one.
        options = replace(options, link=self._folder.path is None)
        self._check_inside()
        asked = self._folder.margin_asked
        return RunClips(self._run, self._source, self._names, self._filters, self._format, options, margin_asked=asked)

    def _check_inside(self) -> None:
        """Refuse clips in the export, before they are cut, where the format can have none of that path."""
        given, folder, check = self._folder.path, self._to.folder, self._format.check_clip
        if check is None or given is None or folder is None or self._to.file is not None:
            return
        if below(given, folder) is not None:
            near = way(folder, given)
            for id_ in self._run.ids:
                check(f"{near}/{self._names[id_]}")

    def _clips_at(self) -> AbstractContextManager[Path | None]:
        """Give the folder that clips are cut to."""
        given = self._folder.path
        if self._clips is None or given is not None:
            if given is not None and self._to.file is not None:
                # A file may be meant to lie among its clips: what it is made of would pass for other things there.
                claim(given, self._source.whose)
            return nullcontext(given)
        assert self._to.path is not None
        return waiting(self._to.path, self._source.whose)

    def _recordings(self, done: Exported, clips: Path | None) -> Iterator[Named]:
        self._cut(clips, done)
        for transcript, _ in self._reviewed.transcripts():
            done.filtered.update(self._filters.reasons(transcript))
            if kept := self._filters.apply(transcript):
                kept = self._normalized(kept, done)
                done.recordings += 1
                done.rows += len(kept.segments)
                yield Named(self._names[kept.id], kept)

    def _normalized(self, transcript: Transcript, done: Exported) -> Transcript:
        if self._normalizer is None:
            return transcript
        normalize = NORMALIZERS[self._normalizer]
        segments = (replace(segment, text=normalize(segment.text)) for segment in transcript.segments)
        kept = tuple(segment for segment in segments if segment.text)
        done.filtered.update([WITHOUT_TEXT] * (len(transcript.segments) - len(kept)))
        return with_only(transcript, kept, normalize(transcript.text))

    def _rows(self, done: Exported, clips: Path | None) -> Iterator[Row]:
        # Only now that the format has begun: what it refuses is refused before hours of cutting.
        clips_of = self._cut(clips, done)
        last = None
        for row in rows(
            self._counted(done, whole=self._format.whole_files_only and clips_of is None),
            self._names,
            self._filters,
            whole_files_only=self._format.whole_files_only,
            clips=clips_of,
        ):
            text = row.text if self._normalizer is None else NORMALIZERS[self._normalizer](row.text)
            written = self._format.text_of(text) if self._format.text_of else text
            if not written and (self._normalizer or self._format.text_of):
                done.filtered[WITHOUT_TEXT] += 1
                continue
            done.rows += 1
            done.recordings += row.recording != last
            last = row.recording
            yield row if text == row.text else replace(row, text=text)

    def _counted(self, done: Exported, *, whole: bool) -> Iterator[Transcript]:
        """Give the transcripts with their audio, and count what the filters take out of them."""
        for transcript, retimed in self._reviewed.transcripts(whole=whole):
            done.filtered.update(self._filters.reasons(transcript, whole=whole))
            if retimed and self._filters.keeps_whole(transcript):
                raise InputError(
                    f"{shown(transcript.id)}: a review has changed where its segments begin and end, and "
                    f"{self._format.name} takes a file for each; cut clips with --clips DIR"
                )
            yield self._source.located(transcript)

    def _cut(self, folder: Path | None, done: Exported) -> ClipsOf | None:
        if self._clips is None or folder is None:
            return None
        if self._folder.path is not None:
            claim(folder, self._source.whose)
        for result in self._clips.cut(folder, self._folder.workers):
            done.clips_written += result.written
            done.clips_resumed += result.resumed
            done.clips_missing += len(result.missing)
            self._on_clips(result)
        return self._clips.rows(folder, self._to.folder)


def _filters_given(filters: Filters) -> dict[str, Any]:
    """Give filters for the marker; that of a review stands beside them."""
    given = asdict(filters)
    del given["accepted_only"]
    return given
