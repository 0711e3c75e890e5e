"""The server of the page, asked by somebody who is no browser."""

from __future__ import annotations

import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from tests.support.pages import Served

JSON = {"Content_Type": "application/json"}


class Answer:
    """What a server answers to one request."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        self.body = answer.read()


def ask(server: Served, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """Ask as somebody may who is no browser; `Host` is the server's own unless it is given, or empty."""
    connection = connected(server)
    try:
        return _asked(connection, method, path, body, headers)
    finally:
        connection.close()


def connected(server: Served) -> http.client.HTTPConnection:
    """Give a connection to a server."""
    where = urlsplit(server.origin)
    return http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)


def _asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> Answer:
    own = headers.pop("Host", f"{connection.host}:{connection.port}")
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in ({"Host": own} if own else {}).items():
        connection.putheader(name, value)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    return Answer(connection.getresponse())


def let_in(server: Served) -> str:
    """Give the cookie that a browser has which was let in."""
    answer = ask(server, "GET", f"/?{urlsplit(server.url).query}")
    assert answer.status == 303
    return str(answer.headers["set-cookie"]).partition(";")[0]


class Asking:
    """Somebody who was let in; each thread has a connection of its own, which is kept until the block ends."""

    def __init__(self, server: Served) -> None:
        self._server = server
        self._cookie = let_in(server)
        self._own = threading.local()
        self._all: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Asking:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._all:
            connection.close()

    def get(self, path: str) -> Any:
        """Ask for something that is there."""
        return self._json("GET", path, None)

    def post(self, path: str, **body: Any) -> Any:
        """Send something that is taken."""
        return self._json("POST", path, body)

    def wait_until_ready(self) -> Any:
        """Wait until the index is made; gives the state."""
        while not (state := self.get("state"))["ready"]:
            assert state["problem"] is None, state["problem"]
        return state

    def _json(self, method: str, path: str, body: Any) -> Any:
        if not hasattr(self._own, "connection"):
            self._own.connection = connected(self._server)
            self._all.append(self._own.connection)
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Cookie": self._cookie, **JSON}
        answer = _asked(self._own.connection, method, f"/api/{path}", sent, headers)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)


def decide_on_all(asking: Asking, count: int, at_once: int = 16) -> list[tuple[str, str]]:
    """Accept so many rows, many requests under way at once; gives the ids and versions of what was confirmed."""
    queue = asking.post("queue", filters={}, sort="id", descending=False)["queue"]
    rows = [
        row
        for first in range(0, count, 200)
        for row in asking.get(f"queue/{queue}/rows?from={first}&count=200")["rows"]
    ]

    def decide(place: int) -> tuple[str, str]:
        """Accept a row."""
        row = rows[place]
        known = {"queue": queue, "position": place, "row": row["row"], "seen": row["seen"]}
        asking.post("decide", **known, action="accept", value=None, heard=1.0, rate=1.0, ms=10)
        return row["id"], row["seen"]

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(decide, range(count)))
