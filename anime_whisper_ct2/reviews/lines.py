"""Decisions as lines of JSON, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, NamedTuple

from anime_whisper_ct2.records import LONGEST_S
from anime_whisper_ct2.reviews.records import ACTIONS, Action, Decision

VERSION = 1
# What is no decision: ValueError, of times too; RecursionError, of JSON that is nested too deep for its parser.
NO_DECISION = (ValueError, KeyError, TypeError, OverflowError, RecursionError)

# In UTC, as all times of lines are.
_EPOCH = datetime(1970, 1, 1)
_KNOWN = frozenset(ACTIONS)
_DECODER = json.JSONDecoder()
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_ESCAPING = json.JSONEncoder(ensure_ascii=True, allow_nan=False)
_AT_LENGTH = len("2026-11-29T20:41:14.123456Z")


class Entry(NamedTuple):
    """What a list of the lines has to know of each; its time in microseconds since 1970."""

    at: int
    reviewer: str
    id: str
    action: Action
    value: Any
    batch: str | None


def to_line(decision: Decision) -> bytes:
    """Give a decision as a line, with its end; what is no UTF-8 is written with escapes."""
    content: dict[str, Any] = {
        "v": VERSION,
        "at": decision.at,
        "reviewer": decision.reviewer,
        "id": decision.id,
        "start": decision.start,
        "end": decision.end,
        "seen": decision.seen,
        "action": decision.action,
        "value": decision.value,
        "batch": decision.batch,
        "heard": decision.heard,
        "ms": decision.ms,
    }
    if decision.rate is not None:
        content["rate"] = decision.rate
    try:
        return (_ENCODER.encode(content) + "\n").encode("utf-8")
    except UnicodeEncodeError:
        return (_ESCAPING.encode(content) + "\n").encode("ascii")


def read_line(raw: bytes) -> Decision:
    """Read a line; keys that are not known are passed over. Raises one of NO_DECISION for what is none."""
    content = _checked(raw)
    start, end = _stretch(content)
    return Decision(
        at=content["at"],
        reviewer=content["reviewer"],
        id=content["id"],
        start=start,
        end=end,
        seen=content["seen"],
        action=content["action"],
        value=content.get("value"),
        batch=content.get("batch"),
        heard=content.get("heard"),
        ms=None if (ms := content.get("ms")) is None else round(ms),
        rate=content.get("rate"),
    )


def read_entry(raw: bytes) -> Entry:
    """Read what a list of the lines has to know, as strictly as `read_line` reads all of it; raises as that does."""
    content = _checked(raw)
    return Entry(
        microseconds(content["at"]),
        content["reviewer"],
        content["id"],
        content["action"],
        content.get("value"),
        content.get("batch"),
    )


def microseconds(at: str) -> int:
    """Give the time of a line in microseconds since 1970. Raises ValueError or TypeError for another form."""
    rest = at[20:26]
    if len(at) != _AT_LENGTH or at[19] != "." or at[26] != "Z" or not (at.isascii() and rest.isdecimal()):
        raise ValueError(f"{at!r:.40} is no time like 2026-11-29T20:41:14.123456Z")
    return _whole_seconds(at[:19]) * 1_000_000 + int(rest)


@lru_cache(maxsize=64)
def _whole_seconds(at: str) -> int:
    since = datetime.strptime(at, "%Y-%m-%dT%H:%M:%S") - _EPOCH
    return since.days * 86_400 + since.seconds


def at_of(since_1970: int) -> str:
    """Write microseconds since 1970 as the time of a line."""
    seconds, rest = divmod(since_1970, 1_000_000)
    return f"{_written(seconds)}.{rest:06d}Z"


@lru_cache(maxsize=64)
def _written(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}"


def _checked(raw: bytes) -> dict[str, Any]:
    """Read the object of a line, and see that all in it is what it should be."""
    content = _parsed(raw.decode("utf-8"))
    if not isinstance(content, dict):
        raise TypeError(f"{content!r:.40} is no object")
    if content["v"] != VERSION:
        raise ValueError(f"its version is {content['v']!r:.40}; a later awct2 reads it")
    action = content["action"]
    if not isinstance(action, str) or action not in _KNOWN:
        raise ValueError(f"{action!r:.40} is no action; a later awct2 may know it")
    for key in ("at", "reviewer", "id", "seen"):
        if type(content[key]) is not str:
            raise TypeError(f"{content[key]!r:.40} is no text")
    microseconds(content["at"])
    _stretch(content)
    value = content.get("value")
    if (check := _VALUES.get(action)) is not None:
        check(value)
    elif value is not None:
        raise ValueError(f"{action} has no value")
    if (batch := content.get("batch")) is not None:
        _text(batch)
    for key in ("heard", "ms", "rate"):
        if (number := content.get(key)) is not None:
            _number(number)
    return content


def _parsed(text: str) -> Any:
    if text.startswith("{"):
        # What `json.loads` does, without looking for spaces around it in each of a million lines.
        content, end = _DECODER.raw_decode(text)
        if not text[end:].strip():
            return content
    return json.loads(text)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _number(value: Any) -> float:
    if type(value) is float and -LONGEST_S < value < LONGEST_S:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError(f"{value!r:.40} is no number")
    return float(value)


def _stretch(content: Any) -> tuple[float, float]:
    if not isinstance(content, Mapping):
        raise TypeError(f"{content!r:.40} is no stretch")
    start, end = _number(content["start"]), _number(content["end"])
    if not 0 <= start <= end <= LONGEST_S:
        raise ValueError(f"{start} to {end} s is no stretch of a recording")
    return start, end


def _tags(value: Any) -> None:
    if not isinstance(value, dict) or not value.keys() <= {"add", "remove"}:
        raise ValueError(f"{value!r:.40} names no tags to add or to remove")
    for names in value.values():
        if not isinstance(names, list):
            raise TypeError(f"{names!r:.40} is no list of tags")
        for name in names:
            _text(name)


def _parts(value: Any) -> None:
    if not isinstance(value, list) or len(value) < 2:
        raise ValueError(f"{value!r:.40} are no parts of a segment")
    for part in value:
        _stretch(part)
        _text(part["text"])


def _merged(value: Any) -> None:
    _stretch(value)
    _text(value["text"])
    _stretch(value["with"])
    _text(value["with"]["seen"])


def _sample(value: Any) -> None:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.40} tells nothing of a sample")


# What a value has to be; of actions that are not here, there is none.
_VALUES: dict[str, Callable[[Any], object]] = {
    "correct": _text,
    "tag": _tags,
    "trim": _stretch,
    "split": _parts,
    "merge": _merged,
    "undo": _text,
    "sample": _sample,
}
