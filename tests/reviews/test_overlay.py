"""Decisions laid over a run's transcripts, and what they count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anime_whisper_ct2.records import Retries, Segment, Transcript, Word
from anime_whisper_ct2.reviews import Decision, Logs, Piece, ReviewOptions, Reviews, open_log, replay
from tests.support.reviewers_at_work import cut, decided, merging, on
from tests.support.runs import segment, transcript

WORDS = (Word(0.0, 0.6, "おは", 0.9), Word(0.6, 1.0, "よう", 0.4), Word(1.2, 2.0, "ございます", 0.8))
FLAGS = ("doubtful", "clipped", "low_logprob", "noisy")
FIRST = Segment(
    0.0, 2.0, "おはようございます", -0.9, 0.3, 1.4, FLAGS, WORDS, Retries(("fast",), ("first", "full"), "full"), 0.7
)
SECOND = Segment(2.5, 4.0, "はい", -0.2, 0.05, 0.8, ("fast",), (Word(2.5, 4.0, "はい", 0.95),), None, 0.2)
RUN = Transcript(
    "a.ogg", "corpus/a.ogg", 6.0, "ja", "おはようございます はい", (FIRST, SECOND), (*FLAGS, "fast", "incomplete"), {}
)
OTHER = transcript("b.ogg", segment(0.0, 1.0, "え"))


class Desk:
    """A run and who decides on it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "transcripts.jsonl"
        self.folder = folder / "review"

    def pieces(self, run: Transcript = RUN) -> tuple[Piece, ...]:
        logs = Logs(self.folder)
        return replay(run, logs.of(run.id), logs.is_undone).pieces

    def decide(self, reviewer: str, *drafts: Decision) -> tuple[Decision, ...]:
        return decided(self.folder, reviewer, *drafts)

    def on(self, at: int, action: str, value: object = None, reviewer: str = "hana") -> tuple[Decision, ...]:
        return self.decide(reviewer, on(RUN.id, self.pieces()[at], action, value))  # type: ignore[arg-type]

    def reviews(self, **options: object) -> Reviews:
        return Reviews(self.file, ReviewOptions(**options))  # type: ignore[arg-type]

    def laid(self, **options: object) -> Transcript:
        return self.reviews(**options).overlay(RUN)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


