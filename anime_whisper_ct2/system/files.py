"""What another program may hold open: renamed, removed and moved with patience.

POSIX renames and removes whatever it likes. Windows refuses while any program has the file open, or one below the
folder: an editor, a player, a search indexer, a virus scanner that looks at each file just written. Most let go within
a moment, so what is refused is tried again for some seconds. Those that read let others write into the file even so.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

from anime_whisper_ct2.system.refusals import Place, is_held

T = TypeVar("T")

_ON_WINDOWS = sys.platform == "win32"
# Behind a file's name: what is to take its place.
BESIDE = ".new"
_PATIENCE_S = 5.0
_FIRST_PAUSE_S, _MOST_PAUSE_S = 0.01, 0.25


def replace(source: Place, target: Place, *, patience_s: float = _PATIENCE_S) -> None:
    """Rename a file, over one that may be there. Raises OSError; what is held on Windows, after that patience."""
    patiently(lambda: os.replace(source, target), patience_s)  # noqa: PTH105 - paths with invalid UTF-8 stay strings


def move(source: Place, target: Place) -> None:
    """Rename a file or folder to a name that is free. Raises OSError as `replace` does."""
    patiently(lambda: os.rename(source, target))  # noqa: PTH104 - as above


def opened(path: Place, mode: str = "rb", *, buffering: int = -1, patience_s: float = _PATIENCE_S) -> IO[bytes]:
    """Open a file in bytes that was written a moment ago, or that others look at. Raises OSError as `replace` does."""
    return patiently(lambda: open(path, mode, buffering), patience_s)  # noqa: PTH123 - as above


def link(source: Place, target: Place) -> None:
    """Give a file a second name. Raises OSError.

    On Windows not what may only be read: its mark would have to go before the second name can, and it has one mark.
    """
    if _ON_WINDOWS and not os.stat(source).st_mode & stat.S_IWRITE:  # noqa: PTH116 - as above
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), os.fspath(source))
    os.link(source, target)


def remove(path: Place, *, missing_ok: bool = False, patience_s: float = _PATIENCE_S) -> None:
    """Remove a file. Raises OSError as `replace` does."""
    with contextlib.suppress(*((FileNotFoundError,) if missing_ok else ())):
        patiently(lambda: os.unlink(path), patience_s)  # noqa: PTH108 - as above


def remove_or_empty(path: Place) -> None:
    """Remove a file, if it is there; where another program holds it, empty it. Raises OSError where neither works."""
    try:
        remove(path, missing_ok=True)
    except OSError as error:
        if not is_held(error):
            raise
        with contextlib.suppress(FileNotFoundError):
            write_over(path, b"")


def remove_tree(path: Place) -> None:
    """Remove a folder and all in it, what may only be read included. Raises OSError as `replace` does."""
    patiently(lambda: _remove_tree(path))


def clear_away(path: Place) -> None:
    """Remove a folder as far as that is possible: what stays is in nobody's way."""
    with contextlib.suppress(OSError):
        remove_tree(path)
        return
    shutil.rmtree(path, ignore_errors=True)


def put(
    path: Place, content: bytes, *, over: bool = False, through_links: bool = False, patience_s: float = _PATIENCE_S
) -> None:
    """Make a file or replace it, whole or not at all: it is written beside, under its name and `BESIDE`, and renamed.

    With `over`, a file that stays held is written over in place; what is beside is there until that is whole, and stays
    where even that is refused: see `kept_beside`. A link makes room for the file, and what it led to stays as it was;
    with `through_links`, as where a user has named it, that is replaced. Raises OSError as `replace` does.
    """
    path = os.path.realpath(path) if through_links and os.path.islink(path) else path  # noqa: PTH114 - as above
    beside = os.fspath(path) + BESIDE
    # What lies there already, and is held, is not this one's to remove.
    file = opened(beside, "wb", patience_s=patience_s)
    there = False
    try:
        with file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        there = True
        replace(beside, path, patience_s=patience_s)
        return
    except BaseException as error:
        if not (over and there and isinstance(error, OSError) and is_held(error)):
            with contextlib.suppress(OSError):
                remove(beside, patience_s=patience_s)
            raise
        # Whoever else has what a link leads to has not asked for it.
        if os.path.islink(path):  # noqa: PTH114 - as above
            raise
    write_over(path, content)
    with contextlib.suppress(OSError):
        remove(beside, patience_s=patience_s)


def kept_beside(path: Place, content: bytes) -> str | None:
    """Give the file in which `put` has left what has no place; None where it could not be kept."""
    beside = os.fspath(path) + BESIDE
    with contextlib.suppress(OSError), opened(beside) as file:
        # An earlier one may lie there.
        return beside if file.read() == content else None
    return None


def write_over(path: Place, content: bytes) -> None:
    """Write into a file that cannot be replaced, and sync it: it is torn where that breaks off. Raises OSError."""
    with open(path, "r+b") as file:  # noqa: PTH123 - as above
        file.write(content)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Place) -> None:
    """Have the names in a folder outlive a power cut, as far as that is possible.

    Windows opens no folders, and some network file systems sync none: names are as safe as they can be there.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def patiently(call: Callable[[], T], patience_s: float = _PATIENCE_S) -> T:
    """Make a call again for so long while Windows says that another program is in the way. Raises OSError."""
    begun, pause_s = time.monotonic(), _FIRST_PAUSE_S
    while True:
        try:
            return call()
        except OSError as error:
            if not is_held(error) or time.monotonic() - begun >= patience_s:
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _MOST_PAUSE_S)


def is_still_at(path: Place, descriptor: int) -> bool:
    """Say whether the disk is there still on which a file was opened. Raises OSError where no file is at its path."""
    there = os.stat(path)  # noqa: PTH116 - as above
    # Windows moves no file that is open, and its numbers of one volume differ between calls on some.
    return _ON_WINDOWS or there.st_dev == os.fstat(descriptor).st_dev


def nearest_existing(folder: Path) -> Path:
    """Give the folder itself, or the nearest one above it that is there. Raises OSError where it cannot be told."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def is_writable(folder: Place) -> bool:
    """Say whether files can be made in a folder; Windows' permissions are known to nobody who has not tried."""
    if not _ON_WINDOWS:
        return os.access(folder, os.W_OK)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _is_shared(path: str) -> bool:
    """Say whether a file has other names, which have its mark that it may only be read in common with this one."""
    status = os.lstat(path)
    return stat.S_ISREG(status.st_mode) and status.st_nlink > 1


def _remove_tree(path: Place) -> None:
    def refused(call: Callable[..., Any], name: str, raised: Any) -> None:
        """Pass over what is gone, and remove what may only be read: Windows refuses that, POSIX asks the folder."""
        error = raised[1] if isinstance(raised, tuple) else raised
        if isinstance(error, FileNotFoundError):
            return
        # It is asked as well about what cannot be listed, and about a link.
        if not (_ON_WINDOWS and call in (os.unlink, os.rmdir)) or _is_shared(name):
            raise error
        with contextlib.suppress(FileNotFoundError):
            os.chmod(name, stat.S_IWRITE | stat.S_IREAD)  # noqa: PTH101 - as above
            call(name)

    if sys.version_info >= (3, 12):
        shutil.rmtree(path, onexc=refused)
    else:
        shutil.rmtree(path, onerror=refused)
