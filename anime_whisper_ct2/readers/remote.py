"""Files and folders behind URLs, through fsspec: what passes is tried again, what does not is one clear line."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.remote_errors import RemoteError, attempt, protocol, redacted, remote_error
from anime_whisper_ct2.system.files import opened
from anime_whisper_ct2.system.refusals import reason

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 1 << 16
_COPY_BYTES = 1 << 20
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# All that RFC 3986 lets into a URL: such a one is sent as it is, any other is quoted first.
_QUOTED = re.compile(r"(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=])*")
_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "http": "aiohttp",
    "https": "aiohttp",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
}


def is_url(path: str) -> bool:
    """Say whether a path is a URL; a Windows drive is none."""
    return _URL.match(path) is not None


def is_web(url: str) -> bool:
    """Say whether a URL is one of the web's, where a server may give neither sizes nor parts of files."""
    return url.lower().startswith(("http://", "https://"))


def open_stream(path: str) -> BinaryIO:
    """Open a local file or a URL for reading; the caller closes it.

    A URL's reads are tried again; those that fail for good raise RemoteError, which is an OSError. Raises InputError
    when it cannot be opened.
    """
    if is_url(path):
        with _as_input_error():
            return cast(BinaryIO, io.BufferedReader(RemoteFile(path), _BUFFER_BYTES))
    try:
        return cast(BinaryIO, opened(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be opened: {reason(error, path)}") from error


def exists(url: str) -> bool:
    """Say whether something is behind a URL. Raises InputError when that cannot be told."""
    return _details(url) is not None


def is_remote_folder(url: str) -> bool:
    """Say whether a URL leads to a folder; on the web that takes a slash at its end.

    Raises InputError when that cannot be told.
    """
    if is_web(url):
        return url.partition("?")[0].endswith("/")
    details = _details(url)
    return details is not None and details["type"] == "directory"


def list_entries(url: str) -> Iterator[tuple[str, RemoteError | None]]:
    """List the files below a folder as URLs, each with None; folders that are refused come with why.

    Such a refusal is the other side's last word, and what is listed goes on behind it; its URL ends in a slash, and
    that of the folder itself is empty. Each folder's entries are sorted by name, and one folder is held at a time.

    Raises InputError where the way there is broken.
    """
    with _as_input_error():
        system, path = filesystem(url)
        yield from _entries(system, path, _naming(url, system, path), root=True)


def glob_urls(url: str) -> list[str]:
    """Give the URLs that a URL names: itself when it has no wildcard, or exists; else what it matches, sorted.

    Raises InputError when the folders cannot be listed.
    """
    # On the web, a question mark begins the query.
    if not re.search(r"[*\[]" if is_web(url) else r"[*?\[]", url) or exists(url):
        return [url]
    with _as_input_error():
        system, path = filesystem(url)
        naming = _naming(url, system, path)
        return sorted(naming(name) for name in attempt(url, lambda: system.glob(path)))


def size_of(url: str) -> int | None:
    """Give the size in bytes of what is behind a URL, None when the other side does not say. Raises RemoteError."""
    system, path = filesystem(url)
    size = attempt(url, lambda: system.info(path)).get("size")
    return int(size) if size is not None else None


def read_bytes(url: str, start: int | None = None, end: int | None = None) -> bytes:
    """Read what is behind a URL whole, or its bytes from `start` up to `end`. Raises RemoteError."""
    system, path = filesystem(url)
    return cast(bytes, attempt(url, lambda: system.cat_file(path, start=start, end=end)))


def download(url: str, file: BinaryIO, most_bytes: int) -> None:
    """Write what is behind a URL into an empty local file, from its beginning on.

    Raises RemoteError, also when it is more than `most_bytes`.
    """
    system, path = filesystem(url)

    def copy() -> None:
        """Copy from the beginning, over what a try before has left."""
        file.seek(0)
        file.truncate()
        # Without blocks, fsspec's web files stream, which needs neither a size nor a server that gives parts.
        with system.open(path, "rb", **({"block_size": 0} if is_web(url) else {})) as stream:
            while block := stream.read(_COPY_BYTES):
                file.write(block)
                if file.tell() > most_bytes:
                    raise ValueError(f"more than {most_bytes >> 30} GiB, and the other side tells no size")

    attempt(url, copy)


class RemoteFile(io.RawIOBase):
    """A file behind a URL, opened for reading; reads that break off are tried again where they stopped.

    `size` is in bytes, None when the other side does not say; such a file cannot be seeked. `options` are those of
    fsspec's `open`. Everything raises RemoteError.
    """

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__()
        system, path = filesystem(url)
        self._url = url
        self._at = 0
        self._system = system  # an archive's closes it when nobody holds it any more
        self._file = attempt(url, lambda: system.open(path, "rb", **options))
        self.size: int | None = getattr(self._file, "size", None)
        # Without a size, fsspec's web files stream, and yet call themselves seekable.
        self._seekable = self.size is not None or (not hasattr(self._file, "size") and self._file.seekable())

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say whether it can be seeked."""
        return self._seekable

    def tell(self) -> int:
        """Give the position in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position; nothing is fetched before the next read."""
        if not self._seekable:
            raise io.UnsupportedOperation("the other side tells no size, so this can only be read from the beginning")
        if whence == io.SEEK_END and self.size is None:
            self.size = attempt(self._url, lambda: self._file.seek(0, io.SEEK_END))
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size or 0}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read up to the buffer's length into it."""
        view = memoryview(buffer).cast("B")
        data = attempt(self._url, lambda: self._read(len(view)), again=self._seekable)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Close it; safe to call twice."""
        if not self.closed:
            with contextlib.suppress(Exception):
                self._file.close()
        super().close()

    def _read(self, size: int) -> bytes:
        if self._seekable and self._file.tell() != self._at:
            self._file.seek(self._at)
        data: bytes = self._file.read(size)
        if not data and size and self.size is not None and self._at < self.size:
            raise OSError(f"breaks off at byte {self._at} of {self.size}")
        return data


@contextlib.contextmanager
def _as_input_error() -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        raise InputError(str(error)) from error


def _details(url: str) -> dict[str, Any] | None:
    with _as_input_error():
        system, path = filesystem(url)
        try:
            return cast(dict[str, Any], attempt(url, lambda: system.info(path)))
        except RemoteError as error:
            if error.absent:
                return None
            raise


def filesystem(url: str) -> tuple[Any, str]:
    """Give the filesystem behind a URL, which fsspec keeps open, and the path in it.

    Raises RemoteError; its cause is a ValueError or ImportError where the URL itself is at fault, or the installation.
    """
    # Imported here: a worker that meets no URL starts without it.
    import fsspec.core  # noqa: PLC0415 - see above

    try:
        options = _web_options(url) if is_web(url) and "::" not in url else {}
        system, path = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        package = _PACKAGES.get(protocol(url))
        advice = f"pip install {package}" if package else str(error)
        raise RemoteError(f"{redacted(url)}: {protocol(url)}:// needs a package that is absent; {advice}") from error
    except ValueError as error:
        raise RemoteError(f"{redacted(url)}: cannot be opened: {redacted(str(error))}") from error
    except Exception as error:  # some connect when they are made
        raise remote_error(url, error) from error
    return system, path


def _web_options(url: str) -> dict[str, Any]:
    """Set up aiohttp, which else ends every transfer after five minutes and takes no proxy from the environment."""
    from aiohttp import ClientTimeout  # noqa: PLC0415 - as in filesystem
    from fsspec.config import conf  # noqa: PLC0415 - as in filesystem

    timeout = ClientTimeout(total=None, sock_connect=30, sock_read=60)
    own = conf.get(protocol(url), {}).get("client_kwargs", {})
    client = {"timeout": timeout, "trust_env": True, **own}
    return {"client_kwargs": client, "encoded": _QUOTED.fullmatch(url) is not None}


def _naming(url: str, system: Any, path: str) -> Callable[[str], str]:
    """Give what turns a filesystem's names into URLs like the given one: same host, same chain."""
    first, link, rest = url.partition("::")
    first, path = first.rstrip("/"), path.rstrip("/")
    if not first.endswith(path):
        return lambda name: cast(str, system.unstrip_protocol(name)) + link + rest
    before = first[: len(first) - len(path)]
    return lambda name: before + name + link + rest


def walk(system: Any, path: str, naming: Callable[[str], str]) -> Iterator[str]:
    """List the files below a folder of a filesystem as `naming` calls them; one folder is held at a time.

    Each folder's entries are sorted by name. Raises RemoteError.
    """
    for url, error in _entries(system, path, naming, root=True):
        if error is not None:
            raise error
        yield url


def _entries(
    system: Any, path: str, naming: Callable[[str], str], *, root: bool = False
) -> Iterator[tuple[str, RemoteError | None]]:
    try:
        entries = attempt(naming(path), lambda: system.ls(path, detail=True))
    except RemoteError as error:
        # To go on would be to take a way that is broken for a folder that is closed.
        if not error.lasting:
            raise
        yield "" if root else naming(path.rstrip("/") + "/"), error
        return
    # What fsspec remembers of each folder would grow with the corpus.
    with contextlib.suppress(AttributeError, KeyError):
        system.dircache.pop(path.rstrip("/"), None)
    above = path.rstrip("/") + "/"
    for name, type_ in sorted((entry["name"].rstrip("/"), entry["type"]) for entry in entries):
        # Some list the folder itself among its entries, or a web page's links to what lies above.
        below = name.removeprefix(above) if path else name
        if (path and not name.startswith(above)) or below in {"", ".", ".."}:
            continue
        if type_ == "directory":
            yield from _entries(system, name + "/" if is_web(name) else name, naming)
        elif type_ != "other":
            yield naming(name), None
