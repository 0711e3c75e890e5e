"""What the handbook says of the page is so: its keys, the shares of risk, the bounds of samples."""

from __future__ import annotations

import re

from anime_whisper_ct2.review.index import risk
from anime_whisper_ct2.reviews import upper_bound
from tests.support.documents import BOTH, NUMBER, Handbook, spans
from tests.support.places import ROOT

PAGE = "guides/review.md"
SOURCES = ROOT / "anime_whisper_ct2" / "web" / "page" / "src"
BINDING = re.compile(
    r'^ +\{ id: "([\w-]+)", .*?keys: \[(.*?)\](?:, aegisub: \[(.*?)\])?(?:, inText: true)?, label: ', re.MULTILINE
)
SHOWN = {"$mod": "Ctrl", "ArrowDown": "↓", "ArrowUp": "↑", "ArrowLeft": "←", "ArrowRight": "→", "Escape": "Esc"}


def as_shown(combinations: str) -> list[str]:
    """Give keys of the page's table as people read them."""
    return [
        "+".join(SHOWN.get(part, re.sub(r"^Key(?=.$)", "", part)) for part in written.split("+"))
        for written in re.findall(r'"([^"]+)"', combinations)
    ]


@BOTH
def test_the_keys_are_those_of_the_page(book: Handbook) -> None:
    bound = [
        (as_shown(keys), as_shown(aegisub or keys))
        for _, keys, aegisub in BINDING.findall((SOURCES / "keys.ts").read_text(encoding="utf-8"))
    ]
    assert len(bound) > 30
    rows = book.section(PAGE, "Keys: keyboard shortcuts").tables[0][2:]
    assert [(spans(row[1:2]), spans(row[2:])) for row in rows] == bound


@BOTH
def test_what_keys_do_is_said_as_the_page_says_it(book: Handbook) -> None:
    source = (SOURCES / "messages-core.ts").read_text(encoding="utf-8")
    english, japanese = (dict(re.findall(r'"key\.(\w+)": "(.*)",', half)) for half in source.split("export const ja"))
    labels = english if book.language == "en" else japanese
    named = [name for name, _, _ in BINDING.findall((SOURCES / "keys.ts").read_text(encoding="utf-8"))]
    assert len(labels) == len(named)
    wanted = [labels[name.replace("-", "_")] for name in named]
    rows = book.section(PAGE, "Keys: keyboard shortcuts").tables[0][2:]
    said = [row[0].replace("（入力内容は残る）", "（入力内容は残ります）").replace("の一覧", "") for row in rows]
    assert said == wanted


@BOTH
def test_risk_has_the_shares_of_the_code(book: Handbook) -> None:
    rows = book.section(PAGE, "Order by risk").tables[0][2:]
    said = {flag: float(NUMBER.findall(row[1])[-1]) for row in rows for flag in spans(row[:1])}
    # What is said of it elsewhere, and options and figures.
    flags = {flag: share for flag, share in risk.FLAGS.items() if share}
    assert said.items() >= flags.items()
    assert said.keys() - flags.keys() == {"avg_logprob", "--against"}
    assert [float(NUMBER.findall(row[1])[-1]) for row in rows][-3:] == [risk.RETRIED, risk.PACE, risk.DIFFERS]


@BOTH
def test_the_bounds_of_samples_are_those_that_are_reckoned(book: Handbook) -> None:
    head, _, *rows = book.section(PAGE, "Listen to a random sample first").tables[0]
    wrong = [int(NUMBER.findall(cell)[0]) for cell in head[1:]]
    assert len(rows) == 3
    for size, *cells in rows:
        k = int(size.replace(",", ""))
        assert cells == [f"{100 * upper_bound(each, k):.1f} %" for each in wrong]
