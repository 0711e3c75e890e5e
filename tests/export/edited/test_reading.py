"""Tables as programs save them again: other quotes, separators, line ends and encodings, and what is no table."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export import Export
from anime_whisper_ct2.export.edited import Corrected
from tests.support.edits import correct, edit, replaced, rows_of, save, say
from tests.support.runs import LONG, segment, short, transcript, write_run

# As Excel and LibreOffice write them, in and outside Japan.
SAVED: dict[str, dict[str, Any]] = {
    "as it was": {},
    "few quotes": {"quoting": csv.QUOTE_MINIMAL, "end": "\r\n"},
    "all quotes": {"quoting": csv.QUOTE_ALL, "end": "\r\n"},
    "no mark": {"encoding": "utf-8", "end": "\r\n"},
    "semicolons": {"delimiter": ";", "end": "\r\n"},
    "tabs": {"delimiter": "\t", "end": "\r\n"},
    "unicode text": {"delimiter": "\t", "end": "\r\n", "encoding": "utf-16"},
    "big endian, unmarked semicolons": {"delimiter": ";", "encoding": "utf-16", "end": "\n"},
    "japanese excel": {"encoding": "cp932", "end": "\r\n"},
    "japanese excel, tabs": {"encoding": "cp932", "end": "\r\n", "delimiter": "\t"},
}
HOW = pytest.mark.parametrize("how", SAVED.values(), ids=SAVED)
TEXTS = ("おはよお", "=1+1", '「"引用"」', "あ;い,う", "'普通")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(
        tmp_path / "run",
        *(short(f"録音/{n}.ogg", text) for n, text in enumerate(TEXTS)),
        replace(LONG, id="録音/長い.ogg"),
        transcript("無.ogg"),
    )


@pytest.fixture
def table(run: Path, tmp_path: Path) -> Path:
    Export(run, "csv", tmp_path / "out").run()
    return tmp_path / "out" / "transcripts.csv"


def told(done: Corrected) -> list[tuple[str, str]]:
    return [(change.before, change.after) for change in done.changes]


@HOW
def test_saved_again_without_an_edit_nothing_is_decided(run: Path, table: Path, how: dict[str, Any]) -> None:
    done = correct(run, save(table, rows_of(table), **how))
    assert (done.rows, done.fitting, done.changes, done.unusable) == (8, 8, (), ())
    assert (dict(done.ignored), done.unknown_columns) == ({}, ())


@HOW
def test_saved_again_with_edits_these_are_found(run: Path, table: Path, how: dict[str, Any]) -> None:
    rows = rows_of(table)
    say("text", "おはよう", "'=2+2", '「"引用句"」', "あ;い,う,え", "'普段")(rows)
    rows[7]["text"] = ""
    done = correct(run, save(table, rows, **how))
    assert told(done) == [
        ("おはよお", "おはよう"),
        ("=1+1", "=2+2"),
        ('「"引用"」', '「"引用句"」'),
        ("あ;い,う", "あ;い,う,え"),
        ("'普通", "'普段"),
        ("三つ目", "三つ目"),
    ]
    assert done.unusable == ()


def test_a_comma_may_part_seconds(run: Path, table: Path) -> None:
    rows = rows_of(table)
    for row in rows:
        row.update({name: row[name].replace(".", ",") for name in row if name not in ("id", "text", "audio")})
    rows[5]["start"] = "0,75"
    done = correct(run, save(table, rows, delimiter=";", end="\r\n"))
    assert [change.to for change in done.changes] == [(0.75, 3.0)]
    assert (done.unusable, dict(done.ignored)) == ((), {})


def test_heads_may_be_in_capitals_and_below_excels_own_line(run: Path, table: Path) -> None:
    text = save(table, rows_of(table), delimiter=";").read_text("utf-8-sig")
    head, _, rest = text.partition("\n")
    table.write_text("sep=;\n" + head.replace("text", "TEXT").replace("id", "Id") + "\n\n" + rest, encoding="utf-8")
    assert correct(run, replaced(table, "おはよお", "おはよう")).rows == 8


def test_a_line_that_alt_and_enter_have_broken_is_one(run: Path, table: Path) -> None:
    done = correct(run, edit(table, say("text", "おは\nよう")))
    assert told(done) == [("おはよお", "おは よう")]


def test_what_an_encoding_has_lost_is_no_edit_and_no_text(tmp_path: Path) -> None:
    texts = ("すき♡だよ〜", "🎵歌う", "−5‖6", "普通")
    run = write_run(tmp_path / "run", *(short(f"{n}〜.ogg", text) for n, text in enumerate(texts)))
    Export(run, "csv", tmp_path / "out").run()
    table = tmp_path / "out" / "transcripts.csv"
    rows = rows_of(table)
    lost = [{**row, "id": row["id"].replace("〜", "～"), "audio": row["audio"].replace("〜", "～")} for row in rows]
    for row, text in zip(lost, ("すき?だよ～", "??歌う", "－5∥6", "普通"), strict=True):
        row["text"] = text
    done = correct(run, save(table, lost, "cp932", "\r\n"))
    assert (done.fitting, done.changes, done.unusable, dict(done.ignored)) == (4, (), (), {})
    say("text", "すき?ですよ～", "??歌う", "－5∥6", "普段")(lost)
    done = correct(run, save(table, lost, "cp932", "\r\n"))
    assert told(done) == [("普通", "普段")]
    assert [(remark.line, "cp932" in remark.why) for remark in done.unusable] == [(2, True)]


def test_texts_in_quotes_of_their_own_are_edited_in_a_tsv(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", *(short(f"{n}.ogg", '"引用"') for n in range(3)))
    Export(run, "tsv", tmp_path / "out").run()
    table = tmp_path / "out" / "transcripts.tsv"
    done = correct(run, edit(table, say("text", '"句"', '"引用"', '"一"と"二"')), dry_run=True)
    assert told(done) == [('"引用"', '"句"'), ('"引用"', '"一"と"二"')]
    # A spreadsheet doubles them.
    rows = rows_of(table)
    say("text", '"句"', '"引用"', "句")(rows)
    done = correct(run, save(table, rows, "utf-16", "\r\n", delimiter="\t"))
    assert told(done) == [('"引用"', '"句"'), ('"引用"', "句")]


class TestRowsThatCannotBeUsed:
    def test_each_is_named_by_its_line_and_the_others_go_on(self, run: Path, table: Path) -> None:
        lines = table.read_text("utf-8-sig").split("\n")[:-1]
        lines[2] = lines[2].replace("録音/1", "録音/9")
        lines[3] = lines[3].replace('""', '"')
        lines[4] = '"録音/3.ogg",0.0'
        lines[5] = lines[5].replace("普通", "普段")
        broken = "\n".join(lines).encode() + b'\n"\xff\xfe",0,1,"x"\n"a"b,1,2\n'
        table.write_bytes(broken)
        done = correct(run, table)
        assert [remark.line for remark in done.unusable] == [3, 4, 5, 10, 11]
        whys = [remark.why for remark in done.unusable]
        assert "録音/9.ogg: no recording of the run" in whys[0]
        assert "quotes that do not fit" in whys[1]
        assert "2 fields, and the table 11 columns" in whys[2]
        assert "no valid text" in whys[3]
        assert "quotes that do not fit" in whys[4]
        assert told(done) == [("'普通", "'普段")]

    def test_a_quote_that_is_never_closed_costs_its_own_row(self, run: Path, table: Path) -> None:
        text = table.read_text("utf-8-sig").replace('"おはよお"', '"おはよお').replace("三つ目", "みっつめ")
        table.write_text(text, encoding="utf-8")
        done = correct(run, table)
        assert ([remark.line for remark in done.unusable], told(done)) == ([2], [("三つ目", "みっつめ")])

    def test_rows_that_were_copied_count_once(self, run: Path, table: Path) -> None:
        def change(rows: list[dict[str, str]]) -> None:
            rows[0]["text"] = "おはよう"
            rows.append(dict(rows[0]))

        done = correct(run, edit(table, change))
        assert told(done) == [("おはよお", "おはよう")]
        assert [(remark.line, remark.why) for remark in done.unusable] == [(10, "is a copy of line 2")]

    def test_rows_that_say_different_things_of_one_segment_are_left_out(self, run: Path, table: Path) -> None:
        def change(rows: list[dict[str, str]]) -> None:
            rows.append({**rows[0], "text": "おはよう"})
            rows[1]["text"] = "2"

        done = correct(run, edit(table, change))
        assert told(done) == [("=1+1", "2")]
        assert [remark.line for remark in done.unusable] == [2, 10]
        assert done.unusable[0].why == "lines 2, 10 are about the same segment"

    def test_two_segments_of_the_same_times_are_told_apart_by_their_order(self, tmp_path: Path) -> None:
        made = transcript("a.ogg", segment(0.0, 1.5, "一"), segment(0.0, 1.5, "二"), duration=2.0)
        run = write_run(tmp_path / "run", made)
        Export(run, "csv", tmp_path / "out").run()
        done = correct(run, edit(tmp_path / "out" / "transcripts.csv", say("text", "一", "に")))
        assert (told(done), done.unusable) == ([("二", "に")], ())


class TestNoTables:
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "is empty"),
            (b"\n\n", "is empty"),
            (b"PK\x03\x04\x14\0", "is a workbook; save it as CSV in UTF-8"),
            (b"PAR1....", "is a Parquet file"),
            (b"hello\n", "is no csv, tsv, esd.list or .list of `awct2 export`"),
            (b"id,text\na,b\n", "its first row names no column start, end"),
            (b"id,start,end,text\n", "holds no row"),
            (b"\xff\xfe\x00", "is broken UTF-16 text"),
            (b"a|b|c\n", "is no csv, tsv"),
        ],
        ids=str,
    )
    def test_what_is_none_is_refused(self, run: Path, tmp_path: Path, content: bytes, why: str) -> None:
        (tmp_path / "x.csv").write_bytes(content)
        with pytest.raises(InputError, match=r"x\.csv") as refused:
            correct(run, tmp_path / "x.csv")
        assert why in str(refused.value)
        assert not (run / "review").exists()

    def test_a_folder_is_refused_with_what_to_name(self, run: Path, table: Path) -> None:
        with pytest.raises(InputError, match=r"is a folder; name the table in it, such as .*transcripts\.csv"):
            correct(run, table.parent)

    def test_one_that_is_not_there_is_refused(self, run: Path, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"no\.csv: cannot be opened"):
            correct(run, tmp_path / "no.csv")

    def test_a_table_of_another_run_is_refused(self, table: Path, tmp_path: Path) -> None:
        other = write_run(tmp_path / "other", short("x.ogg"))
        with pytest.raises(InputError, match=r"none of its 8 rows fits .*other: line 2: 録音/0\.ogg: no recording"):
            correct(other, table)
        assert not (other / "review").exists()

    def test_a_table_of_other_segments_is_refused(self, table: Path, tmp_path: Path) -> None:
        other = write_run(tmp_path / "other", transcript("録音/0.ogg", segment(7.0, 8.0), segment(8.0, 9.0)))
        with pytest.raises(InputError, match="none of its 8 rows fits"):
            correct(other, table)
