"""`awct2 average` refuses before anything is read, averages what is named, and shows what a search has found."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import load_file, save_file

import anime_whisper_ct2_convert.averaging as wing
from anime_whisper_ct2.cli import main, progress
from anime_whisper_ct2.cli.groups import option_groups
from anime_whisper_ct2.cli.pacing import look_at_search
from anime_whisper_ct2.cli.progress import SearchProgress
from anime_whisper_ct2.cli.search_options import _OF_A_RECIPE, _OF_SEARCH
from anime_whisper_ct2.errors import CheckpointError, EngineError
from anime_whisper_ct2.options import AudioOptions
from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.records import Candidate, HeldOut, Margin, Search, Trial
from anime_whisper_ct2.search.report import as_json
from anime_whisper_ct2.search.telling import Advance
from anime_whisper_ct2_convert.averaging import Averaging, Recipe
from tests.support.files import contents
from tests.support.places import CHECKPOINT
from tests.support.processes import wait_until

TENSOR = "model.encoder.layer_norm.weight"
DECODER = "model.decoder.layer_norm.weight"

# Two checkpoints and their average, which is better for sure than none of them.
FOUND = Search(
    names=("checkpoint-1", "checkpoint-2"),
    sources=("run/checkpoint-1", "run/checkpoint-2"),
    options=SearchOptions(),
    recordings=70,
    characters=700,
    parts=7,
    held_out=30,
    held_out_characters=300,
    trials=(
        Trial(0, "single", Candidate(0, 0), 12.0, 7, "complete", 1.0),
        Trial(1, "single", Candidate(1, 1), 11.0, 7, "complete", 1.0),
        Trial(2, "uniform", Candidate(0, 1), 10.0, 7, "complete", 1.0),
    ),
    best=2,
    held=(HeldOut("best", 2, 10.5, (9.0, 12.0)), HeldOut("last", 1, 10.6, (9.1, 12.1))),
    margins=(Margin("last", -0.1, (-0.6, 0.4)),),
    seconds=5.0,
)


class Average:
    """Stands for all that is read and written, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.lacking: str | None = None
        self.asked: list[tuple[tuple[str, ...], Path, Recipe]] = []
        self.more: dict[str, Any] = {}

    def __call__(self, names: tuple[str, ...], out: Path, recipe: Recipe, **more: Any) -> Averaging:
        self.asked.append((names, out, recipe))
        self.more = more
        if self.error is not None:
            raise self.error
        more["on_note"]("config.json: dropout is another one in a")
        more["progress"]("averaging", 10, 20)
        out.mkdir()
        (out / "average.json").write_text('{"version": "名"}', encoding="utf-8")
        differences = ("config.json: dropout is another one in a",)
        return Averaging(out, names, "float16", differences, 3_000_000, 2.5, self.lacking)


class Course:
    """Stands for a whole search, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.asked: list[tuple[Any, ...]] = []
        self.more: dict[str, Any] = {}

    def search(
        self, names: tuple[str, ...], corpus: Any, references: str, out: Path, options: SearchOptions, **more: Any
    ) -> Search:
        self.asked.append((names, [recording.id for recording in corpus], references, out, options))
        self.more = more
        if self.error is not None:
            raise self.error
        more["on_note"]("2 recordings have no reference")
        more["on_advance"](Advance("trying", 1, 2))
        out.mkdir()
        (out / "search.json").write_text(json.dumps(as_json(FOUND, "--tokenizer", "名")), encoding="utf-8")
        return FOUND


@pytest.fixture
def average(monkeypatch: pytest.MonkeyPatch) -> Average:
    stand_in = Average()
    monkeypatch.setattr(wing, "average", stand_in)
    return stand_in


@pytest.fixture
def course(monkeypatch: pytest.MonkeyPatch) -> Course:
    course = Course()
    monkeypatch.setitem(sys.modules, "anime_whisper_ct2.search.course", course)  # type: ignore[arg-type] # a stand-in
    return course


@pytest.fixture
def corpus(write_tone: Callable[..., Path]) -> Path:
    return write_tone("corpus/a.wav", 0.1).parent


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three of them, each a little further from the tiny one."""
    run = tmp_path_factory.mktemp("学習 の") / "run"
    weights = load_file(CHECKPOINT / "model.safetensors")
    for number in (9, 10, 11):
        folder = run / f"checkpoint-{number}"
        folder.mkdir(parents=True)
        for path in CHECKPOINT.iterdir():
            if path.suffix != ".safetensors":
                (folder / path.name).write_bytes(path.read_bytes())
        moved = {name: weights[name] + np.float32(number) for name in (TENSOR, DECODER)}
        save_file({**weights, **moved}, folder / "model.safetensors", {"format": "pt"})
    config = run / "checkpoint-9" / "generation_config.json"
    other = {**json.loads(config.read_text(encoding="utf-8")), "suppress_tokens": [7]}
    config.write_text(json.dumps(other), encoding="utf-8")
    return run


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def call(*args: object) -> Result:
    return CliRunner().invoke(main, ["average", *map(str, args)])


