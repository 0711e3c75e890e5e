"""What an export is made of: rows or recordings in, files in a folder out.

`Format` says what one kind of export takes and how it is written: `Row`s of a training set, which `rows` makes, or
recordings as `Named`; `ExportSettings` and `speaker_of` are what it may want to know beside them. Each format has a
module, and `registry` names them all; `publish` has the folder appear whole.

May import: `audio`, `errors`, `extensions`, `readers`, `records`, `system`, `export.clips`, `export.filters`,
`export.naming`, `export.subtitles`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from anime_whisper_ct2.export.naming import first_folder
from anime_whisper_ct2.export.subtitles import SubtitleOptions
from anime_whisper_ct2.records import Transcript


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a training set: a stretch of audio and its text.

    `name` is unique in the export and a safe relative path on every system, with `/` between folders and no extension.
    `recording` is the id of the recording, `audio` the file that holds it, as the export is to name it: the recording's
    audio as `transcripts.jsonl` names it, or a clip's path. `whole`: the row is all of that file; else it begins
    `start_s` seconds into it. `flags` are those of the recording and of its segment.
    """

    name: str
    recording: str
    audio: str
    start_s: float
    duration_s: float
    whole: bool
    text: str
    language: str
    avg_logprob: float
    no_speech_prob: float
    doubt: float | None = None
    flags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""  # where this process opens `audio`, when that is written relative to the export; else empty


@dataclass(frozen=True, slots=True)
class Named:
    """One recording, for formats that write a file for each: its name as in `Row`, and what the filters left of it."""

    name: str
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What a format may want to know beside the rows."""

    title: str = "dataset"  # the data set's name, in cards and file names; the run folder's, unless it is given
    speaker: str | None = None  # who speaks in every row; None: see `speaker_of`
    subtitles: SubtitleOptions | None = None  # how subtitles are to be; None: as `SUBTITLES`
    place: str = ""  # the folder that the export will be, for formats that name their own files by whole paths


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of export.

    `write(content, folder, settings)` fills the empty `folder` from `content`, which is sorted by id and is read once:
    `Named` where `unit` is `recordings`, `Row` where it is `rows`. It closes every file and raises OSError as it comes.
    `whole_files_only`: it cannot point into a file, so that without clips a recording is one row. `cuts`: it holds WAV
    clips alone, which are cut for it where no others are named. `file`: what it writes is this one file; `extension`:
    what the files of recordings end in. `languages`: those that it has codes for. `text_of` makes of a row's text what
    is written; rows of which that leaves nothing are left out. `audio_below`: below which folder of the export, with a
    `/` behind it, there is a file for each row; `flat`: and none in folders of its own. `file_of_title` names the file
    that is called by the title. `check_clip` raises InputError for the path of a clip in the export that it cannot
    have. `names_speaker`, `names_title`: whether these are written, or make a difference.
    """

    name: str
    unit: Literal["recordings", "rows"]
    write: Callable[[Iterable[Any], Path, ExportSettings], None]
    whole_files_only: bool = False
    cuts: bool = False
    file: str | None = None
    extension: str | None = None
    languages: Mapping[str, str] | None = None
    text_of: Callable[[str], str] | None = None
    audio_below: str | None = None
    flat: bool = False
    file_of_title: Callable[[str], str] | None = None
    check_clip: Callable[[str], None] | None = None
    names_speaker: bool = False
    names_title: bool = False


def speaker_of(row: Row, settings: ExportSettings) -> str:
    """Say who speaks: the setting, else `speaker` in the row's `meta`, else its first folder, else the title.

    That is the recording's folder, whatever there is room for in names.
    """
    if settings.speaker is not None:
        return settings.speaker
    known = row.meta.get("speaker")
    if isinstance(known, str) and known:
        return known
    return first_folder(row.recording) or settings.title
