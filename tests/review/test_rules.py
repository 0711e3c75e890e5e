from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.review.bodies import Body
from anime_whisper_ct2.review.refusing import RefusedError
from anime_whisper_ct2.review.requests import LONGEST_RULE, MOST_RULES, Rule, rules_of
from anime_whisper_ct2.review.rules import read_rules, write_rules

_TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)
_RULES = st.lists(st.builds(Rule, _TEXTS.filter(bool), _TEXTS, st.booleans()), max_size=5)


@given(_RULES)
def test_rules_that_are_written_are_read_as_they_were(rules: list[Rule]) -> None:
    assert list(read_rules(write_rules(rules))) == rules


@given(_RULES)
def test_a_file_of_rules_is_what_the_csv_module_calls_one(rules: list[Rule]) -> None:
    rows = list(csv.DictReader(io.StringIO(write_rules(rules), newline="")))
    assert [(row["find"], row["replace"], row["regex"] == "true") for row in rows] == [
        (rule.find, rule.replace, rule.regex) for rule in rules
    ]


def test_rules_of_a_spreadsheet_are_read() -> None:
    written = "\ufeffFind,Replace,Regex\r\n有難う,ありがとう,FALSE\r\n\r\n[!?]+,!,1\r\n消す\r\n"
    assert read_rules(written) == (
        Rule("有難う", "ありがとう", False),
        Rule("[!?]+", "!", True),
        Rule("消す", "", False),
    )


def test_the_longest_rules_that_are_taken_are_read_again() -> None:
    longest = [Rule("あ" * LONGEST_RULE, '"' * LONGEST_RULE, False)] * MOST_RULES
    assert list(read_rules(write_rules(longest[:20]))) == longest[:20]
    assert len(read_rules(write_rules([Rule("あ", "い", True)] * MOST_RULES))) == MOST_RULES


@pytest.mark.parametrize(
    "rules", [[["あ" * (LONGEST_RULE + 1), ""]], [["あ", "い" * (LONGEST_RULE + 1)]], [["あ", "い"]] * 1001]
)
def test_what_is_too_long_is_refused_in_a_file_as_in_a_request(rules: list[list[str]]) -> None:
    asked = [{"find": find, "replace": put} for find, put in rules]
    for read in (lambda: rules_of(Body({"rules": asked})), lambda: read_rules("".join(f"{a},{b}\n" for a, b in rules))):
        with pytest.raises(RefusedError) as refused:
            read()
        assert refused.value.code == "bad_rules"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("a,b\n,c\n", "line 2: nothing to find"),
        ("a,b,c,d\n", "line 1 has 4 columns"),
        ("a,b,perhaps\n", "regex must be true or false"),
        ('a,"b\n', "no CSV"),
    ],
)
def test_what_is_no_rule_is_named_with_its_line(written: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said) as refused:
        read_rules(written)
    assert refused.value.code == "bad_rules"
