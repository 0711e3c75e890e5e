"""Searches as they end, made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.records import Candidate, HeldOut, Margin, Search, Trial

PARTS = 8


def searched(
    *singles: float,
    averages: Mapping[tuple[int, int], float] = {},
    pruned: Mapping[tuple[int, int], float] = {},
    sources: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    strategy: Literal["range", "weights"] = "range",
    weighted: Mapping[tuple[tuple[str, tuple[float, ...]], ...], float] = {},
) -> Search:
    """Give a search over so many checkpoints with these rates; all of them alike come to the mean of the rates.

    `averages` and `pruned`: rates by first and last. On what was held out, the best is better than the last for sure,
    and not than the best single one.
    """
    count = len(singles)
    names = names or tuple(f"checkpoint-{500 * (at + 1)}" for at in range(count))
    tried: list[Trial] = []

    def add(kind: Literal["single", "uniform", "trial"], candidate: Candidate, cer: float, parts: int = PARTS) -> None:
        state: Literal["complete", "pruned"] = "complete" if parts == PARTS else "pruned"
        tried.append(Trial(len(tried), kind, candidate, cer, parts, state, 2.5))

    for at, cer in enumerate(singles):
        add("single", Candidate(at, at), cer)
    add("uniform", Candidate(0, count - 1), sum(singles) / count)
    for at_both, cer in averages.items():
        add("trial", Candidate(*at_both), cer)
    for at_both, cer in pruned.items():
        add("trial", Candidate(*at_both), cer, parts=3)
    for weights, cer in weighted.items():
        add("trial", Candidate(weights=weights), cer)
    best = min((trial for trial in tried if trial.state == "complete"), key=lambda trial: (trial.cer, trial.number))
    single = min(tried[:count], key=lambda trial: trial.cer)
    held, margins = [HeldOut("best", best.number, best.cer + 0.5, (best.cer - 0.5, best.cer + 1.5))], []
    if best.number != count - 1:
        held.append(HeldOut("last", count - 1, best.cer + 2, (best.cer + 1, best.cer + 3)))
        margins.append(Margin("last", -1.5, (-2.5, -0.5)))
    if single.number not in (best.number, count - 1):
        held.append(HeldOut("single", single.number, best.cer + 0.7, (best.cer - 0.2, best.cer + 1.6)))
        margins.append(Margin("single", -0.2, (-0.8, 0.4)))
    options = SearchOptions(trials=max(1, len(averages) + len(pruned)), strategy=strategy)
    sources = sources or tuple(f"run/{name}" for name in names)
    rest = (70, 1_400, PARTS, 30, 600, tuple(tried), best.number, tuple(held), tuple(margins), 60.5)
    return Search(names, sources, options, *rest)


WEIGHTED = searched(9, 7, strategy="weights", weighted={(("encoder*", (0.2, 0.8)), ("*", (0.1, 0.9))): 4.0})
