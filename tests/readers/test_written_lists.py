"""Lists are read as people and systems write them: quotes, backslashes, remarks, encodings; and a lost one is named."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers import Corpus, Listing
from anime_whisper_ct2.readers.lists import manifest, path_list
from anime_whisper_ct2.readers.lists.encodings import as_utf8
from anime_whisper_ct2.readers.lists.lines import split_lines
from anime_whisper_ct2.records import Excerpt
from tests.support.listings import Write, json_lines, message, only, writer


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


class TestPaths:
    @pytest.mark.parametrize(
        "line",
        ['"a b/1.ogg"', "'a b/1.ogg'", "a b\\1.ogg", '"a b\\1.ogg"', "a b/1.ogg  ", ".\\a b\\1.ogg", '  "a b/1.ogg"'],
    )
    def test_quotes_backslashes_and_spaces_are_how_a_path_was_written(
        self, line: str, write: Write, tmp_path: Path
    ) -> None:
        touch(tmp_path, "a b/1.ogg")
        found = only(write("m.txt", line + "\r\n"))
        assert found.id == "a b/1.ogg"
        assert Path(found.name).samefile(tmp_path / "a b/1.ogg")

    @pytest.mark.parametrize(
        "name",
        [
            *(
                pytest.param(name, marks=pytest.mark.posix("names with such a letter"))
                for name in ("a\\1.ogg", '"a.ogg"', " c.ogg ")
            ),
            *("# a.ogg", "#1/2.ogg", "'b'", " c.ogg"),
        ],
    )
    def test_a_file_of_just_that_name_goes_first(self, name: str, write: Write, tmp_path: Path) -> None:
        touch(tmp_path, name, "a/1.ogg", "a.ogg", "b", "c.ogg")
        assert only(write("m.txt", name + "\n")).id == name

    @pytest.mark.parametrize("kind", ["m.jsonl", "m.csv", "m.tsv"])
    def test_windows_paths_are_read_in_every_list(self, kind: str, write: Write, tmp_path: Path) -> None:
        touch(tmp_path, "さくら/1.ogg")
        content = json_lines({"path": "さくら\\1.ogg"}) if kind == "m.jsonl" else "path\nさくら\\1.ogg\n"
        assert only(write(kind, content)).id == "さくら/1.ogg"

    @pytest.mark.posix("drives of Windows elsewhere")
    def test_the_drives_of_windows_lead_nowhere_elsewhere(self, write: Write, tmp_path: Path) -> None:
        found = only(write("m.txt", "Q:\\voices\\1.ogg\n"))
        assert (found.id, found.name) == ("Q/voices/1.ogg", "Q:/voices/1.ogg")

    def test_remarks_are_passed_over_and_counted(self, write: Write, tmp_path: Path) -> None:
        touch(tmp_path, "a.ogg")
        listing = Listing()
        corpus = Corpus((write("m.txt", "#EXTM3U\n# a.ogg\na.ogg\n"),))
        assert [each.id for each in corpus.recordings(listing)] == ["a.ogg"]
        (note,) = listing.notes()
        assert note.startswith("2 lines of lists begin with #")

    def test_so_are_those_on_standard_input(self) -> None:
        seen: list[None] = []
        (found,) = path_list([b"# no such file", b"a.ogg"], remark=lambda: seen.append(None))
        assert (found.id, len(seen)) == ("a.ogg", 1)


class TestEncodings:
    NAME = "先生/おはよう_表.ogg"  # the last is a backslash in Shift_JIS

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932", "utf-16", "utf-16-le", "utf-16-be"])
    @pytest.mark.parametrize("kind", ["m.txt", "m.jsonl", "m.csv", "m.tsv", "m.list"])
    def test_what_windows_saves_is_read(self, kind: str, encoding: str, write: Write, tmp_path: Path) -> None:
        touch(tmp_path, self.NAME)
        content = {
            "m.txt": f"{self.NAME}\r\n",
            "m.jsonl": json_lines({"path": self.NAME, "text": "表"}),
            "m.csv": f"path,text\r\n{self.NAME},表\r\n",
            "m.tsv": f"path\ttext\r\n{self.NAME}\t表\r\n",
            "m.list": f"{self.NAME}|先生|JP|表\r\n",
        }[kind]
        mark = "\ufeff" if encoding.startswith("utf-16-") else ""
        found = only(write(kind, (mark + content).encode(encoding)))
        assert found.id == self.NAME
        assert Path(found.name).samefile(tmp_path / self.NAME)
        assert found.meta.get("text", "表") == "表"

    @pytest.mark.posix("names that are no UTF-8")
    def test_names_in_shift_jis_on_the_disk_stay_what_they_are(self, write: Write, tmp_path: Path) -> None:
        raw = "表.ogg".encode("cp932")
        (tmp_path / raw.decode("utf-8", "surrogateescape")).touch()
        assert only(write("m.txt", raw + b"\n")).id.encode("utf-8", "surrogateescape") == raw

    def test_a_broken_line_of_utf_8_is_never_turned_into_other_characters(self, write: Write) -> None:
        good = json_lines({"path": "さくら.ogg"}).encode()
        bad = good.replace("く".encode(), "く".encode()[:2])
        fine, broken = manifest(write("m.jsonl", good + bad))
        assert fine.id == "さくら.ogg"
        assert "no valid UTF-8" in message(broken)
        # Nor where it comes first.
        assert "no valid UTF-8" in message(next(manifest(write("n.jsonl", bad + good))))

    def test_lines_that_are_neither_stay_as_they_are(self) -> None:
        lines = [b"a", "表".encode("cp932"), b"\xff\xfe.ogg", "さ".encode(), "表".encode("cp932")]
        assert list(as_utf8(lines)) == [b"a", "表".encode(), *lines[2:]]

    KANA, SAME_BYTES = "ﾄｶ.wav", "Ķ.wav"

    @pytest.mark.parametrize("kind", ["m.txt", "m.list", "m.csv", "m.jsonl"])
    @pytest.mark.parametrize("order", [("ﾄｶ.wav", "表.wav"), ("表.wav", "ﾄｶ.wav")])
    def test_half_width_kana_are_read_as_the_lines_around_them(
        self, kind: str, order: tuple[str, str], write: Write, tmp_path: Path
    ) -> None:
        assert self.KANA.encode("cp932") == self.SAME_BYTES.encode()
        touch(tmp_path, *order)
        lines = {"m.csv": ["path", *order], "m.jsonl": [json_lines({"path": name}).strip() for name in order]}
        content = "\n".join(lines.get(kind, list(order)))
        assert [each.id for each in manifest(write(kind, content.encode("cp932")))] == list(order)

    @pytest.mark.parametrize("kind", ["m.txt", "m.list"])
    @pytest.mark.parametrize("others", ["", "a.wav\n", "さくら.wav\n"])
    def test_a_list_of_which_every_line_is_utf_8_is_that(self, kind: str, others: str, write: Write) -> None:
        found = [each.id for each in manifest(write(kind, f"{self.SAME_BYTES}\n{others}"))]
        assert found == [self.SAME_BYTES, *others.split()]

    def test_a_plain_list_of_kana_alone_is_what_is_there(self, write: Write, tmp_path: Path) -> None:
        path = write("m.txt", self.KANA.encode("cp932"))
        assert only(path).id == self.SAME_BYTES
        touch(tmp_path, self.KANA)
        assert only(path).id == self.KANA
        touch(tmp_path, self.SAME_BYTES)
        assert only(path).id == self.SAME_BYTES

    def test_lost_files_of_a_plain_list_are_named_in_its_encoding(self, write: Write) -> None:
        path = write("m.txt", f"表.wav\n{self.KANA}".encode("cp932"))
        assert [each.id for each in manifest(path)] == ["表.wav", self.KANA]

    def test_what_may_be_either_is_not_held_without_end(self) -> None:
        seen = 0

        def lines() -> Iterator[bytes]:
            nonlocal seen
            while True:
                seen += 1
                yield self.SAME_BYTES.encode() * 1_000

        assert next(as_utf8(lines())) == self.SAME_BYTES.encode() * 1_000
        assert 100 < seen < 400

    def test_broken_utf_16_is_named(self, write: Write) -> None:
        with pytest.raises(InputError, match=r"m\.csv: is broken UTF-16 text; save it as UTF-8"):
            list(manifest(write("m.csv", "path\n1.wav\n".encode("utf-16") + b"\0")))

    def test_utf_16_from_a_pipe_is_lines_too(self) -> None:
        assert list(split_lines(io.BytesIO("a.ogg\r\nさ.ogg\r\n".encode("utf-16")))) == [b"a.ogg", "さ.ogg".encode()]


class TestLostLists:
    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("m.txt", "x.ogg\ny.ogg\n", "none of the 2 files is there; the first is looked for at {0}{1}x.ogg; mend"),
            ("m.csv", "path\nx.ogg\n", "the file that it names is not there; the first is looked for at {0}{1}x.ogg"),
            pytest.param(
                *("m.txt", "C:\\x.ogg\n", "at C:/x.ogg, a path of another system"),
                marks=pytest.mark.posix("drives of Windows elsewhere"),
            ),
            ("m.txt", "a\tb.ogg\n", r"its only row cannot be used; the first, m.txt:1: the path 'a\tb.ogg' holds"),
            ("m.jsonl", "{\n{\n", "none of its 2 rows can be used; the first, m.jsonl:1: the row is no JSON"),
            ("m.list", "x.wav|a|JP|t\n", "there is no file {0}{1}x.wav; it was looked for in {0}{1}raw, {0}, "),
            ("wav.scp", "u1 x.wav\n", "looked for at {0}{1}x.wav"),
        ],
    )
    def test_a_list_of_which_no_file_is_there_is_refused(
        self, name: str, content: str, said: str, write: Write, tmp_path: Path
    ) -> None:
        with pytest.raises(InputError) as error:
            Corpus((write(name, content),)).check_lists()
        assert str(error.value).startswith(str(tmp_path / name))
        assert said.format(tmp_path, os.sep) in str(error.value)

    @pytest.mark.parametrize("last", ["there.ogg", "https://example.org/a.ogg", '"there.ogg"'])
    def test_one_that_is_there_or_may_be_is_enough(self, last: str, write: Write, tmp_path: Path) -> None:
        touch(tmp_path, "there.ogg")
        Corpus((write("m.txt", f"x.ogg\ny.ogg\n{last}\n"), write("n.txt", ""))).check_lists()

    def test_a_stretch_is_there_where_its_file_is(self, write: Write, tmp_path: Path) -> None:
        path = write("m.jsonl", json_lines({"path": "a.ogg", "offset": 1}))
        assert isinstance(only(path).audio, Excerpt)
        with pytest.raises(InputError, match="the file that it names is not there"):
            Corpus((path,)).check_lists()
        touch(tmp_path, "a.ogg")
        Corpus((path,)).check_lists()

    def test_a_list_for_the_working_folder_gets_the_way_to_give_it(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        touch(tmp_path, "voices/a.ogg")
        path = write("lists/m.txt", "voices/a.ogg\n")
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InputError, match=r"from the working folder it is there, .* awct2 run - < LIST"):
            Corpus((path,)).check_lists()

    def test_standard_input_is_not_looked_at(self) -> None:
        corpus = Corpus(("-",))
        corpus.check_lists()
        assert corpus.why_nothing() is None

    def test_nothing_at_all_is_known_before_a_model_is_needed(self, write: Write, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        said = Corpus((str(tmp_path / "empty"),)).why_nothing()
        assert said is not None
        assert said.startswith("No audio found in ")
        touch(tmp_path, "empty/a.ogg")
        assert Corpus((str(tmp_path / "empty"),)).why_nothing() is None
        assert "--include 'x'" in (Corpus((str(tmp_path / "empty"),), include=("x",)).why_nothing() or "")
