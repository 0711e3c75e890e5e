"""What every request passes before it reaches an application: to whom it speaks, who sent it, and how long it is.

By itself, a server on 127.0.0.1 answers every user of the machine, and every page that a browser has open there. So:

- the `Host` is one of this server's own: a foreign name that leads to 127.0.0.1 (DNS rebinding) is refused;
- who comes has the token of the printed address, or the cookie that it was swapped for;
- what changes anything was sent by the page itself, as the browser says in `Sec-Fetch-Site` and `Origin`;
- a body has a limit, counted while it is read.

Every answer says that it is to be embedded, framed, sniffed and kept by nobody, and no header lets other origins in.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anime_whisper_ct2.web.answers import problem_of
from anime_whisper_ct2.web.doorstep import doorstep

BODY_LIMIT_BYTES = 1 << 20
LOOPBACK_NAMES = ("127.0.0.1", "localhost")
# Requests of these change nothing.
_READING = ("GET", "HEAD", "OPTIONS")
# What a browser leaves out of `Host` and `Origin`.
_STANDARD_PORTS = ("80", "443")
_API = "/api/"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; media-src blob:; "
    "img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def _secret() -> str:
    return secrets.token_urlsafe(32)


def _no_report(_: Exception) -> None:
    return


@dataclass(frozen=True, slots=True)
class Access:
    """Who may come: under which names, with their ports, and with which token. Neither secret is shown by `repr`."""

    hosts: frozenset[str]
    token: str = field(default_factory=_secret, repr=False)
    cookie: str = field(default_factory=_secret, repr=False)

    @classmethod
    def to(cls, port: int, names: Iterable[str] = LOOPBACK_NAMES) -> Access:
        """Give new secrets for a server that goes by some names; one without a port stands for the server's own."""
        return cls(frozenset(host for name in names for host in _as_sent(name.lower(), str(port))))


def _as_sent(name: str, port: str) -> Iterator[str]:
    """Give what `Host` is where somebody calls a server so."""
    host, named = _parted(name, port)
    yield f"{host}:{named}"
    if named in _STANDARD_PORTS:
        yield host


def _parted(host: str, port: str = _STANDARD_PORTS[0]) -> tuple[str, str]:
    """Part a name from its port, which may be missing; an address of IPv6 is in brackets."""
    name, colon, named = host.rpartition(":")
    return (name, named) if colon and not named.endswith("]") else (host, port)


