"""Nobody else comes in, nothing of a run does more than be shown, and nothing that was confirmed is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.support.asking import JSON, ask, let_in
from tests.support.desks import Desk, log, reviewing
from tests.support.hostile import ESCAPES, FORMULA, MARKUP
from tests.support.pages import Served, served, tab
from tests.support.places import ROOT, SAMPLE
from tests.support.runs import segment, transcript, write_run
from tests.support.spoiled import rewrite

pytestmark = pytest.mark.browser

BIDI = "右から\u202e左へ\u202c と \u2067ここ\u2069"
HOSTILE = (
    MARKUP,
    '"><script>alert(1)</script>',
    "javascript:alert(1)",
    "{{7*7}}${7*7}<%= 7 %>",
    "</script><svg onload=alert(1)>",
    "<style>* { display: none }</style>",
    "new\nline\r\nand\ttab\u2028\u2029",
    BIDI,
    FORMULA,
    ESCAPES,
    "NUL\x00 and \x7f",
    "half \udcff\udcfe and \ud83e",
    "zero\u200bwidth \ufeff mark",
    "e\u0301" * 40,
    "あ" * 4_000,
    "🙂👨‍👩‍👧‍👦",
    "../../etc/passwd",
    "%00%2e%2e/",
    "__proto__",
)


@pytest.fixture(scope="module")
def server(transcribed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over a run of its own."""
    run = Path(shutil.copytree(transcribed, tmp_path_factory.mktemp("served") / "run"))
    with served(run, "--reviewer", "花子") as server:
        yield server


@pytest.fixture(scope="module")
def cookie(server: Served) -> str:
    return let_in(server)


# Of each, one that is there; what changes something is sent, and what only tells is asked for.
ASKED = ("/", "/api/state", "/api/row/0", "/api/clip/0", "/api/queue/1/rows?from=0&count=1", "/api/queue/1/find?row=0")
SENT = (
    *("/api/queue", "/api/decide", "/api/undo", "/api/redo", "/api/batch", "/api/replace", "/api/replace/preview"),
    *("/api/sample", "/api/sample/close", "/api/rules/read", "/api/rules/write", "/api/save"),
)
EVERY = [*(("GET", path) for path in ASKED), *(("POST", path) for path in SENT)]


