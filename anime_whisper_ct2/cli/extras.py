"""What a command turns out to need at its end, asked for at its beginning."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.formats.registry import FORMATS


def check_extras(*, ray: bool = False, formats: Iterable[str] = ()) -> None:
    """Refuse what an extra is missing for, before anything is fetched, converted or transcribed. Raises InputError."""
    if ray and find_spec("ray") is None:
        raise InputError('--ray needs Ray: pip install "ray[data]"')
    if "parquet" in formats and find_spec("pyarrow") is None:
        raise InputError("parquet needs pyarrow: pip install pyarrow")


def check_language(formats: Iterable[str], language: str) -> None:
    """Refuse formats that have no code for the language of all that is to be transcribed. Raises InputError."""
    for name in formats:
        known = FORMATS[name].languages
        if known is not None and language not in known:
            raise InputError(
                f"--format {name} knows {', '.join(known)} only, and the language is {language!r}; leave one of the "
                "two out"
            )