class Guarded:
    """An application behind its guards; `scope["state"]["nonce"]` is what its styles may be marked with.

    `on_fault` is called with what an application raised, which is answered with 500.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        *,
        body_limit_bytes: int = BODY_LIMIT_BYTES,
        on_fault: Callable[[Exception], None] = _no_report,
    ) -> None:
        self._app = app
        self._access = access
        self._body_limit_bytes = body_limit_bytes
        self._on_fault = on_fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request or hand it on."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            # An application's begin and end, of which its server tells.
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _Request(scope)
        sending = _Sending(send, request.nonce)
        refusal = self._refusal(request)
        if refusal is not None:
            await refusal(scope, receive, sending)
            return
        try:
            await self._app(scope, _limited(receive, self._body_limit_bytes), sending)
        except ClientDisconnect:
            return
        except HTTPException as error:
            # Of `_limited`, where the application lets it through.
            await sending.at_last(problem_of(error.status_code), scope, receive)
        except Exception as error:
            self._on_fault(error)
            await sending.at_last(problem_of(500), scope, receive)

    def _refusal(self, request: _Request) -> Response | None:
        """Give the answer to a request that does not go through; None where it does."""
        hosts = request.all_of("host")
        if len(hosts) != 1:
            return problem_of(400)
        host = hosts[0].lower()
        if host not in self._access.hosts:
            return problem_of(421)
        is_change = request.method not in _READING
        if is_change and request.is_foreign(host):
            return problem_of(403)
        name = f"awct2-{_parted(host)[1]}"  # cookies know no ports, and another server may be behind another one
        known = any(_same(value, self._access.cookie) for value in request.cookies(name))
        token = None if is_change else request.token
        if token is not None and (known or _same(token, self._access.token)):
            return _swapped(request, f"{name}={self._access.cookie}; HttpOnly; SameSite=Strict; Path=/")
        if not known:
            return problem_of(401) if request.path.startswith(_API) else doorstep(request.nonce, request.came_from_site)
        if is_change and not request.says_who_sent_it and not request.is_json:
            return problem_of(403)
        length = request.first("content-length")
        if length is not None and (not length.isdecimal() or int(length) > self._body_limit_bytes):
            return _closing(problem_of(413))
        return None


class _Request:
    """What guards look at."""

    def __init__(self, scope: Scope) -> None:
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        self.nonce: str = state.setdefault("nonce", secrets.token_urlsafe(16))
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._query: str = scope["query_string"].decode("latin-1")
        self._headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]

    def all_of(self, name: str) -> list[str]:
        return [value.strip() for key, value in self._headers if key == name]

    def first(self, name: str) -> str | None:
        return next(iter(self.all_of(name)), None)

    def cookies(self, name: str) -> Iterator[str]:
        for header in self.all_of("cookie"):
            for pair in header.split(";"):
                key, equals, value = pair.strip().partition("=")
                if equals and key == name:
                    yield value

    @property
    def token(self) -> str | None:
        return next((value for name, value in self._parameters() if name == "token"), None)

    @property
    def without_token(self) -> str:
        """The same address without the token."""
        # Two slashes, or a backslash, would lead to another host.
        path = "/" + quote(self.path.encode("utf-8", "surrogateescape").lstrip(b"/\\"))
        rest = urlencode([(name, value) for name, value in self._parameters() if name != "token"])
        return f"{path}?{rest}" if rest else path

    @property
    def says_who_sent_it(self) -> bool:
        return bool(self.all_of("sec-fetch-site") or self.all_of("origin"))

    @property
    def came_from_site(self) -> bool:
        """Whether another site led here, so that the browser held a strict cookie back."""
        return self.first("sec-fetch-site") == "cross-site"

    @property
    def is_json(self) -> bool:
        """Whether no form can have sent it, and no other page unasked."""
        return (self.first("content-type") or "").partition(";")[0].strip().lower() == "application/json"

    def is_foreign(self, host: str) -> bool:
        """Say whether a browser says that something else sent it than a page of this very server."""
        ours = (f"http://{host}", f"https://{host}")
        return any(site != "same-origin" for site in self.all_of("sec-fetch-site")) or any(
            origin.lower() not in ours for origin in self.all_of("origin")
        )

    def _parameters(self) -> list[tuple[str, str]]:
        return parse_qsl(self._query, keep_blank_values=True)


class _Sending:
    """Sends an answer with the headers that all have; a second one after it has begun goes nowhere."""

    def __init__(self, send: Send, nonce: str) -> None:
        self._send = send
        self._policy = _POLICY.format(nonce=nonce)
        self._has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_begun = True
            headers = MutableHeaders(scope=message)
            headers.update({**_HEADERS, "content-security-policy": self._policy})
            headers.setdefault("cache-control", "no-store")
        await self._send(message)

    async def at_last(self, answer: Response, scope: Scope, receive: Receive) -> None:
        """Send an answer unless there is one."""
        if not self._has_begun:
            await _closing(answer)(scope, receive, self)


def _limited(receive: Receive, limit_bytes: int) -> Receive:
    """Count a body while it is read. What is given raises HTTPException, 413, where it is too large."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit_bytes:
            raise HTTPException(413, headers={"connection": "close"})
        return message

    return counted


def _closing(answer: Response) -> Response:
    """Have the connection end behind an answer: what is left of the body is not read."""
    answer.headers["connection"] = "close"
    return answer


def _swapped(request: _Request, cookie: str) -> Response:
    answer = RedirectResponse(request.without_token, 303)
    answer.headers["set-cookie"] = cookie
    return answer


def _same(given: str, known: str) -> bool:
    """Compare in a time that does not tell how much of it is right."""
    return secrets.compare_digest(given.encode("utf-8", "replace"), known.encode("utf-8"))
