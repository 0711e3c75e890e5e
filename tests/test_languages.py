"""Whatever people call a language, its code for Whisper is known; a code is left alone."""

from __future__ import annotations

import pytest
from transformers.models.whisper.tokenization_whisper import LANGUAGES as WHISPERS
from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.languages import LANGUAGES, code_of
from anime_whisper_ct2.options import DecodingOptions


def test_all_languages_of_whisper_are_known_by_code_and_name() -> None:
    assert set(WHISPERS) == LANGUAGES
    for name, code in TO_LANGUAGE_CODE.items():
        assert code_of(name) == code_of(name.title()) == code
        assert code_of(code) is None


@pytest.mark.parametrize(
    ("given", "code"),
    [("ja-JP", "ja"), ("ja_JP", "ja"), ("JA", "ja"), ("jpn", "ja"), ("jp", "ja"), ("日本語", "ja"), ("<|ja|>", "ja"),
     (" Japanese ", "ja"), ("zh-Hant-TW", "zh"), ("deu", "de"), ("ger", "de"), ("Haitian-Creole", "ht")],
)  # fmt: skip
def test_so_are_other_ways_to_write_them(given: str, code: str) -> None:
    assert code_of(given) == code
    with pytest.raises(InputError, match=f"Whisper calls it '{code}', so give that"):
        DecodingOptions(language=given)


@pytest.mark.parametrize("given", ["", "auto", "detect", "klingon", "xx", None, 7])
def test_what_is_no_language_has_no_code(given: object) -> None:
    if isinstance(given, str):
        assert code_of(given) is None
    if given != "xx":  # a model may know more than Whisper did
        with pytest.raises(InputError, match="none is detected"):
            DecodingOptions(language=given)  # type: ignore[arg-type] # what a program may give
