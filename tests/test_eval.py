"""What was heard is compared with what was said: joined by id, counted, grouped, and shown."""

from __future__ import annotations

import io
import json
import re
import tarfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli.eval import eval_command
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.evaluation import (
    Columns,
    EvalOptions,
    Evaluation,
    Grouping,
    as_json,
    as_markdown,
    evaluate,
    example_table,
    open_texts,
    texts_of_meta,
)
from anime_whisper_ct2.evaluation import chart as charts
from anime_whisper_ct2.evaluation.bootstrap import interval, resampled_rates
from anime_whisper_ct2.evaluation.chart import draw_chart
from anime_whisper_ct2.evaluation.markdown import cell
from anime_whisper_ct2.evaluation.records import Line
from anime_whisper_ct2.journal import Journal
from anime_whisper_ct2.records import Failure, Segment, Transcript
from anime_whisper_ct2.text import NORMALIZERS

SAID = {"さくら/1.ogg": "おはよう!", "さくら/2.ogg": "え、もう朝?", "先生/1.ogg": "静かに…", "先生/2.ogg": "はい"}
HEARD = {"さくら/1.ogg": "おはよ", "さくら/2.ogg": "え、もう麻?", "先生/1.ogg": "静かに", "先生/2.ogg": "はいはい"}
FEW = EvalOptions(resamples=50)
DRAWING = pytest.mark.skipif(find_spec("matplotlib") is None, reason="charts need the extra [plot]")


def lines(path: Path, rows: Mapping[str, str] | list[dict[str, Any]]) -> str:
    """Write JSON lines: of texts by id, or rows as they are."""
    listed = [{"id": id_, "text": text} for id_, text in rows.items()] if isinstance(rows, Mapping) else rows
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in listed), encoding="utf-8")
    return str(path)


def run_folder(path: Path, texts: Mapping[str, str], failed: tuple[str, ...] = (), **meta: Mapping[str, Any]) -> str:
    """Write a run as the journal does; `meta` by the recording's name."""
    with Journal(path, {}) as journal:
        journal.begin({"inputs": ["corpus"]})
        for id_, text in texts.items():
            segments = (Segment(0.0, 1.0, text, -0.2, 0.01, 0.9),) if text else ()
            about = meta.get(Path(id_).stem, {})
            journal.write(Transcript(id_, id_, 1.0, "ja", text, segments, () if text else ("empty",), about))
        for id_ in failed:
            journal.write(Failure(id_, id_, "decode", "DecodeError", "no audio"))
        journal.finish("finished", {})
    return str(path)


def compared(
    heard: Mapping[str, str] | list[dict[str, Any]], said: Mapping[str, str], tmp: Path, options: EvalOptions = FEW
) -> Evaluation:
    hyp = open_texts(lines(tmp / "hyp.jsonl", heard), heard=True)
    return evaluate({"hyp": hyp}, open_texts(lines(tmp / "ref.jsonl", said), heard=False), options)


def texts(path: str | Path, *, heard: bool = False, **columns: str) -> dict[str, str | None]:
    return {line.id: line.text for line in open_texts(str(path), Columns(**columns), heard=heard).lines()}


def command(*args: object) -> Result:
    result = CliRunner().invoke(eval_command, [*map(str, args), "--resamples", "20"])
    if result.exception and not isinstance(result.exception, (SystemExit, InputError)):
        raise result.exception
    return result


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


