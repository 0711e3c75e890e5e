from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from anime_whisper_ct2.review import patterns
from anime_whisper_ct2.review.patterns import Replacer
from anime_whisper_ct2.review.refusing import RefusedError
from anime_whisper_ct2.review.requests import Rule

TEXTS = ["はい、はい。", "えっ!?", "", "a|b", "\ud83d"]


def replaced(texts: Sequence[str], *rules: Rule) -> list[str | None]:
    with Replacer(rules) as replacer:
        return list(replacer.replaced(texts))


def test_a_literal_rule_is_taken_as_it_stands() -> None:
    assert replaced(["a.b", "axb"], Rule("a.b", r"\1", False)) == [r"\1", "axb"]


def test_patterns_do_what_re_does_and_rules_follow_one_another() -> None:
    rules = [Rule(r"(は)い", r"\1あい", True), Rule("はあい", "ええ", False), Rule("[!?]+", "!", True)]
    expected = [re.sub("[!?]+", "!", re.sub(r"(は)い", r"\1あい", text).replace("はあい", "ええ")) for text in TEXTS]
    assert replaced(TEXTS, *rules) == expected


def test_more_texts_than_a_block_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "BLOCK", 3)
    assert replaced([f"{n}あ" for n in range(10)], Rule("あ$", "", True)) == [str(n) for n in range(10)]


@pytest.mark.parametrize(
    ("find", "replace"), [("(", ""), ("a", r"\1"), ("a", r"\g<name>"), ("[", ""), ("(?P<a>.)(?P<a>.)", "")]
)
def test_what_is_no_pattern_is_refused_before_any_text(find: str, replace: str) -> None:
    with pytest.raises(RefusedError, match="no pattern of Python's re") as refused:
        Replacer([Rule(find, replace, True)])
    assert refused.value.code == "bad_pattern"
    assert "\n" not in str(refused.value)


def test_a_pattern_that_does_not_end_is_ended() -> None:
    with (
        Replacer([Rule("(a+)+$", "", True)], limit_s=0.5) as replacer,
        pytest.raises(RefusedError, match=r"more than 0\.5 s") as refused,
    ):
        replacer.replaced(["a" * 40 + "!"])
    assert refused.value.code == "pattern_too_slow"


def test_what_becomes_too_long_is_told_apart() -> None:
    long = "あ" * 1_000
    assert replaced([long, "い"], Rule("あ", "うう" * 50, False)) == [None, "い"]
    assert replaced([long, "い"], Rule("あ", "うう" * 50, True)) == [None, "い"]


def test_a_text_that_was_long_before_may_stay_so() -> None:
    long = "あ" * 30_000
    assert replaced([long], Rule("あ", "い", True)) == ["い" * 30_000]
