"""An audit says how far it can be trusted, and warns only where it can."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.executors.audit import WINDOW_CHECK, Audit, Calibrated, warning
from anime_whisper_ct2.executors.ladder import Ladder
from anime_whisper_ct2.features.windows import PROFILE, WindowLength
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, FrontendOptions, RunOptions
from anime_whisper_ct2.output.merge import merge
from anime_whisper_ct2.output.merge.figures import PARTS
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Decoded, Window
from tests.support.audio_windows import said

FIT = WindowLength("fit", 2.56)
EQUAL = {"tail_s": 2.56, "rule": "equal_texts", "max_cer": 0.5, "cer_before_interval": [0.1, 0.9]}
GOOD = {**EQUAL, "rule": "cer_rise", "cer_before_interval": [4.0, 6.0]}


def pairs(windows: int, seed: int) -> list[tuple[str, str]]:
    """First texts and those at 30 s: of ten, one differs in some characters, and of a hundred, one is a loop."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(windows):
        length = int(rng.integers(3, 40))
        wrong = int(rng.integers(1, length)) if rng.random() < 0.1 else 0
        first = "あ" * 180 if rng.random() < 0.01 else "い" * wrong + "う" * (length - wrong)
        made.append((first, "う" * length))
    return made


def audited(texts: list[tuple[str, str]]) -> Audit:
    audit = Audit()
    for first, full in texts:
        audit.compare(said(first), said(full))
    return audit


class TestInterval:
    def test_it_is_that_of_drawing_the_windows_again(self) -> None:
        texts = pairs(1_000, 1)
        audit = audited(texts)
        # One by one, as slow as it is sure.
        edits = np.array([audited([pair]).edits for pair in texts])
        characters = np.array([len(full) for _, full in texts])
        drawn = np.random.default_rng(2).integers(0, 1_000, (4_000, 1_000))
        rates = 100 * edits[drawn].sum(axis=1) / characters[drawn].sum(axis=1)
        assert audit.cer == pytest.approx(100 * edits.sum() / characters.sum())
        assert audit.interval is not None
        assert audit.interval == pytest.approx(np.percentile(rates, (2.5, 97.5)), rel=0.06)

    def test_it_is_of_two_windows_at_least_and_never_below_0(self) -> None:
        assert Audit().interval is None
        assert audited(pairs(1, 0)).interval is None
        assert audited([("はい", "はい"), ("", "")]).interval == (0.0, 0.0)
        assert audited([("", ""), ("", "")]).figures == {
            "audited": 2,
            "audit_cer": None,
            "audit_interval": None,
            "audit_loops": 0,
            "audit_full_loops": 0,
        }
        low, high = audited([("はい", "はい")] * 20 + [("いいえ", "はい")]).interval or (1.0, 0.0)
        assert low == 0.0 < high

    def test_what_several_engines_compared_adds_up_to_what_one_would_have(self) -> None:
        texts = pairs(300, 3)
        whole, parts = Ladder(), [Ladder() for _ in range(3)]
        for at, (first, full) in enumerate(texts):
            for ladder in (whole, parts[at % 3]):
                ladder.compare(said(first), said(full))
        total = Ladder()
        for part in parts:
            total.add(pickle.loads(pickle.dumps(part)))  # as it comes from another process
        assert total.audited == whole.audited


class TestCalibrated:
    @pytest.mark.parametrize(
        ("profile", "length", "told"),
        [
            (EQUAL, FIT, ("equal_texts", 0.9)),
            # What would have passed by itself is allowed, however few characters differed then.
            ({**EQUAL, "cer_before_interval": [0.0, 0.1]}, FIT, ("equal_texts", 0.5)),
            (GOOD, FIT, ("cer_rise", 6.0)),
            # From before there were rules, and before first texts had an interval.
            ({"tail_s": 2.56, "cer": 0.1, "cer_before": 0.2}, FIT, ("equal_texts", None)),
            (GOOD, WindowLength("fit", 1.28), (None, None)),
            (GOOD, WindowLength("full"), (None, None)),
            (None, FIT, (None, None)),
        ],
    )
    def test_the_profile_says_how_far_first_texts_may_differ(
        self, profile: Mapping[str, Any] | None, length: WindowLength, told: tuple[str | None, float | None]
    ) -> None:
        calibrated = Calibrated.of({} if profile is None else {PROFILE: profile}, length)
        assert (calibrated.rule, calibrated.allowed) == told

    @pytest.mark.parametrize("profile", ["2.56", {**GOOD, "cer_before_interval": [1]}, {**EQUAL, "max_cer": "much"}])
    def test_a_profile_that_nobody_measured_allows_nothing_and_stops_nothing(self, profile: Any) -> None:
        assert Calibrated.of({PROFILE: profile}, FIT).allowed is None

    @pytest.mark.parametrize(
        ("counts", "allowed"),
        [
            ({"loops_before": 0, "clips": 500}, 0.76),
            ({"loops_before": 10, "clips": 500}, 3.64),
            ({"loops_before": 500, "clips": 500}, 100.0),
            ({"loops_before": 7, "clips": 5}, None),
            ({"loops_before": 0, "clips": 0}, None),
            ({"clips": 500}, None),  # from before they were counted
        ],
    )
    def test_it_says_how_many_first_texts_may_loop(self, counts: Mapping[str, int], allowed: float | None) -> None:
        told = Calibrated.of({PROFILE: {**GOOD, **counts}}, FIT).allowed_loops
        assert told == (None if allowed is None else pytest.approx(allowed, abs=0.01))

    def test_figures_without_an_audit_stay_as_they_are(self) -> None:
        assert Calibrated.of({PROFILE: GOOD}, FIT).held_against({"memory_halvings": 0}) == {"memory_halvings": 0}