class TestJoining:
    def test_what_is_missing_and_what_is_extra_is_counted_and_named(self, tmp_path: Path) -> None:
        heard = {"さくら/1.ogg": "おはよう", "よそ/9.ogg": "誰"}
        (run,) = compared(heard, SAID, tmp_path).runs
        assert (run.missing.count, run.missing.first) == (3, ("さくら/2.ogg", "先生/1.ogg", "先生/2.ogg"))
        assert (run.extra.count, run.extra.first) == (1, ("よそ/9.ogg",))
        assert run.total.recordings == 1

    def test_missing_can_count_as_empty(self, tmp_path: Path) -> None:
        options = replace(FEW, missing_is_empty=True)
        (run,) = compared({"a": "はい"}, {"a": "はい", "b": "そうです"}, tmp_path, options).runs
        # An empty text is `…` to the author's scorer: one wrong character, three lost.
        assert (run.total.errors.substitutions, run.total.errors.deletions) == (1, 3)
        assert run.missing.count == 1

    def test_of_the_missing_those_that_failed_are_counted(self, tmp_path: Path) -> None:
        run = open_texts(run_folder(tmp_path / "run", {"a.ogg": "はい"}, failed=("b.ogg",)), heard=True)
        said = open_texts(lines(tmp_path / "r.jsonl", {"a.ogg": "はい", "b.ogg": "え", "c.ogg": "お"}), heard=False)
        (score,) = evaluate({"run": run}, said, FEW).runs
        assert (score.missing.count, score.failed) == (2, 1)

    @pytest.mark.parametrize(
        ("heard", "said"),
        [("a/1.ogg", "a/1"), ("a/1", "a/1.flac"), ("a/1.wav", "a/1.OGG"), ("が/1.ogg", "か\u3099/1.ogg")],
    )
    def test_extension_and_unicode_form_do_not_part_what_is_clear(self, heard: str, said: str, tmp_path: Path) -> None:
        assert compared({heard: "はい"}, {said: "はい"}, tmp_path).runs[0].total.recordings == 1

    @pytest.mark.parametrize(
        ("heard", "said"), [(["a"], ["a.wav", "a.mp3"]), (["a.wav", "a.mp3"], ["a"]), (["a.wav"], ["a.mp3", "a.ogg"])]
    )
    def test_what_could_be_either_is_left_alone(self, heard: list[str], said: list[str], tmp_path: Path) -> None:
        both = {"z": "はい"}
        (run,) = compared({**dict.fromkeys(heard, "あ"), **both}, {**dict.fromkeys(said, "あ"), **both}, tmp_path).runs
        assert (run.missing.count, run.extra.count, run.total.recordings) == (len(said), len(heard), 1)

    def test_the_same_id_goes_before_a_similar_one(self, tmp_path: Path) -> None:
        (run,) = compared({"a.wav": "違う", "a": "はい"}, {"a": "はい"}, tmp_path).runs
        assert (run.total.errors.edits, run.extra.first) == (0, ("a.wav",))

    def test_of_duplicates_the_first_counts_and_they_are_named(self, tmp_path: Path) -> None:
        rows = [{"id": "a", "text": "はい"}, {"id": "a", "text": "いいえ"}, {"id": "b", "text": "え"}]
        found = evaluate(
            {"hyp": open_texts(lines(tmp_path / "h.jsonl", rows), heard=True)},
            open_texts(lines(tmp_path / "r.jsonl", rows), heard=False),
            FEW,
        )
        assert found.duplicates.first == found.runs[0].duplicates.first == ("a",)
        assert found.runs[0].total.errors.edits == 0

    def test_rows_of_no_use_are_counted_and_the_rest_goes_on(self, tmp_path: Path) -> None:
        path = tmp_path / "h.jsonl"
        path.write_text('{"id": "a", "text": "はい"}\n[1]\n{"id": "b"}\n{"te\n{"text": "え"}\n', encoding="utf-8")
        said = open_texts(lines(tmp_path / "r.jsonl", {"a": "はい", "b": "え"}), heard=False)
        (run,) = evaluate({"h": open_texts(str(path), heard=True)}, said, FEW).runs
        assert run.without_text.count == 4
        assert f"{path}:2" in run.without_text.first
        assert run.total.recordings == 1

    def test_ids_that_have_nothing_in_common_are_shown(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"'x/1\.ogg'.*'さくら/1\.ogg'"):
            compared({"x/1.ogg": "はい"}, SAID, tmp_path)

    def test_several_runs_are_compared_over_what_all_have(self, tmp_path: Path) -> None:
        one = open_texts(lines(tmp_path / "1.jsonl", {"a": "はい", "b": "え"}), heard=True)
        two = open_texts(lines(tmp_path / "2.jsonl", {"b": "え", "c": "お"}), heard=True)
        said = open_texts(lines(tmp_path / "r.jsonl", {"a": "はい", "b": "え", "c": "お"}), heard=False)
        found = evaluate({"1": one, "2": two}, said, FEW)
        assert found.scored == 1
        assert [run.total.recordings for run in found.runs] == [1, 1]
        empty = evaluate({"1": one, "2": two}, said, replace(FEW, missing_is_empty=True))
        assert [run.total.recordings for run in empty.runs] == [3, 3]


