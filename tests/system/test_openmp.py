"""A second OpenMP run-time may be loaded where wheels bring their own."""

from __future__ import annotations

import sys

import pytest

from anime_whisper_ct2.system.openmp import allow_two


@pytest.mark.parametrize(("system", "set_to"), [("win32", "TRUE"), ("darwin", "TRUE"), ("linux", None)])
def test_it_is_allowed_where_it_would_end_the_process(
    system: str, set_to: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    environ: dict[str, str] = {}
    allow_two(environ)
    assert environ.get("KMP_DUPLICATE_LIB_OK") == set_to


def test_a_user_s_own_word_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    environ = {"KMP_DUPLICATE_LIB_OK": "FALSE"}
    allow_two(environ)
    assert environ == {"KMP_DUPLICATE_LIB_OK": "FALSE"}
