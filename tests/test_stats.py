"""What a run comes to: the figures are right, whole, and can be read."""

from __future__ import annotations

import io
import json
import random
import re
import sys
import xml.etree.ElementTree as ET
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli.stats import stats_command
from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.journal import Journal
from anime_whisper_ct2.lines import read_lines, to_json
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import FrontendOptions, RunOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Failure, Outcome, Segment, Transcript
from anime_whisper_ct2.results import RunFolder
from anime_whisper_ct2.stats import RunStats, StatsOptions, as_json, as_text, run_stats
from anime_whisper_ct2.stats.chart import draw
from anime_whisper_ct2.stats.distribution import PERCENTILES, Distribution, distribution
from anime_whisper_ct2.stats.report import columns
from tests.conftest import CORPUS


def segment(start: float, end: float, text: str, logprob: float = -0.2, ratio: float = 0.9, *flags: str) -> Segment:
    return Segment(start, end, text, logprob, 0.01, ratio, flags)


def transcript(id_: str, duration: float, *segments: Segment, flags: tuple[str, ...] = ()) -> Transcript:
    text = "".join(s.text for s in segments)
    return Transcript(id_, f"corpus/{id_}", duration, "ja", text, segments, flags if segments else ("empty",), {})


def failure(id_: str, stage: str = "decode", error: str = "DecodeError") -> Failure:
    return Failure(id_, f"corpus/{id_}", stage, error, "no audio")


def write_run(folder: Path, *outcomes: Outcome, state: str = "finished", **figures: Any) -> Path:
    done = [each for each in outcomes if isinstance(each, Transcript)]
    counted = {
        "done": len(done),
        "resumed": 0,
        "failed": len(outcomes) - len(done),
        "audio_seconds": sum(each.duration for each in done),
    }
    with Journal(folder, {}) as journal:
        journal.begin({})
        for outcome in outcomes:
            journal.write(outcome)
        journal.finish(state, counted | figures)
    return folder


def stats_of(folder: Path, **options: Any) -> RunStats:
    return run_stats(RunFolder(folder), StatsOptions(**options))


def said(stats: RunStats, name: str) -> Distribution:
    values = stats.distributions[name]
    assert values is not None
    return values


def invoke(*args: object) -> Result:
    return CliRunner().invoke(stats_command, [str(arg) for arg in args])


SOME: tuple[Outcome, ...] = (
    transcript("さくら/1.ogg", 3.0, segment(0.0, 3.0, "おはよう", -0.1)),
    transcript(
        "さくら/長い.ogg",
        40.0,
        segment(1.0, 3.0, "はい そう", -0.3, 0.8),
        segment(5.0, 15.0, "あ" * 100, -1.4, 5.0, "repetition", "low_logprob"),
        flags=("repetition",),
    ),
    transcript("先生/1.ogg", 2.0),
    transcript("top.ogg", 5.0, segment(0.0, 5.0, "え", -0.5, 0.5)),
    failure("先生/2.ogg"),
    failure("先生/3.ogg", "read", "ManifestError"),
    failure("先生/4.ogg"),
)


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


