"""What a request must bring to pass, on every route, and what every answer says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from anime_whisper_ct2.web.answers import HANDLERS
from anime_whisper_ct2.web.assets import Asset, Assets
from anime_whisper_ct2.web.guards import LOOPBACK_NAMES, Access, Guarded
from anime_whisper_ct2.web.pages import Paged

PORT = 8765
HOST = f"127.0.0.1:{PORT}"
LIMIT_BYTES = 1000
INDEX = b'<!doctype html><meta property="csp-nonce" nonce="__NONCE__"><script src="./assets/main-abcd1234.js"></script>'
ASSETS = Assets(
    INDEX,
    {
        "/assets/main-abcd1234.js": Asset(b"1", "text/javascript; charset=utf-8", True),
        "/licenses.md": Asset(b"MIT", "text/plain; charset=utf-8", False),
    },
)
READING = ("/", "/assets/main-abcd1234.js", "/licenses.md", "/api/state", "/api/nothing", "/nothing", "/../setup.cfg")
ALL = pytest.mark.parametrize("path", READING)
JSON = {"content-type": "application/json"}


@dataclass
class Site:
    """A tiny application behind its guards, and who asks it."""

    access: Access
    client: TestClient
    reached: list[str] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    @property
    def cookie(self) -> dict[str, str]:
        return {"cookie": f"awct2-{PORT}={self.access.cookie}"}

    def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        """Ask with the cookie."""
        return self.client.request(method, path, headers={**self.cookie, **headers}, follow_redirects=False)

    def post(self, headers: dict[str, str], path: str = "/api/change", body: bytes = b"{}") -> httpx.Response:
        return self.client.post(path, content=body, headers={**self.cookie, **headers}, follow_redirects=False)


@pytest.fixture
def site() -> Iterator[Site]:
    access = Access.to(PORT, (*LOOPBACK_NAMES, "Box.lan", "tunnel:9000", "public.example:443"))

    async def state(_: Request) -> Response:
        made.reached.append("state")
        return JSONResponse(
            {"secret": "はい"}, headers={"content-security-policy": "none", "Cache-Control": "max-age=9"}
        )

    async def change(request: Request) -> Response:
        body = await request.body()
        made.reached.append("change")
        return JSONResponse(len(body))

    async def fault(_: Request) -> Response:
        raise ZeroDivisionError("a fault")

    app = Starlette(
        routes=[
            Route("/api/state", state),
            Route("/api/change", change, methods=["POST", "PUT", "DELETE"]),
            Route("/api/fault", fault),
        ],
        exception_handlers=HANDLERS,
    )
    faults: list[Exception] = []
    guarded = Guarded(Paged(app, ASSETS), access, body_limit_bytes=LIMIT_BYTES, on_fault=faults.append)
    with TestClient(guarded, base_url=f"http://{HOST}") as client:
        made = Site(access, client, faults=faults)
        yield made


def has_no_data(answer: httpx.Response) -> bool:
    return not any(word in answer.text for word in ("secret", "はい", "script", "MIT"))


class TestHosts:
    @pytest.mark.parametrize(
        "host",
        [
            HOST,
            f"localhost:{PORT}",
            f"LocalHost:{PORT}",
            f"box.lan:{PORT}",
            f"BOX.LAN:{PORT}",
            "tunnel:9000",
            "public.example",
            "public.example:443",
        ],
    )
    def test_its_own_names_are_answered(self, site: Site, host: str) -> None:
        port = host.partition(":")[2] or "80"
        headers = {"host": host, "cookie": f"awct2-{port}={site.access.cookie}"}
        assert site.client.get("/api/state", headers=headers).status_code == 200

    @ALL
    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            f"evil.example:{PORT}",
            "127.0.0.1",
            "localhost",
            "127.0.0.1:80",
            f"127.0.0.1:{PORT + 1}",
            f"127.0.0.2:{PORT}",
            f"[::1]:{PORT}",
            f"localhost.evil.example:{PORT}",
            f"localhost.:{PORT}",
            f"user@localhost:{PORT}",
            f"0x7f000001:{PORT}",
            f"tunnel:{PORT}",
            "",
            ":",
        ],
    )
    def test_others_are_refused_on_every_route(self, site: Site, path: str, host: str) -> None:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"):
            answer = site.get(path, method, host=host)
            assert answer.status_code == 421, (method, answer)
            assert has_no_data(answer)
        assert site.reached == []

    def test_a_foreign_name_is_refused_even_with_the_token(self, site: Site) -> None:
        answer = site.client.get(f"/?token={site.access.token}", headers={"host": f"evil.example:{PORT}"})
        assert answer.status_code == 421
        assert "set-cookie" not in answer.headers

    @pytest.mark.parametrize("hosts", [[], [HOST, HOST], [HOST, "evil.example"]], ids=["none", "twice", "two"])
    def test_a_request_names_one_host(self, site: Site, hosts: list[str]) -> None:
        # httpx always sends one.
        sent = asgi(site, "/api/state", [(b"host", host.encode()) for host in hosts])
        assert sent[0]["status"] == 400


def asgi(site: Site, path: str, headers: list[tuple[bytes, bytes]]) -> list[MutableMapping[str, Any]]:
    """Ask as a server does, without a client's own headers."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    assert site.client.portal is not None
    site.client.portal.call(site.client.app, scope, receive, send)
    return sent


