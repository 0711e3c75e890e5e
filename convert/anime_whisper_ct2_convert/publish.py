"""A converted folder appears whole or not at all, where nothing else lies.

One conversion at a time for each destination. What a killed one left is cleared by the next: its unfinished folder
goes, and a result that it had moved aside without putting the new one in place comes back.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from anime_whisper_ct2.errors import ConversionError, InputError
from anime_whisper_ct2.model_dir import AWCT2, MODEL_BIN, VOCABULARY, cache_root
from anime_whisper_ct2.system import files, refusals
from anime_whisper_ct2.system.swapping import replacing, settle

logger = logging.getLogger(__name__)

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_KIND = "convert"
# Of earlier versions: what was aside, and what was unfinished.
_EARLIER_KINDS = ("old", "part")


@contextmanager
def locked(destination: Path) -> Iterator[None]:
    """Hold the destination's lock, waiting for another conversion into it; clear what a killed one left.

    Raises ConversionError where the lock or the destination's folder cannot be made.
    """
    # In the cache and not beside the destination: a lock file cannot be removed safely, and would stay there.
    name = hashlib.sha256(os.fsencode(destination.resolve())).hexdigest()[:24]
    with _plain_errors(destination, 0):
        locks = cache_root() / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        destination.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.warning("%s: another conversion is at work there; waiting for it", destination)
            lock.acquire()
    try:
        with _plain_errors(destination, 0):
            for kind in (_KIND, *_EARLIER_KINDS):
                settle(destination, kind)
        yield
    finally:
        lock.release()


def check_destination(destination: Path, source: Path | None, named: str, *, force: bool) -> None:
    """Raise InputError where a result may not go to `destination`: taken, not ours to remove, or the source's place.

    `named` is the source as its conversion's `awct2.json` names it.
    """
    target = destination.resolve()
    if source is not None and target in (source.resolve(), *source.resolve().parents):
        raise InputError(f"{destination}: the checkpoint lies there; choose another OUTPUT")
    if os.path.ismount(target):
        raise InputError(f"{destination}: is a whole drive, or where one is mounted; choose a folder in it as OUTPUT")
    if not os.path.lexists(destination):
        return
    if not destination.is_dir():
        raise InputError(f"{destination}: is a file; choose another OUTPUT")
    # One that lost a file is a converted model still: --force is how it is repaired.
    if any((destination / name).is_file() for name in (MODEL_BIN, VOCABULARY, AWCT2)):
        if not force:
            of = _made_of(destination)
            if of == named:
                raise InputError(f"{destination}: holds a conversion of {named} already; replace it with --force")
            # Whatever it is, it is another model, and not to be given up for this one.
            what = f"of {of}" if of else "which does not say of what"
            raise InputError(f"{destination}: holds a converted model already, {what}; choose another OUTPUT")
    elif any(destination.iterdir()):
        raise InputError(f"{destination}: holds files that are no converted model; choose another OUTPUT or empty it")


def _made_of(destination: Path) -> str | None:
    """Give what a converted folder was made from, where it says so itself."""
    try:
        made_of = json.loads((destination / AWCT2).read_text(encoding="utf-8"))["source"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return made_of if isinstance(made_of, str) else None


@contextmanager
def published(destination: Path, n_bytes: int) -> Iterator[Path]:
    """Give a new folder to fill; it becomes `destination` when the block ends, and vanishes when the block raises.

    `n_bytes` is the most that will be written. Raises ConversionError where the disk is full or refuses; what stood at
    the destination is then still there.
    """
    with _plain_errors(destination, n_bytes):
        if _free(destination) < n_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with replacing(destination, _KIND) as staging:
            yield staging


@contextmanager
def _plain_errors(destination: Path, n_bytes: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            free = 0
            with suppress(OSError):
                free = _free(destination)
            raise ConversionError(
                f"{destination}: the disk is full; the conversion needs {n_bytes:,} bytes there, {free:,} are free; "
                "make room or choose another OUTPUT"
            ) from error
        raise ConversionError(
            f"{error.filename or destination}: cannot be written ({refusals.reason(error, destination)}); "
            "choose another OUTPUT, or another cache with AWCT2_CACHE"
        ) from error


def _free(destination: Path) -> int:
    """Give how many bytes are free where a result would lie. Raises OSError."""
    return shutil.disk_usage(files.nearest_existing(Path(os.path.realpath(destination)).parent)).free
