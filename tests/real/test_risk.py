"""Sorted by risk, the wrong lines come earlier than sorted by the score alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.doubt import heard, open_engine
from benchmarks.measures import genuine, risks

pytestmark = pytest.mark.real


def test_risk_finds_more_wrong_lines_than_the_score_alone(model: Path) -> None:
    lines = list(genuine.lines())
    engine = open_engine(model)
    try:
        texts = heard(engine, [line.samples for line in lines])
    finally:
        engine.close()
    wrong = [risks.is_wrong(line, text) for line, text in zip(lines, texts, strict=True)]
    assert sum(wrong) >= 10
    keys = risks.orders(risks.signs_of(lines, texts))
    by_risk, by_score = (risks.found_first(wrong, keys[name]) for name in ("risk", "avg_logprob"))
    assert all(ours >= theirs for ours, theirs in zip(by_risk, by_score, strict=True)), (by_risk, by_score)
    assert sum(by_risk) > sum(by_score), (by_risk, by_score)
    # Three in five in the first tenth.
    assert by_risk[0] > 55
    assert by_risk[1] > 80
