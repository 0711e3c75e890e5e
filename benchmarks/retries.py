"""What it costs that some texts look wrong: the same run, with and without loops planted into its first texts.

    python -m benchmarks.retries [--clips 240] [--share 0.05] [--size 33m] [--rounds 3]

The engine is real and decodes everything; of the chosen windows' first texts, a loop is handed on instead, so that each
is decoded once more: in a longer window where it was fitted, else without repeated 5-grams. The second text is as it
comes. Fitted windows are also measured with the audit of a run as it comes; and as things were before there were longer
windows and an audit that minds its cost: second looks at 30 s, and one window in a hundred audited.
"""

from __future__ import annotations

import time
import zlib
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Literal, cast
from unittest.mock import patch

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.features import windows
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
        self._seen: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Have the batch decoded, and put loops into first texts."""
        done: Future[list[Decoded]] = Future()

        def hand_on(found: Future[list[Decoded]]) -> None:
            try:
                texts = zip(batch.windows, found.result(), strict=True)
                done.set_result([self._looped(window, text) for window, text in texts])
            except BaseException as error:
                done.set_exception(error)

        self._engine.submit(batch).add_done_callback(hand_on)
        return done

    def close(self) -> None:
        """Leave the engine open: it is used again."""

    def _looped(self, window: Window, decoded: Decoded) -> Decoded:
        chosen = zlib.crc32(window.mel.values[1].tobytes()) < self._share * 2**32
        first = window.key not in self._seen
        self._seen.add(window.key)
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
    """Time runs without and with loops in turn; medians, and the medians of what the loops and the audit cost."""
    decoding = DecodingOptions(window=cast(Literal["full", "fit"], window), audit=0.0)
    chosen = RunOptions(decoding=decoding, overwrite=True)
    engine = open_whisper(model, chosen)
    rounds = []
    for _ in range(options.rounds):
        plain_s, _none = timed(corpus, out, model, chosen, Looping(engine, 0.0))
        looped_s, retried = timed(corpus, out, model, chosen, Looping(engine, options.share))
        row = {"plain_s": plain_s, "looped_s": looped_s, "retried": retried}
        if window == "fit":
            audited = replace(chosen, decoding=replace(decoding, audit=None))
            row["audited_s"], _same = timed(corpus, out, model, audited, Looping(engine, options.share))
            before = replace(chosen, decoding=replace(decoding, audit=0.01))
            with patch.object(windows, "_WORTH_TRYING", 0.0):
                row["before_s"], _same = timed(corpus, out, model, before, Looping(engine, options.share))
        rounds.append(row)
    engine.close()
    slower = {"looped_s": "slower", "audited_s": "slower_audited", "before_s": "slower_before"}
    return {
        **{key: median(each[key] for each in rounds) for key in rounds[0]},
        **{
            name: median(each[key] / each["plain_s"] - 1 for each in rounds)
            for key, name in slower.items()
            if key in rounds[0]
        },
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
