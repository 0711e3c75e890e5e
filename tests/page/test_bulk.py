"""Many segments at once: batches that one key takes back, samples that say how much to trust them, and replacements."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect
from scipy.stats import beta

from tests.support.desks import Desk, log, reviewing
from tests.support.reviewing import said

pytestmark = pytest.mark.browser


@pytest.fixture
def here(chromium: Browser, run: Path) -> Iterator[Desk]:
    """The page with the whole sample in the order of names."""
    with reviewing(chromium, run, query="sort=id") as desk:
        yield desk


def filtered(here: Desk, name: str, value: str, count: int) -> None:
    """Choose a filter, and wait until its queue is there."""
    here.page.get_by_role("combobox", name=name, exact=True).select_option(value)
    here.wait(count=count)
    here.page.locator('awct2-review:not([data-queue=""])').wait_for(state="attached")


def dialog(here: Desk, name: str) -> Locator:
    """Give the dialog of this name, once it is open."""
    found = here.page.get_by_role("dialog", name=name)
    expect(found).to_be_visible()
    return found


def test_a_batch_over_a_filtered_queue_is_one_step_with_one_batch_id(here: Desk, run: Path) -> None:
    here.press("Enter", "x")
    here.wait_saved()
    filtered(here, "Speaker", "さくら", 16)
    seconds = sum(row["end"] - row["start"] for row in here.rows()[1:])
    here.press("Escape", "b")
    shown = dialog(here, "Decide on the whole queue")
    only = 14
    expect(shown.get_by_role("status")).to_contain_text(f"{only} segments")
    expect(shown.get_by_role("listitem")).to_have_count(5)
    shown.get_by_label("Only those that are undecided").press("Space")
    # what was rejected comes back in, what is accepted already stays out
    expect(shown.get_by_role("status")).to_have_text(f"15 segments · {seconds:.1f} s")
    shown.get_by_label("Only those that are undecided").press("Space")
    assert len(log(run)) == 2, "nothing is decided by looking at it"
    shown.get_by_role("button", name=f"Accept {only} segments").press("Enter")
    expect(shown).to_be_hidden()
    expect(here.page.get_by_text("14 segments accepted. One undo takes them all back.")).to_be_visible()

    lines = log(run)[2:]
    assert {line["action"] for line in lines} == {"accept"}
    assert [line["id"] for line in lines] == [row["id"] for row in here.rows()[2:]]
    assert len(lines) == only
    assert len({line["batch"] for line in lines}) == 1
    assert lines[0]["batch"]
    assert {line["heard"] for line in lines} == {0}
    assert [row["status"] for row in here.rows()] == ["accepted", "rejected"] + ["accepted"] * only

    here.press("Control+z")
    expect(here.page.get_by_text(f"Undone: {only} segments are as they were.")).to_be_visible()
    assert [row["status"] for row in here.rows()] == ["accepted", "rejected"] + ["open"] * only
    assert [line["action"] for line in log(run)[-1:]] == ["undo"]
    here.press("Control+Shift+z")
    expect(here.page.get_by_text(f"Done again: {only} segments.")).to_be_visible()
    assert sum(verdict == "accepted" for *_, verdict in said(run)) == only + 1


def test_a_batch_can_reject_and_tag(here: Desk, run: Path) -> None:
    filtered(here, "Speaker", "先生", 5)
    here.press("Escape", "b")
    shown = dialog(here, "Decide on the whole queue")
    shown.get_by_role("radio", name="Tag").press("Space")
    do = shown.get_by_role("button", name="Tag 5 segments")
    expect(do).to_be_disabled()
    shown.get_by_label("Name of the tag").fill("要確認")
    do.press("Enter")
    expect(shown).to_be_hidden()
    assert [row["tags"] for row in here.rows()] == [["要確認"]] * 5
    expect(here.page.get_by_role("button", name="Remove the tag 要確認")).to_be_visible()
    here.press("b")
    shown.get_by_role("radio", name="Reject").press("Space")
    shown.get_by_role("button", name="Reject 5 segments").press("Enter")
    expect(shown).to_be_hidden()
    assert [row["status"] for row in here.rows()] == ["rejected"] * 5
    assert len({line["batch"] for line in log(run)}) == 2
    here.press("Control+z")
    expect(here.page.get_by_text("Undone: 5 segments are as they were.")).to_be_visible()
    assert [(row["status"], row["tags"]) for row in here.rows()] == [("open", ["要確認"])] * 5


def test_a_sample_says_how_much_of_the_rest_can_be_wrong(here: Desk, run: Path) -> None:
    whole = here.state("queue")
    here.press("b")
    shown = dialog(here, "Decide on the whole queue")
    shown.get_by_label("How many").fill("20")
    shown.get_by_role("button", name="Draw the sample").press("Enter")
    here.wait(count=20, position=0)
    here.wait_detail()
    region = here.page.get_by_role("region", name="Random sample")
    drawn = [row["row"] for row in here.rows()]
    seed = int(region.get_by_text("Seed:").locator("xpath=..").inner_text().rsplit(maxsplit=1)[-1])
    again = here.api("sample", queue=int(whole), k=20, seed=seed)
    assert [row["row"] for row in here.rows(str(again["queue"]["queue"]))] == drawn
    assert drawn != sorted(drawn)

    # seventeen of them are right, one is not, and one should not be there; the last is not listened to
    for _ in range(17):
        here.press("Enter")
    here.wait(position=17)
    here.type_over("聞き直した文です")
    here.press("Control+Enter")
    here.wait(position=18)
    here.press("x")
    here.wait_saved()
    expect(region).to_contain_text("19 of 20 decided")
    region.get_by_role("button", name="Count the sample").press("Enter")
    bound = beta.ppf(0.95, 2 + 1, 19 - 2)
    said_bound = math.ceil(10_000 * bound) / 100  # never less than what is known
    expect(region).to_contain_text("2 of 19 were wrong.")
    expect(region).to_contain_text(f"With 95 % confidence, at most {said_bound:.2f} % of the rest are wrong.")
    (kept,) = [line for line in log(run) if line["action"] == "sample"]

    region.get_by_role("button", name="Decide on the rest…").press("Enter")
    rest = dialog(here, "Decide on the rest of the queue")
    rest.get_by_role("button", name="Accept 51 segments").press("Enter")
    expect(rest).to_be_hidden()
    here.wait_saved()
    assert [verdict for *_, verdict in said(run)].count("accepted") == 51 + 17
    value = kept["value"]
    assert (value["k"], value["wrong"], value["seed"], value["of"]) == (19, 2, seed, 70)
    assert value["bound"] == pytest.approx(bound, abs=1e-6)


def test_only_what_is_ticked_is_replaced_and_one_key_takes_it_back(here: Desk, run: Path) -> None:
    before = said(run)
    having = [was for was in before if "先生" in was[3] or "村長" in was[3]]
    here.press("h")
    shown = dialog(here, "Replace in all texts")
    shown.get_by_label("Rule 1: find").fill("先生|村長")
    shown.get_by_label("Rule 1: replace with").fill("校長")
    shown.get_by_label("Rule 1: regular expression").press("Space")
    shown.get_by_role("button", name="Show what changes").press("Enter")
    expect(shown.get_by_role("status")).to_contain_text(f"{len(having)} segments change")
    changes = shown.get_by_role("listitem")
    first = changes.first
    expect(first).to_contain_text(having[0][3])
    expect(first).to_contain_text(having[0][3].replace("先生", "校長").replace("村長", "校長"))
    changes.nth(1).get_by_role("checkbox").press("Space")
    assert said(run) == before
    shown.get_by_role("button", name=f"Replace in {len(having) - 1} segments").press("Enter")
    expect(shown).to_be_hidden()
    here.wait_saved()

    changed = [(was[3], now[3], now[4]) for was, now in zip(before, said(run), strict=True) if was != now]
    untouched = having[1]
    assert untouched in said(run)
    expected = [was[3] for was in having if was is not untouched]
    assert changed == [(text, text.replace("先生", "校長").replace("村長", "校長"), "corrected") for text in expected]
    assert len({line["batch"] for line in log(run)}) == 1
    here.press("Control+z")
    expect(here.page.get_by_text("Undone: ")).to_be_visible()
    assert said(run) == before


def test_rules_are_saved_and_loaded_as_csv(here: Desk, tmp_path: Path) -> None:
    here.press("h")
    shown = dialog(here, "Replace in all texts")
    shown.get_by_label("Rule 1: find").fill('"引用", と')
    shown.get_by_label("Rule 1: replace with").fill("=1+1")
    shown.get_by_role("button", name="Add a rule").press("Enter")
    shown.get_by_label("Rule 2: find").fill("(.)っ$")
    shown.get_by_label("Rule 2: replace with").fill(r"\1")
    shown.get_by_label("Rule 2: regular expression").press("Space")
    with here.page.expect_download() as saved:
        shown.get_by_role("button", name="Save rules (CSV)").press("Enter")
    file = tmp_path / "規則.csv"
    saved.value.save_as(file)
    assert file.read_bytes().startswith(b"\xef\xbb\xbf"), "spreadsheets take a file without it for another encoding"
    lines = file.read_text("utf-8-sig").splitlines()
    assert lines[0] == "find,replace,regex"
    assert lines[1].startswith('"""引用"", と",')
    shown.get_by_role("button", name="Remove rule 1").press("Enter")
    shown.get_by_role("button", name="Remove rule 1").press("Enter")
    expect(shown.get_by_label("Rule 1: find")).to_have_value("")
    shown.locator("input[type=file]").set_input_files(file)
    expect(shown.get_by_label("Rule 2: find")).to_have_value("(.)っ$")
    expect(shown.get_by_label("Rule 1: find")).to_have_value('"引用", と')
    expect(shown.get_by_label("Rule 1: replace with")).to_have_value("=1+1")
    expect(shown.get_by_label("Rule 2: regular expression")).to_be_checked()
    expect(shown.get_by_label("Rule 1: regular expression")).not_to_be_checked()


def test_a_rule_that_is_none_is_said_and_changes_nothing(here: Desk, run: Path) -> None:
    here.press("h")
    shown = dialog(here, "Replace in all texts")
    shown.get_by_label("Rule 1: find").fill("(")
    shown.get_by_label("Rule 1: regular expression").press("Space")
    shown.get_by_role("button", name="Show what changes").press("Enter")
    expect(shown.get_by_role("alert")).to_contain_text("unterminated subpattern")
    expect(shown.get_by_role("button", name="Replace in 0 segments")).to_be_disabled()
    assert log(run) == []
    assert all("400" in error for error in here.watched.errors)
    here.watched.errors.clear()


def test_what_was_accepted_without_being_heard_can_be_found(here: Desk) -> None:
    here.press("Enter")  # nothing is played when the page opens
    here.wait(position=1)
    for _ in range(15):
        here.press("=")
    here.press("r")
    here.wait(rate=2.5, playing=True)
    here.wait(playing=False)
    here.press("Enter")
    here.wait(position=2)
    here.press("x")
    here.wait_saved()
    assert here.rows()[1]["heard"] > 0.8
    filtered(here, "Status", "unheard", 1)
    assert [row["id"] for row in here.rows()] == ["さくら/第一章/001.ogg"]
