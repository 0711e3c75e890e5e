"""What a search came to is written whole, as JSON that is read back, and told in sentences that do not boast."""

from __future__ import annotations

import dataclasses
import json
import math
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.search import report
from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.records import Candidate, HeldOut, Margin, Search, Trial
from tests.support.comparisons import DRAWING
from tests.support.searches import WEIGHTED, searched

WHOLE = {"min_value": 0, "max_value": 10**9}
RATES = st.floats(0, 1_000)
ENDS = st.tuples(st.floats(-100, 100), st.floats(-100, 100))
NAMES = st.text(st.characters(codec="utf-8"), max_size=12)


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    if draw(st.booleans()):
        first = draw(st.integers(0, 40))
        return Candidate(first, first + draw(st.integers(0, 40)))
    patterns = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    shares = st.lists(st.floats(0, 1), min_size=1, max_size=4).map(tuple)
    return Candidate(weights=tuple((pattern, draw(shares)) for pattern in patterns))


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    kind, state = draw(st.sampled_from(["single", "uniform", "trial"])), draw(st.sampled_from(["complete", "pruned"]))
    numbers = draw(st.integers(**WHOLE)), draw(st.integers(**WHOLE))
    return Trial(numbers[0], kind, draw(candidates()), draw(RATES), numbers[1], state, draw(RATES))


@st.composite
def searches(draw: st.DrawFn) -> Search:
    base = searched(1, 2)
    roles = st.sampled_from(["best", "last", "single"])
    return dataclasses.replace(
        base,
        names=tuple(draw(st.lists(NAMES, min_size=2, max_size=2))),
        sources=tuple(draw(st.lists(NAMES, max_size=4))),
        options=SearchOptions(strategy="weights", groups=tuple(draw(st.lists(NAMES, max_size=2))), seed=3),
        trials=(*base.trials, *draw(st.lists(trials(), max_size=4))),
        held=tuple(HeldOut(draw(roles), 0, draw(RATES), draw(ENDS)) for _ in range(draw(st.integers(0, 3)))),
        seconds=draw(RATES),
    )


@given(searches())
def test_what_is_read_back_is_what_was_written(search: Search) -> None:
    search = dataclasses.replace(
        search, margins=tuple(Margin(held.role, held.cer, held.interval) for held in search.held)
    )
    assert report.from_json(json.loads(json.dumps(as_json(search)))) == search


def as_json(search: Search) -> dict[str, object]:
    """Without the sentences: names that fit no checkpoint can be told of in none."""
    patched = pytest.MonkeyPatch()
    with patched.context() as patch:
        patch.setattr(report, "verdicts", lambda _: ())
        return report.as_json(search)


def test_json_says_of_every_trial_what_was_tried_and_what_came_of_it() -> None:
    content = report.as_json(searched(9, 7, 5, 8, averages={(1, 2): 4.0, (1, 3): 6.0}, pruned={(0, 1): 12.0}))
    ranged = {trial["range"]: trial for trial in content["trials"]}
    assert list(ranged) == ["0:1", "1:2", "2:3", "3:4", "0:4", "1:3", "1:4", "0:2"]
    assert (ranged["1:3"]["cer_percent"], ranged["1:3"]["state"], ranged["1:3"]["weights"]) == (4.0, "complete", None)
    assert (ranged["0:2"]["state"], ranged["0:2"]["parts"]) == ("pruned", 3)
    assert ranged["1:3"]["number"] == content["best"]
    # Of weights, the other way round.
    (weighted,) = [trial for trial in report.as_json(WEIGHTED)["trials"] if trial["kind"] == "trial"]
    assert (weighted["range"], weighted["first"]) == (None, None)
    assert weighted["weights"] == {"encoder*": [0.2, 0.8], "*": [0.1, 0.9]}


