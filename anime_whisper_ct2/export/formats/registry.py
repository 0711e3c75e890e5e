"""Every format by name; a format's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Literal

from anime_whisper_ct2.export.formats import Format

Unit = Literal["recordings", "rows"]

# Where its function is, what it takes, and whether it needs a file for each row.
_TABLE: dict[str, tuple[str, str, Unit, bool]] = {
    "txt": ("texts", "write_txt", "recordings", False),
    "srt": ("subtitles", "write_srt", "recordings", False),
    "vtt": ("subtitles", "write_vtt", "recordings", False),
    "ass": ("ass", "write", "recordings", False),
    "lrc": ("subtitles", "write_lrc", "recordings", False),
    "tsv": ("tables", "write_tsv", "recordings", False),
    "csv": ("tables", "write_csv", "recordings", False),
    "json": ("texts", "write_json", "recordings", False),
    "parquet": ("tables", "write_parquet", "recordings", False),
    "esd": ("esd", "write", "rows", True),
    "gptsovits": ("gptsovits", "write", "rows", True),
    "ljspeech": ("ljspeech", "write", "rows", True),
    "hf": ("huggingface", "write", "rows", True),
    "nemo": ("nemo", "write", "rows", False),
    "kaldi": ("kaldi", "write", "rows", False),
    "lhotse": ("lhotse", "write", "rows", False),
    "webdataset": ("webdataset", "write", "rows", True),
}
# Those that are one file.
_FILES = {
    "tsv": "transcripts.tsv",
    "csv": "transcripts.csv",
    "parquet": "transcripts.parquet",
    "nemo": "manifest.jsonl",
}
# Those that take WAV alone, and clips of their own.
_CUTTING = frozenset(("esd", "gptsovits", "ljspeech"))
# Those that put the audio of each row into a folder, or of many into a tar; and those that put it there flat.
_AUDIO_BELOW = {"esd": "raw/", "gptsovits": "wavs/", "ljspeech": "wavs/", "hf": "audio/", "webdataset": ""}
_FLAT = frozenset(("gptsovits", "ljspeech"))
# Those that say who speaks.
SPEAKING = ("ass", "esd", "gptsovits", "hf", "kaldi", "lhotse", "webdataset")


class _Formats(Mapping[str, Format]):
    def __getitem__(self, name: str) -> Format:
        module, function, unit, whole_files_only = _TABLE[name]
        room = import_module(f"anime_whisper_ct2.export.formats.{module}")
        return Format(
            name,
            unit,
            getattr(room, function),
            whole_files_only,
            cuts=name in _CUTTING,
            file=_FILES.get(name),
            # A file for each recording is called what its format is.
            extension=name if unit == "recordings" and name not in _FILES else None,
            languages=getattr(room, "LANGUAGES", None),
            text_of=getattr(room, "text_of", None),
            audio_below=_AUDIO_BELOW.get(name),
            flat=name in _FLAT,
            file_of_title=getattr(room, "file_of_title", None),
            check_clip=getattr(room, "check_clip", None),
            names_speaker=name in SPEAKING,
            # Who is not named is called by the title.
            names_title=name in SPEAKING and unit == "rows",
        )

    def __iter__(self) -> Iterator[str]:
        return iter(_TABLE)

    def __len__(self) -> int:
        return len(_TABLE)


FORMATS: Mapping[str, Format] = _Formats()
