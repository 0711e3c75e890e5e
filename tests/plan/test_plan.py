"""A plan says what a run would come to, does nothing, and is right where it has read everything."""

from __future__ import annotations

import json
import math
import random
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli.plan import plan_options, plan_text, read_plan_options
from anime_whisper_ct2.cli.printing import say
from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions, FrontendOptions, RunOptions, SegmentOptions
from anime_whisper_ct2.output.lines import read_lines
from anime_whisper_ct2.plan import Bucket, Estimate, Plan, PlanOptions, find_model, plan_run
from anime_whisper_ct2.plan.figures import estimate, windows_of
from anime_whisper_ct2.readers import Corpus
from tests.support.places import CORPUS

CPU = EngineOptions(device="cpu")
FIT = DecodingOptions(window="fit", tail_s=2.0)
NO_MODEL = "nobody/no-model"


def plan_of(
    *inputs: Path, out: Path | None = None, sample: int = 2_000, rate: float | None = None, **more: Any
) -> Plan:
    options = RunOptions(**{"engine": CPU, **more})
    return plan_run(Corpus(tuple(map(str, inputs))), out, NO_MODEL, options, PlanOptions(sample, rate))


def execute(corpus: Path, out: Path, model: Path, limit: int | None = None) -> None:
    options = RunOptions(frontend=FrontendOptions(workers=0))
    CorpusRun(
        Corpus((str(corpus),), limit=limit),
        out,
        open_model_dir(model),
        options,
        open_engine=lambda _m, _o: FakeEngine(),
    ).run()


def tar_of(folder: Path, path: Path) -> Path:
    with tarfile.open(path, "w") as tar:
        for file in sorted(folder.iterdir()):
            tar.add(file, file.name)
    return path


def test_a_corpus_that_was_read_whole_is_known_exactly(corpus: Path) -> None:
    plan = plan_of(corpus)
    size = sum(path.stat().st_size for path in corpus.iterdir())
    assert (plan.found, plan.todo, plan.read, plan.unreadable, plan.unknown) == (6, 6, 6, 0, 0)
    assert plan.audio_s == Estimate(10.5, 10.5, 10.5)
    assert plan.bytes == Estimate(size, size, size)
    assert {(one.from_s, one.recordings) for one in plan.lengths if one.recordings} == {(0, 1), (1, 2), (2, 2), (3, 1)}
    assert sum(one.audio_s for one in plan.lengths) == pytest.approx(10.5)


def test_the_plan_of_the_sample_corpus_is_what_a_run_finds(tmp_path: Path, tiny_model: Path) -> None:
    plan = plan_of(CORPUS)
    execute(CORPUS, tmp_path / "out", tiny_model)
    durations = [line["duration"] for line in read_lines(tmp_path / "out" / "transcripts.jsonl")]
    assert (plan.found, plan.unknown) == (len(durations), 0)
    # MP3 headers count samples that the encoder has put before and behind.
    assert plan.audio_s.value == pytest.approx(sum(durations), rel=0.01)


def test_tars_give_the_same_plan_as_folders(corpus: Path, tmp_path: Path) -> None:
    of_files, of_tar = plan_of(corpus), plan_of(tar_of(corpus, tmp_path / "corpus.tar"))
    assert of_tar.audio_s == of_files.audio_s
    assert of_tar.bytes == of_files.bytes
    assert of_tar.buckets == of_files.buckets


