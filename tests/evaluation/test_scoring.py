"""What was heard is compared with what was said: counted, grouped, and printed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jiwer
import numpy as np
import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli.eval import eval_command
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.evaluation import EvalOptions, Grouping, as_json, evaluate, open_texts
from anime_whisper_ct2.evaluation.bootstrap import interval, resampled_rates
from anime_whisper_ct2.evaluation.records import Line
from anime_whisper_ct2.text import NORMALIZERS
from tests.support.comparisons import DRAWING, FEW, HEARD, SAID, command, compared, lines, run_folder


class TestRates:
    @pytest.mark.parametrize("name", NORMALIZERS)
    def test_rates_are_those_of_jiwer(self, name: str, tmp_path: Path) -> None:
        total = compared(HEARD, SAID, tmp_path, replace(FEW, normalizer=name)).runs[0].total
        normalize = NORMALIZERS[name]
        said, heard = ([normalize(side[id_]) for id_ in SAID] for side in (SAID, HEARD))
        theirs = jiwer.process_characters(said, heard)
        assert total.errors.cer == pytest.approx(100 * theirs.cer)
        kinds = (total.errors.substitutions, total.errors.deletions, total.errors.insertions)
        assert kinds == (theirs.substitutions, theirs.deletions, theirs.insertions)
        own = [100 * jiwer.cer(one, other) for one, other in zip(said, heard, strict=True)]
        assert total.mean_cer == pytest.approx(sum(own) / len(own))

    def test_each_group_has_its_rate_and_the_mean_counts_groups_the_same(self, tmp_path: Path) -> None:
        found = compared(HEARD, SAID, tmp_path)
        (run,) = found.runs
        assert found.groups == ("さくら", "先生")
        # 1 deletion and 1 substitution in 4 + 4 characters; 2 insertions in 3 + 2.
        assert [group.errors.cer for group in run.groups] == [pytest.approx(25.0), pytest.approx(40.0)]
        assert run.mean == pytest.approx(32.5)
        assert run.total.errors.cer == pytest.approx(100 * 4 / 13)

    def test_a_silence_that_was_heard_as_silence_is_no_error(self, tmp_path: Path) -> None:
        assert compared({"a": ""}, {"a": "…。"}, tmp_path).runs[0].total.errors.cer == 0.0

    def test_an_unknown_normalizer_is_refused(self) -> None:
        with pytest.raises(InputError, match="author, dataset, none"):
            EvalOptions(normalizer="nfkc")


class TestIntervals:
    def test_they_agree_with_resampling_written_out(self) -> None:
        rng = np.random.default_rng(1)
        characters = rng.integers(3, 30, 200)
        edits = rng.binomial(characters, 0.15)
        low, high = interval(resampled_rates(edits[None], characters, 4000, np.random.default_rng(2))[0])
        slow = np.random.default_rng(3)
        rates = []
        for _ in range(4000):
            drawn = [int(slow.integers(200)) for _ in range(200)]
            rates.append(100 * sum(int(edits[at]) for at in drawn) / sum(int(characters[at]) for at in drawn))
        ordered = sorted(rates)
        assert low == pytest.approx(ordered[100], abs=0.15)
        assert high == pytest.approx(ordered[3900], abs=0.15)

    def test_blocks_change_nothing_but_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        edits, characters = np.array([[1, 0, 2], [0, 0, 5]]), np.array([5, 6, 7])
        whole = resampled_rates(edits, characters, 10, np.random.default_rng(0))
        monkeypatch.setattr("anime_whisper_ct2.evaluation.bootstrap._BLOCK_DRAWS", 9)
        parts = resampled_rates(edits, characters, 10, np.random.default_rng(0))
        assert len(set(whole[0])) > 3
        np.testing.assert_array_equal(parts, whole)

    def test_the_same_texts_give_the_same_intervals(self, tmp_path: Path) -> None:
        assert as_json(compared(HEARD, SAID, tmp_path)) == as_json(compared(HEARD, SAID, tmp_path))

    def test_they_hold_the_rate(self, tmp_path: Path) -> None:
        many = {f"{n:03}": "あいうえおかきくけこ" for n in range(200)}
        wrong = {id_: text[: 10 - int(id_) % 3] for id_, text in many.items()}
        total = compared(wrong, many, tmp_path).runs[0].total
        low, high = total.interval
        assert low < total.errors.cer < high
        assert high - low < 3

    def test_a_run_against_itself_differs_by_nothing(self, tmp_path: Path) -> None:
        hyp = open_texts(lines(tmp_path / "a.jsonl", HEARD), heard=True)
        said = open_texts(lines(tmp_path / "ref.jsonl", SAID), heard=False)
        difference = evaluate({"one": hyp, "two": hyp}, said, FEW).runs[1].difference
        assert difference is not None
        assert (difference.cer, difference.interval) == (0.0, (0.0, 0.0))


class TestGroups:
    @pytest.mark.parametrize(
        ("by", "group"),
        [("folder", "a.tar"), ("folder:2", "a.tar/x"), ("tar", "a.tar"), ("column:who", "さくら"), ("none", "(none)")],
    )
    def test_a_recording_has_its_group(self, by: str, group: str) -> None:
        grouping = Grouping.parse(by)
        assert grouping.of(Line("a.tar/x/1.ogg", "", {"who": "さくら"})) == group
        assert str(grouping) == by

    @pytest.mark.parametrize("by", ["", "folders", "folder:0", "column:", "speaker"])
    def test_anything_else_is_refused(self, by: str) -> None:
        with pytest.raises(InputError, match="cannot group"):
            Grouping.parse(by)

    def test_a_column_comes_from_the_runs_metadata_where_references_lack_it(self, tmp_path: Path) -> None:
        meta = {"1": {"who": "さくら"}, "2": {"who": 3}}
        run = open_texts(run_folder(tmp_path / "run", {"1": "はい", "2": "え", "3": "お"}, **meta), heard=True)
        said = open_texts(lines(tmp_path / "r.jsonl", {"1": "はい", "2": "え", "3": "お"}), heard=False)
        assert evaluate({"r": run}, said, replace(FEW, grouping=Grouping.parse("column:who"))).groups == (
            *("(none)", "3"),
            "さくら",
        )
        with pytest.raises(InputError, match="'whom'"):
            evaluate({"r": run}, said, replace(FEW, grouping=Grouping.parse("column:whom")))

    def test_one_group_is_none(self, tmp_path: Path) -> None:
        found = compared({"a/1": "はい"}, {"a/1": "はい"}, tmp_path)
        assert found.groups == found.runs[0].groups == ()
        assert found.runs[0].mean == found.runs[0].total.errors.cer


class TestCommand:
    def test_it_prints_markdown_and_says_what_is_missing(self, tmp_path: Path) -> None:
        run = run_folder(tmp_path / "my-run", {k: v for k, v in HEARD.items() if k != "先生/2.ogg"}, ("先生/2.ogg",))
        result = command(run, lines(tmp_path / "ref.jsonl", SAID))
        assert result.exit_code == 0
        assert "| my-run | 25.00 | 0.00 | 12.50 |" in result.stdout
        assert (
            result.stderr
            == "my-run: 1 of the references has nothing (1 of them failed in the run), left out: 先生/2.ogg\n"
        )

    def test_it_prints_json_alone_on_standard_output(self, tmp_path: Path) -> None:
        result = command(lines(tmp_path / "h.jsonl", HEARD), lines(tmp_path / "ref.jsonl", SAID), "--json")
        content = json.loads(result.stdout)
        assert content["normalizer"] == "author"
        assert [run["name"] for run in content["runs"]] == ["h"]
        assert content["runs"][0]["mean_of_groups_percent"] == 32.5

    def test_runs_stand_side_by_side_under_their_names(self, tmp_path: Path) -> None:
        one, two = (lines(tmp_path / name / "out.jsonl", HEARD) for name in ("p", "q"))
        ref = lines(tmp_path / "ref.jsonl", SAID)
        content = json.loads(command(f"best={one}", two, ref, "--json").stdout)
        assert [run["name"] for run in content["runs"]] == ["best", "out"]
        content = json.loads(command(one, two, ref, "--json").stdout)
        assert [run["name"] for run in content["runs"]] == [one, two]
        assert "two runs are called" in str(command(f"a={one}", f"a={two}", ref).exception)

    def test_a_path_with_an_equals_sign_is_a_path(self, tmp_path: Path) -> None:
        path = lines(tmp_path / "lr=0.1" / "h.jsonl", HEARD)
        assert command(path, lines(tmp_path / "ref.jsonl", SAID)).exit_code == 0

    def test_meta_takes_the_references_from_the_run(self, tmp_path: Path) -> None:
        meta = {Path(id_).stem: {"text": text, "yomi": text} for id_, text in {"1.ogg": "はい", "2.ogg": "え"}.items()}
        run = run_folder(tmp_path / "run", {"1.ogg": "はい", "2.ogg": "ええ"}, **meta)
        for more in ((), ("--ref-text-column", "yomi")):
            content = json.loads(command(run, "meta", "--json", *more).stdout)
            assert (content["runs"][0]["recordings"], content["runs"][0]["insertions"]) == (2, 1)
        assert "leave it out" in str(command(run, "meta", "--ref-id-column", "id").exception)

    @DRAWING
    def test_charts_and_examples_are_written(self, tmp_path: Path) -> None:
        args = (lines(tmp_path / "h.jsonl", HEARD), lines(tmp_path / "ref.jsonl", SAID))
        result = command(*args, "--plot", tmp_path / "c.png", "--examples", tmp_path / "e.md", "--example-count", 1)
        assert result.exit_code == 0
        assert (tmp_path / "c.png").stat().st_size > 1000
        assert (tmp_path / "e.md").read_text(encoding="utf-8").splitlines()[2:] == ["| はい | はいはい | 先生/2.ogg |"]

    @pytest.mark.parametrize(
        "more",
        [
            ("--plot", "c.jpg"),
            ("--group-by", "speaker"),
            ("--ref-text-column", "none"),
            ("--text-column", "none"),
        ],
    )
    def test_what_cannot_be_honoured_is_refused(self, more: tuple[str, ...], tmp_path: Path) -> None:
        result = command(lines(tmp_path / "h.jsonl", HEARD), lines(tmp_path / "ref.jsonl", SAID), *more)
        assert isinstance(result.exception, InputError)
        assert result.exception.exit_code == 2

    def test_columns_are_refused_where_no_run_is_a_table(self, tmp_path: Path) -> None:
        run = run_folder(tmp_path / "run", HEARD)
        result = command(run, lines(tmp_path / "ref.jsonl", SAID), "--text-column", "text")
        assert "no HYP is one" in str(result.exception)

    def test_names_that_are_no_utf_8_come_through(self, tmp_path: Path) -> None:
        bad = "\udcff/1.ogg"
        for side, name in ((HEARD, "h"), (SAID, "r")):
            (tmp_path / name).write_bytes(
                b"".join(f"{k} {v}\n".encode("utf-8", "surrogateescape") for k, v in {**side, bad: "あ"}.items())
            )
        for more in ((), ("--json",), ("--plot", tmp_path / "c.svg")):
            result = command(tmp_path / "h", tmp_path / "r", *more)
            assert result.exit_code == 0
            assert "udcff" in result.stdout


@pytest.mark.parametrize(("most", "status"), [(20, 3), (60, 0)])
def test_a_rate_above_the_limit_ends_with_status_3(most: int, status: int, tmp_path: Path) -> None:
    for name, text in (("ref", "あいう"), ("hyp", "あいえ")):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"id": "a", "text": text}) + "\n", encoding="utf-8")
    result = CliRunner().invoke(
        eval_command, [f"{tmp_path}/hyp.jsonl", f"{tmp_path}/ref.jsonl", "--max-cer", str(most)]
    )
    assert result.exit_code == status
    assert "33.33" in result.output
