"""Texts that look wrong are decoded again, and the rest is left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import EngineMemoryError
from anime_whisper_ct2.executors import ladder
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.executors.ladder import Attempts, Ladder
from anime_whisper_ct2.features.batcher import Batcher
from anime_whisper_ct2.features.windows import WindowLength, enough_together, longer_length, work
from anime_whisper_ct2.records import Batch, Decoded, Step, Window
from tests.support.audio_windows import LOOPS, said, window


class Fitting:
    """A fake engine that goes wrong in windows of fewer than `needs` frames where it is told to."""

    def __init__(self, wrong: dict[int, str], needs: int = 3000) -> None:
        self.wrong = wrong
        self.needs = needs
        self.engine = FakeEngine(self.decode, batch_size=4)
        self.seen: Counter[tuple[int, int]] = Counter()

    def decode(self, item: Window) -> Decoded:
        frames = self.engine.batches[-1].frames
        for batch in self.engine.batches:
            if item in batch.windows and (item.key, batch.frames) not in self.seen:
                frames = batch.frames
                break
        self.seen[item.key, frames] += 1
        return said(self.wrong[item.key] if frames < self.needs and item.key in self.wrong else f"text {item.key}")

    def run(self, look: Ladder, n: int = 20) -> dict[int, str]:
        stage = Decoding(self.engine, look)
        batches = Batcher(WindowLength("fit"), self.engine.capacity)(window(key) for key in range(n))
        try:
            return {item.key: decoded.text for item, decoded in stage(batches)}  # type: ignore[misc,union-attr]
        finally:
            self.engine.close()


class TestLadder:
    @pytest.mark.parametrize(("needs", "mended"), [(800, "longer"), (3000, "full")])
    def test_what_looks_wrong_is_decoded_again_in_a_longer_window_and_what_still_does_at_30_s(
        self, needs: int, mended: str
    ) -> None:
        fitting = Fitting({3: LOOPS[3] * 2, 11: "", 12: LOOPS[2]}, needs)
        look = Ladder()
        assert fitting.run(look) == {key: f"text {key}" for key in range(20)}
        for length, keys in ((832, [3, 11, 12]), (3000, [3, 11, 12] if mended == "full" else [])):
            again = [batch for batch in fitting.engine.batches if batch.frames in (length, length + 64)]
            assert sorted(item.key for batch in again for item in batch.windows) == keys
        assert (look.fitted, look.kept) == (20, {mended: 3})
        assert look.reasons == {"repetition": 2, "empty": 1}

    def test_a_clip_whose_longer_window_would_hardly_cost_less_goes_to_30_s_at_once(self) -> None:
        engine = FakeEngine(lambda _: said(LOOPS[3]), in_flight=1)
        list(Decoding(engine, Ladder())(Batcher(WindowLength("fit"), engine.capacity)([window(0, 15.0)])))
        assert [batch.step for batch in engine.batches] == ["first", "full", "ngram", "beam"]
        engine.close()

    def test_longer_windows_join_others_of_their_length_which_leave_them_room(self) -> None:
        """Windows of 3 s loop until they are longer, and then have the length of those of 5.5 s."""
        fitting = Fitting(dict.fromkeys((0, 1, 2), LOOPS[3]), 800)
        fitting.engine.in_flight = 1
        look = Ladder()
        stage = Decoding(fitting.engine, look)
        length = WindowLength("fit")
        short, long = length(300), length(550)
        assert longer_length(300, short) == long
        stream = [*(window(key) for key in range(3)), window(3), *(window(key, 5.5) for key in range(4, 12))]
        done = {item.key: text for item, text in stage(Batcher(length, stage.room)(stream))}  # type: ignore[misc,union-attr]
        fitting.engine.close()
        assert {key: text.text for key, text in done.items()} == {key: f"text {key}" for key in range(12)}
        kept = {key: text.retries.kept for key, text in done.items() if text.retries}
        assert kept == dict.fromkeys(range(3), "longer")
        assert [(batch.frames, len(batch.windows)) for batch in fitting.engine.batches] == [
            (short, 4),
            *[(long, 4)] * 2,
            (long, 3),
        ]

    def test_windows_that_are_decoded_again_do_not_gather_at_the_end(self) -> None:
        """One in five is doubted, and never mended: when the last is listed, no step has more than a batch to do."""
        engine = FakeEngine(lambda item: said(LOOPS[3] if item.key % 5 == 0 else "はい"), batch_size=64, in_flight=2)
        listed: list[Batch] = []
        stage = Decoding(engine, Ladder())

        def listing() -> Iterator[Window]:
            yield from (window(key) for key in range(3_000))
            listed.extend(engine.batches)

        list(stage(Batcher(WindowLength("fit"), stage.room)(listing())))
        engine.close()
        left = {"full": 0, "ngram": 0, "beam": 0}
        for batch in engine.batches[len(listed) :]:
            if batch.step in left:
                left[batch.step] += len(batch.windows)
        # Whatever came into a step went on in good batches, but for one that was not full, and what the steps before it
        # and the engine had in hand.
        assert {len(batch.windows) for batch in listed if batch.step == "full"} == {16}
        assert {len(batch.windows) for batch in listed if batch.step == "beam"} == {64 // 5}
        most = enough_together(832) + 2 * 16
        assert left["full"] <= most
        assert left["beam"] <= most + 16 + 2 * 12

    def test_without_retry_the_first_text_stays(self) -> None:
        texts = Fitting({3: "あはは" * 20}).run(Ladder(retry=False))
        assert texts[3] == "あはは" * 20

    def test_the_audit_compares_and_changes_nothing(self) -> None:
        fitting = Fitting({key: f"texd {key}" for key in range(20)})
        look = Ladder(audit=1.0)
        assert fitting.run(look) == {key: f"texd {key}" for key in range(20)}
        assert (look.audited.windows, look.audited.edits) == (20, 20)
        assert look.figures["window_check"]["audit_cer"] == pytest.approx(
            100 * 20 / sum(len(f"text {key}") for key in range(20)), abs=1e-3
        )

    @pytest.mark.parametrize("laughter", [LOOPS[0], LOOPS[1], "あはは" * 6, "く" * 40])
    def test_laughter_goes_to_30_s_at_once_since_no_silence_ends_it(self, laughter: str) -> None:
        fitting = Fitting({3: laughter}, 800)
        assert fitting.run(look := Ladder())[3] == "text 3"
        assert look.kept == {"full": 1}
        assert "longer" not in {batch.step for batch in fitting.engine.batches}

    @pytest.mark.parametrize("needs", [800, 3000])
    def test_the_audit_compares_first_texts_whichever_stands_and_decodes_none_twice(self, needs: int) -> None:
        fitting = Fitting({3: LOOPS[3]}, needs)
        look = Ladder(audit=1.0)
        assert fitting.run(look) == {key: f"text {key}" for key in range(20)}
        assert (look.audited.windows, look.audited.edits) == (20, len(LOOPS[3]))
        full = [item.key for batch in fitting.engine.batches if batch.frames == 3000 for item in batch.windows]
        assert sorted(full) == list(range(20))

    def test_a_share_that_was_asked_for_is_audited_whatever_it_costs(self) -> None:
        look = Ladder(retry=False, audit=0.01)
        drawn = [look.is_audited(window(key)) for key in range(10_000)]
        assert 50 <= sum(drawn) <= 150
        # By what a window holds, not by its place: a resumed run draws the same ones.
        assert drawn[::-1] == [look.is_audited(window(key)) for key in reversed(range(10_000))]

    def test_an_audit_that_nobody_asked_for_costs_one_percent_all_along_and_little_once_enough_is_known(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ladder, "AUDIT_ENOUGH", 100)
        look = Ladder(audit=None)
        audited = [0]
        for key in range(40_000):
            look.note_work(4, 768)  # there are three more, of which none is drawn
            if look.is_audited(window(key)):
                look.note_audit()
                look.compare(said("はい"), said("はい"))
            if key % 2_000 == 1_999:
                audited.append(look.audited.windows)
        allowed = 0.01 * 4 * work(768) * 2_000
        early, late = audited[: 100 // round(allowed)], audited[-8:]
        assert all(0.8 * allowed * n - 2 <= count <= allowed * n for n, count in enumerate(early))
        assert late[-1] - late[0] == pytest.approx(0.1 * allowed * (len(late) - 1), abs=2)

    def test_a_run_too_small_for_an_audit_says_that_nothing_was_compared(self) -> None:
        fitting = Fitting({})
        fitting.run(look := Ladder(audit=None), 200)
        nothing = {"audited": 0, "audit_cer": None, "audit_interval": None, "audit_loops": 0, "audit_full_loops": 0}
        assert look.figures["window_check"] == {"fitted": 200, **nothing}
        assert {batch.step for batch in fitting.engine.batches} == {"first"}

    def test_an_audited_text_goes_home_without_waiting_for_its_second_look(self) -> None:
        engine = FakeEngine(lambda _: said("はい"), batch_size=4, in_flight=1)

        def endless() -> object:
            key = 0
            while True:
                yield Batch((window(key),), 320)
                key += 1

        first = next(iter(Decoding(engine, Ladder(audit=1.0))(endless())))  # type: ignore[arg-type]
        assert isinstance(first, tuple)
        assert len(engine.batches) == 1
        engine.close()

    def test_at_the_end_second_looks_go_before_what_is_left(self) -> None:
        """The longest windows last would leave all but one core without work."""
        engine = FakeEngine(lambda _: said("はい"), batch_size=64, in_flight=1)
        batches = Batcher(lambda frames: frames, engine.capacity)(
            window(key, frames / 100) for frames in (320, 384, 448) for key in range(frames, frames + 3)
        )
        assert len(list(Decoding(engine, Ladder(audit=1.0))(batches))) == 9
        assert [(batch.frames, len(batch.windows)) for batch in engine.batches] == [
            *((448, 3), (3000, 3)),
            *((384, 3), (3000, 3)),
            *((320, 3), (3000, 3)),
        ]
        engine.close()

    def test_a_second_look_that_fails_leaves_the_first_text(self) -> None:
        def decode(item: Window) -> Decoded:
            if engine.batches[-1].frames == 3000:
                raise EngineMemoryError("out of memory")
            return said("あはは" * 20)

        engine = FakeEngine(decode, batch_size=1, in_flight=1)
        ((_, decoded),) = Decoding(engine, Ladder())([Batch((window(0),), 320)])  # type: ignore[misc]
        assert decoded.text == "あはは" * 20
        engine.close()

    def test_nothing_is_decoded_again_in_full_windows_while_nothing_looks_wrong(self) -> None:
        engine = FakeEngine(lambda _: said("はあ、はあ、はあ、はあ…"), batch_size=4)
        batches = Batcher(WindowLength("full"), engine.capacity)(window(key) for key in range(8))
        assert len(list(Decoding(engine, Ladder(audit=1.0))(batches))) == 8
        assert len(engine.batches) == 2
        engine.close()

    @pytest.mark.parametrize("mode", ["full", "fit"])
    @pytest.mark.parametrize("mends", ["longer", "full", "ngram", "beam", None])
    def test_the_ladder_ends_where_nothing_is_wrong_any_more_and_tells_what_it_tried(
        self, mode: str, mends: str | None
    ) -> None:
        steps = ["first", *(["longer", "full"] if mode == "fit" else []), "ngram", "beam"]

        def decode(item: Window) -> Decoded:
            step = next(batch.step for batch in reversed(engine.batches) if item in batch.windows)
            wrong = item.key == 2 and not (mends in steps and steps.index(step) >= steps.index(mends))
            return said(LOOPS[3] if wrong else f"text {item.key}")

        engine = FakeEngine(decode, batch_size=4, in_flight=1)
        ladder = Ladder()
        batches = Batcher(WindowLength(mode), engine.capacity)(window(key) for key in range(6))  # type: ignore[arg-type]
        done = {item.key: decoded for item, decoded in Decoding(engine, ladder)(batches)}  # type: ignore[misc,union-attr]
        engine.close()
        reached = mends in steps
        # Behind a text without repeats, the beams are asked whether they agree.
        ends = None if mends not in steps or mends == "ngram" else steps.index(mends) + 1
        tried = tuple(steps[1:ends])
        assert all(done[key].retries is None and done[key].text == f"text {key}" for key in done.keys() - {2})
        retries = done[2].retries
        assert retries is not None
        assert (retries.tried, "repetition" in retries.reasons) == (tried, True)
        # The text at 30 s clears a flag, and so do a longer window's that shows nothing and two ways that agree; beams
        # alone do not.
        left = () if mends in ("longer", "full", "ngram") and reached else ("repetition",)
        marks = (*left, *(["replaced"] if reached else []), *(["doubtful"] if left else []))
        assert (done[2].text == "text 2", done[2].flags) == (reached, marks)
        # A text that nothing mends is the one that least was done to.
        assert retries.kept == (mends if reached else "full" if mode == "fit" else "first")
        assert ladder.kept == {retries.kept: 1}
        assert ladder.figures["retries"]["windows"] == 1

    @pytest.mark.parametrize(
        "wrong", ["ご視聴ありがとうございました", "今日はとてもいい天気ですね、散歩に行きましょうか" * 3]
    )
    def test_whatever_can_be_mended_is_looked_at_again_in_a_fitted_window(self, wrong: str) -> None:
        texts = Fitting({3: wrong}).run(look := Ladder())
        assert texts[3] == "text 3"
        assert set(look.reasons) <= {"stock_phrase", "repetition"}

    def test_without_retry_flags_are_said_and_nothing_is_tried(self) -> None:
        engine = FakeEngine(lambda _: said("ご視聴ありがとうございました。"), batch_size=4)
        ((_, decoded),) = Decoding(engine, Ladder(retry=False))([Batch((window(0),), 3000)])  # type: ignore[misc]
        assert (decoded.flags, decoded.retries) == (("stock_phrase", "doubtful"), None)
        assert len(engine.batches) == 1
        engine.close()

    def test_what_holds_no_speech_is_not_tried_again(self) -> None:
        engine = FakeEngine(lambda _: replace(said("ご視聴ありがとうございました"), no_speech_prob=0.7), batch_size=4)
        for length in ("full", "fit"):
            batches = Batcher(WindowLength(length), engine.capacity)(window(key) for key in range(4))
            for _, decoded in Decoding(engine, Ladder())(batches):  # type: ignore[misc]
                assert decoded.flags == ("stock_phrase", "no_speech", "doubtful")
                assert decoded.retries is None
        assert {batch.step for batch in engine.batches} == {"first"}
        engine.close()

    def test_a_search_that_finds_a_more_probable_text_clears_nothing(self) -> None:
        answers = {
            "first": said("ちがうおの、ごかいなんだてば", -1.4),
            "ngram": said("ちがうおの、ごかいなんだてば", -1.4),
            "beam": said("地区の五階なんだと言えば", -0.3),
        }
        decoded = self.settled(answers)
        assert decoded.text == answers["beam"].text
        assert {"low_logprob", "replaced", "doubtful"} <= set(decoded.flags)
        assert decoded.doubt is not None
        assert decoded.doubt >= 0.9

    def test_a_text_that_may_not_loop_clears_a_loop_only_where_the_beams_agree(self) -> None:
        first, short = said(LOOPS[2]), said("ありがとうございました")
        agreed = self.settled({"first": first, "ngram": short, "beam": said("ありがとうございました。")})
        alone = self.settled({"first": first, "ngram": short, "beam": said("おはようございます、お元気")})
        assert (agreed.text, agreed.flags) == (short.text, ("replaced",))
        assert (alone.text, alone.flags) == (short.text, ("repetition", "replaced", "doubtful"))

    def test_the_text_at_30_s_is_the_models_own_ground(self) -> None:
        first, full = said("ちがうおの、ごかいなんだてば", -1.4), said("違うの、誤解なんだってば", -0.1)
        decoded = self.settled({"first": first, "longer": first, "full": full})
        assert (decoded.text, decoded.flags, decoded.retries and decoded.retries.kept) == (
            full.text,
            ("replaced",),
            "full",
        )
        assert decoded.doubt == Ladder().settle(window(0), (("first", full),)).doubt

    @pytest.mark.parametrize(
        "longer",
        [
            replace(said("ありがとうございました"), no_speech_prob=0.9),
            said("ありがとうございました", -0.9),
            said(LOOPS[2][:20]),
            said(LOOPS[2]),
            said("ありがとう", capped=True),
            said("ご視聴ありがとうございました"),
            said(""),
        ],
        ids=["no speech", "improbable", "the loop, cut short", "the loop", "no end", "stock phrase", "nothing"],
    )
    def test_a_longer_window_settles_nothing_unless_its_text_is_beyond_doubt(self, longer: Decoded) -> None:
        full = said("ありがとう、ございました")
        decoded = self.settled({"first": said(LOOPS[2]), "longer": longer, "full": full})
        assert (decoded.text, decoded.flags, decoded.retries and decoded.retries.kept) == (
            full.text,
            ("replaced",),
            "full",
        )

    def test_a_longer_window_that_is_beyond_doubt_settles_it_and_its_doubt_is_that_of_its_text(self) -> None:
        longer = said("ありがとうございました")
        decoded = self.settled({"first": said(LOOPS[2]), "longer": longer})
        assert (decoded.text, decoded.flags, decoded.retries and decoded.retries.tried) == (
            longer.text,
            ("replaced",),
            ("longer",),
        )
        assert decoded.doubt == Ladder().settle(window(0), (("first", longer),)).doubt

    def test_where_30_s_is_worse_a_longer_window_clears_nothing_alone(self) -> None:
        """No speech in the longer window's text, so that it goes on; then a loop to the end."""
        loop = said(LOOPS[2])
        longer = said("ありがとうございました", -0.9)
        decoded = self.settled({"first": loop, "longer": longer, "full": loop, "ngram": loop, "beam": loop})
        assert (decoded.text, decoded.flags) == (longer.text, ("repetition", "replaced", "doubtful"))

    def test_a_second_look_that_is_worse_leaves_the_first_text_as_it_was(self) -> None:
        first = said("はあ、はあ、はあ、はあ、はあ、はあ…")
        loop = said(LOOPS[2])
        decoded = self.settled({"first": first, "full": loop, "ngram": loop, "beam": loop})
        assert (decoded.text, decoded.flags) == (first.text, ())

    def settled(self, answers: dict[str, Decoded]) -> Decoded:
        """Take a window down the ladder, answered step by step."""
        ladder, item = Ladder(), window(0)
        is_fitted = not {"longer", "full"}.isdisjoint(answers)
        attempts: Attempts = ()
        step: Step | None = "first"
        while step is not None:
            attempts = (*attempts, (step, ladder.marked(item, answers[step])))
            step = ladder.next_step(item, attempts, 576 if step == "first" and is_fitted else 3000)
        assert [name for name, _ in attempts] == list(answers)
        return ladder.settle(item, attempts)

    def test_beams_go_in_smaller_batches(self) -> None:
        engine = FakeEngine(lambda _: said("そう" * 60), batch_size=16)
        list(Decoding(engine, Ladder())([Batch(tuple(window(key) for key in range(16)), 3000)]))
        sizes = {batch.step: len(batch.windows) for batch in engine.batches[:3]}
        assert sizes == {"first": 16, "ngram": 16, "beam": 3}
        engine.close()


