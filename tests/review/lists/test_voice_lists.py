"""The lists of other projects open, and a new one is written: what nobody changed is the same, byte for byte."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.review.lists.lines import written
from anime_whisper_ct2.review.lists.voice_lists import ListRun, Saved, beside, open_list, refused_in, save_list
from anime_whisper_ct2.review.sound.clips import Clips, NoSound
from anime_whisper_ct2.review.sound.cutting import length_s
from anime_whisper_ct2.reviews import Decision, ReviewOptions, Reviews, open_log, review_folder, version_of
from tests.support import sounds
from tests.support.files import contents
from tests.support.sounds import tone

LINES = (
    "a.wav|アリス|JP|そうなの?",
    "b.wav|アリス|JP|えっと、…",
    "c.wav|ボブ|JP|ふふっ♪",
)


class Here:
    """Reads lengths in this process: a worker takes a while to start."""

    def __init__(self, *_: object) -> None:
        pass

    def lengths_s(self, places: list[str]) -> list[float | None]:
        return [length_s(place) for place in places]

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "in_workers" not in request.function.__name__:
        monkeypatch.setattr("anime_whisper_ct2.review.lists.recordings.ClipWorkers", Here)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings in `raw`, as Style-Bert-VITS2 has them."""
    (tmp_path / "data" / "raw").mkdir(parents=True)
    for number, name in enumerate("abc", 1):
        sounds.written(tmp_path / "data" / "raw" / f"{name}.wav", tone(number / 2), 16_000)
    return tmp_path / "data"


@pytest.fixture
def opened(folder: Path, tmp_path: Path) -> Callable[..., ListRun]:
    """Give `open(content)`: it writes a list of that, and opens it."""

    def open_(content: bytes | str, name: str = "esd.list") -> ListRun:
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
        return open_list(folder / name, tmp_path / "cache")

    return open_


def decide(found: ListRun, id_: str, action: Any, value: Any = None, reviewer: str = "花子", **more: Any) -> None:
    """Append a decision of somebody who sees the list as it is on the disk."""
    (segment,) = RunFolder(found.file)[id_].segments
    seen = version_of(id_, segment.start, segment.end, segment.text)
    with open_log(review_folder(found.path), reviewer) as log:
        draft = Decision("", "", id_, segment.start, segment.end, seen, action, value)
        log.append([replace(draft, **more)])


def save(found: ListRun, **options: Any) -> tuple[Saved, bytes]:
    out = beside(found.path)
    saved = save_list(found, Reviews(found.path, ReviewOptions(**options)), out)
    return saved, out.read_bytes()


def test_a_list_is_a_run_of_whole_files_whose_lengths_are_read_in_workers(
    opened: Callable[..., ListRun], folder: Path
) -> None:
    found = opened("\n".join(LINES) + "\n")
    assert (found.entries, found.others, found.missing, found.note) == (3, 0, 0, None)
    one = RunFolder(found.file)["b.wav"]
    assert (one.audio, one.duration, one.language) == (str(folder / "raw" / "b.wav"), 1.0, "ja")
    assert one.meta == {"speaker": "アリス", "language": "JP"}
    (segment,) = one.segments
    assert (segment.start, segment.end, segment.text) == (0.0, 1.0, "えっと、…")


def test_flags_say_what_a_text_alone_tells(opened: Callable[..., ListRun]) -> None:
    found = opened(
        "a.wav|s|JP|…\nb.wav|s|JP|ご視聴ありがとうございました\nc.wav|s|JP|"
        + "はやくち" * 20
        + "\ngone.wav|s|JP|"
        + "か" * 40
    )
    flags = {one.id: set(one.flags) for one in RunFolder(found.file).transcripts()}
    assert flags["a.wav"] == {"ellipsis_only"}
    assert flags["b.wav"] == {"stock_phrase"}
    assert flags["c.wav"] == {"fast", "repetition"}
    # How fast it is nobody knows.
    assert flags["gone.wav"] == {"repetition"}


def test_its_clips_are_played_to_their_ends_whatever_length_they_had(
    opened: Callable[..., ListRun], folder: Path
) -> None:
    found = opened(LINES[0] + "\ngone.wav|s|JP|ない\n")
    run = RunFolder(found.file)
    assert run["gone.wav"].duration == 0.0
    # It is cut anew, and longer, while the page is open.
    sounds.written(folder / "raw" / "a.wav", tone(0.8), 16_000)
    with Clips(run, None, is_list=True) as clips:
        assert clips.clip(run["a.wav"], 0.0, 0.5, 1.0).end_s == 0.8
        with pytest.raises(NoSound, match=r"gone\.wav: there is no such file"):
            clips.clip(run["gone.wav"], 0.0, 0.0, 1.0)
        sounds.written(folder / "gone.wav", tone(0.7), 16_000)
        found_later = replace(run["gone.wav"], audio=str(folder / "gone.wav"))
        assert clips.clip(found_later, 0.0, 0.0, 1.0).end_s == 0.7


