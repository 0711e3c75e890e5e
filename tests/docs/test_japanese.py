"""The Japanese pages are written in Japanese, and spell one thing in one way."""

from __future__ import annotations

import re

import pytest

from tests.support.documents import JAPANESE, Document

# Four words of English in a row are a sentence, not a name.
ENGLISH_WORDS = re.compile(r"(?:\b[A-Za-z]{2,}\b[ ,]+){3,}[A-Za-z]{2,}")
# Other spellings, and what is said in another way.
STRANGERS = {
    "フォルダー": "フォルダ",
    "メモリー": "メモリ",
    "ブラウザー": "ブラウザ",
    "サーバ(?!ー)": "サーバー",
    "ユーザ(?!ー)": "ユーザー",
    "文字起こし|書起こし|書きおこし": "書き起こし",
    "変わった点": "疑わしい点",
    "単語の時刻": "単語タイムスタンプ",
    "コード \\d のエラー": "終了コード 2",
    "Makefile の一段": "Makefile に組み込む",
    "[０-９]": "half-width digits",
    "\\d (?:件|秒|分|時間|回|行|個|台|基|コア)": "no space before a counter",
}
PAGES = pytest.mark.parametrize("page", JAPANESE.documents.values(), ids=list(JAPANESE.documents))


def plain(page: Document) -> list[str]:
    """Give the lines of a page without code, targets of links, and where something was measured."""
    lines = [line for section in page.sections for line in (section.title, *section.prose.splitlines())]
    lines += [cell for section in page.sections for table in section.tables for row in table for cell in row]
    return [re.sub(r"`[^`]*`|\]\([^)]*\)", "", line) for line in lines if not line.startswith("<sub>")]


@PAGES
def test_no_sentence_is_left_in_english(page: Document) -> None:
    assert [line for line in plain(page) if ENGLISH_WORDS.search(line)] == []


@PAGES
@pytest.mark.parametrize("stranger", STRANGERS)
def test_one_thing_has_one_spelling(page: Document, stranger: str) -> None:
    assert [line for line in plain(page) if re.search(stranger, line)] == [], f"written as {STRANGERS[stranger]}"
