"""A run in, a data set out: the one place that knows the order of the steps."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.export.clips import ClipResult, cut_clips, cut_rows, jobs
from anime_whisper_ct2.export.clips.plan import CLIPS, ClipOptions, PlannedClip, plan
from anime_whisper_ct2.export.clips.rows import Clip, ClipsOf
from anime_whisper_ct2.export.filters import Filters, with_only
from anime_whisper_ct2.export.formats import ExportSettings, Named, Row
from anime_whisper_ct2.export.formats.publish import publishing
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.export.formats.rows import rows
from anime_whisper_ct2.export.naming import Names
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.records import Recording, Transcript
from anime_whisper_ct2.text import NORMALIZERS

# In a folder of clips: whose they are.
CLIPS_MARKER = ".awct2-clips.json"


@dataclass(frozen=True, slots=True)
class ClipFolder:
    """Where clips are cut to, and how."""

    path: Path
    options: ClipOptions = field(default_factory=ClipOptions)
    workers: int | None = None  # processes; None: as many as cores, 0: none but this one


@dataclass(slots=True)
class Exported:
    """What an export holds, and how many of the run's recordings it left out.

    `rows`: lines of the data set, or segments where the format has a file for each recording. `clips_written` were cut,
    `clips_resumed` were there already, `clips_missing` could not be cut and are no rows.
    """

    path: Path
    recordings: int = 0
    rows: int = 0
    left_out: int = 0
    clips_written: int = 0
    clips_resumed: int = 0
    clips_missing: int = 0


class Export:
    """Writes the results of a run in one format.

    `run` is the output folder of `awct2 run`, or a `transcripts.jsonl`; `out` is by default `export/FORMAT` in it. The
    same results give the same bytes. `speaker` is who speaks in all of it, `title` the data set's name; by default that
    is the corpus's. `normalizer` is the name of one of `text.NORMALIZERS`, which all texts go through; what it leaves
    nothing of is left out. With `clips`, every segment that stays is cut out of its recording first, and the rows of a
    data set are those clips; a call that was interrupted goes on with those that are left. `on_clips` gets what became
    of each recording's clips.

    Raises InputError for a format or a run that is not there.
    """

    def __init__(
        self,
        run: Path | str,
        format_: str,
        out: Path | None = None,
        *,
        filters: Filters | None = None,
        speaker: str | None = None,
        title: str | None = None,
        normalizer: str | None = None,
        clips: ClipFolder | None = None,
        on_clips: Callable[[ClipResult], None] | None = None,
    ) -> None:
        if format_ not in FORMATS:
            raise InputError(f"there is no format {format_!r}; choose one of {', '.join(FORMATS)}")
        self._format = FORMATS[format_]
        self._run = RunFolder(run)
        # Of all ids, before any filter: no name may depend on what is left out.
        self._names = Names(self._run.ids)
        self._filters = filters or Filters()
        self._settings = ExportSettings(title or self._run.title or ExportSettings().title, speaker)
        self._path = out if out is not None else self._run.folder / "export" / format_
        if normalizer is not None and normalizer not in NORMALIZERS:
            raise InputError(f"there is no normalizer {normalizer!r}; choose one of {', '.join(NORMALIZERS)}")
        self._normalizer = normalizer
        self._start = _other_folder(self._run.about.get("folder"))
        self._clips = clips
        self._on_clips = on_clips or (lambda _result: None)

    def run(self) -> Exported:
        """Write it, whole or not at all.

        Raises InputError when the place is taken or the format cannot hold this run, OutputError when the disk does not
        take it; what an earlier export left there is then as it was.
        """
        done = Exported(self._path)
        clips = self._clips
        about = {
            "format": self._format.name,
            "settings": asdict(self._settings),
            "filters": asdict(self._filters),
            "normalizer": self._normalizer,
            "clips": asdict(clips.options) if clips else None,
        }
        with publishing(self._path, about, _below(clips.path, self._path) if clips else None) as folder:
            if clips:
                self._cut(clips, done)
            if self._format.unit == "recordings":
                self._format.write(self._recordings(done), folder, self._settings)
            else:
                self._format.write(self._rows(done), folder, self._settings)
        done.left_out = len(self._run) - done.recordings
        return done

    def _recordings(self, done: Exported) -> Iterator[Named]:
        for transcript in self._run.transcripts():
            if kept := self._filters.apply(transcript):
                kept = self._normalized(kept)
                done.recordings += 1
                done.rows += len(kept.segments)
                yield Named(self._names[kept.id], kept)

    def _rows(self, done: Exported) -> Iterator[Row]:
        last = None
        for row in rows(
            map(self._located, self._run.transcripts()),
            self._names,
            self._filters,
            whole_files_only=self._format.whole_files_only,
            clips=self._clips_of(self._clips) if self._clips else None,
        ):
            text = row.text if self._normalizer is None else NORMALIZERS[self._normalizer](row.text)
            if self._normalizer is not None and not text:
                continue
            done.rows += 1
            done.recordings += row.recording != last
            last = row.recording
            yield row if text == row.text else replace(row, text=text)

    def _located(self, transcript: Transcript) -> Transcript:
        """Name the audio from the folder that the run was started in, and not from this one."""
        if self._start is None or is_url(transcript.audio):
            return transcript
        return replace(transcript, audio=os.path.join(self._start, transcript.audio))  # noqa: PTH118 - may be no UTF-8

    def _normalized(self, transcript: Transcript) -> Transcript:
        if self._normalizer is None:
            return transcript
        normalize = NORMALIZERS[self._normalizer]
        segments = (replace(segment, text=normalize(segment.text)) for segment in transcript.segments)
        kept = tuple(segment for segment in segments if segment.text)
        return with_only(transcript, kept, normalize(transcript.text))

    def _cut(self, clips: ClipFolder, done: Exported) -> None:
        self._claim(clips.path)
        work = jobs(
            self._run, self._corpus(), lambda one: self._plan(one, self._names[one.id], clips.options), self._located
        )
        for result in cut_clips(work, clips.path, clips.options, clips.workers):
            done.clips_written += result.written
            done.clips_resumed += result.resumed
            done.clips_missing += len(result.missing)
            self._on_clips(result)

    def _claim(self, folder: Path) -> None:
        """Make a folder that of this corpus's clips: names say nothing of where a clip was cut from."""
        about = self._run.about
        # Where INPUTs are not known, the run itself stands for its corpus.
        whose = {"folder": about.get("folder"), "inputs": about.get("inputs") or [os.path.realpath(self._run.file)]}
        mark = folder / CLIPS_MARKER
        try:
            known = json.loads(mark.read_bytes())
        except FileNotFoundError:
            if folder.is_dir() and any(folder.iterdir()):
                raise InputError(
                    f"{folder}: holds files that no export cut, which would pass for clips; name an empty folder"
                ) from None
            known = None
        except (OSError, ValueError) as error:
            raise InputError(f"{mark}: cannot be read ({error}); name another folder with --clips") from error
        if known not in (None, whose):
            raise InputError(f"{folder}: holds clips of {known}; name another folder for these, or remove it")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            mark.write_text(json.dumps(whose), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{mark} cannot be written: {error.strerror or error}") from error

    def _corpus(self) -> Iterable[Recording]:
        """List what the run was given, from the folder where it was given it."""
        about, inputs = self._run.about, self._run.inputs
        start = self._start or ""
        at = tuple(given if is_url(given) else os.path.join(start, given) for given in inputs)  # noqa: PTH118 - may be no UTF-8
        return Corpus(at, audio_column=about.get("audio_column")) if at else ()

    def _plan(self, transcript: Transcript, name: str, options: ClipOptions = CLIPS) -> tuple[PlannedClip, ...]:
        if self._filters.drops_recording(transcript):
            return ()
        return plan(transcript, name, options, self._filters.keeps, self._names.holds)

    def _clips_of(self, clips: ClipFolder) -> ClipsOf:
        """Give the clips that are there, called by their way from the export, where they lie near it."""
        cut = cut_rows(clips.path, partial(self._plan, options=clips.options), clips.options)
        way = _way(self._path, clips.path)
        start = len(os.path.join(clips.path, ""))  # noqa: PTH118 - as cut_rows joins them

        def clips_of(transcript: Transcript, name: str) -> Iterator[Clip]:
            """Give a recording's clips, called as the export is to call them."""
            for clip in cut(transcript, name):
                yield clip if way is None else replace(clip, audio=f"{way}/{clip.path[start:]}".replace(os.sep, "/"))

        return clips_of


def _other_folder(start: object) -> str | None:
    """Give the folder that a run was started in, if that is there and is not this one."""
    if not isinstance(start, str) or not os.path.isdir(start):  # noqa: PTH112 - may be no UTF-8
        return None
    return None if os.path.samefile(start, os.curdir) else start  # noqa: PTH121 - as above


def _below(clips: Path, out: Path) -> Path | None:
    """Give the folder of the clips where it lies below the export, which must not take it away."""
    inside, outside = os.path.realpath(clips), os.path.realpath(out)
    if inside == outside:
        raise InputError(f"{clips}: the export has that place; name a folder in it or elsewhere for the clips")
    return clips if inside.startswith(os.path.join(outside, "")) else None  # noqa: PTH118 - of strings


def _way(out: Path, clips: Path) -> str | None:
    """Give the way from an export to clips that lie below or beside it, else None."""
    try:
        way = Path(os.path.relpath(os.path.realpath(clips), os.path.realpath(out)))
    except ValueError:  # on another drive
        return None
    # From further away, the export would break as soon as one of the two is moved.
    return None if way.parts[:2] == ("..", "..") or way.parts == ("..",) else way.as_posix()