class TestOthers:
    @pytest.mark.parametrize(("method", "path"), EVERY)
    def test_no_other_name_is_answered(self, server: Served, cookie: str, method: str, path: str) -> None:
        port = urlsplit(server.origin).port
        hosts = (
            "evil.example",
            f"evil.example:{port}",
            "127.0.0.1",
            f"127.0.0.1:{port}0",
            f"127.0.0.1.evil:{port}",
            "",
        )
        for host in hosts:
            answer = ask(server, method, path, b"{}" if method == "POST" else None, Host=host, Cookie=cookie, **JSON)
            assert 400 <= answer.status < 500, host
            assert b"awct2-review" not in answer.body

    @pytest.mark.parametrize(("method", "path"), EVERY)
    def test_without_the_token_there_is_nothing(self, server: Served, method: str, path: str) -> None:
        name = f"awct2-{urlsplit(server.origin).port}"
        for sent in ({}, {"Cookie": f"{name}=wrong"}, {"Cookie": f"{name}="}):
            for more in ("", "?token=", "?token=wrong"):
                answer = ask(server, method, path + more, b"{}" if method == "POST" else None, **JSON, **sent)
                assert answer.status == 401
                assert b"awct2-review" not in answer.body

    @pytest.mark.parametrize("path", SENT)
    def test_another_site_changes_nothing(self, server: Served, cookie: str, path: str) -> None:
        port = urlsplit(server.origin).port
        foreign: tuple[dict[str, str], ...] = (
            *({"Sec_Fetch_Site": site} for site in ("cross-site", "same-site", "none")),
            *({"Origin": origin} for origin in ("http://evil.example", "null", "http://127.0.0.1:9")),
            {"Origin": f"http://127.0.0.1:{port}", "Sec_Fetch_Site": "cross-site"},
            {"Content_Type": "text/plain"},
        )
        for headers in foreign:
            answer = ask(server, "POST", path, b"{}", **{"Cookie": cookie, **JSON, **headers})
            assert answer.status == 403, headers

    @pytest.mark.parametrize("path", ASKED)
    def test_what_is_only_asked_for_changes_nothing_and_lets_nobody_read_along(
        self, server: Served, cookie: str, path: str
    ) -> None:
        before = ask(server, "GET", "/api/state", Cookie=cookie).body
        answer = ask(server, "GET", path, Cookie=cookie, Origin="http://evil.example", Sec_Fetch_Site="cross-site")
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert ask(server, "GET", "/api/state", Cookie=cookie).body == before

    def test_no_path_leads_to_a_file(self, server: Served, cookie: str) -> None:
        for path in (
            *("/../../../../etc/passwd", "/assets/../../guards.py", "/assets/%2e%2e/index.html", "//etc/passwd"),
            *("/api/clip/../../etc/passwd", "/api/clip/%2Fetc%2Fpasswd", "/api/clip/-1", "/api/clip/1e9", "/api/clip/"),
            *("/api/clip/99999999999999999999", "/api/row/70", "/api/clip/0.wav", "/run.json", "/transcripts.jsonl"),
        ):
            answer = ask(server, "GET", path, Cookie=cookie)
            assert answer.status in (400, 404, 422), path
            assert b"root:" not in answer.body

    def test_bodies_have_a_limit(self, server: Served, cookie: str) -> None:
        large = b'{"csv": "' + b"a" * (1 << 20) + b'"}'
        try:
            status = ask(server, "POST", "/api/rules/read", large, Cookie=cookie, **JSON).status
        except (BrokenPipeError, ConnectionResetError):
            status = 413  # it has closed without reading on
        assert status == 413
        assert ask(server, "GET", "/api/state", Cookie=cookie).status == 200


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A run in which names and texts are hostile, and the sound is not."""
    sound = SAMPLE / "corpus" / "その他" / "001.ogg"
    lines = (
        transcript(
            f"{number}/{name}",
            segment(0.0, 1.5, name, -0.2, *((name,) if number % 3 == 0 else ())),
            duration=1.943,
            meta={"speaker": name, name: name},
        )
        for number, name in enumerate(HOSTILE)
    )
    run = write_run(tmp_path / "<b onclick=alert(1)>&amp;'", *lines)
    return rewrite(run, lambda line: {**line, "audio": os.fspath(sound)})


# Which texts the page shows that turn the direction of others: of each, its own element, and whether it is one apart.
TURNING = """() => {
  const found = [];
  const look = (root) => {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    while (texts.nextNode()) {
      const node = texts.currentNode;
      if (node.shadowRoot) look(node.shadowRoot);
      if (node.nodeType !== Node.TEXT_NODE || !/[\\u202a-\\u202e]/.test(node.nodeValue)) continue;
      let inner = node.parentElement;
      if (inner.closest("style, [hidden]")) continue;
      while (getComputedStyle(inner).display === "inline" && getComputedStyle(inner).unicodeBidi === "normal")
        inner = inner.parentElement;
      found.push(inner.textContent.trim());
    }
  };
  look(document);
  return found;
}"""


class TestHostileRuns:
    def test_names_and_texts_are_shown_as_text(self, hostile: Path, chromium: Browser) -> None:
        with reviewing(chromium, hostile, "--against", hostile, query="sort=id") as here:
            assert here.state("count") == str(len(HOSTILE))
            rows = here.rows()
            names = {text for row in rows for text in (row["id"], row["text"])}
            for position, row in enumerate(rows):
                here.go(position)
                assert here.page.evaluate("() => document.querySelector('img, script:not([src]), svg') === null")
                shown = here.page.locator("awct2-pane h2 bdi").evaluate("element => element.textContent")
                assert shown == row["id"]
                # One line of what the log says; a box turns line breaks into its own.
                assert here.box.evaluate("box => box.value") == re.sub(r"\r\n?", "\n", row["text"])
                for text in here.page.evaluate(TURNING):
                    assert text.strip("\u200b") in names or "\u2068" in text
            self._in_dialogs(here)

    def _in_dialogs(self, here: Desk) -> None:
        here.press("b")
        expect(here.page.get_by_role("dialog").locator("ol.examples li")).to_have_count(5)
        here.page.get_by_label("Only those that are undecided").uncheck()
        here.press("Escape", "h")
        here.page.get_by_label("Rule 1: find").fill("<")
        here.page.get_by_label("Rule 1: replace with").fill('"><img src=x onerror=alert(2)>')
        here.page.get_by_role("button", name="Show what changes").click()
        here.page.get_by_role("dialog").locator("ins").first.wait_for()
        assert "<img src=x onerror=alert(2)>" in here.page.locator("awct2-changes .scroll").inner_text()
        here.press("Escape")
        here.wait(position=len(HOSTILE) - 1)

    def test_each_is_decided_on_and_is_the_one_in_the_log(self, hostile: Path, chromium: Browser) -> None:
        with reviewing(chromium, hostile, query="sort=id") as here:
            ids = [row["id"] for row in here.rows()]
            for number in range(len(ids)):
                here.press("Enter")
                here.wait(position=min(number + 1, len(ids) - 1))
            here.wait_saved()
        assert [line["id"] for line in log(hostile)] == ids

    def test_a_hostile_tag_and_text_are_shown_as_text(self, run: Path, chromium: Browser) -> None:
        with reviewing(chromium, run, query="sort=id") as here:
            for name in (MARKUP, '"><script>alert(1)</script>'):
                here.press("t")
                here.page.keyboard.insert_text(name)
                here.press("Enter", "Escape")
                here.wait_saved()
            here.type_over(MARKUP)
            here.press("Control+Enter")
            here.wait_saved()
            here.open("sort=id")
            expect(here.current.locator(".text")).to_have_text(MARKUP)
            assert {*here.rows()[0]["tags"]} >= {MARKUP, '"><script>alert(1)</script>'}
            history = here.page.locator("awct2-history ol")
            expect(history).to_contain_text(MARKUP)

    def test_logs_of_others_are_shown_as_text(self, run: Path, chromium: Browser) -> None:
        with reviewing(chromium, run, query="sort=id", reviewer="mallory") as here:
            here.type_over(MARKUP)
            here.press("Control+Enter")
            here.wait_saved()
        (line,) = log(run, "mallory")
        path = run / "review" / "edits-mallory.jsonl"
        path.write_text(json.dumps({**line, "reviewer": MARKUP}) + "\n", encoding="utf-8")
        with reviewing(chromium, run, query="sort=id") as here:
            expect(here.page.locator("awct2-history ol")).to_contain_text(MARKUP)
            expect(here.page.locator("awct2-pane .state")).to_contain_text(MARKUP)


class TestOffline:
    def test_nothing_leaves_this_machine_in_a_whole_session(
        self, words_run: Path, transcribed: Path, chromium: Browser
    ) -> None:
        with (
            served(words_run, "--reviewer", "花子", "--against", transcribed) as server,
            tab(chromium, server) as (page, watched),
        ):
            asked: list[str] = []
            page.context.on("request", lambda request: asked.append(request.url))
            # Names that lead elsewhere are not even looked up.
            page.context.route(lambda url: not url.startswith((server.origin, "blob:")), Route.abort)
            here = Desk(page, watched, server)
            here.open()
            for key in ("Enter", "j", "k", "x", "Control+z", "Control+y", "Space", "q", "f", "[", "?"):
                here.press(key)
            for key in ("Escape", "b", "Escape", "h", "Escape", ",", "Escape", "u"):
                here.press(key)
            here.wait_saved()
            here.page.get_by_role("searchbox").fill("た")
            here.page.wait_for_url("**search=*")
            here.wait(prefetched=5)
            assert {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in asked} <= {server.origin, "blob://"}
            watched.assert_clean()


class TestBrokenSound:
    def test_a_file_that_kills_or_keeps_the_decoder_costs_a_message_in_its_row(
        self, run: Path, chromium: Browser, tmp_path: Path
    ) -> None:
        sound = SAMPLE / "corpus" / "その他" / "001.ogg"
        odd = {0: "segfault.ogg", 2: "hang.ogg", 4: "text.ogg"}
        for name in ("segfault.ogg", "hang.ogg"):
            shutil.copyfile(sound, tmp_path / name)
        (tmp_path / "text.ogg").write_text("これは音声ではありません。", encoding="utf-8")
        order = sorted(json.loads(line)["id"] for line in (run / "transcripts.jsonl").read_bytes().splitlines())
        places = {order[at]: os.fspath(tmp_path / name) for at, name in odd.items()}
        rewrite(run, lambda line: {**line, "audio": places.get(line["id"], os.fspath(ROOT / line["audio"]))})
        faults = os.fspath(ROOT / "tests" / "support" / "faults")
        with (
            served(run, "--reviewer", "花子", PYTHONPATH=os.pathsep.join(_checkout(faults))) as server,
            tab(chromium, server) as (page, watched),
        ):
            here = Desk(page, watched, server)
            here.open("sort=id")
            rows = here.grid.get_by_role("row")
            expect(rows.nth(0)).to_contain_text("the worker that decoded it died, twice", timeout=60_000)
            for at in (1, 3):
                here.go(at)
                here.wait(playing=True)
            expect(rows.nth(2)).to_contain_text("no sound within 15 s", timeout=60_000)
            expect(rows.nth(4)).to_contain_text("No sound:")
            here.go(5)
            here.wait(playing=True)
            # What cannot be heard can still be decided on.
            here.go(4)
            here.press("x")
            here.wait_saved()
            assert Counter(line["action"] for line in log(run)) == {"reject": 1}
            assert watched.dialogs == watched.elsewhere == []
            assert {error for error in watched.errors if "422" not in error} == set()


def _checkout(first: str) -> list[str]:
    """Give where the server's modules are looked for: an installed one has them beside itself."""
    return [first] if os.environ.get("AWCT2_PAGE") else [first, os.fspath(ROOT), os.fspath(ROOT / "convert")]
