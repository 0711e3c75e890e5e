"""Windows of one length go together, and none waits for ever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from anime_whisper_ct2.features.batcher import Batcher
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.records import (
    Batch,
    Closed,
    Drained,
    Tick,
    Window,
)
from tests.support.audio_windows import numbered


class TestBatcher:
    def test_windows_of_different_recordings_share_batches(self) -> None:
        batches = list(Batcher(WindowLength("full"), lambda _: 4)(numbered(key) for key in range(10)))
        assert [len(item.windows) if isinstance(item, Batch) else item for item in batches] == [4, 4, Drained(), 2]
        assert {item.frames for item in batches if isinstance(item, Batch)} == {3000}

    def test_a_batch_holds_one_length_only(self) -> None:
        lengths = [100, 900, 120, 800, 150, 910]
        made = Batcher(lambda frames: 1000 if frames > 500 else 300, lambda _: 2)(numbered(0, 0, n) for n in lengths)
        batches = [item for item in made if isinstance(item, Batch)]
        for batch in batches:
            assert {1000 if w.mel.values.shape[1] > 500 else 300 for w in batch.windows} == {batch.frames}
        assert sum(len(batch.windows) for batch in batches) == len(lengths)

    def test_other_messages_pass_at_once(self) -> None:
        items = [numbered(0), Tick(), numbered(1), Closed(0, 1, 1.0)]
        assert [type(item) for item in Batcher(WindowLength(), lambda _: 9)(items)] == [Tick, Closed, Drained, Batch]

    def test_a_window_does_not_wait_for_ever(self) -> None:
        now = 0.0

        def idle(*seconds: float) -> Iterator[Window | Tick]:
            nonlocal now
            yield numbered(0)
            for passed in seconds:
                now += passed
                yield Tick()

        out = Batcher(WindowLength(), lambda _: 9, patience_s=20.0, clock=lambda: now)(idle(1.0, 20.0, 1.0))
        assert [type(item) for item in out] == [Tick, Batch, Tick, Tick, Drained]

    def test_time_that_the_engine_takes_is_no_waiting(self) -> None:
        now = 0.0
        batches = Batcher(WindowLength(), lambda _: 9, patience_s=20.0, clock=lambda: now)
        seen = []
        for item in batches([numbered(0), Tick(), Tick(), Tick()]):
            seen.append(type(item))
            now += 100.0  # what is done with each item, before the next is asked for
        assert seen == [Tick, Tick, Tick, Drained, Batch]

    def test_a_hungry_engine_gets_a_few_windows_and_when_nothing_comes_any(self) -> None:
        few = Batcher(WindowLength(), lambda _: 64, hungry=lambda: True)
        sizes = [len(item.windows) for item in few(numbered(n) for n in range(20)) if isinstance(item, Batch)]
        assert sizes == [8, 8, 4]
        one = Batcher(WindowLength(), lambda _: 64, hungry=lambda: True)
        assert [type(item) for item in one([numbered(0), Tick(), numbered(1)])] == [Batch, Tick, Drained, Batch]

    def test_a_busy_engine_gets_full_batches(self) -> None:
        batches = list(Batcher(WindowLength(), lambda _: 16, hungry=lambda: False)(numbered(n) for n in range(40)))
        assert [len(batch.windows) for batch in batches if isinstance(batch, Batch)] == [16, 16, 8]

    def test_a_hungry_engine_waits_for_full_batches_while_windows_are_at_hand(self) -> None:
        batches = Batcher(WindowLength(), lambda _: 16, hungry=lambda: True, dry=lambda: False)
        sizes = [len(item.windows) for item in batches(numbered(n) for n in range(40)) if isinstance(item, Batch)]
        assert sizes == [16, 16, 8]

    def test_a_hungry_engine_gets_its_windows_when_what_comes_with_them_is_through(self) -> None:
        """Windows come in company: the last that is at hand is seldom one."""
        left: list[Window | Closed] = []

        def together() -> Iterator[Window | Closed]:
            for some in ([numbered(n) for n in range(8)], [numbered(n) for n in range(8, 16)]):
                left.extend([*some, Closed(0, 1, 1.0)])
                while left:
                    yield left.pop(0)
                seen.append("all taken")

        seen: list[object] = []
        for item in Batcher(WindowLength(), lambda _: 64, lambda: True, lambda: not left)(together()):
            seen.append(len(item.windows) if isinstance(item, Batch) else type(item))
        assert seen == [Closed, 8, "all taken", Closed, 8, "all taken", Drained]

    def test_a_rare_length_is_not_passed_over_for_ever(self) -> None:
        """A hungry engine and a long recording: its many windows of one length do not keep the one clip waiting."""
        stream = [numbered(0, frames=900), *(numbered(1, n) for n in range(200))]
        batches = Batcher(lambda frames: 1000 if frames > 500 else 300, lambda _: 64, hungry=lambda: True)
        order = [item.frames for item in batches(stream) if isinstance(item, Batch)]
        assert order.index(1000) <= 6

    def test_more_than_a_window_holds_is_refused(self) -> None:
        with pytest.raises(ValueError, match="3001"):
            WindowLength()(3001)
