"""Batcher, decoding and assembly: pure stages over lists, and a fake engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from anime_whisper_ct2.assemble import Assembler
from anime_whisper_ct2.batcher import Batcher
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.quality import compression_ratio, token_cap
from anime_whisper_ct2.records import (
    Batch,
    Broken,
    Closed,
    Decoded,
    Drained,
    Failure,
    LogMel,
    Opened,
    Recording,
    Tick,
    Transcript,
    Window,
)
from anime_whisper_ct2.windows import WindowLength


def window(key: int, number: int = 0, frames: int = 100) -> Window:
    mel = LogMel(np.zeros((2, frames), np.float32), -1.0)
    return Window(key, number, number * 30.0, number * 30.0 + frames / 100, mel)


def said(text: str) -> Decoded:
    return Decoded(text, (1, 2), -0.25, 0.01)


class TestBatcher:
    def test_windows_of_different_recordings_share_batches(self) -> None:
        batches = list(Batcher(WindowLength("full"), lambda _: 4)(window(key) for key in range(10)))
        assert [len(item.windows) if isinstance(item, Batch) else item for item in batches] == [4, 4, Drained(), 2]
        assert {item.frames for item in batches if isinstance(item, Batch)} == {3000}

    def test_a_batch_holds_one_length_only(self) -> None:
        lengths = [100, 900, 120, 800, 150, 910]
        made = Batcher(lambda frames: 1000 if frames > 500 else 300, lambda _: 2)(window(0, 0, n) for n in lengths)
        batches = [item for item in made if isinstance(item, Batch)]
        for batch in batches:
            assert {1000 if w.mel.values.shape[1] > 500 else 300 for w in batch.windows} == {batch.frames}
        assert sum(len(batch.windows) for batch in batches) == len(lengths)

    def test_other_messages_pass_at_once(self) -> None:
        items = [window(0), Tick(), window(1), Closed(0, 1, 1.0)]
        assert [type(item) for item in Batcher(WindowLength(), lambda _: 9)(items)] == [Tick, Closed, Drained, Batch]

    def test_a_window_does_not_wait_for_ever(self) -> None:
        now = 0.0

        def idle(*seconds: float) -> Iterator[Window | Tick]:
            nonlocal now
            yield window(0)
            for passed in seconds:
                now += passed
                yield Tick()

        out = Batcher(WindowLength(), lambda _: 9, patience_s=20.0, clock=lambda: now)(idle(1.0, 20.0, 1.0))
        assert [type(item) for item in out] == [Tick, Batch, Tick, Tick, Drained]

    def test_time_that_the_engine_takes_is_no_waiting(self) -> None:
        now = 0.0
        batches = Batcher(WindowLength(), lambda _: 9, patience_s=20.0, clock=lambda: now)
        seen = []
        for item in batches([window(0), Tick(), Tick(), Tick()]):
            seen.append(type(item))
            now += 100.0  # what is done with each item, before the next is asked for
        assert seen == [Tick, Tick, Tick, Drained, Batch]

    def test_a_hungry_engine_gets_a_few_windows_and_when_nothing_comes_any(self) -> None:
        few = Batcher(WindowLength(), lambda _: 64, hungry=lambda: True)
        sizes = [len(item.windows) for item in few(window(n) for n in range(20)) if isinstance(item, Batch)]
        assert sizes == [8, 8, 4]
        one = Batcher(WindowLength(), lambda _: 64, hungry=lambda: True)
        assert [type(item) for item in one([window(0), Tick(), window(1)])] == [Batch, Tick, Drained, Batch]

    def test_a_busy_engine_gets_full_batches(self) -> None:
        batches = list(Batcher(WindowLength(), lambda _: 16, hungry=lambda: False)(window(n) for n in range(40)))
        assert [len(batch.windows) for batch in batches if isinstance(batch, Batch)] == [16, 16, 8]

    def test_a_hungry_engine_waits_for_full_batches_while_windows_are_at_hand(self) -> None:
        batches = Batcher(WindowLength(), lambda _: 16, hungry=lambda: True, dry=lambda: False)
        sizes = [len(item.windows) for item in batches(window(n) for n in range(40)) if isinstance(item, Batch)]
        assert sizes == [16, 16, 8]

    def test_a_rare_length_is_not_passed_over_for_ever(self) -> None:
        """A hungry engine and a long recording: its many windows of one length do not keep the one clip waiting."""
        stream = [window(0, frames=900), *(window(1, n) for n in range(200))]
        batches = Batcher(lambda frames: 1000 if frames > 500 else 300, lambda _: 64, hungry=lambda: True)
        order = [item.frames for item in batches(stream) if isinstance(item, Batch)]
        assert order.index(1000) <= 6

    def test_more_than_a_window_holds_is_refused(self) -> None:
        with pytest.raises(ValueError, match="3001"):
            WindowLength()(3001)


class TestDecoding:
    def run(self, decode: Callable[[Window], Decoded], batches: list[Batch]) -> tuple[list[object], FakeEngine]:
        engine = FakeEngine(decode)
        try:
            return list(Decoding(engine)(batches)), engine
        finally:
            engine.close()

    def test_every_window_comes_back_with_its_own_text(self) -> None:
        batches = [Batch(tuple(window(10 * b + i) for i in range(3)), 3000) for b in range(5)]
        out, _ = self.run(lambda w: said(str(w.key)), batches)
        assert Counter((w.key, decoded.text) for w, decoded in out) == Counter(
            (w.key, str(w.key)) for batch in batches for w in batch.windows
        )

    def test_a_failing_window_costs_itself_alone(self) -> None:
        def decode(w: Window) -> Decoded:
            if w.key == 5:
                raise EngineError("cannot decode this")
            return said(str(w.key))

        out, engine = self.run(decode, [Batch(tuple(map(window, range(8))), 3000)])
        broken = [item for item in out if isinstance(item, Broken)]
        assert [(item.key, item.stage, item.message) for item in broken] == [(5, "engine", "cannot decode this")]
        assert sorted(w.key for w, _ in (item for item in out if not isinstance(item, Broken))) == [0, 1, 2, 3, 4, 6, 7]
        assert [len(batch.windows) for batch in engine.batches] == [8, 4, 4, 2, 2, 1, 1]

    def test_an_engine_that_fails_on_everything_ends_the_run_and_blames_no_recording(self) -> None:
        def decode(_: Window) -> Decoded:
            raise EngineError("an illegal memory access was encountered")

        batches = [Batch(tuple(window(10 * b + i) for i in range(4)), 3000) for b in range(20)]
        with pytest.raises(EngineError, match="fails on everything: an illegal memory access"):
            self.run(decode, batches)

    def test_a_batch_that_is_done_does_not_wait_for_an_older_one(self) -> None:
        class Slow(FakeEngine):
            """Leaves its first batch undone until others are home."""

            def submit(self, batch: Batch) -> Future[list[Decoded]]:
                if self.batches:
                    return super().submit(batch)
                self.batches.append(batch)
                return first

        first: Future[list[Decoded]] = Future()
        engine = Slow(lambda w: said(str(w.key)), in_flight=2)
        home = []
        for w, _ in Decoding(engine)(Batch((window(key),), 3000) for key in range(4)):  # type: ignore[misc]
            home.append(w.key)
            if len(home) == 3:
                first.set_result([said("0")])
        assert home == [1, 2, 3, 0]
        engine.close()

    def test_a_defect_of_ours_is_not_hidden(self) -> None:
        def decode(_: Window) -> Decoded:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.run(decode, [Batch((window(0),), 3000)])


class TestAssembler:
    recording = Recording("a/b.ogg", "corpus/a/b.ogg", "corpus/a/b.ogg", {"speaker": "さくら"})

    def run(self, *items: object) -> list[tuple[int, Transcript | Failure]]:
        return list(Assembler("ja")([Opened(7, self.recording), *items]))

    def test_a_recording_ends_with_its_last_window_in_whatever_order(self) -> None:
        ((key, transcript),) = self.run(
            (window(7, 1), said("世界")),
            Closed(7, 3, 61.0004),
            (window(7, 2), said("!")),
            (window(7, 0), said("こんにちは、")),
        )
        assert key == 7
        assert isinstance(transcript, Transcript)
        assert transcript.text == "こんにちは、世界!"
        assert [segment.start for segment in transcript.segments] == [0.0, 30.0, 60.0]
        assert (transcript.duration, transcript.meta, transcript.flags) == (61.0, {"speaker": "さくら"}, ())

    def test_it_does_not_end_before_it_is_closed(self) -> None:
        assert self.run((window(7, 0), said("a"))) == []

    @pytest.mark.parametrize("items", [[Closed(7, 0, 2.0)], [(window(7), said("")), Closed(7, 1, 2.0)]])
    def test_without_speech_it_is_empty(self, items: list[object]) -> None:
        ((_, transcript),) = self.run(*items)
        assert isinstance(transcript, Transcript)
        assert (transcript.text, transcript.segments, transcript.flags) == ("", (), ("empty",))

    @pytest.mark.parametrize(
        ("missing_s", "own", "said_missing_s"),
        [
            *((None, (), None), (0.0, ("incomplete",), 0.0), (1.23456, ("incomplete",), 1.235)),
            *((None, ("antiphase",), None), (61.0, ("incomplete", "antiphase"), 61.0)),
        ],
    )
    def test_flags_of_the_recording_come_behind_those_of_its_segments(
        self, missing_s: float | None, own: tuple[str, ...], said_missing_s: float | None
    ) -> None:
        noisy = replace(said("a"), flags=("noisy",))
        for text, of_others in ((noisy, ("noisy",)), (said(""), ("empty",))):
            ((_, transcript),) = self.run((window(7), text), Closed(7, 1, 2.0, missing_s, own))
            assert isinstance(transcript, Transcript)
            assert (transcript.flags, transcript.missing_s) == ((*of_others, *own), said_missing_s)

    def test_a_broken_one_is_a_failure_once_and_its_late_windows_are_dropped(self) -> None:
        ((_, failure),) = self.run(
            (window(7, 0), said("a")), Broken(7, "decode", "DecodeError", "breaks off"), (window(7, 1), said("b"))
        )
        assert failure == Failure("a/b.ogg", "corpus/a/b.ogg", "decode", "DecodeError", "breaks off")


def test_the_token_cap_grows_with_the_duration_up_to_whispers_own() -> None:
    caps = [token_cap(seconds) for seconds in (0.1, 1.0, 5.0, 30.0)]
    assert caps == sorted(caps)
    assert caps[-1] == 224


def test_loops_compress_better_than_speech() -> None:
    assert compression_ratio("あはは" * 40) > 2.4 > compression_ratio("えっと、明日は図書館で待っているよ")
    assert compression_ratio("") == 0.0
