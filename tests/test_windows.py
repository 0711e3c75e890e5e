"""Fitted windows: their lengths, the second look at what seems wrong, and memory that runs out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from anime_whisper_ct2.batcher import Batcher
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import EngineMemoryError, InputError
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.executors.second_look import SecondLook
from anime_whisper_ct2.quality import doubts
from anime_whisper_ct2.records import Batch, Broken, Decoded, LogMel, Tick, Window
from anime_whisper_ct2.windows import AMBIGUOUS_FRAMES, WindowLength, window_length

# From the real model's habits: laughs, stammers and moans that are right as they stand.
LEGITIMATE = (
    *("ふふっ、そうなんだ", "あははっ!", "えへへ、ありがとう", "え、えっと…", "ま、待って!", "ぐすん…", "はあ、はあ…"),
    *("ちょ、ちょっと!", "きゃあっ!", "うふふふ…", "わわわっ", "ひっく、ひっく…", "そ、そそそ、それは…", "うんうん"),
    *("いやいやいや、違うって", "ねえねえ、聞いて"),
)
LOOPS = (
    "そうそうそうそうそうそう",
    "あああああああああああああ",
    "ありがとうございます" * 6,
    "待って、" * 8,
    "ｱﾊﾊ" * 9,
)


def window(key: int, seconds: float = 3.0, rms: float = 0.1) -> Window:
    frames = round(seconds * 100)
    return Window(key, 0, 0.0, seconds, LogMel(np.full((2, frames), key, np.float32), -1.0), rms)


def said(text: str, logprob: float = -0.2, *, capped: bool = False) -> Decoded:
    return Decoded(text, tuple(range(len(text))), logprob, 0.0, capped)


class TestLength:
    @pytest.mark.parametrize("tail_s", [0.0, 0.64, 1.28, 2.56, 5.12])
    def test_a_fitted_window_holds_clip_and_tail_and_little_more(self, tail_s: float) -> None:
        length = WindowLength("fit", tail_s)
        for frames in range(1, 3001):
            fitted = length(frames)
            assert fitted <= 3000
            assert fitted % 2 == 0
            assert fitted not in AMBIGUOUS_FRAMES
            if fitted < 3000:
                assert 0 <= fitted - (frames + tail_s * 100) < max(128, fitted / 6)

    def test_full_is_always_30_s(self) -> None:
        assert {WindowLength("full")(frames) for frames in (1, 256, 3000)} == {3000}

    def test_auto_fits_only_what_was_measured(self) -> None:
        assert window_length("auto", None, {}).mode == "full"
        assert window_length("auto", None, {"window_profile": {"tail_s": 1.28}}) == WindowLength("fit", 1.28)
        assert window_length("full", None, {"window_profile": {"tail_s": 1.28}}).mode == "full"
        assert window_length("fit", None, {}) == WindowLength("fit", 2.56)
        assert window_length("fit", 0.64, {"window_profile": {"tail_s": 1.28}}).tail_s == 0.64

    def test_a_tail_without_a_fitted_window_is_refused(self) -> None:
        for mode in ("full", "auto"):
            with pytest.raises(InputError, match="a tail is for fitted windows"):
                window_length(mode, 1.0, {})  # type: ignore[arg-type]

    def test_a_tail_beyond_the_window_is_refused(self) -> None:
        with pytest.raises(InputError, match="tail"):
            WindowLength("fit", 31)


class TestDoubts:
    @pytest.mark.parametrize("text", LEGITIMATE)
    def test_what_the_model_writes_of_laughs_and_stammers_is_trusted(self, text: str) -> None:
        assert doubts(window(0, 2.0), said(text)) == ()

    @pytest.mark.parametrize("text", LOOPS)
    def test_loops_are_doubted(self, text: str) -> None:
        assert "repetition" in doubts(window(0, 10.0), said(text))

    def test_each_sign_of_trouble(self) -> None:
        assert doubts(window(0), said("はい", capped=True)) == ("cap",)
        assert doubts(window(0), said("はい", -1.5)) == ("low_logprob",)
        assert doubts(window(0), said("")) == ("empty",)
        assert doubts(window(0, rms=0.001), said("")) == ()
        assert "fast" in doubts(window(0, 0.5), said("昨日は図書館で手紙を探していたんだよ"))


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

    def run(self, look: SecondLook, n: int = 20) -> dict[int, str]:
        stage = Decoding(self.engine, look)
        batches = Batcher(WindowLength("fit"), self.engine.capacity)(window(key) for key in range(n))
        try:
            return {item.key: decoded.text for item, decoded in stage(batches)}  # type: ignore[misc,union-attr]
        finally:
            self.engine.close()


class TestSecondLook:
    def test_what_looks_wrong_is_decoded_again_at_30_s_in_batches_of_its_own(self) -> None:
        fitting = Fitting({3: "あはは" * 20, 11: "", 12: "そう" * 30})
        look = SecondLook(retry=True, audit=0.0)
        assert fitting.run(look) == {key: f"text {key}" for key in range(20)}
        again = [batch for batch in fitting.engine.batches if batch.frames == 3000]
        assert sorted(item.key for batch in again for item in batch.windows) == [3, 11, 12]
        assert (look.fitted, look.replaced) == (20, 3)
        assert look.doubted == {"repetition": 2, "empty": 1}

    def test_without_retry_the_first_text_stays(self) -> None:
        texts = Fitting({3: "あはは" * 20}).run(SecondLook(retry=False, audit=0.0))
        assert texts[3] == "あはは" * 20

    def test_the_audit_compares_and_changes_nothing(self) -> None:
        fitting = Fitting({key: f"texd {key}" for key in range(20)})
        look = SecondLook(retry=True, audit=1.0)
        assert fitting.run(look) == {key: f"texd {key}" for key in range(20)}
        assert (look.audited, look.audit_edits) == (20, 20)
        assert look.figures["audit_cer"] == pytest.approx(
            100 * 20 / sum(len(f"text {key}") for key in range(20)), abs=1e-3
        )

    def test_the_audited_share_is_near_what_was_asked(self) -> None:
        look = SecondLook(retry=False, audit=0.01)
        drawn = [look.wanted(window(key), said("はい")) for key in range(10_000)]
        assert 50 <= sum(drawn) <= 150
        # By what a window holds, not by its place: a resumed run draws the same ones.
        assert drawn[::-1] == [look.wanted(window(key), said("はい")) for key in reversed(range(10_000))]

    def test_an_audited_text_goes_home_without_waiting_for_its_second_look(self) -> None:
        engine = FakeEngine(lambda _: said("はい"), batch_size=4, in_flight=1)

        def endless() -> object:
            key = 0
            while True:
                yield Batch((window(key),), 320)
                key += 1

        first = next(iter(Decoding(engine, SecondLook(retry=True, audit=1.0))(endless())))  # type: ignore[arg-type]
        assert isinstance(first, tuple)
        assert len(engine.batches) == 1
        engine.close()

    def test_a_second_look_that_fails_leaves_the_first_text(self) -> None:
        def decode(item: Window) -> Decoded:
            if engine.batches[-1].frames == 3000:
                raise EngineMemoryError("out of memory")
            return said("あはは" * 20)

        engine = FakeEngine(decode, batch_size=1, in_flight=1)
        ((_, decoded),) = Decoding(engine, SecondLook(retry=True, audit=0.0))([Batch((window(0),), 320)])  # type: ignore[misc]
        assert decoded.text == "あはは" * 20
        engine.close()

    def test_full_windows_are_never_decoded_twice(self) -> None:
        engine = FakeEngine(lambda _: said("あはは" * 20), batch_size=4)
        batches = Batcher(WindowLength("full"), engine.capacity)(window(key) for key in range(8))
        assert len(list(Decoding(engine, SecondLook(True, 1.0))(batches))) == 8
        assert len(engine.batches) == 2
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
