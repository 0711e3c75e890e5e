"""Parts that make a whole come together as one run; others are refused with the reason."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli.merge import merge_command
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.lines import read_lines
from anime_whisper_ct2.output.merge import Merged, merge
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.output.unfinished import UNFINISHED, Unfinished
from anime_whisper_ct2.records import Home, Sound
from tests.support.held import Holders
from tests.support.shards import SETTINGS, about, merged_ids, shards, write_part


def test_the_order_in_which_shards_are_named_changes_nothing(tmp_path: Path) -> None:
    parts = shards(tmp_path)
    merge(parts, tmp_path / "a")
    merge(parts[::-1], tmp_path / "b")
    assert merged_ids(tmp_path / "a") == ["0.wav", "1.wav", "2.wav"]
    assert (tmp_path / "a" / "transcripts.jsonl").read_bytes() == (tmp_path / "b" / "transcripts.jsonl").read_bytes()
    assert about(tmp_path / "a") == about(tmp_path / "b")


@pytest.mark.parametrize(
    ("of_the_last", "said"),
    [
        ({"settings": {**SETTINGS, "beam_size": 5}}, "--beam-size is 1 and 5"),
        ({"settings": {**SETTINGS, "window": "fit"}}, "--window is not set and fit"),
        ({"inputs": ["elsewhere"]}, "inputs is .'corpus'. in .*part0 and .'elsewhere'. in .*part2"),
        ({"exclude": ["*.ogg"]}, "exclude is None"),
        ({"shard": (1, 3)}, "both shard 1/3"),
        ({"shard": (2, 4)}, "a part of 3 and .* of 4"),
        ({"shard": None}, "part2 is no shard"),
        ({"ids": ["0.wav"]}, "both hold the recording '0.wav'"),
        ({"ids": [], "failed": ["0.wav"]}, "both hold the recording '0.wav'"),
        ({"state": "interrupted"}, "part2: not finished, .* 'interrupted'"),
        ({"state": "running"}, "part2: not finished, .* 'running'"),
    ],
)
def test_parts_that_make_no_whole_are_refused(tmp_path: Path, of_the_last: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        merge(shards(tmp_path, **of_the_last), tmp_path / "out")
    assert not (tmp_path / "out" / "transcripts.jsonl").exists()
    assert list((tmp_path / "out").glob("*.merging")) == []


def test_a_glance_at_what_an_earlier_merge_left_beside_ends_none(tmp_path: Path, holders: Holders) -> None:
    parts = shards(tmp_path)
    (tmp_path / "out").mkdir()
    for name in ("transcripts.jsonl", "errors.jsonl"):
        (tmp_path / "out" / f"{name}.merging").touch()
        holders.hold(tmp_path / "out" / f"{name}.merging", tries=2, readable=False)
        holders.hold(parts[0] / name, tries=2, readable=False)
    merge(parts, tmp_path / "out")
    assert merged_ids(tmp_path / "out") == ["0.wav", "1.wav", "2.wav"]
    assert len(holders.refusals) == 8


def test_how_long_the_engines_waited_is_weighted_by_how_long_each_part_took(tmp_path: Path) -> None:
    parts = shards(tmp_path)
    for part, wall_s, waits in zip(parts, (10.0, 30.0, 99.0), (0.1, 0.5, None), strict=True):
        known = {"wall_seconds": wall_s, **({} if waits is None else {"engine_waits": waits})}
        (part / "run.json").write_text(json.dumps({**about(part), **known}), encoding="utf-8")
    merge(parts, tmp_path / "out")
    told = about(tmp_path / "out")
    assert told["engine_waits"] == 0.4
    assert [part.get("engine_waits") for part in told["parts"]] == [0.1, 0.5, None]


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    parts = shards(tmp_path, 12)
    with pytest.raises(InputError, match="2 of 12 shards missing: 1/12, 11/12; run them"):
        merge([part for n, part in enumerate(parts) if n not in (1, 11)], tmp_path / "out")


def test_a_part_that_is_named_twice_or_holds_no_run_is_refused(tmp_path: Path) -> None:
    parts = shards(tmp_path)
    with pytest.raises(InputError, match="named twice"):
        merge([*parts, parts[0] / ".." / "part0"], tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no run has begun there"):
        merge([*parts[:2], tmp_path / "empty"], tmp_path / "out")
    with pytest.raises(InputError, match=r"absent: no run\.json"):
        merge([*parts[:2], tmp_path / "absent"], tmp_path / "out")
    (parts[0] / "run.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InputError, match="not what a run wrote"):
        merge(parts, tmp_path / "out")


def test_of_a_part_that_was_killed_the_whole_lines_count(tmp_path: Path) -> None:
    parts = shards(tmp_path, state="running", ids=["2.wav", "3.wav"], failed=["4.wav"])
    with (parts[2] / "transcripts.jsonl").open("ab") as file:
        file.write(b'{"id": "torn.wav", "au')
    (tmp_path / "later").mkdir()
    merged = merge([*parts, tmp_path / "later"], tmp_path / "out", incomplete=True)
    assert merged_ids(tmp_path / "out") == ["0.wav", "1.wav", "2.wav", "3.wav"]
    run = about(tmp_path / "out")
    assert (run["found"], run["done"], run["resumed"], run["failed"]) == (5, 2, 2, 1)
    assert (merged.transcribed, merged.failed) == (4, 1)


def test_failures_that_were_made_good_are_left_out_and_of_two_the_last_stays(tmp_path: Path) -> None:
    part = write_part(tmp_path / "part", ["good.wav"], shard=(0, 1))
    with (part / "errors.jsonl").open("w", encoding="utf-8") as file:
        for id_, message in (("bad.wav", "first"), ("good.wav", "before"), ("bad.wav", "last"), ("other.wav", "")):
            file.write(
                json.dumps({"id": id_, "audio": id_, "stage": "decode", "error": "E", "message": message}) + "\n"
            )
    merge([part], tmp_path / "out")
    held = [(line["id"], line["message"]) for line in read_lines(tmp_path / "out" / "errors.jsonl")]
    assert held == [("bad.wav", "last"), ("other.wav", "")]


def test_runs_over_different_corpora_are_joined_where_they_share_no_id(tmp_path: Path) -> None:
    first = write_part(tmp_path / "first", ["b.wav"], inputs=["one"])
    second = write_part(tmp_path / "second", ["a.wav"], inputs=["two", "s3://bucket/x.tar"], folder="/elsewhere")
    merged = merge([first, second], tmp_path / "out")
    assert merged.notes == ()
    assert merged_ids(tmp_path / "out") == ["b.wav", "a.wav"]
    assert about(tmp_path / "out")["inputs"] == ["one", os.path.join("/elsewhere", "two"), "s3://bucket/x.tar"]
    with pytest.raises(InputError, match=r"both hold the recording 'b\.wav'"):
        merge([first, write_part(tmp_path / "third", ["b.wav"])], tmp_path / "out")
    assert merged_ids(tmp_path / "out") == ["b.wav", "a.wav"]


def test_names_that_are_no_utf8_survive(tmp_path: Path) -> None:
    name = b"\x83\x7b.wav".decode("utf-8", "surrogateescape")
    parts = shards(tmp_path, ids=[name])
    for part in parts:
        path = part / "run.json"
        path.write_text(json.dumps({**about(part), "inputs": [name]}), encoding="utf-8")
    merge(parts, tmp_path / "out")
    assert name in RunFolder(tmp_path / "out")
    assert RunFolder(tmp_path / "out").inputs == (name,)


def test_a_line_that_no_run_wrote_is_named(tmp_path: Path) -> None:
    parts = shards(tmp_path)
    with (parts[1] / "transcripts.jsonl").open("ab") as file:
        file.write(b'{"text": "?"}\n')
    with pytest.raises(InputError, match=r"part1.transcripts.jsonl, line 2: not a line that a run wrote"):
        merge(parts, tmp_path / "out")


class TestOutput:
    def test_merging_again_replaces_the_merge_and_nothing_else(self, tmp_path: Path) -> None:
        parts = shards(tmp_path)
        merge(parts[:2], tmp_path / "out", incomplete=True)
        (tmp_path / "out" / "export").mkdir()
        (tmp_path / "out" / "export" / "mine.txt").write_text("kept", encoding="utf-8")
        merge(parts, tmp_path / "out")
        assert merged_ids(tmp_path / "out") == ["0.wav", "1.wav", "2.wav"]
        assert (tmp_path / "out" / "export" / "mine.txt").read_text(encoding="utf-8") == "kept"

    def test_a_run_that_is_no_merge_stays_unless_it_is_to_go(self, tmp_path: Path) -> None:
        parts = shards(tmp_path)
        write_part(tmp_path / "out", ["mine.wav"])
        with pytest.raises(InputError, match=r"holds transcripts\.jsonl of a run that is no merge"):
            merge(parts, tmp_path / "out")
        assert merged_ids(tmp_path / "out") == ["mine.wav"]
        merge(parts, tmp_path / "out", overwrite=True)
        assert merged_ids(tmp_path / "out") == ["0.wav", "1.wav", "2.wav"]

    @pytest.mark.parametrize("of_a_merge", [False, True])
    def test_what_was_begun_goes_with_the_results_before_there_are_others(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, of_a_merge: bool
    ) -> None:
        parts, out = shards(tmp_path), tmp_path / "out"
        if of_a_merge:
            merge(parts[:2], out, incomplete=True)
        else:
            write_part(out, ["mine.wav"], settings={**SETTINGS, "model": "other"})
        for folder in (out, parts[0]):
            Unfinished(folder).keep("long.wav", [Home(0, 0.0, 30.0, Sound(), None)])
        replace, there = os.replace, []

        def watched(source: str, target: str) -> None:
            there.append((out / UNFINISHED).exists())
            replace(source, target)

        monkeypatch.setattr(os, "replace", watched)
        merge(parts, out, overwrite=not of_a_merge)
        assert there == [False] * 4
        # That of a part is its own.
        assert list(Unfinished(parts[0]).ids) == ["long.wav"]

    def test_a_part_is_never_replaced(self, tmp_path: Path) -> None:
        parts = shards(tmp_path)
        with pytest.raises(InputError, match="part0 is one of the parts"):
            merge(parts, parts[0], overwrite=True)
        assert merged_ids(parts[0]) == ["0.wav"]

    def test_a_run_at_work_there_is_not_disturbed(self, tmp_path: Path) -> None:
        parts = shards(tmp_path)
        with Journal(tmp_path / "out", SETTINGS), pytest.raises(OutputError, match=f"process {os.getpid()} is writing"):
            merge(parts, tmp_path / "out")

    def test_a_merge_that_was_killed_says_so_and_can_be_done_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parts = shards(tmp_path)
        merge(parts[:1], tmp_path / "out", incomplete=True)
        replace, calls = os.replace, []

        def killed(source: str, target: str) -> None:
            calls.append(target)
            if len(calls) == 2:
                raise KeyboardInterrupt
            replace(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                merge(parts, tmp_path / "out")
        assert about(tmp_path / "out")["state"] == "running"
        assert merged_ids(tmp_path / "out") == ["0.wav"]
        merge(parts, tmp_path / "out")
        assert about(tmp_path / "out")["state"] == "finished"


class TestCommand:
    def merged(self, *args: object) -> Any:
        return CliRunner().invoke(merge_command, [str(arg) for arg in args])

    def test_a_folder_of_shards_needs_no_output(self, tmp_path: Path) -> None:
        for n in range(2):
            write_part(tmp_path / "out" / f"shard-{n}", [f"{n}.wav"], shard=(n, 2), failed=[f"{n}.ogg"])
        result = self.merged(tmp_path / "out")
        assert result.exit_code == 0, result.output
        assert result.stderr == f"2 parts joined: 2 recordings transcribed, 2 failed: {tmp_path / 'out'}\n"

    def test_other_parts_do(self, tmp_path: Path) -> None:
        result = self.merged(*shards(tmp_path))
        assert isinstance(result.exception, InputError)
        assert "-o" in str(result.exception)

    def test_what_is_to_be_known_is_said(self, tmp_path: Path) -> None:
        parts = shards(tmp_path, versions={"numpy": "9"})
        path = parts[0] / "run.json"
        path.write_text(json.dumps({**about(parts[0]), "versions": {"numpy": "8"}}), encoding="utf-8")
        result = self.merged(*parts, "-o", tmp_path / "out")
        assert "Note: the parts were made with different versions of numpy: 8, 9." in result.stderr
        assert self.merged(*parts, "-o", tmp_path / "out", "-q").stderr == ""


def test_the_answer_names_the_parts_in_their_order(tmp_path: Path) -> None:
    parts = shards(tmp_path)
    assert merge(parts[::-1], tmp_path / "out") == Merged(tmp_path / "out", tuple(parts), 3, 0)
