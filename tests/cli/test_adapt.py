"""`awct2 adapt` refuses before anything is fetched, shows how far it has come, and ends as what was measured says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.adaptation.measuring import Adaptation, Heard, Teaching, Texts, compare
from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.adaptation.place import held
from anime_whisper_ct2.adaptation.publishing import publish
from anime_whisper_ct2.adaptation.records import Advance
from anime_whisper_ct2.cli import main, progress
from anime_whisper_ct2.cli.pacing import look_at
from anime_whisper_ct2.cli.progress import AdaptProgress
from anime_whisper_ct2.engine.encoders import installation
from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.options import AudioOptions
from tests.support.files import contents
from tests.support.processes import wait_until

CHECKPOINT = "no-such-model/at-all"


def adapted(before: str, after: str) -> Adaptation:
    """What comes of it where all clips had the one text with a tail of 2.56 s, and have the other now."""
    full = (Heard("おはようございます"),) * 30
    texts = (Texts(full, {2.56: (Heard(short),) * 30}) for short in (before, after))
    return Adaptation(CHECKPOINT, "00ff", Teaching(100, 900.0, 340, "cpu", 1.0, 2.0, 3.0), compare(*texts))


BETTER = adapted("おはよう", "おはようございます")
UNDECIDED = adapted("おはよう", "おはよう")
WORSE = adapted("おはようございます", "おはよう")


class Course:
    """Stands for the whole of the work, and keeps what it was asked for."""

    def __init__(self, result: Adaptation | BaseException = BETTER) -> None:
        self.result = result
        self.asked: list[tuple[Any, ...]] = []
        self.more: dict[str, Any] = {}

    def adapt(self, checkpoint: str, corpus: Any, out: Path, options: AdaptOptions, **more: Any) -> Adaptation:
        self.asked.append((checkpoint, [recording.id for recording in corpus], out, options))
        self.more = more
        if isinstance(self.result, BaseException):
            raise self.result
        more["on_note"]("12 clips are longer than 30 s")
        more["on_advance"](Advance("learning", 1, 2))
        return self.result


@pytest.fixture
def course(monkeypatch: pytest.MonkeyPatch) -> Course:
    course = Course()
    monkeypatch.setitem(sys.modules, "anime_whisper_ct2.adaptation.course", course)  # type: ignore[arg-type] # a stand-in
    return course


@pytest.fixture
def corpus(write_tone: Callable[..., Path]) -> Path:
    return write_tone("corpus/a.wav", 0.1).parent


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def adapt(*args: object) -> Result:
    return CliRunner().invoke(main, ["adapt", *map(str, args)])


class TestMistakes:
    """None of them has come as far as the work: with a real one, the model would be missing."""

    def refused(self, course: Course, said: str, *args: object) -> None:
        result = adapt(*args)
        assert (result.exit_code, course.asked) == (2, []), result.output
        assert result.output.strip().splitlines()[-1].startswith("Error: ")
        assert said in result.output

    def test_a_place_that_is_taken(self, course: Course, corpus: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "note").write_text("mine", encoding="utf-8")
        before = contents(tmp_path)
        for more in ((), ("--overwrite",)):
            self.refused(course, "is not empty", CHECKPOINT, corpus, "-o", tmp_path / "out", *more)
        assert contents(tmp_path) == before

    def test_a_result_that_is_there_and_what_its_killed_process_has_left_beside_it_goes(
        self, course: Course, corpus: Path, tmp_path: Path
    ) -> None:
        out, work = tmp_path / "out", tmp_path / "out.work"
        with held(work):
            (work / "checkpoint").mkdir()
            (work / "checkpoint" / "adapt.json").write_text("{}", encoding="utf-8")
            publish(work, out)
        (work / "lessons").mkdir()
        self.refused(course, "holds an adapted checkpoint already", CHECKPOINT, corpus, "-o", out)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "out"]

    def test_the_folder_that_one_is_in(
        self, course: Course, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        self.refused(course, "is the folder that you are in", CHECKPOINT, corpus, "-o", ".")

    def test_a_url(self, course: Course, corpus: Path) -> None:
        self.refused(course, "is a URL", CHECKPOINT, corpus, "-o", "s3://voices/out")
        self.refused(course, "is a URL", CHECKPOINT, corpus, "-o", "out", "--work", "s3://voices/work")

    def test_a_result_in_the_checkpoint(self, course: Course, corpus: Path, tmp_path: Path) -> None:
        (tmp_path / "checkpoint").mkdir()
        out = tmp_path / "checkpoint" / "out"
        self.refused(course, "lies in the checkpoint", tmp_path / "checkpoint", corpus, "-o", out)

    def test_a_list_that_leads_nowhere_and_a_corpus_without_audio(self, course: Course, tmp_path: Path) -> None:
        (tmp_path / "m.txt").write_text("a.ogg\n", encoding="utf-8")
        (tmp_path / "none").mkdir()
        self.refused(course, "the file that it names", CHECKPOINT, tmp_path / "m.txt", "-o", tmp_path / "out")
        self.refused(course, "No audio found", CHECKPOINT, tmp_path / "none", "-o", tmp_path / "out")

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("--steps", "0"), "--steps is 0"),
            (("--tail", "31"), "give 0 to 30"),
            (("--train", "decoder"), "'decoder' is not one of"),
            (("--language", "japanese"), "give --language ja"),
            (("--channel", "0"), "give mix, left, right"),
        ],
    )
    def test_an_option_that_cannot_be_honoured(
        self, course: Course, corpus: Path, tmp_path: Path, args: tuple[str, ...], said: str
    ) -> None:
        self.refused(course, said, CHECKPOINT, corpus, "-o", tmp_path / "out", *args)

    def test_nothing_is_written_where_it_is_not_asked_for(self, course: Course, corpus: Path) -> None:
        self.refused(course, "Missing option '-o'", CHECKPOINT, corpus)

    @pytest.mark.parametrize("missing", ["torch", "matplotlib"])
    def test_an_extra_that_is_missing_comes_with_the_command_that_installs_it(
        self, course: Course, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
    ) -> None:
        monkeypatch.setitem(sys.modules, missing, None)
        said = f"Error: `awct2 adapt` needs {missing}"
        self.refused(course, said, CHECKPOINT, corpus, "-o", tmp_path / "out")
        result = adapt(CHECKPOINT, corpus, "-o", tmp_path / "out")
        assert result.output.endswith(': pip install "torch>=2.5" matplotlib matplotlib-fontja\n')
        assert result.output.count("\n") == 1

    def test_a_gpu_that_torch_cannot_use(
        self, course: Course, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        torch = SimpleNamespace(
            __version__="2.13.0", version=SimpleNamespace(cuda=None), cuda=SimpleNamespace(is_available=lambda: False)
        )
        monkeypatch.setattr(installation, "import_module", lambda _name: torch)
        said = "needs torch, and torch 2.13.0 is built without CUDA; choose --device cpu"
        self.refused(course, said, CHECKPOINT, corpus, "-o", tmp_path / "out", "--device", "cuda")


class TestResult:
    @pytest.mark.parametrize(
        ("came", "status", "said"),
        [
            (BETTER, 0, "Better with 2.56 s of silence"),
            (UNDECIDED, 3, "Not shown to be better"),
            (WORSE, 3, "Worse with 2.56 s of silence"),
        ],
        ids=["better", "undecided", "worse"],
    )
    def test_the_table_is_printed_and_the_verdict_beside_it(
        self, course: Course, corpus: Path, tmp_path: Path, came: Adaptation, status: int, said: str
    ) -> None:
        course.result = came
        result = adapt(CHECKPOINT, corpus, "-o", tmp_path / "out")
        assert result.exit_code == status, result.output
        assert "| clip + 2.56 s |" in result.stdout
        assert said in result.stderr
        assert said not in result.stdout
        assert "12 clips are longer than 30 s" in result.stderr
        assert f"kept in {tmp_path / 'out.work'}: the same command goes on" in result.stderr

    def test_json_is_all_that_standard_output_holds(self, course: Course, corpus: Path, tmp_path: Path) -> None:
        result = adapt(CHECKPOINT, corpus, "-o", tmp_path / "out", "--json")
        assert result.exit_code == 0
        content = json.loads(result.stdout)
        assert (content["better"], content["comparison"]["clips"]) == (True, 30)

    def test_quiet_prints_the_table_alone(self, course: Course, corpus: Path, tmp_path: Path) -> None:
        result = adapt(CHECKPOINT, corpus, "-o", tmp_path / "out", "-q")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.startswith("| window |")

    def test_the_work_gets_what_was_asked_for(self, course: Course, corpus: Path, tmp_path: Path) -> None:
        args = "--tail 2.56 --tail 0.64 --tail 2.56 --steps 7 --batch-size 2 --learning-rate 1e-4 --train all --clips 5"
        more = ("--held-out", 3, "--language", "en", "--device", "cpu", "--channel", "left", "--work", tmp_path / "w")
        assert adapt(CHECKPOINT, corpus, "-o", tmp_path / "out", *args.split(), *more).exit_code == 0
        ((checkpoint, ids, out, options),) = course.asked
        assert (checkpoint, ids, out) == (CHECKPOINT, ["a.wav"], tmp_path / "out")
        assert options == AdaptOptions(
            clips=5,
            held_out=3,
            tails_s=(0.64, 2.56),
            steps=7,
            batch_size=2,
            learning_rate=1e-4,
            train="all",
            language="en",
            device="cpu",
        )
        assert (course.more["work"], course.more["overwrite"]) == (tmp_path / "w", False)
        assert course.more["audio"] == AudioOptions("left")

    def test_what_is_not_asked_for_is_as_in_the_library(self, course: Course, corpus: Path, tmp_path: Path) -> None:
        assert adapt(CHECKPOINT, corpus, "-o", tmp_path / "out").exit_code == 0
        assert course.asked[0][-1] == AdaptOptions()

    def test_an_interrupted_one_says_that_it_goes_on(self, course: Course, corpus: Path, tmp_path: Path) -> None:
        course.result = KeyboardInterrupt()
        result = adapt(CHECKPOINT, corpus, "-o", tmp_path / "out", "-q")
        assert result.exit_code == 130
        assert result.stderr == "The same command goes on from what is done.\nInterrupted.\n"

    def test_what_could_not_go_on_is_a_line(self, course: Course, corpus: Path, tmp_path: Path) -> None:
        course.result = EngineError("the GPU has left")
        result = adapt(CHECKPOINT, corpus, "-o", tmp_path / "out", "-q")
        assert (result.exit_code, result.stderr) == (1, "Error: the GPU has left\n")


class TestProgress:
    @pytest.fixture
    def said(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], bool]:
        """Whether a text has been printed so far."""
        monkeypatch.setattr(progress, "_TICK_S", 0.01)
        read = ""

        def has(text: str) -> bool:
            nonlocal read
            read += capsys.readouterr().err
            return text in read

        return has

    def test_all_that_is_known_is_in_the_line(self) -> None:
        look = look_at(Advance("learning", 1_120, 1_500, 0.01234, 4.56, 95.0), 750.0)
        assert look.line == (
            "learning, 1,120 of 1,500 steps, loss 0.0123, 4.6 % of the tokens held out differ, 12 min 30 s gone, "
            "about 1 min 35 s left of it"
        )
        assert look.short == (
            "learning 1,120/1,500, about 1:35 left of it, loss 0.0123, 4.6 % of the tokens held out differ, 12:30 gone"
        )
        assert (look.done, look.total) == (1_120, 1_500)

    def test_what_is_not_known_is_not_in_it(self) -> None:
        assert look_at(Advance("listening", 0, 1), 5.0).line == "listening at 30 s, 0 of 1 clip, 5.0 s gone"
        assert look_at(None, 70.0).short == "opening the checkpoint, 1:10 gone"

    def test_on_a_terminal_there_is_a_bar(self, said: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        with AdaptProgress(quiet=False) as shown:
            wait_until(lambda: said("opening the checkpoint, 0:0"), 60, "nothing is shown")
            shown(Advance("learning", 30, 40, 0.5))
            wait_until(lambda: said("75%|") and said("learning 30/40, loss 0.5"), 60, "no bar is shown")
            shown.note("a line beside it")
        assert said("a line beside it")

    def test_elsewhere_there_is_a_line_now_and_then(
        self, said: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(progress, "_LINE_EVERY_S", 0.02)
        with AdaptProgress(quiet=False) as shown:
            shown(Advance("measuring", 3, 40))
            wait_until(lambda: said("measuring, 3 of 40 clips, "), 60, "no line is printed")
        assert not said("\r")

    def test_quiet_shows_nothing(self, said: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(progress, "_LINE_EVERY_S", 0.0)
        with AdaptProgress(quiet=True) as shown:
            shown(Advance("measuring", 3, 40))
            shown.note("a line")
            assert not shown._thread.is_alive()
        assert not said("\n")
