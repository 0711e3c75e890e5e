"""Every link of the READMEs and the handbook leads somewhere, and the navigation to every page."""

from __future__ import annotations

import re

import pytest

from tests.support.documents import BOTH, ENGLISH, JAPANESE, Document, Handbook, anchor, spans
from tests.support.places import ROOT

LINK = re.compile(r"""\]\(([^)\s]+)|(?:src|href)="([^"]+)\"""")
OBJECT = re.compile(r"^::: (\S+)", re.MULTILINE)
NAVIGATION = re.compile(r'"([\w/-]+\.md)"')
# What of the checkout is named in the text, as `tests/docs/test_links.py` is.
OURS = re.compile(r"(?:anime_whisper_ct2|benchmarks|convert|docs|tests)/[\w./-]+|\w+\.(?:cfg|toml)|[A-Z]{4,}\.md")
OF_A_LANGUAGE = re.compile(r"language|toggle\.name|permalink_title")
DOCUMENTS = [
    pytest.param(document, id=document.name) for book in (ENGLISH, JAPANESE) for document in book.documents.values()
]
BY_PATH = {document.path: document for book in (ENGLISH, JAPANESE) for document in book.documents.values()}


def anchors(document: Document) -> list[str]:
    """Give what a link to a page can have behind its #; Python's names are among it."""
    return [*(anchor(section.title) for section in document.sections), *OBJECT.findall(document.written)]


def links(document: Document) -> list[str]:
    return [target or attribute for target, attribute in LINK.findall(document.written)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: Document) -> None:
    for target in links(document):
        if target.startswith(("https://", "mailto:")):
            continue
        path, _, name = target.partition("#")
        file = (document.path.parent / path).resolve() if path else document.path
        assert file.exists(), target
        if name:
            assert name in anchors(BY_PATH[file]), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_two_headings_of_a_page_have_the_same_name(document: Document) -> None:
    assert len(set(anchors(document))) == len(anchors(document))


@BOTH
def test_pages_lead_to_pages_of_their_language_alone(book: Handbook) -> None:
    for page in book.pages.values():
        for target in links(page):
            if not target.startswith(("https://", "#")):
                file = (page.path.parent / target.partition("#")[0]).resolve()
                assert file.is_relative_to(book.folder), f"{page.name}: {target}"


@BOTH
def test_the_readme_leads_into_the_handbook_of_its_language(book: Handbook) -> None:
    folders = {target.split("/")[1] for target in links(book.readme) if target.startswith("docs/")}
    assert folders == {book.language}


@BOTH
def test_files_of_the_checkout_that_are_named_exist(book: Handbook) -> None:
    for document in book.documents.values():
        for name in spans([document.written]):
            if OURS.fullmatch(name):
                assert (ROOT / name).exists(), f"{document.name}: {name}"


@BOTH
def test_the_navigation_leads_to_every_page_once(book: Handbook) -> None:
    pages = NAVIGATION.findall(book.config)
    assert sorted(pages) == sorted(book.pages)


def test_the_navigation_has_the_same_order_in_both_languages() -> None:
    assert NAVIGATION.findall(ENGLISH.config) == NAVIGATION.findall(JAPANESE.config)


def test_both_sites_have_the_same_settings() -> None:
    def settings(book: Handbook) -> list[str]:
        lines = book.config.partition("[project.theme]")[2].splitlines()
        return [line.partition("#")[0].rstrip() for line in lines if not OF_A_LANGUAGE.match(line)]

    assert settings(ENGLISH) == settings(JAPANESE)
