"""Manifests and lists of paths give their recordings, and a bad row is one recording that fails."""

from __future__ import annotations

import io
import json
import math
import os
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.lists import manifest, path_list
from anime_whisper_ct2.readers.lists.lines import split_lines
from anime_whisper_ct2.records import Excerpt, Recording
from anime_whisper_ct2.system.paths import from_root
from tests.support.listings import BYTES, Write, check_all, json_lines, message, one_row, only, writer


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


class TestJsonLines:
    def test_a_row_gives_path_and_metadata(self, write: Write, tmp_path: Path) -> None:
        row = {
            "audio_filepath": "あ/1.ogg",
            "text": "えっと、",
            "duration": 4.3,
            "speaker": {"age": None, "n": [1, True]},
        }
        path = write("m.jsonl", json_lines(row))
        name = str(tmp_path / "あ" / "1.ogg")
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

    @pytest.mark.parametrize("junk", ["0:03", "", -1, -1e-9, 1e300, True, [1], {"s": 3}, 10**400])
    @pytest.mark.parametrize("beside", [{}, {"offset": None}, {"offset": 0}, {"start": "0.0"}, {"offset": ""}])
    def test_a_duration_that_is_none_is_information(self, write: Write, junk: object, beside: dict[str, Any]) -> None:
        found = one_row(write, path="a.ogg", duration=junk, **beside)
        assert (found.id, found.audio, found.meta) == ("a.ogg", found.name, {"duration": junk, **beside})

    def test_so_is_one_that_json_cannot_say_and_an_end_without_a_start(self, write: Write) -> None:
        assert one_row(write, path="a.ogg", duration=math.nan, offset=0).meta == {"duration": None, "offset": 0}
        assert one_row(write, path="a.ogg", duration=0, offset=0).meta == {"duration": 0, "offset": 0}
        assert one_row(write, path="a.ogg", end="later", duration=-1).meta == {"end": "later", "duration": -1}

    def test_so_is_one_in_a_table(self, write: Write) -> None:
        found = only(write("m.csv", "path,duration,start\na.ogg,0:03,\n"))
        assert (found.audio, found.meta) == (found.name, {"duration": "0:03", "start": ""})

    def test_start_pairs_with_end_and_offset_with_duration(self, write: Write) -> None:
        whole = {"end": 3.0, "duration": 60.0}
        assert one_row(write, path="a.ogg", start=1.0, **whole).meta == {"duration": 60.0}
        assert one_row(write, path="a.ogg", offset=1.0, **whole).meta == {"end": 3.0}

    @pytest.mark.parametrize(
        ("key", "beside"),
        [
            *(("offset", {}), ("start", {}), ("offset", {"duration": 1})),
            *(("duration", {"offset": 1}), ("duration", {"start": "2"}), ("end", {"offset": 1}), ("end", {"start": 0})),
        ],
    )
    @pytest.mark.parametrize("value", ["abc", "1_0", -1, -1e-9, float("nan"), float("inf"), True, [1], 10**400, 1e300])
    def test_times_of_a_stretch_that_are_none_fail(
        self, write: Write, key: str, beside: dict[str, Any], value: object
    ) -> None:
        assert f"`{key}` is" in message(one_row(write, path="a.ogg", **{key: value}, **beside))

    @pytest.mark.parametrize("said", [{"start": 3, "end": 3}, {"start": 3, "end": 2}, {"offset": 1, "duration": 0}])
    def test_a_stretch_without_length_fails(self, write: Write, said: dict[str, Any]) -> None:
        assert "ends where it begins" in message(one_row(write, path="a.ogg", **said))


class TestIds:
    def test_paths_become_ids_below_the_manifest(self, write: Write, tmp_path: Path) -> None:
        written = {
            "./a//b/./1.ogg": "a/b/1.ogg",
            "a/../c/2.ogg": "c/2.ogg",
            "../3.ogg": "../3.ogg",
            "a\\4.ogg": "a/4.ogg",
            f"{tmp_path}/sub/d/5.ogg": "d/5.ogg",
            f"{tmp_path}/sub/../6.ogg": from_root(f"{tmp_path}/6.ogg"),
            "/data/7.ogg": "data/7.ogg",
            "s3://bucket/d/8.ogg": "bucket/d/8.ogg",
        }
        path = write("sub/m.jsonl", json_lines(*({"path": key} for key in written)))
        recordings = list(manifest(path))
        assert [recording.id for recording in recordings] == list(written.values())
        here = tmp_path.as_posix()
        assert [recording.name.replace(os.sep, "/") for recording in recordings] == [
            *(f"{here}/sub/{name}" for name in ("a/b/1.ogg", "a/../c/2.ogg", "../3.ogg", "a/4.ogg", "d/5.ogg")),
            *(f"{here}/sub/../6.ogg", "/data/7.ogg", "s3://bucket/d/8.ogg"),
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


class TestLists:
    def test_a_list_gives_its_paths(self, write: Write, tmp_path: Path) -> None:
        path = write("m.txt", "\ufeffa b.ogg\r\n\r\nc.ogg")
        assert [(recording.id, recording.name) for recording in manifest(path)] == [
            ("a b.ogg", str(tmp_path / "a b.ogg")),
            ("c.ogg", str(tmp_path / "c.ogg")),
        ]

    def test_it_has_no_columns(self, write: Write) -> None:
        with pytest.raises(InputError, match="no columns"):
            manifest(write("m.lst", "a.ogg\n"), "path")
        recording = only(write("m.lst", "a.ogg\ttext\n"))
        assert r"control character '\t'" in message(recording)

    @pytest.mark.posix("names that are no UTF-8")
    def test_paths_on_standard_input_are_those_that_find_prints(self, tmp_path: Path) -> None:
        names = [b"a b.ogg", "さくら.ogg".encode(), b"\xff\xfe.ogg", b"c.ogg"]
        printed = [split_lines(io.BytesIO(end.join(names) + end)) for end in (b"\n", b"\0", b"\r\n")]
        for lines in printed:
            found = list(path_list(lines))
            assert [os.fsencode(recording.id) for recording in found] == names
            assert [recording.audio for recording in found] == [recording.id for recording in found]

    def test_absolute_paths_keep_their_ids_wherever_the_command_runs(self, tmp_path: Path) -> None:
        (found,) = path_list([os.fsencode(tmp_path / "a.ogg")])
        assert found.id == from_root(str(tmp_path / "a.ogg"))
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

    @settings(max_examples=60)
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
        monkeypatch.setattr("anime_whisper_ct2.readers.lists.lines.open_stream", lambda _: Breaking(content))
        rows = manifest("m.jsonl")
        assert next(rows).id == "a.ogg"
        with pytest.raises(InputError, match=r"m\.jsonl: breaks off: Input/output error"):
            next(rows)


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match=r"no manifest by its name; name one that ends in \.csv"):
        manifest("corpus.xml")


_COLUMNS = st.sampled_from([None, "path", "col1", "x"])


@settings(max_examples=400)
@given(content=BYTES, ending=st.sampled_from(["jsonl", "json", "csv", "tsv", "txt"]), column=_COLUMNS)
@example(content=b'path\n"\n"\n', ending="csv", column=None)
@example(content=b'{"path": "a\xc2\x85"}', ending="jsonl", column=None)
def test_any_bytes_give_unique_ids_and_metadata_that_is_json(
    tmp_path: Path, content: bytes, ending: str, column: str | None
) -> None:
    path = tmp_path / f"m.{ending}"
    path.write_bytes(content)
    check_all(lambda: manifest(str(path), column))