class TestSources:
    def test_a_run_is_read_with_its_metadata(self, tmp_path: Path) -> None:
        path = run_folder(tmp_path / "run", {"a/1.ogg": "はい", "a/2.ogg": ""}, **{"1": {"text": "はあい"}})
        assert texts(path, heard=True) == texts(Path(path) / "transcripts.jsonl") == {"a/1.ogg": "はい", "a/2.ogg": ""}
        source = texts_of_meta(open_texts(path, heard=True))
        assert {line.id: line.text for line in source.lines()} == {"a/1.ogg": "はあい", "a/2.ogg": None}

    @pytest.mark.parametrize("ending", ["csv", "tsv"])
    def test_tables_by_id_and_text(self, ending: str, tmp_path: Path) -> None:
        mark = "," if ending == "csv" else "\t"
        path = tmp_path / f"t.{ending}"
        path.write_text("\ufeff" + "\n".join(mark.join(r) for r in (("Text", "ID"), ("はい", "1"), ("", "2"))) + "\n")
        assert texts(path) == {"1": "はい", "2": ""}

    def test_a_manifest_gives_the_ids_that_a_run_of_it_has(self, tmp_path: Path) -> None:
        rows = [
            {"audio_filepath": str(tmp_path / "wav" / "1.wav"), "text": "はい", "duration": 1.0},
            {"audio_filepath": "wav/2.wav", "offset": 1.0, "duration": 2.0, "text": "え"},
            {"audio_filepath": "wav/1.wav", "text": "again"},
        ]
        found = texts(lines(tmp_path / "m.jsonl", rows))
        assert found == {"wav/1.wav": "はい", "wav/2.wav#1.000-3.000": "え", "m.jsonl:3": None}

    def test_columns_can_be_named(self, tmp_path: Path) -> None:
        path = lines(tmp_path / "t.jsonl", [{"id": "x", "line": 7, "said": "はい", "text": "え"}])
        assert texts(path, id="line", text="said") == {"7": "はい"}
        for wrong in ({"id": "no"}, {"text": "no"}):
            with pytest.raises(InputError, match=r"'no'.*it has 'id', 'line'"):
                texts(path, **wrong)

    def test_what_a_recogniser_wrote_is_not_what_it_was_given(self, tmp_path: Path) -> None:
        path = lines(tmp_path / "nemo.jsonl", [{"audio_filepath": "1.wav", "text": "言った", "pred_text": "聞いた"}])
        assert texts(path, heard=True) == {"1.wav": "聞いた"}
        assert texts(path, heard=False) == {"1.wav": "言った"}

    @pytest.mark.parametrize("row", [{"id": "1", "speech": "はい"}, {"name": "1", "text": "はい"}])
    def test_columns_that_cannot_be_guessed_are_asked_for(self, row: dict[str, Any], tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"name one with --(text|id)-column"):
            texts(lines(tmp_path / "t.jsonl", [row]))

    def test_a_folder_of_texts_mirrors_the_corpus(self, tmp_path: Path) -> None:
        for name, text in (("さくら/1.txt", "おはよう\n"), ("さくら/2.ogg.txt", "\ufeff朝")):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / "3.txt").write_bytes("日本".encode("shift_jis"))
        assert texts(tmp_path) == {"3": None, "さくら/1": "おはよう", "さくら/2.ogg": "朝"}

    def test_sidecars_in_tars_are_references(self, tmp_path: Path) -> None:
        with tarfile.open(tmp_path / "train-000.tar", "w") as tar:
            for name, data in (("x.ogg", b"OggS"), ("x.txt", "はい".encode()), ("y.ogg", b"OggS")):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        expected = {"train-000.tar/x.ogg": "はい", "train-000.tar/y.ogg": None}
        for path in (tmp_path, tmp_path / "train-000.tar", tmp_path / "train-{000..000}.tar"):
            assert texts(path) == expected

    def test_kaldi_and_colon_lists_are_read_by_line(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("utt1 お は よう\nutt2\nutt:3\t朝\n", encoding="utf-8")
        assert texts(tmp_path) == texts(tmp_path / "text") == {"utt1": "お は よう", "utt2": "", "utt:3": "朝"}
        (tmp_path / "jsut.txt").write_text("BASIC_0001:水を\nno colon\n", encoding="utf-8")
        assert texts(tmp_path / "jsut.txt") == {"BASIC_0001": "水を", f"{tmp_path / 'jsut.txt'}:2": None}

    def test_names_of_columns_are_refused_where_there_are_none(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no columns"):
            texts(run_folder(tmp_path / "run", {"a": "はい"}), text="text")

    def test_nothing_there_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such file"):
            texts(tmp_path / "none.tar")


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


class TestTables:
    def test_the_first_table_is_the_authors(self, tmp_path: Path) -> None:
        table = as_markdown(compared(HEARD, SAID, tmp_path)).split("\n\n")[1]
        assert table.splitlines() == [
            "| run | さくら | 先生 | mean |",
            "| --- | ---: | ---: | ---: |",
            "| hyp | 25.00 | 40.00 | 32.50 |",
        ]

    def test_many_groups_become_rows(self, tmp_path: Path) -> None:
        said = {f"{n:02}/1.ogg": "はい" for n in range(12)}
        table = as_markdown(compared(said, said, tmp_path)).split("\n\n")[1]
        assert table.splitlines()[0] == "| group | hyp |"
        assert len(table.splitlines()) == 2 + 12 + 1

    def test_rates_of_kinds_add_up_to_the_whole(self, tmp_path: Path) -> None:
        (run,) = as_json(compared(HEARD, SAID, tmp_path))["runs"]
        for score in (run, *run["groups"]):
            parts = sum(score[f"{kind}_percent"] for kind in ("substitution", "deletion", "insertion"))
            assert parts == pytest.approx(score["cer_percent"], abs=0.001)

    def test_every_row_has_every_column(self, tmp_path: Path) -> None:
        for table in as_markdown(compared(HEARD, SAID, tmp_path)).split("\n\n")[1:]:
            assert len({line.count("|") for line in table.splitlines()}) == 1

    def test_names_and_texts_stay_as_they_are_in_a_cell(self) -> None:
        assert cell("a|b\\c\n<b>*x*_y_&amp;`\udcff") == r"a\|b\\c<br>\<b\>\*x\*\_y\_&amp;amp;\`\udcff"


class TestExamples:
    def rows(self, tmp_path: Path, count: int, *heard: Mapping[str, str]) -> list[str]:
        said = open_texts(lines(tmp_path / "ref.jsonl", SAID), heard=False)
        runs = {
            name: open_texts(lines(tmp_path / f"{name}.jsonl", side), heard=True)
            for name, side in zip("xy", heard, strict=False)
        }
        return example_table(evaluate(runs, said, FEW), runs, said, count).splitlines()

    def test_lines_where_runs_differ_most_come_first(self, tmp_path: Path) -> None:
        head, _, *rows = self.rows(tmp_path, 2, SAID, {**SAID, "先生/2.ogg": "ご視聴|ありがとう", "先生/1.ogg": "静か"})
        assert head == "| reference | x | y | id |"
        assert rows == [
            r"| はい | はい | ご視聴\|ありがとう | 先生/2.ogg |",
            "| 静かに… | 静かに… | 静か | 先生/1.ogg |",
        ]

    def test_lines_that_both_get_wrong_alike_are_not_shown(self, tmp_path: Path) -> None:
        assert len(self.rows(tmp_path, 9, HEARD, {**HEARD, "先生/2.ogg": "はい"})) == 2 + 1

    def test_of_one_run_its_worst_lines_are_shown(self, tmp_path: Path) -> None:
        _, _, *rows = self.rows(tmp_path, 9, HEARD)
        assert [row.split(" | ")[-1].removesuffix(" |") for row in rows] == [
            "先生/2.ogg",
            "さくら/1.ogg",
            "さくら/2.ogg",
        ]


@DRAWING
class TestCharts:
    def test_the_svg_is_valid_and_the_same_every_time(self, tmp_path: Path) -> None:
        found = compared({**HEARD, "a $b_c$ &<x>/1.ogg": "え"}, {**SAID, "a $b_c$ &<x>/1.ogg": "え"}, tmp_path)
        for name in ("1.svg", "2.svg"):
            draw_chart(found, tmp_path / name)
        assert ET.parse(tmp_path / "1.svg").getroot().tag.endswith("svg")
        assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()

    def test_japanese_names_are_drawn_with_their_own_glyphs(self, tmp_path: Path) -> None:
        found = compared(HEARD, SAID, tmp_path)
        warning = draw_chart(found, tmp_path / "c.svg")
        if warning:
            pytest.skip("no Japanese font here")
        svg = (tmp_path / "c.svg").read_text(encoding="utf-8")
        # Outlines are named by font and glyph; glyph 0 is the box that stands for all that a font lacks.
        glyphs = set(re.findall(r'<path id="(?!DejaVu)([^"]*-(?!0")[0-9a-f]+)"', svg))
        assert len(glyphs) == len(set("さくら先生"))

    def test_each_group_has_a_bar_for_each_run(self, tmp_path: Path) -> None:
        hyp = open_texts(lines(tmp_path / "hyp.jsonl", HEARD), heard=True)
        said = open_texts(lines(tmp_path / "ref.jsonl", SAID), heard=False)
        bars = list(charts._bars(evaluate({"one": hyp, "two": hyp}, said, FEW)))
        assert [bar.label for bar in bars] == ["all", "one", "two", "さくら", "one", "two", "先生", "one", "two"]
        assert [bar.label for bar in bars if bar.score is None] == ["all", "さくら", "先生"]

    def test_a_place_that_takes_no_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"c\.svg cannot be written"):
            draw_chart(compared(HEARD, SAID, tmp_path), tmp_path / "none" / "c.svg")

    def test_without_a_font_one_line_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(charts, "_JAPANESE_FONTS", ())
        monkeypatch.setattr(charts, "_FONT_PACKAGES", ())
        warning = draw_chart(compared(HEARD, SAID, tmp_path), tmp_path / "c.png")
        assert warning is not None
        assert "\n" not in warning
        assert "install a Japanese font" in warning
        assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")

    def test_a_thousand_groups_still_make_a_chart_of_bounded_size(self, tmp_path: Path) -> None:
        said = {f"{n:03}/1.ogg": "はい" * (1 + n % 3) for n in range(200)}
        found = compared(said, said, tmp_path)
        assert len(found.groups) == 200
        draw_chart(found, tmp_path / "c.png")
        height = int.from_bytes((tmp_path / "c.png").read_bytes()[20:24], "big")
        assert height < 3000


class TestCommand:
    def test_it_prints_markdown_and_says_what_is_missing(self, tmp_path: Path) -> None:
        run = run_folder(tmp_path / "my-run", {k: v for k, v in HEARD.items() if k != "先生/2.ogg"}, ("先生/2.ogg",))
        result = command(run, lines(tmp_path / "ref.jsonl", SAID))
        assert result.exit_code == 0
        assert "| my-run | 25.00 | 0.00 | 12.50 |" in result.stdout
        assert (
            result.stderr
            == "my-run: 1 of the references have nothing (1 of them failed in the run), left out: 先生/2.ogg\n"
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
