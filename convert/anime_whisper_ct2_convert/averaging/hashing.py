"""SHA-256 of whole files, as the hub shows it, by a thread beside the work."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2.system import files, waiting
from anime_whisper_ct2.system.refusals import reason

_CHUNK_BYTES = 1 << 20


class _LeftError(Exception):
    """Nobody waits for this digest any more."""


class Hashes:
    """Digests of files that one thread reads in turn. `n_bytes`: how much it has read so far."""

    def __init__(self, paths: Sequence[Path], submit: Callable[[Callable[[], str]], Future[str]]) -> None:
        self.n_bytes = 0
        self._stopped = threading.Event()
        # A word for each piece that was read, and for each file that is done.
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._futures = [submit(self._call(path)) for path in paths]
        for future in self._futures:
            future.add_done_callback(lambda _: self._news.put(None))

    def stop(self) -> None:
        """Have the thread leave what it is at."""
        self._stopped.set()

    def each(self, tell: Callable[[], object] = lambda: None) -> Iterator[str]:
        """Give the digest of each file when it is there, 64 hexadecimal digits.

        `tell` is called while one is waited for. Raises CheckpointError.
        """
        for future in self._futures:
            while not future.done():
                waiting.take(self._news)
                tell()
            yield waiting.result_of(future)

    def _call(self, path: Path) -> Callable[[], str]:
        def count(chunk: bytes) -> None:
            """Go on, unless nobody waits any more."""
            if self._stopped.is_set():
                raise _LeftError
            self.n_bytes += len(chunk)
            self._news.put(None)

        return lambda: digest_of(path, count)


@contextmanager
def hashing(paths: Sequence[Path]) -> Iterator[Hashes]:
    """Begin with the digests of files; what is not read when the context ends, or raises, is left."""
    with waiting.threads(1, "hashing") as pool:
        hashes = Hashes(paths, pool.submit)
        try:
            yield hashes
        finally:
            hashes.stop()


def digest_of(path: Path, on_chunk: Callable[[bytes], object]) -> str:
    """Read a file through, and give its SHA-256; `on_chunk` gets each piece, and may raise.

    Raises CheckpointError where it cannot be read.
    """
    digest = hashlib.sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
        on_chunk(chunk)
    return digest.hexdigest()


def size_of(path: Path) -> int:
    """Give the size of a file in bytes. Raises CheckpointError where it cannot be looked at."""
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with files.opened(path, buffering=0) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"{path}: cannot be read ({reason(error, path)})")
