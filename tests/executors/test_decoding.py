"""Every window comes back with its own text, one that fails costs itself alone, and memory that runs out nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import EngineError, EngineMemoryError
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.features.batcher import Batcher
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.records import Batch, Broken, Decoded, Tick, Window
from tests.support.audio_windows import numbered, said, window


class TestDecoding:
    def run(self, decode: Callable[[Window], Decoded], batches: list[Batch]) -> tuple[list[object], FakeEngine]:
        engine = FakeEngine(decode)
        try:
            return list(Decoding(engine)(batches)), engine
        finally:
            engine.close()

    def test_every_window_comes_back_with_its_own_text(self) -> None:
        batches = [Batch(tuple(numbered(10 * b + i) for i in range(3)), 3000) for b in range(5)]
        out, _ = self.run(lambda w: said(str(w.key)), batches)
        assert Counter((w.key, decoded.text) for w, decoded in out) == Counter(
            (w.key, str(w.key)) for batch in batches for w in batch.windows
        )

    def test_a_failing_window_costs_itself_alone(self) -> None:
        def decode(w: Window) -> Decoded:
            if w.key == 5:
                raise EngineError("cannot decode this")
            return said(str(w.key))

        out, engine = self.run(decode, [Batch(tuple(map(numbered, range(8))), 3000)])
        broken = [item for item in out if isinstance(item, Broken)]
        assert [(item.key, item.stage, item.message) for item in broken] == [(5, "engine", "cannot decode this")]
        assert sorted(w.key for w, _ in (item for item in out if not isinstance(item, Broken))) == [0, 1, 2, 3, 4, 6, 7]
        assert [len(batch.windows) for batch in engine.batches] == [8, 4, 4, 2, 2, 1, 1]

    def test_an_engine_that_fails_on_everything_ends_the_run_and_blames_no_recording(self) -> None:
        def decode(_: Window) -> Decoded:
            raise EngineError("an illegal memory access was encountered")

        batches = [Batch(tuple(numbered(10 * b + i) for i in range(4)), 3000) for b in range(20)]
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
        for w, _ in Decoding(engine)(Batch((numbered(key),), 3000) for key in range(4)):  # type: ignore[misc]
            home.append(w.key)
            if len(home) == 3:
                first.set_result([said("0")])
        assert home == [1, 2, 3, 0]
        engine.close()

    def test_a_defect_of_ours_is_not_hidden(self) -> None:
        def decode(_: Window) -> Decoded:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.run(decode, [Batch((numbered(0),), 3000)])


class TestMemory:
    def limited(self, most: int) -> FakeEngine:
        def decode(item: Window) -> Decoded:
            batch = next(batch for batch in reversed(engine.batches) if item in batch.windows)
            if len(batch.windows) > most:
                raise EngineMemoryError("CUDA failed with error out of memory")
            return said(f"text {item.key}")

        engine = FakeEngine(decode, batch_size=16, in_flight=1)
        return engine

    def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost(self) -> None:
        engine = self.limited(5)
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
        engine = self.limited(0)
        (broken,) = Decoding(engine)([Batch((window(7),), 3000)])
        assert isinstance(broken, Broken)
        assert (broken.key, broken.error) == (7, "EngineMemoryError")
        engine.close()
