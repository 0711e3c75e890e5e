"""The READMEs can be read in one go; all else is in the handbook."""

from __future__ import annotations

from tests.support.documents import BOTH, Handbook


@BOTH
def test_the_readme_is_short(book: Handbook) -> None:
    content = book.readme.path.read_bytes()
    assert len(content.splitlines()) <= 160
    assert len(content) <= 10_240
