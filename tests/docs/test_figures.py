"""Figures in the text are those of the code: thresholds, retries, columns."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from inspect import getsource
from pathlib import Path

from anime_whisper_ct2.adaptation import measuring
from anime_whisper_ct2.adaptation.measuring import Adaptation, Heard, Teaching, Texts, compare
from anime_whisper_ct2.adaptation.report import as_table as adapt_table
from anime_whisper_ct2.calibration import Calibration, CalibrationOptions, write_profile
from anime_whisper_ct2.calibration.report import as_table
from anime_whisper_ct2.calibration.rises import LEAST_REFERENCES, LEAST_TO_REFUSE, Rise
from anime_whisper_ct2.calibration.windows import TailResult
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.executors import audit
from anime_whisper_ct2.executors.ladder import STEPS, Ladder
from anime_whisper_ct2.features.windows import PROFILE
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import RETRY_BEAMS, RETRY_NGRAM
from anime_whisper_ct2.records import RECORDING_FLAGS, SEGMENT_FLAGS
from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.report import as_table as search_table
from anime_whisper_ct2.text import quality
from anime_whisper_ct2.text.doubt import BOUNDS
from tests.support.documents import BOTH, NUMBER, Handbook, spans
from tests.support.searches import searched

QUALITY = "guides/quality.md"
# With references, and by their rule: then there is most to tell.
_TAIL = TailResult(1.28, 1.0, 2.0, 0, 0.0, 1.0, (1.0, 3.0), Rise(0.0, (-0.1, 0.1), LEAST_REFERENCES, 10.0, 10.0))
CALIBRATED = Calibration(1, 1.0, 1.0, 0, (_TAIL,), max_cer=0.5, references=LEAST_REFERENCES, max_cer_rise=0.3)


def keys_of(function: Callable[..., object]) -> set[str]:
    """Name what a function looks for, as its source lists it."""
    return set(re.findall(r'^ +"(\w+)":', getsource(function), re.MULTILINE))


def bounds(row: list[str]) -> set[float]:
    """Give the figures in a row's second column, but for those of 1秒に, "a second", and of our name."""
    return {float(number) for number in NUMBER.findall(row[1].replace("1秒に", "").replace("awct2", ""))}


@BOTH
def test_flags_have_the_thresholds_of_the_code(book: Handbook) -> None:
    rows = book.named("reference/flags.md")
    assert rows.keys() == SEGMENT_FLAGS | RECORDING_FLAGS
    assert keys_of(quality.flags) <= SEGMENT_FLAGS
    assert bounds(rows["doubtful"]) == {BOUNDS.doubt}
    assert bounds(rows["no_speech"]) == {BOUNDS.no_speech}
    longest = int(quality._PERIODIC.pattern.partition("{1,")[2].partition("}")[0])
    assert bounds(rows["repetition"]) == {longest, *(bound for pair in quality._LOOPS for bound in pair)}
    assert bounds(rows["cap"]) == {quality.CAP_BASE, quality.CAP_PER_S, quality.WHISPER_MAX_NEW_TOKENS}
    assert bounds(rows["fast"]) == {quality.MOST_CHARS_PER_S, quality.MOST_CHARS_PER_S / 2}
    assert bounds(rows["slow"]) == {quality.LEAST_CHARS_PER_S, quality.SLOW_FROM_S}
    assert bounds(rows["low_logprob"]) == {quality.LEAST_LOGPROB}
    assert bounds(rows["clipped"]) == {100 * quality.MOST_CLIPPED}
    assert bounds(rows["noisy"]) == {quality.LEAST_RANGE_DB, quality.NOISY_FROM_S}


@BOTH
def test_retries_are_those_of_the_ladder(book: Handbook) -> None:
    section = book.section(QUALITY, "Retries")
    steps, signs = ({name: row for row in table[2:] for name in spans(row[:1])} for table in section.tables)
    assert tuple(steps) == tuple(STEPS)
    assert (bounds(steps["ngram"]), bounds(steps["beam"])) == ({RETRY_NGRAM}, {RETRY_BEAMS})
    assert set(spans([section.prose])) >= quality.MENDABLE | Ladder().figures["retries"].keys()
    assert signs.keys() == keys_of(quality.doubts)
    assert bounds(signs["fast"]) == {quality.MOST_CHARS_PER_S, quality.MOST_CHARS_PER_S / 2}
    assert bounds(signs["compression"]) == {quality.MOST_COMPRESSION}
    assert bounds(signs["low_logprob"]) == {quality.LEAST_LOGPROB}
    assert bounds(signs["empty"]) == {round(20 * math.log10(quality.SPEECH_RMS))}


@BOTH
def test_what_is_said_of_windows_is_what_is_measured(book: Handbook) -> None:
    (columns,) = book.section("guides/windows.md", "Calibrate").tables
    header = [cell.strip() for cell in as_table(CALIBRATED).splitlines()[0].strip("|").split("|")]
    assert [span for row in columns[2:] for span in spans(row[:1])] == header


@BOTH
def test_what_is_said_of_the_profile_is_what_is_kept(book: Handbook, tiny_model: Path, tmp_path: Path) -> None:
    model = replace(open_model_dir(tiny_model), path=tmp_path)
    engine = FakeEngine()
    write_profile(model, CALIBRATED, engine)
    engine.close()
    kept = json.loads((tmp_path / "awct2.json").read_text(encoding="utf-8"))[PROFILE]
    (keys,) = book.section("guides/windows.md", "What is remembered, and when to measure again").tables
    assert {span for row in keys[2:] for span in spans(row[:1])} == kept.keys()


@BOTH
def test_what_is_said_of_references_is_what_is_asked_of_them(book: Handbook) -> None:
    prose = book.section("guides/windows.md", "With references").prose
    asked = {str(LEAST_REFERENCES), str(LEAST_TO_REFUSE), str(CalibrationOptions().max_cer_rise)}
    assert asked <= set(NUMBER.findall(prose))
    audited = book.section("guides/windows.md", "Audit").prose
    assert {str(audit._ENOUGH), str(audit._MORE_LOOPS)} <= set(NUMBER.findall(audited))


@BOTH
def test_what_is_said_of_an_adaptation_is_what_is_measured(book: Handbook) -> None:
    heard = (Heard("おはよう"),)
    texts = Texts(heard, {0.64: heard})
    told = adapt_table(Adaptation("my-finetune", "", Teaching(1, 1.0, 1, "cpu", 1.0, 1.0, 1.0), compare(texts, texts)))
    section = book.section("guides/adapt.md", "Read the result")
    header = [cell.strip() for cell in told.splitlines()[0].strip("|").split("|")]
    assert [span for row in section.tables[0][2:] for span in spans(row[:1])] == header
    assert {str(measuring.LEAST_CLIPS), f"{measuring.MOST_AT_30_S:g}"} <= set(NUMBER.findall(section.prose))


@BOTH
def test_what_is_said_of_a_search_is_what_it_tells(book: Handbook) -> None:
    told = search_table(searched(9, 7, 8, averages={(0, 1): 6}))
    headers = [part.splitlines()[0].strip("|").split("|") for part in told.split("\n\n")]
    columns = {cell.strip() for header in headers for cell in header} - {""}
    (rows,) = book.section("guides/average.md", "Read the result").tables
    assert {span for row in rows[2:] for span in spans(row[:1])} == columns
    steps = book.section("guides/average.md", "Search for the best average").prose
    assert f"{100 * SearchOptions().holdout:g} %" in steps