class TestDistributions:
    @pytest.mark.parametrize("seed", range(5))
    def test_percentiles_are_those_of_pandas(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        values = rng.lognormal(1.5, 0.6, size=int(rng.integers(1, 3000)))
        found = distribution(array("d", values))
        assert found is not None
        expected = pd.Series(values).quantile([percent / 100 for percent in PERCENTILES])
        np.testing.assert_allclose(list(found.percentiles.values()), expected, rtol=1e-12)
        assert (found.count, found.smallest, found.largest) == (len(values), values.min(), values.max())
        assert found.mean == pytest.approx(values.mean())

    @pytest.mark.parametrize(
        "values",
        [
            np.random.default_rng(1).lognormal(1.5, 0.6, 5000),
            -np.abs(np.random.default_rng(2).normal(0.25, 0.2, 777)),
            np.array([1.5] * 200 + [1e6]),
            np.array([-3.0]),
            np.array([0.0, 0.0]),
            np.array([1e-7, 2e-7, 3e-7]),
            np.array([0.3, 0.6, 0.9, 1.2]),
            np.append(np.linspace(4, 5, 1000), [-900.0, 30000.0]),
        ],
    )
    def test_a_histogram_holds_every_value_between_round_edges(self, values: Any) -> None:
        found = distribution(array("d", values))
        assert found is not None
        histogram = found.histogram
        assert histogram.below + sum(histogram.counts) + histogram.above == len(values)
        assert histogram.below + histogram.above <= 0.1 * len(values)
        assert len(histogram.edges) == len(histogram.counts) + 1
        assert 1 <= len(histogram.counts) <= 40
        assert tuple(np.histogram(values, histogram.edges)[0]) == histogram.counts
        assert all(len(f"{edge:g}") <= 8 for edge in histogram.edges)

    @pytest.mark.parametrize("count", [40, 1000])
    def test_a_long_tail_does_not_squeeze_the_rest(self, count: int) -> None:
        found = distribution(array("d", [*np.linspace(1, 9, count), 7200.0]))
        assert found is not None
        assert found.histogram.above == 1
        assert found.histogram.edges[-1] <= 10
        assert found.largest == 7200.0

    def test_lengths_are_of_recordings_and_segments_rates_and_logprobs_of_segments(self, tmp_path: Path) -> None:
        stats = stats_of(write_run(tmp_path, *SOME))
        assert {name: said(stats, name).count for name in stats.distributions} == {
            "recording_seconds": 4,
            "segment_seconds": 4,
            "characters_per_second": 4,
            "avg_logprob": 4,
        }
        assert (said(stats, "recording_seconds").largest, said(stats, "segment_seconds").largest) == (40.0, 10.0)
        assert (said(stats, "characters_per_second").smallest, said(stats, "avg_logprob").smallest) == (0.2, -1.4)


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


class TestAgreement:
    def test_a_finished_run_needs_no_word(self, tmp_path: Path) -> None:
        assert stats_of(write_run(tmp_path, *SOME)).warnings == ()

    @pytest.mark.parametrize(
        ("state", "word"), [("interrupted", "was interrupted"), ("failed", "could not go on"), ("running", "going on")]
    )
    def test_a_run_that_did_not_come_to_its_end_says_so(self, tmp_path: Path, state: str, word: str) -> None:
        stats = stats_of(write_run(tmp_path, *SOME, state=state))
        assert stats.state == state
        (warning,) = stats.warnings
        assert word in warning
        assert "the same `awct2 run` command" in warning

    def test_a_run_that_was_killed_has_its_figures_and_a_word(self, tmp_path: Path) -> None:
        with Journal(tmp_path, {}) as journal:
            journal.begin({})
            for outcome in SOME:
                journal.write(outcome)
        stats = stats_of(tmp_path)
        assert (stats.total.recordings, stats.total.failed) == (4, 3)
        (warning,) = stats.warnings
        assert "going on" in warning

    def test_lines_that_are_gone_or_changed_are_noticed(self, tmp_path: Path) -> None:
        write_run(tmp_path, *SOME)
        path = tmp_path / "transcripts.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[:-1]), encoding="utf-8")
        (warning,) = stats_of(tmp_path).warnings
        assert "transcripts.jsonl holds 3 recordings, run.json counts 4" in warning
        path.write_text("".join(lines).replace('"duration": 40.0', '"duration": 41.0'), encoding="utf-8")
        (warning,) = stats_of(tmp_path).warnings
        assert "51.000 s of audio" in warning

    def test_results_of_earlier_runs_are_explained(self, tmp_path: Path) -> None:
        (warning,) = stats_of(write_run(tmp_path, *SOME, done=1)).warnings
        assert "earlier runs" in warning
        assert stats_of(write_run(tmp_path / "again", *SOME, done=1, resumed=3)).warnings == ()

    @pytest.mark.parametrize("content", [None, "no json", "{}", '{"state": "finished", "done": "many"}'])
    def test_a_missing_or_foreign_run_json_stops_nothing(self, tmp_path: Path, content: str | None) -> None:
        write_run(tmp_path, *SOME)
        (tmp_path / "run.json").unlink()
        if content is not None:
            (tmp_path / "run.json").write_text(content, encoding="utf-8")
        stats = stats_of(tmp_path)
        assert stats.total.recordings == 4
        assert len(stats.warnings) == (0 if content and "finished" in content else 1)

    def test_of_a_file_alone_nothing_is_asked_but_its_lines(self, tmp_path: Path) -> None:
        write_run(tmp_path, *SOME)
        (tmp_path / "transcripts.jsonl").rename(tmp_path / "mine.jsonl")
        stats = stats_of(tmp_path / "mine.jsonl")
        assert (stats.total.recordings, stats.total.failed, stats.state, stats.warnings) == (4, 0, None, ())


class TestText:
    def test_tables_are_aligned_for_wide_characters(self, tmp_path: Path) -> None:
        one = segment(0.0, 2.0, "はい")
        names = ("a", "キャラクターＡ", "ﾊﾝｶｸ", "か\u3099くせい", "😀")
        write_run(tmp_path, *(transcript(f"{name}/1.ogg", 2.0, one) for name in names))
        text = as_text(stats_of(tmp_path)).splitlines()
        head = next(n for n, line in enumerate(text) if line.startswith("groups"))
        assert {columns(line) for line in text[head : head + 6]} == {columns(text[head])}
        listed = next(n for n, line in enumerate(text) if line.startswith("Slowest")) + 1
        before = {columns(line.partition("0.00-2.00 s")[0]) for line in text[listed : listed + 5]}
        assert len(before) == 1

    @pytest.mark.parametrize(
        ("text", "wide"), [("abc", 3), ("さくら", 6), ("ﾊﾝｶｸ", 4), ("Ａ", 2), ("か\u3099", 2), ("「…」", 5), ("", 0)]
    )
    def test_the_columns_of_a_text(self, text: str, wide: int) -> None:
        assert columns(text) == wide

    def test_only_the_largest_groups_are_shown_and_the_rest_counted(self, tmp_path: Path) -> None:
        write_run(tmp_path, *(transcript(f"g{n:03}/1.ogg", 1.0 + n, segment(0.0, 1.0, "はい")) for n in range(100)))
        text = as_text(stats_of(tmp_path, top=0))
        assert "and 70 smaller groups" in text
        assert text.index("g099") < text.index("g070")
        assert "g069" not in text

    def test_names_that_would_break_a_terminal_are_escaped(self, tmp_path: Path) -> None:
        id_ = "bad\x1b[2J\n\udcff　名.ogg"
        text = as_text(stats_of(write_run(tmp_path, transcript(id_, 1.0, segment(0.0, 1.0, "はい\r")))))
        assert "bad\\x1b[2J\\n\\udcff　名.ogg" in text
        assert "\x1b" not in text
        assert "\r" not in text

    def test_a_long_text_is_cut_to_the_same_width(self, tmp_path: Path) -> None:
        write_run(tmp_path, transcript("a.ogg", 9.0, segment(0.0, 9.0, "あ" * 500)))
        line = next(line for line in as_text(stats_of(tmp_path)).splitlines() if "a.ogg" in line)
        assert line.endswith("あ…")
        assert columns(line) < 100


class TestCommand:
    def test_tables_on_standard_output_and_warnings_beside(self, tmp_path: Path) -> None:
        result = invoke(write_run(tmp_path, *SOME, state="interrupted"))
        assert result.exit_code == 0, result.output
        for part in ("さくら", "decode, DecodeError", "repetition", "Lowest log-probability", "0.00-3.00 s"):
            assert part in result.stdout
        assert result.stderr.startswith("Warning: run.json says that the run was interrupted")
        assert result.stderr.count("\n") == 1

    def test_json_holds_all_that_was_counted(self, tmp_path: Path) -> None:
        result = invoke(write_run(tmp_path, *SOME), "--json", "--top", 1)
        content = json.loads(result.stdout)
        assert (content["recordings"], content["characters"], content["hours"]) == (4, 109, round(50 / 3600, 6))
        assert content["failures"][0] == {"stage": "decode", "error": "DecodeError", "count": 2}
        assert content["flags"]["repetition"] == {"segments": 1, "recordings": 1}
        assert content["groups"]["先生"]["failed"] == 3
        (slowest,) = content["extremes"]["slowest"]
        assert slowest == {"value": 0.2, "id": "top.ogg", "start": 0.0, "end": 5.0, "text": "え"}
        spread = content["distributions"]["recording_seconds"]
        assert set(spread["percentiles"]) == {str(percent) for percent in PERCENTILES}
        assert sum(spread["histogram"]["counts"]) == spread["count"] == 4
        assert (content["state"], content["warnings"]) == ("finished", [])

    def test_an_id_that_is_no_utf8_survives_the_json(self, tmp_path: Path) -> None:
        id_ = "\udc8b/1.ogg"
        result = invoke(write_run(tmp_path, transcript(id_, 1.0, segment(0.0, 1.0, "はい"))), "--json")
        content = json.loads(result.stdout)
        assert content["extremes"]["slowest"][0]["id"] == id_
        assert list(content["groups"]) == ["\udc8b"]

    @pytest.mark.parametrize("args", [[], ["--json"]])
    def test_a_terminal_that_knows_no_japanese_gets_escapes(
        self, tmp_path: Path, args: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
        stats_command.main([str(write_run(tmp_path, *SOME)), *args], standalone_mode=False)
        sys.stdout.flush()
        assert rb"\u3055\u304f\u3089" in written.getvalue()

    def test_what_is_no_run_is_refused_as_wrong_usage(self, tmp_path: Path) -> None:
        error = invoke(tmp_path / "absent").exception
        assert isinstance(error, InputError)
        assert (error.exit_code, "absent: no results of a run" in str(error)) == (2, True)

    @pytest.mark.parametrize("args", [["--top", "-1"], ["--group-by", "speaker"]])
    def test_options_that_cannot_be_honoured_are_refused(self, tmp_path: Path, args: list[str]) -> None:
        assert invoke(write_run(tmp_path, *SOME), *args).exit_code == 2

    def test_stats_of_a_real_run_agree_with_its_files(self, tiny_model: Path, tmp_path: Path) -> None:
        out, chart = tmp_path / "out", tmp_path / "chart.svg"
        CorpusRun(
            Corpus((str(CORPUS),)),
            out,
            open_model_dir(tiny_model),
            RunOptions(frontend=FrontendOptions(workers=0)),
            open_engine=lambda _model, _options: FakeEngine(),
        ).run()
        result = invoke(out, "--json", "--plot", chart)
        assert (result.exit_code, result.stderr) == (0, "")
        content = json.loads(result.stdout)
        about = json.loads((out / "run.json").read_text(encoding="utf-8"))
        lines = pd.DataFrame(read_lines(out / "transcripts.jsonl"))
        segments = pd.DataFrame(segment for line in lines["segments"] for segment in line)
        assert content["recordings"] == about["done"] == len(lines)
        assert content["hours"] == pytest.approx(about["audio_seconds"] / 3600, abs=1e-6)
        assert content["characters"] == segments["text"].str.len().sum()
        assert content["groups"].keys() == set(lines["id"].str.partition("/")[0])
        rates = segments["text"].str.len() / (segments["end"] - segments["start"])
        spread = content["distributions"]["characters_per_second"]
        assert spread["percentiles"]["50"] == pytest.approx(rates.median(), abs=1e-6)
        assert ET.parse(chart).getroot().tag.endswith("svg")


class TestChart:
    @pytest.fixture
    def stats(self, tmp_path: Path) -> RunStats:
        rng = random.Random(3)
        drawn = [round(rng.lognormvariate(1.5, 0.6), 3) for _ in range(500)] + [900.0]
        each = (transcript(f"{n}.ogg", s, segment(0.0, s, "あ" * 20, -rng.random())) for n, s in enumerate(drawn))
        return stats_of(write_run(tmp_path / "run", *each))

    def test_an_svg_is_valid_xml_with_a_panel_for_each_distribution(self, stats: RunStats, tmp_path: Path) -> None:
        draw(stats, tmp_path / "chart.svg")
        root = ET.parse(tmp_path / "chart.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        texts = [text for element in root.iter("{http://www.w3.org/2000/svg}text") if (text := element.text)]
        for title in ("Length of recordings", "Length of segments", "Speaking rate", "Log-probability"):
            assert title in texts
        assert any(re.search(r"; \d+ above, to 900\.00$", text) for text in texts)
        assert any(text.startswith("501 recordings") for text in texts)

    @pytest.mark.parametrize("name", ["chart.svg", "chart.PNG"])
    def test_the_same_figures_give_the_same_bytes_and_nothing_is_left_beside(
        self, stats: RunStats, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "charts").mkdir()
        path = tmp_path / "charts" / name
        draw(stats, path)
        first = path.read_bytes()
        draw(stats, path)
        assert path.read_bytes() == first
        assert list(path.parent.iterdir()) == [path]

    def test_a_png_is_a_picture_with_something_on_it(self, stats: RunStats, tmp_path: Path) -> None:
        from matplotlib import image

        draw(stats, tmp_path / "chart.png")
        pixels = image.imread(tmp_path / "chart.png")
        assert pixels.shape[:2] == (960, 1500)
        assert 0.05 < (pixels[..., :3].min(axis=2) < 0.9).mean() < 0.9

    def test_a_chart_that_cannot_be_drawn_is_refused_before_anything_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refusal(path: Path) -> str:
            error = invoke(tmp_path / "absent", "--plot", path).exception
            assert isinstance(error, InputError)
            return str(error)

        assert "name a .svg or a .png file" in refusal(tmp_path / "chart.jpg")
        assert "there is no folder" in refusal(tmp_path / "nowhere" / "chart.svg")
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        assert "pip install 'anime-whisper-ct2[plot]'" in refusal(tmp_path / "chart.svg")

    def test_a_full_disk_leaves_the_earlier_chart(
        self, stats: RunStats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "chart.svg"
        path.write_text("earlier", encoding="utf-8")
        monkeypatch.setattr(Path, "replace", full_disk)
        with pytest.raises(OutputError, match="No space left"):
            draw(stats, path)
        assert path.read_text(encoding="utf-8") == "earlier"
        assert not (tmp_path / "chart.svg.new").exists()


def full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_reading_is_followed_recording_by_recording(tmp_path: Path) -> None:
    calls: list[int] = []
    follow: Callable[[], object] = lambda: calls.append(1)  # noqa: E731 - a counter
    run_stats(RunFolder(write_run(tmp_path, *SOME)), on_recording=follow)
    assert len(calls) == 4
