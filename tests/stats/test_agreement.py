"""Where results and `run.json` tell two stories, a word says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from anime_whisper_ct2.output.journal import Journal
from tests.support.known_runs import SOME, stats_of, write_run


class TestAgreement:
    def test_a_finished_run_needs_no_word(self, tmp_path: Path) -> None:
        assert stats_of(write_run(tmp_path, *SOME)).warnings == ()

    @pytest.mark.parametrize(
        ("state", "word"), [("interrupted", "was interrupted"), ("failed", "could not go on"), ("running", "going on")]
    )
    def test_a_run_that_did_not_come_to_its_end_says_so(self, tmp_path: Path, state: str, word: str) -> None:
        stats = stats_of(write_run(tmp_path, *SOME, state=state))
        assert stats.state == state
        (warning,) = stats.warnings
        assert word in warning
        assert "the same `awct2 run` command" in warning

    def test_a_run_that_was_killed_has_its_figures_and_a_word(self, tmp_path: Path) -> None:
        with Journal(tmp_path, {}) as journal:
            journal.begin({})
            for outcome in SOME:
                journal.write(outcome)
        stats = stats_of(tmp_path)
        assert (stats.total.recordings, stats.total.failed) == (4, 3)
        (warning,) = stats.warnings
        assert "going on" in warning

    def test_lines_that_are_gone_or_changed_are_noticed(self, tmp_path: Path) -> None:
        write_run(tmp_path, *SOME)
        path = tmp_path / "transcripts.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[:-1]), encoding="utf-8")
        (warning,) = stats_of(tmp_path).warnings
        assert "transcripts.jsonl holds 3 recordings, run.json counts 4" in warning
        path.write_text("".join(lines).replace('"duration": 40.0', '"duration": 41.0'), encoding="utf-8")
        (warning,) = stats_of(tmp_path).warnings
        assert "51.000 s of audio" in warning

    def test_results_of_earlier_runs_are_explained(self, tmp_path: Path) -> None:
        (warning,) = stats_of(write_run(tmp_path, *SOME, done=1)).warnings
        assert "earlier runs" in warning
        assert stats_of(write_run(tmp_path / "again", *SOME, done=1, resumed=3)).warnings == ()

    @pytest.mark.parametrize("content", [None, "no json", "{}", '{"state": "finished", "done": "many"}'])
    def test_a_missing_or_foreign_run_json_stops_nothing(self, tmp_path: Path, content: str | None) -> None:
        write_run(tmp_path, *SOME)
        (tmp_path / "run.json").unlink()
        if content is not None:
            (tmp_path / "run.json").write_text(content, encoding="utf-8")
        stats = stats_of(tmp_path)
        assert stats.total.recordings == 4
        assert len(stats.warnings) == (0 if content and "finished" in content else 1)

    def test_of_a_file_alone_nothing_is_asked_but_its_lines(self, tmp_path: Path) -> None:
        write_run(tmp_path, *SOME)
        (tmp_path / "transcripts.jsonl").rename(tmp_path / "mine.jsonl")
        stats = stats_of(tmp_path / "mine.jsonl")
        assert (stats.total.recordings, stats.total.failed, stats.state, stats.warnings) == (4, 0, None, ())