@DRAWING
def test_all_three_files_are_written(tmp_path: Path) -> None:
    search = searched(9, 7, 5, 8, averages={(1, 2): 4.0})
    assert report.write_report(search, tmp_path, "--dtype", "float16") is None
    assert {path.name for path in tmp_path.iterdir()} == {report.RESULT, report.TABLE, report.CHART}
    content = json.loads((tmp_path / report.RESULT).read_text("utf-8"))
    assert report.from_json(content) == search
    told = (tmp_path / report.TABLE).read_text("utf-8")
    assert report.as_table(search) in told
    # What follows a rule or a number is no part of the command.
    assert f"\n\n    {content['command']}\n" in told
    assert content["command"].endswith(" --dtype float16 -o OUT")


def test_a_folder_that_is_not_there_is_an_error_of_a_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"search\.json cannot be written: "):
        report.write_report(searched(9, 7), tmp_path / "gone")


@pytest.mark.posix("quotes of sh")
def test_the_command_makes_the_best_again() -> None:
    search = searched(9, 7, 5, 8, averages={(1, 2): 4.0}, sources=("run/a b", "声/c", "d", "e"))
    words = shlex.split(report.command(search))
    assert words == ["awct2", "average", "run/a b", "声/c", "d", "e", "--range", "1:3", "-o", "OUT"]
    *_, first, weights = shlex.split(report.command(WEIGHTED))[:-2], *shlex.split(report.command(WEIGHTED))[-4:-2]
    assert (first, weights) == ("--weights", "0.1,0.9")
    assert "--layers" in shlex.split(report.command(WEIGHTED))
    assert "encoder*=0.2,0.8" in shlex.split(report.command(WEIGHTED))


def test_shares_are_written_with_all_their_digits() -> None:
    shares = (1 / 3, 1 - 1 / 3)
    trial = Trial(9, "trial", Candidate(weights=(("*", shares),)), 1.0, 8, "complete", 1.0)
    search = dataclasses.replace(WEIGHTED, trials=(*WEIGHTED.trials, trial), best=9)
    _, _, written = report.command(search).partition("--weights ")
    assert tuple(map(float, written.split()[0].split(","))) == shares


