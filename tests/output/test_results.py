"""What a run left on disk is read back: each recording once, sorted, and a bad line by its number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.lines import to_json
from anime_whisper_ct2.output.results import RunFolder, read_transcript
from tests.support.runs import LONG, short, write_run


class TestRunFolder:
    def test_transcripts_come_sorted_by_code_point_each_once_and_the_last_line_counts(self, tmp_path: Path) -> None:
        ids = ["b.ogg", "ａ.ogg", "あ/2.ogg", "あ/10.ogg", "B.ogg", "\udcff.ogg", "😀.ogg"]
        run = RunFolder(write_run(tmp_path, *(short(id_) for id_ in ids), short("b.ogg", "新しい")))
        read = list(run.transcripts())
        assert [one.id for one in read] == sorted(ids) == list(run.ids)
        assert len(run) == len(ids)
        assert [run[id_].id for id_ in ids] == ids
        assert "c.ogg" not in run
        assert next(one for one in read if one.id == "b.ogg").text == "新しい"

    def test_a_torn_last_line_is_left_out(self, tmp_path: Path) -> None:
        write_run(tmp_path, short("a.ogg"), short("b.ogg"))
        path = tmp_path / "transcripts.jsonl"
        path.write_bytes(path.read_bytes()[:-30])
        assert RunFolder(tmp_path).ids == ["a.ogg"]

    def test_a_transcripts_file_alone_will_do(self, tmp_path: Path) -> None:
        (tmp_path / "x.jsonl").write_text(to_json(LONG) + "\n", encoding="utf-8")
        run = RunFolder(tmp_path / "x.jsonl")
        assert list(run.transcripts()) == [LONG]
        assert (run.about, run.title) == ({}, None)

    def test_what_is_no_run_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        for path in (tmp_path / "folder", tmp_path / "absent"):
            with pytest.raises(InputError, match=f"{path.name}: no results of a run"):
                RunFolder(path)

    @pytest.mark.parametrize(
        "bad",
        [
            *('{"id": "c.ogg"}', "no json", "[]", '{"id": 5}', '{"id": "c.ogg", "audio": "c", "duration": []}'),
            to_json(short("c.ogg")).replace('"segments": [', '"segments": [5, '),
            *(to_json(short("c.ogg"))[:-1] + f', "missing_s": {wrong}}}' for wrong in ("-0.1", "NaN", "[]", "1e99")),
        ],
    )
    def test_a_bad_line_is_named(self, tmp_path: Path, bad: str) -> None:
        write_run(tmp_path, short("z.ogg"), short("a.ogg"))
        with (tmp_path / "transcripts.jsonl").open("a", encoding="utf-8") as file:
            file.write(bad + "\n")
        with pytest.raises(InputError, match="line 3: not a line that a run wrote"):
            list(RunFolder(tmp_path).transcripts())

    def test_keys_of_later_versions_are_passed_over_and_old_lines_have_fewer(self) -> None:
        line = json.loads(to_json(LONG))
        assert line.keys().isdisjoint(("offset", "missing_s"))
        line["readings"] = line["segments"][0]["phonemes"] = [{"phoneme": "i"}]
        assert read_transcript(line) == LONG
        assert read_transcript({**line, "offset": 12.5}).offset == 12.5
        assert read_transcript({**line, "missing_s": 0}).missing_s == 0.0

    @pytest.mark.parametrize(
        ("inputs", "title"),
        [
            (["C:\\voices\\galge.v2"], "galge.v2"),
            ([r"\\nas\voices\takes\*.ogg"], "takes"),
            *((["corpus/"], "corpus"), (["/data/声優 v1.2"], "声優 v1.2"), (["corpus/*/voice_*.ogg"], "corpus")),
            *((["s3://bucket/game.tar.gz"], "game"), (["list.jsonl"], "list"), (["a", "b"], None), (["-"], None)),
            *(([".."], None), (None, None), ([5], None), (["tars/shard-{000..003}.tar"], "tars")),
            *((["game.tar.xz"], "game"), (["clips.arrow"], "clips"), (["a.ndjson"], "a")),
        ],
    )
    def test_the_title_is_the_corpuss_name(self, tmp_path: Path, inputs: object, title: str | None) -> None:
        write_run(tmp_path)
        (tmp_path / "run.json").write_text(json.dumps({"inputs": inputs}), encoding="utf-8")
        assert RunFolder(tmp_path).title == title
