"""A row's audio as a file: where it is, and how it gets into an export, out of tars too."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import IO

from anime_whisper_ct2.errors import InputError, RecordingError
from anime_whisper_ct2.export.formats import Row
from anime_whisper_ct2.export.formats.plain import shown
from anime_whisper_ct2.extensions import TARS, has_extension
from anime_whisper_ct2.readers.archive import Archive, member_path
from anime_whisper_ct2.readers.spelling import spelled
from anime_whisper_ct2.system.files import link, opened
from anime_whisper_ct2.system.paths import is_absolute

CLIPS = "--clips DIR"
_COPY_BYTES = 1 << 20


def extension(row: Row) -> str:
    """Give the extension of a row's audio file in lower case, without the dot."""
    return PurePath(row.audio).suffix[1:].lower()


def is_inside(row: Row) -> bool:
    """Say whether a row's audio is a clip that lies in the export, so that `audio` is its path there."""
    return is_relative(row) and not row.audio.startswith("../")


def is_relative(row: Row) -> bool:
    """Say whether `audio` is written relative to the export."""
    return row.source not in {"", row.audio} and not is_absolute(row.audio)


def local_path(row: Row, format_: str) -> str:
    """Give the absolute path of the file that holds a row's audio.

    Raises InputError when that is no file here: in a tar or Parquet, behind a URL, or gone.
    """
    path = spelled(row.source or row.audio)
    if not os.path.isfile(path):  # noqa: PTH113 - plain strings keep invalid UTF-8
        raise _absent(row, format_)
    return os.path.abspath(path)  # noqa: PTH100 - see above


def check_whole(row: Row, format_: str) -> None:
    """Raise InputError when a row is a stretch of its file."""
    if not row.whole:
        raise InputError(
            f"{shown(row.audio)}: {shown(row.recording)} is a stretch of it, and {format_} takes whole files; "
            f"cut clips with {CLIPS}"
        )


class AudioFiles:
    """Opens the audio of rows, one after another; of tars it holds one open, with where its members lie.

    A path that leads through a tar (`shards/000.tar/key.ogg`) is a member of that. `format_` is for messages.
    """

    def __init__(self, format_: str) -> None:
        self._format = format_
        self._tar: _Tar | None = None

    def __enter__(self) -> AudioFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open; safe to call twice."""
        if self._tar is not None:
            self._tar.close()
        self._tar = None

    @contextmanager
    def open(self, row: Row) -> Iterator[tuple[IO[bytes], int]]:
        """Open a row's audio file for reading; gives it and the bytes that are the audio's from where it stands.

        Raises InputError when there is no such file.
        """
        path = spelled(row.source or row.audio)
        tar, member = split_tar(path)
        if os.path.isfile(path):  # noqa: PTH113 - plain strings keep invalid UTF-8
            # It may be a clip that was just cut.
            with opened(path) as file:
                yield file, os.fstat(file.fileno()).st_size
        elif os.path.isfile(tar):  # noqa: PTH113 - see above
            yield self._member(row, tar, member)
        else:
            raise _absent(row, self._format)

    def place(self, row: Row, target: Path) -> None:
        """Put a row's audio file at `target`: as a hard link where the file system lets it, else as a copy.

        Raises InputError when there is no such file, or when another row's is at `target` already.
        """
        if os.path.lexists(target):
            raise InputError(
                f"{shown(row.audio)}: another file has the name {target.name} in the export already; rename one"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        path = spelled(row.source or row.audio)
        if os.path.isfile(path) and _link(path, target):  # noqa: PTH113 - plain strings keep invalid UTF-8
            return
        with self.open(row) as (source, size), target.open("wb") as copy:
            left = size
            while piece := source.read(min(left, _COPY_BYTES)):
                copy.write(piece)
                left -= len(piece)

    def _member(self, row: Row, path: str, member: str) -> tuple[IO[bytes], int]:
        if self._tar is None or self._tar.path != path:
            self.close()
            self._tar = _Tar(path)
        file, place = self._tar.file, self._tar.members.get(member_path(member))
        if file is None or place is None:
            raise _absent(row, self._format)
        file.seek(place[0])
        return file, place[1]


def split_tar(path: str) -> tuple[str, str]:
    """Split a path that leads through a tar into the tar and the member's name; both are empty when none does."""
    parts = path.replace(os.sep, "/").split("/")
    for count, part in enumerate(parts[:-1], 1):
        if has_extension(part, TARS):
            return "/".join(parts[:count]), "/".join(parts[count:])
    return "", ""


class _Tar:
    """A tar, open, and where its members lie: (offset, bytes) by name. What is compressed is unpacked into a file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.members: dict[str, tuple[int, int]] = {}
        self.file: IO[bytes] | None = None
        try:
            # An archive that breaks off holds what is before that.
            with suppress(RecordingError), Archive(path) as archive:
                self._index(archive)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; what was unpacked into it goes."""
        if self.file is not None:
            self.file.close()

    def _index(self, archive: Archive) -> None:
        in_place = archive.in_place
        self.file = open(self.path, "rb") if in_place else tempfile.TemporaryFile()  # noqa: PTH123, SIM115 - see close
        for member in archive:
            if not member.isreg() or member.issparse() or not archive.whole(member):
                continue
            offset = member.offset_data
            if not in_place:
                data = archive.read(member)
                if data is None:
                    continue
                offset = self.file.tell()
                self.file.write(data)
            self.members.setdefault(member_path(member.name), (offset, member.size))


def _link(path: str, target: Path) -> bool:
    """Hard-link a file; says whether the file system let it. A link to a file is followed."""
    try:
        link(os.path.realpath(path), target)
    except OSError:
        return False
    return True


def _absent(row: Row, format_: str) -> InputError:
    return InputError(
        f"{shown(row.audio)}: no such file here, and {format_} needs it; export where it is, or cut clips with {CLIPS}"
    )
