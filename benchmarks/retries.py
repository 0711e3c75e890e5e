"""What it costs that some texts look wrong: the same run, with and without loops planted into its first texts.

    python -m benchmarks.retries [--clips 240] [--share 0.05] [--size 33m] [--rounds 3]

The engine is real and decodes everything; of the chosen windows' first texts, a loop is handed on instead, so that each
is decoded once more: at 30 s where it was fitted, else without repeated 5-grams. The second text is as it comes.
"""

from __future__ import annotations

import time
import zlib
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Literal, cast

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.options import DecodingOptions, RunOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Batch, Decoded, Window
from benchmarks.measures import corpora, standins
from benchmarks.measures.places import folder
from benchmarks.measures.process import about, span
from benchmarks.report import store
from benchmarks.report.tables import retries_table
from benchmarks.systems.awct2 import corpus_folder

LOOP = "ありがとうございます" * 8


class Looping:
    """An engine whose first text of a share of the windows is a loop."""

    def __init__(self, engine: Engine, share: float) -> None:
        self._engine = engine
        self._share = share

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Have the batch decoded, and put loops into first texts."""
        done: Future[list[Decoded]] = Future()

        def hand_on(found: Future[list[Decoded]]) -> None:
            try:
                texts = zip(batch.windows, found.result(), strict=True)
                done.set_result([self._looped(window, text, batch.step == "first") for window, text in texts])
            except BaseException as error:
                done.set_exception(error)

        self._engine.submit(batch).add_done_callback(hand_on)
        return done

    def close(self) -> None:
        """Leave the engine open: it is used again."""

    def _looped(self, window: Window, decoded: Decoded, first: bool) -> Decoded:
        chosen = zlib.crc32(window.mel.values[1].tobytes()) < self._share * 2**32
        return replace(decoded, text=LOOP) if first and chosen else decoded


def main() -> None:
    """Measure, write JSON, print the table."""
    parser = store.parser(__doc__, "retries")
    parser.add_argument("--clips", type=int, default=240)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--size", choices=standins.SIZES, default="33m")
    parser.add_argument("--windows", nargs="+", choices=("full", "fit"), default=["full", "fit"])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    where = about()
    with folder(options.temp) as temp, span() as work:
        model = open_model_dir(standins.make(options.size, temp / f"standin-{options.size}") / "converted")
        clips = list(corpora.read_manifest(corpora.clips(temp / f"clips-{options.clips}", options.clips)))
        corpus = corpus_folder(clips)
        figures: dict[str, Any] = {
            window: measure(corpus, temp / "out", model, window, options) for window in options.windows
        }
    kept = {key: getattr(options, key) for key in ("clips", "share", "size", "rounds")}
    store.save(options.out, kept, {**figures, "others_share": work.others_share}, where)
    print(retries_table({"about": where, "options": kept, **figures}))


def measure(corpus: str, out: Path, model: ModelDir, window: str, options: Any) -> dict[str, Any]:
    """Time runs without and with loops in turn; medians, and the median of what the loops cost."""
    decoding = DecodingOptions(window=cast(Literal["full", "fit"], window), audit=0.0)
    chosen = RunOptions(decoding=decoding, overwrite=True)
    engine = open_whisper(model, chosen)
    rounds = []
    for _ in range(options.rounds):
        plain_s, _none = timed(corpus, out, model, chosen, Looping(engine, 0.0))
        looped_s, retried = timed(corpus, out, model, chosen, Looping(engine, options.share))
        rounds.append({"plain_s": plain_s, "looped_s": looped_s, "retried": retried})
    engine.close()
    return {
        **{key: median(each[key] for each in rounds) for key in rounds[0]},
        "slower": median(each["looped_s"] / each["plain_s"] - 1 for each in rounds),
        "rounds": rounds,
    }


def timed(corpus: str, out: Path, model: ModelDir, options: RunOptions, engine: Looping) -> tuple[float, float]:
    """Give the seconds of a run, and how many windows were decoded again."""
    run = CorpusRun(Corpus((corpus,)), out, model, options, open_engine=lambda *_: cast(Engine, engine))
    start = time.monotonic()
    totals = run.run()
    wall_s = time.monotonic() - start
    assert not totals.failed
    return wall_s, float(run.figures["retries"]["windows"])


if __name__ == "__main__":
    main()
