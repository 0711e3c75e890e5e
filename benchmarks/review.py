"""The page's index over a million segments: opening, filters, orders, memory; and whether risk finds what is wrong.

    python -m benchmarks.review [--segments 1000000] [--rounds 5] [--without quality]
    python -m benchmarks.review --segments 100000 --without quality --out FILE      to try it

The run is made up on the spot. Each part is a process of its own: the first opening, the second, and beside them the
strict reader over the same lines. The file was just written, so it is read from memory. Times of questions are those
of one reviewer, the median and the longest of the rounds; memory is the most that the process ever had.

`quality` decodes the lines that `benchmarks.doubt` decodes, in silence and in noise, and sorts them: what share of the
wrong ones comes in the first tenth, two tenths and three tenths. The second run has 5 beams and 8 bits.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.review.index.index import Index, open_index
from anime_whisper_ct2.review.index.queries import SORTS, Filters
from anime_whisper_ct2.reviews.records import Decision, Piece
from benchmarks.measures.made_up import make_run
from benchmarks.measures.places import ROOT, folder, search_path
from benchmarks.measures.process import about, span
from benchmarks.report import store
from benchmarks.report.review_tables import review_table

PARTS = ("first", "second", "decisions", "strict", "quality")
QUESTIONS: dict[str, Filters] = {
    "everything": Filters(),
    "flag": Filters(flag="fast"),
    "speaker": Filters(speaker="話者007"),
    "path": Filters(path="話者00*/第[1-3]章/*"),
    "length and score": Filters(min_s=2.0, max_s=5.0, max_logprob=-0.3),
    "two characters": Filters(search="学校"),
    "one character, full or half width": Filters(search="学", nfkc=True),
    "pattern": Filters(search="[ぁ-ん]{6}[校薬]", regex=True),
    "pattern, full or half width": Filters(search="[ぁ-ん]{6}[校薬]", regex=True, nfkc=True),
    "everything at once": Filters(flag="none", path="話者0*", min_s=1.0, search="学", nfkc=True),
}
_PAGE = 200
_DECIDED = 300_000
_STRICTLY = 100_000


def main() -> None:
    """Measure, write JSON, print the tables."""
    parser = store.parser(__doc__, "review")
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without", nargs="*", choices=PARTS, default=[], help="leave parts out")
    # Of the process that is measured: a part, the run and the cache.
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        part, run, cache = options.part
        print(json.dumps(CHILDREN[part](Path(run), Path(cache), options.rounds)))
        return
    where = about()
    chosen = {"segments": options.segments, "rounds": options.rounds}
    parts: dict[str, Any] = {}
    with folder(options.temp) as temp:
        run = make_run(temp / f"run-{options.segments}", options.segments)
        for name in (name for name in PARTS if name not in options.without):
            with span() as passed:
                parts[name] = quality(temp) if name == "quality" else child(name, run, temp / "cache", options.rounds)
            parts[name]["others_share"] = passed.others_share
            print(f"{name}: {parts[name]}", file=sys.stderr)
            report = {"file_mib": run.stat().st_size / 2**20, "parts": parts}
            # After every part, so that a measurement that is cut short keeps what it has.
            store.save(options.out, chosen, report, where)
    print(review_table({"options": chosen, **report}))


def child(part: str, run: Path, cache: Path, rounds: int) -> dict[str, Any]:
    """Measure a part in a process of its own."""
    given = [sys.executable, "-m", "benchmarks.review", "--rounds", str(rounds), "--part", part, str(run), str(cache)]
    environment = {**os.environ, "PYTHONPATH": search_path()}
    done = subprocess.run(given, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def first(run: Path, cache: Path, rounds: int) -> dict[str, Any]:
    """Make the index, and ask all questions."""
    shutil.rmtree(cache, ignore_errors=True)
    index, opened = timed_opening(run, cache)
    with index:
        opened["peak_mib_opened"] = peak_mib()
        asked = {name: times(partial(index.queue, filters), rounds) for name, filters in QUESTIONS.items()}
        sorts = {sort: times(partial(index.queue, Filters(), sort), rounds) for sort in SORTS}
        rows = index.queue(Filters()).rows
        starts = np.linspace(0, max(0, len(rows) - _PAGE), rounds).astype(int)
        page = summary([timed(partial(index.rows, rows[at : at + _PAGE])) for at in starts])
        return {**opened, "questions": asked, "sorts": sorts, "page": page, "peak_mib": peak_mib()}


def second(run: Path, cache: Path, _rounds: int) -> dict[str, Any]:
    """Open the index that is there."""
    index, opened = timed_opening(run, cache)
    index.close()
    return {**opened, "peak_mib": peak_mib()}


def decisions(run: Path, cache: Path, rounds: int) -> dict[str, Any]:
    """Put decisions into the index: one at a time, and very many at once."""
    line = Decision("2026-11-29T20:41:14.123456Z", "somebody", "", 0.0, 1.0, "", "accept", heard=0.0)
    with open_index(run, cache=cache) as index:
        # Segments that are all there is of their recordings, which need not be read again.
        alone = [row for row in range(index.total) if len(index.rows_of(index.record_of_row(row))) == 1][:_DECIDED]
        few = [list(accepted(index, [row], line)) for row in alone[: 40 * rounds]]
        each = [1000 * timed(partial(index.update, outcome)) for outcome in few]
        took_s = timed(lambda: index.update(accepted(index, alone, line)))
        again = times(partial(index.queue, Filters(status="unheard")), rounds)
    return {
        "one_ms": median(each),
        "one_p95_ms": sorted(each)[int(0.95 * len(each))],
        "many": len(alone),
        "many_s": took_s,
        "queue_after": again,
        "peak_mib": peak_mib(),
    }


def strict(run: Path, _cache: Path, _rounds: int) -> dict[str, Any]:
    """Do what a start without an index would: the ids and offsets, and every line, of which some are read here."""
    start = time.perf_counter()
    reader = RunFolder(run)
    ids_s, start = time.perf_counter() - start, time.perf_counter()
    read = sum(1 for _ in islice(reader.transcripts(), _STRICTLY))
    lines_s = (time.perf_counter() - start) * len(reader) / max(1, read)
    return {"ids_s": ids_s, "lines_s": lines_s, "recordings": len(reader), "read": read, "peak_mib": peak_mib()}


def quality(temp: Path) -> dict[str, Any]:
    """Sort lines whose texts are known by each order."""
    from anime_whisper_ct2.executors.opening import open_whisper
    from anime_whisper_ct2.model_dir import open_model_dir
    from anime_whisper_ct2.options import DecodingOptions, EngineOptions, RunOptions
    from benchmarks.doubt import heard, in_noise, open_engine
    from benchmarks.measures import genuine, risks

    model = genuine.model(temp / "whisper-base") / "converted"
    lines = list(genuine.lines(None))
    clean = [line.samples for line in lines]
    sounds = {"clean": clean, "noise": in_noise(clean)}
    beams = RunOptions(DecodingOptions(window="full", beam_size=5), EngineOptions(device="cpu", compute_type="int8"))
    texts: list[dict[str, Any]] = []
    for engine in (open_engine(model), open_whisper(open_model_dir(model), beams)):
        texts.append({name: heard(engine, samples) for name, samples in sounds.items()})
        engine.close()
    found = {}
    for name in sounds:
        wrong = [risks.is_wrong(line, text) for line, text in zip(lines, texts[0][name], strict=True)]
        keys: dict[str, list[float]] = {}
        for others in (None, texts[1][name]):
            keys |= risks.orders(risks.signs_of(lines, texts[0][name], others))
        found[name] = {
            "lines": len(lines),
            "wrong": sum(wrong),
            "found": {order: risks.found_first(wrong, key) for order, key in keys.items()},
        }
    return {"model": genuine.MODEL, "shares": risks.SHARES, "conditions": found}


def timed_opening(run: Path, cache: Path) -> tuple[Index, dict[str, Any]]:
    """Open the index up to the first rows."""
    start = time.perf_counter()
    index = open_index(run, cache=cache)
    open_s = time.perf_counter() - start
    index.rows(index.queue(Filters()).rows[:100])
    return index, {"open_s": open_s, "first_rows_s": time.perf_counter() - start, "total": index.total}


def accepted(index: Index, rows: Sequence[int], line: Decision) -> Iterator[tuple[int, Sequence[Piece]]]:
    """Accept rows, read from the index as they are wanted."""
    for said in index.texts(np.array(rows, np.int32)):
        yield said.rec, (Piece(said.start, said.end, said.text, (0,), "accepted", line),)


def timed(call: Callable[[], object]) -> float:
    """Give the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def times(call: Callable[[], object], rounds: int) -> dict[str, float]:
    """Make a call several times."""
    return summary([timed(call) for _ in range(rounds)])


def summary(took_s: Sequence[float]) -> dict[str, float]:
    """Give milliseconds: the median, and the longest, which is often the first."""
    return {"median_ms": 1000 * median(took_s), "longest_ms": 1000 * max(took_s)}


def peak_mib() -> float:
    """Give the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


CHILDREN: dict[str, Callable[[Path, Path, int], dict[str, Any]]] = {
    "first": first,
    "second": second,
    "decisions": decisions,
    "strict": strict,
}


if __name__ == "__main__":
    main()
