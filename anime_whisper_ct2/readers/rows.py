"""What the rows of every list, table and manifest share: where their audio lies, their ids, and how a bad one fails."""

from __future__ import annotations

import contextlib
import math
import os
import posixpath
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from anime_whisper_ct2.errors import RecordingError
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.readers.remote_errors import redacted
from anime_whisper_ct2.readers.spelling import spelled
from anime_whisper_ct2.records import DEEPEST, LONGEST_S, Audio, Recording, Unreadable
from anime_whisper_ct2.system import paths

BAD_ROW = "ManifestError"
DUPLICATE = "DuplicateId"

# As long as Linux lets a path be.
_MOST_CHARACTERS = 4096
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Rows:
    """The rows of one manifest, turned into recordings with ids that are unique in it.

    `source` is the manifest's path or URL, or what its place is called. Relative paths start from `folder`, the
    manifest's own if none is given; with an empty one, from the current folder.
    """

    def __init__(self, source: str, folder: str | None = None) -> None:
        self._source = shown(source)
        self._name = PurePath(split_url(source)[1]).name
        self._scheme, self._folder = split_url(folder_of(source) if folder is None else folder)
        self._above: str | None = None
        if self._folder and not self._scheme:
            # An absolute path below the manifest gets the id that a relative one would have.
            self._above = paths.beginning_below(os.path.abspath(self._folder))  # noqa: PTH100 - keeps links
        self._ids = IdSet()
        self._files = IdSet() if paths.are_alike_in_any_case() else None

    def locate(self, written: str) -> tuple[str, str]:
        """Give the id and the resolved path of the audio that a row names.

        Raises RecordingError for what can be no path of a file.
        """
        _check(written, "path")
        if is_url(written):
            id_, name = paths.from_root(split_url(redacted(written))[1].lstrip("/")), written
        elif paths.is_absolute(written := self._as_here(written)):
            tidy, name = os.path.normpath(written), written
            if not paths.is_absolute(tidy):
                tidy = written  # elsewhere, a drive's root is a name like any other
            id_ = (None if self._above is None else paths.below(tidy, self._above)) or paths.from_root(tidy)
        elif paths.is_drive_relative(written):
            raise RecordingError(drive_relative(written))
        else:
            tidy = "/".join(part for part in paths.slashed(written).split("/") if part not in ("", "."))
            id_, name = posixpath.normpath(tidy).lstrip("/"), self._join(tidy)
        if id_.rpartition("/")[2] in ("", ".", ".."):
            raise RecordingError(f"the path {short(written)} names no file; mend the row")
        return id_, name

    def leads_somewhere(self, written: str) -> bool:
        """Say whether a path leads to something on this machine's disks; of one from a URL that is not known."""
        if is_url(written) or self._scheme:
            return False
        try:
            return os.path.lexists(spelled(self._join(written)))
        except (ValueError, RecordingError):
            return False

    def accept(
        self, line: int, id_: str, name: str, audio: Audio, meta: Mapping[str, Any], *, given: bool = False
    ) -> Recording:
        """Give the recording of a row, or a failing one where its id came before or can be none.

        `given`: the row says its id itself; others are paths, and compared as the system compares these.
        """
        try:
            _check(id_, "id")
        except RecordingError as error:
            return self.refuse(line, error)
        if not self._ids.add(id_) or not (given or self._files is None or self._files.add(paths.alike(id_))):
            again = f"the id {short(id_)} came in an earlier row; keep one of the two, or give each an id of its own"
            return self.refuse(line, again, DUPLICATE)
        return Recording(id_, shown(name), audio, meta)

    def refuse(self, line: int, reason: str | RecordingError, error: str = BAD_ROW) -> Recording:
        """Give the failing recording that stands for a bad row; its id is the manifest's name and the line."""
        id_ = place = f"{self._name}:{line}"
        count = 1
        while not self._ids.add(id_):
            count += 1
            id_ = f"{place}#{count}"
        return Recording(id_, self.place(line), Unreadable(error, str(reason), place=True))

    def place(self, line: int) -> str:
        """Give the manifest's path and a line's number, as messages name them."""
        return f"{self._source}:{line}"

    def _as_here(self, written: str) -> str:
        """Give a path that Windows has written as this system names it, unless a file of just that name is there."""
        if os.sep == "/" and (not paths.is_of_another_system(written) or self.leads_somewhere(written)):
            return written
        return paths.as_here(written)

    def _join(self, tidy: str) -> str:
        if not self._scheme:
            here = tidy.replace("/", os.sep)
            return os.path.join(self._folder, here) if self._folder != "." else here  # noqa: PTH118 - may be no UTF-8
        # To object stores `..` is a name like any other.
        joined = posixpath.normpath(posixpath.join(self._folder, tidy))
        host = self._folder.partition("/")[0]
        if joined.startswith("../") or (host and joined.partition("/")[0] != host):
            raise RecordingError(f"the path {short(tidy)} leads away from where the manifest lies; mend the row")
        return self._scheme + joined


