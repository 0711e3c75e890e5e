"""Where the decisions about a run lie, and under which names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from anime_whisper_ct2.system.paths import DEVICES

_TRANSCRIPTS = "transcripts.jsonl"
_FOLDER = "review"
_BEFORE, _BEHIND = "edits-", ".jsonl"
# What a name keeps: letters and figures of any script, and marks that mean nothing to any file system.
_SAFE = re.compile(r"[\w.@+-]+")
_LONGEST_BYTES = 120


def review_folder(file: Path) -> Path:
    """Give the folder of what was decided about a run's `transcripts.jsonl`, or about another file: a list."""
    return file.parent / _FOLDER if file.name == _TRANSCRIPTS else file.parent / f"{file.name}.{_FOLDER}"


def log_files(folder: Path) -> list[Path]:
    """Give the logs in a folder, by name; none where it is not there. Raises OSError where it cannot be listed."""
    try:
        there = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    return [path for path in there if path.name.startswith(_BEFORE) and path.name.endswith(_BEHIND)]


def names_for(reviewer: str) -> Iterator[str]:
    """Give the names that a reviewer's log may have, the first choice first: none is another reviewer's second choice.

    A name that no file system would change stands as it is; of others, a digest keeps two apart that come to one.
    """
    plain = unicodedata.normalize("NFC", reviewer)
    kept = "".join(_SAFE.findall(plain))
    while len(kept.encode("utf-8")) > _LONGEST_BYTES:
        kept = kept[:-1]
    kept = kept.strip(".")
    # Windows keeps these for devices, whatever stands behind a dot.
    is_device = kept.split(".")[0].lower() in DEVICES
    if kept == reviewer and not is_device:
        yield f"{_BEFORE}{kept}{_BEHIND}"
    digest = blake2b(reviewer.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    yield f"{_BEFORE}{kept}~{digest}{_BEHIND}"