class TestSegments:
    def test_without_decisions_a_transcript_is_itself(self, desk: Desk) -> None:
        reviews = desk.reviews()
        assert not reviews.any
        assert reviews.overlay(RUN) is RUN
        assert reviews.kept(RUN) is RUN
        assert not reviews.times_changed(RUN)
        assert [piece.text for piece in reviews.replayed(RUN).pieces] == [FIRST.text, SECOND.text]

    def test_a_recording_that_nobody_decided_on_is_itself(self, desk: Desk) -> None:
        desk.on(0, "reject")
        assert desk.reviews().overlay(OTHER) is OTHER

    def test_of_an_accepted_text_only_the_sound_is_doubted(self, desk: Desk) -> None:
        desk.on(0, "accept")
        laid = desk.laid()
        expected = replace(FIRST, verdict="accepted", flags=("clipped", "noisy"), doubt=0.0)
        assert laid == replace(RUN, segments=(expected, SECOND), flags=("clipped", "noisy", "fast", "incomplete"))

    def test_a_corrected_text_has_none_of_the_other_s_words(self, desk: Desk) -> None:
        desk.on(0, "correct", "おはよう御座います")
        laid = desk.laid()
        first = laid.segments[0]
        assert (first.text, first.verdict, first.words, first.doubt) == ("おはよう御座います", "corrected", (), 0.0)
        assert (first.avg_logprob, first.retries) == (FIRST.avg_logprob, FIRST.retries)
        assert laid.text == "おはよう御座います はい"

    def test_words_stay_where_only_spaces_changed(self, desk: Desk) -> None:
        desk.on(0, "correct", "おはよう ございます")
        assert desk.laid().segments[0].words == WORDS

    def test_a_rejected_segment_stays_in_with_its_verdict_and_is_not_in_the_text(self, desk: Desk) -> None:
        desk.on(1, "reject")
        laid = desk.laid()
        assert laid.segments == (FIRST, replace(SECOND, verdict="rejected"))
        assert laid.text == FIRST.text
        kept = desk.reviews().kept(RUN)
        assert kept.segments == (FIRST,)
        assert kept.flags == (*FLAGS, "incomplete")

    def test_accepted_alone_leaves_out_what_nobody_decided_on(self, desk: Desk) -> None:
        desk.on(0, "accept")
        reviews = desk.reviews(review="accepted")
        assert [s.verdict for s in reviews.kept(RUN).segments] == ["accepted"]
        assert reviews.kept(OTHER).segments == ()
        assert [s.verdict for s in reviews.overlay(RUN).segments] == ["accepted", None]

    def test_none_passes_over_the_logs_even_unreadable_ones(self, desk: Desk) -> None:
        desk.folder.mkdir()
        (desk.folder / "edits-hana.jsonl").write_text("nothing\n", encoding="utf-8")
        reviews = desk.reviews(review="none")
        assert not reviews.any
        assert reviews.kept(RUN) is RUN

    def test_parts_have_the_words_of_their_times_and_the_figures_of_the_whole(self, desk: Desk) -> None:
        desk.on(0, "split", cut(desk.pieces()[0], 1.1, "おはよう", "ございます"))
        laid = desk.laid()
        first, second, _ = laid.segments
        assert [first.words, second.words] == [WORDS[:2], WORDS[2:]]
        for part in (first, second):
            assert (part.avg_logprob, part.doubt, part.flags, part.verdict) == (-0.9, 0.7, FLAGS, None)
        assert laid.text == "おはよう ございます はい"

    def test_a_word_at_the_cut_is_in_the_part_that_has_its_middle(self, desk: Desk) -> None:
        desk.on(0, "split", cut(desk.pieces()[0], 0.9, "おはよう", "ございます"))
        assert [word.end for word in desk.laid().segments[0].words] == [0.6, 0.9]

    def test_parts_whose_texts_are_not_what_their_words_say_have_none(self, desk: Desk) -> None:
        desk.on(0, "split", cut(desk.pieces()[0], 0.5, "おはよう", "ございます"))
        assert [s.words for s in desk.laid().segments[:2]] == [(), ()]

    def test_a_merged_segment_has_the_worst_of_both(self, desk: Desk) -> None:
        desk.decide("hana", merging(RUN.id, *desk.pieces(), FIRST.text + SECOND.text))
        (merged,) = desk.laid().segments
        assert (merged.start, merged.end, merged.text) == (0.0, 4.0, "おはようございますはい")
        assert (merged.avg_logprob, merged.no_speech_prob, merged.compression_ratio) == (-0.9, 0.3, 1.4)
        assert (merged.doubt, merged.flags) == (0.7, (*FLAGS, "fast"))
        assert merged.words == (*WORDS, *SECOND.words)

    def test_a_trimmed_segment_keeps_its_words_within_its_times(self, desk: Desk) -> None:
        desk.on(0, "trim", {"start": 0.1, "end": 1.9})
        (first, _) = desk.laid().segments
        assert [(word.start, word.end) for word in first.words] == [(0.1, 0.6), (0.6, 1.0), (1.2, 1.9)]
        assert first.retries == FIRST.retries

    def test_without_doubt_a_run_gets_none_for_what_was_not_decided(self, desk: Desk) -> None:
        bare = replace(RUN, segments=(replace(FIRST, doubt=None), replace(SECOND, doubt=None)))
        desk.decide("hana", merging(RUN.id, *desk.pieces(bare), "x"))
        assert desk.reviews().overlay(bare).segments[0].doubt is None

    @pytest.mark.parametrize("between", ["", " "])
    def test_texts_are_joined_as_the_run_joins_them(self, desk: Desk, between: str) -> None:
        desk.on(1, "correct", "はいはい")
        laid = desk.reviews().overlay(replace(RUN, text=between.join((FIRST.text, SECOND.text))))
        assert laid.text == between.join((FIRST.text, "はいはい"))


