"""Newcomers' questions, typed into the search of the built site, lead to their answers: see `questions.md`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest

from tests.support.documents import BOTH, ENGLISH, Document, Handbook, anchor, spans
from tests.support.places import ROOT
from tests.support.site import search


@dataclass(frozen=True, slots=True)
class Question:
    """`typed`: by language; `headings` are those of the page that answer, in English."""

    text: str
    typed: dict[str, list[str]]
    page: str
    headings: tuple[str, ...]

    def places(self, book: Handbook) -> set[str]:
        """Give where the search can lead to: the top of a page for its title, else a heading in it."""
        folder = self.page.removesuffix("index.md").removesuffix(".md") + "/"
        sections = [book.section(self.page, heading) for heading in self.headings]
        return {folder if section.level == 1 else f"{folder}#{anchor(section.title)}" for section in sections}


def read_questions() -> list[Question]:
    (table,) = Document(ROOT / "tests" / "docs" / "questions.md").sections[0].tables
    return [
        Question(text, {"en": spans([english]), "ja": spans([japanese])}, page, tuple(headings.split("; ")))
        for text, english, japanese, page, headings in table[2:]
    ]


@cache
def answers(language: str) -> dict[str, list[str]]:
    """Ask the search all questions of a language at once."""
    return search(language, [words for question in read_questions() for words in question.typed[language]])


QUESTIONS = [pytest.param(question, id=question.text) for question in read_questions()]


def test_there_are_questions_in_both_languages() -> None:
    assert len(QUESTIONS) >= 10
    assert all(len(words) >= 2 for question in read_questions() for words in question.typed.values())


@BOTH
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_an_answer(book: Handbook, question: Question) -> None:
    assert all(ENGLISH.section(question.page, heading) for heading in question.headings)
    assert question.places(book)


@pytest.mark.site
@BOTH
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_search_leads_to_the_answer(book: Handbook, question: Question) -> None:
    for typed in question.typed[book.language]:
        places = answers(book.language)[typed]
        assert question.places(book) & set(places), f"{typed!r} leads to {places}"