def rows(table: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def test_tables_show_the_best_beside_single_ones_and_trials_from_the_lowest_rate() -> None:
    search = searched(9, 7, 5, 8, averages={(2, 3): 6.0, (1, 2): 4.0}, pruned={(0, 1): 3.0})
    beside, tried, held = report.as_table(search).split("\n\n")
    assert rows(beside) == [
        ["**best**", "checkpoint-1000 … checkpoint-1500 (2)", "4.00"],
        ["single", "checkpoint-500", "9.00"],
        ["single", "checkpoint-1000", "7.00"],
        ["single", "checkpoint-1500", "5.00"],
        ["single", "checkpoint-2000", "8.00"],
        ["all alike", "checkpoint-500 … checkpoint-2000 (4)", "7.25"],
    ]
    # A pruned one was heard on a part, and so may look better than it is.
    assert [(row[1].partition(" ")[0], row[2:]) for row in rows(tried)] == [
        ("checkpoint-1000", ["4.00", "8 of 8", "complete"]),
        ("checkpoint-1500", ["6.00", "8 of 8", "complete"]),
        ("checkpoint-500", ["3.00", "3 of 8", "pruned"]),
    ]
    assert [row[0] for row in rows(held)] == ["best", "last", "best single"]
    assert [row[-1].endswith("not distinguishable") for row in rows(held)] == [False, False, True]
    for table in (beside, tried, held):
        assert len({line.count(" | ") for line in table.splitlines()}) == 1


def test_weights_are_told_by_what_tells_their_checkpoints_apart() -> None:
    _, tried, *_ = report.as_table(WEIGHTED).split("\n\n")
    assert rows(tried)[0][1] == r"encoder\*: 20 % 500 + 80 % 1000; \*: 10 % 500 + 90 % 1000"


def test_of_many_weights_the_largest_are_told() -> None:
    shares = (0.4, 0.001, 0.2, 0.15, 0.1, 0.1, 0.049)
    trial = Trial(99, "trial", Candidate(weights=(("*", shares),)), 1.0, 8, "complete", 1.0)
    search = searched(*[9.0] * 7)
    search = dataclasses.replace(search, trials=(*search.trials, trial), best=99)
    table = report.as_table(search).split("\n\n")[1]
    assert rows(table)[0][1] == "40 % 500 + 20 % 1500 + 15 % 2000 + 10 % 2500 + 2 smaller"


def verdict(search: Search) -> str:
    return " ".join(report.verdicts(search))


def test_a_best_that_is_better_for_sure_is_called_so_and_another_is_not() -> None:
    told = report.verdicts(searched(9, 7, 5, 8, averages={(1, 2): 4.0}))
    assert "best average is checkpoint-1000 … checkpoint-1500 (2): CER 4.00 %" in told[0]
    assert "the last, checkpoint-2000: 8.00 %" in told[0]
    assert "the best single checkpoint, checkpoint-1500: 5.00 %" in told[0]
    assert "no trial has heard" in told[1]
    assert "better than the last, checkpoint-2000, by 1.50 points (95 %: -2.50 to -0.50)" in told[2]
    assert "not distinguishable from the best single checkpoint, checkpoint-1500" in told[3]
    assert told[3].endswith(
        "(-0.20 points, 95 %: -0.80 to +0.40): so many recordings cannot tell them apart; checkpoint-1500, which is "
        "simpler, may do as well."
    )
    assert len(told) == 4


@pytest.mark.parametrize(
    ("held_out", "said"),
    [
        (20, None),
        (19, "19 recordings held out: intervals of so few say little."),
        (5, "5 recordings held out: intervals of so few say nothing: no two averages can be told apart by them."),
    ],
)
def test_of_few_recordings_the_report_says_how_little_they_tell(held_out: int, said: str | None) -> None:
    search = dataclasses.replace(searched(9, 7, averages={(0, 1): 4.0}), held_out=held_out)
    few = dataclasses.replace(search.margins[0], few=held_out < 6)
    search = dataclasses.replace(search, margins=(few,))
    told = [line for line in report.verdicts(search) if "so few" in line]
    assert told == ([said] if said else [])
    content = report.as_json(search)
    assert (said or "") in content["verdict"]
    assert content["margins"][0]["distinguishable"] is (held_out >= 6)
    assert report.from_json(content) == search


def test_a_best_that_is_worse_where_it_was_not_searched_is_called_worse() -> None:
    search = searched(9, 7, averages={(0, 1): 4.0})
    (margin,) = search.margins
    search = dataclasses.replace(search, margins=(dataclasses.replace(margin, points=0.4, interval=(0.1, 0.7)),))
    assert "worse than the last and best single checkpoint, checkpoint-1000, by 0.40 points" in verdict(search)


def test_without_anything_held_out_the_rate_is_called_too_good() -> None:
    told = report.verdicts(dataclasses.replace(searched(9, 7, averages={(0, 1): 4.0}), held=(), margins=(), held_out=0))
    assert len(told) == 2
    assert "Nothing was held out" in told[1]
    assert "--holdout" in told[1]
    assert len(report.as_table(searched(9, 7)).split("\n\n")) == 2  # no trials, and what was held out


def test_a_single_checkpoint_that_no_average_beats_is_the_answer() -> None:
    told = verdict(searched(9, 5, 7, averages={(1, 2): 6.0}))
    assert "No average was better than checkpoint-1000 by itself: CER 5.00 %" in told
    assert "the last, checkpoint-1500: 7.00 %" in told
    assert "simpler" not in told
    # It is the best single one, and named once.
    assert told.count("checkpoint-1000") == 1


def test_no_figure_of_a_search_is_lost_to_rounding() -> None:
    search = searched(9, 7, averages={(0, 1): math.pi})
    assert report.from_json(report.as_json(search)).trial(search.best).cer == math.pi
