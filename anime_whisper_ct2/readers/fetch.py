"""From a reference to what a decoder can open: a path, bytes, samples, or a file object that can be seeked."""

from __future__ import annotations

import io
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, TypeAlias, cast

from anime_whisper_ct2.audio.section import SectionFile, buffered
from anime_whisper_ct2.errors import RecordingError
from anime_whisper_ct2.readers.remote import RemoteFile, download, is_url, is_web, read_bytes, size_of
from anime_whisper_ct2.readers.remote_errors import RemoteError, redacted
from anime_whisper_ct2.readers.spelling import spelled, spellings
from anime_whisper_ct2.records import ArrayAudio, Audio, Container, Excerpt, Section, Unreadable
from anime_whisper_ct2.system.files import opened as opened_patiently
from anime_whisper_ct2.system.paths import can_be_no_name
from anime_whisper_ct2.system.refusals import reason

Source: TypeAlias = str | bytes | ArrayAudio | BinaryIO

# Up to so much is read in one go, being far quicker than in pieces; a worker holds one recording at a time.
WHOLE_BYTES = 64 << 20

# For what is larger: decoders go back and forth between a file's ends, so 32 MiB of it are kept in blocks.
_CACHE: dict[str, Any] = {"block_size": 4 << 20, "cache_type": "blockcache", "cache_options": {"maxblocks": 8}}
# Of what tells no size, such as a radio station: ten hours of it in CD quality.
_MOST_BYTES = 8 << 30


@dataclass(frozen=True, slots=True)
class Opened:
    """What a decoder is to open, and which stretch of it; `duration_s` None: to its end."""

    source: Source
    start_s: float = 0.0
    duration_s: float | None = None


@contextmanager
def opened(audio: Audio) -> Iterator[Opened]:
    """Open a reference, as long as the context lasts; at most `WHOLE_BYTES` of it are held in memory.

    A path or URL under which nothing lies is tried in Unicode's other forms: lists are often written on one system, and
    files named on another.

    Raises RecordingError (stage `read`) for what cannot be had: on entering, or on leaving for reads that failed in
    between, since decoders take a failed read for the end of the file.
    """
    if isinstance(audio, Unreadable):
        raise RecordingError(audio.message, stage="read", kind=audio.error)
    if isinstance(audio, Container):
        raise RecordingError(f"{audio.path} holds many recordings and is none", stage="read")
    if isinstance(audio, Excerpt):
        with opened(audio.audio) as whole:
            yield replace(whole, start_s=audio.offset_s, duration_s=audio.duration_s)
        return
    with ExitStack() as files:
        try:
            source = _source(audio, files)
        except RemoteError as error:
            raise RecordingError(str(error), stage="read", kind="RemoteError") from error
        try:
            yield Opened(source if not isinstance(source, SectionFile) else buffered(source))
        except Exception:
            _check(source)
            raise
        _check(source)


def seekable(url: str, files: ExitStack, **options: Any) -> RemoteFile | BinaryIO:
    """Open a URL so that it can be seeked; what the web gives only as a whole becomes a temporary file.

    `files` closes it; `options` are those of fsspec's `open`. Raises RemoteError.
    """
    file = RemoteFile(url, **options)
    if not is_web(url) or _gives_parts(file):
        return files.enter_context(file)
    file.close()
    local = cast(BinaryIO, files.enter_context(tempfile.TemporaryFile()))  # noqa: SIM115 - `files` closes it
    download(url, local, _MOST_BYTES)
    local.seek(0)
    return local


def _check(source: Source | SectionFile) -> None:
    if isinstance(source, SectionFile) and source.failure is not None:
        kind = "RemoteError" if isinstance(source.failure, RemoteError) else None
        raise RecordingError(f"cannot be read: {source.failure}", stage="read", kind=kind) from source.failure


