"""What a command turns out to need at its end, asked for at its beginning."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from anime_whisper_ct2.engine.encoders.installation import INSTALL, UnusableTorchError, usable_torch
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.options import Device

# As other advice: what the extra names, since the package itself may be installed from anywhere.
_ADAPT = f"{INSTALL} matplotlib matplotlib-fontja"
_SEARCH = "pip install optuna scipy matplotlib matplotlib-fontja"
_REVIEW = ("starlette", "uvicorn", "duckdb")


def check_extras(*, ray: bool = False, formats: Iterable[str] = ()) -> None:
    """Refuse what an extra is missing for, before anything is fetched, converted or transcribed. Raises InputError."""
    if ray and find_spec("ray") is None:
        raise InputError('--ray needs Ray: pip install "ray[data]"')
    if "parquet" in formats and find_spec("pyarrow") is None:
        raise InputError("parquet needs pyarrow: pip install pyarrow")


def check_adapt(device: Device) -> None:
    """Refuse to teach a model where what that takes is missing, with the command that installs it. Raises InputError.

    Loads torch.
    """
    try:
        usable_torch("cuda" if device == "cuda" else "cpu")
    except UnusableTorchError as error:
        # What has no command is no matter of installing: a GPU that is not there, a library that does not load.
        help_ = f": {_ADAPT}" if error.command else "; choose --device cpu" if device == "cuda" else ""
        raise InputError(f"`awct2 adapt` needs torch, and {error.why}{help_}") from error
    if find_spec("matplotlib") is None:
        raise InputError(f"`awct2 adapt` needs matplotlib: {_ADAPT}")


def check_search() -> None:
    """Refuse to look for an average where what that takes is missing, with the command that installs it.

    Raises InputError.
    """
    for library in ("optuna", "scipy", "matplotlib"):
        if find_spec(library) is None:
            raise InputError(f"`awct2 average --search` needs {library}: {_SEARCH}")


def check_review() -> None:
    """Refuse to open a review where what its page takes is missing, with the command that installs it.

    Raises InputError.
    """
    for library in _REVIEW:
        if find_spec(library) is None:
            raise InputError(f"`awct2 review` needs {library}: pip install {' '.join(_REVIEW)}")


def check_language(formats: Iterable[str], language: str) -> None:
    """Refuse formats that have no code for the language of all that is to be transcribed. Raises InputError."""
    for name in formats:
        known = FORMATS[name].languages
        if known is not None and language not in known:
            raise InputError(
                f"--format {name} knows {', '.join(known)} only, and the language is {language!r}; leave one of the "
                "two out"
            )
