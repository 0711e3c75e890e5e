"""Runs that were reviewed: scored as corrected, scored against the corrections, and never silently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jiwer
import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.evaluation import EvalOptions, open_texts, texts_of_review
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.text import NORMALIZERS
from tests.support.decisions import decide, seen
from tests.support.runs import LONG, segment, short, transcript, write_run

HEARD = {"a.ogg": "おはよお", "b.ogg": "え、もう朝", "c.ogg": "静かに", "d.ogg": "うん"}
SAID = {"a.ogg": "おはよう", "b.ogg": "え、もう朝", "c.ogg": "しずかに"}
SPACED = transcript("e.ogg", segment(0, 1, "ひとつ"), segment(1, 2, "ふたつ"), segment(2, 3, "みっつ"))


def awct2(*args: object, status: int = 0) -> Result:
    result = CliRunner().invoke(main, ["eval", *map(str, args), "--resamples", "20"])
    assert result.exit_code == status, result.output
    return result


def scored(*args: object) -> dict[str, Any]:
    """Give what the first run's rate is made of."""
    content = json.loads(awct2(*args, "--json", "--group-by", "none").stdout)
    run: dict[str, Any] = content["runs"][0]
    run.pop("path")
    return {**run, "scored": content["references"]["scored"]}


def heard(id_: str) -> Transcript:
    return short(id_, HEARD[id_])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of which all but the last recording was decided on: two corrected, one accepted."""
    folder = write_run(tmp_path / "run", *map(heard, HEARD))
    decide(
        folder,
        "花子",
        seen(heard("a.ogg"), 0, "correct", SAID["a.ogg"]),
        seen(heard("b.ogg"), 0, "accept"),
        seen(heard("c.ogg"), 0, "correct", SAID["c.ogg"]),
    )
    return folder


def typed(path: Path, texts: dict[str, str]) -> Path:
    """Write references as somebody types them."""
    path.write_text("".join(json.dumps({"id": id_, "text": text}) + "\n" for id_, text in texts.items()), "utf-8")
    return path


class TestReviewAsReferences:
    @pytest.mark.parametrize("normalizer", NORMALIZERS)
    def test_it_is_what_the_same_texts_give_where_they_are_typed(
        self, run: Path, tmp_path: Path, normalizer: str
    ) -> None:
        refs = typed(tmp_path / "refs.jsonl", SAID)
        by_review = scored(run, "review", "--normalizer", normalizer)
        by_hand = scored(run, refs, "--review", "none", "--normalizer", normalizer)
        assert by_review["scored"] == 3
        # The recording that nobody decided on is no text of either side; with references of one's own it has none.
        assert by_hand.pop("extra")["count"] == 1
        assert by_review.pop("extra")["count"] == 0
        assert by_review == by_hand
        normalize = NORMALIZERS[normalizer]
        theirs = jiwer.cer([normalize(SAID[id_]) for id_ in SAID], [normalize(HEARD[id_]) for id_ in SAID])
        assert by_review["cer_percent"] == pytest.approx(100 * theirs, abs=1e-4)

    def test_of_a_recording_only_what_was_decided_is_compared(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", LONG)
        decide(run, "花子", seen(LONG, 0, "correct", "ひとつめ"), seen(LONG, 1, "reject"))
        assert scored(run, "review")["characters"] == 4
        own, reference = texts_of_review(open_texts(str(run), heard=True))
        assert [line.text for line in own.lines()] == ["一つ目"]
        assert [line.text for line in reference.lines()] == ["ひとつめ"]

    def test_texts_of_several_segments_are_joined_as_the_run_joins_them(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", SPACED)
        decide(run, "花子", *(seen(SPACED, n, "accept") for n in range(3)))
        assert scored(run, "review", "--normalizer", "none")["cer_percent"] == 0.0
        own, _ = texts_of_review(open_texts(str(run), heard=True))
        assert [line.text for line in own.lines()] == [SPACED.text]

    def test_what_was_split_counts_once_all_of_it_was_decided(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", SPACED)
        halves = [{"start": 0.0, "end": 0.4, "text": "ひと"}, {"start": 0.5, "end": 1.0, "text": "つ"}]
        decide(run, "花子", seen(SPACED, 0, "split", halves), seen(SPACED, 1, "accept"))
        first = transcript("e.ogg", segment(0, 0.4, "ひと"), segment(0.5, 1.0, "つ"))

        def both() -> tuple[list[str | None], list[str | None]]:
            own, reference = texts_of_review(open_texts(str(run), heard=True))
            return [line.text for line in own.lines()], [line.text for line in reference.lines()]

        assert both() == (["ふたつ"], ["ふたつ"])
        decide(run, "花子", seen(first, 0, "correct", "一"), after_s=10)
        assert both() == (["ふたつ"], ["ふたつ"])
        decide(run, "花子", seen(first, 1, "accept"), after_s=20)
        assert both() == (["ひとつふたつ"], ["一つふたつ"])

    def test_a_run_beside_it_is_compared_over_recordings_of_which_all_was_decided(
        self, run: Path, tmp_path: Path
    ) -> None:
        decide(run, "花子", seen(heard("d.ogg"), 0, "reject"), after_s=10)
        other = write_run(
            tmp_path / "other", *(short(id_, text) for id_, text in SAID.items()), short("d.ogg", "ううん")
        )
        content = json.loads(awct2(run, other, "review", "--json", "--group-by", "none").stdout)
        assert content["references"]["scored"] == 3
        assert [one["cer_percent"] for one in content["runs"]] == [pytest.approx(100 * 3 / 12, abs=1e-4), 0.0]

    def test_what_nobody_decided_is_said_and_what_reviewers_differ_about(self, run: Path) -> None:
        decide(run, "太郎", seen(heard("a.ogg"), 0, "correct", "お早う"), after_s=60)
        said = awct2(run, "review").stderr
        assert "references: 2 have no segment that was accepted or corrected: a.ogg, d.ogg\n" in said
        assert "review: reviewers differ about 1 segment, left out; choose with --conflicts\n" in said
        last = awct2(run, "review", "--conflicts", "last").stderr
        assert "references: 1 has no segment that was accepted or corrected: d.ogg\n" in last

    def test_a_folder_of_that_name_is_meant_by_its_path(
        self, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "review").mkdir()
        (tmp_path / "review" / "a.txt").write_text("おはよう", "utf-8")
        assert scored(run, "review")["scored"] == 3
        assert scored(run, "./review")["scored"] == 1

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["--review", "all"], "--review has no effect: with review as REF, runs are scored as they are"),
            (["--ref-id-column", "id"], "--ref-id-column is for tables, and review has the ids of the run"),
            (["--ref-text-column", "text"], "--ref-text-column is for tables and meta"),
        ],
    )
    def test_options_without_effect_are_refused(self, run: Path, args: list[str], said: str) -> None:
        assert said in awct2(run, "review", *args, status=2).output

    def test_where_nothing_was_decided_that_is_said(self, run: Path, tmp_path: Path) -> None:
        bare = write_run(tmp_path / "bare", heard("a.ogg"))
        assert "nothing was decided yet" in awct2(bare, "review", status=2).output
        decide(bare, "花子", seen(heard("a.ogg"), 0, "reject"))
        said = awct2(bare, "review", status=2).output
        assert "holds no references: every recording has no segment that was accepted or corrected" in said
        table = typed(tmp_path / "table.jsonl", SAID)
        assert "is no run, and review stands for what was decided about one" in awct2(table, "review", status=2).output


class TestReviewedRuns:
    def test_a_run_is_scored_as_corrected_and_that_is_said(self, run: Path, tmp_path: Path) -> None:
        refs = typed(tmp_path / "refs.jsonl", {**SAID, "d.ogg": "うん"})
        result = awct2(run, refs, "--json")
        assert json.loads(result.stdout)["runs"][0]["cer_percent"] == 0.0
        assert result.stderr == (
            "run: as reviewed: 1 accepted, 2 corrected; --review none scores what the run itself has heard\n"
        )
        bare = awct2(run, refs, "--json", "--review", "none")
        assert json.loads(bare.stdout)["runs"][0]["cer_percent"] > 0
        assert bare.stderr == ""

    def test_a_recording_that_was_rejected_counts_as_missing(self, run: Path, tmp_path: Path) -> None:
        decide(run, "花子", seen(heard("d.ogg"), 0, "reject"), after_s=10)
        refs = typed(tmp_path / "refs.jsonl", {**SAID, "d.ogg": "うん"})
        result = awct2(run, refs, "--json")
        assert json.loads(result.stdout)["references"]["scored"] == 3
        assert "1 of the references has nothing" in result.stderr

    def test_only_what_was_accepted_where_that_is_asked_for(self, run: Path, tmp_path: Path) -> None:
        refs = typed(tmp_path / "refs.jsonl", {**SAID, "d.ogg": "うん"})
        assert json.loads(awct2(run, refs, "--json", "--review", "accepted").stdout)["references"]["scored"] == 3
        bare = write_run(tmp_path / "bare", heard("a.ogg"))
        assert "nothing of it was accepted" in awct2(bare, refs, "--review", "accepted", status=2).output

    def test_what_reviewers_differ_about_is_scored_as_it_was_heard_and_said(self, run: Path, tmp_path: Path) -> None:
        decide(run, "太郎", seen(heard("a.ogg"), 0, "correct", "お早う"), after_s=60)
        refs = typed(tmp_path / "refs.jsonl", {"a.ogg": "お早う"})
        said = awct2(run, refs, "--json")
        assert "run: reviewers differ about 1 segment, of which the run's own text is scored" in said.stderr
        assert json.loads(said.stdout)["runs"][0]["substitutions"] > 0
        last = awct2(run, refs, "--json", "--conflicts", "last")
        assert json.loads(last.stdout)["runs"][0]["cer_percent"] == 0.0

    def test_a_python_user_gets_the_run_itself_unless_he_asks(self, run: Path) -> None:
        assert [line.text for line in open_texts(str(run), heard=True).lines()] == list(HEARD.values())


def test_what_is_no_run_has_no_review(tmp_path: Path) -> None:
    table = open_texts(str(typed(tmp_path / "a.jsonl", SAID)), heard=True)
    with pytest.raises(InputError, match="name that first"):
        texts_of_review(table)
    assert EvalOptions().normalizer == "author"
