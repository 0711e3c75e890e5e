"""The page of `awct2 review` before a reviewer: what is pressed, what the page is at, and what it has asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Request, Route

from tests.support.pages import Served, Watched, served, tab

ROOT = "awct2-review"


@dataclass(slots=True)
class Held:
    """Requests that are kept from the server until they are let go."""

    routes: list[Route] = field(default_factory=list)
    is_released: bool = False

    def take(self, route: Route) -> None:
        """Keep a request; after the release, let it through."""
        if self.is_released:
            route.continue_()
        else:
            self.routes.append(route)

    def release(self) -> None:
        """Let all go that are kept, and whatever comes."""
        self.is_released = True
        for route in self.routes:
            route.continue_()


@dataclass(slots=True)
class Desk:
    """A page that is open; what it has asked its server for is noted from the beginning."""

    page: Page
    watched: Watched
    server: Served
    requests: list[Request] = field(default_factory=list)

    def state(self, name: str) -> str:
        """Give one of the states that the page tells, such as `position`."""
        return self.page.locator(ROOT).get_attribute(f"data-{name}") or ""

    def wait(self, **states: object) -> None:
        """Wait until the page tells these states."""
        told = "".join(f'[data-{name}="{_said(value)}"]' for name, value in states.items())
        self.page.locator(f"{ROOT}{told}").wait_for(state="attached")

    def wait_saved(self) -> None:
        """Wait until everything is confirmed."""
        self.wait(unsaved=0)

    def wait_held(self, count: int = 6) -> None:
        """Wait until the current clip stands ready and so many others do: in the middle of a queue, five and one."""
        self.wait(prefetched=count, held=count + 1, sound=self.state("row"))

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as Playwright names them."""
        for key in keys:
            self.page.keyboard.press(key)

    def type_over(self, text: str) -> None:
        """Write a text in the place of the current one, and stay in its box."""
        self.press("e", "Control+A")
        self.page.keyboard.insert_text(text)

    def go(self, position: int) -> None:
        """Walk to a position of the queue with keys, and wait until its clip and all about it are here."""
        while (here := int(self.state("position"))) != position:
            self.press("j" if here < position else "k")
            self.wait(position=here + (1 if here < position else -1))
        self.wait_detail()

    def wait_detail(self) -> None:
        """Wait until all about the current clip is here."""
        self.page.locator(f'{ROOT}:not([data-row=""])').wait_for(state="attached")
        self.wait(detail=self.state("row"))

    def pass_over(self, status: int) -> None:
        """Take an answer of this status for no error: a row was asked for, and went while that was on its way."""
        self.watched.errors[:] = [error for error in self.watched.errors if f"status of {status}" not in error]

    @property
    def box(self) -> Locator:
        """The text of the current clip."""
        return self.page.get_by_role("textbox", name="Text", exact=True)

    @property
    def grid(self) -> Locator:
        """The queue."""
        return self.page.get_by_role("grid", name="Queue", exact=True)

    @property
    def current(self) -> Locator:
        """The current row of the queue."""
        return self.grid.locator('[aria-selected="true"]')

    def asked(self, path: str) -> list[Request]:
        """Give the requests for something below `api/`, in order."""
        return [one for one in self.requests if one.url.startswith(f"{self.server.origin}/api/{path}")]

    def sent(self, path: str) -> list[dict[str, Any]]:
        """Give what was sent to a route, in order."""
        return [json.loads(one.post_data or "null") for one in self.asked(path)]

    def hold(self, pattern: str) -> Held:
        """Keep requests to addresses of this form from the server."""
        held = Held()
        self.page.route(pattern, lambda route: held.take(route))  # noqa: PLW0108 - Playwright marks it
        return held

    def api(self, path: str, **body: Any) -> Any:
        """Ask the server as the page does, beside the page: a GET without a body."""
        address = f"{self.server.origin}/api/{path}"
        asked = self.page.context.request
        own = {"Sec-Fetch-Site": "same-origin"}
        answer = asked.post(address, data=body, headers=own) if body else asked.get(address)
        assert answer.ok, answer.text()
        return answer.json()

    def rows(self, queue: str | None = None) -> list[dict[str, Any]]:
        """Give the rows of the open queue as the server has them."""
        self.page.locator(f'{ROOT}:not([data-queue=""])').wait_for(state="attached")
        number = queue or self.state("queue")
        return list(self.api(f"queue/{number}/rows?from=0&count=200")["rows"])

    def open(self, query: str = "") -> None:
        """Load the page, and wait until the first clip stands ready; `query`: as `sort=id`."""
        self.page.goto(f"{self.server.url}&{query}" if query else self.server.url)
        self.wait_ready()

    def reload(self) -> None:
        """Load the page anew, and wait until the current clip and all about it are here."""
        self.page.reload()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the page shows its queue, and of a queue that is not empty the current clip."""
        self.page.locator(f'{ROOT}[data-ready="true"]:not([data-queue=""])').wait_for(state="attached")
        if self.state("count") != "0":
            self.page.locator(f'{ROOT}:not([data-row=""])').wait_for(state="attached")
            self.wait_detail()


@contextmanager
def desk(browser: Browser, server: Served, query: str = "", script: str = "", **context: Any) -> Iterator[Desk]:
    """Open the page of a server in a tab of its own; what it did that nobody should see fails the test.

    `script` runs before the page's own: to note what the page cannot be asked for.
    """
    with tab(browser, server, **context) as (page, watched):
        here = Desk(page, watched, server)
        if script:
            page.add_init_script(script)
        page.on("request", lambda asked: here.requests.append(asked))  # noqa: PLW0108 - Playwright marks it
        here.open(query)
        yield here
        watched.assert_clean()


@contextmanager
def reviewing(
    browser: Browser, run: Path, *options: object, query: str = "", reviewer: str = "花子", **more: Any
) -> Iterator[Desk]:
    """Run the command over a run, and open its page; `more` as `desk` takes it."""
    with served(run, "--reviewer", reviewer, *options) as server, desk(browser, server, query, **more) as here:
        yield here


def log(run: Path, reviewer: str = "花子") -> list[dict[str, Any]]:
    """Give what a reviewer's log says, line by line."""
    lines = (run / "review" / f"edits-{reviewer}.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
