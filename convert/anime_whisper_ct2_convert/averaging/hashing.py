"""SHA-256 of whole files, as the hub shows it, by a thread beside the work."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2.system import files, waiting
from anime_whisper_ct2.system.refusals import reason

_CHUNK_BYTES = 1 << 20


class Hashes:
    """Digests of files that one thread reads in turn. `n_bytes`: how much it has read so far."""

    def __init__(self, paths: Sequence[Path], submit: Callable[[Callable[[], str]], Future[str]]) -> None:
        self.n_bytes = 0
        self._stopped = threading.Event()
        self._futures = [submit(self._call(path)) for path in paths]

    def stop(self) -> None:
        """Have the thread leave what it is at."""
        self._stopped.set()

    def each(self) -> Iterator[str]:
        """Give the digest of each file when it is there, 64 hexadecimal digits. Raises CheckpointError."""
        for future in self._futures:
            yield waiting.result_of(future)

    def _call(self, path: Path) -> Callable[[], str]:
        def read() -> str:
            """Read one file."""
            digest = hashlib.sha256()
            try:
                with files.opened(path, buffering=0) as stream:
                    while not self._stopped.is_set() and (chunk := stream.read(_CHUNK_BYTES)):
                        digest.update(chunk)
                        self.n_bytes += len(chunk)
            except OSError as error:
                raise CheckpointError(f"{path}: cannot be read ({reason(error, path)})") from error
            return digest.hexdigest()

        return read


@contextmanager
def hashing(paths: Sequence[Path]) -> Iterator[Hashes]:
    """Begin with the digests of files; what is not read when the context ends, or raises, is left."""
    with waiting.threads(1, "hashing") as pool:
        hashes = Hashes(paths, pool.submit)
        try:
            yield hashes
        finally:
            hashes.stop()
