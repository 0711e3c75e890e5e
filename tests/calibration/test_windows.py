"""A short window is trusted only after it was measured, and the decision is what the figures say."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from anime_whisper_ct2.calibration import Calibration, CalibrationOptions, calibrate, write_profile
from anime_whisper_ct2.calibration.report import as_json, as_table, verdicts
from anime_whisper_ct2.calibration.rises import Rise
from anime_whisper_ct2.calibration.windows import TailResult
from anime_whisper_ct2.cli import main
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.executors.audit import Calibrated
from anime_whisper_ct2.features.windows import PROFILE, WindowLength, window_length
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, FrontendOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Decoded, Window
from tests.support.files import contents
from tests.support.held import Holders
from tests.support.places import CORPUS, SAMPLE
from tests.support.sounds import tone

ONE_WORKER = FrontendOptions(workers=1)


def measured(*results: tuple[float, float, int, float]) -> Calibration:
    tails = tuple(TailResult(tail, cer, cer, loops, 0.0, speed) for tail, cer, loops, speed in results)
    return Calibration(100, 500.0, 10.0, 1, tails, max_cer=0.5)


def referred(*results: tuple[float, float, int, float, float, float]) -> Calibration:
    """Tail, CER against 30 s, loops, speed, the rise, and half of its interval's width."""
    tails = tuple(
        TailResult(
            *(tail, cer, cer, loops, 0.0, speed),
            cer_before_interval=(cer - 1, cer + 1),
            rise=Rise(points, (points - half, points + half), 500, 10 + points, 10.0),
        )
        for tail, cer, loops, speed, points, half in results
    )
    return Calibration(600, 500.0, 10.0, 1, tails, max_cer=0.5, references=500, max_cer_rise=0.3)


class TestDecision:
    def test_the_fastest_that_passes_is_chosen(self) -> None:
        chosen = measured((0.64, 3.0, 0, 50.0), (1.28, 0.4, 1, 40.0), (2.56, 0.1, 1, 30.0)).chosen
        assert chosen is not None
        assert chosen.tail_s == 1.28

    def test_more_loops_than_at_30_s_do_not_pass(self) -> None:
        assert measured((1.28, 0.4, 2, 40.0)).chosen is None

    def test_none_passing_says_by_how_much(self) -> None:
        verdict = verdicts(measured((0.64, 3.0, 0, 50.0), (2.56, 0.8, 5, 30.0)))[0]
        assert "No tail passed" in verdict
        assert "2.56 s, differs in 0.80 %" in verdict

    @pytest.mark.parametrize(("clips", "warned"), [(49, True), (50, False)])
    def test_few_clips_are_said_to_be_few(self, clips: int, warned: bool) -> None:
        few = replace(measured((1.28, 0.4, 1, 40.0)), clips=clips)
        assert any("Only 49 clips" in line for line in verdicts(few)) is warned

    def test_the_table_has_a_row_for_each_window(self) -> None:
        assert len(as_table(measured((1.28, 0.4, 1, 40.0), (2.56, 0.1, 1, 30.0))).splitlines()) == 5