class TestToken:
    @ALL
    @pytest.mark.parametrize("cookie", ["", f"awct2-{PORT}=", f"awct2-{PORT}=x", "awct2-1={cookie}", "token={token}"])
    def test_nothing_is_seen_without_it(self, site: Site, path: str, cookie: str) -> None:
        sent = cookie.format(cookie=site.access.cookie, token=site.access.token)
        for query in ("", "?token=", "?token=x", f"?token={site.access.token[:-1]}", f"?Token={site.access.token}"):
            answer = site.client.get(path + query, headers={"cookie": sent}, follow_redirects=False)
            assert answer.status_code == 401
            assert has_no_data(answer)
            assert "set-cookie" not in answer.headers
        assert site.reached == []

    def test_whoever_has_none_is_told_in_both_languages_how_to_get_in(self, site: Site) -> None:
        answer = site.client.get("/")
        assert "has printed in the terminal" in answer.text
        assert '<p lang="ja">このページは' in answer.text
        assert site.client.get("/api/state").json()["code"] == "no_token"

    def test_it_is_swapped_for_a_cookie_and_gone_from_the_address(self, site: Site) -> None:
        answer = site.client.get(f"/?lang=ja&token={site.access.token}&q=%E3%81%82+b", follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/?lang=ja&q=%E3%81%82+b"
        pair, *flags = answer.headers["set-cookie"].split("; ")
        assert pair == f"awct2-{PORT}={site.access.cookie}"
        assert sorted(flags) == ["HttpOnly", "Path=/", "SameSite=Strict"]
        assert site.access.token not in str(answer.headers)
        assert site.client.get("/api/state").json() == {"secret": "はい"}  # the client keeps the cookie

    def test_servers_on_two_ports_have_two_cookies(self, site: Site) -> None:
        answer = site.client.get(
            f"/?token={site.access.token}", headers={"host": "tunnel:9000"}, follow_redirects=False
        )
        assert answer.headers["set-cookie"].startswith("awct2-9000=")

    @pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "///evil.example", "/%5Cevil.example"])
    def test_it_leads_nowhere_else(self, site: Site, path: str) -> None:
        headers = [(b"host", HOST.encode())]
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        query = f"token={site.access.token}".encode()
        scope = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": headers}
        assert site.client.portal is not None
        site.client.portal.call(site.client.app, scope, receive, send)
        location = dict(sent[0]["headers"])[b"location"].decode()
        assert sent[0]["status"] == 303
        assert httpx.URL(f"http://{HOST}").join(location).netloc == HOST.encode()
        assert re.match(r"/[^/\\]", location)

    def test_an_old_one_does_no_harm_to_who_is_in(self, site: Site) -> None:
        answer = site.get("/?token=of-yesterday")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")

    def test_it_changes_nothing_by_itself(self, site: Site) -> None:
        answer = site.client.post(f"/api/change?token={site.access.token}", content=b"{}", headers=JSON)
        assert answer.status_code == 401
        assert site.reached == []

    def test_a_link_on_another_site_is_followed_by_the_page_itself(self, site: Site) -> None:
        led = site.client.get("/", headers={"sec-fetch-site": "cross-site"})
        own = site.client.get("/", headers={"sec-fetch-site": "same-origin"})
        assert 'http-equiv="refresh"' in led.text
        assert "refresh" not in own.text

    def test_secrets_are_long_and_never_the_same_nor_shown(self) -> None:
        secrets = {secret for _ in range(50) for access in [Access.to(1)] for secret in (access.token, access.cookie)}
        assert len(secrets) == 100
        assert min(map(len, secrets)) >= 43  # 256 bits
        access = Access.to(1)
        assert access.token not in repr(access)
        assert access.cookie not in repr(access)