def drive_relative(path: str) -> str:
    """Say why a path that names a drive and no folder there is refused."""
    return f"the path {short(path)} names a drive and no folder on it; write it from the root, as {path[:2]}\\…"


def folder_of(path: str) -> str:
    """Give the folder that a path or URL lies in; `.` for the current one."""
    scheme, rest = split_url(path)
    return scheme + posixpath.dirname(rest) if scheme else os.path.dirname(rest) or "."  # noqa: PTH120 - may be no UTF-8


def extension(path: str) -> str:
    """Give the extension of a path or URL in lower case, without the dot."""
    return PurePath(split_url(path)[1]).suffix[1:].lower()


def split_url(path: str) -> tuple[str, str]:
    """Split a URL into its scheme with `://` and the rest, the query of a web page apart; a path has no scheme."""
    if not is_url(path):
        return "", path
    scheme, mark, rest = path.partition("://")
    if scheme.lower() in ("http", "https"):
        rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    return scheme + mark, rest


def seconds(value: Any, what: str) -> float:
    """Read seconds from a number or its digits. Raises RecordingError for anything but a finite number from 0 on."""
    number = math.nan
    # Python takes `1_000` for a number, and nobody else does.
    written = isinstance(value, str) and "_" not in value
    if written or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(value)
    if not 0 <= number <= LONGEST_S:
        raise RecordingError(f"{what} is {short(value)}; give seconds as a number, 0 or more")
    return number + 0.0  # -0.0 becomes 0.0


def plain(value: Any, depth: int = 0) -> Any:
    """Give a JSON value that every JSON reader takes: NaN and infinities become null, halves of characters U+FFFD.

    Raises RecordingError where it is nested too deep.
    """
    if depth > DEEPEST:
        raise RecordingError(f"values are nested more than {DEEPEST} deep; flatten the row")
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {valid_text(key): plain(held, depth + 1) for key, held in value.items()}
    if isinstance(value, list):
        return [plain(held, depth + 1) for held in value]
    return value


def path_text(raw: bytes) -> str:
    """Decode a path as the system does, bytes that are no UTF-8 included; on Windows such a path leads nowhere."""
    try:
        return os.fsdecode(raw)
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape")


def valid_text(text: str) -> str:
    """Give a text with U+FFFD in place of halves of characters and of bytes that are no UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def shown(path: str) -> str:
    """Show a path in a message; a URL without what may be secret in it."""
    return redacted(path) if is_url(path) else path


def short(value: object) -> str:
    """Show a value in a message, cut where it is long."""
    if isinstance(value, str):
        return f"{shown(value)!r:.80}"
    return f"{value!r:.80}" if isinstance(value, (int, float)) or value is None else f"a {type(value).__name__}"


def listed(names: Iterable[str]) -> str:
    """Show the names of columns in a message, cut where there are many."""
    shown = [short(name) for name in names]
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")


def _check(text: str, what: str) -> None:
    if found := _CONTROL.search(text):
        raise RecordingError(f"the {what} {short(text)} holds the control character {found[0]!r}; rename it")
    if len(text) > _MOST_CHARACTERS:
        raise RecordingError(f"the {what} {short(text)} is longer than {_MOST_CHARACTERS} characters; shorten it")
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise RecordingError(f"the {what} {short(text)} holds half a character; mend the row") from None