class TestTwoRules:
    WORSE, UNCLEAR = (0.64, 9.0, 0, 50.0, 1.0, 0.5), (1.28, 5.0, 0, 40.0, 0.1, 0.4)
    GOOD, EQUAL = (2.56, 3.0, 1, 30.0, 0.0, 0.2), (5.12, 0.1, 1, 20.0, 0.0, 0.1)

    def test_texts_that_are_as_good_pass_and_the_fastest_is_taken_by_whichever_rule(self) -> None:
        both = referred(self.WORSE, self.UNCLEAR, self.GOOD, self.EQUAL)
        assert both.chosen is not None
        assert (both.chosen.tail_s, both.rule) == (2.56, "cer_rise")
        equal = referred(self.WORSE, self.EQUAL)
        assert equal.chosen is not None
        assert (equal.chosen.tail_s, equal.rule) == (5.12, "equal_texts")

    def test_loops_count_with_either_rule(self) -> None:
        looping = (2.56, 3.0, 2, 30.0, 0.0, 0.2)
        assert referred(looping).chosen is None
        # No number of references would help.
        assert not any("undecided" in line for line in verdicts(referred(looping)))

    def test_the_verdict_names_the_rule_with_its_figures(self) -> None:
        good = verdicts(referred(self.GOOD))[0]
        assert "as its texts are as good: over 500 clips with a reference, the CER changes by 0.00 points" in good
        assert "(95 %: -0.20 to +0.20; it may rise by 0.3)" in good
        assert "by equal texts: 0.10 % of the characters differ" in verdicts(referred(self.EQUAL))[0]
        refuted = verdicts(referred(self.WORSE))
        assert "No tail passed" in refuted[0]
        assert "the CER changes by +1.00 points (95 %: +0.50 to +1.50" in refuted[0]

    def test_where_it_is_undecided_it_is_said_how_many_clips_would_decide_and_how(self) -> None:
        (line,) = verdicts(referred(self.WORSE, self.UNCLEAR))[1:]
        assert line.startswith("A tail of 1.28 s is undecided")
        assert line.endswith(
            "Some 4,100 clips with a reference would decide, and probably accept it; measure them with --clips 4100."
        )
        (line,) = verdicts(referred((1.28, 5.0, 0, 40.0, 0.6, 0.4)))[1:]
        assert line.endswith("and probably refuse it; measure them with --clips 1900.")
        (line,) = verdicts(referred((1.28, 5.0, 0, 40.0, 0.3, 0.4)))[1:]
        assert line.endswith("It takes more than 1,000,000 clips with a reference to decide.")

    def test_of_tails_that_would_be_slower_nothing_is_wanted(self) -> None:
        equal, slower = (2.56, 0.1, 1, 30.0, 0.0, 0.1), (5.12, 3.0, 0, 20.0, 0.1, 0.4)
        assert len(verdicts(referred(equal, slower))) == 1

    def test_texts_that_references_refute_do_not_pass_however_equal_they_are(self) -> None:
        refuted = (1.28, 0.4, 0, 40.0, 0.45, 0.1)
        assert referred(refuted).chosen is None
        (line,) = verdicts(referred(refuted))
        assert "differs in 0.40 % of the characters (at most 0.5 % may) with 0 loops (30 s: 1), but over 500" in line
        assert "the CER changes by +0.45 points (95 %: +0.35 to +0.55" in line
        both = referred(refuted, self.EQUAL)
        assert both.rule == "equal_texts"
        (line,) = verdicts(both)[1:]
        assert line.startswith("A tail of 1.28 s failed: 0.40 % of the characters differ from 30 s (at most 0.5 % may)")
        assert "+0.45 points" in line
        # Too few of them refute nothing.
        few = replace(both.results[0], rise=Rise(0.45, (0.35, 0.55), 29, 10.45, 10.0))
        assert replace(both, results=(few, both.results[1])).chosen is few

    def test_a_shorter_tail_has_its_chance_only_where_every_longer_one_passed(self) -> None:
        good, held = self.GOOD, (1.28, 5.0, 0, 40.0, 0.0, 0.2)
        for longer in ((5.12, 4.0, 0, 20.0, 0.1, 0.4), (5.12, 4.0, 0, 20.0, 1.0, 0.5), (5.12, 4.0, 2, 20.0, 0.0, 0.2)):
            both = referred(held, good, longer)
            assert both.chosen is None
            assert [(one.outcome, one.after_s) for one in both.decisions[:2]] == [("undecided", 5.12)] * 2
            lines = verdicts(both)
            assert any(
                line.startswith("A tail of 1.28 s is undecided: over 500 clips")
                and line.endswith("as the longer tail of 5.12 s, which is tried before it, did not pass.")
                for line in lines
            )
        # One that passes is in nobody's way, by whichever rule, and the order of the results says nothing.
        for results in ((held, good, self.EQUAL), (self.EQUAL, good, held)):
            free = referred(*results)
            assert free.chosen is not None
            assert (free.chosen.tail_s, free.rule) == (1.28, "cer_rise")

    def test_equal_texts_pass_whatever_longer_tails_do_and_what_is_in_the_way_is_told(self) -> None:
        undecided, held = (5.12, 4.0, 0, 20.0, 0.1, 0.4), (1.28, 5.0, 0, 40.0, 0.0, 0.2)
        found = referred(held, (2.56, 0.1, 1, 30.0, 0.0, 0.1), undecided)
        assert (found.chosen, found.rule) == (found.results[1], "equal_texts")
        assert [line[:16] for line in verdicts(found)[1:]] == ["A tail of 1.28 s", "A tail of 5.12 s"]

    def test_the_table_and_the_json_have_the_rise_where_there_are_references(self) -> None:
        both = referred(self.WORSE, self.UNCLEAR)
        head, _, full, first, second = as_table(both).splitlines()
        assert head.endswith("| speed | CER, % | above 30 s | 95 % |")
        assert full.endswith("| 10.0 | 10.00 |  |  |")
        assert first.endswith("| 50.0 | 11.00 | +1.00 | +0.50 – +1.50 |")
        assert second.endswith("| 40.0 | 10.10 | +0.10 | -0.30 – +0.50 |")
        assert as_table(measured((1.28, 0.4, 1, 40.0))).splitlines()[0].endswith("| speed |")
        results = json.loads(json.dumps(as_json(both)))["results"]
        told = [(one["rule"], one["outcome"], one["rise"].get("clips_to_decide")) for one in results]
        assert told == [(None, "failed", None), (None, "undecided", 4100)]
        (held, _) = as_json(referred(self.GOOD, (5.12, 4.0, 0, 20.0, 1.0, 0.5)))["results"]
        assert (held["rule"], held["outcome"], held["after_s"]) == (None, "undecided", 5.12)
        # The references alone would accept it, so that no number of them is missing.
        assert held["rise"]["outcome"] == "passed"
        assert "clips_to_decide" not in held["rise"]
        assert json.loads(json.dumps(as_json(measured((1.28, 0.4, 1, 40.0)))))["chosen"]["rule"] == "equal_texts"