class TestChanges:
    @pytest.mark.parametrize(
        "headers",
        [
            {"sec-fetch-site": "same-origin"},
            {"sec-fetch-site": "same-origin", "origin": f"http://{HOST}"},
            {"origin": f"http://{HOST}"},
            {"origin": f"HTTP://{HOST}"},
            JSON,
            {"content-type": "application/JSON; charset=utf-8"},
        ],
        ids=str,
    )
    def test_what_the_page_or_a_program_sends_goes_through(self, site: Site, headers: dict[str, str]) -> None:
        assert site.post(headers).json() == 2

    @pytest.mark.parametrize(
        "headers",
        [
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "none"},
            {"sec-fetch-site": ""},
            {"sec-fetch-site": "cross-site", "origin": f"http://{HOST}"},
            {"sec-fetch-site": "same-origin", "origin": "http://evil.example"},
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"origin": ""},
            {"origin": "http://127.0.0.1"},
            {"origin": f"http://127.0.0.1:{PORT + 1}"},
            {"origin": f"http://localhost:{PORT}"},
            {"origin": f"http://{HOST}.evil.example"},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "LINK"])
    def test_what_another_page_sends_is_refused(self, site: Site, headers: dict[str, str], method: str) -> None:
        for path in ("/api/change", "/", "/nothing"):
            answer = site.client.request(method, path, content=b"{}", headers={**site.cookie, **JSON, **headers})
            assert (answer.status_code, answer.json()["code"]) == (403, "foreign")
        assert site.reached == []

    @pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
    def test_a_form_that_does_not_say_where_it_is_from_is_refused(self, site: Site, kind: str) -> None:
        assert site.post({"content-type": kind}).status_code == 403
        assert site.reached == []

    def test_no_other_origin_is_let_in(self, site: Site) -> None:
        asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
        for method in ("OPTIONS", "GET", "HEAD"):
            answer = site.get("/api/change", method, **asked)
            assert answer.status_code == 405
            assert not [name for name in answer.headers if name.startswith("access-control")]

    @ALL
    def test_the_page_is_only_read(self, site: Site, path: str) -> None:
        answer = site.post(JSON, path)
        assert answer.status_code in (404, 405)
        assert site.reached == []


