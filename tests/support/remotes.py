"""Other people's machines, made on the spot: an S3 server, a web server, and a filesystem that fails when told to."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any, ClassVar
from unittest.mock import patch

import fsspec
import fsspec.config
from fsspec.implementations.memory import MemoryFileSystem


@contextmanager
def s3_server() -> Iterator[Any]:
    """Run moto's S3, which `s3://` means meanwhile; gives its filesystem."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    conf = {"key": "test", "secret": "test", "endpoint_url": f"http://{host}:{port}"}
    with patch.dict(fsspec.config.conf, {"s3": conf}):
        system = fsspec.filesystem("s3")
        try:
            yield system
        finally:
            system.clear_instance_cache()
            # moto's buckets outlive its server, and the next test module has its own.
            request = urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")
            urllib.request.urlopen(request).close()
            server.stop()


@contextmanager
def web_server() -> Iterator[Web]:
    """Run a web server."""
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            fsspec.get_filesystem_class("http").clear_instance_cache()


def flaky_memory() -> Flaky:
    """Register `flaky://`, empty and as yet without failures."""
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    Flaky.store.clear()
    Flaky.failures, Flaky.breaks_at = 0, 0
    return Flaky()


class Web(ThreadingHTTPServer):
    """A web server that notes what it is asked for, and answers from a table of (status, content);

    what lies below `/unsized` comes without a size. It knows no parts of files.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.pages: dict[str, list[tuple[int, bytes]]] = {}
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Web

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        self.server.asked.append((self.command, self.path))
        answers = self.server.pages.get(self.path, [(404, b"")])
        status, content = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        if b"<a " in content:
            self.send_header("Content-Type", "text/html")
        if not self.path.startswith("/unsized"):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


class Flaky(MemoryFileSystem):  # type: ignore[misc] # fsspec ships no types
    """Memory that fails `failures` times, when it is asked for a whole file, for what lies behind byte `breaks_at` of
    one, or for what is in a folder `deep`."""

    protocol = "flaky"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    failures = 0
    breaks_at = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> Any:
        return super()._strip_protocol(path.replace("flaky://", "memory://", 1))

    def fail(self) -> None:
        if Flaky.failures > 0:
            Flaky.failures -= 1
            raise ConnectionResetError("the line went dead")

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        if path.rstrip("/").endswith("deep"):
            self.fail()
        return super().ls(path, detail=detail, **kwargs)

    def cat_file(self, path: str, *args: Any, **kwargs: Any) -> Any:
        self.fail()
        return super().cat_file(path, *args, **kwargs)

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        file = super()._open(path, mode, **kwargs)
        return FlakyFile(self, file.getvalue()) if mode == "rb" else file


class FlakyFile(BytesIO):
    def __init__(self, system: Flaky, content: bytes) -> None:
        super().__init__(content)
        self.system, self.size = system, len(content)

    def read(self, size: int | None = -1) -> bytes:
        before = self.tell()
        data = super().read(size)
        if self.tell() > Flaky.breaks_at:
            self.seek(before)
            self.system.fail()
            self.seek(before + len(data))
        return data