@pytest.fixture
def corpus(write_tone: Callable[..., Path]) -> Corpus:
    for n in range(12):
        write_tone(f"clips/{n:02}.wav", 0.5 + n * 0.4)
    write_tone("clips/long.wav", 45.0)
    (write_tone("clips/x.wav", 0.2).parent / "broken.ogg").write_bytes(b"no")
    return Corpus((str(write_tone("clips/x.wav", 0.2).parent),))


class ShortSighted:
    """Writes another last letter wherever the tail is shorter than `needs` frames."""

    def __init__(self, needs: int) -> None:
        self.needs = needs
        self.engine = FakeEngine(self.decode, batch_size=4)

    def decode(self, window: Window) -> Decoded:
        batch = next(batch for batch in reversed(self.engine.batches) if window in batch.windows)
        good = batch.frames - window.mel.values.shape[1] >= self.needs
        text = f"{window.end_s:.2f} {'はい' if good else 'はあ'}"
        return Decoded(text, (1,), -0.1, 0.0)


def test_the_tail_that_the_model_needs_is_found(corpus: Corpus) -> None:
    fake = ShortSighted(needs=256)
    result = calibrate(fake.engine, corpus, CalibrationOptions(clips=50), frontend=ONE_WORKER)
    fake.engine.close()
    assert result.clips == 13  # neither the long recording nor the broken one
    assert [r.cer == 0 for r in result.results] == [False, False, True, True]
    assert result.chosen is not None
    assert result.chosen.tail_s >= 2.56


