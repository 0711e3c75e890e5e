"""What is absolute, what can be no name, which names are one, and which encodings lists of them are in."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path, PurePath, PureWindowsPath

# Where a path of Windows begins that names its drive; on other systems it leads nowhere.
DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_DRIVE_ALONE = re.compile(r"[A-Za-z]:(?![/\\])")
# ERROR_INVALID_NAME, ERROR_BAD_PATHNAME: a name that Windows lets nothing have, as `voice_*.ogg`.
_NO_NAMES = frozenset((123, 161))
# Names that Windows keeps for devices, with any extension.
DEVICES = frozenset(("con", "prn", "aux", "nul", "conin$", "conout$")) | {
    f"{device}{number}" for device in ("com", "lpt") for number in "0123456789¹²³"
}
# What Finder and Explorer put into any folder that is looked at.
LITTER = frozenset((".DS_Store", "Thumbs.db", "desktop.ini"))
_NOT_IN_NAMES = re.compile(r'[:*?"<>|]')
# Tells Windows to take a path to the letter: `\\?\C:\a` is `C:\a`, and `\\?\UNC\server\share` is `\\server\share`.
_TO_THE_LETTER = re.compile(r"\\\\\?\\(UNC\\)?", re.IGNORECASE)


def is_absolute(path: str) -> bool:
    r"""Say whether a path says for itself where it leads: `/a`, `C:\a`, `\\server\share`.

    Since Python 3.13 `os.path.isabs` is False for `/a` on Windows, where it leads to the current drive's root.
    """
    return path.startswith(("/", os.sep)) or DRIVE.match(path) is not None


def is_drive_relative(path: str) -> bool:
    r"""Say whether a path of Windows starts from a drive's own working folder, which nobody knows: `C:a`, `C:`."""
    return os.sep == "\\" and _DRIVE_ALONE.match(path) is not None


def is_of_another_system(path: str) -> bool:
    r"""Say whether a path that leads nowhere is one of another system: `C:\a` elsewhere, `/home/a` on Windows."""
    if os.sep == "/":
        return "\\" in path or DRIVE.match(path) is not None
    return path.startswith("/") and not path.startswith("//")


def can_be_no_name(error: BaseException) -> bool:
    """Say whether the system refused a name that nothing can have, so that nothing of that name is there."""
    number = getattr(error, "winerror", None)
    if number is None and os.sep != "/" and isinstance(error, OSError) and error.errno == errno.EINVAL:
        # What opens files has C's number for it alone.
        return isinstance(error.filename, str) and _NOT_IN_NAMES.search(from_root(error.filename)) is not None
    return number in _NO_NAMES


def alike(path: str) -> str:
    """Give a path as the system compares it: on Windows in lower case, with `\\` for `/`."""
    return os.path.normcase(path)


def are_alike_in_any_case() -> bool:
    """Say whether the system takes names that differ in case for one, as Windows does."""
    return alike("A") == alike("a")


def slashed(path: str) -> str:
    r"""Give a path with `/` between its parts, as ids have it; Windows parts them by `\`, too."""
    return path if os.sep == "/" else path.replace(os.sep, "/")


def portable(path: str) -> str:
    r"""Give a path as other systems take it too: a relative one with slashes. An absolute one and a URL stay."""
    return path if is_absolute(path) or "://" in path else slashed(path)


def as_named(path: str) -> str:
    """Give a path without the spaces and dots at its end, which Windows leaves out of names."""
    kept = path if os.sep == "/" or _TO_THE_LETTER.match(path) else path.rstrip(" .")
    return kept if slashed(kept)[-1:] not in ("", "/") else path


def as_on_disk(path: str) -> str:
    """Give the path of what is there as the disk calls it, where the system takes names in any case for one."""
    if not are_alike_in_any_case() or not os.path.lexists(path):
        return path
    parts = re.split(f"([/{re.escape(os.sep)}]+)", as_named(path))
    real = _whole(os.path.realpath(path)).split("/")
    # From the end on, as far as no link leads elsewhere.
    for at in range(len(parts) - 1, -1, -2):
        if parts[at] and not (real and alike(real[-1]) == alike(parts[at])):
            break
        parts[at] = real.pop() if parts[at] else ""
    return "".join(parts)


