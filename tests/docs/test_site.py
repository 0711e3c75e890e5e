"""The built site: nothing is fetched from elsewhere, each page leads to itself in the other language, search finds."""

from __future__ import annotations

import posixpath
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.documents import BOTH, ENGLISH, JAPANESE, Handbook
from tests.support.site import search, site

pytestmark = pytest.mark.site

# What a browser fetches by itself, and the attribute that says from where.
FETCHED = {
    **{"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src", "embed": "src"},
    **{"link": "href", "object": "data"},
}
# Of links in the head, these only say something.
SAID = {"canonical", "alternate", "next", "prev"}
# Words in the middle of a sentence, with nothing around them that parts words, and a page on which they stand.
INSIDE = {
    "雑音": "reference/flags/",
    "書き起こし": "reference/exit-statuses/",
    "打ち消し": "reference/flags/",
    "警告": "reference/configuration/",
    "決まり文句": "reference/flags/",
}


class Page(HTMLParser):
    """What a page fetches, and where it says that it is in other languages."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.languages: dict[str, str] = {}
        self.styles = ""
        self._in_style = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        self.styles += given.get("style", "")
        if tag in FETCHED and given.get("rel") not in SAID and (target := given.get(FETCHED[tag])):
            self.fetched.append(target)
        if tag == "a" and "hreflang" in given:
            self.languages[given["hreflang"]] = given["href"]

    def handle_data(self, data: str) -> None:
        self.styles += data if self._in_style else ""


def pages(book: Handbook) -> dict[str, Page]:
    """Take the pages of a site apart, by their places in it."""
    folder = site(book.language)
    paths = (path for path in sorted(folder.rglob("index.html")))
    return {path.relative_to(folder).as_posix().removesuffix("index.html"): Page(path) for path in paths}


def is_foreign(target: str) -> bool:
    return target.startswith(("http:", "https:", "//"))


@BOTH
def test_every_page_is_built(book: Handbook) -> None:
    assert {page.removesuffix("index.md").replace(".md", "/") for page in book.pages} == pages(book).keys()


@BOTH
def test_nothing_is_fetched_from_elsewhere(book: Handbook) -> None:
    for place, page in pages(book).items():
        assert not [target for target in page.fetched if is_foreign(target)], place
        assert "url(http" not in page.styles, place
        assert "url(//" not in page.styles, place
    for sheet in site(book.language).rglob("*.css"):
        text = sheet.read_text(encoding="utf-8").replace('"', "").replace("'", "")
        assert not any(word in text for word in ("url(http", "url(//", "@import http", "@import //")), sheet.name


@BOTH
def test_each_page_leads_to_itself_in_both_languages(book: Handbook) -> None:
    for place, page in pages(book).items():
        there = {
            language: posixpath.normpath(posixpath.join("/", book.language, place, href))
            for language, href in page.languages.items()
        }
        assert there == {b.language: posixpath.normpath(f"/{b.language}/{place}") for b in (ENGLISH, JAPANESE)}, place


def test_the_search_finds_japanese_words_inside_sentences() -> None:
    for word, places in search("ja", INSIDE).items():
        assert places, word


def test_words_that_are_searched_stand_inside_sentences() -> None:
    for word, place in INSIDE.items():
        document = JAPANESE.pages[place.rstrip("/") + ".md"]
        assert any(
            before[-1:] not in "、。「」（） \n" and after[:1] not in "、。「」（） \n"
            for before, after in pairwise(document.written.split(word))
        ), word
