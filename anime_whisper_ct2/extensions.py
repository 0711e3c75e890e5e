"""The extensions of what is read: in small letters, without the dot."""

from __future__ import annotations

from collections.abc import Iterable

AUDIO = frozenset(
    (
        *("wav", "wave", "w64", "rf64", "flac", "aif", "aiff", "aifc", "au", "caf", "ogg", "oga", "opus", "mp3"),
        *("m4a", "m4b", "mp4", "aac", "mkv", "mka", "webm", "wma", "3gp", "mov", "amr"),
    )
)

TARS = ("tar", "tar.gz", "tgz", "tar.bz2", "tar.xz")
ARROW = ("arrow", "feather")
TABLES = ("parquet", *ARROW)
CONTAINERS = (*TARS, *TABLES)

JSON_LINES = ("jsonl", "ndjson", "json")
DELIMITED = ("csv", "tsv")
PATH_LISTS = ("txt", "lst")
MANIFESTS = (*JSON_LINES, *DELIMITED, *PATH_LISTS)
KALDI = ("scp",)


def has_extension(path: str, extensions: Iterable[str]) -> bool:
    """Say whether a name ends in a dot and one of these, in whatever case."""
    return path.lower().endswith(tuple("." + extension for extension in extensions))