def as_here(path: str) -> str:
    r"""Give a path as this system names it: elsewhere, Windows' `a\b` is `a/b`.

    Windows' own Linux has its drives below `/mnt`; where one is not there, it stays what it was.
    """
    if os.sep == "\\":
        return as_named(path)
    if not is_of_another_system(path):
        return path
    here = bare(path).replace("\\", "/")
    mounted = f"/mnt/{here[0].lower()}{here[2:]}" if DRIVE.match(here) else here
    return mounted if os.path.lexists(mounted) else here


def why_no_place(path: str) -> str:
    """Say why nothing can be written at a path on Windows, whatever is there; "" where it can, and elsewhere."""
    if os.sep == "/":
        return ""
    drive, rest = os.path.splitdrive(bare(path))
    if DRIVE.match(drive + os.sep) and not os.path.exists(drive + os.sep):  # noqa: PTH110 - may be no UTF-8
        return f"there is no drive {drive}"
    if found := _NOT_IN_NAMES.search(rest):
        return f"Windows lets no name hold {found[0]}"
    device = next((part for part in slashed(rest).split("/") if part.split(".")[0].rstrip(" ").lower() in DEVICES), "")
    return f"{device} is a device to Windows" if device else ""


def bare(path: str) -> str:
    r"""Give a path of Windows without the `\\?\` that has it taken to the letter, and however long it is."""
    found = _TO_THE_LETTER.match(path)
    return ("\\\\" if found[1] else "") + path[found.end() :] if found else path


def beginning_below(folder: str) -> str:
    """Give what `below` compares an absolute folder by, which a list of a million paths makes once."""
    whole = _compared(_whole(folder)).rstrip("/")
    return whole + "/" if whole else ""


def below(path: str, beginning: str) -> str | None:
    """Give the way down from a folder to an absolute path, with slashes; None where it does not lie below."""
    whole = _whole(path)
    if not _compared(whole).startswith(beginning):
        return None
    # By its parts: in lower case, a text may be longer.
    return whole.split("/", beginning.count("/"))[-1] or None


def lies_in(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> bool:
    """Say whether a path is a folder or lies below it, wherever links lead."""
    inner, outer = os.path.realpath(path), os.path.realpath(folder)
    return alike(inner) == alike(outer) or below(inner, beginning_below(outer)) is not None


def from_root(path: str) -> str:
    r"""Give an absolute path as a relative one with slashes: of `/a/b` it is `a/b`, of `c:\a` `C/a`, of `\\a\b` `a/b`.

    Windows' paths are read on every system.
    """
    if path[:1] == os.sep == "/":
        return path.lstrip("/")
    path = bare(path)
    if DRIVE.match(path):
        path = path[0].upper() + path[2:].replace("\\", "/")
    return (path.replace("\\", "/") if path.startswith("\\\\") else slashed(path)).lstrip("/")


def at_home(path: str) -> str:
    r"""Give a path that begins with `~/` as one below the user's home folder.

    cmd.exe, PowerShell and quotes leave it as it is. Where something here is called `~`, that is meant.
    """
    if path[:1] != "~" or path[1:2] not in ("", "/", os.sep) or os.path.lexists("~"):
        return path
    return os.path.expanduser(path)  # noqa: PTH111 - may be no UTF-8


def path_of(given: str | os.PathLike[str]) -> Path:
    """Give a path as its user means it, who may write `~/` for the home folder."""
    return Path(at_home(os.fspath(given)))


def code_pages() -> tuple[str, ...]:
    """Give the encodings that Windows and its programs write in: the editors', then the console's (`dir > list.txt`).

    Other systems have none.
    """
    return ("mbcs", "oem") if sys.platform == "win32" else ()


def as_written(path: str) -> PurePath:
    """Give a path in the flavour that it is written in: a drive's is one of Windows, whichever system reads it."""
    return PureWindowsPath(path) if DRIVE.match(path) or path.startswith("\\\\") else PurePath(path)


def _whole(path: str) -> str:
    """Give an absolute path from its root or drive on, with slashes; on Windows, `/a` lies on the current drive."""
    whole = path if os.sep == "/" else bare(os.path.join(os.getcwd(), path))  # noqa: PTH109, PTH118 - may be no UTF-8
    return slashed(os.path.normpath(whole)).lstrip("/")


def _compared(path: str) -> str:
    return slashed(alike(path))