class TestMistakes:
    """None of them has come as far as the work: there is no such checkpoint."""

    @pytest.fixture(autouse=True)
    def _untouched(self, average: Average, course: Course, tmp_path: Path, corpus: Path) -> Any:
        before = contents(tmp_path)
        yield
        assert (average.asked, course.asked) == ([], [])
        assert contents(tmp_path) == before

    def refused(self, said: str, *args: object) -> None:
        result = call(*args)
        assert result.exit_code == 2, result.output
        assert result.output.strip().splitlines()[-1].startswith("Error: ")
        assert said in result.output

    @pytest.mark.parametrize(
        "given",
        [
            ("--references", "meta"),
            ("--trials", 5),
            ("--strategy", "range"),
            ("--group", "encoder*"),
            ("--study", "s.db"),
            ("--holdout", 0.3),
            ("--normalizer", "none"),
            ("--seed", 0),
            ("--device", "cpu"),
            ("--compute-type", "float32"),
            ("--language", "ja"),
            ("--channel", "left"),
            ("--work", "w"),
        ],
    )
    def test_an_option_of_a_search_without_one(self, given: tuple[object, ...]) -> None:
        self.refused(f"Error: {given[0]} is for --search; add that, or leave it out", "a", "b", "-o", "out", *given)

    @pytest.mark.parametrize("given", [("--weights", "1,1"), ("--range", "-1:"), ("--layers", "encoder*=0")])
    def test_an_average_that_is_said_where_one_is_looked_for(self, corpus: Path, given: tuple[str, str]) -> None:
        said = f"Error: {given[0]} says which average to make, and --search looks for one; leave one of the two out"
        self.refused(said, "a", "b", "-o", "out", "--search", corpus, "--references", "meta", *given)

    def test_every_option_is_known_as_of_a_search_of_a_recipe_or_of_both(self) -> None:
        groups = option_groups(main.commands["average"])
        names = {option.opts[-1]: option.name for options in groups.values() for option in options}
        of_one = {**_OF_SEARCH, **_OF_A_RECIPE}
        assert {name: key for key, name in of_one.items()}.items() <= names.items()
        both = {"--search", "--dtype", "--tokenizer", "--output", "--overwrite", "--json", "--quiet"}
        assert names.keys() - set(of_one.values()) == both

    def test_a_search_without_the_right_texts(self, corpus: Path) -> None:
        self.refused("name them with --references", "a", "b", "-o", "out", "--search", corpus)

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (("--trials", 0), "--trials is 0"),
            (("--strategy", "grid"), "'grid' is not one of"),
            (("--group", "encoder*"), "--group is for --strategy weights"),
            (("--holdout", 1), "give a share from 0 to 0.9"),
            (("--normalizer", "nfc"), "'nfc' is not one of"),
            (("--seed", -1), "--seed is -1"),
            (("--language", "japanese"), "give --language ja"),
            (("--channel", "0"), "give mix, left, right"),
            (("--dtype", "int8"), "'int8' is not one of"),
            (("--study", "s3://voices/s.db"), "is a URL"),
            (("--work", "s3://voices/work"), "is a URL"),
        ],
    )
    def test_an_option_that_cannot_be_honoured(self, corpus: Path, given: tuple[object, ...], said: str) -> None:
        self.refused(said, "a", "b", "-o", "out", "--search", corpus, "--references", "meta", *given)

    def test_a_corpus_without_audio_and_a_list_that_leads_nowhere(self, tmp_path: Path) -> None:
        asked = ("a", "b", "-o", "out", "--references", "meta", "--search")
        self.refused("no such file or folder", *asked, "none/")
        self.refused("No audio found", *asked, tmp_path / "here")

    @pytest.mark.parametrize("missing", ["optuna", "scipy", "matplotlib"])
    def test_an_extra_that_is_missing_comes_with_the_command_that_installs_it(
        self, corpus: Path, monkeypatch: pytest.MonkeyPatch, missing: str
    ) -> None:
        monkeypatch.setitem(sys.modules, missing, None)
        result = call("a", "b", "-o", "out", "--search", corpus, "--references", "meta")
        assert (result.exit_code, result.output) == (
            2,
            f"Error: `awct2 average --search` needs {missing}: pip install optuna scipy matplotlib matplotlib-fontja\n",
        )

    def test_no_place_and_no_checkpoint(self) -> None:
        self.refused("Missing option '-o'", "a", "b")
        self.refused("Missing argument 'CHECKPOINT...'", "-o", "out")
        self.refused("is a URL", "a", "b", "-o", "s3://voices/out")

    def test_layers_of_checkpoints_that_are_not_named(self) -> None:
        self.refused("no CHECKPOINT is named", "--layers", "encoder*=a", "decoder*=b", "-o", "out")

    def test_a_recipe_that_cannot_be_read(self) -> None:
        self.refused("--weights", "a", "b", "-o", "out", "--weights", "1")
        self.refused("--range", "a", "b", "-o", "out", "--range", "5:")
        self.refused("--layers", "a", "b", "-o", "out", "--layers", "encoder*")

    def test_what_was_taken_for_a_layer_is_said_to_be_none(self) -> None:
        self.refused(
            "1e-5 is none of the checkpoints; after =, name one as before, its number from 0, a range such as 0:2, or "
            "2 weights with commas between (it was taken for a --layers, since there is no folder run/lr=1e-5)",
            *("a", "b", "run/lr=1e-5", "--layers", "encoder*=b", "-o", "out"),
        )

    def test_weights_with_blanks_between_them(self) -> None:
        together = "stands among the checkpoints; write them with commas between: 0.2,0.3,.5"
        for given in (("0.2", "0.3", ".5"), ("0.2,", "0.3,", ".5")):
            self.refused(f"--weights: {given[1]} {together}", "a", "b", "c", "-o", "out", "--weights", *given)


