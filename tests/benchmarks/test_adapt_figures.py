"""What is told of a model that was taught: counted as others count, held against what was asked for, and drawn."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jiwer
import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from anime_whisper_ct2.text.normalize import author
from benchmarks.adaptation import figures
from benchmarks.adaptation.corpora import Line
from benchmarks.adaptation.figures import ADAPTED, FULL, ORIGINAL, Heard
from benchmarks.report.adapt_tables import adapt_chart, adapt_table, experiments_table
from benchmarks.report.adapt_words import EN, JA, AdaptWords

RULES = {"passed": "cer_rise", "undecided": "equal_texts"}
LANGUAGES = pytest.mark.parametrize("words", [EN, JA], ids=["en", "ja"])
LINES = [
    Line("a", "jf_alpha", "魔王の城まで、あと三日はかかる。"),
    Line("b", "jf_nezumi", "宿題、見せて。"),
    Line("c", "jm_kumo", "おばあちゃん、肩もんであげよっか？"),
]
TEXTS = {
    ORIGINAL: {
        FULL: ("魔王の城まであと三日かかる", "宿題見せて", "おばあちゃん、肩もんであげよっか?"),
        "2.56": ("魔王の城まであと三日かかる", "宿題見せてててててて", "おばちゃん、肩もんだげよっか?"),
    },
    ADAPTED: {
        FULL: ("魔王の城まであと三日かかる", "宿題見せて", "おばあちゃん肩もんであげよっか?"),
        "2.56": ("魔王の城まであと三日はかかる", "宿題見せて", "おばあちゃん肩もんであげようか?"),
        "1.28": ("魔王の城まで", "宿題見せて", "おばあちゃん肩もんであげようか?"),
    },
}


def _heard() -> dict[str, dict[str, Heard]]:
    ids = [line.id for line in LINES]
    loops = {(ORIGINAL, "2.56"): ["b"]}
    return {
        model: {
            window: Heard(dict(zip(ids, texts, strict=True)), loops.get((model, window), []), 1.0)
            for window, texts in of.items()
        }
        for model, of in TEXTS.items()
    }


def test_errors_and_differences_are_those_that_jiwer_counts() -> None:
    found = figures.figures(LINES, _heard())
    right = [author(line.text) for line in LINES]
    base = TEXTS[ORIGINAL][FULL]
    full = jiwer.cer(right, list(map(author, base)))
    for model, of in TEXTS.items():
        for window, texts in of.items():
            row = found[model][window]
            cer = jiwer.cer(right, list(map(author, texts)))
            assert row["cer"] == pytest.approx(100 * cer, abs=1e-3)
            assert row["cer_interval"][0] <= row["cer"] <= row["cer_interval"][1]
            if (model, window) == (ORIGINAL, FULL):
                continue
            assert row["rise"] == pytest.approx(100 * (cer - full), abs=1e-3)
            assert row["differs"] == pytest.approx(100 * jiwer.cer(list(base), list(texts)), abs=1e-3)
            unheard = [jiwer.cer(right[2], author(of[2])) for of in (base, texts)]
            assert row["unheard_rise"] == pytest.approx(100 * (unheard[1] - unheard[0]), abs=1e-3)
            assert row["unheard_differs"] == pytest.approx(100 * jiwer.cer(base[2], texts[2]), abs=1e-3)
            # Of a single line, every draw is that line.
            assert row["unheard_rise_interval"] == pytest.approx([row["unheard_rise"]] * 2, abs=1e-3)
    assert [found[ORIGINAL][window]["loops"] for window in (FULL, "2.56")] == [0, 1]
    assert {row["unheard_loops"] for row in found[ORIGINAL].values()} == {0}


def test_what_differs_is_also_told_without_the_lines_on_which_the_original_loops() -> None:
    heard = _heard()
    for (model, window), looping in {(ORIGINAL, FULL): ["a"], (ADAPTED, "2.56"): ["a", "c"]}.items():
        told = heard[model][window]
        heard[model][window] = Heard(told.texts, looping, told.wall_s)
    found = figures.figures(LINES, heard)
    row = found[ADAPTED]["2.56"]
    base, texts = TEXTS[ORIGINAL][FULL], TEXTS[ADAPTED]["2.56"]
    assert row["differs"] == pytest.approx(100 * jiwer.cer(list(base), list(texts)), abs=1e-3)
    without = jiwer.cer(list(base[1:]), list(texts[1:]))
    assert row["differs_without_loops"] == pytest.approx(100 * without, abs=1e-3)
    low, high = row["differs_without_loops_interval"]
    assert low <= row["differs_without_loops"] <= high
    assert (row["loops"], row["unheard_loops"]) == (2, 1)


def test_a_change_has_a_narrower_interval_than_the_rates_that_it_lies_between() -> None:
    rng = np.random.default_rng(3)
    lines = [Line(str(n), "jf_alpha", "あいうえおかきくけこ" * 3) for n in range(200)]
    spoilt = {line.id: line.text[: 30 - int(rng.integers(0, 12))] for line in lines}
    worse = {id_: text[1:] if int(id_) % 3 == 0 else text for id_, text in spoilt.items()}
    both = {
        ORIGINAL: {FULL: Heard(spoilt, [], 1.0)},
        ADAPTED: {FULL: Heard(worse, [], 1.0)},
    }
    row = figures.figures(lines, both)[ADAPTED][FULL]
    width, rate_width = (high - low for low, high in (row["rise_interval"], row["cer_interval"]))
    assert row["rise"] == pytest.approx(100 * 67 / 6_000, abs=1e-3)
    assert row["rise_interval"][0] < row["rise"] < row["rise_interval"][1]
    assert width < rate_width / 2


def _rows(rise: float, high: float, differs: float, loops: int = 0) -> dict[str, Any]:
    return {
        "cer": 10.0,
        "cer_interval": [8.0, 12.0],
        "rise": rise,
        "rise_interval": [-0.5, high],
        "unheard_cer": 11.0,
        "unheard_cer_interval": [8.5, 13.5],
        "unheard_loops": loops,
        "unheard_differs": differs,
        "unheard_differs_interval": [differs / 2, 3 * differs],
        "differs_without_loops": differs / 2,
        "differs_without_loops_interval": [0.0, differs],
        "unheard_rise": 0.25,
        "unheard_rise_interval": [-1.5, 2.0],
        "differs": differs,
        "differs_interval": [differs / 2, 2 * differs],
        "loops": loops,
        "wall_s": 1.0,
    }


def _models(tail: dict[str, Any], shorter: dict[str, Any], full: dict[str, Any]) -> dict[str, Any]:
    known = ("cer", "loops", "wall", "unheard_cer", "unheard_loops")
    first = {key: value for key, value in full.items() if key.startswith(known)}
    bad = {"2.56": _rows(12.0, 20.0, 19.8, 3), "1.28": _rows(26.0, 40.0, 34.5, 9)}
    return {ORIGINAL: {FULL: first, **bad}, ADAPTED: {FULL: full, "2.56": tail, "1.28": shorter}}


def _calibration(tail_s: float | None, shown: str = "passed", stopped: str | None = None) -> dict[str, Any]:
    """Give what calibration leaves of two tails, of which it accepts one, unless a reason to refuse is given.

    `shown`: by its references; where that is not that it is as good, it is accepted by equal texts.
    """
    rise = {"points": 0.12, "interval": [-0.1, 0.29], "clips": 430, "cer": 10.1, "full_cer": 10.0}
    other = {
        "loops": 1,
        "outcome": "undecided",
        "rule": None,
        "after_s": None,
        "rise": {**rise, "outcome": "undecided"},
    }
    accepted = {"outcome": "passed", "rule": "cer_rise" if shown == "passed" else "equal_texts"}
    refused = {"loops": {"outcome": "failed", "loops": 2}, "after": {"outcome": "undecided", "after_s": 5.12}}
    one = {**other, **(refused[stopped] if stopped else accepted), "rise": {**rise, "outcome": shown}}
    tails = [{"tail_s": each, **(one if each == tail_s else other)} for each in (1.28, 2.56)]
    chosen = next((tail for tail in tails if tail["outcome"] == "passed"), None)
    return {"chosen": chosen, "full_loops": 1, "max_cer_rise": 0.3, "tails": tails}


def _speed(ratio: float, tail_s: float | None) -> dict[str, Any]:
    return {"tail_s": tail_s or 2.56, "accepted": tail_s is not None, "short_s": 80.0, "full_s": 400.0, "ratio": ratio}


@pytest.mark.parametrize(
    ("tail", "shorter", "full", "lines", "tail_s", "ratio", "missed"),
    [
        ((0.3, 0.8, 3.0), (0.45, 1.2, 4.5), (-0.3, 0.6, 3.0), 400, 2.56, 4.5, set()),
        ((0.31, 0.81, 3.1), (0.45, 1.2, 4.5), (0, 1, 3), 400, 2.56, 5, {"rise 2.56", "rise_high 2.56", "differs 2.56"}),
        ((0, 0, 0), (0.46, 1.21, 4.51), (0, 0, 0), 400, 1.28, 5, {"rise 1.28", "rise_high 1.28", "differs 1.28"}),
        ((0, 0, 0), (0, 0, 0), (-0.31, 0, 3.1), 399, 1.28, 5, {"change full", "differs full", "lines"}),
        ((0, 0, 0), (0, 0, 0), (0, 0, 0), 400, 2.56, 4.49, {"speed"}),
        # A run takes no short windows by itself where none were accepted, however fast they are.
        ((0, 0, 0), (0, 0, 0), (0, 0, 0), 400, None, 5, {"calibrated", "speed"}),
    ],
)
def test_figures_are_held_against_what_was_asked_for(
    tail: tuple[float, ...],
    shorter: tuple[float, ...],
    full: tuple[float, ...],
    lines: int,
    tail_s: float | None,
    ratio: float,
    missed: set[str],
) -> None:
    models = _models(_rows(*tail), _rows(*shorter), _rows(*full))
    wanted = figures.asked(models, lines, _calibration(tail_s), _speed(ratio, tail_s))
    assert {each.what for each in wanted if not each.met} == missed


@pytest.mark.parametrize(
    ("shown", "stopped", "met"),
    [("passed", None, True), ("undecided", None, False), ("passed", "loops", False), ("passed", "after", False)],
)
def test_it_is_the_references_that_are_to_accept_a_tail(shown: str, stopped: str | None, met: bool) -> None:
    models = _models(_rows(0, 0, 0), _rows(0, 0, 0), _rows(0, 0, 0))
    wanted = figures.asked(models, 400, _calibration(1.28, shown, stopped), None)
    assert [each.met for each in wanted if each.what == "calibrated"] == [met]


def test_a_loop_is_one_too_many() -> None:
    models = _models(_rows(0, 0, 0, loops=1), _rows(0, 0, 0), _rows(0, 0, 0))
    wanted = figures.asked(models, 400, None, None)
    assert [each.what for each in wanted if not each.met] == ["loops 2.56"]


def _report(tail_s: float | None, *calibrated: str, loops: int = 1) -> dict[str, Any]:
    models = _models(_rows(0.31, 0.7, 2.5), _rows(0.4, 1.0, 3.5), _rows(-0.1, 0.4, 1.5))
    calibration, speed = _calibration(tail_s, *calibrated), _speed(5.0, tail_s)
    wanted = figures.asked(models, 430, calibration, speed)
    return {
        "about": {"machine": {"cores": 2}},
        "options": {
            **{"model": "Whisper base", "lines": 430, "unheard_lines": 200, "minutes": 29.4, "rounds": 3},
            "original_loops": loops,
            **{"train": "encoder", "batch_size": 4, "learning_rate": 3e-5, "device": "cpu"},
        },
        "models": models,
        "asked": [{**asdict(each), "met": each.met} for each in wanted],
        "teaching": {
            **{"clips": 690, "audio_s": 2_700.0, "steps": 1_500, "learning_s": 3_600.0},
            "curve": [{"step": 0, "held_out": 20.0, "divergence": 0.5}, {"step": 1_500, "held_out": 3.0}],
        },
        "calibration": calibration,
        "speed": {**speed, "others_share": 0.01},
    }


@LANGUAGES
def test_both_models_stand_in_the_table_with_what_was_asked_for(words: AdaptWords, tmp_path: Path) -> None:
    text = adapt_table(_report(2.56), words)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert "| 0.31 " not in rows[2]  # the original at 30 s lies above nothing
    assert sum(words.models[ADAPTED] in row for row in rows) == 6
    adapted, beyond = (row for row in rows if words.models[ADAPTED] in row and "2.56" in row)
    assert adapted.endswith("| 10.00 (8.00 … 12.00) | +0.31 (-0.50 … +0.70) | 2.50 (1.25 … 5.00) | 0 |")
    assert beyond.endswith("| 11.00 (8.50 … 13.50) | +0.25 (-1.50 … +2.00) | 2.50 (1.25 … 7.50) | 0 |")
    assert sum(row.endswith(f"| {words.met[0]} |") for row in rows) == 1
    assert "1.25 (0.00 … 2.50)" in text
    assert "5.00" in text.splitlines()[-1]
    adapt_chart(_report(2.56), tmp_path / "chart.svg", words)
    drawn = "".join(ET.parse(tmp_path / "chart.svg").getroot().itertext())
    assert all(name in drawn for name in (*words.axes, *words.models.values()))


@LANGUAGES
def test_the_tail_and_the_rule_that_it_passed_are_told(words: AdaptWords) -> None:
    by_rule = {rule: adapt_table(_report(2.56, outcome), words) for outcome, rule in RULES.items()}
    for rule, text in by_rule.items():
        assert words.accepted.format(tail=2.56, rule=words.rules[rule], name=rule) in text
    for stopped in ("loops", "after"):
        text = adapt_table(_report(2.56, "passed", stopped), words)
        assert words.refused in text
        assert words.outcomes[stopped] in text
    refused = adapt_table(_report(None), words)
    assert words.refused in refused
    # The ratio is told, as what it is, and is not what was asked for.
    (row,) = (line for line in refused.splitlines() if line.startswith(f"| {words.asked['speed']} "))
    assert row.endswith(f"| {words.not_accepted.format('5')} | {words.met[0]} |")
    assert "`--window fit`" in refused.splitlines()[-1]
    assert "`--window fit`" not in by_rule["cer_rise"]
    # Nothing is left out where the original never loops.
    assert "1.25 (0.00 … 2.50)" not in adapt_table(_report(2.56, loops=0), words)


@pytest.mark.parametrize(
    ("rise", "told"),
    [(0.3, "0.3"), (0.301, "0.301"), (0.2996, "0.2996"), (0.31, "0.31"), (0.304, "0.304"), (-0.001, "0")],
)
def test_a_figure_is_written_so_that_it_does_not_look_like_its_bound(rise: float, told: str) -> None:
    report = _report(2.56)
    (asked,) = (each for each in report["asked"] if each["what"] == "rise 2.56")
    asked["value"] = rise
    (row,) = (line for line in adapt_table(report).splitlines() if line.startswith("| clip + 2.56 s: CER above"))
    assert row.split("|")[3].strip() == told


def test_an_interval_beside_its_figure_is_drawn_all_the_same(tmp_path: Path) -> None:
    report = _report(2.56)
    report["models"][ADAPTED]["2.56"]["differs_interval"] = [2.6, 3.0]  # of 2.5
    adapt_chart(report, tmp_path / "chart.svg")
    assert (tmp_path / "chart.svg").is_file()


def test_experiments_are_told_by_what_still_differs() -> None:
    curve = [{"step": step, "held_out": 20.0 - step, "divergence": 0.5 - step / 100} for step in range(0, 11, 5)]
    row = {
        "train": "small",
        "learning_rate": 3e-4,
        "loss": "both",
        "full_every": 4,
        "curve": curve,
        "seconds": 90.0,
        "full_held_out": 1.25,
    }
    options = {"model": "Whisper base", "steps": 10, "batch_size": 2, "clips": 690}
    text = experiments_table({"options": options, "rows": [row]})
    assert "20.00 %" in text
    assert "| norms, biases and low ranks taught | 0.0003 | both | one of 4 | 0.4000 | 10.00 | 1.25 |" in text
    assert "4回に1回" in experiments_table({"options": options, "rows": [row]}, JA)
