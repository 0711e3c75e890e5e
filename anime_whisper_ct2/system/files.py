"""What another program may hold open: renamed, removed and moved with patience, and why the system refused.

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
from pathlib import PurePath
from typing import IO, Any, TypeVar

from anime_whisper_ct2.system.paths import can_be_no_name

T = TypeVar("T")
Place = str | os.PathLike[str]

_ON_WINDOWS = sys.platform == "win32"
# ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION, ERROR_DIR_NOT_EMPTY (a file that was removed, and
# is there as long as somebody reads it), ERROR_DELETE_PENDING, ERROR_USER_MAPPED_FILE.
_HELD = frozenset((5, 32, 33, 145, 303, 1224))
# The first of these says nothing of who, and is what a file gives that is renamed over; the others are sure.
_SURELY_HELD = _HELD - {5, 145}
_HOLDERS = (
    "an editor, Excel, a player, Explorer, a command prompt in that folder, a search indexer or a virus scanner; "
    "close it there"
)
# ERROR_FILENAME_EXCED_RANGE; ERROR_PATH_NOT_FOUND and ERROR_INVALID_NAME may mean something else as well.
_SURELY_TOO_LONG, _MAYBE_TOO_LONG = 206, frozenset((3, 123))
# What has a path taken to the letter, however long it is.
_TO_THE_LETTER = "\\\\?\\"
# As long as Windows takes the path of a file, where it was not told to take longer ones: MAX_PATH without the NUL. In a
# folder there has to be room for a name of 12 characters.
LONGEST_PATH = 259
ROOM_IN_FOLDER = 12
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


def is_held(error: OSError) -> bool:
    """Say whether another program may be in the way; nobody is on POSIX."""
    number = getattr(error, "winerror", None)
    # Of a file that it opens, Python keeps C's number alone.
    return number in _HELD if number is not None else _ON_WINDOWS and error.errno == errno.EACCES


def reason(error: Exception, path: Place | None = None) -> str:
    """Say why the system refused: in its words, and with what to do where these do not tell.

    `path` is what it was about, where the error does not say so itself.
    """
    words = getattr(error, "strerror", None) or str(error) or repr(error)
    if not isinstance(error, OSError):
        return words
    if cause := _too_long(error, path):
        return cause
    if getattr(error, "winerror", None) in _SURELY_HELD:
        return f"{words.rstrip('.。 ')}: another program has it open, such as {_HOLDERS}"
    if can_be_no_name(error):
        return 'there is no such file; Windows lets no name hold any of * ? < > | "'
    if _is_folder(error, path):
        return os.strerror(errno.EISDIR)
    if is_held(error):
        return f"{words.rstrip('.。 ')}: this user may not do that, or another program has it open, such as {_HOLDERS}"
    return words


def _is_folder(error: OSError, path: Place | None) -> bool:
    """Say whether a folder was opened as a file, which C's runtime on Windows refuses as if it were not allowed."""
    about = error.filename if path is None else path
    by_the_runtime = _ON_WINDOWS and error.errno == errno.EACCES and getattr(error, "winerror", None) is None
    return by_the_runtime and isinstance(about, (str, os.PathLike)) and os.path.isdir(about)  # noqa: PTH112 - as above


def is_too_long(error: OSError, path: Place | None = None) -> bool:
    """Say whether a path was refused for its length alone."""
    return _too_long(error, path) is not None


def subject(error: OSError, path: Place) -> str:
    """Give the file that a refusal is about, as far as it says so; else `path`."""
    named = error.filename2 or error.filename
    return named if isinstance(named, str) else os.fspath(path)


def is_still_at(path: Place, descriptor: int) -> bool:
    """Say whether the disk is there still on which a file was opened. Raises OSError where no file is at its path."""
    there = os.stat(path)  # noqa: PTH116 - as above
    # Windows moves no file that is open, and its numbers of one volume differ between calls on some.
    return _ON_WINDOWS or there.st_dev == os.fstat(descriptor).st_dev


def is_writable(folder: Place) -> bool:
    """Say whether files can be made in a folder; Windows' permissions are known to nobody who has not tried."""
    if not _ON_WINDOWS:
        return os.access(folder, os.W_OK)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _too_long(error: OSError, path: Place | None) -> str | None:
    """Say that a path is too long, where that is why it was refused."""
    paths = [os.fspath(one) for one in (error.filename, error.filename2, path) if isinstance(one, (str, os.PathLike))]
    if not paths:
        return None
    longest = max((os.path.abspath(one) for one in paths), key=len)  # noqa: PTH100 - as above
    name, number = PurePath(longest).name, getattr(error, "winerror", None)
    if number == _SURELY_TOO_LONG or (
        len(longest) > LONGEST_PATH
        and (number in _MAYBE_TOO_LONG if number is not None else _ON_WINDOWS and error.errno == errno.ENOENT)
        and not longest.startswith(_TO_THE_LETTER)
        and not _takes_long_paths()
    ):
        return (
            f"the path of {name} has {len(longest)} characters, and Windows takes {LONGEST_PATH}, and of a folder "
            f"{LONGEST_PATH - ROOM_IN_FOLDER}, unless LongPathsEnabled is set in its registry; set that, choose a "
            "place nearer to the drive's root, or have an export shorten its names with --max-path"
        )
    if error.errno == errno.ENAMETOOLONG:
        shown, length = f"{name[:20]}…" if len(name) > 20 else name, len(os.fsencode(longest))
        return (
            f"{error.strerror}: {shown} has {len(os.fsencode(name))} bytes and its path {length}; choose shorter names "
            "or a place nearer to the root, or have an export shorten its names with --max-path"
        )
    return None


def _takes_long_paths() -> bool:
    """Say whether LongPathsEnabled is set, so that what is refused is refused for something else."""
    if sys.platform != "win32":
        return False
    import ctypes  # noqa: PLC0415 - for an error's words alone

    # Older than Windows 10 1607, it knows no such setting.
    enabled = getattr(ctypes.WinDLL("ntdll"), "RtlAreLongPathsEnabled", None)
    if enabled is None:
        return False
    enabled.restype = ctypes.c_ubyte
    return bool(enabled())


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