def _source(audio: str | bytes | ArrayAudio | Section, files: ExitStack) -> Source | SectionFile:
    if isinstance(audio, Section):
        return _section(audio, files)
    if not isinstance(audio, str):
        return audio
    if is_url(audio):
        return _spelled_remote(audio, files)
    path = spelled(audio)
    _check_regular(path)
    return path


def _spelled_remote(url: str, files: ExitStack) -> bytes | BinaryIO | SectionFile:
    written, *others = spellings(url)
    try:
        return _remote(written, files)
    except RemoteError as error:
        for other in others if error.absent else ():
            with suppress(RemoteError):
                return _remote(other, files)
        raise


def _remote(url: str, files: ExitStack) -> bytes | BinaryIO | SectionFile:
    if is_web(url):
        size = size_of(url)
        if size is not None and size <= WHOLE_BYTES:
            return read_bytes(url)
    else:
        # Asking for the size first would double the requests that a clip costs.
        data = _first_bytes(url)
        if len(data) <= WHOLE_BYTES:
            return data
    file = seekable(url, files, **_CACHE)
    return SectionFile(file, 0, file.seek(0, io.SEEK_END)) if isinstance(file, RemoteFile) else file


def _first_bytes(url: str) -> bytes:
    try:
        return read_bytes(url, 0, WHOLE_BYTES + 1)
    except RemoteError as error:
        if error.status == 416:  # there is no first byte
            return b""
        raise


def _gives_parts(file: RemoteFile) -> bool:
    """Say whether a file's end can be read without what comes before; not every web server can."""
    if not file.seekable():
        return False
    try:
        end = file.seek(0, io.SEEK_END)
        file.seek(end - 1)
        given = len(file.read(1)) == 1
        file.seek(0)
    except RemoteError:
        return False
    return given


def _section(section: Section, files: ExitStack) -> bytes | SectionFile:
    path, offset, size = section.path, section.offset, section.size
    if is_url(path) and size <= WHOLE_BYTES:
        data = read_bytes(path, offset, offset + size)
        # A web server may give the whole file when it is asked for a part.
        data = data[offset : offset + size] if len(data) > size else data
        if len(data) < size:
            raise _too_short(section, offset + len(data))
        return data
    if is_url(path):
        remote = RemoteFile(path, **_CACHE)
        files.enter_context(remote)
        file: io.RawIOBase = remote
        length = remote.seek(0, io.SEEK_END)
    else:
        _check_regular(path)
        try:
            # Plain strings keep invalid UTF-8; `files` closes it.
            file = cast(io.RawIOBase, files.enter_context(opened_patiently(path, buffering=0)))
            length = os.fstat(file.fileno()).st_size
        except (OSError, ValueError) as error:
            raise RecordingError(f"{path}: cannot be opened: {reason(error, path)}", stage="read") from error
    if length < offset + size:
        raise _too_short(section, length)
    whole = SectionFile(file, offset, size)
    if size > WHOLE_BYTES:
        return whole
    data = buffered(whole).read()
    _check(whole)
    return data


def _too_short(section: Section, length: int) -> RecordingError:
    end = section.offset + section.size
    return RecordingError(
        f"{redacted(section.path)}: ends at byte {length}, and this recording reaches to byte {end}; "
        "the file was cut off, or changed since it was listed",
        stage="read",
    )


def _check_regular(path: str) -> None:
    """Refuse what is no file before it is opened: a pipe would be waited for, a device never ends.

    What is absent or forbidden is left to whoever opens it.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - plain strings keep invalid UTF-8
    except (OSError, ValueError) as error:
        if can_be_no_name(error) and "?" in path:
            raise RecordingError(
                f"{path}: no file can have this name here; a list that has ? for letters was written in an encoding "
                "that lacks them: write it as UTF-8 or UTF-16",
                stage="read",
            ) from error
        return
    if not stat.S_ISREG(mode):
        kinds = ((stat.S_ISDIR, "folder"), (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"))
        what = next((name for test, name in kinds if test(mode)), "device")
        raise RecordingError(f"{path}: is a {what}, not a file", stage="read")
