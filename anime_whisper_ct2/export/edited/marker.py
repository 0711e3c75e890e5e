"""What the marker file beside an export says of how that was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.clips.plan import ClipOptions
from anime_whisper_ct2.export.edited.records import Table
from anime_whisper_ct2.export.filters import Filters
from anime_whisper_ct2.export.formats.publish import MARKER
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.reviews import CONFLICTS, Conflicts
from anime_whisper_ct2.text import NORMALIZERS

_FORMATS = {"table": ("csv", "tsv"), "list": ("esd", "gptsovits")}


@dataclass(frozen=True, slots=True)
class Made:
    """How an export was made.

    `clips`: how they were cut, None in a table. `reviewers`: how many lines each had written that were applied, and
    `conflicts` what became of segments that they differed about. `written_ns`: when it was, by its file system.
    """

    format: str
    filters: Filters
    normalizer: str | None
    clips: ClipOptions | None
    speaker: str | None
    title: str
    reviewers: Mapping[str, int]
    conflicts: Conflicts | None
    written_ns: int


def read_marker(table: Table) -> Made | None:
    """Read how the export was made that a table lies in; None where it lies in none of its kind, or nobody can say."""
    path = table.path.absolute().parent / MARKER
    try:
        written_ns = path.stat().st_mtime_ns
        made = _read(json.loads(path.read_bytes()), written_ns)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError):
        return None
    return made if made.format in _FORMATS[table.kind] else None


def _read(about: Mapping[str, Any], written_ns: int) -> Made:
    review = about.get("review") or {}
    given = about["filters"]
    filters = Filters(**{**given, "drop_flags": tuple(given["drop_flags"])})
    if review.get("review") == "accepted":
        filters = replace(filters, accepted_only=True)
    normalizer, conflicts = about["normalizer"], review.get("conflicts")
    if normalizer not in (None, *NORMALIZERS) or conflicts not in (None, *CONFLICTS) or about["format"] not in FORMATS:
        raise ValueError("made by another version")
    settings = about["settings"]
    return Made(
        format=about["format"],
        filters=filters,
        normalizer=normalizer,
        clips=None if about["clips"] is None else ClipOptions(**about["clips"]),
        speaker=settings["speaker"],
        title=str(settings["title"]),
        reviewers={str(name): int(count) for name, count in review.get("reviewers", {}).items()},
        conflicts=conflicts,
        written_ns=written_ns,
    )
