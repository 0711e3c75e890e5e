"""The page of `awct2 review` as a reviewer has it: the real command, and Chromium before it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.commands import COMMAND, environment
from tests.support.needs import browser as chromium
from tests.support.windows import ON_WINDOWS

# The command that `make test-page` installs out of the wheel; without it, the checkout's own is tried.
INSTALLED = os.environ.get("AWCT2_PAGE")
# Chromium as root, and without the requests that it makes for itself.
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--mute-audio"),
)
_READY = "Review: "


@dataclass(slots=True)
class Served:
    """A server that is ready; `url` has the token in it."""

    process: subprocess.Popen[str]
    url: str

    @property
    def origin(self) -> str:
        """Where it listens, as `http://127.0.0.1:8765`."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def interrupt(self) -> int:
        """Press Ctrl-C, and give the exit status."""
        self.process.send_signal(signal.CTRL_BREAK_EVENT if ON_WINDOWS else signal.SIGINT)  # type: ignore[attr-defined]
        return self.process.wait(60)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self.process.kill()
        self.process.wait(60)


def command() -> list[str]:
    """Give what starts the command: the installed one where there is one."""
    return [INSTALLED] if INSTALLED else COMMAND


def bare_environment(**extra: str) -> dict[str, str]:
    """Give the server's environment: of an installed command, one in which there is neither checkout nor Node.js."""
    if not INSTALLED:
        return environment(**extra)
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PATH")}
    path = str(Path(INSTALLED).parent)
    assert shutil.which("node", path=path) is None
    return {**own, "PATH": path, **extra}


@contextmanager
def served(run: Path, *options: object, **extra: str) -> Iterator[Served]:
    """Run `awct2 review` until the block ends; `extra` goes into its environment."""
    line = [*command(), "review", str(run), "--no-open", "--port", "0", *map(str, options)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=bare_environment(**extra)) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready.startswith(_READY), f"{ready!r}, status {process.poll()}"
            yield Served(process, ready.removeprefix(_READY).strip())
        finally:
            if process.poll() is None:
                process.kill()


@dataclass(slots=True)
class Watched:
    """What a page did that nobody should see: errors, dialogs, and requests to elsewhere."""

    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def assert_clean(self) -> None:
        """Hold that nothing of the kind was seen."""
        assert self.errors == [], self.errors
        assert self.dialogs == [], self.dialogs
        assert self.elsewhere == [], self.elsewhere


@contextmanager
def chromium_started() -> Iterator[Browser]:
    """Start Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(browser: Browser, server: Served, **context: Any) -> Iterator[tuple[Page, Watched]]:
    """Open the page in a tab of its own; `context` as Playwright's: locale, color_scheme, viewport."""
    settings = {"locale": "en-US", "viewport": {"width": 1280, "height": 860}, **context}
    opened: BrowserContext = browser.new_context(**settings)
    try:
        page = opened.new_page()
        yield page, watch(page, server.origin)
    finally:
        opened.close()


def watch(page: Page, origin: str) -> Watched:
    """Note what a page does from now on."""
    seen = Watched()

    def dialog(shown: Any) -> None:
        if shown.type == "beforeunload":
            # it asks whether to leave what is not kept: a test that leaves means it
            shown.accept()
            return
        seen.dialogs.append(shown.message)
        shown.dismiss()

    def request(asked: Any) -> None:
        if not asked.url.startswith((origin + "/", f"blob:{origin}/", "data:")):
            seen.elsewhere.append(asked.url)

    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("console", lambda said: seen.errors.append(said.text) if said.type == "error" else None)
    page.on("dialog", dialog)
    page.on("request", request)
    return seen
