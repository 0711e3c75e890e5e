"""What the page tells of what the server has found: in the reader's language, and so that nothing is saved twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from tests.support.desks import Desk, log, reviewing
from tests.support.reviewing import said
from tests.support.runs import segment, transcript, write_run

pytestmark = pytest.mark.browser

# Of two, nothing says who speaks; none of them has any sound.
CLIPS = (
    *(transcript(f"さくら/{n}.ogg", segment(0.0, 2.0, f"はい、{n}")) for n in range(4)),
    *(transcript(f"{n}.ogg", segment(0.0, 2.0, text)) for n, text in enumerate(("うん", "ええ、ええ"))),
)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", *CLIPS)


@pytest.fixture(params=["en", "ja"])
def here(chromium: Browser, small: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    with reviewing(chromium, small, query=f"sort=id&lang={request.param}") as desk:
        yield desk
        # That clips have no sound.
        desk.watched.errors[:] = [error for error in desk.watched.errors if "422" not in error]


def tongue(here: Desk, english: str, japanese: str) -> str:
    return english if "lang=en" in here.page.url else japanese


def dialog(here: Desk, english: str, japanese: str) -> Locator:
    found = here.page.get_by_role("dialog", name=tongue(here, english, japanese))
    expect(found).to_be_visible()
    return found


def refuse(here: Desk, path: str, status: int, code: str, error: str) -> None:
    """Have the server do what it is asked, and answer with a Problem."""

    def answer(route: Route) -> None:
        route.fetch()
        route.fulfill(status=status, content_type="application/json", body=json.dumps({"error": error, "code": code}))

    here.page.route(f"**/api/{path}", answer)


def test_a_sample_is_of_undecided_ones_and_says_what_was_skipped(here: Desk, small: Path) -> None:
    here.press("Enter")
    here.wait_saved()
    here.press("b")
    shown = dialog(here, "Decide on the whole queue", "一覧全体をまとめて判定")
    shown.get_by_label(tongue(here, "How many", "件数")).fill("5")
    shown.get_by_role("button", name=tongue(here, "Draw the sample", "抽出する")).press("Enter")
    here.wait(count=5, position=0)
    expect(shown).to_be_hidden()
    assert {row["status"] for row in here.rows()} == {"open"}
    here.press("j")
    here.wait(position=1)
    here.wait_detail()
    here.press("Enter")
    here.wait(position=2)
    here.wait_saved()
    region = here.page.get_by_role("region", name=tongue(here, "Random sample", "無作為抽出"))
    region.get_by_role("button", name=tongue(here, "Count the sample", "集計する")).press("Enter")
    wrong = tongue(here, "1 of 2 was wrong.", "2件中 1件が間違っていました。")
    skipped = tongue(
        here,
        "1 of them was skipped, and counts as wrong.",
        "そのうち1件は飛ばされたため、間違いとして数えています。",
    )
    expect(region).to_contain_text(wrong)
    expect(region).to_contain_text(skipped)
    (kept,) = [line["value"] for line in log(small) if line["action"] == "sample"]
    assert (kept["k"], kept["wrong"], kept["skipped"], kept["drawn"], kept["of"]) == (2, 1, 1, 5, 5)


def test_texts_that_would_become_none_are_told_beside_those_that_change(here: Desk) -> None:
    here.press("h")
    shown = dialog(here, "Replace in all texts", "一括置換")
    shown.get_by_label(tongue(here, "Rule 1: find", "ルール1: 検索する文字列")).fill("^うん$|、")
    shown.get_by_label(tongue(here, "Rule 1: regular expression", "ルール1: 正規表現")).press("Space")
    shown.get_by_role("button", name=tongue(here, "Show what changes", "変わる箇所を見る")).press("Enter")
    status = shown.get_by_role("status")
    expect(status).to_contain_text(tongue(here, "5 segments change", "5件が変わります"))
    expect(status).to_contain_text(
        tongue(
            here,
            "1 segment stays as it is: its text would be empty",
            "1件は、置換すると本文が空になるか、使えない文字が入るため、そのまま残ります",
        )
    )


def test_a_problem_is_told_in_the_reader_s_language_with_what_the_server_says(here: Desk) -> None:
    here.press("h")
    shown = dialog(here, "Replace in all texts", "一括置換")
    shown.get_by_label(tongue(here, "Rule 1: find", "ルール1: 検索する文字列")).fill("(")
    shown.get_by_label(tongue(here, "Rule 1: regular expression", "ルール1: 正規表現")).press("Space")
    shown.get_by_role("button", name=tongue(here, "Show what changes", "変わる箇所を見る")).press("Enter")
    alert = shown.get_by_role("alert")
    expect(alert).to_contain_text(tongue(here, "This pattern cannot be used. (", "このパターンは使えません。（"))
    expect(alert).to_contain_text("unterminated subpattern")
    here.watched.errors.clear()


def test_of_whom_nothing_is_known_is_a_choice_among_the_speakers(here: Desk) -> None:
    speakers = here.page.get_by_role("combobox", name=tongue(here, "Speaker", "話者"), exact=True)
    expect(speakers.get_by_role("option")).to_have_text(
        [tongue(here, "Any", "すべて"), "さくら (4)", tongue(here, "Not known (2)", "不明 (2)")]
    )
    speakers.select_option("/")
    here.wait(count=2)
    assert {row["speaker"] for row in here.rows()} == {""}
    here.reload()
    here.wait(count=2)
    expect(speakers).to_have_value("/")


SAVED = ("Saved, but it cannot be shown yet.", "保存しましたが、まだ表示に反映できません。")


def test_what_is_saved_but_cannot_be_shown_is_not_offered_to_be_saved_again(here: Desk, small: Path) -> None:
    refuse(here, "decide", 500, "saved_not_shown", "the index is not there")
    here.type_over("はーい")
    here.press("Control+Enter")
    notice = here.page.get_by_role("alert")
    expect(notice).to_contain_text(tongue(here, *SAVED))
    expect(notice).to_contain_text("the index is not there")
    here.wait_saved()
    here.press("k")
    here.wait(position=0)
    # Nothing that was typed waits to be kept, and what is shown is that of the server.
    expect(here.page.get_by_role("textbox", name=tongue(here, "Text", "本文"), exact=True)).to_have_value("はーい")
    assert here.rows()[0]["status"] == "corrected"
    assert [line["value"] for line in log(small)] == ["はーい"]

    refuse(here, "batch", 500, "saved_not_shown", "the index is not there")
    here.page.route(
        "**/api/batch",
        lambda route: route.fallback() if '"dry":false' in (route.request.post_data or "") else route.continue_(),
    )
    here.press("b")
    shown = dialog(here, "Decide on the whole queue", "一覧全体をまとめて判定")
    shown.get_by_role("button", name=tongue(here, "Accept 5 segments", "5件を承認")).press("Enter")
    expect(shown).to_be_hidden()
    expect(notice).to_contain_text(tongue(here, *SAVED))
    assert [verdict for *_, verdict in said(small)].count("accepted") == 5
    here.watched.errors.clear()
