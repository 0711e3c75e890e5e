"""Several people at one run: each has a log and a part, and where they differ, somebody who sees both decides."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.commands import awct2
from tests.support.desks import Desk, desk, log, reviewing
from tests.support.pages import bare_environment, command, served
from tests.support.places import SAMPLE

pytestmark = pytest.mark.browser


def accept_all(here: Desk) -> None:
    """Accept one clip after the other, to the end."""
    for position in range(int(here.state("count"))):
        here.wait(position=position)
        here.press("Enter")
    here.wait_saved()


class TestParts:
    def test_two_parts_are_everything_and_have_nothing_in_common(self, run: Path, chromium: Browser) -> None:
        parts: list[set[str]] = []
        for number, name in enumerate(("花子", "太郎")):
            with reviewing(chromium, run, "--slice", f"{number}/2", query="sort=id", reviewer=name) as here:
                parts.append({row["id"] for row in here.rows()})
                accept_all(here)
        assert {path.name for path in (run / "review").glob("*.jsonl")} == {"edits-花子.jsonl", "edits-太郎.jsonl"}
        lines = (run / "transcripts.jsonl").read_bytes().splitlines()
        assert parts[0].isdisjoint(parts[1])
        assert parts[0] | parts[1] == {json.loads(line)["id"] for line in lines}
        # The page of either shows what the other has decided, where it is not told to show a part.
        with reviewing(chromium, run, query="sort=id") as here:
            assert here.api("state")["counts"]["accepted"] == 70
            assert {row["by"] for row in here.rows()} == {"花子", "太郎"}
            here.open("by=太郎&sort=id")
            assert {row["id"] for row in here.rows()} == parts[1]
        with reviewing(chromium, run, "--slice", "0/2", query="sort=id") as here:
            assert {row["id"] for row in here.rows()} == parts[0]

    def test_parts_are_those_of_the_shards_of_a_run(
        self, run: Path, chromium: Browser, tiny_model: Path, out: Path
    ) -> None:
        done = awct2("run", SAMPLE / "corpus", "-o", out / "shard", "--model", tiny_model, "--shard", "1/2", "--quiet")
        assert done.returncode == 0, done.stderr
        lines = (out / "shard" / "transcripts.jsonl").read_bytes().splitlines()
        with reviewing(chromium, run, "--slice", "1/2", query="sort=id") as here:
            assert {row["id"] for row in here.rows()} == {json.loads(line)["id"] for line in lines}


class TestOneLog:
    def test_a_second_server_on_one_log_is_refused_and_the_first_goes_on(self, run: Path, chromium: Browser) -> None:
        with reviewing(chromium, run, query="sort=id") as here:
            second = subprocess.run(
                [*command(), "review", str(run), "--no-open", "--port", "0", "--reviewer", "花子"],
                capture_output=True,
                env=bare_environment(),
                timeout=60,
                check=False,
            )
            assert second.returncode == 1
            said = second.stderr.decode()
            assert "Traceback" not in said
            assert "is open in another review" in said
            assert second.stdout == b""
            here.press("Enter")
            here.wait(position=1)
            here.wait_saved()
        assert len(log(run)) == 1
        # And when the first has gone, the log is free.
        with reviewing(chromium, run, query="sort=id") as here:
            here.press("Control+z")
            here.wait_saved()
        assert [line["action"] for line in log(run)] == ["accept", "undo"]

    def test_two_tabs_of_one_server_never_decide_on_what_they_have_not_seen(self, run: Path, chromium: Browser) -> None:
        with (
            served(run, "--reviewer", "花子") as server,
            desk(chromium, server, "sort=id") as one,
            desk(chromium, server, "sort=id") as other,
        ):
            one.type_over("一枚目のタブ")
            one.press("Control+Enter")
            one.wait_saved()
            other.type_over("二枚目のタブ")
            other.press("Control+Enter")
            expect(other.page.get_by_role("alert")).to_contain_text("has changed meanwhile")
            other.wait_saved()
            other.go(0)
            # What was typed is still there, beside what stands there now.
            assert other.box.input_value() == "二枚目のタブ"
            expect(other.current).to_contain_text("一枚目のタブ")
            other.watched.errors.clear()  # the refusal, as Chromium logs it
            other.press("Control+Enter")
            other.wait_saved()
            assert [line["value"] for line in log(run)] == ["一枚目のタブ", "二枚目のタブ"]


class TestConflicts:
    @pytest.fixture
    def apart(self, run: Path, chromium: Browser, tmp_path: Path) -> Path:
        """A run that two have decided on without knowing of each other."""
        logs = {}
        for name, keep in (("花子", "花子の本文"), ("太郎", "太郎の本文")):
            with reviewing(chromium, run, query="sort=id", reviewer=name) as here:
                here.type_over(keep)
                here.press("Control+Enter")
                here.wait(position=1)
                here.wait_detail()
                here.press("Enter" if name == "花子" else "x")
                here.wait(position=2)
                here.wait_detail()
                here.press("Enter")
                here.wait_saved()
            path = run / "review" / f"edits-{name}.jsonl"
            logs[path] = path.read_bytes()
            path.rename(tmp_path / path.name)
        for path, content in logs.items():
            path.write_bytes(content)
        return run

    def test_both_are_shown_and_export_refuses_until_somebody_has_decided(
        self, apart: Path, chromium: Browser, out: Path
    ) -> None:
        refused = awct2("export", apart, "csv", "-o", out / "before.csv")
        assert refused.returncode != 0
        assert "--conflicts" in refused.stderr
        with reviewing(chromium, apart, query="status=conflict&sort=id", reviewer="監督") as here:
            assert here.state("count") == "2"
            assert "conflict" in here.current.inner_text()
            rivals = here.page.get_by_role("region", name="Conflict")
            assert {*rivals.locator("li bdi").all_inner_texts()} == {"花子", "太郎"}
            expect(rivals).to_contain_text("花子の本文")
            expect(rivals).to_contain_text("太郎の本文")
            rivals.get_by_role("button", name="Take the decision of 花子").click()
            here.wait_saved()
            expect(rivals).to_have_count(0)
            expect(here.current.locator(".text")).to_have_text("花子の本文")
            here.press("j")
            here.wait(position=1)
            here.wait_detail()
            expect(rivals).to_contain_text("rejected")
            rivals.get_by_role("button", name="Take the decision of 太郎").click()
            here.wait_saved()
            assert [row["status"] for row in here.rows()] == ["corrected", "rejected"]
        done = awct2("export", apart, "csv", "-o", out / "after.csv")
        assert done.returncode == 0, done.stderr
        written = (out / "after.csv").read_text(encoding="utf-8")
        assert "花子の本文" in written
        assert "太郎の本文" not in written

    def test_a_batch_decides_on_none_of_them(self, apart: Path, chromium: Browser) -> None:
        with reviewing(chromium, apart, query="sort=id", reviewer="監督") as here:
            here.press("b")
            here.page.get_by_role("button", name="Accept 67 segments").click()
            here.wait_saved()
            assert here.api("state")["counts"] == {
                **{"open": 0, "accepted": 68, "corrected": 0, "rejected": 0, "conflict": 2}
            }

    def test_undoing_a_choice_brings_the_conflict_back(self, apart: Path, chromium: Browser) -> None:
        with reviewing(chromium, apart, query="status=conflict&sort=id", reviewer="監督") as here:
            here.page.get_by_role("button", name="Take the decision of 太郎").click()
            here.wait_saved()
            assert here.rows()[0]["text"] == "太郎の本文"
            here.press("Control+z")
            here.wait_saved()
            expect(here.page.get_by_role("region", name="Conflict").locator("li")).to_have_count(2)
            assert here.rows()[0]["status"] == "conflict"