def test_what_is_read_stays_until_the_list_changes_and_what_was_not_there_is_looked_for_again(
    opened: Callable[..., ListRun], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened("\n".join(LINES) + "\n")
    with monkeypatch.context() as patched:
        patched.setattr(
            "anime_whisper_ct2.review.lists.voice_lists.transcripts_of", lambda *_: pytest.fail("read again")
        )
        assert open_list(first.path, tmp_path / "cache") == first
    with_another = opened("\n".join(LINES) + "\nd.wav|s|JP|四つ目\n")
    assert (with_another.entries, with_another.missing) == (4, 1)
    assert with_another.file != first.file
    # Whoever has the first open reads on in it.
    assert len(RunFolder(first.file)) == 3
    sounds.written(folder / "raw" / "d.wav", tone(2.0), 16_000)
    assert RunFolder(open_list(first.path, tmp_path / "cache").file)["d.wav"].duration == 2.0


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("cp932", b""),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
    ],
    ids=["utf-8", "with a mark", "cp932", "utf-16-le", "utf-16-be"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "open"])
def test_corrected_lines_change_rejected_ones_go_and_all_else_stays_as_it_is(
    opened: Callable[..., ListRun], encoding: str, mark: bytes, end: str, last: bool
) -> None:
    # ポ and 表 end in the bytes of | and \ in cp932.
    lines = (*LINES, "", "# remark", "a.wav|ポー表|JP|二度目のポ", "x|y|z", "b.wav|s|JP|two|three", "|s|JP|nothing")
    content = (end.join(lines) + end * last).encode(encoding)
    found = opened(mark + content)
    assert found.encoding == encoding
    assert (found.entries, found.others, found.missing) == (4, 4, 0)
    assert found.note is not None
    assert "4 lines not of the form path|speaker|language|text (line 5, 7, 8, 9)" in found.note
    assert save(found) == (Saved(beside(found.path), 4, 0, 0, 4), mark + content)
    decide(found, "a.wav", "accept")
    decide(found, "b.wav", "reject")
    decide(found, "a.wav#2", "correct", "ポテトの表")
    expected = (lines[0], *lines[2:5], "a.wav|ポー表|JP|ポテトの表", *lines[6:])
    saved, data = save(found)
    assert data == mark + (end.join(expected) + end * last).encode(encoding)
    assert (saved.kept, saved.corrected, saved.rejected, saved.other) == (2, 1, 1, 4)
    # The list itself is the same still.
    assert found.path.read_bytes() == mark + content


def test_the_same_bytes_in_cp932_that_would_be_written_in_another_way_stay(opened: Callable[..., ListRun]) -> None:
    # NEC's ≒ and IBM's ∵ are read as what Python writes with other bytes.
    raw = b"a.wav|\x87\x90\xfa\x5b|JP|\x82\xd0\x82\xe7\n"
    assert raw.decode("cp932").encode("cp932") != raw
    found = opened(raw + "b.wav|ア|JP|い\n".encode("cp932"))
    decide(found, "a.wav", "correct", "かな")
    assert save(found)[1] == raw.replace("ひら".encode("cp932"), "かな".encode("cp932")) + "b.wav|ア|JP|い\n".encode(
        "cp932"
    )


@pytest.mark.posix
def test_a_path_that_is_no_utf_8_stays_what_it_is(opened: Callable[..., ListRun], folder: Path) -> None:
    name = os.fsdecode(b"raw/\xff\xfe.wav")
    os.link(folder / "raw" / "a.wav", folder / name)
    raw = "一.wav|s|JP|あ\n".encode() + b"\xff\xfe.wav|s|JP|" + "い\n".encode() + b"b.wav|s|JP|\xff\n"
    found = opened(raw)
    # Bytes that are no text are nobody's to correct.
    assert (found.entries, found.others) == (2, 1)
    decide(found, "\udcff\udcfe.wav", "correct", "う")
    assert save(found)[1] == raw.replace("い".encode(), "う".encode())


def test_a_mark_in_a_text_is_refused_and_never_dropped(opened: Callable[..., ListRun]) -> None:
    found = opened("\n".join(LINES))
    assert refused_in("あ|い\r\nう|") == found.refused_in("あ|い\r\nう|") == "|\r\n"
    assert found.refused_in("ふつうの文。 😀") == ""
    # A log may come from elsewhere.
    decide(found, "b.wav", "correct", "二|三")
    with pytest.raises(
        InputError, match=r"esd\.list, line 2: the text holds '\|', which this list cannot hold; correct"
    ):
        save(found)
    assert not beside(found.path).exists()


def test_what_an_old_encoding_lacks_is_refused(opened: Callable[..., ListRun]) -> None:
    found = opened("\n".join(LINES).encode("cp932"))
    assert found.refused_in("ふふっ♪") == ""
    assert found.refused_in("ふふっ😀♥|") == "😀♥|"
    decide(found, "c.wav", "correct", "ふふっ😀")
    with pytest.raises(InputError, match="line 3"):
        save(found)


