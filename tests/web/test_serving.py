"""A server takes a port, answers until it is interrupted, and then is gone: no request and no connection holds it."""

from __future__ import annotations

import _thread
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.web.serving import listening, serve

LOCAL = "127.0.0.1"
PATIENCE_S = 30.0


@dataclass
class Slow:
    """An application with an answer that lasts until it is let go."""

    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def app(self) -> Starlette:
        def slow(_: Request) -> Response:
            self.begun.set()
            self.go_on.wait(PATIENCE_S)
            return PlainTextResponse("done")

        def quick(_: Request) -> Response:
            return PlainTextResponse("here")

        def fault(_: Request) -> Response:
            raise ZeroDivisionError

        return Starlette(routes=[Route("/", quick), Route("/slow", slow), Route("/fault", fault)])


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.go_on.set()


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with listening(LOCAL, 0) as taken:
        yield taken


def asked(port: int, path: str = "/") -> str:
    with closing(http.client.HTTPConnection(LOCAL, port, timeout=PATIENCE_S)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode()


class Visit:
    """What happens beside a server: a thread that interrupts it at its end."""

    def __init__(self, visit: Callable[[], object]) -> None:
        self._visit = visit
        self._thread = threading.Thread(target=self._go, daemon=True)
        self.failure: BaseException | None = None

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._thread.join(PATIENCE_S)
        if self.failure:
            raise self.failure

    def _go(self) -> None:
        try:
            self._visit()
        except BaseException as error:
            self.failure = error
        _thread.interrupt_main()


def served(slow: Slow, taken: socket.socket, visit: Callable[[], object], grace_s: int = 10) -> bool:
    """Serve, have a visit begin when it is ready, and give whether all answers had ended."""
    visiting = Visit(visit)
    ended = serve(slow.app, taken, visiting.begin, grace_s)
    visiting.end()
    return ended


class TestPorts:
    def test_nought_is_a_free_one(self) -> None:
        with listening(LOCAL, 0) as one, listening(LOCAL, 0) as other:
            assert one.getsockname()[1] != other.getsockname()[1]
            assert one.getsockname()[0] == LOCAL

    def test_one_that_is_taken_is_refused_with_the_option(self, taken: socket.socket) -> None:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"^port {port} of 127.0.0.1 is taken by another program; .*--port"):
            listening(LOCAL, port)

    def test_a_free_one_is_found_where_that_is_wanted(self, taken: socket.socket) -> None:
        port = taken.getsockname()[1]
        with listening(LOCAL, port, or_free=True) as other:
            assert other.getsockname()[1] != port

    def test_one_that_was_just_let_go_can_be_taken(self, slow: Slow, taken: socket.socket) -> None:
        port = taken.getsockname()[1]
        served(slow, taken, lambda: asked(port))
        listening(LOCAL, port).close()

    @pytest.mark.parametrize("host", ["nowhere.invalid", "", "192.0.2.1", "x" * 300, "a..b", "1.2.3.4.5"])
    def test_an_address_that_is_none_of_this_machine_s_is_refused(self, host: str) -> None:
        with pytest.raises(InputError, match=r"^--host .* is no address of this machine"):
            listening(host, 0)


class TestEnd:
    def test_it_answers_when_it_is_ready(self, slow: Slow, taken: socket.socket) -> None:
        said: list[str] = []
        assert served(slow, taken, lambda: said.append(asked(taken.getsockname()[1])))
        assert said == ["here"]

    def test_nobody_listens_behind_it(self, slow: Slow, taken: socket.socket) -> None:
        port = taken.getsockname()[1]
        assert served(slow, taken, lambda: None)
        with pytest.raises(ConnectionRefusedError):
            asked(port)

    def test_an_answer_under_way_is_finished(self, slow: Slow, taken: socket.socket) -> None:
        said: list[str] = []
        port = taken.getsockname()[1]
        asking = threading.Thread(target=lambda: said.append(asked(port, "/slow")), daemon=True)

        def visit() -> None:
            asking.start()
            assert slow.begun.wait(PATIENCE_S)
            threading.Timer(0.3, slow.go_on.set).start()

        assert served(slow, taken, visit)
        asking.join(PATIENCE_S)
        assert said == ["done"]

    def test_one_that_lasts_is_left_behind(self, slow: Slow, taken: socket.socket) -> None:
        with socket.create_connection((LOCAL, taken.getsockname()[1])) as connection:

            def visit() -> None:
                connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
                assert slow.begun.wait(PATIENCE_S)

            assert not served(slow, taken, visit, grace_s=0)
            assert not slow.go_on.is_set()

    def test_the_second_interrupt_waits_for_nothing(self, slow: Slow, taken: socket.socket) -> None:
        port = taken.getsockname()[1]
        connection = socket.create_connection((LOCAL, port))

        def visit() -> None:
            connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            assert slow.begun.wait(PATIENCE_S)

            def again() -> None:
                # It accepts nobody any more: it has heard the first.
                while True:
                    try:
                        socket.create_connection((LOCAL, port)).close()
                    except OSError:
                        break
                _thread.interrupt_main()

            threading.Thread(target=again, daemon=True).start()

        with connection:
            assert not served(slow, taken, visit, grace_s=600)

    @pytest.mark.parametrize(
        "sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"nonsense\r\n\r\n"]
    )
    def test_idle_and_half_open_connections_do_not_hold_it(
        self, slow: Slow, taken: socket.socket, sent: bytes, capfd: pytest.CaptureFixture[str]
    ) -> None:
        port = taken.getsockname()[1]
        with socket.create_connection((LOCAL, port)) as connection:

            def visit() -> None:
                connection.sendall(sent)
                asked(port)

            # Far below the time for which it waits for answers.
            assert served(slow, taken, visit, grace_s=600)
        assert capfd.readouterr() == ("", "")

    def test_it_prints_nothing_and_gives_no_name(
        self, slow: Slow, taken: socket.socket, capfd: pytest.CaptureFixture[str]
    ) -> None:
        port = taken.getsockname()[1]

        def visit() -> None:
            with closing(http.client.HTTPConnection(LOCAL, port, timeout=PATIENCE_S)) as connection:
                connection.request("GET", "/", headers={"Connection": "Upgrade", "Upgrade": "websocket"})
                answer = connection.getresponse()
                assert (answer.read(), answer.getheader("server")) == (b"here", None)
                connection.request("GET", "/fault")
                assert connection.getresponse().status == 500

        assert served(slow, taken, visit)
        assert capfd.readouterr() == ("", "")

    def test_what_goes_wrong_when_it_is_ready_ends_it(self, slow: Slow, taken: socket.socket) -> None:
        def ready() -> None:
            raise InputError("no")

        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=r"^no$"):
            serve(slow.app, taken, ready)
        with pytest.raises(ConnectionRefusedError):
            asked(port)
