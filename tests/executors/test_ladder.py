"""Texts that look wrong are decoded again, the rest is left alone, and memory that runs out costs nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import EngineMemoryError
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.executors.ladder import Attempts, Ladder
from anime_whisper_ct2.features.batcher import Batcher
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.records import Batch, Broken, Decoded, Step, Tick, Window
from tests.support.audio_windows import LOOPS, said, window


class Fitting:
    """A fake engine that goes wrong in short windows where it is told to."""

    def __init__(self, wrong: dict[int, str]) -> None:
        self.wrong = wrong
        self.engine = FakeEngine(self.decode, batch_size=4)
        self.seen: Counter[tuple[int, int]] = Counter()

    def decode(self, item: Window) -> Decoded:
        frames = self.engine.batches[-1].frames
        for batch in self.engine.batches:
            if item in batch.windows and (item.key, batch.frames) not in self.seen:
                frames = batch.frames
                break
        self.seen[item.key, frames] += 1
        return said(self.wrong[item.key] if frames < 3000 and item.key in self.wrong else f"text {item.key}")

    def run(self, look: Ladder, n: int = 20) -> dict[int, str]:
        stage = Decoding(self.engine, look)
        batches = Batcher(WindowLength("fit"), self.engine.capacity)(window(key) for key in range(n))
        try:
            return {item.key: decoded.text for item, decoded in stage(batches)}  # type: ignore[misc,union-attr]
        finally:
            self.engine.close()


class TestLadder:
    def test_what_looks_wrong_is_decoded_again_at_30_s_in_batches_of_its_own(self) -> None:
        fitting = Fitting({3: "あはは" * 20, 11: "", 12: "そう" * 30})
        look = Ladder()
        assert fitting.run(look) == {key: f"text {key}" for key in range(20)}
        again = [batch for batch in fitting.engine.batches if batch.frames == 3000]
        assert sorted(item.key for batch in again for item in batch.windows) == [3, 11, 12]
        assert (look.fitted, look.kept) == (20, {"full": 3})
        assert look.reasons == {"repetition": 2, "empty": 1}

    def test_without_retry_the_first_text_stays(self) -> None:
        texts = Fitting({3: "あはは" * 20}).run(Ladder(retry=False))
        assert texts[3] == "あはは" * 20

    def test_the_audit_compares_and_changes_nothing(self) -> None:
        fitting = Fitting({key: f"texd {key}" for key in range(20)})
        look = Ladder(audit=1.0)
        assert fitting.run(look) == {key: f"texd {key}" for key in range(20)}
        assert (look.audited, look.audit_edits) == (20, 20)
        assert look.figures["window_check"]["audit_cer"] == pytest.approx(
            100 * 20 / sum(len(f"text {key}") for key in range(20)), abs=1e-3
        )

    def test_the_audited_share_is_near_what_was_asked(self) -> None:
        look = Ladder(retry=False, audit=0.01)
        drawn = [look.is_audited(window(key)) for key in range(10_000)]
        assert 50 <= sum(drawn) <= 150
        # By what a window holds, not by its place: a resumed run draws the same ones.
        assert drawn[::-1] == [look.is_audited(window(key)) for key in reversed(range(10_000))]

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
    @pytest.mark.parametrize("mends", ["full", "ngram", "beam", None])
    def test_the_ladder_ends_where_nothing_is_wrong_any_more_and_tells_what_it_tried(
        self, mode: str, mends: str | None
    ) -> None:
        steps = ["first", *(["full"] if mode == "fit" else []), "ngram", "beam"]

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
        # The text at 30 s clears a flag, and so do two ways that agree; beams alone do not.
        left = () if mends in ("full", "ngram") and reached else ("repetition",)
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
        decoded = self.settled({"first": first, "full": full})
        assert (decoded.text, decoded.flags, decoded.retries and decoded.retries.kept) == (
            full.text,
            ("replaced",),
            "full",
        )
        assert decoded.doubt == Ladder().settle(window(0), (("first", full),)).doubt

    def test_a_second_look_that_is_worse_leaves_the_first_text_as_it_was(self) -> None:
        first = said("はあ、はあ、はあ、はあ、はあ、はあ…")
        loop = said(LOOPS[2])
        decoded = self.settled({"first": first, "full": loop, "ngram": loop, "beam": loop})
        assert (decoded.text, decoded.flags) == (first.text, ())

    def settled(self, answers: dict[str, Decoded]) -> Decoded:
        """Take a window down the ladder, answered step by step."""
        ladder, item = Ladder(), window(0)
        attempts: Attempts = ()
        step: Step | None = "first"
        while step is not None:
            attempts = (*attempts, (step, ladder.marked(item, answers[step])))
            step = ladder.next_step(item, attempts, fitted="full" in answers)
        assert [name for name, _ in attempts] == list(answers)
        return ladder.settle(item, attempts)

    def test_beams_go_in_smaller_batches(self) -> None:
        engine = FakeEngine(lambda _: said("そう" * 60), batch_size=16)
        list(Decoding(engine, Ladder())([Batch(tuple(window(key) for key in range(16)), 3000)]))
        sizes = {batch.step: len(batch.windows) for batch in engine.batches[:3]}
        assert sizes == {"first": 16, "ngram": 16, "beam": 3}
        engine.close()


class TestMemory:
    def limited(self, most: int) -> tuple[FakeEngine, Callable[[Window], Decoded]]:
        engine: FakeEngine

        def decode(item: Window) -> Decoded:
            batch = next(batch for batch in reversed(engine.batches) if item in batch.windows)
            if len(batch.windows) > most:
                raise EngineMemoryError("CUDA failed with error out of memory")
            return said(f"text {item.key}")

        engine = FakeEngine(decode, batch_size=16, in_flight=1)
        return engine, decode

    def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost(self) -> None:
        engine, _ = self.limited(5)
        stage = Decoding(engine)

        def items() -> object:
            for key in range(100):
                yield window(key)
                yield Tick()

        out = stage(Batcher(WindowLength("full"), engine.capacity)(items()))  # type: ignore[arg-type]
        done = [item for item in out if isinstance(item, tuple)]
        assert sorted(item.key for item, _ in done) == list(range(100))
        assert stage.memory_halvings == 3  # the batch of 16, and both of its halves
        # Once it is known what fits, batches are made that small.
        assert {len(batch.windows) for batch in engine.batches[8:]} == {4}
        engine.close()

    def test_one_window_that_never_fits_costs_its_recording_alone(self) -> None:
        engine, _ = self.limited(0)
        (broken,) = Decoding(engine)([Batch((window(7),), 3000)])
        assert isinstance(broken, Broken)
        assert (broken.key, broken.error) == (7, "EngineMemoryError")
        engine.close()
