"""Runs an application on a socket of this machine until the process is asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.system import waiting

# An answer that is under way has so long to be finished.
GRACE_S = 2
# Beyond it, for the server's own end. What still goes on then is left behind.
_PATIENCE_S = 1.5
_LOOK_EVERY_S = 0.1
_BACKLOG = 128


def listening(host: str, port: int, *, or_free: bool = False) -> socket.socket:
    """Take a port of an address, 0 for a free one; `or_free`: a free one too where that port is taken.

    Connections are queued from then on. Raises InputError.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError, OverflowError) as error:
        raise InputError(f"--host {host!r} is no address of this machine: {error}") from error
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Windows lets a second program take a port that a first has, and what POSIX calls so it understands otherwise.
        if sys.platform == "win32":
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        # At once: until one listens, two may be bound to a port.
        taken.listen(_BACKLOG)
    except OSError as error:
        taken.close()
        if or_free and error.errno in {errno.EADDRINUSE, errno.EACCES}:
            return listening(host, 0)
        raise InputError(_why_not(host, port, error)) from error
    return taken


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken by another program; name another with --port, or 0 for a free one"
    if error.errno == errno.EACCES:
        return f"port {port} of {host} is not open to this user; name one above 1023 with --port, or 0 for a free one"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host!r} is no address of this machine"
    return f"port {port} of {host} cannot be taken: {error.strerror or error}; name another with --port"


def serve(app: ASGIApp, taken: socket.socket, ready: Callable[[], None], grace_s: int = GRACE_S) -> bool:
    """Answer requests until KeyboardInterrupt, which ends it without an error; to be called in the main thread.

    `ready` is called there once requests are answered. Answers under way are finished, for `grace_s` at most; a second
    KeyboardInterrupt does not wait for them. Prints nothing. Gives whether all have ended; False where a thread of the
    application still computes an answer, which keeps the interpreter from ending by itself.
    """
    server = _Server(app, grace_s)
    thread = threading.Thread(target=server.run_on, args=(taken,), name="server", daemon=True)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            thread.start()
            if waiting.take(server.news):
                ready()
            waiting.first_done([server.ended])
    finally:
        server.should_exit = True
        with contextlib.suppress(KeyboardInterrupt):
            deadline_s = time.monotonic() + grace_s + _PATIENCE_S
            # Not for the thread: where a wait for that is interrupted, Python takes it for ended before 3.13.
            while not server.ended.done() and time.monotonic() < deadline_s:
                wait([server.ended], _LOOK_EVERY_S)
    if not server.ended.done():
        return False
    server.ended.result(0)
    return not server.has_left


class _Server(uvicorn.Server):
    """uvicorn in a thread of its own, where it leaves signals alone: on Windows its loop would not hear all of them."""

    def __init__(self, app: ASGIApp, grace_s: int) -> None:
        self._app = app
        config = uvicorn.Config(
            self._noticed,
            interface="asgi3",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=grace_s,
        )
        super().__init__(config)
        self.news: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.ended: Future[None] = Future()
        self.has_left = False  # an answer, whose time was over

    def run_on(self, taken: socket.socket) -> None:
        """Serve to the end; then, and when requests are answered, there are news: whether they are."""
        try:
            asyncio.run(self._served(taken))
            self.ended.set_result(None)
        except BaseException as error:  # reaches whoever waits
            self.ended.set_exception(error)
        finally:
            self.news.put(False)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when requests are answered."""
        await super().startup(sockets)
        self.news.put(True)

    async def _noticed(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            # The task ends here, but no thread that it has waited for.
            self.has_left = True
            raise

    async def _served(self, taken: socket.socket) -> None:
        asyncio.get_running_loop().set_exception_handler(_pass_over_lost)
        await self.serve([taken])


def _pass_over_lost(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say nothing of a connection that the other side broke off, which Windows' loop complains of."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)
