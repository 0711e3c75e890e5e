"""A run becomes a data set: the same bytes from the same results, as files, clips or texts."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli.export import export_command
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export import ClipFolder, Export, Exported
from anime_whisper_ct2.export.clips.plan import ClipOptions
from anime_whisper_ct2.export.filters import Filters
from anime_whisper_ct2.export.formats import Row, texts
from anime_whisper_ct2.export.formats.publish import MARKER
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.records import Segment, Transcript, Word
from tests.support.files import contents
from tests.support.places import ROOT
from tests.support.runs import LONG, segment, short, transcript, write_run

PLAIN = ("txt", "srt", "vtt", "ass", "lrc", "tsv", "csv", "json", "parquet")


class TestExport:
    @pytest.mark.parametrize("format_", PLAIN)
    def test_two_runs_over_one_corpus_export_the_same_bytes(self, tmp_path: Path, format_: str) -> None:
        transcripts = [short(f"さくら/{n:03d}.ogg", f"{n}回目") for n in range(30)] + [LONG, transcript("c.ogg")]
        trees = []
        for seed in range(2):
            random.Random(seed).shuffle(transcripts)
            run = write_run(tmp_path / f"run{seed}", *transcripts)
            done = Export(run, format_, tmp_path / f"out{seed}").run()
            assert (done.recordings, done.rows, done.left_out) == (32, 33, 0)
            trees.append(contents(tmp_path / f"out{seed}"))
        assert trees[0] == trees[1]
        assert len(trees[0]) == (2 if format_ in ("tsv", "csv", "parquet") else 33)

    def test_names_mirror_the_corpus_below_the_run(self, tmp_path: Path) -> None:
        run = write_run(tmp_path, short("a/1.ogg"), short("a/1.wav"), short("../x.ogg"), LONG)
        done = Export(run, "srt").run()
        assert done.path == tmp_path / "export" / "srt"
        assert set(contents(done.path)) == {MARKER, "_/x.srt", "a/1.ogg.srt", "a/1.wav.srt", "b/長い.srt"}

    def test_filters_leave_out_and_are_counted(self, tmp_path: Path) -> None:
        run = write_run(tmp_path, short("a.ogg"), LONG, transcript("c.ogg"))
        done = Export(run, "txt", filters=Filters(max_duration_s=2.0, drop_flags=("empty",))).run()
        assert (done.recordings, done.rows, done.left_out) == (2, 2, 1)
        assert (done.path / "b" / "長い.txt").read_text("utf-8") == "二つ目\n"
        assert not (done.path / "c.txt").exists()

    def test_an_unknown_format_is_refused_with_those_that_there_are(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="txt, srt"):
            Export(write_run(tmp_path), "doc")

    def test_every_format_of_the_contract_is_there(self) -> None:
        assert tuple(FORMATS) == (
            *("txt", "srt", "vtt", "ass", "lrc", "tsv", "csv", "json", "parquet"),
            *("esd", "gptsovits", "ljspeech", "hf", "nemo", "kaldi", "lhotse", "webdataset"),
        )
        assert all(FORMATS[name].name == name and callable(FORMATS[name].write) for name in FORMATS)

    @pytest.mark.posix("limits of file size")
    def test_a_full_disk_leaves_the_earlier_export(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", *(short(f"{n}.ogg", "長い台詞" * 50) for n in range(200)))
        Export(run, "csv").run()
        before = contents(run)
        code = (
            "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000));"
            "from anime_whisper_ct2.export import Export; Export(sys.argv[1], 'csv').run()"
        )
        answer = subprocess.run(
            [sys.executable, "-c", code, str(run)], capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert "OutputError" in answer.stderr
        assert "could not be written" in answer.stderr
        assert contents(run) == before


class TestCommand:
    def test_it_says_how_much_it_wrote_and_where(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", short("a.ogg"), LONG, transcript("c.ogg"))
        answer = CliRunner().invoke(
            export_command,
            [str(run), "json", "-o", str(tmp_path / "out"), "--min-logprob", "-1", "--drop-flag", "empty"],
            catch_exceptions=False,
        )
        assert answer.exit_code == 0
        assert answer.output == (
            f"2 recordings, 3 segments, 1 recording left out: {tmp_path / 'out'}\n"
            "1 segment left out: 1 under a log-probability of -1\n"
        )

    def test_each_segment_that_is_left_out_counts_once_by_the_first_filter(self, tmp_path: Path) -> None:
        run = write_run(
            tmp_path / "run", short("a.ogg"), LONG, transcript("c.ogg", segment(0, 2), flags=("antiphase",))
        )
        filters = [
            "--min-duration",
            "1",
            "--min-logprob",
            "-1",
            "--drop-flag",
            "repetition",
            "--drop-flag",
            "antiphase",
        ]
        answer = CliRunner().invoke(export_command, [str(run), "txt", *filters], catch_exceptions=False)
        said = "3 segments left out: 1 shorter than 1 s, 1 flagged repetition, 1 flagged antiphase"
        assert answer.output.splitlines()[1] == said

    @pytest.mark.parametrize("format_", ["txt", "tsv", "nemo"])
    def test_an_export_that_keeps_nothing_says_which_filters_did_it(self, tmp_path: Path, format_: str) -> None:
        run = write_run(tmp_path / "run", short("a.ogg"), LONG)
        options = [format_, "--max-no-speech", "0", "--min-duration", "1"]
        answer = CliRunner().invoke(export_command, [str(run), *options], catch_exceptions=False)
        assert answer.exit_code == 0
        last = "Warning: nothing is left: 3 over a no_speech_prob of 0, 1 shorter than 1 s"
        assert answer.output.splitlines()[-1] == last

    @pytest.mark.parametrize(
        ("state", "said"), [("finished", ""), ("interrupted", "was interrupted"), ("running", "it was killed")]
    )
    def test_an_export_of_a_run_that_has_not_ended_says_so(self, tmp_path: Path, state: str, said: str) -> None:
        run = write_run(tmp_path / "run", LONG)
        (run / "run.json").write_text(json.dumps({"state": state}), encoding="utf-8")
        answer = CliRunner().invoke(export_command, [str(run), "txt"], catch_exceptions=False)
        assert answer.exit_code == 0
        assert ("Warning: run.json says" in answer.output) == bool(said)
        assert said in answer.output
        alone = shutil.copy(run / "transcripts.jsonl", tmp_path / "alone.jsonl")
        answer = CliRunner().invoke(export_command, [str(alone), "txt", "-o", str(tmp_path / "x")])
        assert "Warning" not in answer.output

    def test_a_run_without_speech_exports_nothing_and_says_so(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", transcript("a.ogg"))
        answer = CliRunner().invoke(export_command, [str(run), "txt"], catch_exceptions=False)
        assert answer.output.splitlines()[-1] == "Warning: nothing is left: the run has no segments"

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--drop-flag", "repetitions"], "there is no flag 'repetitions'; did you mean repetition?"),
            (["--drop-flag", "xyzzy"], "there is no flag 'xyzzy'; choose of antiphase, cap, clipped, doubtful,"),
            (["--max-doubt", "nan"], "the highest doubt is nan; it must be from 0 to 1"),
            (["--max-no-speech", "50"], "the highest no_speech_prob is 50.0; it must be from 0 to 1"),
            (["--min-logprob", "0.5"], "the least log-probability is 0.5; it must be 0 or less"),
            (["--max-duration", "inf"], "the longest duration is inf; it must be 0 or more"),
        ],
    )
    def test_a_wrong_filter_is_refused_before_anything_is_read(
        self, tmp_path: Path, options: list[str], said: str
    ) -> None:
        answer = CliRunner().invoke(export_command, [str(tmp_path / "no-run"), "txt", *options])
        assert str(answer.exception).startswith(said)

    def test_its_help_has_every_format_and_an_example(self) -> None:
        answer = CliRunner().invoke(export_command, ["--help"])
        assert answer.exit_code == 0
        assert all(f" {name}" in answer.output for name in FORMATS)
        assert "awct2 export transcripts/ srt" in answer.output

    def test_a_mistake_is_an_input_error(self, tmp_path: Path) -> None:
        assert CliRunner().invoke(export_command, [str(tmp_path), "doc"]).exit_code == 2
        for extra in ([], ["--min-duration", "5", "--max-duration", "1"]):
            assert isinstance(CliRunner().invoke(export_command, [str(tmp_path), "txt", *extra]).exception, InputError)

    @pytest.mark.posix("signals between processes")
    def test_a_polite_kill_leaves_nothing_behind(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", short("a.ogg"))
        # A format that takes its time, so that the signal comes in the middle of it.
        code = (
            f"import sys, time; from {texts.__name__} import write_txt as write; import {texts.__name__} as room\n"
            "def slow(*args): write(*args); print('writing', flush=True); time.sleep(60)\n"
            "room.write_txt = slow\n"
            "from anime_whisper_ct2.cli import main; main(sys.argv[1:])"
        )
        command = [sys.executable, "-c", code, "export", str(run), "txt", "-o", str(tmp_path / "out")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
            assert process.stdout
            assert process.stdout.readline() == b"writing\n"
            assert len(list(tmp_path.iterdir())) == 2
            process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 30
            assert process.wait(deadline - time.monotonic()) != 0
        assert os.listdir(tmp_path) == ["run"]


class TestClips:
    """What `--clips` adds to an export; cutting itself is tested with the clips."""

    @pytest.fixture
    def run(self, tmp_path: Path, write_tone: Callable[..., Path]) -> Path:
        """A run over two recordings, one of them of three segments."""
        write_tone("corpus/a.wav", seconds=1.5)
        write_tone("corpus/b/長い.wav", seconds=25.0)
        corpus = str(tmp_path / "corpus")
        run = write_run(
            tmp_path / "run",
            replace(short("a.wav"), audio=f"{corpus}/a.wav"),
            replace(LONG, id="b/長い.wav", audio=f"{corpus}/b/長い.wav"),
        )
        (run / "run.json").write_text(json.dumps({"inputs": [corpus]}), encoding="utf-8")
        return run

    def export(self, run: Path, format_: str, clips: Path, out: str = "out", **options: Any) -> Exported:
        folder = ClipFolder(clips, ClipOptions("wav"), workers=0)
        return Export(run, format_, run.parent / out, clips=folder, **options).run()

    @pytest.mark.parametrize("format_", ["esd", "ljspeech", "hf", "nemo", "kaldi", "lhotse", "webdataset"])
    def test_every_data_set_format_takes_clips(self, run: Path, format_: str) -> None:
        done = self.export(run, format_, run.parent / "clips")
        assert (done.recordings, done.rows, done.clips_written, done.clips_missing) == (2, 4, 4, 0)
        again = self.export(run, format_, run.parent / "clips")
        assert (again.rows, again.clips_written, again.clips_resumed) == (4, 0, 4)

    @pytest.mark.parametrize(
        ("clips", "out", "start"),
        [
            *(("clips", "out", "../clips/"), ("out/raw", "out", "raw/"), ("x/clips", "out", "../x/clips/")),
            ("clips", "deep/out", None),
        ],
    )
    def test_rows_name_clips_by_their_way_from_an_export_that_lies_near(
        self, run: Path, monkeypatch: pytest.MonkeyPatch, clips: str, out: str, start: str | None
    ) -> None:
        found: list[Row] = []
        monkeypatch.setattr("anime_whisper_ct2.export.formats.nemo.write", lambda rows, *_: found.extend(rows))
        folder = run.parent / clips
        self.export(run, "nemo", folder, out=out, filters=Filters(min_logprob=-1.0))
        prefix = os.path.join(folder, "") if start is None else start
        assert [row.audio for row in found] == [
            *(f"{prefix}a.wav", f"{prefix}b/長い_00000.300-00003.200.wav", f"{prefix}b/長い_00005.800-00020.200.wav")
        ]
        assert [row.duration_s for row in found] == [1.5, 2.9, 14.4]
        assert all(Path(row.source).is_file() for row in found)
        assert sum(path.suffix == ".wav" for path in folder.rglob("*")) == 3

    def test_style_bert_vits2_gets_its_folder(self, run: Path) -> None:
        out = run.parent / "out"
        for _ in range(2):
            self.export(run, "esd", out / "raw", filters=Filters(min_duration_s=1, max_duration_s=12), speaker="桜")
            lines = (out / "esd.list").read_text("utf-8").splitlines()
            assert lines == ["a.wav|桜|JP|はい", "b/長い_00000.300-00003.200.wav|桜|JP|一つ目"]
            assert all((out / "raw" / line.split("|")[0]).is_file() for line in lines)

    def test_the_exports_own_place_is_refused_for_clips(self, run: Path) -> None:
        with pytest.raises(InputError, match="the export has that place"):
            self.export(run, "nemo", run.parent / "out")

    def test_the_command_names_what_could_not_be_cut_and_says_so_in_its_status(self, run: Path) -> None:
        (run.parent / "corpus" / "b" / "長い.wav").write_bytes(b"no audio")
        answer = CliRunner().invoke(
            export_command,
            [str(run), "nemo", "-o", str(run.parent / "out"), "--clips", str(run.parent / "clips"), "--workers", "0"],
        )
        assert answer.exit_code == 3, answer.output
        assert "b/長い.wav: 3 clips not cut" in answer.output
        said = "1 recording, 1 segment, 1 recording left out, 1 clip cut, 3 clips that could not be cut"
        assert said in answer.output
        assert (run.parent / "out").exists()


def test_texts_are_normalized_where_asked_and_what_is_emptied_is_left_out(tmp_path: Path) -> None:
    lines = {"a.ogg": "え～？！　……ＡＢＣｱﾊﾊ", "b.ogg": "――"}
    with Journal(tmp_path / "out", {}) as journal:
        journal.begin({})
        for id_, text in lines.items():
            segment = Segment(0.0, 1.0, text, -0.1, 0.0, 0.9)
            journal.write(Transcript(id_, id_, 1.0, "ja", text, (segment,), (), {}))
    done = Export(tmp_path / "out", "tsv", normalizer="dataset").run()
    rows = (done.path / "transcripts.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert [row.split("\t")[3] for row in rows] == ["えー?!…ABCアハハ"]
    with pytest.raises(InputError, match="no normalizer 'mine'"):
        Export(tmp_path / "out", "tsv", normalizer="mine")


@pytest.mark.parametrize("option", ["speaker", "title"])
@pytest.mark.parametrize("format_", FORMATS)
def test_a_name_that_a_format_has_no_use_for_is_refused_and_any_other_is_written(
    tmp_path: Path, option: str, format_: str
) -> None:
    run = write_run(tmp_path / "run", short("a.wav"))
    wanted = {"esd", "gptsovits", "hf", "kaldi", "lhotse", "webdataset"} | ({"ass"} if option == "speaker" else set())
    if format_ in wanted:
        Export(run, format_, tmp_path / "out", **{option: "桜"})
        return
    with pytest.raises(InputError, match=f"--{option} has no effect: {format_} names none; leave it out"):
        Export(run, format_, tmp_path / "out", **{option: "桜"})


@pytest.mark.parametrize("format_", ["txt", "srt", "vtt", "ass", "lrc", "tsv", "csv", "json"])
def test_a_lost_segment_leaves_no_trace_and_one_without_words_stands_beside_others(
    format_: str, tmp_path: Path
) -> None:
    worded = replace(segment(0.0, 2.0, "はい"), words=(Word(0.5, 0.8, "は", 0.9), Word(0.8, 1.1, "い", 0.9)))
    wordless = segment(3.0, 5.0, "そうです", -0.2, "no_words")
    lost = segment(6.0, 8.0, "", -99.0, "overflow")

    def exported(*segments: Segment) -> Any:
        whole = transcript("a.ogg", *segments, duration=9.0)
        folder = tmp_path / str(len(segments))
        Export(write_run(folder, whole), format_, folder / "out").run()
        return contents(folder / "out")

    plain = exported(worded, wordless)
    assert exported(worded, lost, wordless) == plain
    assert any("そうです".encode() in content for content in plain.values())
