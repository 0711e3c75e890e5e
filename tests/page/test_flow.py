"""Reviewing on the page from the first clip to the last: with keys alone, without waiting, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.support.commands import awct2
from tests.support.desks import Desk, desk, log, reviewing
from tests.support.pages import served
from tests.support.references import LONG_RECORDING, references
from tests.support.reviewing import said

pytestmark = pytest.mark.browser

# Whatever a mouse, a pen or a finger does, on its way down to what it is for.
NOTE_POINTERS = """
window.pointed = [];
const kinds = ["pointerdown", "pointermove", "pointerover", "mousedown", "mousemove", "wheel", "touchstart"];
for (const kind of kinds) addEventListener(kind, (event) => window.pointed.push(event.type), true);
addEventListener("click", (event) => { if (event.detail > 0) window.pointed.push("click"); }, true);
"""


def misheard(run: Path) -> dict[str, list[str]]:
    """Let the run have misheard every third segment; gives what is said in each recording, segment by segment."""
    right: dict[str, list[str]] = {}
    lines: list[str] = []
    texts = {id_: row["text"] for id_, row in references().items()}
    for at, line in enumerate((run / "transcripts.jsonl").read_text("utf-8").splitlines()):
        row = json.loads(line)
        parts = [segment["text"] for segment in row["segments"]]
        right[row["id"]] = parts if row["id"] == LONG_RECORDING else [texts[row["id"]]]
        for number, segment in enumerate(row["segments"]):
            if (at + number) % 3 == 0:
                segment["text"] = segment["text"][1:] + "お"
        row["text"] = "".join(segment["text"] for segment in row["segments"])
        lines.append(json.dumps(row, ensure_ascii=False))
    (run / "transcripts.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return right


def scored(run: Path, *against: object) -> dict[str, Any]:
    """Give what `awct2 eval` makes of a run."""
    done = awct2("eval", run, *against, "--json", "--resamples", "10", "--group-by", "none")
    assert done.returncode == 0, done.stderr
    (figures,) = json.loads(done.stdout)["runs"]
    return dict(figures)


@pytest.mark.slow
def test_every_clip_is_decided_on_with_the_keyboard_alone_and_export_and_eval_have_it(
    chromium: Browser, run: Path, tmp_path: Path
) -> None:
    right = misheard(run)
    typed: dict[str, str] = {}
    rejected: list[str] = []
    with reviewing(chromium, run, query="sort=id", script=NOTE_POINTERS) as here:
        rows = here.rows()
        parts = {id_: iter(texts) for id_, texts in right.items()}
        for position, row in enumerate(rows):
            here.wait(position=position, row=row["row"])
            text = next(parts[row["id"]])
            if row["id"] != LONG_RECORDING and position % 7 == 3:
                rejected.append(row["id"])
                here.press("x")
                continue
            typed[row["id"]] = typed.get(row["id"], "") + text
            if text == row["text"]:
                here.press("Enter")
                continue
            here.press("e")
            expect(here.box).to_be_focused()
            here.press("Control+A")
            here.page.keyboard.type(text)
            here.press("Control+Enter")
        here.wait_saved()
        expect(here.page.get_by_role("progressbar").first).to_have_attribute("value", str(len(rows)))
        assert here.page.evaluate("window.pointed") == []
        assert len(log(run)) == len(rows) == 70

    by = [line["action"] for line in log(run)]
    assert by.count("reject") == len(rejected) > 3
    assert by.count("correct") > 15
    esd = awct2("export", run, "esd", "-o", tmp_path / "esd")
    assert esd.returncode == 0, esd.stderr
    written = [line.split("|")[3] for line in (tmp_path / "esd" / "esd.list").read_text("utf-8").splitlines()]
    assert sorted(written) == sorted(t for id_, texts in right.items() if id_ not in rejected for t in texts)

    typed_by_hand = tmp_path / "typed.jsonl"
    content = (json.dumps({"id": id_, "text": text}, ensure_ascii=False) + "\n" for id_, text in typed.items())
    typed_by_hand.write_text("".join(content), "utf-8")
    reviewed, by_hand = scored(run, "review"), scored(run, typed_by_hand, "--review", "none")
    counted = ("recordings", "characters", "cer_percent", "substitutions", "deletions", "insertions")
    assert [reviewed[name] for name in counted] == [by_hand[name] for name in counted]
    assert reviewed["cer_percent"] > 3


def test_the_page_goes_on_while_nothing_is_saved_and_saves_in_order(chromium: Browser, run: Path) -> None:
    with reviewing(chromium, run, query="sort=id") as here:
        held = here.hold("**/api/decide")
        here.press("Enter", "x", "Enter")
        here.wait(position=3, unsaved=3, playing=True)
        status = here.page.get_by_role("status").filter(has_text="unsaved")
        expect(status).to_have_text("3 unsaved")
        assert len(held.routes) == 1, "the second is sent when the first is confirmed"
        expect(here.grid.get_by_role("row").nth(1)).to_contain_text("rejected")
        assert not (run / "review" / "edits-花子.jsonl").read_bytes()

        held.release()
        here.wait_saved()
        expect(here.page.get_by_role("status").filter(has_text="saved")).to_have_text("saved")
        assert [(line["id"][-7:], line["action"]) for line in log(run)] == [
            ("001.ogg", "accept"),
            ("002.ogg", "reject"),
            ("003.ogg", "accept"),
        ]


def test_a_decision_whose_answer_is_lost_is_sent_again_and_counts_once(chromium: Browser, run: Path) -> None:
    with reviewing(chromium, run, query="sort=id") as here:
        tries: list[int] = []

        def lose_the_first(route: Route) -> None:
            tries.append(1)
            if len(tries) > 1:
                return route.continue_()
            route.fetch()
            return route.abort()

        here.page.route("**/api/decide", lose_the_first)
        here.type_over("書き直した文です")
        here.press("Control+Enter")
        here.wait(position=1, unsaved=1)
        here.wait_saved()
        assert len(tries) == 2
        assert [(line["action"], line["value"]) for line in log(run)] == [("correct", "書き直した文です")]
        # the first was cut off; the second is told that the segment is not any more as it was seen
        lost, told = here.watched.errors
        assert "ERR_FAILED" in lost
        assert "409" in told
        here.watched.errors.clear()


def test_a_kill_right_after_the_answers_loses_nothing(chromium: Browser, run: Path) -> None:
    with reviewing(chromium, run, query="sort=id") as here:
        for _ in range(9):
            here.press("Enter")
        # the last of nine is being confirmed: those before it have their answers
        here.wait(unsaved=0)
        here.server.kill()
        confirmed = here.sent("decide")
    assert [line["seen"] for line in log(run)] == [one["seen"] for one in confirmed]
    assert len(confirmed) == 9


def test_undo_reaches_back_over_a_reload_and_a_killed_server_and_returns_to_each_clip(
    chromium: Browser, run: Path
) -> None:
    before = said(run)
    with served(run, "--reviewer", "花子") as server, desk(chromium, server, "sort=id") as here:
        here.press("Enter")
        here.wait(position=1)
        here.type_over("まったく別の文です")
        here.press("Control+Enter")
        here.wait(position=2)
        here.press("x")
        here.wait_saved()
        here.open("sort=id&speaker=その他")
        assert here.state("count") == "4"
        batch(here, "Accept 4 segments")
        here.wait_saved()
        here.server.kill()
    after = said(run)
    assert [was[4] for was in after if was not in before] == ["accepted", "corrected", "rejected"] + ["accepted"] * 4

    with served(run, "--reviewer", "花子") as server, desk(chromium, server, "sort=id") as here:
        here.go(30)
        undone = ["その他/001.ogg", "さくら/第一章/003.ogg", "さくら/第一章/002.ogg", "さくら/第一章/001.ogg"]
        for left, id_ in zip((3, 2, 1, 0), undone, strict=True):
            here.press("Control+z")
            expect(here.current).to_contain_text(id_)
            here.wait_saved()
            assert sum(verdict is not None for *_, verdict in said(run)) == left
        assert said(run) == before
        here.press("Control+z")
        expect(here.page.get_by_text("There is nothing to undo.")).to_be_visible()
        for id_ in reversed(undone):
            here.press("Control+Shift+z")
            expect(here.current).to_contain_text(id_)
            here.wait_saved()
        assert said(run) == after
        assert here.page.get_by_role("button", name="Redo").is_disabled()


def test_what_is_decided_stays_in_its_place_until_the_queue_is_refreshed(chromium: Browser, run: Path) -> None:
    with reviewing(chromium, run, query="sort=id&status=undecided") as here:
        shown = here.grid.get_by_role("row")
        names = shown.locator("bdi").all_inner_texts()
        here.press("Enter", "j", "x")
        here.wait_saved()
        here.wait(position=3)
        assert shown.locator("bdi").all_inner_texts()[: len(names)] == names
        assert here.state("count") == "70"
        expect(shown.nth(0)).to_contain_text("accepted")
        stayed = here.state("row")
        here.press("u")
        here.wait(count=68, position=1, row=stayed)
        assert [row["status"] for row in here.rows()] == ["open"] * 68


def test_what_was_typed_stays_over_moving_on_and_a_reload(chromium: Browser, run: Path) -> None:
    with reviewing(chromium, run, query="sort=id") as here:
        here.type_over("書きかけの")
        here.press("Escape", "j")
        here.wait(position=1)
        assert here.box.input_value() != "書きかけの"
        here.page.wait_for_url("**row=1**")
        here.reload()
        here.wait(position=1)
        here.go(0)
        expect(here.box).to_have_value("書きかけの")
        assert here.asked("decide") == []
        here.press("Enter")
        here.wait_saved()
        assert log(run)[0]["value"] == "書きかけの"


def batch(here: Desk, confirm: str) -> None:
    """Decide on the whole queue with keys."""
    here.press("b")
    button = here.page.get_by_role("button", name=confirm)
    expect(button).to_be_enabled()
    button.press("Enter")
    expect(here.page.get_by_role("dialog")).to_be_hidden()
