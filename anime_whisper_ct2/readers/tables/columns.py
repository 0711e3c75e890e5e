"""What a table's columns are: where the audio is, what names a row, and the rest as JSON values."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# What people call the column that holds audio, or a path to it, when its type does not say so; the likeliest first.
_AUDIO_NAMES = (
    *("audio", "audio_bytes", "audio_filepath", "audio_path", "audio_file", "wav", "flac", "mp3", "ogg", "opus"),
    *("wav_path", "file", "file_path", "filepath", "path", "file_name", "filename"),
)
# `__key__` is what WebDataset calls it.
_ID_NAMES = ("id", "key", "__key__")
_MEDIA = frozenset(("Audio", "Image", "Video", "Pdf"))


@dataclass(frozen=True, slots=True)
class Columns:
    """A table's columns by name: the audio, what goes into `meta`, and which of these may name a row (None: none)."""

    audio: str
    id: str | None
    meta: tuple[str, ...]


def columns_of(schema: Any, named: str | None) -> Columns | None:
    """Find the columns of a pyarrow schema; `named` is the audio column that the user named, which must be there.

    Gives None when no column looks like audio, or `named` is none of them.
    """
    types = {field.name: _storage(field.type) for field in schema}
    media = _media(schema)
    audio = named if named is not None else _audio_column(types, media)
    if audio is None or audio not in types or not _can_hold_audio(types[audio]):
        return None
    others = (name for name, type_ in types.items() if not _holds_bytes(type_))
    meta = tuple(name for name in others if name != audio and name not in media)
    return Columns(audio, next((name for name in _ID_NAMES if name in meta), None), meta)


def meta_of(scalars: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Turn a row's (name, pyarrow scalar) into JSON values.

    Times are ISO 8601, durations seconds, decimals floats, and what is no number, or no JSON value at all, None.
    """
    return {name: _json(_python(scalar)) for name, scalar in scalars}


def _audio_column(types: Mapping[str, Any], media: Mapping[str, str]) -> str | None:
    declared = [name for name in types if media.get(name) == "Audio" and _can_hold_audio(types[name])]
    structs = [name for name, type_ in types.items() if _is_audio_struct(type_) and name not in media]
    # Pictures are bytes and a path, too, where nothing declares them.
    structs.sort(key=lambda name: name.lower() not in _AUDIO_NAMES)
    by_lower = {name.lower(): name for name, type_ in types.items() if _can_hold_audio(type_) and name not in media}
    guessed = [by_lower[name] for name in _AUDIO_NAMES if name in by_lower]
    return next(iter(declared + structs + guessed), None)


def _media(schema: Any) -> dict[str, str]:
    """Give the columns that Hugging Face's metadata calls audio, images and the like, with what they are."""
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: type_ for name, feature in features.items() if (type_ := _feature(feature)) in _MEDIA}
    return {}


def _feature(feature: Any) -> str:
    return str(feature.get("_type", "")) if isinstance(feature, dict) else ""


def _storage(type_: Any) -> Any:
    """Look through dictionaries and extension types."""
    from pyarrow import BaseExtensionType, DictionaryType  # noqa: PLC0415 - an extra

    if isinstance(type_, BaseExtensionType):
        return _storage(type_.storage_type)
    return _storage(type_.value_type) if isinstance(type_, DictionaryType) else type_


def _is_bytes(type_: Any) -> bool:
    return str(type_).partition("[")[0] in {"binary", "large_binary", "binary_view", "fixed_size_binary"}


def _is_text(type_: Any) -> bool:
    return str(type_) in {"string", "large_string", "string_view"}


def _fields(type_: Any) -> dict[str, Any]:
    from pyarrow import types  # noqa: PLC0415 - an extra

    if not types.is_struct(type_):
        return {}
    return {type_.field(at).name: _storage(type_.field(at).type) for at in range(type_.num_fields)}


def _is_audio_struct(type_: Any) -> bool:
    fields = _fields(type_)
    return "bytes" in fields and _is_bytes(fields["bytes"])


def _can_hold_audio(type_: Any) -> bool:
    fields = _fields(type_)
    return bool(fields.keys() & {"bytes", "path"}) or _is_bytes(type_) or _is_text(type_)


def _holds_bytes(type_: Any) -> bool:
    return _is_bytes(type_) or _is_audio_struct(type_)


def _python(scalar: Any) -> Any:
    # Python has no nanoseconds, no year 10,000, and no text that is not UTF-8; Arrow has.
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        pass
    with contextlib.suppress(Exception):
        return scalar.cast("binary").as_py().decode("utf-8", "replace")
    with contextlib.suppress(Exception):
        return scalar.cast("string").as_py()
    return None


def _json(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (float, decimal.Decimal)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(name): _json(item) for name, item in value.items() if not isinstance(item, (bytes, memoryview))}
    if isinstance(value, (bytes, memoryview)):
        return None
    if hasattr(value, "tolist"):
        return _json(value.tolist())
    return [_json(item) for item in value] if isinstance(value, Iterable) else str(value)