class TestRecipe:
    """What becomes of the options that say which average is made."""

    def shares(self, average: Average) -> tuple[tuple[float, ...], dict[str, tuple[float, ...]]]:
        ((_, _, recipe),) = average.asked
        return recipe.mix.shares, {pattern: mix.shares for pattern, mix in recipe.parts}

    @pytest.mark.parametrize(
        ("given", "shares"),
        [
            ((), (0.25, 0.25, 0.25, 0.25)),
            (("--weights", "0,0,0.2,0.8"), (0.0, 0.0, 0.2, 0.8)),
            (("--weights", "2,0,0,2"), (0.5, 0.0, 0.0, 0.5)),
            (("--range", "-2:"), (0.0, 0.0, 0.5, 0.5)),
            (("--range", "1:3"), (0.0, 0.5, 0.5, 0.0)),
            (("--range", ":-3"), (1.0, 0.0, 0.0, 0.0)),
        ],
    )
    def test_weights_and_ranges(self, average: Average, given: tuple[str, ...], shares: tuple[float, ...]) -> None:
        assert call("a", "b", "c", "d", "-o", "out", *given).exit_code == 0
        assert self.shares(average) == (shares, {})

    @pytest.mark.parametrize(
        "layers",
        [
            ("--layers", "encoder*=a", "--layers", "decoder*=b"),
            ("--layers", "encoder*=a", "decoder*=b"),
        ],
        ids=["repeated", "in a row"],
    )
    def test_layers_are_given_one_by_one_or_in_a_row(self, average: Average, layers: tuple[str, ...]) -> None:
        assert call("a", "b", *layers, "-o", "out").exit_code == 0
        assert average.asked[0][0] == ("a", "b")
        assert self.shares(average) == ((0.5, 0.5), {"encoder*": (1.0, 0.0), "decoder*": (0.0, 1.0)})

    def test_a_checkpoint_whose_name_has_an_equals_sign_is_one(self, average: Average) -> None:
        Path("lr=1e-5").mkdir()
        assert call("lr=1e-5", "b", "--layers", "encoder*=b", "-o", "out").exit_code == 0
        assert average.asked[0][0] == ("lr=1e-5", "b")
        # Without --layers nothing else is looked for.
        assert call("lr=2e-5", "b", "-o", "out2").exit_code == 0
        assert average.asked[1][0] == ("lr=2e-5", "b")

    def test_a_trainer_s_folder_stands_for_its_checkpoints_in_the_order_of_the_training(self, average: Average) -> None:
        for step in (500, 1000, 1500):
            Path("run", f"checkpoint-{step}").mkdir(parents=True)
        result = call("run", "-o", "out", "--range", "-2:")
        assert average.asked[0][0] == tuple(str(Path("run", f"checkpoint-{step}")) for step in (500, 1000, 1500))
        assert self.shares(average) == ((0.0, 0.5, 0.5), {})
        assert "order" not in result.stderr

    def test_an_order_that_a_shell_has_made_is_said(self, average: Average) -> None:
        for name in ("checkpoint-1000", "checkpoint-500", "lr-5", "lr-1"):
            Path("run", name).mkdir(parents=True)
        result = call("run/checkpoint-1000", "run/checkpoint-500", "-o", "out")
        assert "checkpoint-1000 comes before checkpoint-500" in result.stderr
        # Other numbers may be no steps, and all alike have no order.
        assert "order" not in call("run/lr-5", "run/lr-1", "-o", "out2").stderr
        assert "lr-5 comes before lr-1" in call("run/lr-5", "run/lr-1", "-o", "out3", "--range", "1:").stderr

    def test_a_model_beside_the_checkpoints_of_its_training_is_left_out_and_that_is_said(
        self, average: Average
    ) -> None:
        for step in (500, 1000):
            Path("run", f"checkpoint-{step}").mkdir(parents=True)
        Path("run", "config.json").touch()
        said = call("run", "-o", "out").stderr.splitlines()[0]
        assert said.startswith("run stands for the 2 checkpoints in it, and not for the model beside them")
        said = call("run", "base", "-o", "out2").stderr.splitlines()[0]
        assert said.startswith("run stands for itself, and not for the 2 checkpoints in it")
        assert [names for names, _, _ in average.asked] == [
            tuple(str(Path("run", f"checkpoint-{step}")) for step in (500, 1000)),
            ("run", "base"),
        ]

    def test_the_work_gets_the_rest_of_what_was_asked_for(self, average: Average) -> None:
        assert call("a", "b", "-o", "out", "--dtype", "bfloat16", "--tokenizer", "t", "--overwrite").exit_code == 0
        assert average.asked[0][:2] == (("a", "b"), Path("out"))
        asked = {name: average.more[name] for name in ("dtype", "tokenizer", "overwrite")}
        assert asked == {"dtype": "bfloat16", "tokenizer": "t", "overwrite": True}

    def test_what_is_not_asked_for_is_left_to_the_library(self, average: Average) -> None:
        assert call("a", "b", "-o", "out").exit_code == 0
        asked = {name: average.more[name] for name in ("dtype", "tokenizer", "overwrite")}
        assert asked == {"dtype": None, "tokenizer": None, "overwrite": False}


