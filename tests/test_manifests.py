"""Manifests, lists and Kaldi folders give their recordings, and a bad row is one recording that fails."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.kaldi import wav_scp
from anime_whisper_ct2.readers.manifests import manifest, path_list, split_lines
from anime_whisper_ct2.records import Excerpt, Recording, Unreadable

Write = Callable[[str, str | bytes], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file below the test's folder; gives its path."""

    def write_(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write_


def json_lines(*rows: object) -> str:
    return "".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def message(recording: Recording, error: str = "ManifestError") -> str:
    assert isinstance(recording.audio, Unreadable), recording
    assert recording.audio.error == error
    assert "\n" not in recording.audio.message
    return recording.audio.message


def only(path: str, column: str | None = None) -> Recording:
    (recording,) = manifest(path, column)
    return recording


def one_row(write: Write, **row: object) -> Recording:
    return only(write("m.jsonl", json_lines(row)))


class TestJsonLines:
    def test_a_row_gives_path_and_metadata(self, write: Write, tmp_path: Path) -> None:
        row = {
            "audio_filepath": "あ/1.ogg",
            "text": "えっと、",
            "duration": 4.3,
            "speaker": {"age": None, "n": [1, True]},
        }
        path = write("m.jsonl", json_lines(row))
        name = str(tmp_path / "あ/1.ogg")
        meta = {"text": "えっと、", "duration": 4.3, "speaker": {"age": None, "n": [1, True]}}
        assert only(path) == Recording("あ/1.ogg", name, name, meta)

    @pytest.mark.parametrize(
        ("row", "id_"),
        [
            ({"path": "2.ogg", "audio": "1.ogg", "audio_filepath": "0.ogg"}, "0.ogg"),
            ({"path": "2.ogg", "audio": "1.ogg"}, "1.ogg"),
            ({"path": "2.ogg", "audio": None}, "2.ogg"),
            ({"path": "2.ogg", "audio": {"bytes": None, "path": "3.ogg"}}, "3.ogg"),
            ({"path": "2.ogg", "audio": {"array": [0.0]}}, "2.ogg"),
            ({"file_name": "4.ogg"}, "4.ogg"),
            ({"wav": "5.ogg"}, "5.ogg"),
        ],
    )
    def test_the_audio_is_found_under_the_usual_keys_in_order(
        self, write: Write, row: dict[str, Any], id_: str
    ) -> None:
        assert only(write("m.jsonl", json_lines(row))).id == id_

    def test_a_key_can_be_named(self, write: Write) -> None:
        path = write("m.jsonl", json_lines({"path": "a.ogg", "clean": "b.ogg"}, {"path": "c.ogg"}))
        named, lacking = manifest(path, "clean")
        assert (named.id, named.meta) == ("b.ogg", {"path": "a.ogg"})
        assert "no audio under clean" in message(lacking)
        with pytest.raises(InputError, match=r"m\.jsonl:1: no key 'wave'; the row has 'path', 'clean'"):
            list(manifest(path, "wave"))

    def test_bad_rows_fail_by_their_line_and_the_rest_goes_on(self, write: Write) -> None:
        rows = [
            b"\xef\xbb\xbf" + b'{"path": "a.ogg"}\r',
            b"",
            b'{"path": "b.ogg"',
            b"[1]",
            b'{"text": "x"}',
            b"\xff\xfe{}",
        ]
        rows += [
            b'{"path": "b\\u0000.ogg"}',
            b'{"path": 3}',
            b'{"path": ""}',
            b'{"path": "\\ud800.ogg"}',
            b"[" * 100_000,
        ]
        rows += [b'{"path": "b.ogg", "x": ' + b"[" * 70 + b"]" * 70 + b"}", b'{"path": "/"}', b'{"path": "z.ogg"}']
        path = write("m.jsonl", b"\n".join(rows))
        first, *bad, last = manifest(path)
        assert (first.id, last.id) == ("a.ogg", "z.ogg")
        assert [recording.id for recording in bad] == [f"m.jsonl:{line}" for line in range(3, 14)]
        assert bad[0].name == f"{path}:3"
        reasons = [
            "no JSON",
            "no JSON object",
            "has 'text'",
            "valid UTF-8",
            "control character",
            "no audio",
            "no audio",
        ]
        reasons += ["half a character", "no JSON", "64 deep", "names no file"]
        for recording, reason in zip(bad, reasons, strict=True):
            assert reason in message(recording)

    def test_what_json_cannot_say_becomes_what_it_can(self, write: Write) -> None:
        path = write(
            "m.jsonl", '{"path": "a", "n": [NaN, -Infinity, 1e999, 1.5], "half": "x\\ud800y\\udc00", "\\ud800": 1}'
        )
        assert only(path).meta == {"n": [None, None, None, 1.5], "half": "x\ufffdy\ufffd", "\ufffd": 1}

    def test_a_row_too_long_fails_and_the_next_is_read(self, write: Write) -> None:
        path = write("m.jsonl", b'{"path": "' + b"a" * (17 << 20) + b'"}\n{"path": "b.ogg"}\n')
        long, after = manifest(path)
        assert "longer than 16 MiB" in message(long)
        assert after.id == "b.ogg"

    def test_a_document_instead_of_lines_is_refused(self, write: Write) -> None:
        for document in ('[\n{"path": "a.ogg"}\n]', '[{"path": "a.ogg"}]', '{\n"path": "a.ogg"\n}'):
            with pytest.raises(InputError, match="one JSON document"):
                list(manifest(write("m.json", document)))
        assert only(write("m.json", '{"path": "a.ogg"}\n')).id == "a.ogg"

    def test_a_transcript_of_ours_can_be_read_again(self, write: Write) -> None:
        row = {"id": "shard.tar/a.ogg", "audio": "c/a\udcff.ogg", "duration": 1.0, "text": "", "segments": []}
        again = only(write("transcripts.jsonl", json.dumps(row)))
        assert (again.id, Path(again.name).name) == ("shard.tar/a.ogg", "a\udcff.ogg")
        assert "id" not in again.meta


class TestStretches:
    @pytest.mark.parametrize(
        ("said", "offset_s", "duration_s", "end"),
        [
            ({"offset": 1.5}, 1.5, None, "#1.500-"),
            ({"offset": 1.5, "duration": 2}, 1.5, 2.0, "#1.500-3.500"),
            ({"offset": 0, "duration": 2}, 0.0, 2.0, "#0.000-2.000"),
            ({"offset": -0.0, "duration": "2"}, 0.0, 2.0, "#0.000-2.000"),
            ({"start": 1, "end": 3.25}, 1.0, 2.25, "#1.000-3.250"),
            ({"start": 1, "duration": 3.25}, 1.0, 3.25, "#1.000-4.250"),
            ({"offset": 1, "end": 3.25, "duration": None}, 1.0, 2.25, "#1.000-3.250"),
        ],
    )
    def test_begin_and_end_cut_and_go_into_the_id(
        self, write: Write, tmp_path: Path, said: dict[str, Any], offset_s: float, duration_s: float | None, end: str
    ) -> None:
        found = one_row(write, path="a.ogg", **said)
        name = str(tmp_path / "a.ogg")
        assert found.name == name
        assert found.audio == Excerpt(name, offset_s, duration_s)
        assert found.id == f"a.ogg{end}"
        assert not {key: value for key, value in found.meta.items() if value is not None}

    def test_what_does_not_cut_stays_metadata(self, write: Write) -> None:
        for said in ({"duration": 3.0}, {"end": 3.0}, {"offset": 0}, {"offset": None, "duration": 3.0}):
            found = one_row(write, path="a.ogg", **said)
            assert (found.id, found.audio, found.meta) == ("a.ogg", found.name, said)

    def test_start_pairs_with_end_and_offset_with_duration(self, write: Write) -> None:
        whole = {"end": 3.0, "duration": 60.0}
        assert one_row(write, path="a.ogg", start=1.0, **whole).meta == {"duration": 60.0}
        assert one_row(write, path="a.ogg", offset=1.0, **whole).meta == {"end": 3.0}

    @pytest.mark.parametrize("key", ["offset", "start", "duration", "end"])
    @pytest.mark.parametrize("value", ["abc", "1_0", -1, -1e-9, float("nan"), float("inf"), True, [1], 10**400, 1e300])
    def test_times_that_are_none_fail(self, write: Write, key: str, value: object) -> None:
        assert f"`{key}` is" in message(one_row(write, path="a.ogg", **{key: value}))

    @pytest.mark.parametrize("said", [{"start": 3, "end": 3}, {"start": 3, "end": 2}, {"offset": 1, "duration": 0}])
    def test_a_stretch_without_length_fails(self, write: Write, said: dict[str, Any]) -> None:
        assert "ends where it begins" in message(one_row(write, path="a.ogg", **said))


class TestIds:
    def test_paths_become_ids_below_the_manifest(self, write: Write, tmp_path: Path) -> None:
        written = {
            "./a//b/./1.ogg": "a/b/1.ogg",
            "a/../c/2.ogg": "c/2.ogg",
            "../3.ogg": "../3.ogg",
            "a\\4.ogg": "a\\4.ogg",
            f"{tmp_path}/sub/d/5.ogg": "d/5.ogg",
            f"{tmp_path}/sub/../6.ogg": f"{tmp_path}/6.ogg"[1:],
            "/data/7.ogg": "data/7.ogg",
            "s3://bucket/d/8.ogg": "bucket/d/8.ogg",
        }
        path = write("sub/m.jsonl", json_lines(*({"path": key} for key in written)))
        recordings = list(manifest(path))
        assert [recording.id for recording in recordings] == list(written.values())
        assert [recording.name for recording in recordings] == [
            *(f"{tmp_path}/sub/{name}" for name in ("a/b/1.ogg", "a/../c/2.ogg", "../3.ogg", "a\\4.ogg", "d/5.ogg")),
            *(f"{tmp_path}/sub/../6.ogg", "/data/7.ogg", "s3://bucket/d/8.ogg"),
        ]

    def test_they_do_not_depend_on_the_current_folder(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write("sub/m.jsonl", json_lines({"path": "1.ogg"}, {"path": f"{tmp_path}/sub/2.ogg"}))
        before = [recording.id for recording in manifest(path)]
        monkeypatch.chdir(tmp_path / "sub")
        beside = list(manifest("m.jsonl"))
        assert before == [recording.id for recording in beside] == ["1.ogg", "2.ogg"]
        assert beside[0].name == "1.ogg"

    def test_an_id_in_the_row_goes_first(self, write: Write) -> None:
        assert one_row(write, path="a.ogg", id="x/1", offset=1, text="t").id == "x/1"
        assert one_row(write, path="a.ogg", id=1).id == "1"
        assert one_row(write, path="a.ogg", id="").id == "a.ogg"
        assert "control" in message(one_row(write, path="a.ogg", id="a\nb"))

    def test_one_that_came_before_fails(self, write: Write) -> None:
        rows = (
            {"path": "a.ogg"},
            {"path": "./a.ogg"},
            {"path": "b.ogg", "id": "a.ogg"},
            {"path": "a.ogg", "offset": 1},
        )
        first, *again, stretch = manifest(write("m.jsonl", json_lines(*rows)))
        assert [recording.id for recording in (first, *again, stretch)] == [
            "a.ogg",
            "m.jsonl:2",
            "m.jsonl:3",
            "a.ogg#1.000-",
        ]
        for recording in again:
            assert "'a.ogg'" in message(recording, "DuplicateId")

    def test_those_of_bad_rows_are_unique_too(self, write: Write) -> None:
        rows = ({"path": "a", "id": "m.jsonl:2"}, "{\n", {"path": "b", "id": "m.jsonl:2"}, {"path": "m.jsonl:4"})
        found = [recording.id for recording in manifest(write("m.jsonl", json_lines(*rows)))]
        assert found == ["m.jsonl:2", "m.jsonl:2#2", "m.jsonl:3", "m.jsonl:4"]


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
        assert [recording.name for recording in found] == [f"{tmp_path}/{number}.ogg" for number in range(len(texts))]
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
            ("path\n1.wav\n".encode("utf-16"), "UTF-16"),
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


class TestLists:
    def test_a_list_gives_its_paths(self, write: Write, tmp_path: Path) -> None:
        path = write("m.txt", "\ufeffa b.ogg\r\n\r\n#1/2.ogg\nc.ogg")
        assert [(recording.id, recording.name) for recording in manifest(path)] == [
            ("a b.ogg", f"{tmp_path}/a b.ogg"),
            ("#1/2.ogg", f"{tmp_path}/#1/2.ogg"),
            ("c.ogg", f"{tmp_path}/c.ogg"),
        ]

    def test_it_has_no_columns(self, write: Write) -> None:
        with pytest.raises(InputError, match="no columns"):
            manifest(write("m.lst", "a.ogg\n"), "path")
        recording = only(write("m.lst", "a.ogg\ttext\n"))
        assert r"control character '\t'" in message(recording)

    def test_paths_on_standard_input_are_those_that_find_prints(self, tmp_path: Path) -> None:
        names = [b"a b.ogg", "さくら.ogg".encode(), b"\xff\xfe.ogg", b"c.ogg"]
        printed = [split_lines(io.BytesIO(end.join(names) + end)) for end in (b"\n", b"\0", b"\r\n")]
        for lines in printed:
            found = list(path_list(lines))
            assert [os.fsencode(recording.id) for recording in found] == names
            assert [recording.audio for recording in found] == [recording.id for recording in found]

    def test_absolute_paths_keep_their_ids_wherever_the_command_runs(self, tmp_path: Path) -> None:
        (found,) = path_list([os.fsencode(tmp_path / "a.ogg")])
        assert found.id == str(tmp_path / "a.ogg")[1:]
        (found,) = path_list([os.fsencode(tmp_path / "a.ogg")], base=str(tmp_path))
        assert found.id == "a.ogg"

    def test_bad_lines_fail_by_their_number(self) -> None:
        lines = [b"a.ogg", b"b\x1b[31m.ogg", b"x" * 3_000_000, b"y" * 5000, b"a.ogg", b".", b"z.ogg"]
        first, control, long, name, again, folder, last = path_list(split_lines(io.BytesIO(b"\n".join(lines))))
        assert (first.id, last.id) == ("a.ogg", "z.ogg")
        assert [each.id for each in (control, long, name, again, folder)] == [f"stdin:{line}" for line in range(2, 7)]
        for recording, reason in ((control, r"'\x1b'"), (long, "1 MiB"), (name, "4096"), (folder, "names no file")):
            assert reason in message(recording)
        assert "'a.ogg'" in message(again, "DuplicateId")

    def test_a_line_end_in_a_name_is_seen_between_nuls(self) -> None:
        first, second = path_list(split_lines(io.BytesIO(b"a\nb.ogg\0c.ogg\0")))
        assert r"control character '\n'" in message(first)
        assert second.id == "c.ogg"

    def test_lines_come_as_they_are_written(self) -> None:
        read, write = os.pipe()
        with open(read, "rb") as stream, open(write, "wb", buffering=0) as writer:
            lines = split_lines(stream)
            for line in (b"a.ogg", b"b.ogg"):
                writer.write(line + b"\n")
                assert next(lines) == line

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.binary(max_size=5)), st.integers(1, 7), st.sampled_from([b"\n", b"\0"]))
    def test_lines_do_not_depend_on_the_pieces_they_come_in(self, parts: list[bytes], step: int, end: bytes) -> None:
        lines = [part.replace(b"\0", b"").replace(b"\n", b"").replace(b"\r", b"").lstrip(b"\xfe\xff") for part in parts]

        class Slow(io.BytesIO):
            def read1(self, _: int | None = -1) -> bytes:
                return self.read(step)

        assert list(split_lines(Slow(b"".join(line + end for line in lines)))) == lines