def warned(audit: Audit, allowed: float, allowed_loops: float | None = None) -> str | None:
    ladder = Ladder(fitted=10, audited=audit)
    return warning(Calibrated("cer_rise", allowed, allowed_loops).held_against(ladder.figures))


def looping(loops: int, full_loops: int, windows: int) -> Audit:
    """So many loops among first texts, each ended by the token limit, and those at 30 s."""
    audit = Audit()
    for at in range(windows):
        audit.compare(said("はい", capped=at < loops), said("はい", capped=at < full_loops))
    return audit


class TestWarning:
    def test_it_is_given_where_even_the_lower_end_is_above_what_was_allowed(self) -> None:
        audit = audited(pairs(400, 4))
        low, _ = audit.interval or (0.0, 0.0)
        assert warned(audit, low - 0.01) is not None
        assert warned(audit, low + 0.01) is None

    def test_few_windows_and_runs_without_a_profile_give_none(self) -> None:
        assert warned(audited([("いいえ", "はい"), ("ううん", "うん")] * 14), 0.5) is None
        assert warned(audited([("いいえ", "はい"), ("ううん", "うん")] * 15), 0.5) is not None
        assert warning({}) is None
        assert warning(Calibrated().held_against(Ladder(audited=audited(pairs(400, 4)), fitted=1).figures)) is None

    def test_more_loops_than_were_calibrated_are_told_where_no_rate_shows_them(self) -> None:
        line = warned(looping(4, 1, 100), 0.5, 0.76) or ""
        assert "4 of 100 texts loop (at 30 s: 1), and at most 0.76 % is allowed; run awct2 calibrate" in line
        assert "characters" not in line
        both = audited([("あ" * 180, "ううう")] * 40)
        assert "% is allowed; 40 of 40 texts loop (at 30 s: 0)" in (warned(both, 0.5, 0.76) or "")
        # As many at 30 s, few windows, a share that is not surely above, or a model of which nobody knows.
        assert warned(looping(4, 2, 100), 0.5, 0.76) is None
        assert warned(looping(4, 0, 29), 0.5, 0.76) is None
        assert warned(looping(4, 1, 400), 0.5, 0.76) is None
        assert warned(looping(4, 1, 100), 0.5) is None

    def test_as_many_loops_as_were_calibrated_are_seldom_warned_of(self) -> None:
        rng = np.random.default_rng(8)
        wrongly = 0
        for of, windows in ((500, 100), (200, 60), (500, 1_000)) * 300:
            share = rng.choice((0.002, 0.01, 0.05))
            seen = int(rng.binomial(of, share))
            allowed = Calibrated.of({PROFILE: {**GOOD, "loops_before": seen, "clips": of}}, FIT).allowed_loops
            audit = Audit(windows=windows, loops=int(rng.binomial(windows, share)))
            wrongly += warned(audit, 0.5, allowed) is not None
        assert wrongly <= 0.02 * 900

    def test_clips_as_they_were_calibrated_are_seldom_warned_of(self) -> None:
        true = audited(pairs(50_000, 5)).cer or 0.0
        wrongly = sum(warned(audited(pairs(60, seed)), true) is not None for seed in range(100, 500))
        assert wrongly <= 0.02 * 400


@pytest.mark.parametrize(("allowed", "is_warned"), [(1.0, True), (99.0, False)])
def test_a_run_tells_what_was_allowed_and_says_where_its_windows_differ_more(
    tiny_model: Path, write_tone: Callable[..., Path], tmp_path: Path, allowed: float, is_warned: bool
) -> None:
    for n in range(40):
        write_tone(f"clips/{n:02}.wav", 0.5 + n / 100)

    def decode(window: Window) -> Decoded:
        batch = next(batch for batch in reversed(engine.batches) if window in batch.windows)
        text = "おはようございます" if batch.frames == 3000 or window.end_s > 0.695 else "おはようございまず"
        return Decoded(text, (1, 2, 3), -0.1, 0.0)

    engine = FakeEngine(decode, batch_size=8)
    profile = {**GOOD, "cer_before_interval": [0.0, allowed]}
    model = replace(open_model_dir(tiny_model), awct2={PROFILE: profile})
    notes: list[str] = []
    options = RunOptions(DecodingOptions(audit=1.0), frontend=FrontendOptions(workers=0))
    corpus = Corpus((str(tmp_path / "clips"),))
    run = CorpusRun(corpus, tmp_path / "out", model, options, open_engine=lambda *_: engine, on_note=notes.append)
    run.run()
    told = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))[WINDOW_CHECK]
    assert (told["audited"], told["rule"], told["allowed"]) == (40, "cer_rise", allowed)
    assert told["audit_cer"] == pytest.approx(100 * 20 / (40 * 9), abs=1e-3)
    assert (len(notes) == 1 and "run awct2 calibrate on these clips" in notes[0]) is is_warned
    # A merge takes what it says, and what older runs said, as it is.
    path = tmp_path / "out" / "run.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    merge([tmp_path / "out"], tmp_path / "merged")
    about[WINDOW_CHECK] = {"fitted": 40, "audited": 40, "audit_cer": 5.0}
    path.write_text(json.dumps(about), encoding="utf-8")
    merge([tmp_path / "out"], tmp_path / "of-old")
    for folder, check in (("merged", told), ("of-old", about[WINDOW_CHECK])):
        (part,) = json.loads((tmp_path / folder / "run.json").read_text(encoding="utf-8"))[PARTS]
        assert part[WINDOW_CHECK] == check