class TestSaid:
    def test_what_was_averaged_what_differs_and_where_it_is(self, average: Average) -> None:
        result = call("x/a", "x/b", "y/a", "y/b", "-o", "out")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.splitlines() == [
            "config.json: dropout is another one in a",
            "averaging …",
            "4 of 4: x/a, x/b, y/a, …",
            "out: float16, 3 MB, 2.5 s",
        ]

    def test_quiet_says_nothing_but_what_is_lacking(self, average: Average) -> None:
        for step in (500, 1000):
            Path("run", f"checkpoint-{step}").mkdir(parents=True)
        Path("run", "config.json").touch()
        given = ("run/checkpoint-1000", "run/checkpoint-500", "run", "-q")
        result = call(*given, "-o", "out")
        assert (result.exit_code, result.output) == (0, "")
        average.lacking = "no tokenizer is there"
        result = call(*given, "-o", "out2")
        assert (result.exit_code, result.output) == (0, "no tokenizer is there\n")

    @pytest.mark.posix("line breaks in names")
    def test_a_name_with_a_line_break_is_in_one_line(self, average: Average) -> None:
        odd = "a\nb"
        for step in (500, 1000):
            Path(odd, f"checkpoint-{step}").mkdir(parents=True)
        result = call(f"{odd}/checkpoint-1000", f"{odd}/checkpoint-500", f"x/{odd}", f"y/{odd}", "-o", f"out{odd}")
        assert result.exit_code == 0
        assert [line[:9] for line in result.stderr.splitlines()] == [
            "config.js",
            "averaging",
            "4 of 4: c",
            "outa\\nb: ",
        ]
        result = call(f"{odd}/checkpoint-1000", f"{odd}/checkpoint-500", "-o", f"out2{odd}")
        assert "Name the folder that holds them, a\\nb, " in result.stderr.splitlines()[0]

    def test_json_is_all_that_standard_output_holds(self, average: Average) -> None:
        result = call("a", "b", "-o", "out", "--json")
        assert json.loads(result.stdout) == {"version": "名"}
        assert "2 of 2: a, b" in result.stderr

    def test_what_could_not_go_on_is_a_line(self, average: Average) -> None:
        average.error = CheckpointError("b: layer_norm.weight holds no numbers")
        result = call("a", "b", "-o", "out", "-q")
        assert (result.exit_code, result.stderr) == (1, "Error: b: layer_norm.weight holds no numbers\n")

    def test_an_interrupted_one_says_so(self, average: Average) -> None:
        average.error = KeyboardInterrupt()
        result = call("a", "b", "-o", "out", "-q")
        assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


