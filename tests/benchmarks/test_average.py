"""What averages are worth is measured on lines that neither training nor search has seen, beside a script's own way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")
pytest.importorskip("optuna", reason="what is measured needs it")

from anime_whisper_ct2.search.report import as_json
from benchmarks import average
from benchmarks.averaging import series, speech, trials
from benchmarks.report.average_tables import average_table
from benchmarks.report.average_words import EN, JA
from tests.support.places import CHECKPOINT
from tests.support.searches import searched
from tests.tiny import lines, train


def test_no_line_is_in_the_training_or_in_both_corpora() -> None:
    said = speech.texts(0, average.LINES + average.UNHEARD_LINES)
    assert len(set(said)) == average.LINES + average.UNHEARD_LINES
    assert all(map(lines.is_held_out, said))
    # Which the training looks at as it goes.
    assert not set(said) & set(lines.held_out(train.HELD_OUT))
    assert said[average.LINES :] == speech.texts(average.LINES, average.UNHEARD_LINES)


def test_checkpoints_are_kept_evenly_apart_and_the_last_one_is() -> None:
    kept = train.kept_steps(1_000, 8, 0.65)
    assert kept[-1] == 1_000
    assert len(kept) == 8
    assert min(kept) > 650
    assert set(np.diff(kept)) <= {43, 44}
    assert train.kept_steps(1_000, 0, 0.65) == []


def test_checkpoints_that_stray_differ_and_are_made_once(tmp_path: Path) -> None:
    first, second = series.strayed(CHECKPOINT, tmp_path, (0.0, 0.01))
    original, near, far = (load_file(path / series.WEIGHTS) for path in (CHECKPOINT, first, second))
    for name, value in original.items():
        np.testing.assert_array_equal(near[name], value)
        assert 0.005 < (far[name] - value).std() < 0.02
    stamp = (second / series.WEIGHTS).stat().st_mtime_ns
    assert series.strayed(CHECKPOINT, tmp_path, (0.0, 0.01)) == (first, second)
    assert (second / series.WEIGHTS).stat().st_mtime_ns == stamp
    assert series.parameters(first) == sum(value.size for value in original.values())


def test_the_naive_way_gives_the_mean_of_all_weights(tmp_path: Path) -> None:
    made = series.strayed(CHECKPOINT, tmp_path / "kept", (0.0, 0.01, 0.02))
    trials.averaged(made, tmp_path / "average")
    found = load_file(tmp_path / "average" / series.WEIGHTS)
    states = [load_file(path / series.WEIGHTS) for path in made]
    assert found
    for name, value in found.items():
        wanted = torch.stack([torch.from_numpy(state[name]).double() for state in states]).mean(0).float().numpy()
        np.testing.assert_array_equal(value, wanted)
    assert {path.name for path in (tmp_path / "average").iterdir()} >= {path.name for path in CHECKPOINT.iterdir()}


def report(*, range_interval: tuple[float, float], ratio: float) -> dict[str, Any]:
    found = as_json(searched(9, 7, 5, 8, averages={(1, 2): 4.0}))
    names = found["names"]
    rows: dict[str, dict[str, Any]] = {
        name: {"cer": 5.0, "cer_interval": [4, 6], "searched_cer": 5.5, "single": name == names[2]} for name in names
    }
    ranged = {"above_last": -1.0, "above_last_interval": list(range_interval), "what": "b … c (2)"}
    single = {"above_single": -0.2, "above_single_interval": [-0.5, 0.1]}
    rows |= {"range": {**rows[names[0]], **ranged, **single}, "weights": {**rows[names[0]], **ranged, **single}}
    times = {"model": "trained", "parameters": 3_300_000, "checkpoints": 8, "recordings": 20, "rounds": 3}
    spent = ("naive_s", "averaging_s", "converting_s", "running_s", "trial_s", "making_s", "making_ratio", "once_s")
    seconds = dict.fromkeys(spent, 1.25)
    return {
        "options": {
            **{"checkpoints": names, "steps": 1_000, "lines": 300, "minutes": 15.0},
            **{"unheard_lines": 310, "unheard_minutes": 16.0},
        },
        "rows": rows,
        "searches": {"range": found, "weights": found},
        "times": [{**times, **seconds, "ratio": ratio, "others_share": 0.01}],
        "at_most": trials.AT_MOST,
    }


def test_tables_say_what_is_not_distinguishable_and_what_takes_longer_than_it_may() -> None:
    told = average_table(report(range_interval=(-1.5, -0.5), ratio=0.3))
    assert "average of the best range is better than the last checkpoint" in told
    assert "average of the best range is not distinguishable from the one that was the best single one" in told
    assert "takes at most 0.33 of a naive one, as was asked for" in told
    told = average_table(report(range_interval=(-1.5, 0.5), ratio=0.4))
    assert "average of the best range is not distinguishable from the last checkpoint" in told
    assert "1 of 1 do not" in told
    told = average_table(report(range_interval=(0.5, 1.5), ratio=0.4))
    assert "worse than the last checkpoint" in told
    for words in (EN, JA):
        assert average_table(report(range_interval=(-1, 1), ratio=0.2), words).count("\n|") == 8 + 3


def test_what_is_tiny_never_becomes_a_committed_result(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        average.arguments(["--tiny"])
    assert "--out" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.posix("/proc")
def test_all_stages_leave_what_a_second_call_only_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyopenjtalk")
    out = tmp_path / "average.json"
    asked = ["--tiny", "--trials", "1", "--temp", str(tmp_path / "temp"), "--out", str(out)]
    average.main(asked)
    first = json.loads(out.read_text("utf-8"))
    assert {"uniform", "range", "weights"} < set(first["rows"])
    assert len(first["rows"]) == 3 + 3
    for times in first["times"]:
        # Both ways make the same weights, and so hear the same.
        assert times["cer"] == pytest.approx(times["trial_cer"], abs=1e-9)
        assert times["trial_s"] > 0
    assert (tmp_path / "average.svg").is_file()
    for words in (EN, JA):
        assert average_table(first, words)

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("something was done again")

    for name in ("search", "trials.timed"):
        monkeypatch.setattr(f"benchmarks.average.{name}", refuse)
    average.main(asked)
    again = json.loads(out.read_text("utf-8"))
    assert {**again, "about": None} == {**first, "about": None}
