"""The file of a study: Optuna's tables in SQLite, opened so that nothing of anybody else's is touched."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import connect
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage

from anime_whisper_ct2.errors import InputError, OutputError, first_line
from anime_whisper_ct2.output.places import writing
from anime_whisper_ct2.system import files

NAME = "average"
_ABOUT = "about"
# How long another process may keep the file to itself.
_PATIENCE_S = 30.0
_FULL = "database or disk is full"
_QUERY = "SELECT value_json FROM study_user_attributes JOIN studies USING (study_id) WHERE study_name = ? AND key = ?"


def opened_storage(path: Path) -> RDBStorage:
    """Open a study's file. Raises InputError for tables of another version of Optuna's."""
    try:
        return _storage(path)
    except RuntimeError as error:
        raise InputError(f"{path}: {first_line(error)} Name another file with --study") from error


def _storage(path: Path) -> RDBStorage:
    """Open the file by its name as it is: in a URL, some would mean something else.

    Each time it is needed, it is opened anew: nobody holds it in between.
    """
    return RDBStorage(
        "sqlite://",
        engine_kwargs={
            "creator": lambda: connect(path, timeout=_PATIENCE_S, check_same_thread=False),
            "poolclass": sqlalchemy.pool.NullPool,
        },
    )


def make_study(path: Path, about: Mapping[str, Any]) -> None:
    """Make a study's file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(f"{path}{files.BESIDE}")
    files.remove(beside, missing_ok=True)
    try:
        storage = _storage(beside)
        study = optuna.create_study(study_name=NAME, storage=storage, direction="minimize")
        study.set_user_attr(_ABOUT, dict(about))
        storage.engine.dispose()
        files.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            files.remove(beside, missing_ok=True)
        raise


def remove_study(path: Path) -> None:
    """Remove a study's file, as far as that goes."""
    with contextlib.suppress(OSError):
        for name in (path, Path(f"{path}-journal")):
            files.remove(name, missing_ok=True)


def check_study(path: Path, about: Mapping[str, Any], words: Mapping[str, str]) -> bool:
    """Refuse what is no study of ours, before Optuna lays its tables out in it, and one of something else.

    Gives False for one of something else in which there is no trial. `words`: what to call what differs.
    """
    another = "name another file with --study"
    try:
        with contextlib.closing(connect(path, timeout=_PATIENCE_S)) as file:
            found = file.execute(_QUERY, (NAME, _ABOUT)).fetchone()
            trials = file.execute("SELECT COUNT(*) FROM trials").fetchone()[0] if found else 0
        known = json.loads(found[0]) if found else None
    except (sqlite3.Error, ValueError) as error:
        if _FULL in str(error) or "locked" in str(error):
            raise
        raise InputError(f"{path}: is no study of `awct2 average` ({first_line(error)}); {another}") from error
    if not isinstance(known, dict):
        raise InputError(f"{path}: is a study, and none of `awct2 average`; {another}")
    differ = [words[key] for key in words if known.get(key) != about.get(key)]
    if differ and trials:
        raise InputError(
            f"{path}: is the study of another search ({', '.join(differ)}); go on with what it was begun with, or "
            f"{another}"
        )
    return not differ


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """Say in a line what keeps a study from being read or written. Raises OutputError."""
    try:
        with writing(path):
            yield
    except (optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError, sqlite3.Error) as error:
        cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
        said = first_line(getattr(cause, "orig", None) or cause or error)
        why = "the disk is full; make room" if _FULL in said else said
        raise OutputError(f"{path}: the study cannot be kept there: {why}; the same command goes on") from error
