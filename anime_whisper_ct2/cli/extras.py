"""Extras that a command turns out to need at its end, asked for at its beginning."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from anime_whisper_ct2.errors import InputError


def check_extras(*, ray: bool = False, formats: Iterable[str] = ()) -> None:
    """Refuse what an extra is missing for, before anything is fetched, converted or transcribed. Raises InputError."""
    if ray and find_spec("ray") is None:
        raise InputError("--ray needs Ray: pip install 'ray[data]'")
    if "parquet" in formats and find_spec("pyarrow") is None:
        raise InputError("parquet needs pyarrow: pip install pyarrow")