class TestConflicts:
    @pytest.fixture
    def contested(self, desk: Desk) -> Desk:
        first, _ = desk.pieces()
        desk.decide("hana", on(RUN.id, first, "correct", "おはよう"))
        desk.decide("taro", on(RUN.id, first, "reject"))
        return desk

    def test_while_it_is_open_the_run_s_own_text_stands(self, contested: Desk) -> None:
        assert contested.laid() == RUN

    def test_the_segments_are_named_without_reading_other_recordings(self, contested: Desk) -> None:
        class Strict(dict[str, Transcript]):
            def __getitem__(self, id_: str) -> Transcript:
                assert id_ == "a.ogg"
                return super().__getitem__(id_)

        ((id_, piece),) = contested.reviews().unresolved(Strict({"a.ogg": RUN, "b.ogg": OTHER}))
        assert (id_, piece.text, len(piece.rivals)) == ("a.ogg", "おはよう", 1)
        assert list(contested.reviews().unresolved({})) == []

    @pytest.mark.parametrize(("rule", "expected"), [("first", "corrected"), ("last", "rejected"), ("drop", "rejected")])
    def test_a_rule_settles_it(self, contested: Desk, rule: str, expected: str) -> None:
        reviews = contested.reviews(conflicts=rule)
        assert reviews.overlay(RUN).segments[0].verdict == expected
        assert list(reviews.unresolved({"a.ogg": RUN})) == []
        assert reviews.counts.conflicts == 1

    def test_of_a_split_that_others_did_not_see_the_whole_stands(self, desk: Desk) -> None:
        first, second = desk.pieces()
        desk.decide("hana", on(RUN.id, first, "split", cut(first, 1.1, "おはよう", "ございます")))
        desk.decide("taro", on(RUN.id, first, "accept"), on(RUN.id, second, "accept"))
        assert [s.text for s in desk.laid().segments] == [FIRST.text, SECOND.text]
        assert [s.verdict for s in desk.laid().segments] == [None, "accepted"]

    def test_of_a_part_of_a_split_what_it_was_cut_to_stands(self, desk: Desk) -> None:
        first, _ = desk.pieces()
        desk.on(0, "split", cut(first, 1.1, "おはよう", "ございます"))
        part = desk.pieces()[0]
        desk.decide("hana", on(RUN.id, part, "accept"))
        desk.decide("taro", on(RUN.id, part, "reject"))
        assert [(s.text, s.verdict) for s in desk.laid().segments[:2]] == [("おはよう", None), ("ございます", None)]


class TestCounts:
    def test_each_recording_counts_once(self, desk: Desk) -> None:
        desk.on(0, "accept")
        desk.on(1, "trim", {"start": 2.6, "end": 4.0})
        desk.on(1, "correct", "はあい")
        desk.decide("taro", on("b.ogg", desk.pieces(OTHER)[0], "reject"), on("b.ogg", desk.pieces()[0], "reject"))
        reviews = desk.reviews()
        for run in (RUN, OTHER, RUN):
            reviews.overlay(run)
            reviews.kept(run)
        counts = reviews.counts
        assert (counts.decisions, counts.accepted, counts.corrected, counts.rejected) == (4, 1, 1, 1)
        assert (counts.stale, counts.conflicts, counts.changed_times) == (1, 0, 1)
        assert counts.reviewers == {"hana": 3, "taro": 2}

    def test_times_are_changed_by_what_moves_segments_alone(self, desk: Desk) -> None:
        desk.on(0, "correct", "おはよう")
        desk.on(1, "reject")
        assert not desk.reviews().times_changed(RUN)
        desk.on(0, "split", cut(desk.pieces()[0], 1.1, "おは", "よう"))
        assert desk.reviews().times_changed(RUN)
        assert not desk.reviews().times_changed(OTHER)
        assert not desk.reviews(review="none").times_changed(RUN)


def test_logs_that_grow_are_followed(desk: Desk) -> None:
    with open_log(desk.folder, "hana") as log:
        logs = Logs(desk.folder)
        reviews = Reviews(desk.file, logs=logs)
        assert not reviews.any
        log.append([on(RUN.id, desk.pieces()[0], "reject")])
        logs.refresh()
        assert reviews.any
        assert reviews.overlay(RUN).segments[0].verdict == "rejected"
