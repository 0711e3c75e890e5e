"""The lines of an output folder: outcomes as JSON, and back as far as a run needs them.

transcripts.jsonl, errors.jsonl   one line for each recording, which begins with its id
run.json                          settings and figures (`run_file`)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from json.decoder import scanstring  # type: ignore[attr-defined] # the C scanner that json itself uses
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.metrics import Counts
from anime_whisper_ct2.records import Outcome, Segment
from anime_whisper_ct2.system.files import opened
from anime_whisper_ct2.system.paths import portable

TRANSCRIPTS = "transcripts.jsonl"
ERRORS = "errors.jsonl"
RUN = "run.json"
# The folder of what reviewers decide (`reviews`).
REVIEW = "review"
# How `to_json` begins each line: `id` is the first field of both records, and has to stay it.
_ID_PREFIX = '{"id": "'


@dataclass(frozen=True, slots=True)
class Part:
    """Lines for `transcripts.jsonl` and `errors.jsonl` that were written elsewhere, and what they come to."""

    name: str
    transcripts: bytes
    errors: bytes
    counts: Counts


def to_json(outcome: Outcome) -> str:
    """Give a transcript or a failure as one line of JSON, without the line's end.

    Names that are not valid UTF-8 are written with escapes, which every JSON reader gives back unchanged.
    """
    content = asdict(outcome)
    # A run made on Windows is trained with elsewhere.
    content["audio"] = portable(content["audio"])
    # Of most recordings these say nothing, and there are millions of lines.
    for key in ("offset", "missing_s"):
        if content.get(key, 0.0) is None:
            del content[key]
    for segment in content.get("segments", ()):
        _leave_out_empty(segment)
    return dump_json(content)


def segment_dict(segment: Segment) -> dict[str, Any]:
    """Give a segment as a transcript's line holds it."""
    content = asdict(segment)
    _leave_out_empty(content)
    return content


def _leave_out_empty(segment: dict[str, Any]) -> None:
    # It is in the logs of a review, which may change.
    del segment["verdict"]
    if not segment["words"]:
        del segment["words"]  # not asked for
    for key in ("retries", "doubt"):
        if segment[key] is None:
            del segment[key]


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read `transcripts.jsonl` or `errors.jsonl` line by line, a torn last line apart."""
    with opened(path) as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def dump_json(content: Mapping[str, Any], indent: int | None = None) -> str:
    """Write JSON as people read it, with escapes where it holds what is no valid UTF-8; what is no number is null."""
    try:
        text = json.dumps(content, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError:
        content = _finite(content)
        text = json.dumps(content, ensure_ascii=False, indent=indent, allow_nan=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(content, ensure_ascii=True, indent=indent)
    return text


def _finite(value: Any) -> Any:
    """Put None in the place of NaN and infinities, which are no JSON."""
    if isinstance(value, Mapping):
        return {key: _finite(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(held) for held in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def id_of(line: bytes) -> str:
    """Give a line's id; of lines as a run writes them, only the beginning is parsed.

    Raises ValueError, KeyError, TypeError or RecursionError for what is no such line.
    """
    text = line.decode("utf-8")
    id_ = scanstring(text, len(_ID_PREFIX))[0] if text.startswith(_ID_PREFIX) else json.loads(text)["id"]
    if not isinstance(id_, str):
        raise TypeError(f"{id_!r:.40} is no text")
    return id_


def ids_of(path: Path) -> Iterator[str]:
    """Give the id of every whole line. Raises OutputError for what is no line of a run."""
    if not path.exists():
        return
    with opened(path) as file:
        for number, raw in enumerate(file, 1):
            # Torn by a crash, and so no result.
            if not raw.endswith(b"\n"):
                return
            try:
                yield id_of(raw)
            except (ValueError, KeyError, TypeError, RecursionError):
                raise OutputError(
                    f"{path}, line {number}: not a line that a run wrote; mend or remove it, or use --overwrite"
                ) from None