def test_what_reviewers_do_not_agree_on_is_not_saved_unless_it_is_said_how(opened: Callable[..., ListRun]) -> None:
    found = opened("\n".join(LINES))
    decide(found, "b.wav", "correct", "えっと…", "花子")
    decide(found, "b.wav", "correct", "えーっと", "太郎")
    with pytest.raises(InputError, match=r"line 2: reviewers decided differently; .* --conflicts"):
        save(found)
    assert "|えっと…\n" in save(found, conflicts="first")[1].decode()
    assert "|えーっと\n" in save(found, conflicts="last")[1].decode()
    saved, data = save(found, conflicts="drop")
    assert (saved.rejected, "b.wav" in data.decode()) == (1, False)


def test_options_of_a_review_count_here_too(opened: Callable[..., ListRun]) -> None:
    found = opened("\n".join(LINES) + "\n")
    decide(found, "c.wav", "accept")
    decide(found, "b.wav", "reject")
    assert save(found, review="accepted")[1].decode() == LINES[2] + "\n"
    assert save(found, review="none")[1].decode() == "\n".join(LINES) + "\n"


def test_a_part_of_a_file_is_nothing_that_a_list_holds(opened: Callable[..., ListRun]) -> None:
    found = opened("\n".join(LINES))
    decide(found, "c.wav", "trim", {"start": 0.1, "end": 1.2})
    with pytest.raises(InputError, match="line 3: was trimmed or split, and a list holds whole files"):
        save(found)


def test_decisions_about_a_text_that_was_edited_since_are_not_applied(opened: Callable[..., ListRun]) -> None:
    found = opened("\n".join(LINES))
    decide(found, "b.wav", "reject")
    edited = "\n".join(LINES).replace("えっと", "ええと")
    found.path.write_bytes(edited.encode())
    with pytest.raises(InputError, match="was changed since it was opened"):
        save(found)
    assert save(opened(edited))[1].decode() == edited


def test_a_list_is_never_written_over(opened: Callable[..., ListRun], folder: Path) -> None:
    found = opened("\n".join(LINES))
    os.link(found.path, folder / "same.list")
    for out in (found.path, folder / "raw" / ".." / "esd.list", folder / "same.list"):
        with pytest.raises(InputError, match="is the list that is reviewed, which stays as it is; name another file"):
            save_list(found, Reviews(found.path), out)
    before = contents(folder)
    with pytest.raises(OutputError, match="cannot be written"):
        save_list(found, Reviews(found.path), folder / "not" / "there.list")
    with pytest.raises(OutputError, match="cannot be written"):
        save_list(found, Reviews(found.path), folder / "raw")
    assert contents(folder) == before


@pytest.mark.parametrize("content", ["", "\n\n", "a.wav\n", "a.wav|b\n", "# nothing\n"])
def test_what_is_no_such_list_is_refused(opened: Callable[..., ListRun], content: str) -> None:
    with pytest.raises(InputError, match=r"no line is of the form path\|speaker\|language\|text"):
        opened(content)


def test_a_list_that_is_not_there_or_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such list"):
        open_list(tmp_path / "none.list", tmp_path / "cache")
    (tmp_path / "folder.list").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        open_list(tmp_path / "folder.list", tmp_path / "cache")


def test_ids_are_unique_whatever_a_list_calls_its_files(opened: Callable[..., ListRun]) -> None:
    found = opened("a.wav|s|JP|1\na.wav#2|s|JP|2\na.wav|s|JP|3\na.wav|s|JP|4\n ./a.wav |s|JP|5")
    texts = {one.id: one.text for one in RunFolder(found.file).transcripts()}
    assert texts == {"a.wav": "1", "a.wav#2": "2", "a.wav#3": "3", "a.wav#4": "4", " ./a.wav ": "5"}


def test_a_url_in_a_list_is_not_opened_for_its_length(opened: Callable[..., ListRun]) -> None:
    found = opened("http://127.0.0.1:9/a.wav|s|JP|遠く\n" + LINES[0])
    run = RunFolder(found.file)
    assert (found.missing, run["http://127.0.0.1:9/a.wav"].duration) == (1, 0.0)
    with Clips(run, None, is_list=True) as clips, pytest.raises(NoSound, match="--allow-urls opens it"):
        clips.clip(run["http://127.0.0.1:9/a.wav"], 0.0, 0.0, 1.0)


@given(
    st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([b"a|b|c|d", b"\n", b"\r\n", b"|", b"\xef\xbb\xbf"])))
)
def test_the_lines_of_any_file_are_the_file(parts: list[bytes]) -> None:
    data = b"".join(parts)
    try:
        form = written(data, "any.list")
    except InputError:
        return
    assert form.mark + b"".join(form.lines) == data
    for raw, entry in zip(form.lines, form.entries(), strict=True):
        if entry is not None and not refused_in(entry.text, form.encoding):
            assert form.with_text(raw, entry.text).decode(form.encoding, "surrogateescape") == raw.decode(
                form.encoding, "surrogateescape"
            )


def test_a_transcript_made_of_a_list_is_one_that_a_run_could_have_written(opened: Callable[..., ListRun]) -> None:
    found = opened("\n".join(LINES))
    assert all(isinstance(one, Transcript) and len(one.segments) == 1 for one in RunFolder(found.file).transcripts())