class TestUrls:
    def test_relative_paths_start_from_the_manifests_url(self) -> None:
        rows = [{"path": "a.ogg"}, {"path": "../x/b.ogg"}, {"path": "../../c.ogg"}, {"path": "memory://corpus/c.ogg"}]
        fsspec.filesystem("memory").pipe("/corpus/lists/m.jsonl", json_lines(*rows).encode())
        below, beside, away, url = manifest("memory://corpus/lists/m.jsonl")
        assert (below.id, below.audio) == ("a.ogg", "memory://corpus/lists/a.ogg")
        assert (beside.id, beside.audio) == ("../x/b.ogg", "memory://corpus/x/b.ogg")
        assert away.id == "m.jsonl:3"
        assert "leads away" in message(away)
        assert (url.id, url.audio) == ("corpus/c.ogg", "memory://corpus/c.ogg")

    def test_one_that_is_absent_or_breaks_off_is_named(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        for absent in ("memory://absent/m.csv", "/absent/m.csv"):
            with pytest.raises(InputError, match=absent):
                list(manifest(absent))

        class Breaking(io.BytesIO):
            def read1(self, size: int | None = -1) -> bytes:
                if not self.tell():
                    return self.read(20)
                raise OSError(5, "Input/output error")

        content = b'{"path": "a.ogg"}\n{"path": "b.ogg"}\n'
        monkeypatch.setattr("anime_whisper_ct2.readers.lines.open_stream", lambda _: Breaking(content))
        rows = manifest("m.jsonl")
        assert next(rows).id == "a.ogg"
        with pytest.raises(InputError, match=r"m\.jsonl: breaks off: Input/output error"):
            next(rows)

    def test_a_kaldi_folder_may_lie_behind_one(self) -> None:
        files = {"wav.scp": b"u1 a.ogg\n", "text": "u1 あ\n".encode(), "segments": b"s1 u1 0 1\n"}
        for name, content in files.items():
            fsspec.filesystem("memory").pipe(f"/kaldi/{name}", content)
        (found,) = wav_scp("memory://kaldi/wav.scp")
        assert found == Recording("s1", "memory://kaldi/a.ogg", Excerpt("memory://kaldi/a.ogg", 0.0, 1.0), {})


class TestKaldi:
    def test_utterances_with_text_and_speaker(self, write: Write, tmp_path: Path) -> None:
        path = write("wav.scp", b"u1 a b.ogg \r\nu2\t/data/c.flac\n\nu3 \xe3\x81\x82\xff.ogg\n")
        write("text", b"u1 \xe3\x81\x82  b\nu2\nu3 \xff\n")
        write("utt2spk", "u1 alice\nu9 bob\n")
        assert list(wav_scp(path)) == [
            Recording("u1", f"{tmp_path}/a b.ogg", f"{tmp_path}/a b.ogg", {"text": "あ  b", "speaker": "alice"}),
            Recording("u2", "/data/c.flac", "/data/c.flac", {"text": ""}),
            Recording("u3", f"{tmp_path}/あ\udcff.ogg", f"{tmp_path}/あ\udcff.ogg", {"text": "\ufffd"}),
        ]

    def test_commands_are_refused_and_never_run(self, write: Write, tmp_path: Path) -> None:
        trace = tmp_path / "trace"
        rows = [
            f"u1 touch {trace} |",
            "u2 -",
            f"u3 | touch {trace}",
            "u4 x.ark:1234",
            "u5 x.ark:7[0:9]",
            "u6",
            "u7 a.ogg",
        ]
        u1, u2, u3, ark, piece, empty, good, again = wav_scp(write("wav.scp", "\n".join([*rows, "u7 b.ogg"])))
        for pipe in (u1, u2, u3):
            assert "never run" in message(pipe, "KaldiPipe")
        for part in (ark, piece):
            assert "archive" in message(part, "KaldiArchive")
        assert "names no audio" in message(empty)
        assert [each.id for each in (u1, u2, u3, ark, piece, empty, good)] == [f"u{n}" for n in range(1, 8)]
        assert good.audio == f"{tmp_path}/a.ogg"
        assert "'u7'" in message(again, "DuplicateId")
        assert not trace.exists()

    def test_segments_are_the_recordings_where_there_are_some(self, write: Write, tmp_path: Path) -> None:
        path = write("wav.scp", "r1 a.ogg\nr2 sox x |\nr3 unused.ogg\nr4 a.ogg\nr4 b.ogg\n")
        write("segments", "s1 r1 0.5 2.25\ns2 r1 3 -1\ns3 r1 0 -1.0\n")
        write("text", "s1 あ\nr1 no\n")
        a = f"{tmp_path}/a.ogg"
        assert list(wav_scp(path)) == [
            Recording("s1", a, Excerpt(a, 0.5, 1.75), {"text": "あ"}),
            Recording("s2", a, Excerpt(a, 3.0, None), {}),
            Recording("s3", a, Excerpt(a, 0.0, None), {}),
        ]
        write(
            "segments",
            "b1 r9 0 1\nb2 r1 2 2\nb3 r1 -2 1\nb4 r1 0 x\nb5 r1 0 1 1\nb6 r1\nb7 r2 0 1\nb8 r4 0 1\nb2 r1 0 1\n",
        )
        *bad, pipe, doubled, again = wav_scp(path)
        assert [recording.id for recording in bad] == ["b1", "b2", "b3", "b4", "b5", "b6"]
        reasons = [
            "'r9' is not in wav.scp",
            "ends at 2 s",
            "the start is '-2'",
            "the end is 'x'",
            "5 fields",
            "2 fields",
        ]
        for recording, reason in zip(bad, reasons, strict=True):
            assert reason in message(recording)
        assert "never run" in message(pipe, "KaldiPipe")
        assert "'r4' again in line 5" in message(doubled, "DuplicateId")
        assert again.id == "segments:9"
        assert "'b2'" in message(again, "DuplicateId")

    def test_a_path_may_start_from_the_current_folder(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write("data/train/wav.scp", "u1 audio/a.ogg\nu2 audio/b.ogg\nu3 audio/c.ogg\n")
        write("audio/a.ogg", "")
        write("audio/b.ogg", "")
        write("data/train/audio/b.ogg", "")
        monkeypatch.chdir(tmp_path)
        here = tmp_path / "data" / "train"
        assert [recording.name for recording in wav_scp(path)] == [
            "audio/a.ogg",
            f"{here}/audio/b.ogg",
            f"{here}/audio/c.ogg",
        ]

    def test_lhotse_reads_the_same_stretches(self, write: Write, write_tone: Callable[..., Path]) -> None:
        from lhotse.kaldi import load_kaldi_data_dir

        for name in ("r1", "r2"):
            write_tone(f"{name}.wav", seconds=3.0)
        path = write("wav.scp", "".join(f"{name} {Path(write_tone(f'{name}.wav', 3.0))}\n" for name in ("r1", "r2")))
        write("segments", "s1 r1 0.25 1.5\ns2 r2 1 3\ns3 r2 0 0.75\n")
        write("text", "s1 いち\ns2 に\ns3 さん\n")
        write("utt2spk", "s1 alice\ns2 bob\ns3 bob\n")
        recordings, supervisions, _ = load_kaldi_data_dir(Path(path).parent, sampling_rate=16_000)
        theirs = {
            s.id: (recordings[s.recording_id].sources[0].source, s.start, s.duration, s.text, s.speaker)
            for s in supervisions
        }
        ours = {}
        for r in wav_scp(path):
            assert isinstance(r.audio, Excerpt)
            ours[r.id] = (r.audio.audio, r.audio.offset_s, r.audio.duration_s, r.meta["text"], r.meta["speaker"])
        assert ours.keys() == theirs.keys()
        for id_, (name, offset_s, duration_s, *about) in theirs.items():
            assert ours[id_][0] == name
            assert list(ours[id_][3:]) == about
            np.testing.assert_allclose(ours[id_][1:3], (offset_s, duration_s))


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match=r"no manifest by its name; name one that ends in \.csv"):
        manifest("corpus.xml")


_KEYS = st.sampled_from(["path", "audio", "id", "offset", "duration", "start", "end", "text"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(exclude_categories=()), max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
_ROWS = st.dictionaries(_KEYS, _VALUES, max_size=5).map(lambda row: json.dumps(row).encode())
_FIELDS = st.sampled_from([b"path", b"id", b"offset", b"end", b"a.wav", b"b.mp3", b"1", b"nan", b"-1", b"r1", b"x |"])
_ODD = st.sampled_from([b'"', b",", b"\t", b" ", b"\n", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"[", b"{}", b"\x1b"])
_BYTES = (
    st.lists(_FIELDS | _ODD, max_size=30).map(b"".join)
    | st.lists(_ROWS | _ODD, max_size=5).map(b"\n".join)
    | st.binary(max_size=60)
)
_COLUMNS = st.sampled_from([None, "path", "col1", "x"])


def check_all(read: Callable[[], Iterator[Recording]]) -> None:
    refused, recordings = "", list[Recording]()
    try:
        recordings.extend(read())
    except InputError as error:
        refused = str(error)
    assert "\n" not in refused
    ids = [recording.id for recording in recordings]
    assert len(set(ids)) == len(ids)
    assert all(ids)
    for recording in recordings:
        text = json.dumps(dict(recording.meta), ensure_ascii=False, allow_nan=False)
        assert json.loads(text.encode("utf-8")) == recording.meta
        json.dumps(recording.id).encode()
        if isinstance(recording.audio, Unreadable):
            assert recording.audio.error
            assert recording.audio.message.isprintable()
        else:
            os.fsencode(recording.name)
            assert recording.name.isprintable() or not recording.name.isascii()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=_BYTES, ending=st.sampled_from(["jsonl", "json", "csv", "tsv", "txt"]), column=_COLUMNS)
@example(content=b'path\n"\n"\n', ending="csv", column=None)
@example(content=b'{"path": "a\xc2\x85"}', ending="jsonl", column=None)
def test_any_bytes_give_unique_ids_and_metadata_that_is_json(
    tmp_path: Path, content: bytes, ending: str, column: str | None
) -> None:
    path = tmp_path / f"m.{ending}"
    path.write_bytes(content)
    check_all(lambda: manifest(str(path), column))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scp=_BYTES, segments=st.none() | _BYTES, text=_BYTES)
@example(scp=b"r1 a.wav", segments=b"s r1 nan -1", text=b"\xff")
def test_any_bytes_in_a_kaldi_folder_do_too(tmp_path: Path, scp: bytes, segments: bytes | None, text: bytes) -> None:
    for name, content in (("wav.scp", scp), ("segments", segments), ("text", text), ("utt2spk", text)):
        (tmp_path / name).unlink(missing_ok=True)
        if content is not None:
            (tmp_path / name).write_bytes(content)
    check_all(lambda: wav_scp(str(tmp_path / "wav.scp")))
