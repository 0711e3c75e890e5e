"""What others call otherwise: each name that users of other recognisers type gets an answer that is true here."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.cli.elsewhere import _ANSWERS, _ANSWERS_OF, _COMMANDS, ANSWERS, ANSWERS_OF, COMMANDS, answer
from anime_whisper_ct2.export.formats.registry import FORMATS
from tests.support.places import ROOT

RUN = main.commands["run"]
# What `whisper --help` and its like offer; none of it is here under that name.
OTHERS = (
    "--initial-prompt --initial_prompt --vad-filter --vad_filter --temperature --task --condition-on-previous-text "
    "--best-of --patience --length-penalty --suppress-tokens --word-timestamps --word_timestamps --output-dir "
    "--output_dir --output-format --output_format --max-line-width --max-line-count --threads --diarize --hf-token "
    "--chunk-length --vad --no-speech-threshold --compression-ratio-threshold --logprob-threshold --fp16 --prompt "
    "--hotwords --highlight-words --align-model --batch_size --compute_type --beam_size --model_dir --num-speakers "
    "--device-id --torch-dtype"
)


def options(command: click.Command) -> set[str]:
    return {name for param in command.params for name in (*param.opts, *param.secondary_opts) if name.startswith("-")}


def named(said: str) -> set[str]:
    """Find the options in a text."""
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", said))


def answered(*args: str) -> str:
    """Give the one line of a refusal, without the usage above it."""
    result = CliRunner().invoke(main, args, prog_name="awct2")
    assert result.exit_code == 2, result.output
    usage, _, message = result.output.partition("\nError: ")
    assert usage.startswith("Usage: ")
    assert message.count("\n") == 1, message
    return message.strip()


class TestOptions:
    @pytest.mark.parametrize("name", OTHERS.split())
    def test_what_other_tools_offer_is_answered_in_a_line(self, name: str, tmp_path: Path) -> None:
        said = answered("run", str(tmp_path), "-o", str(tmp_path / "out"), name, "1")
        assert said.startswith(f"No such option: {name}. ")
        assert said.endswith(".")
        assert "Did you mean" not in said

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("--beam_size", "It is --beam-size here."),
            ("--threads", "It is --cpu-threads here."),
            ("--initial_prompt", "hallucinates"),
            ("--vad-filter", "--segment vad"),
            ("--word_timestamps", "--words"),
            ("--temperature", "decoded again"),
            ("--fp16", "--compute-type"),
            ("--srt", "--format srt"),
            ("--output-vtt", "--format vtt"),
        ],
    )
    def test_the_answer_names_what_is_there_instead(self, name: str, said: str) -> None:
        assert said in answered("run", "corpus", "-o", "out", name, "x")

    @pytest.mark.parametrize(
        ("command", "name", "said"),
        [
            ("convert", "--output_dir", "awct2 convert SOURCE OUTPUT"),
            ("convert", "--fp16", "--quantization"),
            ("export", "--format", "awct2 export RUN FORMAT"),
            ("export", "--srt", "awct2 export RUN srt"),
            ("export", "--word-timestamps", "`awct2 run --words`"),
            ("export", "--num-workers", "--workers"),
            ("export", "--force", "without an option"),
            ("merge", "--force", "--overwrite"),
            ("export", "--output-dir", "It is --output here"),
            ("stats", "--output-dir", "are printed"),
            ("stats", "--format", "--json"),
            ("eval", "-o", "are printed"),
            ("doctor", "--output", "is printed"),
            ("doctor", "--model-path", "It is --model here"),
            ("average", "--models", "awct2 average CHECKPOINT... -o OUT"),
            ("average", "--output-dir", "It is --output here"),
            ("average", "--avg", "--range -3:"),
            ("average", "--alpha", "--weights"),
            ("average", "--torch-dtype", "--dtype"),
            ("average", "--quantization", "`awct2 convert --quantization`"),
            ("average", "--n-trials", "It is --trials here."),
            ("average", "--storage", "--study"),
            ("average", "--resume", "without an option"),
            ("average", "--force", "--overwrite"),
            ("calibrate", "--output-dir", "awct2.json"),
            ("calibrate", "--model", "awct2 calibrate MODEL CORPUS..."),
            ("calibrate", "--gpu", "It is --device cuda here."),
            ("calibrate", "--fp16", "is --compute-type,"),
            ("eval", "--model-path", "`awct2 run --model`"),
        ],
    )
    def test_another_command_has_its_own_answer(self, command: str, name: str, said: str) -> None:
        assert said in answered(command, name, "x")

    @pytest.mark.parametrize(("typed", "meant"), [("--wrods", "--words"), ("--batch-sise", "--batch-size")])
    def test_a_slip_of_one_letter_is_put_right(self, typed: str, meant: str) -> None:
        assert answered("run", "corpus", typed) == f"No such option: {typed}. Did you mean {meant}?"

    @pytest.mark.parametrize(
        "typed",
        [
            "--foo",
            "--raw",
            "--vad-m",
            "--win",
            "--time-l1",
            "--audio-language",
            "--model-card",
            "--max-silence",
        ],
    )
    def test_what_is_not_near_is_only_refused(self, typed: str) -> None:
        assert answered("run", "corpus", typed) == f"No such option: {typed}."

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("--no-repeat", "--no-repeat-ngram-size"),
            ("--beam", "--beam-size"),
            ("--compute", "--compute-type"),
            ("--no-prog", "--no-progress"),
            ("--rya", "--ray"),
        ],
    )
    def test_what_one_option_begins_with_or_has_in_another_order_leads_to_it(self, typed: str, meant: str) -> None:
        assert answered("run", "corpus", typed) == f"No such option: {typed}. Did you mean {meant}?"

    def test_what_several_options_begin_with_is_a_riddle(self) -> None:
        assert len([name for name in options(RUN) if name.startswith("--retry")]) > 1
        assert answered("run", "corpus", "--retry-") == "No such option: --retry-. Did you mean --retry?"
        assert answered("eval", "--ref-") == "No such option: --ref-."

    @pytest.mark.parametrize(
        ("typed", "behind"),
        [("--model", "run --model"), ("--no-retry", "run --no-retry"), ("--max_cer", "eval --max-cer")],
    )
    def test_an_option_before_its_command_is_sent_behind_it(self, typed: str, behind: str) -> None:
        assert answered(typed, "x", "run") == f"No such option: {typed}. It goes behind its command: awct2 {behind}"

    def test_another_tools_option_before_a_command_is_answered_too(self) -> None:
        assert "`awct2 run --output`" in answered("--output-dir", "x", "run")

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("--verbose", "False"), "leave both out."),
            (("--words", "True"), "leave True out."),
            (("--retry", "false"), "leave both out, or give --no-retry."),
            (("--no-retry", "false"), "leave both out, or give --retry."),
            (("-v", "true"), "leave true out."),
            (("-qv", "true"), "leave true out."),
        ],
    )
    def test_a_switch_takes_no_value(self, args: tuple[str, ...], said: str) -> None:
        assert answered("run", "corpus", "-o", "out", *args) == f"{args[0]} is a switch and takes no value; {said}"

    def test_behind_an_option_whose_value_may_be_left_out_a_switch_is_one(self) -> None:
        assert "--verbose is a switch" in answered("run", "corpus", "-o", "out", "--ray", "--verbose", "true")

    @pytest.mark.parametrize(
        "args",
        [
            ("--include", "--verbose", "true"),
            ("--verbose", "--include", "--verbose", "true"),
            ("--verbose", "--", "--verbose", "true"),
            ("--verbose", "-", "true"),
            ("--language", "true"),
            ("true",),
        ],
    )
    def test_what_only_looks_like_a_switch_is_no_switch(self, args: tuple[str, ...]) -> None:
        RUN.make_context("run", ["corpus", "-o", "out", *args])

    def test_help_is_shown_whatever_stands_behind_it(self) -> None:
        result = CliRunner().invoke(main, ["run", "--help", "true"])
        assert result.exit_code == 0
        assert result.output.startswith("Usage: ")

    def test_an_unknown_option_is_named_before_what_stands_behind_a_switch(self) -> None:
        assert answered("run", "corpus", "--foo", "--verbose", "true") == "No such option: --foo."

    def test_a_folder_that_is_called_true_is_still_an_input(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("True").mkdir()
        RUN.make_context("run", ["--words", "True", "-o", "out"])


class TestFasterWhisper:
    """The names of its own signatures, as its users have them in their scripts."""

    @staticmethod
    def names() -> set[str]:
        from faster_whisper import WhisperModel
        from faster_whisper.vad import VadOptions

        signatures = (inspect.signature(f).parameters for f in (WhisperModel.__init__, WhisperModel.transcribe))
        taken = {name for parameters in signatures for name in parameters} - {"self", "model_kwargs"}
        return taken | {field.name for field in fields(VadOptions)}

    def test_every_argument_is_an_option_here_or_answered(self) -> None:
        for name in self.names():
            hyphened = name.replace("_", "-")
            assert f"--{hyphened}" in options(RUN) or hyphened in ANSWERS or hyphened == "revision", name


class TestTruth:
    @pytest.mark.parametrize(
        "answers", [*_ANSWERS_OF.values(), _ANSWERS, _COMMANDS], ids=[*_ANSWERS_OF, "all commands", "commands"]
    )
    def test_no_name_has_two_answers(self, answers: dict[str, str]) -> None:
        names = " ".join(answers).split()
        assert sorted(names) == sorted(set(names))

    def test_no_answer_hides_an_option(self) -> None:
        known = {name.lstrip("-") for name in options(RUN)}
        assert known & ANSWERS.keys() == set()
        assert ANSWERS_OF.keys() <= main.commands.keys()
        for command, answers in ANSWERS_OF.items():
            assert {name.lstrip("-") for name in options(main.commands[command])} & answers.keys() == set()

    @pytest.mark.parametrize("command", [main, *main.commands.values()], ids=lambda command: command.name)
    def test_an_answer_names_options_that_are_there(self, command: click.Command) -> None:
        names = {*ANSWERS, *ANSWERS_OF.get(str(command.name), {}), *FORMATS} - {n.lstrip("-") for n in options(command)}
        for name in sorted(names):
            (said,) = answer(command, f"--{name}")
            spans = re.findall(r"`awct2 (\w+)([^`]*)`", said)
            for behind, rest in spans:
                assert behind in main.commands, said
                assert named(rest) <= options(main.commands[behind]), said
                # What is here as well is named by itself, unless how a command is called is shown.
                assert not rest.startswith(" --") or not named(rest) <= options(command), said
            # Pages have options in their titles.
            assert named(re.sub(r"`awct2 [^`]*`|\"[^\"]*\"", "", said)) <= options(command), said

    def test_pages_that_are_named_exist(self) -> None:
        nav = (ROOT / "docs" / "zensical.en.toml").read_text(encoding="utf-8")
        pages = set(re.findall(r'\{ "([^"]+)" = ', nav))
        named = {title for said in ANSWERS.values() for title in re.findall(r'see "([^"]+)" in the handbook', said)}
        assert named
        assert named <= pages


class TestCommands:
    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("transcribe", "run"),
            ("evaluate", "eval"),
            ("srt", "export RUN srt"),
            ("soup", "average"),
            ("mergekit-yaml", "average"),
            ("help", "-h"),
            ("exprot", "export"),
            ("Run", "run"),
            ("EXPORT", "export"),
            ("Transcribe", "run"),
            ("SRT", "export RUN srt"),
            ("rnu", "run"),
            ("conv", "convert"),
        ],
    )
    def test_another_name_leads_to_what_does_it(self, typed: str, meant: str) -> None:
        assert answered(typed, "x") == f"No such command: {typed}. Did you mean `awct2 {meant}`?"

    def test_a_folder_leads_to_run(self, tmp_path: Path) -> None:
        assert f"`awct2 run {tmp_path} -o OUTPUT`" in answered(str(tmp_path))

    @pytest.mark.parametrize("typed", ["frobnicate", "translate", "stat-all", "ran", "con", "c"])
    def test_what_is_not_near_is_only_refused(self, typed: str) -> None:
        assert answered(typed) == f"No such command: {typed}."

    def test_commands_that_are_named_exist(self) -> None:
        assert {meant.split()[0] for meant in COMMANDS.values()} <= {*main.commands, "-h", "--version"}
        assert not COMMANDS.keys() & main.commands.keys()


class TestCompletion:
    """A shell asks with the words so far; a mistake among them leaves it without an answer, and is not told."""

    @staticmethod
    def offered(shell: str, *words: str) -> set[str]:
        asked = {"_AWCT2_COMPLETE": f"{shell}_complete", "COMP_WORDS": " ".join(["awct2", *words])}
        # Fish gives the word that is completed, the others its place.
        asked["COMP_CWORD"] = words[-1] if shell == "fish" else str(len(words))
        result = CliRunner().invoke(main, prog_name="awct2", env=asked)
        assert result.exit_code == 0, result.exception
        # Zsh has the kind, the word and its help in lines of their own.
        return set(re.split(r"[\n,\t]", result.output))

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    @pytest.mark.parametrize(
        ("words", "among"),
        [
            (("ex",), "export"),
            (("foo", ""), "run"),
            (("--foo", "r"), "run"),
            (("run", "--se"), "--segment"),
            (("run", "--verbose", "true", "--se"), "--segment"),
            (("run", "--no-retry", "false", "--se"), "--segment"),
            (("run", "--foo", "--se"), "--segment"),
            (("run", "--beam_size", "2", "--se"), "--segment"),
            (("run", "--batch-size", "many", "--se"), "--segment"),
            (("run", "--segment", "v"), "vad"),
            (("export", "run", "sr"), "srt"),
        ],
    )
    def test_what_could_come_next_is_offered(self, shell: str, words: tuple[str, ...], among: str) -> None:
        assert among in self.offered(shell, *words)

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_a_shell_gets_its_script(self, shell: str) -> None:
        result = CliRunner().invoke(main, prog_name="awct2", env={"_AWCT2_COMPLETE": f"{shell}_source"})
        assert result.exit_code == 0
        assert f"_AWCT2_COMPLETE={shell}_complete" in result.output
