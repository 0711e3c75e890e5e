"""What an INPUT with wildcards or braces matches, and what of each path belongs into its ids.

A pattern is the path that it says where such a file or folder is there. On Windows it may be written with `/` and with
that system's own separator.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.files import is_folder
from anime_whisper_ct2.readers.remote import exists, glob_urls, is_remote_folder, is_url
from anime_whisper_ct2.readers.remote_errors import redacted
from anime_whisper_ct2.readers.tar import shards
from anime_whisper_ct2.system.paths import are_alike_in_any_case, as_on_disk, at_home, can_be_no_name, slashed
from anime_whisper_ct2.system.refusals import is_too_long, reason

_WILDCARD = re.compile(r"[*?\[\]]")
# What no name on Windows has in it; others that it refuses are too long.
_NO_LETTER = re.compile(r'[*?<>|"]')
_FILE_URL = ("file://", "local://")


@dataclass(frozen=True, slots=True)
class Match:
    """A path or URL that an INPUT names, and the `way` to it: what belongs before its name in ids."""

    path: str
    way: str | None


def as_meant(given: str) -> str:
    r"""Give an INPUT as its user means it, in the one way that this system and ids have it.

    `~/` is the home folder, `\` in a URL of Windows' files a slash, and what Windows finds in any case is called as on
    the disk.
    """
    if is_url(given):
        return slashed(given) if given.lower().startswith(_FILE_URL) else given
    return as_on_disk(at_home(given))


def matches(given: str) -> Sequence[Match]:
    """Give what an INPUT names, in the same order on every system: itself alone where it is there.

    Raises InputError where that cannot be told, and for a name in braces that is not there.
    """
    found = _urls(given) if is_url(given) else _paths(given)
    # Braces may name one file twice.
    return list({match.path: match for match in found}.values())


def way(given: str, path: str, literal: int = 0) -> str | None:
    """Give what lies between the part of a pattern that has no wildcard and what it matches: `x/`, or nothing.

    None where the path was given as it is. `literal`: how many characters of the pattern stand for themselves, whatever
    they are. Ids are paths below the INPUT, so that files of one name differ.
    """
    if path == given:
        return None
    if is_url(given):
        between = path[_fixed(given).rfind("/") + 1 :].rpartition("/")[0]
    else:
        # Counted: of what lies before the wildcards a glob may write less, and on Windows it has its own separators.
        below = _below_drive(given)
        above = len(_parts(_fixed(below, literal - (len(given) - len(below))).rpartition("/")[0]))
        between = "/".join(_parts(_below_drive(path))[above:-1])
    return between + "/" if between else ""


def names(given: str) -> bool:
    """Say whether a pattern names what it matches, or the extension: `*.take` does, and `*` does not."""
    if not _WILDCARD.search(given):
        return True
    return "." in slashed(_WILDCARD.split(given)[-1]).rpartition("/")[2] or given.endswith("}")


def _paths(given: str) -> Iterator[Match]:
    try:
        os.stat(given)  # noqa: PTH116 - unlike Path.exists, it says why it cannot tell
    except (FileNotFoundError, NotADirectoryError) as error:
        # Windows may say of a path that is too long that there is no such thing.
        if is_too_long(error, given):
            raise InputError(f"{given}: cannot be opened: {reason(error, given)}") from error
    except (OSError, ValueError) as error:
        if not (can_be_no_name(error) and _NO_LETTER.search(given)):
            raise InputError(f"{given}: cannot be opened: {reason(error, given)}") from error
    else:
        yield Match(given, None)
        return
    for pattern in _braces(given):
        folder = ""
        here = _glob(pattern)
        if not here and _WILDCARD.search(_folder_there(pattern)):
            folder = _folder_there(pattern)
            here = _glob(pattern, folder)
        if not here and pattern != given:
            raise InputError(f"{pattern}: no such file, and {given} names it")
        for path in here:
            yield Match(path, way(given, path, len(folder)))


def _glob(pattern: str, folder: str = "") -> Sequence[str]:
    """Give what a pattern matches, with the folder that it begins with taken to the letter: `[1999] a/*.ogg`."""
    rest = pattern[len(folder) :]
    found = glob.glob(glob.escape(folder) + rest, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    # A name that the pattern itself says comes as it says it; others, which may be very many, come from the disk.
    if are_alike_in_any_case() and _says_a_name(rest):
        found = list(map(as_on_disk, found))
    return sorted(found, key=slashed)


def _says_a_name(pattern: str) -> bool:
    """Say whether a part of a pattern that belongs into ids has no wildcard."""
    parts = _parts(_below_drive(pattern))
    first = next((at for at, part in enumerate(parts) if _WILDCARD.search(part)), -1)
    return not all(map(_WILDCARD.search, parts[first:]))


def _folder_there(pattern: str) -> str:
    """Give the folder that a pattern begins with, as far as it is there to the letter."""
    folder = os.path.dirname(pattern)  # noqa: PTH120 - may be no UTF-8
    while folder and not is_folder(folder):
        above = os.path.dirname(folder)  # noqa: PTH120 - as above
        folder = above if above != folder else ""
    return folder


def _urls(given: str) -> Iterator[Match]:
    for pattern in _braces(given):
        there = glob_urls(pattern)
        # What a glob lists is there; what stands for itself may not be.
        if there == [pattern] and not (is_remote_folder(pattern) or exists(pattern)):
            there = []
        if not there and pattern != given:
            raise InputError(f"{redacted(pattern)}: no such file, and {redacted(given)} names it")
        yield from (Match(url, way(given, url)) for url in there)


def _braces(given: str) -> Sequence[str]:
    return shards(given) if "{" in given else [given]


def _fixed(pattern: str, literal: int = 0) -> str:
    """Give what comes before the first wildcard of a pattern behind its literal beginning, or before its braces."""
    starts = {"{": 0, **dict.fromkeys("*?[", max(0, literal))}
    return pattern[: min(at for mark, start in starts.items() if (at := pattern.find(mark, start)) >= 0)]


def _below_drive(path: str) -> str:
    # In a drive, `?` is no wildcard: paths that Windows takes to the letter begin with one.
    return slashed(os.path.splitdrive(path)[1])


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]
