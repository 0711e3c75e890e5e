"""What came of it is said as it is: what an interval does not show is not claimed, and what got worse is told of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from anime_whisper_ct2.adaptation.measuring import (
    Adaptation,
    Change,
    Comparison,
    FullWindow,
    Rate,
    Tail,
    Teaching,
    Verdict,
)
from anime_whisper_ct2.adaptation.records import Point
from anime_whisper_ct2.adaptation.report import as_json, as_table, verdicts, write_report
from anime_whisper_ct2.errors import OutputError
from tests.support.comparisons import DRAWING
from tests.support.files import contents


def rate(percent: float) -> Rate:
    return Rate(percent, (percent - 1, percent + 1))


def tail(tail_s: float, verdict: Verdict, loops: tuple[int, int] = (0, 0), cer: Change | None = None) -> Tail:
    rise = {"better": -7.5, "worse": 7.5, "undecided": 0.5}[verdict]
    return Tail(tail_s, Change(rate(12.5), rate(12.5 + rise), rate(rise)), *loops, verdict, cer)


def came_of(*tails: Tail, at_30_s: float = 1.25, loops: tuple[int, int] = (0, 0), **compared: int) -> Adaptation:
    full = FullWindow(rate(at_30_s), *loops)
    comparison = Comparison(
        **{"clips": 300, "looping": 0, "characters": 4_000, "referenced": 0, **compared}, full=full, tails=tails
    )
    passed_over, curve, settings = {"longer than 30 s": 4}, (Point(100, 4.5, 0.1),), {"learning_rate": 1.5e-7}
    teaching = Teaching(2_000, 9_000.5, 1_500, "cpu", 60.0, 600.0, 30.0, passed_over, curve, settings)
    return Adaptation("声/checkpoint", "00ff", teaching, comparison)


class TestVerdicts:
    @pytest.mark.parametrize(
        ("kinds", "said"),
        [
            (("better",) * 3, "Better with 0.64, 1.28 and 2.56 s of silence behind the clip."),
            (
                ("better", "undecided", "undecided"),
                "Better with 0.64 s of silence behind the clip; with 1.28 and 2.56 s the change may as well be none.",
            ),
            (("undecided",) * 3, "Not shown to be better: with 0.64, 1.28 and 2.56 s of silence"),
            (
                ("better", "worse", "undecided"),
                "Worse with 1.28 s of silence behind the clip, though better with 0.64 s;",
            ),
            (("worse", "undecided", "worse"), "Worse with 0.64 and 2.56 s of silence behind the clip; the original"),
        ],
    )
    def test_the_first_sentence_says_the_whole(self, kinds: tuple[Verdict, ...], said: str) -> None:
        measured = came_of(*(tail(tail_s, kind) for tail_s, kind in zip((0.64, 1.28, 2.56), kinds, strict=True)))
        first, second = verdicts(measured)
        assert first.startswith(said)
        assert second == "At 30 s, 1.2 % of the characters differ from the original's (95 %: 0.2 to 2.2)."

    def test_few_clips_are_said_to_be_few(self) -> None:
        (first, *_) = verdicts(came_of(tail(0.64, "undecided"), clips=21, looping=2))
        assert first.startswith("Not shown to be better: only 19 clips could be compared, and fewer than 20")

    @pytest.mark.parametrize(("held_out", "how"), [(0, "--held-out"), (400, "--held-out"), (19, "a larger corpus")])
    def test_what_a_small_corpus_cannot_give_is_not_asked_for(self, held_out: int, how: str) -> None:
        for clips in (300, 19):
            measured = came_of(tail(0.64, "undecided"), clips=clips)
            teaching = replace(measured.teaching, settings={"held_out": 400}, held_out=held_out)
            (first, *_) = verdicts(replace(measured, teaching=teaching))
            assert how in first
            assert ("--held-out" in first) == (how == "--held-out")

    @pytest.mark.parametrize(("percent", "warned"), [(3.0, False), (3.1, True)])
    def test_other_texts_at_30_s_are_warned_of(self, percent: float, warned: bool) -> None:
        said = verdicts(came_of(tail(0.64, "better"), at_30_s=percent))
        assert any(line.startswith("Warning: windows of 30 s give other texts too") for line in said) is warned

    def test_more_loops_than_before_are_warned_of_wherever_they_are(self) -> None:
        said = verdicts(came_of(tail(0.64, "better", (5, 0)), tail(1.28, "better", (0, 1)), loops=(1, 2)))
        assert [line for line in said if "loop" in line] == [
            "Warning: 30 s: 2 texts loop now, before 1.",
            "Warning: 1.28 s: 1 text loops now, before 0.",
        ]

    def test_what_could_not_be_compared_is_said(self) -> None:
        said = verdicts(came_of(tail(0.64, "better"), looping=1))
        assert said[-1].startswith("Left out of the rates: 1 clip on which the original loops at 30 s")


class TestTable:
    def test_there_is_a_row_for_each_window_with_rates_and_intervals(self) -> None:
        rows = as_table(came_of(tail(0.64, "better", (3, 0)), tail(2.56, "undecided"))).splitlines()
        assert len(rows) == 5
        assert rows[2] == "| 30 s |  | 1.25 (0.25 to 2.25) |  | 0 | 0 |  |"
        changed = "12.50 (11.50 to 13.50) | 5.00 (4.00 to 6.00) | -7.50 (-8.50 to -6.50)"
        assert rows[3] == f"| clip + 0.64 s | {changed} | 3 | 0 | better |"

    def test_references_get_a_table_of_their_own(self) -> None:
        cer = Change(rate(20), rate(15), rate(-5))
        measured = came_of(tail(0.64, "better", cer=cer))
        full = replace(measured.comparison.full, cer=Change(rate(10), rate(10), rate(0)))
        measured = replace(measured, comparison=replace(measured.comparison, full=full))
        first, second = as_table(measured).split("\n\n")
        assert first == as_table(came_of(tail(0.64, "better")))
        assert second.splitlines()[3] == (
            "| clip + 0.64 s | 20.00 (19.00 to 21.00) | 15.00 (14.00 to 16.00) | -5.00 (-6.00 to -4.00) |"
        )


class TestFiles:
    @DRAWING
    def test_json_and_chart_are_written_and_a_second_time_over_the_first(self, tmp_path: Path) -> None:
        measured = came_of(tail(0.64, "better"), tail(2.56, "undecided"))
        write_report(measured, tmp_path)
        first = contents(tmp_path)
        assert sorted(first) == ["adapt.json", "adapt.svg"]
        assert json.loads(first["adapt.json"]) == json.loads(json.dumps(as_json(measured)))
        write_report(measured, tmp_path)
        assert contents(tmp_path) == first

    def test_json_holds_all_that_was_measured_and_how_it_was_taught(self) -> None:
        measured = came_of(tail(0.64, "better"), tail(2.56, "worse"))
        content = json.loads(json.dumps(as_json(measured)))
        assert (content["better"], content["checkpoint"], content["sha256"]) == (False, "声/checkpoint", "00ff")
        assert content["verdict"].startswith("Worse with 2.56 s")
        assert content["teaching"]["settings"] == {"learning_rate": 1.5e-7}
        assert content["teaching"]["passed_over"] == {"longer than 30 s": 4}
        assert content["teaching"]["curve"] == [{"step": 100, "held_out": 4.5, "divergence": 0.1}]
        (first, _) = content["comparison"]["tails"]
        assert first["differs"]["change"] == {"percent": -7.5, "interval": [-8.5, -6.5]}
        assert (first["tail_s"], first["verdict"], first["cer"]) == (0.64, "better", None)

    def test_a_folder_that_is_not_there_is_an_error_of_a_line(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"adapt\.json cannot be written: "):
            write_report(came_of(tail(0.64, "better")), tmp_path / "gone")