def test_audio_in_a_table_gives_the_same_plan_as_files(corpus: Path, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [{"bytes": path.read_bytes(), "path": path.name} for path in sorted(corpus.iterdir())]
    parquet.write_table(pyarrow.table({"audio": rows}), tmp_path / "corpus.parquet")
    of_files, of_table = plan_of(corpus), plan_of(tmp_path / "corpus.parquet")
    assert (of_table.audio_s, of_table.bytes) == (of_files.audio_s, of_files.bytes)


def test_nothing_is_written(corpus: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    plan_of(corpus, out=tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_an_earlier_run_has_done_is_not_planned(corpus: Path, tmp_path: Path, tiny_model: Path) -> None:
    (corpus / "0broken.ogg").write_bytes(b"OggS and no more")
    execute(corpus, tmp_path / "out", tiny_model, limit=3)
    plan = plan_of(corpus, out=tmp_path / "out")
    assert (plan.found, plan.resumed, plan.failed_before, plan.todo) == (7, 2, 1, 4)
    assert plan.audio_s.value == 1.5 + 2 + 2.5 + 3
    again = plan_of(corpus, out=tmp_path / "out", retry_failed=True)
    assert (again.failed_before, again.todo, again.unreadable) == (0, 5, 1)
    assert again.audio_s.value == plan.audio_s.value
    assert plan_of(corpus, out=tmp_path / "out", overwrite=True).todo == 7


def test_results_that_no_run_wrote_are_named(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "transcripts.jsonl").write_text("[]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"transcripts\.jsonl: not what a run wrote"):
        plan_of(corpus, out=tmp_path / "out")


def test_a_sample_gives_the_same_interval_each_time_and_the_truth_lies_in_it(
    tmp_path: Path, write_tone: Callable[..., Path]
) -> None:
    shuffled = random.Random(3)
    lengths = [shuffled.uniform(0.1, 0.6) for _ in range(120)]
    for n, length in enumerate(lengths):
        write_tone(f"many/{n}.wav", length, 8_000)
    plan = plan_of(tmp_path / "many", sample=40)
    assert (plan.todo, plan.read) == (120, 40)
    assert plan.audio_s.low < sum(lengths) < plan.audio_s.high
    assert plan.audio_s.low < plan.audio_s.value < plan.audio_s.high
    assert plan == plan_of(tmp_path / "many", sample=40)
    assert sum(bucket.windows for bucket in plan.buckets) == 120


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    everything = generator.lognormal(1.4, 0.5, 5_000)
    within = 0
    for _ in range(400):
        found = estimate(generator.choice(everything, 200, replace=False).tolist(), len(everything))
        within += found.low <= everything.sum() <= found.high
    assert 0.91 <= within / 400 <= 0.98


def test_fitted_windows_are_counted_by_their_length(corpus: Path) -> None:
    # 0.5 to 3.0 s and a tail of 2 s, in steps of 0.64 s, of which 2.56 s alone is never used.
    plan = plan_of(corpus, decoding=FIT, engine=EngineOptions(device="cpu", batch_size=1))
    assert plan.buckets == (Bucket(320, 2, 4), Bucket(384, 1, 4), Bucket(448, 1, 4), Bucket(512, 2, 4))
    assert [bucket.batches for bucket in plan.buckets] == [1, 1, 1, 1]
    assert Bucket(320, 9, 4).batches == 3


def test_so_many_windows_go_together_as_the_engine_takes(corpus: Path, tiny_model: Path) -> None:
    from anime_whisper_ct2.engine.whisper import CTranslate2Engine

    for options in (CPU, EngineOptions(device="cpu", batch_size=5)):
        engine = CTranslate2Engine(open_model_dir(tiny_model), options)
        try:
            for decoding in (FIT, DecodingOptions(window="full")):
                for bucket in plan_of(corpus, decoding=decoding, engine=options).buckets:
                    assert bucket.together == engine.capacity(bucket.frames)
        finally:
            engine.close()


@pytest.mark.parametrize(
    ("mode", "length_s", "windows"),
    [
        ("auto", 30.0, [(1, 30.0)]),
        ("auto", 31.0, [(3, 31 / 3)]),
        ("vad", 20.0, [(2, 10.0)]),
        ("off", 70.0, [(2, 30.0), (1, 10.0)]),
        ("off", 30.0, [(1, 30.0)]),
    ],
)
def test_recordings_are_cut_into_windows_as_the_mode_says(
    mode: Any, length_s: float, windows: list[tuple[int, float]]
) -> None:
    assert list(windows_of(length_s, SegmentOptions(mode))) == windows


class TestRate:
    def test_it_divides_the_audio_among_engines(self, corpus: Path) -> None:
        plan = plan_of(corpus, rate=2.0, engine=EngineOptions(gpus=(0, 1, 2)))
        assert plan.engines == 3
        assert plan.wall_s(1) == Estimate(5.25, 5.25, 5.25)
        assert plan.wall_s(3) == Estimate(1.75, 1.75, 1.75)

    def test_an_earlier_run_has_measured_it(self, corpus: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        about: dict[str, Any] = {"audio_seconds": 800.0, "wall_seconds": 10.0, "engine": {"engines": 4}}
        (tmp_path / "out" / "run.json").write_text(json.dumps(about), encoding="utf-8")
        plan = plan_of(corpus, out=tmp_path / "out")
        assert plan.rate is not None
        assert (plan.rate.speed, plan.rate.source) == (20.0, str(tmp_path / "out" / "run.json"))
        given = plan_of(corpus, out=tmp_path / "out", rate=7).rate
        assert given is not None
        assert given.speed == 7

    @pytest.mark.parametrize("about", ["{", "[]", '{"audio_seconds": 1.0, "wall_seconds": 0.0}', '{"engine": 3}'])
    def test_a_run_that_measured_nothing_says_nothing(self, corpus: Path, tmp_path: Path, about: str) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "run.json").write_text(about, encoding="utf-8")
        assert plan_of(corpus, out=tmp_path / "out").rate is None


class TestModel:
    def test_only_its_window_profile_is_used(self, corpus: Path, tiny_model: Path, tmp_path: Path) -> None:
        model = tmp_path / "model"
        shutil.copytree(tiny_model, model)
        awct2 = json.loads((tiny_model / "awct2.json").read_text(encoding="utf-8"))
        (model / "awct2.json").write_text(json.dumps({**awct2, "window_profile": {"tail_s": 1.5}}), encoding="utf-8")
        corpus_ = Corpus((str(corpus),))
        fitted = plan_run(corpus_, None, str(model), RunOptions(engine=CPU))
        assert (fitted.window.mode, fitted.window.tail_s, fitted.calibrated) == ("fit", 1.5, True)
        full = plan_run(corpus_, None, str(tiny_model), RunOptions(engine=CPU))
        assert (full.window.mode, full.calibrated) == ("full", False)
        assert plan_of(corpus).calibrated is None

    @pytest.mark.parametrize("name", [NO_MODEL, "x" * 5_000, "a\0b"])
    def test_a_model_that_is_not_here_is_not_fetched(self, name: str) -> None:
        assert find_model(name) is None


@pytest.mark.parametrize("wishes", [{"sample": 0}, {"rate": 0.0}, {"rate": math.inf}, {"rate": math.nan}])
def test_wishes_that_make_no_sense_are_refused(wishes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="must be"):
        PlanOptions(**wishes)


class TestText:
    def test_it_says_what_there_is_and_how_long_it_takes(self, corpus: Path) -> None:
        text = plan_text(plan_of(corpus, rate=0.001, decoding=FIT))
        for line in (
            "Recordings  6 found: 6 to do",
            "Audio       10 s",
            "Read        the headers of all of 6",
            "Windows are fitted, with a tail of 2 s.",
            "           1    2 h 55 min  as asked for",
            "           8   21 min 52 s",
            "Together 2.917 GPU-hours, or hours of whatever the engine runs on.",
        ):
            assert line in text.splitlines()

    def test_without_a_rate_it_says_how_to_get_one(self, corpus: Path) -> None:
        text = plan_text(plan_of(corpus))
        assert "--limit 1000" in text
        assert "Windows are full: 30 s each; the model is not converted here yet." in text

    def test_what_was_estimated_has_its_interval(self, corpus: Path) -> None:
        text = plan_text(plan_of(corpus, sample=3, rate=0.001))
        assert "the headers of 3, drawn at random, of 6" in text
        assert text.count("(95 %: ") == 3

    def test_a_terminal_without_unicode_gets_other_bars(self, corpus: Path) -> None:
        @click.command()
        def show() -> None:
            say(plan_text(plan_of(corpus)))

        assert "2  ####" in CliRunner(charset="ascii").invoke(show).output.replace("0.001", "2")
        assert "█" in CliRunner().invoke(show).output

    def test_nothing_to_do_is_said(self, tmp_path: Path, corpus: Path, tiny_model: Path) -> None:
        (tmp_path / "none").mkdir()
        assert plan_text(plan_of(tmp_path / "none")).startswith("No audio found")
        execute(corpus, tmp_path / "out", tiny_model)
        assert plan_text(plan_of(corpus, out=tmp_path / "out")) == (
            "Recordings  6 found: 6 transcribed before, 0 to do"
        )

    def test_a_corpus_of_nothing_but_broken_files_has_a_plan(self, tmp_path: Path) -> None:
        (tmp_path / "no").mkdir()
        (tmp_path / "no" / "no.ogg").write_bytes(b"OggS and no more")
        assert "Unreadable  1 of those read" in plan_text(plan_of(tmp_path / "no"))


@click.command()
@plan_options
def command(**given: Any) -> None:
    click.echo(repr(read_plan_options(given)))


def test_the_options_of_a_plan_are_refused_without_one() -> None:
    run = CliRunner().invoke
    assert run(command, []).output == "None\n"
    assert run(command, ["--dry-run", "--rate", "400"]).output == repr(PlanOptions(rate=400.0)) + "\n"
    for wish in (["--rate", "400"], ["--sample", "10"]):
        refused = run(command, wish).exception
        assert isinstance(refused, InputError)
        assert f"{wish[0]} is for --dry-run" in str(refused)
