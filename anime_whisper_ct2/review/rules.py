"""Rules of replacing, as a file of CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from anime_whisper_ct2.review.refusing import RefusedError
from anime_whisper_ct2.review.requests import LONGEST_RULE, MOST_RULES, Rule

_COLUMNS = ("find", "replace", "regex")
_YES = frozenset(("1", "true", "yes"))
_NO = frozenset(("", "0", "false", "no"))


def read_rules(written: str) -> tuple[Rule, ...]:
    """Read rules, with or without a line of headings. Raises RefusedError, naming the line."""
    rules: list[Rule] = []
    # A spreadsheet puts the mark before its first column's name.
    reader = csv.reader(io.StringIO(written.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        for number, row in enumerate(reader):
            headings = tuple(cell.strip().lower() for cell in row)
            if not row or (number == 0 and len(row) > 1 and headings == _COLUMNS[: len(row)]):
                continue
            rules.append(_rule(row, reader.line_num))
            if len(rules) > MOST_RULES:
                raise RefusedError(f"line {reader.line_num}: there are more than {MOST_RULES:,} rules", "bad_rules")
    except csv.Error as error:
        raise RefusedError(f"line {reader.line_num} is no CSV: {error}", "bad_rules") from error
    return tuple(rules)


def write_rules(rules: Iterable[Rule]) -> str:
    """Write rules; `read_rules` gives the same."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    writer.writerows((rule.find, rule.replace, "true" if rule.regex else "false") for rule in rules)
    return buffer.getvalue()


def _rule(row: list[str], line: int) -> Rule:
    if len(row) > len(_COLUMNS):
        raise RefusedError(f"line {line} has {len(row)} columns; a rule has {', '.join(_COLUMNS)}", "bad_rules")
    find, replace, regex = (*row, *("",) * (len(_COLUMNS) - len(row)))
    said = regex.strip().lower()
    if not find:
        raise RefusedError(f"line {line}: nothing to find", "bad_rules")
    if said not in _YES | _NO:
        raise RefusedError(f"line {line}: regex must be true or false, not {said!r:.40}", "bad_rules")
    rule = Rule(find, replace, said in _YES)
    if rule.is_too_long:
        raise RefusedError(f"line {line} is longer than {LONGEST_RULE:,} characters", "bad_rules")
    return rule
