"""What decisions come to: by one reviewer, by several who saw each other's, and by several who did not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anime_whisper_ct2.reviews import Conflicts, Decision, replay
from tests.support.reviewers_at_work import Table, cut, merging, on, say
from tests.support.runs import segment, transcript

RUN = transcript("a.ogg", segment(0.0, 2.0, "いち"), segment(2.0, 4.0, "に"), segment(5.0, 7.0, "さん"), duration=8.0)


@pytest.fixture
def table() -> Table:
    return Table(RUN)


def decide(table: Table, reviewer: str, at: int, action: str, value: object = None) -> Decision:
    """Somebody who sees all decides on the segment of that number."""
    return table.decide(reviewer, on(RUN.id, table.sees()[at], action, value))  # type: ignore[arg-type]


class TestOne:
    def test_without_decisions_a_run_is_what_it_was(self, table: Table) -> None:
        pieces = table.sees()
        assert say(pieces) == [("いち", None), ("に", None), ("さん", None)]
        assert [piece.origins for piece in pieces] == [(0,), (1,), (2,)]

    def test_verdicts(self, table: Table) -> None:
        accepted = decide(table, "hana", 0, "accept")
        corrected = decide(table, "hana", 1, "correct", "にい")
        decide(table, "hana", 2, "reject")
        pieces = table.sees()
        assert say(pieces) == [("いち", "accepted"), ("にい", "corrected"), ("さん", "rejected")]
        assert [piece.decided for piece in pieces[:2]] == [accepted, corrected]
        assert [piece.text_by for piece in pieces] == [None, corrected, None]
        assert table.replayed().applied == 3

    def test_a_text_that_is_put_back_is_the_run_s_own(self, table: Table) -> None:
        decide(table, "hana", 0, "correct", "一")
        decide(table, "hana", 0, "correct", "いち")
        assert say(table.sees())[0] == ("いち", "accepted")
        assert table.sees()[0].text_by is None

    def test_who_accepts_a_corrected_text_keeps_it_corrected(self, table: Table) -> None:
        correction = decide(table, "hana", 0, "correct", "一")
        decide(table, "taro", 0, "reject")
        decide(table, "hana", 0, "accept")
        piece = table.sees()[0]
        assert (piece.text, piece.verdict, piece.text_by) == ("一", "corrected", correction)

    def test_a_trim_keeps_the_verdict(self, table: Table) -> None:
        decide(table, "hana", 0, "accept")
        decide(table, "hana", 0, "trim", {"start": 0.5, "end": 1.9})
        piece = table.sees()[0]
        assert (piece.start, piece.end, piece.verdict) == (0.5, 1.9, "accepted")

    def test_a_split_leaves_two_to_be_decided(self, table: Table) -> None:
        decide(table, "hana", 0, "accept")
        decide(table, "hana", 0, "split", cut(table.sees()[0], 0.8, "い", "ち"))
        pieces = table.sees()
        assert say(pieces) == [("い", None), ("ち", None), ("に", None), ("さん", None)]
        assert [piece.origins for piece in pieces] == [(0,), (0,), (1,), (2,)]
        assert all(piece.text_by is None for piece in pieces)
        decide(table, "hana", 0, "accept")
        assert say(table.sees())[0] == ("い", "accepted")

    def test_a_split_that_changes_the_text_is_its_author_s(self, table: Table) -> None:
        split = decide(table, "hana", 0, "split", cut(table.sees()[0], 0.8, "い", "っち"))
        assert [piece.text_by for piece in table.sees()[:2]] == [split, split]
        decide(table, "hana", 0, "accept")
        assert say(table.sees())[0] == ("い", "corrected")

    @pytest.mark.parametrize(("text", "own"), [("いちに", True), ("いち に", True), ("いちにい", False)])
    def test_a_merge_is_one_segment_of_both(self, table: Table, text: str, own: bool) -> None:
        merge = table.decide("hana", merging(RUN.id, *table.sees()[:2], text))
        piece = table.sees()[0]
        assert (piece.start, piece.end, piece.text, piece.origins) == (0.0, 4.0, text, (0, 1))
        assert piece.text_by == (None if own else merge)
        assert len(table.sees()) == 2

    def test_what_was_split_can_be_merged_again(self, table: Table) -> None:
        decide(table, "hana", 0, "split", cut(table.sees()[0], 0.8, "い", "ち"))
        table.decide("hana", merging(RUN.id, *table.sees()[:2], "いち"))
        assert table.sees()[0].origins == (0,)
        assert say(table.sees()) == say(Table(RUN).sees())

    def test_tags_come_and_go_and_change_no_version(self, table: Table) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "tag", {"add": ["whisper", "music"]}))
        table.decide("hana", on(RUN.id, before, "tag", {"remove": ["music"]}))
        table.decide("taro", on(RUN.id, before, "accept"))
        piece = table.sees()[0]
        assert (piece.tags, piece.verdict, piece.rivals) == (("whisper",), "accepted", ())
        assert before.tags == ()

    def test_parts_inherit_tags_and_a_merged_segment_has_those_of_both(self, table: Table) -> None:
        decide(table, "hana", 0, "tag", {"add": ["a"]})
        decide(table, "hana", 1, "tag", {"add": ["b"]})
        decide(table, "hana", 0, "split", cut(table.sees()[0], 0.8, "い", "ち"))
        assert [piece.tags for piece in table.sees()] == [("a",), ("a",), ("b",), ()]
        table.decide("hana", merging(RUN.id, *table.sees()[1:3], "ちに"))
        assert table.sees()[1].tags == ("a", "b")

    @pytest.mark.parametrize(
        ("action", "value"),
        [
            ("trim", {"start": 0.0, "end": 2.1}),
            ("trim", {"start": 0.5, "end": 0.505}),
            ("split", [{"start": 0.0, "end": 1.2, "text": "a"}, {"start": 1.0, "end": 2.0, "text": "b"}]),
            ("split", [{"start": 0.0, "end": 1.0, "text": "a"}, {"start": 1.0, "end": 2.5, "text": "b"}]),
            ("split", [{"start": 0.0, "end": 1.999, "text": "a"}, {"start": 1.999, "end": 2.0, "text": "b"}]),
        ],
    )
    def test_what_would_leave_its_room_is_stale(self, table: Table, action: str, value: object) -> None:
        line = decide(table, "hana", 0, action, value)
        assert table.replayed().stale == (line,)
        assert table.sees() == Table(RUN).sees()

    @pytest.mark.parametrize("end", [8.0, 8.1])
    def test_a_segment_may_reach_the_recording_s_end_and_no_further(self, table: Table, end: float) -> None:
        decide(table, "hana", 2, "trim", {"start": 4.5, "end": end})
        assert len(table.replayed().stale) == (end > 8)

    def test_segments_that_are_apart_are_not_merged_over_one_between(self, table: Table) -> None:
        first, _, third = table.sees()
        line = table.decide("hana", merging(RUN.id, first, third, "いちさん"))
        assert table.replayed().stale == (line,)

    def test_segments_that_a_run_has_over_each_other_may_stay_so_but_no_more_than_that(self) -> None:
        run = transcript("a.ogg", segment(0.0, 2.0), segment(1.5, 3.0))
        table = Table(run)
        table.decide("hana", on(run.id, table.sees()[0], "trim", {"start": 0.5, "end": 2.0}))
        assert table.replayed().stale == ()
        table.decide("hana", on(run.id, table.sees()[0], "trim", {"start": 0.5, "end": 2.1}))
        assert len(table.replayed().stale) == 1


class TestSeveral:
    def test_who_saw_a_correction_and_changes_it_supersedes_it(self, table: Table) -> None:
        decide(table, "hana", 0, "correct", "一")
        decide(table, "taro", 0, "correct", "壱")
        piece = table.sees()[0]
        assert (piece.text, piece.rivals) == ("壱", ())

    @pytest.mark.parametrize(
        ("one", "other", "verdict"),
        [
            (("accept", None), ("accept", None), "accepted"),
            (("reject", None), ("reject", None), "rejected"),
            (("correct", "一"), ("correct", "一"), "corrected"),
            (("accept", None), ("correct", "いち"), "accepted"),
        ],
    )
    def test_who_agrees_is_no_rival(
        self, table: Table, one: tuple[str, object], other: tuple[str, object], verdict: str
    ) -> None:
        before = table.sees()[0]
        for reviewer, (action, value) in (("hana", one), ("taro", other)):
            table.decide(reviewer, on(RUN.id, before, action, value))  # type: ignore[arg-type]
        replayed = table.replayed()
        assert (replayed.pieces[0].verdict, replayed.pieces[0].rivals) == (verdict, ())
        assert replayed.applied == 2

    def test_two_who_reject_what_one_of_them_had_corrected_agree(self, table: Table) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "correct", "一"))
        decide(table, "hana", 0, "reject")
        table.decide("taro", on(RUN.id, before, "reject"))
        assert table.sees()[0].rivals == ()

    @pytest.mark.parametrize(
        ("action", "value"),
        [("reject", None), ("correct", "壱"), ("accept", None), ("trim", {"start": 0.5, "end": 2.0})],
    )
    def test_what_comes_to_something_else_without_knowledge_is_a_conflict(
        self, table: Table, action: str, value: object
    ) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "correct", "一"))
        other = table.decide("taro", on(RUN.id, before, action, value))  # type: ignore[arg-type]
        piece = table.sees()[0]
        assert piece.text == "一"
        assert [rival.decision for rival in piece.rivals] == [other]
        assert len(piece.rivals[0].segments) == (action != "reject")
        assert [rival.rivals for rival in table.sees()[1:]] == [(), ()]

    def test_the_same_reviewer_in_two_windows_has_the_last_word(self, table: Table) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "correct", "一"))
        table.decide("hana", on(RUN.id, before, "correct", "壱"))
        piece = table.sees()[0]
        assert (piece.text, piece.verdict, piece.rivals) == ("壱", "corrected", ())

    @pytest.mark.parametrize("action", ["accept", "correct", "reject"])
    def test_who_saw_a_conflict_resolves_it(self, table: Table, action: str) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "correct", "一"))
        table.decide("taro", on(RUN.id, before, "correct", "壱"))
        decide(table, "miki", 0, action, "壱" if action == "correct" else None)
        piece = table.sees()[0]
        assert piece.rivals == ()
        expected = {"accept": ("一", "corrected"), "correct": ("壱", "corrected"), "reject": ("一", "rejected")}
        assert (piece.text, piece.verdict) == expected[action]

    def test_who_saw_only_one_side_does_not_resolve_a_conflict(self, table: Table) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "correct", "一"))
        saw = table.sees()[0]
        taro = table.decide("taro", on(RUN.id, before, "reject"))
        table.decide("miki", on(RUN.id, saw, "correct", "ひとつ"))
        piece = table.sees()[0]
        assert piece.text == "ひとつ"
        assert [rival.decision for rival in piece.rivals] == [taro]

    def test_each_side_goes_on_until_it_hears_of_the_other(self, table: Table) -> None:
        before = table.sees()[0]
        hana = table.decide("hana", on(RUN.id, before, "correct", "一"))
        table.decide("taro", on(RUN.id, before, "correct", "壱"))
        taros = table.sees(without=[hana])[0]
        assert taros.text == "壱"
        last = table.decide("taro", on(RUN.id, taros, "correct", "壱つ"))
        piece = table.sees()[0]
        assert [(rival.decision, rival.segments[0].text) for rival in piece.rivals] == [(last, "壱つ")]

    def test_two_sides_that_come_together_are_one(self, table: Table) -> None:
        before = table.sees()[0]
        hana = table.decide("hana", on(RUN.id, before, "correct", "一"))
        table.decide("taro", on(RUN.id, before, "correct", "壱"))
        assert table.sees()[0].rivals
        table.decide("taro", on(RUN.id, table.sees(without=[hana])[0], "correct", "一"))
        assert table.sees()[0].rivals == ()

    def test_a_third_who_did_not_know_of_the_conflict_that_was_resolved_makes_a_new_one(self, table: Table) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "correct", "一"))
        table.decide("taro", on(RUN.id, before, "correct", "壱"))
        contested = table.sees()[0]
        table.decide("hana", on(RUN.id, contested, "accept"))
        late = table.decide("miki", on(RUN.id, contested, "reject"))
        piece = table.sees()[0]
        assert piece.text == "一"
        assert [rival.decision for rival in piece.rivals] == [late]

    def test_a_merge_against_a_verdict_on_one_of_the_two(self, table: Table) -> None:
        first, second, _ = table.sees()
        table.decide("hana", merging(RUN.id, first, second, "いちに"))
        table.decide("taro", on(RUN.id, second, "reject"))
        table.decide("taro", on(RUN.id, first, "accept"))
        pieces = table.sees()
        assert len(pieces) == 2
        (rival,) = pieces[0].rivals
        assert say(rival.segments) == [("いち", "accepted"), ("に", "rejected")]
        assert pieces[1].rivals == ()

    def test_a_split_against_a_correction_is_one_conflict_of_both_parts(self, table: Table) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "split", cut(before, 0.8, "い", "ち")))
        table.decide("taro", on(RUN.id, before, "correct", "一"))
        first, second = table.sees()[:2]
        assert first.rivals == second.rivals
        decide(table, "miki", 1, "accept")
        assert say(table.sees())[:2] == [("い", None), ("ち", "accepted")]
        assert [piece.rivals for piece in table.sees()[:2]] == [(), ()]

    def test_decisions_on_the_two_parts_of_a_split_are_no_conflict(self, table: Table) -> None:
        decide(table, "hana", 0, "split", cut(table.sees()[0], 0.8, "い", "ち"))
        first, second = table.sees()[:2]
        table.decide("hana", on(RUN.id, first, "accept"))
        table.decide("taro", on(RUN.id, second, "reject"))
        assert say(table.sees())[:2] == [("い", "accepted"), ("ち", "rejected")]
        assert not any(piece.rivals for piece in table.sees())

    def test_who_merges_what_he_had_changed_beside_another(self, table: Table) -> None:
        first = table.sees()[0]
        hana = table.decide("hana", on(RUN.id, first, "reject"))
        table.decide("taro", on(RUN.id, first, "correct", "一"))
        seen = table.sees(without=[hana])
        table.decide("taro", merging(RUN.id, seen[0], seen[1], "一に"))
        pieces = table.sees()
        assert say(pieces[:2]) == [("いち", "rejected"), ("に", None)]
        assert [say(piece.rivals[0].segments) for piece in pieces[:2]] == [[("一に", None)]] * 2

    def test_two_who_want_the_same_room_get_it_once(self, table: Table) -> None:
        _, second, third = table.sees()
        table.decide("hana", on(RUN.id, second, "trim", {"start": 2.0, "end": 4.8}))
        late = table.decide("taro", on(RUN.id, third, "trim", {"start": 4.2, "end": 7.0}))
        assert table.replayed().stale == (late,)


class TestByARule:
    @pytest.mark.parametrize(
        ("rule", "expected"),
        [("first", ("一", "corrected")), ("last", ("壱", "corrected")), ("drop", ("一", "rejected"))],
    )
    def test_texts(self, table: Table, rule: Conflicts, expected: tuple[str, str]) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "correct", "一"))
        table.decide("taro", on(RUN.id, before, "correct", "壱"))
        piece = table.replayed(rule).pieces[0]
        assert (piece.text, piece.verdict) == expected
        assert piece.rivals == ()

    @pytest.mark.parametrize(("rule", "expected"), [("first", "rejected"), ("last", "corrected")])
    def test_whoever_decides_last_has_the_last_word_however_it_began(
        self, table: Table, rule: Conflicts, expected: str
    ) -> None:
        before = table.sees()[0]
        hana = table.decide("hana", on(RUN.id, before, "accept"))
        taro = table.decide("taro", on(RUN.id, before, "reject"))
        table.decide("hana", on(RUN.id, table.sees(without=[taro])[0], "correct", "一"))
        assert hana.at < taro.at
        assert table.replayed(rule).pieces[0].verdict == expected

    def test_the_last_of_three(self, table: Table) -> None:
        before = table.sees()[0]
        for reviewer, text in (("hana", "一"), ("taro", "壱"), ("miki", "ひとつ")):
            table.decide(reviewer, on(RUN.id, before, "correct", text))
        assert [rival.decision.reviewer for rival in table.sees()[0].rivals] == ["taro", "miki"]
        assert table.replayed("first").pieces[0].text == "一"
        assert table.replayed("last").pieces[0].text == "ひとつ"

    def test_a_correction_in_the_place_of_a_split(self, table: Table) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "split", cut(before, 0.8, "い", "ち")))
        table.decide("taro", on(RUN.id, before, "correct", "一"))
        assert say(table.replayed("last").pieces) == [("一", "corrected"), ("に", None), ("さん", None)]
        assert say(table.replayed("first").pieces)[:2] == [("い", None), ("ち", None)]
        assert say(table.replayed("drop").pieces)[:2] == [("い", "rejected"), ("ち", "rejected")]

    def test_a_rejection_that_wins_leaves_the_segment_where_it_was(self, table: Table) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "accept"))
        table.decide("taro", on(RUN.id, before, "reject"))
        piece = table.replayed("last").pieces[0]
        assert (piece.start, piece.end, piece.verdict) == (0.0, 2.0, "rejected")
        assert piece.decided is not None
        assert piece.decided.reviewer == "taro"

    def test_a_rival_without_room_gives_way(self, table: Table) -> None:
        _, second, third = table.sees()
        hana = table.decide("hana", on(RUN.id, second, "accept"))
        table.decide("taro", on(RUN.id, second, "trim", {"start": 2.0, "end": 4.8}))
        table.decide("hana", on(RUN.id, third, "trim", {"start": 4.2, "end": 7.0}))
        assert table.sees()[1].rivals
        pieces = table.replayed("last").pieces
        assert (pieces[1].decided, pieces[1].end, pieces[2].start) == (hana, 4.0, 4.2)


class TestUndone:
    def test_a_decision_that_is_undone_was_never_made(self, table: Table) -> None:
        line = decide(table, "hana", 0, "correct", "一")
        table.undone.add(line.step)
        replayed = table.replayed()
        assert replayed.pieces == Table(RUN).sees()
        assert (replayed.applied, replayed.undone, replayed.stale) == (0, 1, ())

    def test_after_an_undo_the_former_state_is_decided_on(self, table: Table) -> None:
        line = decide(table, "hana", 0, "correct", "一")
        table.undone.add(line.step)
        decide(table, "hana", 0, "reject")
        assert say(table.sees())[0] == ("いち", "rejected")

    def test_what_another_has_agreed_to_stays_when_its_author_takes_it_back(self, table: Table) -> None:
        first = decide(table, "hana", 0, "correct", "一")
        second = decide(table, "hana", 1, "accept")
        agreed = [decide(table, "taro", 0, "accept"), decide(table, "taro", 1, "accept")]
        table.undone.update((first.step, second.step))
        pieces = table.sees()
        assert say(pieces) == [("一", "corrected"), ("に", "accepted"), ("さん", None)]
        assert [piece.decided for piece in pieces[:2]] == agreed
        assert not any(piece.rivals for piece in pieces)

    def test_a_part_that_another_has_accepted_stays_with_the_other_part_when_the_split_is_taken_back(
        self, table: Table
    ) -> None:
        line = decide(table, "hana", 0, "split", cut(table.sees()[0], 1.0, "い", "ち"))
        decide(table, "taro", 1, "accept")
        table.undone.add(line.step)
        pieces = table.sees()
        assert say(pieces)[:2] == [("い", None), ("ち", "accepted")]
        assert not any(piece.rivals for piece in pieces)

    def test_who_takes_back_what_another_has_agreed_to_and_decides_otherwise_is_in_conflict_with_him(
        self, table: Table
    ) -> None:
        before = table.sees()[0]
        line = decide(table, "hana", 0, "correct", "一")
        agreed = decide(table, "taro", 0, "accept")
        table.undone.add(line.step)
        other = table.decide("hana", on(RUN.id, before, "reject"))
        piece = table.sees()[0]
        assert (piece.text, piece.decided) == ("一", agreed)
        assert [rival.decision for rival in piece.rivals] == [other]

    def test_of_a_conflict_that_somebody_resolved_his_decision_stays_when_one_side_is_taken_back(
        self, table: Table
    ) -> None:
        before = table.sees()[0]
        sides = [
            table.decide(who, on(RUN.id, before, "correct", text)) for who, text in (("hana", "一"), ("taro", "壱"))
        ]
        decide(table, "miki", 0, "correct", "いーち")
        for steps in ((0,), (1,), (0, 1)):
            table.undone = {sides[number].step for number in steps}
            assert say(table.sees())[0] == ("いーち", "corrected")
            assert not table.sees()[0].rivals
            assert table.replayed().stale == ()

    def test_undoing_both_leaves_nothing(self, table: Table) -> None:
        for reviewer, text in (("hana", "一"), ("taro", "壱")):
            table.undone.add(decide(table, reviewer, 0, "correct", text).step)
        assert table.replayed().pieces == Table(RUN).sees()

    def test_a_conflict_goes_with_the_decision_that_made_it(self, table: Table) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "correct", "一"))
        line = table.decide("taro", on(RUN.id, before, "correct", "壱"))
        assert table.sees()[0].rivals
        table.undone.add(line.step)
        assert table.sees()[0].rivals == ()

    def test_a_conflict_that_was_resolved_comes_back_with_the_undo_of_that(self, table: Table) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "correct", "一"))
        table.decide("taro", on(RUN.id, before, "correct", "壱"))
        contested = table.sees()[0]
        line = decide(table, "hana", 0, "accept")
        table.undone.add(line.step)
        assert table.sees()[0] == contested

    def test_tags_go_with_their_line(self, table: Table) -> None:
        line = decide(table, "hana", 0, "tag", {"add": ["a"]})
        table.undone.add(line.step)
        assert table.sees()[0].tags == ()


class TestClocks:
    def test_a_line_waits_for_what_it_was_decided_on(self, table: Table) -> None:
        decide(table, "hana", 0, "correct", "一")
        # An hour behind.
        table.decide("taro", on(RUN.id, table.sees()[0], "correct", "壱"), skew_us=-3_600_000_000)
        table.decide("hana", on(RUN.id, table.sees()[0], "accept"))
        replayed = table.replayed()
        assert say(replayed.pieces)[0] == ("壱", "corrected")
        assert (replayed.stale, replayed.pieces[0].rivals) == ((), ())

    def test_a_conflict_is_resolved_before_it_has_arisen_too(self, table: Table) -> None:
        before = table.sees()[0]
        table.decide("hana", on(RUN.id, before, "correct", "一"))
        table.decide("taro", on(RUN.id, before, "correct", "壱"))
        table.decide("miki", on(RUN.id, table.sees()[0], "accept"), skew_us=-3_600_000_000)
        assert table.sees()[0].rivals == ()


class TestStale:
    def test_what_was_decided_on_another_text_is_not_applied(self, table: Table) -> None:
        lines = [decide(table, "hana", at, "accept") for at in range(3)]
        redone = transcript(RUN.id, RUN.segments[0], segment(2.0, 4.0, "にい"), RUN.segments[2], duration=8.0)
        replayed = replay(redone, lines, lambda _: False)
        assert say(replayed.pieces) == [("いち", "accepted"), ("にい", None), ("さん", "accepted")]
        assert replayed.stale == (lines[1],)
        assert replayed.applied == 2

    def test_what_follows_a_stale_line_is_stale(self, table: Table) -> None:
        first = decide(table, "hana", 0, "correct", "一")
        second = decide(table, "hana", 0, "correct", "壱")
        redone = transcript(RUN.id, segment(0.0, 2.0, "いーち"), duration=8.0)
        assert replay(redone, [first, second], lambda _: False).stale == (first, second)

    def test_a_line_whose_times_are_others_than_those_of_what_it_names_is_not_applied(self, table: Table) -> None:
        first, second, _ = table.sees()
        draft = on(RUN.id, first, "reject")
        wrong = Decision("", "", RUN.id, second.start, second.end, draft.seen, "reject")
        line = table.decide("hana", wrong)
        assert table.replayed().stale == (line,)

    def test_a_segment_is_not_merged_with_itself(self, table: Table) -> None:
        first = table.sees()[0]
        line = table.decide("hana", merging(RUN.id, first, first, "いちいち"))
        assert table.replayed().stale == (line,)


def test_a_transcript_that_was_reviewed_already_is_no_run_s(table: Table) -> None:
    reviewed = replace(RUN, segments=(replace(RUN.segments[0], verdict="accepted"),))
    with pytest.raises(ValueError, match="already"):
        replay(reviewed, (), lambda _: False)
