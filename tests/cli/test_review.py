"""`awct2 review`: what is refused before a page is served, and a server that ends as a command should."""

from __future__ import annotations

import _thread
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli import extras, main, review
from anime_whisper_ct2.web import assets
from tests.support.commands import environment
from tests.support.runs import short, write_run

PATIENCE_S = 120.0
# The page itself is built from npm, and is no matter of these tests.
START = """
import sys
from pathlib import Path
from anime_whisper_ct2.cli import main
from anime_whisper_ct2.web import assets
assets._dist = lambda: Path({dist!r})
{more}
main(prog_name="awct2")
"""
# Requests for the state last until the process ends; that one has come is printed.
STUCK = """
import threading
from anime_whisper_ct2.review.opening import Opening
def stuck(self):
    print("stuck", flush=True)
    threading.Event().wait()
Opening.state = stuck
"""
FAULTY = """
from anime_whisper_ct2.review.opening import Opening
Opening.state = lambda self: 1 / 0
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", short("a.ogg"), short("b.ogg"))


def page_in(folder: Path) -> Path:
    """Write what stands for the built page; gives its folder."""
    made = folder / "dist"
    made.mkdir()
    (made / "index.html").write_text('<!doctype html><meta nonce="__NONCE__">page', encoding="utf-8")
    return made


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return page_in(tmp_path)


@dataclass(slots=True)
class Server:
    """The command at work; `url` is what it printed."""

    process: subprocess.Popen[str]
    url: str
    run: Path | None = None

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 80

    def asked(self, path: str, host: str | None = None, method: str = "GET", **headers: str) -> tuple[int, str, str]:
        """Give the status of an answer, its text, and its cookie."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)) as connection:
            connection.request(method, path, headers={"Host": host or urlsplit(self.url).netloc, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), (answer.getheader("set-cookie") or "").partition(";")[0]

    def cookie(self) -> str:
        """Come with the token."""
        parts = urlsplit(self.url)
        return self.asked(f"{parts.path}?{parts.query}")[2]

    def end(self, number: int) -> tuple[int, str, str]:
        """Send a signal; gives the exit status, and the rest of what was printed."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


def started(*args: object, dist: Path, more: str = "") -> subprocess.Popen[str]:
    """Start the command with a page."""
    code = START.format(dist=str(dist), more=more)
    return subprocess.Popen(
        [sys.executable, "-c", code, "review", *map(str, args)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(),
        start_new_session=True,
    )


@contextmanager
def serving(*args: object, dist: Path, more: str = "") -> Iterator[Server]:
    """Have the command serve until the block ends."""
    with started(*args, "--port", 0, dist=dist, more=more) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Review: "), (line, process.stderr and process.stderr.read())
            yield Server(process, line.removeprefix("Review: ").rstrip("\n"))
        finally:
            process.kill()


def command(*args: object) -> Result:
    return CliRunner().invoke(main, ["review", *map(str, args)])


def said(result: Result, status: int = 2) -> str:
    """Hold that a command was refused in one line, and give it."""
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    return result.stderr.strip().splitlines()[-1]


class TestRefusals:
    def test_without_the_extra_the_command_that_installs_it_is_said(
        self, run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "duckdb" else object())
        assert said(command(run)) == ("Error: `awct2 review` needs duckdb: pip install starlette uvicorn duckdb")

    def test_without_a_page_the_command_that_builds_it_is_said(
        self, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(assets, "_dist", lambda: tmp_path / "nothing")
        assert said(command(run)).endswith("build it once: python -m anime_whisper_ct2.web.building")
        assert not (run / "review").exists()

    @pytest.mark.parametrize("url", ["s3://bucket/run", "https://example.com/run"])
    def test_a_run_behind_a_url_is_refused(self, url: str) -> None:
        assert "is a URL" in said(command(url))

    def test_what_is_no_run_is_refused(self, tmp_path: Path, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(assets, "_dist", lambda: dist)
        for path in (tmp_path / "nowhere", dist):
            assert str(path) in said(command(path, "--port", 0))

    @pytest.mark.parametrize("name", ["transcripts.jsonl", "run.json", "notes.txt", "sound.bin"])
    def test_what_does_not_begin_as_a_run_s_lines_do_is_refused_before_a_page_is_served(
        self, run: Path, tmp_path: Path, dist: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setattr(assets, "_dist", lambda: dist)
        whole = (run / "transcripts.jsonl").read_bytes()
        other = tmp_path / "other"
        other.mkdir()
        odd = {
            "transcripts.jsonl": b'{"id": "a.ogg"}\n' + whole,
            "run.json": (run / "run.json").read_bytes(),
            "notes.txt": "メモ\n".encode("cp932"),
            "sound.bin": b"\0" * 1000,
        }
        file = other / name
        file.write_bytes(odd[name])
        for args in ((file,), (other,), (run, "--against", file)):
            if args == (other,) and name != "transcripts.jsonl":
                continue
            line = said(command(*args, "--port", 0))
            assert f"{file}: no results of a run: its first line is none that a run wrote" in line
        assert [path.name for path in other.iterdir()] == [name]
        assert not (run / "review").exists()

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("--normalizer", "author"), "--normalizer is for a comparison"),
            (("--conflicts", "first"), "--conflicts is for a list"),
            (("--save", "x.list", "--port", "0"), "--port is for the page"),
            (("--save", "x.list", "--no-open"), "--open is for the page"),
            (("--save", "x.list", "--reviewer", "x"), "--reviewer is for the page"),
            (("--save", "x.list", "--host", "127.0.0.1"), "--host is for the page"),
            (("--save", "x.list", "--slice", "0/2"), "--slice is for the page"),
            (("--save", "x.list"), "is a run, and --save writes lists"),
            (("--save", "s3://x/x.list"), "is a URL"),
            (("--slice", "2/2"), "counted from 0"),
            (("--slice", "x"), "no part such as 0/4"),
            (("--slice", "-1/2"), "counted from 0"),
            (("--reviewer", ""), "a name must not be empty"),
            (("--reviewer", " \u3000"), "a name must not be empty"),
            (("--port", "65536"), "--port"),
            (("--allow-host", "http://x"), "is no host such as"),
            (("--allow-host", "*"), "is no host such as"),
            (("--allow-host", "a/b"), "is no host such as"),
            (("--against", "s3://b/run"), "is a URL"),
        ],
        ids=str,
    )
    def test_what_has_no_effect_or_no_sense_is_refused(self, run: Path, options: tuple[str, ...], words: str) -> None:
        assert words in said(command(run, *options))
        assert not (run / "review").exists()

    def test_who_has_no_login_name_gives_one(self, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def nobody() -> str:
            raise KeyError("getpwuid(): uid not found")

        monkeypatch.setattr(review.getpass, "getuser", nobody)
        assert "--reviewer" in said(command(run))

    def test_a_port_that_is_taken_is_refused(self, run: Path, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(assets, "_dist", lambda: dist)
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            assert f"port {port} of 127.0.0.1 is taken" in said(command(run, "--port", port))
        assert not (run / "review").exists()

    @pytest.mark.parametrize("host", ["0.0.0.0", "::"])
    def test_an_address_that_others_reach_takes_a_name(
        self, run: Path, dist: Path, monkeypatch: pytest.MonkeyPatch, host: str
    ) -> None:
        monkeypatch.setattr(assets, "_dist", lambda: dist)
        if host == "::" and not socket.has_ipv6:
            pytest.skip("no IPv6 here")
        line = said(command(run, "--host", host, "--port", 0))
        assert "--allow-host" in line
        assert not (run / "review").exists()


@pytest.mark.parametrize(
    ("terminal", "place", "platform", "opens"),
    [
        (True, {"DISPLAY": ":0"}, "linux", True),
        (True, {"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        (True, {"DISPLAY": ":0", "SSH_CONNECTION": "x"}, "linux", False),
        (True, {}, "linux", False),
        (False, {"DISPLAY": ":0"}, "linux", False),
        (True, {}, "darwin", True),
        (True, {}, "win32", True),
        (True, {"SSH_CONNECTION": "x"}, "darwin", False),
        (False, {}, "win32", False),
    ],
)
def test_a_browser_opens_where_somebody_sees_it(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, place: dict[str, str], platform: str, opens: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(review, "on_terminal", lambda: terminal)
    monkeypatch.setattr(review.sys, "platform", platform)
    assert review._opens() == opens


@pytest.mark.posix
class TestEnd:
    def test_it_prints_one_line_and_ends_with_0_at_ctrl_c(self, run: Path, dist: Path) -> None:
        before = {path: path.read_bytes() for path in run.iterdir()}
        with serving(run, dist=dist) as server:
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", server.url)
            cookie = server.cookie()
            assert server.asked("/", Cookie=cookie)[1].endswith("page")
            status, text, _ = server.asked("/api/state", Cookie=cookie)
            assert (status, json.loads(text)["kind"]) == (200, "run")
            with socket.create_connection(("127.0.0.1", server.port)) as kept:
                kept.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
                assert kept.recv(100).startswith(b"HTTP/1.1 401")
                assert server.end(signal.SIGINT) == (0, "", "")
            with pytest.raises(ConnectionRefusedError):
                server.asked("/")
        assert {path: path.read_bytes() for path in run.iterdir() if path.is_file()} == before

    # What a shell starts in the background ignores Ctrl-C's signal from its start.
    @pytest.mark.parametrize(("number", "deaf"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
    def test_it_ends_with_0_at_sigterm_and_in_the_background_too(
        self, run: Path, dist: Path, number: int, deaf: bool
    ) -> None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if deaf else None
        try:
            with serving(run, dist=dist) as server:
                assert server.end(number) == (0, "", "")
        finally:
            if deaf:
                signal.signal(signal.SIGINT, before)

    def test_what_cannot_be_opened_after_all_is_said_once_and_ends_with_1(self, run: Path, dist: Path) -> None:
        with (run / "transcripts.jsonl").open("ab") as file:
            file.write(b'{"id": "c.ogg"}\n')
        with serving(run, dist=dist) as server:
            assert server.process.stderr is not None
            line = server.process.stderr.readline()
            assert line.startswith(f"Error: {run / 'transcripts.jsonl'}, line 3: not a line that a run wrote")
            state = json.loads(server.asked("/api/state", Cookie=server.cookie())[1])
            assert f"Error: {state['problem']}\n" == line
            assert server.end(signal.SIGINT) == (1, "", "")

    def test_an_answer_that_does_not_end_does_not_hold_it(self, run: Path, dist: Path) -> None:
        with serving(run, dist=dist, more=STUCK) as server:
            head = f"Host: 127.0.0.1:{server.port}\r\nCookie: {server.cookie()}"
            with socket.create_connection(("127.0.0.1", server.port)) as kept:
                kept.sendall(f"GET /api/state HTTP/1.1\r\n{head}\r\n\r\n".encode())
                assert server.process.stdout is not None
                assert server.process.stdout.readline() == "stuck\n"
                assert server.end(signal.SIGINT) == (0, "", "")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for the tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("served")
    run = write_run(folder / "run", short("a.ogg"))
    options = ("--reviewer", "美佳", "--allow-host", "Tunnel:9000")
    with serving(run, *options, dist=page_in(folder), more=FAULTY) as server:
        server.run = run
        yield server


class TestServer:
    def test_it_is_reached_under_its_own_names_alone(self, server: Server) -> None:
        for host in (f"localhost:{server.port}", "tunnel:9000"):
            assert server.asked("/", host)[0] == 401
        for host in (f"evil.example:{server.port}", "localhost:9001", "127.0.0.1"):
            assert server.asked("/", host)[0] == 421

    def test_a_second_server_on_its_log_is_refused(
        self, server: Server, monkeypatch: pytest.MonkeyPatch, dist: Path
    ) -> None:
        monkeypatch.setattr(assets, "_dist", lambda: dist)
        assert server.run is not None
        assert "is open in another review" in said(command(server.run, "--reviewer", "美佳", "--port", 0), 1)

    def test_a_fault_is_told_in_the_terminal_and_the_page_goes_on(self, server: Server) -> None:
        cookie = server.cookie()
        status, text, _ = server.asked("/api/state", Cookie=cookie)
        assert (status, json.loads(text)["code"]) == (500, "failed")
        assert server.asked("/", Cookie=cookie)[0] == 200
        assert server.process.stderr is not None
        assert server.process.stderr.readline().startswith("Error: a request failed by a fault of this program")
        assert any(line.startswith("ZeroDivisionError") for line in server.process.stderr)


class TestInThisProcess:
    """The browser is what interrupts it."""

    @pytest.fixture(autouse=True)
    def browser(self, monkeypatch: pytest.MonkeyPatch, dist: Path) -> list[str]:
        opened: list[str] = []

        def open_(url: str) -> None:
            opened.append(url)
            _thread.interrupt_main()

        monkeypatch.setattr(assets, "_dist", lambda: dist)
        monkeypatch.setattr(review.webbrowser, "open", open_)
        return opened

    def test_the_browser_is_given_the_address_that_is_printed(self, run: Path, browser: list[str]) -> None:
        result = command(run, "--port", 0, "--open")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == f"Review: {browser[0]}\n"

    def test_the_log_is_free_again_behind_it(self, run: Path, browser: list[str]) -> None:
        for _ in range(2):
            assert command(run, "--port", 0, "--open").exit_code == 0
        assert len(set(browser)) == 2

    def test_the_usual_port_gives_way(self, run: Path, browser: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            monkeypatch.setattr(review, "PORT", port)
            assert command(run, "--open").exit_code == 0
        command(run, "--open")
        assert [urlsplit(url).port == port for url in browser] == [False, True]

    def test_beyond_the_machine_it_warns_and_prints_the_name_that_is_allowed(self, run: Path) -> None:
        options = ("--host", "0.0.0.0", "--port", 0, "--open")
        for names, printed in ((("box.lan", "other:81"), r"box\.lan:\d+"), (("other:81",), "other:81")):
            result = command(run, *options, *(word for name in names for word in ("--allow-host", name)))
            assert result.exit_code == 0
            assert re.fullmatch(rf"Review: http://{printed}/\?token=[\w-]+\n", result.stdout)
            assert result.stderr.startswith("Warning: everybody on that network who has the address")
            assert result.stderr.count("\n") == 1


def test_a_list_is_saved_with_its_decisions(tmp_path: Path, write_tone: Any) -> None:
    for name in ("a", "b"):
        write_tone(f"raw/{name}.wav")
    listed = tmp_path / "esd.list"
    listed.write_bytes("raw/a.wav|美佳|JP|はい\r\nraw/b.wav|美佳|JP|いいえ\r\n".encode())
    result = command(listed, "--save", tmp_path / "new.list")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert result.stderr == f"2 lines as before: {tmp_path / 'new.list'}\n"
    assert (tmp_path / "new.list").read_bytes() == listed.read_bytes()
    assert "name another file" in said(command(listed, "--save", listed))
