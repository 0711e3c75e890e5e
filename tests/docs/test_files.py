"""The output files are as they are described, key by key."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from anime_whisper_ct2 import Corpus, CorpusRun, Failure, FakeEngine, RunOptions, Segment, Transcript, Word
from anime_whisper_ct2.adaptation.measuring import Adaptation, Heard, Rate, Teaching, Texts, compare
from anime_whisper_ct2.adaptation.records import Point
from anime_whisper_ct2.adaptation.report import CHART, RESULT, as_json
from anime_whisper_ct2.executors.ladder import STEPS
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import AudioOptions, DecodingOptions, EngineOptions, FrontendOptions
from anime_whisper_ct2.output.lines import to_json
from anime_whisper_ct2.output.merge import merge
from anime_whisper_ct2.records import Home, Retries, Sound
from anime_whisper_ct2.reviews import ACTIONS, Decision
from anime_whisper_ct2.reviews.lines import read_line, to_line
from anime_whisper_ct2.search.records import Kind, Role, State
from anime_whisper_ct2.search.report import as_json as as_search_json
from anime_whisper_ct2_convert.averaging import Mix, Recipe, open_series, write_average
from anime_whisper_ct2_convert.averaging.writing import RECORD
from tests.support.documents import BOTH, ENGLISH, Handbook, spans
from tests.support.places import CHECKPOINT
from tests.support.searches import searched

FILES = "reference/files.md"


def names(record: type) -> list[str]:
    return [field.name for field in fields(record)]


def test_the_example_lines_have_the_keys_of_the_records() -> None:
    segment = Segment(0.0, 1.0, "はい", -0.1, 0.0, 1.0, doubt=0.1)
    written = json.loads(to_json(Transcript("a.wav", "a.wav", 1.0, "ja", "はい", (segment,), (), {})))
    seen: Counter[str] = Counter()
    for block in (block for block in ENGLISH.blocks if block.language == "json"):
        example = json.loads(block.code)
        if isinstance(example, list):
            seen["words"] += 1
            assert all(list(word) == names(Word) for word in example)
        elif "reasons" in example:
            seen["retries"] += 1
            assert list(example) == names(Retries)
            assert {*example["tried"], example["kept"]} <= {*STEPS, "first"}
        elif "stage" in example:
            seen["failure"] += 1
            assert list(example) == names(Failure)
        elif "action" in example:
            seen["decision"] += 1
            assert list(example) == list(json.loads(to_line(Decision("", "", "", 0, 0, "", "accept", rate=1.0))))
        elif "sound" in example:
            seen["home"] += 1
            assert list(example) == names(Home)
            assert list(example["sound"]) == names(Sound)
            assert list(example["segment"]) == list(written["segments"][0])
        else:
            seen["transcript"] += 1
            assert list(example) == list(written)
            assert all(list(part) == list(written["segments"][0]) for part in example["segments"])
    assert seen.keys() == {"words", "retries", "failure", "home", "transcript", "decision"}


def test_every_key_of_a_line_is_described() -> None:
    of_recordings, of_segments = (
        {name for row in table[2:] for name in spans(row[:1])}
        for table in ENGLISH.section(FILES, "transcripts.jsonl").tables
    )
    # What a review made of a segment is in no line of a run.
    assert (of_recordings, of_segments) == (set(names(Transcript)), set(names(Segment)) - {"verdict"})
    assert ENGLISH.named(FILES, "errors.jsonl").keys() == set(names(Failure))
    assert ENGLISH.named(FILES, "unfinished").keys() == set(names(Home))


@BOTH
def test_every_key_of_a_decision_is_described(book: Handbook) -> None:
    keys, actions = (
        {name: row for row in table[2:] for name in spans(row[:1])} for table in book.section(FILES, "review").tables
    )
    assert keys.keys() == {"v", *names(Decision)}
    assert actions.keys() == set(ACTIONS)


def test_the_values_of_actions_are_what_a_log_takes() -> None:
    rows = ENGLISH.section(FILES, "review").tables[1][2:]
    values = {name: spans(row[1:]) for row in rows for name in spans(row[:1])}
    written = {name: json.loads(value[0]) for name, value in values.items() if value and value[0][0] in "[{"}
    assert written.keys() == {"tag", "trim", "split", "merge", "sample"}
    for action in ACTIONS:
        value = written.get(action, "…" if action in ("correct", "undo") else None)
        line = Decision("2026-11-29T21:39:30.199576Z", "mika", "a.wav", 0.5, 2.4, "", action, value)
        assert read_line(to_line(line)) == line


def test_run_json_has_the_keys_that_are_described(tiny_model: Path, corpus: Path) -> None:
    here, fitted = FrontendOptions(workers=0), DecodingOptions(window="fit", words=True)
    left = AudioOptions("left", strict=True)
    runs = {
        "one": (RunOptions(fitted, frontend=here), lambda *_: FakeEngine()),
        "two": (RunOptions(fitted, EngineOptions(device="cpu", engines=2), here, audio=left), None),
    }
    written: dict[str, Any] = {}
    for out, (options, opener) in runs.items():
        CorpusRun(Corpus((str(corpus),)), Path(out), open_model_dir(tiny_model), options, open_engine=opener).run()
    merge([Path("two")], Path("merged"))
    for out in (*runs, "merged"):
        written |= json.loads(Path(out, "run.json").read_text(encoding="utf-8"))
    rows = {name: row for row in ENGLISH.section(FILES, "run.json").tables[0][2:] for name in spans(row[:1])}
    assert written.keys() == rows.keys() - {"engines_lost", "nodes"}  # these are of clusters
    # Of float32, in which a CPU computes, either encoder gives the same.
    assert written["settings"].keys() == ENGLISH.named(FILES, "Settings").keys() - {"encoder"}
    assert written["engine"].keys() == set(spans(rows["engine"][1:])) - {"auto", "default", "cublas", "memory_pool"}
    assert set(spans(rows["parts"][1:])) <= written["parts"][0].keys()
    checks = ENGLISH.named("guides/windows.md", "Audit")
    assert written["window_check"].keys() == checks.keys()


@BOTH
def test_adapt_json_has_the_keys_that_are_described(book: Handbook) -> None:
    heard = (Heard("おはよう"), Heard("おやすみなさい"))
    texts = Texts(heard, {0.64: heard})
    teaching = Teaching(2, 4.0, 1, "cpu", 1.0, 1.0, 1.0)
    written = as_json(Adaptation("my-finetune", 64 * "0", teaching, compare(texts, texts, ["おはよう", None])))
    whole, of_teaching, of_comparison = (
        {name: row for row in table[2:] for name in spans(row[:1])} for table in book.section(FILES, RESULT).tables
    )
    assert written.keys() == whole.keys()
    assert written["teaching"].keys() == of_teaching.keys()
    assert written["comparison"].keys() == of_comparison.keys()
    assert set(spans(of_teaching["curve"][1:])) == set(names(Point))
    full, (tail,) = written["comparison"]["full"], written["comparison"]["tails"]
    assert set(spans(of_comparison["full"][1:])) == full.keys()
    assert set(spans(of_comparison["tails"][1:])) | full.keys() == tail.keys()
    assert {*full["differs"], *tail["cer"]} <= book.prose(FILES, RESULT)
    assert full["differs"].keys() == set(names(Rate))
    assert {RESULT, CHART} <= book.named(FILES, "The result of `awct2 adapt`").keys()


@BOTH
def test_search_json_has_the_keys_that_are_described(book: Handbook) -> None:
    written = as_search_json(searched(9, 7, 8, averages={(0, 1): 6}, pruned={(1, 2): 9}))
    rows = book.named(FILES, "search.json")
    assert written.keys() == rows.keys()
    for key in ("trials", "held", "margins"):
        assert {name for each in written[key] for name in each} <= set(spans(rows[key])), key
    assert {*get_args(Kind), *get_args(State)} <= set(spans(rows["trials"]))
    assert set(get_args(Role)) <= set(spans(rows["held"]))
    assert {"search.json", "search.md", "search.svg"} <= book.named(FILES, "The result of `awct2 average`").keys()


@BOTH
def test_average_json_has_the_keys_that_are_described(book: Handbook, tmp_path: Path) -> None:
    pair = (str(CHECKPOINT), str(CHECKPOINT))
    with open_series(pair) as series:
        write_average(tmp_path, series, Recipe(Mix.of_range(2, 0, 2), (("decoder*", Mix.of_range(2, 0, 1)),)))
    written = json.loads((tmp_path / RECORD).read_text(encoding="utf-8"))
    rows = {name: row for table in book.section(FILES, RECORD).tables for row in table for name in spans(row[:1])}
    assert written.keys() == rows.keys()
    assert written["sources"][0].keys() | {"sources", "--layers"} == set(spans(rows["sources"]))
    assert written["layers"][0].keys() | {"layers", "--layers"} == set(spans(rows["layers"]))