class TestEngineFlags:
    """What the engine itself says of a text is told with it."""

    LOST = Decoded("", (), avg_logprob=-99.0, no_speech_prob=0.0, flags=("overflow",))

    def settled(self, *texts: tuple[Step, Decoded]) -> Decoded:
        ladder = Ladder()
        return ladder.settle(window(0), tuple((step, ladder.marked(window(0), text)) for step, text in texts))

    @pytest.mark.parametrize("mode", ["full", "fit"])
    def test_a_window_that_is_lost_to_an_overflow_is_not_tried_again_and_passes_for_nothing_else(
        self, mode: str
    ) -> None:
        engine = FakeEngine(lambda item: self.LOST if item.key == 1 else said(f"text {item.key}"), batch_size=4)
        batches = Batcher(WindowLength(mode), engine.capacity)(window(key) for key in range(4))  # type: ignore[arg-type]
        done = {item.key: decoded for item, decoded in Decoding(engine, Ladder())(batches)}  # type: ignore[misc,union-attr]
        engine.close()
        assert (done[1].text, done[1].flags, done[1].doubt) == ("", ("overflow",), 1.0)
        assert done[1].retries is None
        assert {batch.step for batch in engine.batches} == {"first"}
        assert [done[key].flags for key in (0, 2, 3)] == [()] * 3

    def test_an_overflow_is_told_whichever_text_stands_and_missing_words_are_those_of_the_text(self) -> None:
        loop, good = said(LOOPS[3]), said("違うの、誤解なんだってば")
        assert self.settled(("first", replace(good, flags=("overflow", "no_words")))).flags == ("overflow", "no_words")
        first = replace(loop, flags=("overflow", "no_words"))
        assert self.settled(("first", first), ("full", good)).flags == ("overflow", "replaced")
        flagged = replace(good, flags=("no_words",))
        assert self.settled(("first", loop), ("full", flagged)).flags == ("no_words", "replaced")
        # They say nothing of what is wrong with a text, clear nothing and frighten nobody.
        plain = self.settled(("first", loop), ("full", good))
        assert self.settled(("first", first), ("full", flagged)).doubt == plain.doubt

    def test_any_text_is_better_than_one_that_is_lost(self) -> None:
        loop = said(LOOPS[3])
        decoded = self.settled(("first", loop), ("full", self.LOST))
        assert (decoded.text, decoded.retries and decoded.retries.kept) == (loop.text, "first")
        assert decoded.flags == ("repetition", "overflow", "doubtful")
        assert decoded.doubt == self.settled(("first", loop)).doubt
