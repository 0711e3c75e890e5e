"""What another program may hold open: renamed, removed and moved with patience, and why the system refused.

POSIX renames and removes whatever it likes. Windows refuses while any program has the file open, or one below the
folder: an editor, a player, a search indexer, a virus scanner that looks at each file just written. Most let go within
a moment, so what is refused is tried again for some seconds.
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
from typing import Any, TypeVar

T = TypeVar("T")
Place = str | os.PathLike[str]

# ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION, ERROR_DIR_NOT_EMPTY (a file that was removed, and
# is there as long as somebody reads it), ERROR_DELETE_PENDING, ERROR_USER_MAPPED_FILE.
_HELD = frozenset((5, 32, 33, 145, 303, 1224))
# The first of these says nothing of who; the others do.
_SURELY_HELD = _HELD - {5, 145}
_TOO_LONG = frozenset((3, 206, 123))  # ERROR_PATH_NOT_FOUND, ERROR_FILENAME_EXCED_RANGE, ERROR_INVALID_NAME
# As long as Windows takes a path, where it was not told to take longer ones: MAX_PATH without the NUL.
LONGEST_PATH = 259
_PATIENCE_S = 5.0
_FIRST_PAUSE_S, _MOST_PAUSE_S = 0.01, 0.25


def replace(source: Place, target: Place) -> None:
    """Rename a file, over one that may be there. Raises OSError; what is held on Windows, after 5 s."""
    patiently(lambda: os.replace(source, target))  # noqa: PTH105 - paths with invalid UTF-8 stay strings


def move(source: Place, target: Place) -> None:
    """Rename a file or folder to a name that is free. Raises OSError as `replace` does."""
    patiently(lambda: os.rename(source, target))  # noqa: PTH104 - as above


def remove(path: Place, *, missing_ok: bool = False) -> None:
    """Remove a file. Raises OSError as `replace` does."""
    with contextlib.suppress(*((FileNotFoundError,) if missing_ok else ())):
        patiently(lambda: os.unlink(path))  # noqa: PTH108 - as above


def remove_tree(path: Place) -> None:
    """Remove a folder and all in it, what may only be read included. Raises OSError as `replace` does."""
    patiently(lambda: _remove_tree(path))


def patiently(call: Callable[[], T]) -> T:
    """Make a call again for up to 5 s while Windows says that another program is in the way. Raises OSError."""
    begun, pause_s = time.monotonic(), _FIRST_PAUSE_S
    while True:
        try:
            return call()
        except OSError as error:
            if not _may_be_held(error) or time.monotonic() - begun >= _PATIENCE_S:
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _MOST_PAUSE_S)


def reason(error: OSError) -> str:
    """Say why the system refused: in its words, and with what to do where these do not tell."""
    words = error.strerror or str(error)
    if cause := _too_long(error):
        return cause
    if _is_surely_held(error):
        return (
            f"{words.rstrip('.。 ')}: another program has it open, such as an editor, Excel, a player, Explorer, "
            "a search indexer or a virus scanner; close it there"
        )
    return words


def is_writable(folder: Place) -> bool:
    """Say whether files can be made in a folder; Windows' permissions are known to nobody who has not tried."""
    if sys.platform != "win32":
        return os.access(folder, os.W_OK)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _may_be_held(error: OSError) -> bool:
    return getattr(error, "winerror", None) in _HELD


def _is_surely_held(error: OSError) -> bool:
    return getattr(error, "winerror", None) in _SURELY_HELD


def _too_long(error: OSError) -> str | None:
    """Say that a path is too long, where that is why it was refused."""
    paths = [os.fspath(path) for path in (error.filename, error.filename2) if isinstance(path, (str, os.PathLike))]
    longest = max((os.path.abspath(path) for path in paths), key=len, default="")  # noqa: PTH100 - as above
    if getattr(error, "winerror", None) in _TOO_LONG and len(longest) > LONGEST_PATH:
        return (
            f"its path has {len(longest)} characters, and Windows takes {LONGEST_PATH} unless LongPathsEnabled is set "
            "in its registry; set that, choose a place nearer to the drive's root, or shorten names with --max-path"
        )
    if error.errno == errno.ENAMETOOLONG:
        return f"{error.strerror}; choose shorter names, or a place nearer to the root"
    return None


def _remove_tree(path: Place) -> None:
    def again(remove_: Callable[..., Any], name: str, _: Any) -> None:
        """Remove what may only be read: Windows refuses that, where POSIX asks the folder."""
        os.chmod(name, stat.S_IWRITE | stat.S_IREAD)  # noqa: PTH101 - as above
        remove_(name)

    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path, onerror=again if sys.platform == "win32" else None)
