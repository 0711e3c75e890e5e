"""Japanese and English say the same things, and each page is in one language only, but for what was said."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.desks import Desk, reviewing
from tests.support.pages import Served, served, tab
from tests.support.places import ROOT, SAMPLE
from tests.support.spoiled import spoil

pytestmark = pytest.mark.browser

_SOURCES = ROOT / "anime_whisper_ct2" / "web" / "page" / "src"
_MESSAGE = re.compile(r'^  "([\w.]+)":\s*((?:"(?:[^"\\]|\\.)*"(?:\s*\+\s*)?)+),$', re.MULTILINE)
# What both languages write alike: names, signs and figures.
_ALIKE = re.compile(r"[A-Za-z_.-]+|…|[{}\w\s%.:/+（）-]*")


def messages(language: str) -> dict[str, str]:
    """Give what the sources have for a language, by key."""
    found: dict[str, str] = {}
    for name in ("messages-core.ts", "messages-dialogs.ts", "messages-panels.ts", "messages-problems.ts"):
        both = (_SOURCES / name).read_text(encoding="utf-8")
        _, english, japanese = re.split(r"^export const (?:en|ja)\b.*$", both, flags=re.MULTILINE)
        for key, value in _MESSAGE.findall({"en": english, "ja": japanese}[language]):
            assert key not in found
            found[key] = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', value))
    return found


@pytest.fixture(scope="module")
def server(transcribed_words: Path, transcribed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run with mistakes, beside one without."""
    run = spoil(Path(shutil.copytree(transcribed_words, tmp_path_factory.mktemp("spoiled") / "poor")))
    with served(run, "--reviewer", "花子", "--against", transcribed) as server:
        yield server


def shown(page: Page) -> list[str]:
    """Give every text that the page says itself: what was said, and what names things, left out."""
    said: list[str] = page.evaluate(
        """() => {
          const found = [];
          const own = (node) => !node.closest("[lang=ja]:not(html), bdi, style, kbd, option[lang]");
          const look = (root) => {
            for (const element of root.querySelectorAll("*")) {
              if (element.shadowRoot) look(element.shadowRoot);
              if (!own(element)) continue;
              for (const name of ["aria-label", "title", "placeholder"]) found.push(element.getAttribute(name) ?? "");
              for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) found.push(node.nodeValue);
            }
          };
          look(document.body);
          return found.map((text) => text.trim()).filter((text) => text !== "");
        }"""
    )
    return said


def go_through(page: Page) -> Iterator[None]:
    """Open one thing after the other, and stop at each."""
    page.locator('awct2-review[data-prefetched="5"]').wait_for(state="attached")
    yield
    for key in ("b", "h", ",", "?"):
        page.keyboard.press(key)
        page.locator("dialog[open]").wait_for()
        yield
        page.keyboard.press("Escape")
        page.locator("dialog[open]").wait_for(state="hidden")
    page.keyboard.press("m")
    page.locator(".notices p.info").wait_for()
    yield


def test_both_have_the_same_keys_and_the_same_figures_in_them() -> None:
    english, japanese = messages("en"), messages("ja")
    assert len(english) > 250
    assert english.keys() == japanese.keys()
    for key, text in english.items():
        assert _figures(text) == _figures(japanese[key]), key


def _figures(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_what_is_said_in_japanese_is_japanese() -> None:
    for key, text in messages("ja").items():
        assert re.search(r"[ぁ-ヿ一-鿿]", text) or _ALIKE.fullmatch(text), (key, text)
        # Of two spellings of one word, one is kept to.
        assert not re.search(r"フォルダー|サーバ(?!ー)|ブラウザー|ユーザ(?!ー)", text), (key, text)


@pytest.mark.parametrize(
    ("locale", "query", "language"),
    [
        ("ja-JP", "", "ja"),
        ("en-GB", "", "en"),
        ("fr-FR", "", "en"),
        ("ja-JP", "&lang=en", "en"),
        ("en-US", "&lang=ja", "ja"),
        ("ja-JP", "&lang=xx", "ja"),
    ],
)
def test_the_page_speaks_the_language_of_the_browser_or_of_the_address(
    server: Served, chromium: Browser, locale: str, query: str, language: str
) -> None:
    with tab(chromium, server, locale=locale) as (page, watched):
        page.goto(server.url + query)
        name = {"en": "Queue", "ja": "一覧"}[language]
        expect(page.get_by_role("grid", name=name, exact=True)).to_be_visible()
        assert page.locator("html").get_attribute("lang") == language
        for role, said in (
            ("textbox", ("Text", "本文")),
            ("button", ("Accept", "承認")),
            ("button", ("Reject", "除外")),
        ):
            label = said[language == "ja"]
            expect(page.get_by_role(role, name=re.compile(f"^{label}"))).to_be_visible()  # type: ignore[arg-type]
        watched.assert_clean()


@pytest.mark.parametrize(("language", "other"), [("en", "ja"), ("ja", "en")])
def test_a_page_says_nothing_in_the_other_language(
    server: Served, chromium: Browser, language: str, other: str
) -> None:
    own, foreign = set(messages(language).values()), set(messages(other).values())
    with tab(chromium, server, locale=language) as (page, watched):
        page.goto(server.url)
        for _ in go_through(page):
            said = set(shown(page))
            assert len(said & own) > 20
            assert not {text for text in said & (foreign - own) if not _ALIKE.fullmatch(text)}
            if language == "en":
                # Speakers, and recordings' names, begin with the corpus's folders.
                names = ("日本語", *(folder.name for folder in (SAMPLE / "corpus").iterdir()))
                kana = {text for text in said if re.search(r"[ぁ-ヿ]", text)}
                assert not {text for text in kana if not any(name in text for name in names)}
        watched.assert_clean()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_was_said_is_marked_as_japanese_everywhere(server: Served, chromium: Browser, language: str) -> None:
    with tab(chromium, server, locale=language) as (page, _):
        page.goto(server.url)
        for _ in go_through(page):
            # Texts of the run: none of them without `lang` on itself or around it, but for the page's own.
            bare = page.evaluate(
                """() => {
                  const found = [];
                  const look = (root) => {
                    for (const element of root.querySelectorAll(".text, textarea, .marks, del, ins, .diff"))
                      if (element.closest("[lang]")?.lang !== "ja") found.push(element.textContent);
                    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) look(element.shadowRoot);
                  };
                  look(document.body);
                  return found;
                }"""
            )
            assert bare == []
        assert page.locator("awct2-queue .text").first.get_attribute("lang") == "ja"


def test_changing_the_language_keeps_the_queue_and_the_clip(run: Path, chromium: Browser) -> None:
    with reviewing(chromium, run, query="sort=id&search=た") as here:
        here.go(3)
        row = here.state("row")
        here.page.wait_for_url(f"**row={row}*")
        here.press(",")
        here.page.get_by_label("Language").select_option("ja")
        expect(here.page.get_by_role("grid", name="一覧", exact=True)).to_be_visible()
        japanese = Desk(here.page, here.watched, here.server)
        japanese.wait(row=row, position=3)
        assert "lang=ja" in here.page.url
