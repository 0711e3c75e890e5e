"""What a run comes to is counted right and whole."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.lines import to_json
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.stats import StatsOptions, as_json, as_text, run_stats
from anime_whisper_ct2.stats.chart import draw
from tests.support.known_runs import SOME, failure, said, segment, stats_of, transcript, write_run


class TestFigures:
    def test_totals_count_every_recording_segment_and_character_once(self, tmp_path: Path) -> None:
        total = stats_of(write_run(tmp_path, *SOME)).total
        assert (total.recordings, total.segments, total.characters) == (4, 4, 4 + 4 + 100 + 1)
        assert (total.audio_s, total.segments_s) == (50.0, 20.0)
        assert (total.empty, total.flagged, total.failed) == (1, 1, 3)
        assert total.chars_per_s == 109 / 20

    def test_failures_are_told_by_stage_and_error_the_most_frequent_first(self, tmp_path: Path) -> None:
        failures = stats_of(write_run(tmp_path, *SOME)).failures
        assert [(f.stage, f.error, f.count) for f in failures] == [
            ("decode", "DecodeError", 2),
            ("read", "ManifestError", 1),
        ]

    def test_a_recording_that_failed_twice_or_was_done_later_is_not_counted_again(self, tmp_path: Path) -> None:
        write_run(tmp_path, failure("a.ogg"), failure("b.ogg"))
        lines = [failure("a.ogg", "engine", "TranscribeError"), failure("c.ogg")]
        with (tmp_path / "errors.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(to_json(line) + "\n" for line in lines)
            file.write('{"id": "torn')
        with (tmp_path / "transcripts.jsonl").open("a", encoding="utf-8") as file:
            file.write(to_json(transcript("b.ogg", 1.0, segment(0.0, 1.0, "はい"))) + "\n")
        stats = stats_of(tmp_path)
        assert (stats.total.recordings, stats.total.failed) == (1, 2)
        assert {(f.stage, f.error) for f in stats.failures} == {
            ("engine", "TranscribeError"),
            ("decode", "DecodeError"),
        }

    def test_a_flag_counts_once_a_recording_wherever_it_stands(self, tmp_path: Path) -> None:
        flags = stats_of(write_run(tmp_path, *SOME)).flags
        counts = {flag: (count.segments, count.recordings) for flag, count in flags.items()}
        assert counts == {"empty": (0, 1), "low_logprob": (1, 1), "repetition": (1, 1)}

    def test_a_segment_that_was_lost_has_a_flag_and_neither_speed_nor_score(self, tmp_path: Path) -> None:
        lost = transcript(
            "a.ogg", 4.0, segment(0.0, 2.0, "はいはい"), replace(segment(2.0, 4.0, ""), flags=("overflow",))
        )
        lost = replace(lost, segments=(lost.segments[0], replace(lost.segments[1], avg_logprob=-99.0)))
        stats = stats_of(write_run(tmp_path, lost))
        assert (stats.total.segments, stats.total.flagged, stats.flags["overflow"].segments) == (2, 1, 1)
        assert stats.distributions["avg_logprob"].count == 1
        assert stats.distributions["characters_per_second"].count == 1
        assert [one.text for one in (*stats.extremes["slowest"], *stats.extremes["lowest_logprob"])] == ["はいはい"] * 2

    def test_groups_are_first_folders_or_archives_and_add_up_to_the_total(self, tmp_path: Path) -> None:
        archived = transcript("shard-000.tar/a/1.ogg", 7.0, segment(0.0, 7.0, "はいはい"))
        stats = stats_of(write_run(tmp_path, *SOME, archived))
        assert list(stats.groups) == sorted(["さくら", "先生", "shard-000.tar", "."])
        assert (stats.groups["先生"].recordings, stats.groups["先生"].failed, stats.groups["先生"].empty) == (1, 3, 1)
        assert stats.groups["さくら"].characters == 108
        for name in ("recordings", "audio_s", "segments", "segments_s", "characters", "empty", "flagged", "failed"):
            of_groups = sum(getattr(amount, name) for amount in stats.groups.values())
            assert of_groups == getattr(stats.total, name), name

    def test_without_grouping_there_are_no_groups_and_the_same_totals(self, tmp_path: Path) -> None:
        write_run(tmp_path, *SOME)
        ungrouped = stats_of(tmp_path, group_by="none")
        assert ungrouped.groups == {}
        assert ungrouped.total == stats_of(tmp_path).total

    def test_a_run_without_results_has_figures_of_nothing(self, tmp_path: Path) -> None:
        stats = stats_of(write_run(tmp_path))
        assert stats.total.recordings == 0
        assert set(stats.distributions.values()) == {None}
        assert stats.warnings == ()
        assert "recordings" in as_text(stats)
        draw(stats, tmp_path / "chart.svg")

    def test_a_segment_without_length_has_no_rate(self, tmp_path: Path) -> None:
        odd = transcript("odd.ogg", 0.0, segment(2.0, 2.0, "はい"))
        good = transcript("good.ogg", 2.0, segment(0.0, 2.0, "はい"))
        stats = stats_of(write_run(tmp_path, odd, good, audio_seconds=2.0))
        assert (stats.total.audio_s, stats.total.characters) == (2.0, 4)
        assert said(stats, "characters_per_second").count == 1
        json.dumps(as_json(stats), allow_nan=False)

    def test_a_line_that_no_run_wrote_is_named(self, tmp_path: Path) -> None:
        write_run(tmp_path, *SOME)
        with (tmp_path / "errors.jsonl").open("a", encoding="utf-8") as file:
            file.write('{"id": "x", "stage": "read", "error": 5}\n')
        with pytest.raises(InputError, match=r"errors\.jsonl, line 4: not a line that a run wrote"):
            stats_of(tmp_path)

    @pytest.mark.parametrize("options", [{"top": -1}, {"group_by": "speaker"}])
    def test_options_that_mean_nothing_are_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(InputError):
            StatsOptions(**options)


class TestExtremes:
    def test_a_recording_is_listed_by_its_worst_segment_and_once(self, tmp_path: Path) -> None:
        extremes = stats_of(write_run(tmp_path, *SOME)).extremes
        assert [worst.id for worst in extremes["slowest"]] == ["top.ogg", "さくら/1.ogg", "さくら/長い.ogg"]
        fastest = extremes["fastest"][0]
        assert (fastest.id, fastest.value, fastest.start_s, fastest.end_s) == ("さくら/長い.ogg", 10.0, 5.0, 15.0)
        assert fastest.text == "あ" * 100
        assert [worst.value for worst in extremes["lowest_logprob"]] == [-1.4, -0.5, -0.1]
        assert [worst.value for worst in extremes["highest_compression"]] == [5.0, 0.9, 0.5]

    @pytest.mark.parametrize("top", [0, 1, 7, 1000])
    def test_the_lists_are_the_ends_of_the_sorted_whole(self, tmp_path: Path, top: int) -> None:
        rng = random.Random(top)
        # Few different figures, so that many are equal; those are told apart by the id.
        all_ = [
            transcript(f"{n}.ogg", 1.0, segment(0.0, 1.0, "あ" * rng.randint(1, 9), -rng.randint(1, 9) / 10))
            for n in range(200)
        ]
        extremes = stats_of(write_run(tmp_path, *all_), top=top).extremes
        rate = {one.id: len(one.text) for one in all_}
        logprob = {one.id: one.segments[0].avg_logprob for one in all_}
        for name, key in {
            "slowest": lambda id_: (rate[id_], id_),
            "fastest": lambda id_: (-rate[id_], id_),
            "lowest_logprob": lambda id_: (logprob[id_], id_),
        }.items():
            assert [worst.id for worst in extremes[name]] == sorted(rate, key=key)[:top]


def test_reading_is_followed_recording_by_recording(tmp_path: Path) -> None:
    calls: list[int] = []
    follow: Callable[[], object] = lambda: calls.append(1)  # noqa: E731 - a counter
    run_stats(RunFolder(write_run(tmp_path, *SOME)), on_recording=follow)
    assert len(calls) == 4
