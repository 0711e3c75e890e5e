"""Where an average may go, and having that place for oneself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.model_dir import cache_root
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2.system.swapping import settle
from anime_whisper_ct2_convert.source import as_folder

KIND = "average"
_ANOTHER = "name another folder with -o"


def check_place(names: Sequence[str], out: Path, known_by: str, *, overwrite: bool) -> None:
    """Refuse a place at which something would be lost. `known_by`: the file that an earlier average has.

    Raises InputError.
    """
    real = Path(os.path.realpath(out))
    if real in (here := Path(os.path.realpath(os.curdir)), *here.parents):
        raise InputError(f"{out}: is the folder that you are in, or holds it; name a folder in it with -o")
    for name in names:
        if (source := as_folder(name)) is None:
            continue
        folder = Path(os.path.realpath(source))
        if folder in (real, *real.parents):
            raise InputError(f"{out}: lies in the checkpoint {name}, which stays as it is; {_ANOTHER}")
        if real in folder.parents:
            raise InputError(f"{out}: the checkpoint {name} lies in it; {_ANOTHER}")
    try:
        _check_free(out, known_by, overwrite)
    except OSError as error:
        raise InputError(f"{out}: cannot be looked at ({reason(error, out)}); {_ANOTHER}") from error


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Have a place for oneself, and put right what a killed process has left there. Raises OutputError."""
    # In the cache and not beside the place: a lock file cannot be removed safely, and would stay there.
    name = hashlib.sha256(os.fsencode(os.path.realpath(out))).hexdigest()[:24]
    lock = FileLock(cache_root() / "locks" / f"{KIND}-{name}.lock")
    try:
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(f"{out}: another `awct2 average` is at work there; wait for its end") from error
    except OSError as error:
        raise OutputError(f"{lock.lock_file}: cannot be locked ({reason(error, lock.lock_file)})") from error
    try:
        try:
            settle(out, KIND)
        except OSError as error:
            raise OutputError(f"{out}: cannot be written ({reason(error, out)}); {_ANOTHER}") from error
        yield
    finally:
        lock.release()


def _check_free(out: Path, known_by: str, overwrite: bool) -> None:
    if not os.path.lexists(out):
        return
    if not out.is_dir():
        raise InputError(f"{out}: is no folder; name a folder that is not there yet with -o")
    if next(out.iterdir(), None) is None:
        return
    if not (out / known_by).is_file():
        raise InputError(f"{out}: is not empty, and no result of `awct2 average`; {_ANOTHER}")
    if not overwrite:
        raise InputError(f"{out}: holds an average already; {_ANOTHER}, or add --overwrite")