class TestFiles:
    """With real checkpoints: whatever the options say is what lies in OUT."""

    def averaged(self, run: Path, *given: str) -> dict[str, np.ndarray[Any, Any]]:
        result = call(run, "-o", "out", *given)
        assert result.exit_code == 0, result.output
        written, base = load_file("out/model.safetensors"), load_file(CHECKPOINT / "model.safetensors")
        return {name: written[name].astype(np.float64) - base[name] for name in (TENSOR, DECODER)}

    @pytest.mark.parametrize(
        ("given", "encoder", "decoder"),
        [
            ((), 10.0, 10.0),
            (("--range", "-2:"), 10.5, 10.5),
            (("--weights", "1,0,3"), 10.5, 10.5),
            (("--layers", "encoder*=0", "decoder*=1:"), 9.0, 10.5),
        ],
    )
    def test_an_average_lies_where_it_was_asked_for(
        self, run: Path, given: tuple[str, ...], encoder: float, decoder: float
    ) -> None:
        found = self.averaged(run, *given)
        np.testing.assert_allclose(found[TENSOR], encoder, rtol=1e-5)
        np.testing.assert_allclose(found[DECODER], decoder, rtol=1e-5)

    def test_it_is_said_what_it_is_made_of(self, run: Path) -> None:
        result = call(run, "-o", "out", "--range", "1:", "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout) == json.loads(Path("out/average.json").read_text(encoding="utf-8"))
        assert "2 of 3: checkpoint-10, checkpoint-11\n" in result.stderr
        assert "suppress_tokens" not in result.stderr

    def test_what_differs_in_one_that_is_used_is_said_once(self, run: Path) -> None:
        result = call(run, "-o", "out")
        assert result.stderr.count("generation_config.json: suppress_tokens is another one in checkpoint-9\n") == 1

    def test_what_is_there_goes_with_overwrite_alone(self, run: Path) -> None:
        assert call(run, "-o", "out", "-q").exit_code == 0
        before = contents(Path("out"))
        refused = call(run, "-o", "out", "-q")
        assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
        assert "--overwrite" in refused.output
        assert contents(Path("out")) == before
        assert call(run, "-o", "out", "-q", "--overwrite", "--range", ":1").exit_code == 0
        single = run / "checkpoint-9" / "model.safetensors"
        assert Path("out/model.safetensors").read_bytes() == single.read_bytes()

    def test_a_name_that_is_empty_is_a_line(self, run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(run / "checkpoint-9")
        for given in (("", run), ("",), (run, "--tokenizer", "")):
            result = call(*given, "-o", tmp_path / "out", "-q")
            assert (result.exit_code, result.output.count("\n")) == (2, 1)
            assert "is empty; name a folder or a hub id" in result.output

    def test_what_was_taken_for_a_layer_and_is_for_no_tensor_is_said_to_be_none(self, run: Path) -> None:
        result = call(run, "step=1", "--layers", "encoder*=0", "-o", "out", "-q")
        assert (result.exit_code, result.output.count("\n")) == (2, 1)
        assert result.output.startswith("Error: --layers step: no tensor has such a name; ")
        assert result.output.endswith(" (it was taken for a --layers, since there is no folder step=1)\n")

    def test_a_folder_that_is_no_checkpoint_is_a_line(self, run: Path, tmp_path: Path) -> None:
        (tmp_path / "none").mkdir()
        result = call(run, tmp_path / "none", "-o", "out", "-q")
        assert (result.exit_code, result.output.count("\n")) == (1, 1)
        assert result.output.startswith("Error: ")
        assert "none" in result.output
        assert not Path("out").exists()


class TestSearch:
    def asked(self, corpus: Path, *given: object) -> Result:
        return call("a", "b", "-o", "out", "--search", corpus, "--references", "r.csv", *given)

    def test_the_table_is_printed_and_what_it_means_beside_it(self, course: Course, corpus: Path) -> None:
        result = self.asked(corpus)
        assert result.exit_code == 0, result.output
        assert "| single" in result.stdout
        verdict = "There it is not distinguishable from the last"
        assert verdict in result.stderr
        assert verdict not in result.stdout
        assert "2 recordings have no reference" in result.stderr
        assert result.stderr.endswith("out: the new checkpoint, with search.json, search.md and search.svg\n")

    def test_json_is_all_that_standard_output_holds(self, course: Course, corpus: Path) -> None:
        result = self.asked(corpus, "--json")
        assert result.exit_code == 0
        assert json.loads(result.stdout) == json.loads(json.dumps(as_json(FOUND, "--tokenizer", "名")))

    def test_quiet_prints_the_table_alone(self, course: Course, corpus: Path) -> None:
        result = self.asked(corpus, "-q")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.startswith("|")

    def test_the_work_gets_what_was_asked_for(self, course: Course, corpus: Path) -> None:
        args = (
            "--trials 7 --strategy weights --group encoder* --group decoder* --holdout 0.2 --normalizer none --seed 3"
        )
        more = "--language en --device cpu --compute-type float32 --channel left --work w --study s.db"
        others = "--dtype float16 --tokenizer t --overwrite"
        result = self.asked(corpus, *args.split(), *more.split(), *others.split(), "--search", corpus / "a.wav")
        # One corpus, by a folder and by its file.
        assert (result.exit_code, len(course.asked)) == (0, 1), result.output
        names, ids, references, out, options = course.asked[0]
        assert (names, set(ids), references, out) == (("a", "b"), {"a.wav"}, "r.csv", Path("out"))
        assert options == SearchOptions(
            trials=7,
            strategy="weights",
            groups=("encoder*", "decoder*"),
            holdout=0.2,
            normalizer="none",
            seed=3,
            language="en",
            device="cpu",
            compute_type="float32",
        )
        asked = {name: given for name, given in course.more.items() if not name.startswith("on_")}
        assert asked == {
            "study": Path("s.db"),
            "work": Path("w"),
            "overwrite": True,
            "tokenizer": "t",
            "dtype": "float16",
            "audio": AudioOptions("left"),
        }

    def test_what_is_not_asked_for_is_as_in_the_library(self, course: Course, corpus: Path) -> None:
        assert self.asked(corpus).exit_code == 0
        assert course.asked[0][-1] == SearchOptions()

    def test_a_trainer_s_folder_stands_for_its_checkpoints(self, course: Course, corpus: Path) -> None:
        for step in (500, 1000):
            Path("run", f"checkpoint-{step}").mkdir(parents=True)
        assert call("run", "-o", "out", "--search", corpus, "--references", "meta").exit_code == 0
        assert course.asked[0][0] == (str(Path("run/checkpoint-500")), str(Path("run/checkpoint-1000")))

    def test_an_interrupted_one_says_that_it_goes_on(self, course: Course, corpus: Path) -> None:
        course.error = KeyboardInterrupt()
        result = self.asked(corpus, "-q")
        assert (result.exit_code, result.stderr) == (130, "The same command goes on from what is done.\nInterrupted.\n")

    def test_what_could_not_go_on_is_a_line(self, course: Course, corpus: Path) -> None:
        course.error = EngineError("the GPU has left")
        result = self.asked(corpus, "-q")
        assert (result.exit_code, result.stderr) == (1, "Error: the GPU has left\n")


class TestProgress:
    @pytest.mark.parametrize(
        ("advance", "short", "line"),
        [
            (
                Advance("trying", 12, 62, 95.0, 12.345, 11.9),
                "trying 12/62, about 1:35 left of it, CER 12.35 % so far, best 11.90 %, 12:30 gone",
                "trying, 12 of 62 trials, CER 12.35 % so far, best 11.90 %, 12 min 30 s gone, about 1 min 35 s left "
                "of it",
            ),
            (
                Advance("summing", 1_500_000, 3_000_000_000),
                "summing the checkpoints up 2 of 3,000 MB, 12:30 gone",
                "summing the checkpoints up, 2 of 3,000 MB, 12 min 30 s gone",
            ),
            (
                Advance("measuring", 0, 1),
                "measuring what was held out 0/1, 12:30 gone",
                "measuring what was held out, 0 of 1 recording, 12 min 30 s gone",
            ),
            (
                Advance("hashing", 1_500_000_000, 3_000_000_000),
                "reading the checkpoints 1,500 of 3,000 MB, 12:30 gone",
                "reading the checkpoints, 1,500 of 3,000 MB, 12 min 30 s gone",
            ),
            (None, "opening the checkpoints, 12:30 gone", "opening the checkpoints, 12 min 30 s gone"),
        ],
    )
    def test_all_that_is_known_is_said(self, advance: Advance | None, short: str, line: str) -> None:
        look = look_at_search(advance, 750.0)
        assert (look.short, look.line) == (short, line)
        assert (look.done, look.total) == ((advance.done, advance.total) if advance else (0.0, 0.0))

    def test_on_a_terminal_there_is_a_bar(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(progress, "_TICK_S", 0.01)
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        said = ""

        def has(text: str) -> bool:
            nonlocal said
            said += capsys.readouterr().err
            return text in said

        with SearchProgress(quiet=False) as shown:
            wait_until(lambda: has("opening the checkpoints, 0:0"), 60, "nothing is shown")
            shown(Advance("trying", 30, 40, best=9.5))
            wait_until(lambda: has("75%|") and has("trying 30/40, best 9.50 %"), 60, "no bar is shown")
