"""Lines that were written elsewhere: parts with markers, where they lie, and the one file that they come to."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import fsspec
import pytest

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.lines import ERRORS, RUN, TRANSCRIPTS, Part
from anime_whisper_ct2.output.metrics import Counts
from anime_whisper_ct2.output.storage import open_storage, output
from anime_whisper_ct2.output.storage.output import RemoteOutput, SharedOutput, open_output
from anime_whisper_ct2.output.storage.parts import Parts, probe_name
from tests.support.processes import lines
from tests.support.runs import part

SETTINGS = {"model": "abc"}


def write(parts: Parts, one: Part) -> None:
    parts.write(one.name, one.transcripts, one.errors, one.counts)


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "local":
        return str(tmp_path / "out")
    fsspec.filesystem("memory").store.clear()
    fsspec.filesystem("memory").pseudo_dirs[:] = [""]
    return "memory://bucket/out"


class TestParts:
    def test_a_part_is_read_as_it_was_written(self, place: str) -> None:
        parts = Parts(open_storage(place))
        one = part("さくら/1.ogg", "b\udcff.ogg", failed=["c.ogg"], name="token-0")
        write(parts, one)
        assert parts.complete() == ["token-0"]
        assert parts.read("token-0") == one

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: content[:-1],
            lambda content: content + b"{}\n",
            lambda content: content.replace(b"a.ogg", b"b.ogg"),
            lambda _: b"",
        ],
    )
    def test_a_damaged_part_is_named_and_left_out_when_parts_are_gathered(self, place: str, damage: Any) -> None:
        storage = open_storage(place)
        parts = Parts(storage)
        for name in ("1", "2", "3"):
            write(parts, part("a.ogg", name=name))
        storage.write("parts/2.jsonl", damage(storage.read("parts/2.jsonl")))
        with pytest.raises(OutputError, match=r"parts/2\.jsonl is damaged.*remove it"):
            parts.read("2")
        assert [one.name for one in parts.left()] == ["1", "3"]

    @pytest.mark.parametrize(
        "marker", [b"", b"{", b"[]", b"{}", b'{"transcripts": 1}', b"\xff", b'{"transcripts": "a"}']
    )
    def test_a_marker_that_says_nothing_makes_no_part(self, place: str, marker: bytes) -> None:
        storage = open_storage(place)
        write(Parts(storage), part("a.ogg", name="1"))
        storage.write("parts/1.json", marker)
        assert list(Parts(storage).left()) == []

    def test_without_its_marker_which_comes_last_there_is_no_part(
        self, place: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage = open_storage(place)
        written: list[str] = []
        original = type(storage).write
        monkeypatch.setattr(
            type(storage), "write", lambda self, name, content: (written.append(name), original(self, name, content))
        )
        write(Parts(storage), part("a.ogg", name="1"))
        assert written == ["parts/1.jsonl", "parts/1.json"]
        storage.remove(["parts/1.json"])
        assert list(Parts(storage).left()) == []

    def test_many_are_gathered_in_their_order(self, place: str) -> None:
        parts = Parts(open_storage(place))
        for number in range(30):
            write(parts, part(f"{number}.ogg", name=f"{number:03}"))
        assert [one.name for one in parts.left()] == [f"{number:03}" for number in range(30)]

    def test_old_parts_go_and_the_sign_of_a_run_stays_until_its_end(self, place: str) -> None:
        storage = open_storage(place)
        parts = Parts(storage)
        write(parts, part("a.ogg"))
        storage.write("parts/torn.jsonl", b"")
        storage.write(probe_name("token"), b"")
        parts.remove_old()
        assert storage.names() == [probe_name("token")]
        parts.remove_all()
        assert storage.names() == []


class TestAppend:
    """`Journal.append`: each recording once, and figures that agree with the lines."""

    def appended(self, out: Path, *parts: Part, state: str = "finished") -> Counts:
        total = Counts()
        with Journal(out, SETTINGS) as journal:
            journal.begin({})
            for one in parts:
                total.add(journal.append(one))
            journal.finish(state, {})
        return total

    def agree(self, out: Path, counts: Counts) -> None:
        done = lines(out)
        assert len({line["id"] for line in done}) == len(done) == counts.done
        assert counts.failed == len(lines(out, ERRORS))
        assert counts.audio_seconds == pytest.approx(sum(line["duration"] for line in done))

    def test_the_lines_of_parts_come_to_one_file(self, tmp_path: Path) -> None:
        counts = self.appended(tmp_path, part("a", "b", failed=["c"]), part("d"))
        assert [line["id"] for line in lines(tmp_path)] == ["a", "b", "d"]
        self.agree(tmp_path, counts)

    def test_what_two_parts_hold_is_taken_once(self, tmp_path: Path) -> None:
        counts = self.appended(
            tmp_path, part("a", "b", failed=["c"]), part("b", "d", failed=["c", "e"]), part("a", "b")
        )
        assert [line["id"] for line in lines(tmp_path)] == ["a", "b", "d"]
        assert [line["id"] for line in lines(tmp_path, ERRORS)] == ["c", "e"]
        self.agree(tmp_path, counts)

    def test_a_failure_that_another_part_made_good_is_taken_back(self, tmp_path: Path) -> None:
        counts = self.appended(tmp_path, part("a", failed=["b", "c"]), part("b"))
        assert [line["id"] for line in lines(tmp_path, ERRORS)] == ["c"]
        self.agree(tmp_path, counts)

    def test_a_failure_behind_a_transcript_is_none(self, tmp_path: Path) -> None:
        counts = self.appended(tmp_path, part("a", "b"), part(failed=["a", "c"]))
        assert [line["id"] for line in lines(tmp_path, ERRORS)] == ["c"]
        self.agree(tmp_path, counts)

    def test_what_was_done_before_stays_as_it_is(self, tmp_path: Path) -> None:
        self.appended(tmp_path, part("a", failed=["b"]))
        before = (tmp_path / TRANSCRIPTS).read_bytes()
        counts = self.appended(tmp_path, part("a", failed=["b"]))
        assert (tmp_path / TRANSCRIPTS).read_bytes() == before
        assert counts == Counts(failed=1)
        assert [line["id"] for line in lines(tmp_path, ERRORS)] == ["b"]

    def test_a_full_disk_leaves_whole_lines_and_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with Journal(tmp_path, SETTINGS) as journal:
            journal.begin({})
            journal.append(part("a"))

            def full(_: int) -> None:
                raise OSError(28, os.strerror(28))

            monkeypatch.setattr(os, "fsync", full)
            with pytest.raises(OutputError, match="No space left on device"):
                journal.append(part("b"))
            monkeypatch.undo()
        assert [line["id"] for line in lines(tmp_path)] in (["a"], ["a", "b"])


class TestAdopt:
    def begun(self, out: Path, settings: dict[str, str] = SETTINGS) -> None:
        with Journal(out, settings) as journal:
            journal.begin({})
            journal.append(part("a", failed=["b"]))

    def test_what_was_left_counts_as_done_or_failed_before(self, tmp_path: Path) -> None:
        self.begun(tmp_path)
        with Journal(tmp_path, SETTINGS) as journal:
            journal.adopt([part("a", "c", failed=["d"]), part("b")])
            assert {id_ for id_ in "abcde" if id_ in journal.done} == set("abc")
            assert "d" in journal.failed
            journal.begin({})
            journal.finish("finished", {})
        assert [line["id"] for line in lines(tmp_path)] == ["a", "c", "b"]
        assert [line["id"] for line in lines(tmp_path, ERRORS)] == ["d"]

    @pytest.mark.parametrize("again", [part("d"), part(failed=["d"])])
    def test_what_failed_there_may_be_tried_again(self, tmp_path: Path, again: Part) -> None:
        self.begun(tmp_path)
        with Journal(tmp_path, SETTINGS) as journal:
            journal.adopt([part(failed=["d"])])
            journal.begin({})
            assert journal.append(again) == again.counts
            journal.finish("finished", {})
        ids = [line["id"] for line in (*lines(tmp_path), *lines(tmp_path, ERRORS))]
        assert sorted(ids) == ["a", "b", "d"]

    def test_parts_of_other_settings_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / RUN).write_text(json.dumps({"settings": {"model": "other"}}), encoding="utf-8")
        with Journal(tmp_path, SETTINGS) as journal, pytest.raises(OutputError, match="the model was other and is abc"):
            journal.adopt([part("a")])
        assert lines(tmp_path) == []


class TestSharedOutput:
    def test_a_part_is_removed_when_its_lines_are_taken(self, tmp_path: Path) -> None:
        parts = Parts(open_storage(str(tmp_path)))
        for name in "12":
            write(parts, part(name, name=name))
        with open_output(tmp_path) as opened:
            left = opened.left()
            assert next(left).name == "1"
            assert parts.complete() == ["1", "2"]
            assert next(left).name == "2"
            assert parts.complete() == ["2"]
            assert list(left) == []
        assert parts.complete() == []

    def test_a_url_of_a_local_folder_is_that_folder(self, tmp_path: Path) -> None:
        opened = open_output(f"file://{tmp_path}/out")
        assert isinstance(opened, SharedOutput)
        assert opened.path == tmp_path / "out"

    def test_an_interrupted_run_keeps_what_nobody_has_taken(self, tmp_path: Path) -> None:
        parts = Parts(open_storage(str(tmp_path)))
        write(parts, part("a", name="1"))
        opened = SharedOutput(tmp_path)
        opened.ended(finished=False)
        assert parts.complete() == ["1"]
        opened.ended(finished=True)
        assert list(tmp_path.iterdir()) == []


class TestRemoteOutput:
    URL = "memory://bucket/run"

    @pytest.fixture(autouse=True)
    def empty(self) -> None:
        fsspec.filesystem("memory").store.clear()
        fsspec.filesystem("memory").pseudo_dirs[:] = [""]

    def test_results_are_fetched_and_brought_back(self) -> None:
        storage = open_storage(self.URL)
        storage.write(TRANSCRIPTS, b"old\n")
        with RemoteOutput(self.URL) as opened:
            folder = opened.path
            assert (folder / TRANSCRIPTS).read_bytes() == b"old\n"
            (folder / RUN).write_text("{}", encoding="ascii")
            opened.begun(afresh=False)
            assert storage.read(RUN) == b"{}"
            write(Parts(storage), part("a", name="1"))
            opened.taken(part("a", name="1"))
            (folder / TRANSCRIPTS).write_bytes(b"old\nnew\n")
            assert storage.read(TRANSCRIPTS) == b"old\n"
            opened.ended(finished=True)
        assert storage.read(TRANSCRIPTS) == b"old\nnew\n"
        assert storage.names() == [RUN, TRANSCRIPTS]
        assert not folder.exists()

    def test_an_interrupted_run_leaves_the_parts_that_it_has_not_taken(self) -> None:
        storage = open_storage(self.URL)
        with RemoteOutput(self.URL) as opened:
            (opened.path / RUN).write_text("{}", encoding="ascii")
            opened.begun(afresh=False)
            for name in "12":
                write(Parts(storage), part(name, name=name))
            opened.taken(part("1", name="1"))
            opened.ended(finished=False)
        assert Parts(storage).complete() == ["2"]

    def test_a_run_that_did_not_begin_changes_nothing(self) -> None:
        storage = open_storage(self.URL)
        storage.write(TRANSCRIPTS, b"old\n")
        write(Parts(storage), part("a", name="1"))
        before = storage.names()
        with RemoteOutput(self.URL) as opened:
            (opened.path / TRANSCRIPTS).write_bytes(b"")
            opened.ended(finished=False)
        assert storage.names() == before
        assert storage.read(TRANSCRIPTS) == b"old\n"

    def test_a_second_run_is_refused_naming_the_first_until_that_has_ended(self) -> None:
        with RemoteOutput(self.URL) as first:
            with (
                pytest.raises(OutputError, match=rf"run: process {os.getpid()} on .* is writing there"),
                RemoteOutput(self.URL),
            ):
                pass
            first.ended(finished=False)
            with RemoteOutput(self.URL):
                pass
        assert open_storage(self.URL).names() == []

    @pytest.mark.parametrize(
        "holder",
        [
            b"",
            b"[]",
            b"{}",
            b'{"process": "x", "host": "a", "time": 99999999999}',
            b'{"process": 1, "host": "a", "time": 0}',
        ],
    )
    def test_a_claim_that_nobody_renews_or_nobody_made_does_not_hold(self, holder: bytes) -> None:
        open_storage(self.URL).write(".holder.json", holder)
        with RemoteOutput(self.URL):
            pass

    def test_a_claim_is_renewed_while_the_run_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(output, "_RENEW_EVERY_S", 0.01)
        storage = open_storage(self.URL)
        with RemoteOutput(self.URL):
            first = storage.read(".holder.json")
            deadline = time.monotonic() + 60.0
            while storage.read(".holder.json") == first:
                assert time.monotonic() < deadline
        assert storage.names() == []
