"""What the system refused: whether another program may be in the way, and the words that tell a user what to do."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import PurePath

from anime_whisper_ct2.system.paths import bare, can_be_no_name

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
# As long as Windows takes the path of a file, where it was not told to take longer ones: MAX_PATH without the NUL. In a
# folder there has to be room for a name of 12 characters.
LONGEST_PATH = 259
ROOM_IN_FOLDER = 12


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
        and bare(longest) == longest
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