def test_second_looks_are_those_of_a_run(corpus: Corpus) -> None:
    """A loop of lines is mended in a longer window, laughter at 30 s; both count in the speed and change no text."""

    class Looping(ShortSighted):
        """Loops where the tail is too short: on clips beyond 2 s with a line, else with laughter."""

        def decode(self, window: Window) -> Decoded:
            right = super().decode(window)
            if not right.text.endswith("はあ"):
                return right
            return replace(right, text="待って、行かないで。" * 8 if window.end_s > 2 else "あ" * 40)

    fake = Looping(needs=500)
    result = calibrate(fake.engine, corpus, CalibrationOptions(clips=50, tails_s=(1.28,)), frontend=ONE_WORKER)
    fake.engine.close()
    (tail,) = result.results
    assert (tail.cer, tail.loops, tail.loops_before, tail.redone) == (0.0, 0, 13, 100.0)
    assert tail.cer_before > 100
    again = [
        window
        for batch in fake.engine.batches
        for window in batch.windows
        if batch.frames - window.mel.values.shape[1] >= 500 and batch.frames < 3000
    ]
    assert again
    assert all(window.end_s > 2 for window in again)


def test_a_sample_spans_all_lengths(corpus: Corpus) -> None:
    fake = ShortSighted(needs=0)
    result = calibrate(fake.engine, corpus, CalibrationOptions(clips=4, tails_s=(2.56,)), frontend=ONE_WORKER)
    lengths = {window.end_s for batch in fake.engine.batches for window in batch.windows}
    fake.engine.close()
    assert result.clips == 4
    assert max(lengths) - min(lengths) > 1.5


def test_a_corpus_of_long_recordings_is_refused(write_tone: Callable[..., Path]) -> None:
    engine = FakeEngine()
    with pytest.raises(InputError, match="no clip of up to 30 s"):
        calibrate(engine, Corpus((str(write_tone("long.wav", 40.0)),)), frontend=ONE_WORKER)
    engine.close()


