"""What `stats` says of a run that was reviewed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.reviews import Decision, ReviewOptions
from anime_whisper_ct2.reviews.samples import Sample, upper_bound
from anime_whisper_ct2.stats import Reviewer, ReviewStats, as_json, as_text
from tests.support.decisions import decide, seen, undo
from tests.support.known_runs import SOME, invoke, segment, stats_of, transcript, write_run

ONE, LONG = SOME[0], SOME[1]
NONE = ReviewOptions("none")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", *SOME)


def of(run: Path) -> ReviewStats:
    review = stats_of(run).review
    assert review is not None
    return review


def test_segments_by_what_was_decided_and_how_long_they_last(run: Path) -> None:
    decide(
        run,
        "花子",
        seen(ONE, 0, "correct", "おはようさん"),
        seen(LONG, 0, "accept", heard=1.0),
        seen(LONG, 1, "reject"),
    )
    review = of(run)
    assert (review.accepted, review.corrected, review.rejected, review.open) == (1, 1, 1, 1)
    assert review.decided_s == pytest.approx(3.0 + 2.0 + 10.0)
    assert (review.unheard, review.conflicts, review.stale) == (0, 0, 0)


def test_texts_and_segments_are_counted_as_the_review_leaves_them(run: Path) -> None:
    bare = stats_of(run)
    assert bare.review is None
    decide(run, "花子", seen(ONE, 0, "correct", "おはようさん"), seen(LONG, 1, "reject"))
    reviewed = stats_of(run)
    assert reviewed.total.characters == bare.total.characters + 2 - 100
    assert (reviewed.total.segments, bare.total.segments) == (3, 4)
    # There is as much sound as before, and nothing is said to be lost.
    assert (reviewed.total.recordings, reviewed.total.audio_s) == (bare.total.recordings, bare.total.audio_s)
    assert (reviewed.total.empty, reviewed.warnings) == (bare.total.empty, bare.warnings)
    assert "repetition" in bare.flags
    assert "repetition" not in reviewed.flags
    assert stats_of(run, review=NONE) == bare


def test_a_recording_that_was_rejected_is_not_empty(run: Path) -> None:
    decide(run, "花子", seen(ONE, 0, "reject"))
    assert stats_of(run).total.empty == stats_of(run, review=NONE).total.empty == 1


def test_each_reviewers_pace_is_that_of_the_work_without_its_pauses(run: Path) -> None:
    hour_ms = 3_600_000
    decide(run, "花子", seen(ONE, 0, "accept", ms=20_000, heard=1.0), seen(LONG, 0, "accept", ms=hour_ms, heard=1.0))
    decide(run, "太郎", seen(LONG, 1, "reject", ms=5_000, batch="b1"), after_s=60)
    assert of(run).reviewers == {
        # A pause counts as a minute.
        "花子": Reviewer(decisions=2, audio_s=5.0, work_s=80.0, timed=2),
        "太郎": Reviewer(decisions=1, audio_s=10.0, work_s=0.0, timed=0),
    }
    assert of(run).reviewers["花子"].clips_per_hour == pytest.approx(90.0)
    assert of(run).reviewers["太郎"].clips_per_hour is None


def test_what_is_undone_does_not_count(run: Path) -> None:
    (wrong,) = decide(run, "花子", seen(ONE, 0, "reject"))
    decide(run, "花子", undo(wrong), after_s=5)
    review = of(run)
    assert (review.rejected, review.open, review.stale) == (0, 4, 0)
    assert review.reviewers["花子"].decisions == 0


@pytest.mark.parametrize(("heard", "unheard"), [(None, 1), (0.79, 1), (0.8, 0), (1.0, 0)])
def test_what_was_accepted_and_not_heard_is_counted(run: Path, heard: float | None, unheard: int) -> None:
    decide(run, "花子", seen(ONE, 0, "accept", heard=heard), seen(LONG, 0, "correct", "はい、そう", heard=0.0))
    assert of(run).unheard == unheard


def test_decisions_about_what_is_not_there_any_more_are_counted(run: Path) -> None:
    changed = transcript("さくら/1.ogg", 3.0, segment(0.0, 3.0, "お早う"))
    decide(run, "花子", seen(changed, 0, "accept"), seen(replace(changed, id="gone.ogg"), 0, "reject"))
    review = of(run)
    assert (review.stale, review.open) == (2, 4)


def test_what_reviewers_differ_about_is_open(run: Path) -> None:
    decide(run, "花子", seen(ONE, 0, "correct", "おはようさん"))
    decide(run, "太郎", seen(ONE, 0, "reject"), after_s=60)
    review = of(run)
    assert (review.conflicts, review.open, review.corrected, review.rejected) == (1, 4, 0, 0)
    # The run's own text stands.
    assert stats_of(run).total.characters == stats_of(run, review=NONE).total.characters


def drawn(run: Path, wrong: int, k: int = 300) -> None:
    """Write down a sample as the page does."""
    sample = Sample(seed=7, k=k, of=4000, wrong=wrong, bound=upper_bound(wrong, k), drawn=k)
    decide(run, "花子", Decision("", "", "", 0.0, 0.0, "", "sample", sample.as_value()))


def test_samples_are_told_with_their_bounds(run: Path) -> None:
    drawn(run, 0)
    (sample,) = of(run).samples
    # The rule of three, which is near it: 3 / 300.
    assert (sample.reviewer, sample.k, sample.wrong, sample.of) == ("花子", 300, 0, 4000)
    assert sample.bound == pytest.approx(0.00994, abs=1e-5)


def test_the_command_shows_it_and_json_holds_it(run: Path) -> None:
    decide(run, "花子", seen(ONE, 0, "accept", ms=20_000, heard=0.5), seen(LONG, 1, "reject", ms=4_000), after_s=30)
    drawn(run, 1)
    shown = invoke(run).stdout
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "review 2 50.00 % 0.0036 hours" in lines
    assert "accepted 1 25.00 %" in lines
    assert "unheard 1 accepted, and not played to the end" in lines
    assert "花子 2 0.0036 0.0067 300" in lines
    assert any(line.startswith("花子 300 1 4,000 at most 1.57 %") for line in lines)
    content = json.loads(invoke(run, "--json").stdout)["review"]
    assert content == as_json(stats_of(run))["review"]
    assert content["reviewers"] == {
        "花子": {"decisions": 2, "hours": 0.003611, "work_hours": 0.006667, "clips_per_hour": 300.0}
    }
    assert (content["open"], content["unheard"]) == (2, 1)


def test_nothing_is_said_where_nothing_was_decided_or_it_is_passed_over(run: Path) -> None:
    assert json.loads(invoke(run, "--json").stdout)["review"] is None
    decide(run, "花子", seen(ONE, 0, "accept"))
    assert json.loads(invoke(run, "--json", "--review", "none").stdout)["review"] is None
    assert "review" not in invoke(run, "--review", "none").stdout
    assert "review" in as_text(stats_of(run))


def test_only_what_was_accepted_where_that_is_asked_for(run: Path, tmp_path: Path) -> None:
    refused = invoke(run, "--review", "accepted")
    assert refused.exit_code != 0
    decide(run, "花子", seen(ONE, 0, "accept"))
    content = json.loads(invoke(run, "--json", "--review", "accepted").stdout)
    assert (content["segments"], content["characters"], content["review"]["open"]) == (1, 4, 3)
    assert len(RunFolder(run)) == 4
