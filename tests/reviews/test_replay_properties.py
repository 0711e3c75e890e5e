"""What holds of decisions whatever they are: their order, their undoing, and where segments may lie."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.reviews import CONFLICTS, Decision, Logs, Piece, open_log, replay
from anime_whisper_ct2.reviews.effective import effective
from anime_whisper_ct2.reviews.lines import at_of, to_line
from anime_whisper_ct2.reviews.log import Log
from anime_whisper_ct2.reviews.structure import SHORTEST_S
from tests.support.reviewers_at_work import BEGUN, Table, cut, merging, on, say
from tests.support.runs import segment, transcript

REVIEWERS = ("hana", "taro", "miki")
RUN = transcript(
    "a.ogg", segment(0.5, 2.0, "いちに"), segment(2.0, 4.0, "さんし"), segment(5.0, 7.0, "ごろく"), duration=8.0
)
SEEDS = st.integers(0, 2**32).map(random.Random)


def anything(luck: random.Random, run: Transcript, pieces: tuple[Piece, ...], texts: itertools.count[int]) -> Decision:
    """Some decision on what somebody sees; it may be one that cannot be carried out."""
    at = luck.randrange(len(pieces))
    piece = pieces[at]
    action: Any = luck.choice(("accept", "reject", "correct", "tag", "trim", "split", "merge"))
    if action == "merge":
        return merging(run.id, piece, pieces[min(at + 1, len(pieces) - 1)], f"m{next(texts)}")
    value: Any = None
    if action == "correct":
        value = luck.choice((f"t{next(texts)}", "一", piece.text))
    elif action == "tag":
        value = {luck.choice(("add", "remove")): [luck.choice("xy")]}
    elif action == "trim":
        start = round(piece.start + luck.uniform(-0.6, 0.6), 3)
        value = {"start": max(start, 0.0), "end": max(round(piece.end + luck.uniform(-1.2, 1.2), 3), start, 0.0)}
    elif action == "split":
        value = cut(piece, round(piece.start + (piece.end - piece.start) * luck.random(), 3), "a", "b")
    return on(run.id, piece, action, value)


def hold_to_its_room(run: Transcript, pieces: tuple[Piece, ...]) -> None:
    """Every segment lies in the recording, lasts, and lies over no other."""
    assert sorted(pieces, key=lambda piece: piece.start) == list(pieces)
    for piece in pieces:
        assert piece.start >= 0
        assert piece.end <= run.duration
        assert piece.end - piece.start >= SHORTEST_S - 1e-6
    for first, second in itertools.pairwise(pieces):
        assert first.end <= second.start + 1e-6
    assert {number for piece in pieces for number in piece.origins} == set(range(len(run.segments)))


@settings(max_examples=300)
@given(luck=SEEDS)
def test_wherever_reviewers_stand_segments_stay_in_their_room(luck: random.Random) -> None:
    table, texts = Table(RUN), itertools.count()
    for _ in range(luck.randrange(1, 25)):
        # Nobody knows of everything: some lines have not come to this reviewer yet.
        hidden = [line for line in table.lines if luck.random() < 0.3]
        line = table.decide(
            luck.choice(REVIEWERS), anything(luck, RUN, table.sees(without=hidden), texts), luck.choice((0, 0, -50, 50))
        )
        if luck.random() < 0.25:
            table.undone.add(line.step)
    replayed = table.replayed()
    hold_to_its_room(RUN, replayed.pieces)
    assert replayed.applied + len(replayed.stale) + replayed.undone == len(table.lines)
    effective(RUN, replayed.pieces)
    for rule in CONFLICTS:
        pieces = table.replayed(rule).pieces
        hold_to_its_room(RUN, pieces)
        assert not any(piece.rivals for piece in pieces)
        assert all(segment.end <= RUN.duration for segment in effective(RUN, pieces).segments)


@settings(max_examples=100)
@given(luck=SEEDS)
def test_whoever_sees_a_conflict_can_end_it(luck: random.Random) -> None:
    table, texts = Table(RUN), itertools.count()
    for _ in range(luck.randrange(2, 12)):
        hidden = [line for line in table.lines if luck.random() < 0.6]
        table.decide(luck.choice(REVIEWERS), anything(luck, RUN, table.sees(without=hidden), texts))
    while contested := [piece for piece in table.sees() if piece.rivals]:
        table.decide("miki", on(RUN.id, contested[0], luck.choice(("accept", "reject"))))
        assert len([piece for piece in table.sees() if piece.rivals]) < len(contested)


@settings(max_examples=100)
@given(luck=SEEDS)
def test_who_has_resolved_a_conflict_is_heard_whichever_side_is_taken_back(luck: random.Random) -> None:
    table, texts = Table(RUN), itertools.count()
    before = table.sees()[0]
    values = {
        "correct": "t",
        "reject": None,
        "split": cut(before, 1.2, "い", "ちに"),
        "trim": {"start": 0.6, "end": 1.9},
    }
    sides = []
    for reviewer in luck.sample(REVIEWERS, 2):
        action: Any = luck.choice(tuple(values))
        value = f"t{next(texts)}" if action == "correct" else values[action]
        sides.append(table.decide(reviewer, on(RUN.id, before, action, value)))
    if contested := [piece for piece in table.sees() if piece.rivals]:
        resolution = on(RUN.id, luck.choice(contested), *luck.choice((("accept",), ("reject",), ("correct", "x"))))
        line = table.decide("yui", resolution)
        table.undone = {side.step for side in luck.sample(sides, luck.choice((1, 2)))}
        replayed = table.replayed()
        assert replayed.stale == ()
        mine = [piece for piece in replayed.pieces if piece.decided == line]
        assert [piece.verdict for piece in mine] == [
            {"accept": mine[0].verdict, "reject": "rejected", "correct": "corrected"}[line.action]
        ]
        hold_to_its_room(RUN, replayed.pieces)


class Model:
    """What one reviewer after another does, each knowing of all before: a list, changed in place."""

    def __init__(self, run: Transcript) -> None:
        self.own = [(s.start, s.end, s.text, None) for s in run.segments]
        self.now: list[tuple[float, float, str, str | None]] = list(self.own)

    def decide(self, at: int, decision: Decision) -> None:
        start, end, text, verdict = self.now[at]
        value = decision.value
        if decision.action == "correct":
            self.now[at] = (start, end, value, "corrected")
        elif decision.action == "reject":
            self.now[at] = (start, end, text, "rejected")
        elif decision.action == "trim":
            self.now[at] = (value["start"], value["end"], text, verdict)
        elif decision.action == "split":
            self.now[at : at + 1] = [(part["start"], part["end"], part["text"], None) for part in value]
        elif decision.action == "merge":
            self.now[at : at + 2] = [(value["start"], value["end"], value["text"], None)]


@settings(max_examples=150)
@given(luck=SEEDS)
def test_reviewers_who_know_of_each_other_come_to_what_they_did_whatever_their_clocks_say(luck: random.Random) -> None:
    """Every state is another one here: of states that come back, clocks that are wrong cannot tell the order."""
    table, model, texts = Table(RUN), Model(RUN), itertools.count()
    skew = {reviewer: luck.randrange(-20, 20) for reviewer in REVIEWERS}
    for _ in range(luck.randrange(1, 15)):
        pieces = table.sees()
        at = luck.randrange(len(pieces))
        piece = pieces[at]
        choices = ["correct", "correct", "trim", "split"] + (["merge"] if at + 1 < len(pieces) else [])
        action: Any = luck.choice(choices if piece.end - piece.start > 0.2 else ["correct"])
        if action == "merge":
            draft = merging(RUN.id, piece, pieces[at + 1], f"m{next(texts)}")
        else:
            values = {
                "correct": f"t{next(texts)}",
                "trim": {"start": round(piece.start + 0.011, 3), "end": piece.end},
                "split": cut(piece, round((piece.start + piece.end) / 2, 3), f"a{next(texts)}", f"b{next(texts)}"),
            }
            draft = on(RUN.id, piece, action, values[action])
        reviewer = luck.choice(REVIEWERS)
        table.decide(reviewer, draft, skew[reviewer])
        model.decide(at, draft)
    replayed = table.replayed()
    assert [(p.start, p.end, p.text, p.verdict) for p in replayed.pieces] == model.now
    assert replayed.stale == ()
    assert not any(piece.rivals for piece in replayed.pieces)


@settings(max_examples=60)
@given(luck=SEEDS)
def test_the_order_of_logs_and_the_split_of_lines_over_files_do_not_matter(
    luck: random.Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    runs = {id_: transcript(id_, *RUN.segments, duration=8.0) for id_ in ("a.ogg", "b.ogg")}
    tables = {id_: Table(run) for id_, run in runs.items()}
    lines: list[Decision] = []
    now = BEGUN
    texts = itertools.count()
    for _ in range(luck.randrange(1, 20)):
        now += 1
        if lines and luck.random() < 0.2:
            line = luck.choice(lines)
            lines.append(Decision(at_of(now), line.reviewer, "", 0.0, 0.0, "", "undo", line.step))
            continue
        id_ = luck.choice(tuple(runs))
        table = tables[id_]
        table.now = now
        hidden = [line for line in table.lines if luck.random() < 0.3]
        draft = anything(luck, runs[id_], table.sees(without=hidden), texts)
        lines.append(table.decide(luck.choice(REVIEWERS), draft))
        now += 1

    def outcome(number: int) -> list[object]:
        folder = tmp_path_factory.mktemp("review")
        files: dict[str, bytes] = {}
        shuffled = list(lines) if number == 0 else luck.sample(lines, len(lines))
        for line in shuffled:
            # And some are in two of the files, or twice in one.
            for _ in range(1 if number == 0 else luck.choice((1, 1, 2))):
                name = "edits-all.jsonl" if number == 0 else f"edits-{luck.choice('xyz')}.jsonl"
                files[name] = files.get(name, b"") + to_line(line)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        logs = Logs(folder)
        assert len(logs) == len(lines)
        steps = [logs.history(reviewer) for reviewer in REVIEWERS]
        return [
            logs.reviewers,
            sorted(logs.ids),
            [replay(run, logs.of(id_), logs.is_undone) for id_, run in runs.items()],
            [(tuple(each.undoable), tuple(each.redoable)) for each in steps] if number != 0 else None,
        ]

    first, second, third = outcome(0), outcome(1), outcome(2)
    assert first[:3] == second[:3] == third[:3]


@settings(max_examples=30)
@given(luck=SEEDS)
def test_undo_and_redo_at_any_depth_with_batches_as_one_step(
    luck: random.Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    runs = [transcript(f"{n}.ogg", *RUN.segments, duration=8.0) for n in range(3)]
    folder = tmp_path_factory.mktemp("review")
    texts = itertools.count()

    def state(logs: Logs) -> list[list[tuple[str, str | None]]]:
        return [say(replay(run, logs.of(run.id), logs.is_undone).pieces) for run in runs]

    with open_log(folder, "hana") as log:
        logs = Logs(folder)
        past, future, now = [], [], state(logs)
        begun = now
        for _ in range(luck.randrange(1, 16)):
            what = luck.random()
            if what < 0.3:
                assert undo(log, logs) == bool(past)
                if past:
                    future.append(now)
                    now = past.pop()
            elif what < 0.45:
                assert redo(log, logs) == bool(future)
                if future:
                    past.append(now)
                    now = future.pop()
            else:
                act(luck, log, logs, runs, texts)
                past.append(now)
                now, future = state(logs), []
            assert state(logs) == now
        # And as somebody finds it who comes to it later.
        logs = Logs(folder)
        assert state(logs) == now
        while undo(log, logs):
            assert state(logs) == past.pop()
        assert not past
        assert state(logs) == begun


def act(luck: random.Random, log: Log, logs: Logs, runs: list[Transcript], texts: itertools.count[int]) -> None:
    """Decide on one segment, or on one of each recording in a batch."""
    chosen = runs if luck.random() < 0.4 else [luck.choice(runs)]
    batch = f"batch {next(texts)}" if len(chosen) > 1 else None
    drafts = []
    for run in chosen:
        piece = luck.choice(replay(run, logs.of(run.id), logs.is_undone).pieces)
        drafts.append(on(run.id, piece, "correct", f"t{next(texts)}", batch=batch))
    log.append(drafts)
    assert logs.refresh() == {run.id for run in chosen}


def undo(log: Log, logs: Logs) -> bool:
    """Undo the last step, if there is one."""
    steps = logs.history(log.reviewer).undoable
    if steps:
        log.append([Decision("", "", steps[-1].first.id, 0.0, 0.0, "", "undo", steps[-1].name)])
        assert steps[-1].first.id in logs.refresh()
    return bool(steps)


def redo(log: Log, logs: Logs) -> bool:
    """Redo what was undone last."""
    steps = logs.history(log.reviewer).redoable
    if steps:
        log.append([Decision("", "", steps[-1].first.id, 0.0, 0.0, "", "undo", steps[-1].undone_by)])
        assert steps[-1].first.id in logs.refresh()
    return bool(steps)
