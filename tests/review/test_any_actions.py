"""Whatever is decided, undone and done again: what the page shows is what the logs come to."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.reviewing import Page, elsewhere, lines, reviewing, said, seen, shown
from tests.support.runs import segment, short, transcript, write_run

LONG = transcript(
    "b.ogg",
    segment(0.5, 3.0, "一つ目"),
    segment(3.0, 4.5, "二つ目"),
    segment(6.0, 9.0, "三つ目"),
    segment(9.5, 11.0, "四つ目"),
    duration=12.0,
)
_folders = itertools.count()
_ACTIONS = ("accept", "reject", "correct", "tag", "trim", "split", "merge", "undo", "undo", "redo", "batch", "replace")


def act(page: Page, run: Path, action: str, chance: random.Random) -> None:
    """Do something that a reviewer can do, if it can be done here."""
    page.freeze("id")
    if action in ("undo", "redo"):
        page.post(action)
        return
    if action == "batch":
        page.freeze("id", max_s=chance.choice([1.6, 2.6, 5.0]))
        kind = chance.choice(["accept", "reject", "tag"])
        value = {"add": ["x"], "remove": ["y"]} if kind == "tag" else None
        body = {"queue": page.queue, "action": kind, "value": value, "only_undecided": chance.random() < 0.5}
        assert page.client.post("/api/batch", json=body).status_code in (200, 400)
        return
    if action == "replace":
        rules = [{"find": chance.choice("一二つ目。"), "replace": chance.choice(["", "あ"]), "regex": False}]
        preview = page.post("replace/preview", queue=page.queue, rules=rules)
        body = {"preview": preview["preview"], "except": []}
        assert page.client.post("/api/replace", json=body).status_code in (200, 400)
        return
    if action == "elsewhere":
        elsewhere(run, "太郎", seen(LONG, chance.randrange(4), chance.choice(["accept", "reject"])))
        return
    row = chance.choice(page.rows())
    answer = page.client.post("/api/decide", json=page.wish(row, action, value_of(row, action, chance)))
    # What cannot be done is refused, and never a fault.
    assert answer.status_code in (200, 400), answer.text


def value_of(row: dict[str, Any], action: str, chance: random.Random) -> Any:
    """Make up what goes with an action."""
    length = row["end"] - row["start"]
    if action == "correct":
        return chance.choice([row["text"], row["text"] + "。", "別の文"])
    if action == "tag":
        return {"add": [chance.choice("xyz")], "remove": [chance.choice("xyz")]}
    if action == "trim":
        moved = (round(edge + chance.uniform(-0.4, 0.4) * length, 3) for edge in (row["start"], row["end"]))
        return dict(zip(("start", "end"), moved, strict=True))
    if action == "split":
        return {"texts": [row["text"][:1], row["text"][1:] or "?"], "at": row["start"] + chance.random() * length}
    return None


def hold_together(run: Path, page: Page) -> None:
    """Compare the page with the logs."""
    # In the order of times: the page has ids first, and so have the logs.
    assert shown(page) == said(run)
    state = page.get("state")
    assert sum(state["counts"].values()) == page.freeze()["count"]
    assert state["stale"] == 0
    ends: dict[str, float] = {}
    for id_, start, end, *_ in said(run):
        assert ends.get(id_, 0.0) <= start < end
        ends[id_] = end


@pytest.mark.parametrize("others", [False, True], ids=["alone", "with another reviewer"])
@settings(max_examples=6)
@given(actions=st.lists(st.sampled_from(_ACTIONS), min_size=3, max_size=14), seed=st.integers(0, 1 << 16))
def test_the_page_shows_what_the_logs_come_to(others: bool, actions: list[str], seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    run = write_run(tmp_path / f"{next(_folders)}", short("a.ogg"), LONG, short("c.ogg", "ええ"))
    before = said(run)
    with reviewing(run) as page:
        for action in actions:
            act(page, run, action, chance)
            if others and chance.random() < 0.3:
                act(page, run, "elsewhere", chance)
            if chance.random() < 0.3:
                hold_together(run, page)
        hold_together(run, page)
    after = said(run)
    with reviewing(run) as page:
        hold_together(run, page)
        if others:
            return
        steps = 0
        while page.post("undo")["rows"]:
            steps += 1
            if chance.random() < 0.2:
                hold_together(run, page)
        assert said(run) == shown(page) == before
        while page.post("redo")["rows"]:
            steps -= 1
        # What had been undone before comes back as well, so that there may be more of it.
        hold_together(run, page)
        assert steps <= 0
        if "undo" not in actions:
            assert (said(run), steps) == (after, 0)


@pytest.mark.slow
def test_ten_thousand_fast_decisions_are_all_in_the_log_in_order(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", *(short(f"{n:05}.ogg") for n in range(10_000)))
    confirmed = []
    with reviewing(run) as page:
        page.freeze()
        for at in range(0, 10_000, 200):
            for row in page.rows(at):
                decided = page.decide(row, random.Random(row["row"]).choice(["accept", "reject"]))
                confirmed.append((decided["rows"][0]["id"], decided["rows"][0]["status"]))
        assert page.get("state")["counts"]["open"] == 0
        assert shown(page) == said(run)
    verdicts = {"accept": "accepted", "reject": "rejected"}
    assert [(line.id, verdicts[line.action]) for line in lines(run)] == confirmed
