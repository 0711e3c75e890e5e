"""Texts are read from wherever they lie, and joined by id."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.evaluation import Grouping, evaluate, open_texts, texts_of_meta
from tests.support.comparisons import FEW, SAID, command, compared, lines, run_folder, texts


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
        path.write_text(
            "\ufeff" + "\n".join(mark.join(r) for r in (("Text", "ID"), ("はい", "1"), ("", "2"))) + "\n",
            encoding="utf-8",
        )
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
        (tmp_path / "4.txt").write_bytes("夜\r\n".encode("utf-16"))
        (tmp_path / "5.txt").write_bytes(b"\xff\xff")
        assert texts(tmp_path) == {"3": "日本", "4": "夜", "5": None, "さくら/1": "おはよう", "さくら/2.ogg": "朝"}

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

    def test_kaldis_texts_in_cp932_are_read_and_the_bytes_of_its_ids_stay(self, tmp_path: Path) -> None:
        said = {"utt1": "ﾄｶ", "声\udc80": "", "utt3": "声、ソ　表"}
        written = [id_.encode("utf-8", "surrogateescape") + b" " + text.encode("cp932") for id_, text in said.items()]
        (tmp_path / "text").write_bytes(b"\n".join(written))
        assert len(texts(tmp_path)) == 3
        assert list(texts(tmp_path).values()) == list(said.values())
        if os.sep == "/":
            assert texts(tmp_path) == said

    def test_names_of_columns_are_refused_where_there_are_none(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no columns"):
            texts(run_folder(tmp_path / "run", {"a": "はい"}), text="text")

    def test_nothing_there_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such file"):
            texts(tmp_path / "none.tar")


class TestVoiceLists:
    LINES = "さくら/1.wav|さくら|JP|おはよう!\nさくら/2.wav|さくら|JP|え、もう朝?\n先生/1.wav|先生|JP|静かに…\n"

    def test_an_esd_list_holds_references_and_texts(self, tmp_path: Path) -> None:
        path = tmp_path / "esd.list"
        path.write_bytes(self.LINES.encode("cp932"))
        said = {"さくら/1.wav": "おはよう!", "さくら/2.wav": "え、もう朝?", "先生/1.wav": "静かに…"}
        assert texts(path) == texts(path, heard=True) == said

    def test_its_speakers_are_groups(self, tmp_path: Path) -> None:
        path = tmp_path / "esd.list"
        path.write_text(self.LINES, encoding="utf-8")
        options = replace(FEW, grouping=Grouping.parse("column:speaker"))
        heard = open_texts(lines(tmp_path / "hyp.jsonl", SAID), heard=True)
        found = evaluate({"hyp": heard}, open_texts(str(path), heard=False), options)
        assert found.groups == ("さくら", "先生")
        assert found.runs[0].total.errors.cer == 0


class TestEnds:
    @pytest.mark.parametrize(
        ("heard", "said"),
        [
            ("1.ogg", "home/me/slicer_opt/1.wav"),
            ("さくら/1.ogg", "D:/GPT-SoVITS/raw/さくら/1.wav"),
            ("raw/さくら/1.ogg", "さくら/1.wav"),
            ("1.ogg", "D:\\voices\\1.wav"),
        ],
    )
    def test_where_nothing_fits_the_ends_of_paths_count(self, heard: str, said: str, tmp_path: Path) -> None:
        (run,) = compared({heard: "はい", "x.ogg": "え"}, {said: "はい", "y": "お"}, tmp_path).runs
        assert (run.total.recordings, run.by_ends.first, run.extra.first) == (1, (heard,), ("x.ogg",))

    def test_what_ends_like_several_is_left_alone(self, tmp_path: Path) -> None:
        said = {"a/1.wav": "はい", "b/1.wav": "え", "c/2.wav": "お"}
        (run,) = compared({"1.ogg": "はい", "2.ogg": "お"}, said, tmp_path).runs
        assert (run.by_ends.first, run.extra.first) == (("2.ogg",), ("1.ogg",))
        with pytest.raises(InputError, match="nothing has a reference"):
            compared({"a/1.ogg": "はい", "b/1.ogg": "え"}, {"1.wav": "はい"}, tmp_path)
        with pytest.raises(InputError, match="nothing has a reference"):
            compared({"11.ogg": "はい"}, {"a/1.wav": "はい"}, tmp_path)

    def test_where_anything_fits_as_it_is_they_do_not(self, tmp_path: Path) -> None:
        (run,) = compared({"1.ogg": "はい", "2.ogg": "え"}, {"1.ogg": "はい", "a/2.ogg": "え"}, tmp_path).runs
        assert (run.by_ends.count, run.extra.first) == (0, ("2.ogg",))


class TestOrder:
    def test_a_run_in_the_place_of_the_references_is_named_with_the_command(self, tmp_path: Path) -> None:
        run, said = run_folder(tmp_path / "run", SAID), lines(tmp_path / "said.jsonl", SAID)
        assert str(command(said, run).exception).endswith(f"swap them: awct2 eval {run} {said}")
        assert command(run, said).exit_code == 0
        assert "name those last" in str(command(f"x={said}", said, run).exception)

    def test_two_runs_and_a_column_by_its_name_are_meant(self, tmp_path: Path) -> None:
        run, said = run_folder(tmp_path / "run", SAID), lines(tmp_path / "said.jsonl", SAID)
        assert command(run_folder(tmp_path / "other", SAID), run).exit_code == 0
        assert command(said, Path(run, "transcripts.jsonl"), "--ref-text-column", "text").exit_code == 0

    def test_recordings_in_the_place_of_texts_are_to_be_transcribed_first(self, tmp_path: Path) -> None:
        (tmp_path / "corpus").mkdir()
        (tmp_path / "corpus" / "a.ogg").touch()
        result = command(tmp_path / "corpus", lines(tmp_path / "said.jsonl", SAID))
        assert "holds recordings and no texts; transcribe it first: awct2 run" in str(result.exception)
