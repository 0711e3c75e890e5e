"""Lists as `dir`, PowerShell and editors of Windows write them, read there and elsewhere."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

import pytest

from anime_whisper_ct2.errors import InputError, RecordingError
from anime_whisper_ct2.readers import Corpus, rows
from anime_whisper_ct2.readers.lists import encodings, manifest, path_list
from anime_whisper_ct2.readers.lists.lines import split_lines
from anime_whisper_ct2.readers.rows import Rows
from anime_whisper_ct2.system import paths
from tests.support.held import Holders
from tests.support.listings import Write, message, only, writer
from tests.support.tars import packed
from tests.support.windows_paths import windows_paths


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    windows_paths(monkeypatch, paths, rows)


def piped(*pieces: bytes | Callable[[], bytes]) -> BinaryIO:
    """A pipe that gives these pieces one at a time; what can be called makes its own."""
    left = list(pieces)

    def read(_size: int) -> bytes:
        """Give the next piece; at the end, nothing."""
        piece = left.pop(0) if left else b""
        return piece if isinstance(piece, bytes) else piece()

    return cast(BinaryIO, SimpleNamespace(read=read))


class TestIds:
    @pytest.mark.parametrize(
        ("written", "id_", "name"),
        [
            ("C:\\Lists\\声\\1.ogg", "声/1.ogg", "C:\\Lists\\声\\1.ogg"),
            ("c:/LISTS/声/1.ogg", "声/1.ogg", "c:/LISTS/声/1.ogg"),
            ("\\\\?\\C:\\lists\\1.ogg", "1.ogg", "\\\\?\\C:\\lists\\1.ogg"),
            ("C:\\lists\\x\\..\\1.ogg", "1.ogg", "C:\\lists\\x\\..\\1.ogg"),
            ("d:\\Voices\\1.ogg", "D/Voices/1.ogg", "d:\\Voices\\1.ogg"),
            ("\\\\server\\share\\1.ogg", "server/share/1.ogg", "\\\\server\\share\\1.ogg"),
            ("/data/1.ogg", "data/1.ogg", "/data/1.ogg"),
            ("声\\1.ogg", "声/1.ogg", "C:\\lists\\声\\1.ogg"),
            (".\\声/1.ogg", "声/1.ogg", "C:\\lists\\声\\1.ogg"),
            ("..\\x\\1.ogg", "../x/1.ogg", "C:\\lists\\..\\x\\1.ogg"),
            ("C:\\lists\\1.ogg . ", "1.ogg", "C:\\lists\\1.ogg"),
            ("file:///C:/voices/1.ogg", "C/voices/1.ogg", "file:///C:/voices/1.ogg"),
        ],
    )
    def test_ids_are_posix_paths_without_a_drives_colon(self, written: str, id_: str, name: str, windows: None) -> None:
        assert Rows("C:\\lists\\m.txt").locate(written) == (id_, name)

    def test_from_standard_input_no_folder_is_theirs(self, windows: None) -> None:
        assert Rows("stdin", "").locate("c:\\work\\1.ogg") == ("C/work/1.ogg", "c:\\work\\1.ogg")
        assert Rows("stdin", "").locate("a\\1.ogg") == ("a/1.ogg", "a\\1.ogg")

    def test_one_file_in_two_cases_is_named_twice(self, windows: None) -> None:
        table = Rows("C:\\m.csv")
        assert table.accept(1, "A/1.ogg", "", "", {}).id == "A/1.ogg"
        assert "came in an earlier row" in message(table.accept(2, "a/1.ogg", "", "", {}), "DuplicateId")

    def test_ids_that_rows_give_are_none_of_the_file_systems(self, windows: None) -> None:
        table = Rows("C:\\m.csv")
        assert [table.accept(1, id_, "", "", {}, given=True).id for id_ in ("A", "a")] == ["A", "a"]
        assert [table.accept(1, id_, "", "", {}).id for id_ in ("b.ogg", "c.ogg")] == ["b.ogg", "c.ogg"]

    @pytest.mark.posix("names that differ in case")
    def test_elsewhere_these_are_two_files(self, write: Write) -> None:
        assert [each.id for each in manifest(write("m.txt", "A.ogg\na.ogg\n"))] == ["A.ogg", "a.ogg"]

    @pytest.mark.posix("paths of another system")
    @pytest.mark.parametrize(
        ("written", "id_"),
        [("c:\\v\\1.ogg", "C/v/1.ogg"), ("\\\\?\\C:\\v\\1.ogg", "C/v/1.ogg"), ("\\\\s\\v\\1.ogg", "s/v/1.ogg")],
    )
    def test_elsewhere_they_have_the_same_ids(self, written: str, id_: str, write: Write) -> None:
        assert only(write("m.txt", written + "\n")).id == id_


class TestEncodings:
    NAMES = ("声/表 ソ.ogg", "声/♪.ogg")

    @pytest.fixture
    def there(self, tmp_path: Path) -> Path:
        for name in self.NAMES:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    @pytest.mark.parametrize("mark", ["\ufeff", ""])
    @pytest.mark.parametrize("absolute", [True, False])
    def test_utf_16_needs_no_mark(self, mark: str, absolute: bool, there: Path, write: Write) -> None:
        lines = [f"{there}/{name}" if absolute else name.replace("/", "\\") for name in self.NAMES]
        content = (mark + "\r\n".join([*lines, ""])).encode("utf-16-le")
        assert [each.id for each in manifest(write("m.txt", content))] == list(self.NAMES)

    def test_a_drive_alone_shows_it_in_the_first_piece_of_a_pipe(self) -> None:
        pieces = [text.encode("utf-16-le") for text in ("C:\\声", "\\1.ogg", "\r\n")]
        assert list(split_lines(piped(*pieces))) == ["C:\\声\\1.ogg".encode()]

    @pytest.mark.parametrize("text", ["声\\1.ogg\r\n一\\2.ogg\r\n", "C:\\a\\声.ogg\r\n", "上.ogg\r\n下.ogg\r\n"])
    @pytest.mark.parametrize("mark", ["\ufeff", ""])
    @pytest.mark.parametrize("size", [1, 2, 3, 5, 16])
    def test_utf_16_is_known_in_whatever_pieces_a_pipe_gives(self, text: str, mark: str, size: int) -> None:
        content = (mark + text).encode("utf-16-le")
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        assert list(split_lines(piped(*pieces))) == [line.encode() for line in text.splitlines()]

    def test_so_it_is_where_the_end_of_a_line_comes_by_itself(self) -> None:
        pieces = [text.encode("utf-16-le") for text in ("声\\1.ogg", "\r\n", "声\\2.ogg", "\r\n")]
        assert list(split_lines(piped(*pieces))) == ["声\\1.ogg".encode(), "声\\2.ogg".encode()]

    @pytest.mark.parametrize(
        "first", [b"ab.ogg\0", "声.ogg\0".encode(), b"a.ogg\n", b"a\n", "声.ogg\n".encode("cp932")]
    )
    def test_who_gives_whole_names_is_not_kept_waiting(self, first: bytes) -> None:
        def silent() -> bytes:
            """Fail where somebody waits for more."""
            pytest.fail("waited for a second piece")

        assert next(split_lines(piped(first, silent))) == first[:-1]

    def test_a_list_that_nul_parts_is_none(self) -> None:
        assert list(split_lines(io.BytesIO(b"a\0b\0\r\0c\0"))) == [b"a", b"b", b"\r", b"c"]
        assert list(split_lines(piped(b"a\0", b"b\0\r\0", b"c\0"))) == [b"a", b"b", b"\r", b"c"]

    @pytest.mark.parametrize(("page", "name"), [("cp1252", "Zoë.ogg"), ("cp949", "한국.ogg"), ("cp850", "Zoë.ogg")])
    def test_a_plain_list_in_a_code_page_of_this_system_leads_to_its_files(
        self, page: str, name: str, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(encodings, "code_pages", lambda: ("cp850", page))
        (tmp_path / name).touch()
        (found,) = manifest(write("m.txt", f"{name}\r\n".encode(page)))
        assert found.id == name
        monkeypatch.chdir(tmp_path)
        (found,) = path_list([name.encode(page)])
        assert found.id == name

    @pytest.mark.parametrize(("pages", "first"), [((), "鰕"), (("cp932", "cp932"), "鰕"), (("cp1252", "cp850"), "éÏ")])
    def test_a_code_page_of_this_system_goes_before_another_countrys(
        self, pages: tuple[str, ...], first: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(encodings, "code_pages", lambda: pages)
        raw = b"\xe9\xcf"
        assert next(encodings.legacy_readings(raw)) == first
        assert set(encodings.legacy_readings(raw)) == {"鰕", *(raw.decode(page) for page in pages)}
        monkeypatch.setattr(encodings, "os", SimpleNamespace(fsdecode=bytes.decode))
        assert encodings.name_text(raw) == first

    def test_kaldis_paths_are_read_as_they_lead_somewhere(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(encodings, "code_pages", lambda: ("cp1252", "cp850"))
        for name in ("éÏ.ogg", "声.ogg"):
            (tmp_path / name).touch()
        path = write("wav.scp", b"u1 \xe9\xcf.ogg\nu2 " + "声.ogg".encode("cp932") + b"\n")
        assert [Path(each.name).name for each in Corpus((path,))] == ["éÏ.ogg", "声.ogg"]

    def test_kaldis_texts_in_cp932_are_read_on_every_system(self, write: Write, there: Path) -> None:
        path = write("wav.scp", f"u1 {self.NAMES[0]}\nu2 {self.NAMES[1]}\n")
        write("text", "u1 ﾄｶ\nu2 声、ソ 表\n".encode("cp932"))
        write("utt2spk", "u1 さくら\nu2 先生\n".encode("cp932"))
        assert [each.meta for each in Corpus((path,))] == [
            {"text": "ﾄｶ", "speaker": "さくら"},
            {"text": "声、ソ 表", "speaker": "先生"},
        ]

    @pytest.mark.posix("names that are no UTF-8")
    def test_the_bytes_of_its_ids_stay(self, write: Write) -> None:
        id_ = "声".encode("cp932")
        path = write("wav.scp", id_ + b" a.ogg\n")
        write("text", id_ + " はい\n".encode("cp932"))
        (found,) = Corpus((path,))
        assert (os.fsencode(found.id), found.meta) == (id_, {"text": "はい"})

    def test_kaldis_lists_in_cp932_are_read_where_names_are_text(
        self, there: Path, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(encodings, "os", SimpleNamespace(fsdecode=bytes.decode))
        path = write("wav.scp", f"声 {self.NAMES[0]}\r\n".encode("cp932"))
        write("text", "声 はい\n".encode("cp932"))
        (found,) = Corpus((path,))
        assert (found.id, found.meta) == ("声", {"text": "はい"})
        assert Path(found.name).samefile(there / self.NAMES[0])


def test_a_lost_path_of_linux_is_one_of_another_system_on_windows(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("m.txt", "/nowhere/1.ogg\n")
    windows_paths(monkeypatch, paths)
    with pytest.raises(InputError, match=r"at /nowhere/1\.ogg, a path of another system; write it as this one has it"):
        Corpus((path,)).check_lists()


@pytest.mark.parametrize("name", ["..\\x.arrow", "C:x.arrow", "C:\\x.arrow"])
def test_a_data_set_does_not_lead_out_of_its_folder_on_windows(
    name: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anime_whisper_ct2.readers.tables import files

    windows_paths(monkeypatch, files)
    path = write("state.json", b'{"_data_files": [{"filename": "%s"}]}' % name.replace("\\", "\\\\").encode())
    with pytest.raises(InputError, match="does not lie in the dataset's folder"):
        list(files.dataset_folder(str(Path(path).parent), "a"))


@pytest.mark.parametrize("written", ["..\\", "C:\\", "c:/", "C:\\.", "\\\\?\\C:\\"])
def test_what_can_be_no_file_is_refused(written: str, windows: None) -> None:
    with pytest.raises(RecordingError, match="names no file"):
        Rows("C:\\lists\\m.txt").locate(written)


@pytest.mark.parametrize("written", ["C:\\", "D:/", "http://host/voices/"])
def test_so_it_is_on_every_system(written: str) -> None:
    with pytest.raises(RecordingError, match="names no file"):
        Rows("m.txt").locate(written)


@pytest.mark.parametrize("written", ["c:b.wav", "D:", "C:..\\b.wav"])
def test_a_drive_without_a_folder_is_refused_in_one_line(written: str, windows: None) -> None:
    with pytest.raises(RecordingError, match="names a drive and no folder on it; write it from the root") as error:
        Rows("C:\\lists\\m.txt").locate(written)
    assert "\n" not in str(error.value)


@pytest.mark.posix("a colon in a name")
def test_elsewhere_it_is_a_name(write: Write) -> None:
    assert only(write("m.txt", "c:b.wav\n")).id == "c:b.wav"


@pytest.mark.parametrize("name", ["list.txt", "shard.tar"])
def test_a_list_or_a_shard_that_a_scanner_looks_at_is_waited_for(name: str, tmp_path: Path, holders: Holders) -> None:
    path = tmp_path / name
    if name.endswith(".tar"):
        path.write_bytes(packed([("a.ogg", b"x")]))
    else:
        path.write_text("a.ogg\n", encoding="utf-8")
    holders.hold(path, readable=False, tries=3)
    assert len(list(Corpus([str(path)]))) == 1
    assert 0 < holders.waited_s < 2
