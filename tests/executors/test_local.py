"""What an executor on this machine says of its run, beside outcomes."""

from __future__ import annotations

from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.executors.local import LocalExecutor
from anime_whisper_ct2.options import DecodingOptions, FrontendOptions
from anime_whisper_ct2.records import ArrayAudio, Batch, Decoded, Recording, Worked
from tests.support.sounds import tone


class Timed(FakeEngine):
    """Says of every two batches that they took eight seconds, and two of these passed between them."""

    def __init__(self) -> None:
        super().__init__()
        self.worked = Worked()

    def take_worked(self) -> Worked:
        taken, self.worked = self.worked, Worked()
        return taken

    def compute(self, batches: int) -> None:
        self.worked += Worked(4.0 * batches, 1.0 * batches)


def recordings(count: int) -> list[tuple[int, Recording]]:
    return [(n, Recording(f"{n}", f"{n}", ArrayAudio(tone(0.5), 16_000))) for n in range(count)]


def executor(engine: FakeEngine) -> LocalExecutor:
    return LocalExecutor(engine, DecodingOptions(retry=False), FrontendOptions(0))


def test_how_long_the_engine_waited_is_a_share_of_its_own_run_alone() -> None:
    engine = Timed()
    engine.compute(1_000)  # what it did for another run, or when it was loaded
    ours = executor(engine)
    assert "engine_waits" not in ours.figures
    for number, _ in enumerate(ours.run(recordings(4))):
        if number == 0:
            engine.compute(2)
    assert ours.worked == Worked(8.0, 2.0)
    assert ours.figures["engine_waits"] == 0.25
    engine.close()


def test_an_engine_that_computes_all_the_time_has_not_waited_and_one_that_starves_has() -> None:
    now_s = 0.0

    def decode(_: object) -> Decoded:
        nonlocal now_s
        now_s += 3.0
        return Decoded("はい", (1,), -0.1, 0.0)

    engine = FakeEngine(decode, batch_size=1, in_flight=1)  # type: ignore[arg-type] # a window is an object
    engine._crew._diary._clock = lambda: now_s  # the one clock of this test
    whole = executor(engine)
    list(whole.run(recordings(5)))
    assert whole.figures["engine_waits"] == 0.0

    submit = engine.submit

    def late(batch: Batch) -> object:
        nonlocal now_s
        now_s += 1.0
        return submit(batch)

    engine.submit = late  # type: ignore[method-assign, assignment] # as if the front end had been slow
    starved = executor(engine)
    list(starved.run(recordings(5)))
    assert starved.worked == Worked(span_s=5 * 3.0 + 4 * 1.0, waited_s=4 * 1.0)
    engine.close()
