"""Both languages say the same: the same pages, headings, code and names."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from tests.support.documents import ENGLISH, JAPANESE, Document, spans

COMMENT = re.compile(r"(^|[ \t]+)#.*$", re.MULTILINE)
SECTIONS = [
    pytest.param(name, number, id=f"{name}-{section.title}")
    for name, document in ENGLISH.documents.items()
    for number, section in enumerate(document.sections)
]


def both(name: str) -> tuple[Document, Document]:
    return ENGLISH.documents[name], JAPANESE.documents[name]


def test_both_languages_have_the_same_pages() -> None:
    assert ENGLISH.pages.keys() == JAPANESE.pages.keys()


@pytest.mark.parametrize("name", ENGLISH.documents)
def test_both_languages_have_the_same_structure_and_code(name: str) -> None:
    english, japanese = both(name)
    assert [section.level for section in english.sections] == [section.level for section in japanese.sections]
    code = [[(block.language, COMMENT.sub("", block.code)) for block in document.blocks] for document in both(name)]
    assert code[0] == code[1]


@pytest.mark.parametrize(("name", "number"), SECTIONS)
def test_both_languages_name_the_same_things_in_each_section(name: str, number: int) -> None:
    english, japanese = (document.sections[number] for document in both(name))
    assert set(spans([english.title])) == set(spans([japanese.title]))
    assert set(spans([english.prose])) == set(spans([japanese.prose]))
    names = [[[set(spans(row)) for row in table] for table in section.tables] for section in (english, japanese)]
    assert names[0] == names[1]


@pytest.mark.parametrize("name", ENGLISH.documents)
def test_each_page_has_one_title_and_no_heading_leaves_a_level_out(name: str) -> None:
    levels = [section.level for section in ENGLISH.documents[name].sections]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
