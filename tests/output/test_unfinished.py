"""What is finished of a long recording outlives the run, and is gone when the recording is done."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output import journal as journals
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.unfinished import UNFINISHED, Unfinished
from anime_whisper_ct2.records import Failure, Headway, Home, Retries, Segment, Sound, Word
from tests.support.held import Holders
from tests.support.runs import part, short
from tests.support.windows import ON_WINDOWS

SETTINGS = {"model": "abc"}
# Figures that only a float written in full gives back.
RICH = Segment(
    0.1 + 0.2,
    3.0,
    "はい、\u2028「A」",
    -0.2131,
    1e-17,
    0.895,
    ("noisy", "low_logprob"),
    (Word(0.3, 1.25, "はい、", 0.123), Word(1.25, 3.0, "「A」", 1.0)),
    Retries(("low_logprob",), ("full", "ngram"), "ngram"),
    0.1 + 0.7,
)
HOMES = (
    Home(0, 0.0, 29.9999375, Sound(0.1 + 0.2, 1 / 3, 49.40553652832604), RICH),
    Home(1, 30.0, 60.0, Sound(), None),
    Home(7, 210.0, 240.0, Sound(), Segment(210.0, 240.0, "うん", -0.5, 0.0, 1.0)),
)


def headway(id_: str, *homes: Home) -> Headway:
    return Headway(0, id_, 300.0, 240.0, 0.0, None, homes)


def files(out: Path) -> list[Path]:
    return sorted((out / UNFINISHED).glob("*"))


@pytest.mark.parametrize("id_", ["a.ogg", "さくら/第一章.ogg", "x" * 500, "\udcff/..", 'quote" and\n'])
def test_windows_come_back_as_they_were_whatever_the_id(tmp_path: Path, id_: str) -> None:
    kept = Unfinished(tmp_path)
    kept.keep(id_, HOMES[:1])
    kept.keep(id_, HOMES[1:])
    again = Unfinished(tmp_path)
    assert list(again.ids) == [id_]
    assert again.homes(id_) == HOMES
    assert again.homes("other.ogg") == ()


def test_wherever_a_file_is_cut_its_whole_lines_come_back_and_more_can_follow(tmp_path: Path) -> None:
    Unfinished(tmp_path).keep("a.ogg", HOMES)
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in (*range(0, len(whole), 7), len(whole) - 1, len(lines[0]), len(lines[0]) - 1):
        path.write_bytes(whole[:cut])
        left = max(0, whole[:cut].count(b"\n") - 1)
        again = Unfinished(tmp_path)
        assert again.homes("a.ogg") == HOMES[:left]
        again.tidy()
        again.keep("a.ogg", HOMES[left:])
        assert Unfinished(tmp_path).homes("a.ogg") == HOMES


def test_a_window_that_was_done_twice_counts_once_and_a_line_of_somebody_elses_not(tmp_path: Path) -> None:
    kept = Unfinished(tmp_path)
    later = Home(0, 0.0, 30.0, Sound(), None)
    kept.keep("a.ogg", (*HOMES, later))
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes() + b'[]\n{"number": 3}\nno JSON\n\xff\n')
    assert Unfinished(tmp_path).homes("a.ogg") == (later, *HOMES[1:])


def run(out: Path, *headways: Headway) -> Journal:
    journal = Journal(out, SETTINGS)
    journal.begin({})
    for each in headways:
        journal.keep(each)
    return journal


def test_a_journal_keeps_them_until_the_recording_is_done(tmp_path: Path) -> None:
    with run(tmp_path, headway("a.ogg", *HOMES[:2]), headway("b.ogg", HOMES[0]), headway("a.ogg")):
        pass
    with run(tmp_path) as journal:
        assert journal.homes("a.ogg") == HOMES[:2]
        journal.keep(headway("a.ogg", HOMES[2]))
        assert len(files(tmp_path)) == 2
        journal.write(short("b.ogg"))
        assert len(files(tmp_path)) == 1
        journal.write(short("a.ogg"))
    assert not (tmp_path / UNFINISHED).exists()


def test_what_a_kill_left_beside_a_finished_line_goes(tmp_path: Path) -> None:
    with run(tmp_path, headway("a.ogg", *HOMES)) as journal:
        before = files(tmp_path)[0].read_bytes()
        journal.write(short("a.ogg"))
    Unfinished(tmp_path).keep("a.ogg", HOMES)
    assert files(tmp_path)[0].read_bytes() == before
    with run(tmp_path):
        assert files(tmp_path) == []


def test_a_failure_keeps_them_for_another_try(tmp_path: Path) -> None:
    with run(tmp_path, headway("a.ogg", *HOMES)) as journal:
        journal.write(Failure("a.ogg", "a.ogg", "decode", "TimeLimit", "no result within 120 s"))
    with run(tmp_path) as journal:
        assert journal.homes("a.ogg") == HOMES


def test_nothing_is_synced_through_a_handle_that_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Which Windows refuses; there, that it went well is proof.
    fcntl = None if ON_WINDOWS else import_module("fcntl")
    sync, synced = os.fsync, []

    def watched(handle: int) -> None:
        synced.append(fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE if fcntl else os.O_RDWR)
        sync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr(journals, "_SYNC_EVERY_S", 0.0)
    with run(tmp_path, headway("a.ogg", HOMES[0]), headway("a.ogg", HOMES[1])) as journal:
        journal.write(short("a.ogg"))
        journal.finish("finished", {})
    assert len(synced) >= 10
    assert os.O_RDONLY not in synced


def test_files_of_nobody_knows_what_go_when_a_run_begins_and_others_stay(tmp_path: Path) -> None:
    kept = Unfinished(tmp_path)
    for id_ in ("a.ogg", "b.ogg", "c.ogg", "d.ogg"):
        kept.keep(id_, HOMES)
    torn, none, empty, whole = sorted(files(tmp_path), key=lambda path: path.read_bytes().splitlines()[0])
    torn.write_bytes(torn.read_bytes()[:9])
    none.write_bytes(b"\0" * 4096 + b"\n" + none.read_bytes())
    empty.write_bytes(b"")
    (tmp_path / "run.json").write_text('{"settings": {"model": "abc"}}', encoding="utf-8")
    (tmp_path / UNFINISHED / "notes.jsonl").write_text("mine", encoding="utf-8")
    with Journal(tmp_path, SETTINGS) as journal:
        assert len(files(tmp_path)) == 5
        journal.begin({})
        assert [path.name for path in files(tmp_path)] == sorted([whole.name, "notes.jsonl"])
        assert journal.homes("d.ogg") == HOMES


def test_a_folder_of_nothing_else_goes_with_them(tmp_path: Path) -> None:
    Unfinished(tmp_path).keep("a.ogg", HOMES)
    files(tmp_path)[0].write_bytes(b'{"id": "a.o')
    with run(tmp_path):
        assert not (tmp_path / UNFINISHED).exists()


def test_unclaimed_is_what_is_neither_done_nor_failed(tmp_path: Path) -> None:
    with run(tmp_path, *(headway(f"{name}.ogg", *HOMES) for name in "abcd")) as journal:
        journal.write(short("a.ogg"))
        journal.write(Failure("b.ogg", "b.ogg", "decode", "TimeLimit", "no result within 120 s"))
        assert journal.unclaimed() == 2
    with run(tmp_path) as journal:
        journal.append(part("c.ogg", failed=["d.ogg"]))
        assert journal.unclaimed() == 0


@pytest.mark.parametrize("begun", [(), ("b.ogg",)])
def test_no_line_of_a_part_is_parsed_twice(
    tmp_path: Path, begun: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    id_of, parsed = journals.id_of, []

    def watched(line: bytes) -> str:
        parsed.append(id_of(line))
        return parsed[-1]

    with run(tmp_path, *(headway(id_, *HOMES) for id_ in begun)) as journal:
        monkeypatch.setattr(journals, "id_of", watched)
        journal.append(part("a.ogg", "b.ogg", "c.ogg"))
    assert parsed == ["a.ogg", "b.ogg", "c.ogg"]
    assert not (tmp_path / UNFINISHED).exists()


def test_other_settings_are_refused_as_for_finished_ones(tmp_path: Path) -> None:
    run(tmp_path, headway("a.ogg", *HOMES)).close()
    with pytest.raises(
        OutputError, match=r"the beginning of 1 recording made .* \(the model was abc and is other.*--overwrite"
    ):
        Journal(tmp_path, {"model": "other"})
    (tmp_path / "run.json").unlink()
    with pytest.raises(OutputError, match=r"holds the beginning of 1 recording, and no run.json that names"):
        Journal(tmp_path, SETTINGS)


def test_overwrite_begins_afresh(tmp_path: Path) -> None:
    run(tmp_path, headway("a.ogg", *HOMES)).close()
    with Journal(tmp_path, {"model": "other"}, overwrite=True) as journal:
        assert journal.homes("a.ogg") == ()
        # Nothing is changed before a model is loaded.
        assert len(files(tmp_path)) == 1
        journal.begin({})
        assert not (tmp_path / UNFINISHED).exists()


def test_what_is_held_of_a_recording_that_is_done_stops_no_run_and_is_not_gone_on_with(
    tmp_path: Path, holders: Holders
) -> None:
    with run(tmp_path, headway("a.ogg", HOMES[0])) as journal:
        (path,) = files(tmp_path)
        holders.hold(path, shared=False)
        journal.write(short("a.ogg"))
        journal.finish("finished", {})
    assert path.exists()
    with run(tmp_path) as journal:
        assert journal.halfway == 0
        assert path.exists()
    holders.let_go()
    run(tmp_path).close()
    assert not path.exists()


def test_a_glance_at_what_was_just_written_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holders: Holders
) -> None:
    monkeypatch.setattr(journals, "_SYNC_EVERY_S", 0.0)
    with run(tmp_path, headway("a.ogg", HOMES[0])) as journal:
        (path,) = files(tmp_path)
        for home in HOMES[1:]:
            # One of them is met by the line, another one by the sync behind it.
            holders.hold(path, tries=4, readable=False)
            journal.keep(headway("a.ogg", home))
            holders.hold(path, tries=4, readable=False)
            journal.keep(headway("b.ogg", home))
        holders.hold(path, tries=2, readable=False)
        assert journal.homes("a.ogg") == HOMES
    holders.hold(path, tries=2, readable=False)
    assert Unfinished(tmp_path).homes("a.ogg") == HOMES
    assert holders.refusals


def test_what_is_held_is_emptied_where_a_run_begins_afresh(tmp_path: Path, holders: Holders) -> None:
    run(tmp_path, headway("a.ogg", HOMES[0])).close()
    (path,) = files(tmp_path)
    holders.hold(path)
    with Journal(tmp_path, SETTINGS, overwrite=True) as journal:
        journal.begin({})
    assert path.read_bytes() == b""
    with Journal(tmp_path, SETTINGS) as journal:
        assert journal.halfway == 0
