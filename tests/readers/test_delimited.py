"""CSV and TSV give their rows as recordings, whichever column names the audio."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.lists.manifests import manifest
from anime_whisper_ct2.records import Excerpt, Unreadable
from tests.support.listings import Write, message, only, writer


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


class TestTables:
    @pytest.mark.parametrize("ending", ["csv", "tsv"])
    def test_rows_are_those_that_the_csv_module_writes(self, write: Write, tmp_path: Path, ending: str) -> None:
        texts = ["えっと", 'said "no"', "a,b", " x ", "", '"', "''", "a;b"]
        texts += ["a\nb\r\nc", "\n"] if ending == "csv" else ["a, b"]
        buffer = io.StringIO(newline="")
        table = csv.writer(buffer, delimiter="," if ending == "csv" else "\t")
        table.writerow(["speaker", "Path", "Text"])
        table.writerows(["", f"{number}.ogg", text] for number, text in enumerate(texts))
        found = list(manifest(write(f"m.{ending}", "\ufeff" + buffer.getvalue())))
        assert [recording.name for recording in found] == [
            str(tmp_path / f"{number}.ogg") for number in range(len(texts))
        ]
        assert [recording.meta["text"] for recording in found] == [text.replace("\r\n", "\n") for text in texts]
        assert {recording.meta["speaker"] for recording in found} == {""}

    def test_a_stretch_and_an_id_are_understood_in_any_case(self, write: Write) -> None:
        found = list(manifest(write("m.csv", "ID,Audio,START,End\nx,a.ogg,1,2.5\n,a.ogg,,\n")))
        assert [recording.id for recording in found] == ["x", "a.ogg"]
        assert isinstance(found[0].audio, Excerpt)
        assert found[0].audio.duration_s == 1.5
        assert found[0].meta == {}

    def test_the_only_column_of_audio_is_taken(self, write: Write) -> None:
        path = write("m.csv", "note,wave\na,1.ogg\nb,\nc,3.FLAC\n")
        first, empty, last = manifest(path)
        assert (first.id, last.id) == ("1.ogg", "3.FLAC")
        assert first.meta == {"note": "a"}
        assert "no audio in the column 'wave'" in message(empty)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("a,b\nx,y\n", "no column is known .*--audio-column; the columns are 'a', 'b'"),
            ("clean,noisy\n1.wav,2.wav\n", "several columns .* 'clean', 'noisy'"),
            ("1.wav,2.wav\n", "several columns .* 'col0', 'col1'"),
            ("a,b\n", "no column"),
            ('"a,b\nx,y\n', "first row is no row of CSV"),
            (b"\xff,b\nx,y\n", "first row is no valid UTF-8"),
        ],
    )
    def test_a_table_without_a_clear_column_is_refused(self, write: Write, content: str | bytes, reason: str) -> None:
        with pytest.raises(InputError, match=reason):
            list(manifest(write("m.csv", content)))

    def test_a_column_can_be_named(self, write: Write) -> None:
        path = write("m.csv", "clean,noisy,Path\n1.wav,2.wav,3.wav\n")
        assert only(path, "noisy").meta == {"clean": "1.wav", "Path": "3.wav"}
        assert only(path, "path").id == "3.wav"
        with pytest.raises(InputError, match="no column 'loud'; the columns are 'clean', 'noisy', 'Path'"):
            list(manifest(path, "loud"))

    def test_without_a_header_columns_are_numbered(self, write: Write) -> None:
        path = write("m.tsv", "a\t1.ogg\tx\nb\t2.ogg\ty\n")
        assert [(recording.id, recording.meta) for recording in manifest(path)] == [
            ("1.ogg", {"col0": "a", "col2": "x"}),
            ("2.ogg", {"col0": "b", "col2": "y"}),
        ]
        assert only(write("n.csv", "1.wav,2.wav\n"), "col1").id == "2.wav"

    def test_columns_without_a_name_of_their_own_get_one(self, write: Write) -> None:
        assert only(write("m.csv", ",path,note,note\n0,a.ogg,x,y\n")).meta == {"col0": "0", "note": "x", "note_2": "y"}

    def test_an_empty_one_has_no_recordings(self, write: Write) -> None:
        for name in ("m.csv", "m.tsv", "m.jsonl", "m.txt"):
            assert list(manifest(write(name, "\n"))) == []
        assert list(manifest(write("m.csv", "path,text\n"))) == []

    def test_a_quote_that_is_not_closed_costs_one_row(self, write: Write) -> None:
        rows = "".join(f"{number}.ogg,text\n" for number in range(20_000))
        for broken in ('x.ogg,"text\n', 'x.ogg,"text" more\n'):
            first, bad, *rest = manifest(write("m.csv", f"path,text\na.ogg,b\n{broken}{rows}z.ogg,last"))
            assert (first.id, bad.id) == ("a.ogg", "m.csv:3")
            assert "no row of CSV" in message(bad) or "500 lines" in message(bad)
            assert len(rest) == 20_001
            assert not any(isinstance(recording.audio, Unreadable) for recording in rest)

    def test_bad_rows_fail_by_the_line_they_begin_at(self, write: Write) -> None:
        rows = [b"path,text", b'a.ogg,"two', b'lines"', b"b.ogg,\xff", b"c.ogg,x,y", b"d.ogg,x,", b"e.ogg", b"f.ogg,\0"]
        rows += [b"g.ogg," + b"x" * 200_000, b",x", b" , ", b"h.ogg,x"]
        found = list(manifest(write("m.csv", b"\r\n".join(rows))))
        good = [recording.id for recording in found if not isinstance(recording.audio, Unreadable)]
        bad = [recording for recording in found if isinstance(recording.audio, Unreadable)]
        assert good == ["a.ogg", "d.ogg", "e.ogg", "h.ogg"]
        assert [recording.id for recording in bad] == [f"m.csv:{line}" for line in (4, 5, 8, 9, 10)]
        reasons = ["valid UTF-8", "3 fields", "NUL", "field limit", "no audio"]
        for recording, reason in zip(bad, reasons, strict=True):
            assert reason in message(recording)

    def test_a_file_full_of_open_quotes_is_read_to_its_end(self, write: Write) -> None:
        found = list(manifest(write("m.csv", "path,text\n" + 'x","\n' * 1200 + "a.ogg,b\n")))
        assert found[-1].id == "a.ogg"
        assert len(found) == 1201

    def test_a_quote_in_tsv_is_a_quote_where_it_cannot_be_more(self, write: Write) -> None:
        path = write("m.tsv", 'path\ttext\na.ogg\t"So," she said\nb.ogg\tx"\nc.ogg\t"whole"\n')
        assert [recording.meta["text"] for recording in manifest(path)] == ['"So," she said', 'x"', "whole"]