class TestBodies:
    def test_one_of_the_limit_goes_through(self, site: Site) -> None:
        assert site.post(JSON, body=b" " * LIMIT_BYTES).json() == LIMIT_BYTES

    def test_a_larger_one_is_refused(self, site: Site) -> None:
        answer = site.post(JSON, body=b" " * (LIMIT_BYTES + 1))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["connection"] == "close"
        assert site.reached == []

    def test_one_that_does_not_say_its_length_is_counted(self, site: Site) -> None:
        def endless() -> Iterator[bytes]:
            for _ in range(LIMIT_BYTES):
                yield b"  "

        answer = site.client.post("/api/change", content=endless(), headers={**site.cookie, **JSON})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["connection"] == "close"
        assert site.reached == []
        assert site.faults == []

    def test_a_length_that_is_none_is_refused(self, site: Site) -> None:
        assert site.post({**JSON, "content-length": "-1"}).status_code == 413


def policy(answer: httpx.Response) -> dict[str, str]:
    rules = (rule.strip().partition(" ") for rule in answer.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in rules}


ANSWERS: dict[str, Callable[[Site], httpx.Response]] = {
    "page": lambda site: site.get("/"),
    "asset": lambda site: site.get("/assets/main-abcd1234.js"),
    "api": lambda site: site.get("/api/state"),
    "missing": lambda site: site.get("/nothing"),
    "method": lambda site: site.get("/api/change"),
    "host": lambda site: site.get("/", host="evil.example"),
    "doorstep": lambda site: site.client.get("/"),
    "token": lambda site: site.client.get(f"/?token={site.access.token}", follow_redirects=False),
    "foreign": lambda site: site.post({"origin": "null"}),
    "large": lambda site: site.post(JSON, body=b" " * 2000),
    "fault": lambda site: site.get("/api/fault"),
    "head": lambda site: site.get("/", "HEAD"),
    "options": lambda site: site.get("/", "OPTIONS"),
}


class TestHeaders:
    @pytest.mark.parametrize("name", ANSWERS)
    def test_every_answer_has_them(self, site: Site, name: str) -> None:
        answer = ANSWERS[name](site)
        rules = policy(answer)
        nonce = re.fullmatch(r"'self' 'nonce-([\w-]{22})'", rules.pop("style-src"))
        assert nonce
        assert rules == {
            "default-src": "'none'",
            "script-src": "'self'",
            "connect-src": "'self'",
            "media-src": "blob:",
            "img-src": "'self' data:",
            "font-src": "'self'",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
            "form-action": "'none'",
        }
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert not [key for key in answer.headers if key.startswith("access-control") or key == "server"]
        kept = {"asset": "private, max-age=31536000, immutable", "api": "max-age=9"}
        assert answer.headers["cache-control"] == kept.get(name, "no-store")

    def test_the_nonce_of_an_answer_is_in_its_page_and_in_no_other(self, site: Site) -> None:
        seen = set()
        for _ in range(3):
            answer = site.get("/")
            nonce = re.search(r"nonce-([\w-]+)", answer.headers["content-security-policy"])
            assert nonce
            assert f'nonce="{nonce[1]}"' in answer.text
            assert "__NONCE__" not in answer.text
            seen.add(nonce[1])
        assert len(seen) == 3

    def test_the_head_of_an_answer_is_that_of_the_whole(self, site: Site) -> None:
        whole, head = site.get("/licenses.md"), site.get("/licenses.md", "HEAD")
        assert head.status_code == 200
        assert head.content == b""
        assert head.headers["content-length"] == whole.headers["content-length"]


def test_a_fault_is_answered_and_told_and_the_next_request_goes_through(site: Site) -> None:
    answer = site.get("/api/fault")
    assert (answer.status_code, answer.json()["code"]) == (500, "failed")
    assert "ZeroDivisionError" not in answer.text
    assert [type(fault) for fault in site.faults] == [ZeroDivisionError]
    assert site.get("/api/state").status_code == 200


def test_a_web_socket_is_closed(site: Site) -> None:
    with (
        pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)),
        site.client.websocket_connect("/api/state", headers={**site.cookie, "host": HOST}),
    ):
        pass
    assert site.reached == []
