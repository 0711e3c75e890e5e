"""A browser keeps to what the guards tell it: cookies, other sites, and the page's own scripts alone."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests.support.commands import environment
from tests.support.places import ROOT

pytest.importorskip("playwright")
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


@contextmanager
def started() -> Iterator[str]:
    """Start a small site, and give its address with the token."""
    command = [sys.executable, "-m", "tests.support.small_site"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture
def url() -> Iterator[str]:
    with started() as url:
        yield url


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def said(page: Page) -> str:
    """What the page's script found, once it has."""
    # The policy forbids what Playwright waits for functions with.
    expect(page.locator("#said")).to_have_text(re.compile(r"\|$"))
    return page.inner_text("#said")


def test_the_printed_address_opens_the_page_and_leaves_no_token(page: Page, url: str) -> None:
    page.goto(url)
    assert said(page) == "1 |"  # its script ran and sent something, and sees no cookie
    assert page.url == f"{origin(url)}/"
    page.reload()
    assert said(page) == "2 |"
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (True, "Strict", -1)


def test_nothing_but_the_page_s_own_files_runs(page: Page, url: str) -> None:
    page.goto(url)
    said(page)
    assert page.title() == "site"
    looks = page.evaluate("(({ color, fontSize }) => [color, fontSize])(getComputedStyle(document.querySelector('p')))")
    assert looks == ["rgb(1, 2, 3)", "33px"]


def test_without_the_token_there_is_only_the_way_in(page: Page, url: str) -> None:
    page.goto(origin(url))
    assert "has printed in the terminal" in page.inner_text("body")
    assert page.locator("#said").count() == 0


def test_a_link_on_another_site_leads_in(page: Page, url: str) -> None:
    # By this name the same machine is another site.
    with started() as other:
        page.goto(other.replace("127.0.0.1", "localhost"))
        link = "url => { document.body.innerHTML = '<a>in</a>'; document.querySelector('a').href = url; }"
        page.evaluate(link, url)
        page.click("a")
        page.wait_for_url(f"{origin(url)}/")
        assert said(page) == "1 |"


def test_another_site_changes_reads_and_frames_nothing(page: Page, url: str) -> None:
    page.goto(url)
    assert said(page) == "1 |"
    there = page.context.new_page()
    # A page without a policy of its own, on another port: to cookies the same site.
    there.route("**/elsewhere", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    for name in ("127.0.0.1", "localhost"):
        there.goto(f"http://{name}:9/elsewhere")
        tried = there.evaluate(
            """async origin => {
              const json = { "content-type": "application/json" };
              const ways = [{}, { mode: "no-cors" }, { credentials: "include" },
                { credentials: "include", headers: json }, { mode: "no-cors", credentials: "include" }];
              const got = [];
              for (const way of ways)
                for (const method of ["POST", "GET"])
                  got.push(await fetch(`${origin}/api/${method === "GET" ? "count" : "change"}`, { ...way, method })
                    .then(answer => answer.text(), () => ""));
              const frame = document.createElement("iframe");
              frame.src = origin;
              const loaded = new Promise(resolve => { frame.onload = resolve; });
              document.body.append(frame);
              await loaded;
              return got;
            }""",
            origin(url),
        )
        assert set(tried) == {""}
        assert [frame.locator("#said").count() for frame in there.frames[1:]] == [0]
    page.reload()
    assert said(page) == "2 |"
