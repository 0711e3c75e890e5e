"""The documentation, taken apart: the README and the pages below `docs`, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from textwrap import dedent
from typing import TypeVar

import pytest

from anime_whisper_ct2.options import DEFAULT_MODEL
from tests.support.places import ROOT

DOCS = ROOT / "docs"
CODE_SPAN = re.compile(r"`([^`]+)`")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_FENCE = re.compile(r" *```([\w-]*)")
_HEADING = re.compile(r"(#+) (.*)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)

Table = list[list[str]]
F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced piece of code: `line` is that of its first line, counted from 0, `headings` are those above it."""

    page: str
    line: int
    language: str
    code: str
    headings: tuple[str, ...]


@dataclass(slots=True)
class Section:
    """A heading and what stands below it, down to the next heading."""

    level: int
    title: str
    tables: list[Table] = field(default_factory=list)
    prose: str = ""


class Document:
    """A page, taken apart; comments are left out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        # As many lines as before, for those of the blocks.
        text = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), path.read_text(encoding="utf-8"))
        self.sections: list[Section] = []
        self.blocks: list[Block] = []
        fence: tuple[int, str] | None = None
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if mark := _FENCE.match(line):
                if fence:
                    code = dedent("\n".join(lines[fence[0] : number]))
                    self.blocks.append(Block(self.name, *fence, code, self._headings()))
                fence = None if fence else (number + 1, mark[1])
            elif fence is None:
                self._prose(line, is_first_row=not lines[number - 1].startswith("|"))

    def _prose(self, line: str, *, is_first_row: bool) -> None:
        if heading := _HEADING.match(line):
            self.sections.append(Section(len(heading[1]), heading[2]))
        elif not self.sections:
            assert not line, f"{self.name} begins with something else than its heading"
        elif line.startswith("|"):
            if is_first_row:
                self.sections[-1].tables.append([])
            self.sections[-1].tables[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        else:
            self.sections[-1].prose += line + "\n"

    def _headings(self) -> tuple[str, ...]:
        above: dict[int, str] = {}
        for section in self.sections:
            above = {level: title for level, title in above.items() if level < section.level}
            above[section.level] = section.title
        return tuple(above.values())

    @property
    def written(self) -> str:
        """Give all but code: headings, prose and tables."""
        rows = ("|".join(row) for section in self.sections for table in section.tables for row in table)
        return "\n".join([*(f"{section.title}\n{section.prose}" for section in self.sections), *rows])

    def index(self, title: str) -> int:
        """Give the number of the section with this title."""
        numbers = [n for n, section in enumerate(self.sections) if section.title == title]
        assert len(numbers) == 1, f"{self.name}: {len(numbers)} headings are {title!r}"
        return numbers[0]

    def below(self, number: int) -> Iterator[Section]:
        """Give a section and those under it."""
        top, *rest = self.sections[number:]
        yield top
        yield from takewhile(lambda section: section.level > top.level, rest)


class Handbook:
    """The README of a language and its pages, by their names below the language's folder."""

    def __init__(self, language: str, readme: str) -> None:
        self.language = language
        self.folder = DOCS / language
        self.config = (DOCS / f"zensical.{language}.toml").read_text(encoding="utf-8")
        paths = sorted(self.folder.rglob("*.md"))
        self.readme = Document(ROOT / readme)
        self.pages = {path.relative_to(self.folder).as_posix(): Document(path) for path in paths}
        self.documents = {"README": self.readme, **self.pages}

    @property
    def blocks(self) -> list[Block]:
        """Give the pieces of code of the README and of all pages."""
        return [block for document in self.documents.values() for block in document.blocks]

    def below(self, page: str, title: str = "") -> list[Section]:
        """Give the section of a page, and those under it; its title is the English one in both languages."""
        return list(self.pages[page].below(_index(page, title)))

    def section(self, page: str, title: str = "") -> Section:
        """Give the section of a page alone, without those under it; without a title, the page's first."""
        return self.pages[page].sections[_index(page, title)]

    def rows(self, page: str, title: str = "") -> list[list[str]]:
        """Give the rows of all tables of a section and of those under it, without their heads."""
        return [row for section in self.below(page, title) for table in section.tables for row in table[2:]]

    def named(self, page: str, title: str = "") -> dict[str, list[str]]:
        """Give the same rows by each name in their first column."""
        return {name: row for row in self.rows(page, title) for name in spans(row[:1])}

    def prose(self, page: str, title: str = "") -> set[str]:
        """Give what the prose of a section, and of those under it, names."""
        return set(spans([section.prose for section in self.below(page, title)]))


def spans(cells: list[str]) -> list[str]:
    """Give the code in the cells of a row."""
    return [span for cell in cells for span in CODE_SPAN.findall(cell)]


def execute(block: Block, model: str) -> None:
    """Run a block of Python with another model in place of the default."""
    code = "\n" * block.line + block.code.replace(DEFAULT_MODEL, model)  # so that a traceback names the page's line
    exec(compile(code, str(ROOT / block.page), "exec"), {"__name__": "__main__"})


def anchor(title: str) -> str:
    """Give the name by which GitHub and the site link to a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[^\w -]", "", text.lower()).strip().replace(" ", "-")


ENGLISH, JAPANESE = Handbook("en", "README.md"), Handbook("ja", "README.ja.md")
BOTH: Callable[[F], F] = pytest.mark.parametrize("book", [ENGLISH, JAPANESE], ids=["en", "ja"])


def _index(page: str, title: str) -> int:
    return ENGLISH.pages[page].index(title) if title else 0