def test_a_profile_makes_auto_fit_and_its_absence_full(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    engine = FakeEngine()
    write_profile(open_model_dir(folder), measured((1.28, 0.4, 1, 40.0)), engine)
    model = open_model_dir(folder)
    assert window_length(DecodingOptions().window, None, model.awct2) == WindowLength("fit", 1.28)
    assert model.fingerprint == open_model_dir(tiny_model).fingerprint
    write_profile(model, measured((1.28, 9.0, 1, 40.0)), engine)
    assert window_length("auto", None, open_model_dir(folder).awct2).mode == "full"
    assert open_model_dir(folder).awct2 == open_model_dir(tiny_model).awct2
    engine.close()


@pytest.mark.parametrize("rule", ["equal_texts", "cer_rise"])
def test_the_profile_records_the_rule_that_it_passed(tiny_model: Path, tmp_path: Path, rule: str) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    engine = FakeEngine()
    tail = TestTwoRules.EQUAL if rule == "equal_texts" else TestTwoRules.GOOD
    write_profile(open_model_dir(folder), referred(tail), engine)
    engine.close()
    awct2 = open_model_dir(folder).awct2
    profile = awct2[PROFILE]
    assert (profile["rule"], profile["max_cer"]) == (rule, 0.5)
    rises = {"cer_rise": 0.0, "cer_rise_interval": [-0.2, 0.2], "max_cer_rise": 0.3, "references": 500}
    if rule == "equal_texts":
        # What references said of it is kept, too.
        rises["cer_rise_interval"] = [-0.1, 0.1]
    assert {key: profile[key] for key in rises} == rises
    length = window_length("auto", None, awct2)
    assert length == WindowLength("fit", tail[0])
    # What first texts differed in, at the upper end; by equal texts at least what would have passed.
    calibrated = Calibrated.of(awct2, length)
    assert (calibrated.rule, calibrated.allowed) == (rule, tail[1] + 1)
    # None of 600 first texts looped, which shows that few do, and not that none does.
    assert calibrated.allowed_loops == pytest.approx(0.64, abs=0.01)


def test_the_command_takes_references_and_draws_the_rise(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    args = ["calibrate", str(folder), str(CORPUS), "--references", str(SAMPLE / "references.jsonl")]
    args += ["--clips", "12", "--tail", "2.56", "--device", "cpu"]
    more = ["--max-cer", "0", "--max-cer-rise", "0.1", "--json"]
    result = CliRunner().invoke(main, [*args, *more, "--plot", str(tmp_path / "tails.svg")])
    assert result.exit_code in (0, 3), result.output
    told = json.loads(result.stdout)
    assert (told["clips"], told["references"], told["max_cer_rise"]) == (12, 12, 0.1)
    (tail,) = told["results"]
    assert tail["rise"]["clips"] == 12
    assert "12 of them with a reference" in result.stderr
    # matplotlib draws letters as shapes, and names them in comments.
    assert "CER above 30 s, points" in (tmp_path / "tails.svg").read_text(encoding="utf-8")


def test_a_bound_for_the_rise_is_refused_without_references(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(tone(0.1).tobytes())
    result = CliRunner().invoke(main, ["calibrate", str(tiny_model), str(tmp_path), "--max-cer-rise", "0.5"])
    assert result.exit_code == 2
    assert "--max-cer-rise is for --references" in result.output
    with pytest.raises(InputError, match="give 0 to 100"):
        CalibrationOptions(max_cer_rise=float("nan"))


def test_the_command_measures_decides_and_draws(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    chart = tmp_path / "tails.SVG"
    args = [
        "calibrate",
        str(folder),
        str(CORPUS),
        "--clips",
        "12",
        "--tail",
        "2.56",
        "--tail",
        "5.12",
        "--max-cer",
        "5",
    ]
    result = CliRunner().invoke(main, [*args, "--plot", str(chart), "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert "| clip + 2.56 s |" in result.stdout
    assert "passed" in result.stderr
    assert ET.parse(chart).getroot().tag.endswith("svg")
    assert json.loads((folder / "awct2.json").read_text(encoding="utf-8"))["window_profile"]["clips"] == 12


def test_a_chart_of_another_kind_is_refused_before_anything_is_measured(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(tone(0.1).tobytes())
    result = CliRunner().invoke(main, ["calibrate", str(tiny_model), str(tmp_path), "--plot", "chart.jpg"])
    assert result.exit_code == 2
    assert "name a .svg or a .png" in result.output


def test_what_was_measured_goes_into_a_file_that_somebody_reads_or_the_error_says_where_it_is(
    tiny_model: Path, tmp_path: Path, holders: Holders
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    engine = FakeEngine()
    holders.hold(folder / "awct2.json")
    write_profile(open_model_dir(folder), measured((1.28, 0.4, 1, 40.0)), engine)
    assert window_length("auto", None, open_model_dir(folder).awct2) == WindowLength("fit", 1.28)
    before = contents(folder)
    holders.let_go()
    holders.hold(folder / "awct2.json", shared=False)
    with pytest.raises(
        OutputError, match=r"awct2\.json cannot be written: .*what was measured is in .*awct2\.json\.new"
    ):
        write_profile(open_model_dir(folder), measured((2.56, 0.4, 1, 40.0)), engine)
    kept = contents(folder).pop("awct2.json.new")
    assert json.loads(kept)[PROFILE]["tail_s"] == 2.56
    assert {**contents(folder), "awct2.json.new": b""} == {**before, "awct2.json.new": b""}
    # What lies there now is no later measurement's.
    holders.hold(folder / "awct2.json.new", shared=False)
    with pytest.raises(OutputError, match=r"awct2\.json cannot be written: ") as raised:
        write_profile(open_model_dir(folder), measured((0.64, 0.4, 1, 40.0)), engine)
    assert "what was measured" not in str(raised.value)
    engine.close()


@pytest.mark.posix("links")
def test_a_model_of_links_into_a_cache_gets_a_file_of_its_own(tiny_model: Path, tmp_path: Path) -> None:
    blobs = shutil.copytree(tiny_model, tmp_path / "blobs")
    folder = tmp_path / "model"
    folder.mkdir()
    for path in blobs.iterdir():
        (folder / path.name).symlink_to(path)
    before = contents(blobs)
    engine = FakeEngine()
    write_profile(open_model_dir(folder), measured((1.28, 0.4, 1, 40.0)), engine)
    engine.close()
    assert contents(blobs) == before
    assert window_length("auto", None, open_model_dir(folder).awct2) == WindowLength("fit", 1.28)
