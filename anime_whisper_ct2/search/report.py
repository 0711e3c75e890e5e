"""What came of a search, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.errors import OutputError, counted
from anime_whisper_ct2.evaluation.markdown import cell, table
from anime_whisper_ct2.evaluation.records import Interval
from anime_whisper_ct2.search.candidates import REST
from anime_whisper_ct2.search.chart import draw
from anime_whisper_ct2.search.naming import called
from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.records import (
    FEW_HELD_OUT,
    LEAST_HELD_OUT,
    Candidate,
    HeldOut,
    Margin,
    Role,
    Search,
    Trial,
)
from anime_whisper_ct2.system.commands import command_line
from anime_whisper_ct2.system.files import put
from anime_whisper_ct2.system.refusals import reason

# What lies beside the best average, and makes it known as one.
RESULT, TABLE, CHART = "search.json", "search.md", "search.svg"
_OTHER_ROLES: Mapping[Role, str] = {"last": "the last", "single": "the best single checkpoint"}


def write_report(search: Search, folder: Path, *options: str) -> str | None:
    """Write `search.json`, `search.md` and `search.svg`; gives a warning to show where no font has the chart's letters.

    `options`: what else the command that makes the best again must be told. Raises OutputError; needs matplotlib.
    """
    content = json.dumps(as_json(search, *options), ensure_ascii=False, indent=2, allow_nan=False)
    told = "\n\n".join(
        (
            as_table(search),
            "\n".join(f"- {cell(line)}" for line in verdicts(search)),
            f"    {command(search, *options)}",
        )
    )
    for name, text in ((RESULT, content), (TABLE, told)):
        path = folder / name
        try:
            put(path, f"{text}\n".encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {reason(error, path)}") from error
    return draw(search, folder / CHART)


def command(search: Search, *options: str) -> str:
    """Write the command that makes the best average again as `OUT`, ready for a shell."""
    best = search.trial(search.best).candidate
    words = ["awct2", "average", *search.sources]
    if not best.weights:
        words += ["--range", _range(best)]
    for pattern, shares in best.weights:
        # As many digits as there are: rounded ones would make others.
        listed = ",".join(map(repr, shares))
        words += ["--weights", listed] if pattern == REST else ["--layers", f"{pattern}={listed}"]
    return command_line(*words, *options, "-o", "OUT")


def verdicts(search: Search) -> tuple[str, ...]:
    """Give what was found, and what that is worth on recordings which the search has not heard; a sentence each."""
    return (*_of_search(search), *_of_held_out(search))


def _of_search(search: Search) -> Iterator[str]:
    """Say what the best is, and how the last and the best single checkpoint do on the same recordings."""
    best, last, single = search.trial(search.best), _last(search), _best_single(search)
    over = f"CER {best.cer:.2f} % over the {counted(search.recordings, 'recording')} that trials hear"
    others = [(last, "the last"), (single, "the best single checkpoint")]
    if last == single:
        others = [(last, "the last and best single checkpoint")]
    told = [(what, trial) for trial, what in others if trial and trial != best]
    beside = "; ".join(f"{what}, {called(search, trial)}: {trial.cer:.2f} %" for what, trial in told)
    also = f" ({beside})" if beside else ""
    if best.kind == "single":
        yield f"No average was better than {called(search, best)} by itself: {over}{also}."
    else:
        yield f"The best average is {called(search, best)}: {over}{also}."


def _of_held_out(search: Search) -> Iterator[str]:
    best = next((held for held in search.held if held.role == "best"), None)
    if best is None:
        yield (
            "Nothing was held out: the CER of the best is the lowest of many, and so too good to be expected of other "
            "recordings (--holdout)."
        )
        return
    yield (
        f"On {counted(search.held_out, 'recording')} held out, which no trial has heard, its CER is {best.cer:.2f} % "
        f"(95 %: {_ends(best.interval)})."
    )
    if search.held_out < FEW_HELD_OUT:
        few = counted(search.held_out, "recording")
        worth = "little" if search.held_out >= LEAST_HELD_OUT else "nothing: no two averages can be told apart by them"
        yield f"{few} held out: intervals of so few say {worth}."
    for margin in search.margins:
        yield _of_margin(search, margin)


def _of_margin(search: Search, margin: Margin) -> str:
    """Say whether the best one is better than another, or cannot be told apart from it."""
    other = next(held for held in search.held if held.role == margin.role)
    same = margin.role == "last" and _last(search) == _best_single(search)
    role = "the last and best single checkpoint" if same else _OTHER_ROLES[margin.role]
    name = called(search, search.trial(other.trial))
    who = f"{role}, {name}"
    ends = f"95 %: {_ends(margin.interval, '+.2f')}"
    if margin.distinguishable:
        better = "better" if margin.points < 0 else "worse"
        return f"There it is {better} than {who}, by {abs(margin.points):.2f} points ({ends})."
    simpler = "" if search.trial(search.best).kind == "single" else ", which is simpler,"
    return (
        f"There it is not distinguishable from {who} ({margin.points:+.2f} points, {ends}): so many recordings cannot "
        f"tell them apart; {name}{simpler} may do as well."
    )


def as_table(search: Search) -> str:
    """Give Markdown tables: the best beside all single checkpoints, all trials by CER, and what was held out."""
    best = search.trial(search.best)
    beside = [("**best**", best)] + [("single", trial) for trial in search.trials if trial.kind == "single"]
    beside += [("all alike", trial) for trial in search.trials if trial.kind == "uniform"]
    rows = [[what, cell(called(search, trial)), f"{trial.cer:.2f}"] for what, trial in beside]
    parts = [table(["", "checkpoints", "CER, %"], rows, texts=2)]
    tried = [trial for trial in search.trials if trial.kind == "trial"]
    if tried:
        tried.sort(key=lambda trial: (trial.state != "complete", trial.cer, trial.number))
        rows = [
            [
                f"{trial.number}",
                cell(called(search, trial)),
                f"{trial.cer:.2f}",
                f"{trial.parts} of {search.parts}",
                trial.state,
            ]
            for trial in tried
        ]
        # Figures to the right, and so what stands between them.
        parts.append(table(["trial", "checkpoints", "CER, %", "parts heard", "state"], rows, texts=2))
    if search.held:
        margins = {margin.role: margin for margin in search.margins}
        rows = [
            [
                held.role if held.role != "single" else "best single",
                cell(called(search, search.trial(held.trial))),
                f"{held.cer:.2f} ({_ends(held.interval)})",
                _cell_of_margin(margins.get(held.role)),
            ]
            for held in search.held
        ]
        parts.append(table(["held out", "checkpoints", "CER, % (95 %)", "best above it, points"], rows, texts=2))
    return "\n\n".join(parts)


def _cell_of_margin(margin: Margin | None) -> str:
    if margin is None:
        return ""
    doubt = "" if margin.distinguishable else ", not distinguishable"
    return f"{margin.points:+.2f} ({_ends(margin.interval, '+.2f')}){doubt}"


def _last(search: Search) -> Trial | None:
    at = len(search.names) - 1
    return next((trial for trial in _singles(search) if trial.candidate.first == at), None)


def _best_single(search: Search) -> Trial | None:
    return min(_singles(search), key=lambda trial: (trial.cer, trial.number), default=None)


def _singles(search: Search) -> list[Trial]:
    return [trial for trial in search.trials if trial.kind == "single" and trial.state == "complete"]


def _ends(ends: Interval, form: str = ".2f") -> str:
    return f"{ends[0]:{form}} to {ends[1]:{form}}"


def _range(candidate: Candidate) -> str:
    """Write a range as Python's slice: its end is not in it."""
    return f"{candidate.first}:{candidate.last + 1}"


def as_json(search: Search, *options: str) -> dict[str, Any]:
    """Give everything: rates in percent, intervals of 95 %, every trial with its number, range or weights and state."""
    found = asdict(search)
    return {
        "version": __version__,
        "verdict": " ".join(verdicts(search)),
        "command": command(search, *options),
        **found,
        "trials": [_trial_as_json(trial) for trial in search.trials],
        "held": [
            {"role": held.role, "trial": held.trial, "cer_percent": held.cer, "interval_percent": list(held.interval)}
            for held in search.held
        ],
        "margins": [
            {
                "role": margin.role,
                "points": margin.points,
                "interval_points": list(margin.interval),
                "distinguishable": margin.distinguishable,
            }
            for margin in search.margins
        ],
    }


def _trial_as_json(trial: Trial) -> dict[str, Any]:
    """Give a trial; a range has no weights, and weights no range."""
    candidate = trial.candidate
    ranged = not candidate.weights
    return {
        "number": trial.number,
        "kind": trial.kind,
        "first": candidate.first if ranged else None,
        "last": candidate.last if ranged else None,
        "range": _range(candidate) if ranged else None,
        "weights": None if ranged else {pattern: list(shares) for pattern, shares in candidate.weights},
        "cer_percent": trial.cer,
        "parts": trial.parts,
        "state": trial.state,
        "seconds": trial.seconds,
    }


def from_json(content: Mapping[str, Any]) -> Search:
    """Give the search that `as_json` has written. Raises KeyError, TypeError or ValueError for anything else."""
    options = {**content["options"], "groups": tuple(content["options"]["groups"])}
    plain = ("recordings", "characters", "parts", "held_out", "held_out_characters", "best", "seconds", "resumed")
    return Search(
        **{name: content[name] for name in plain},
        names=tuple(content["names"]),
        sources=tuple(content["sources"]),
        options=SearchOptions(**options),
        trials=tuple(map(_trial_of_json, content["trials"])),
        held=tuple(
            HeldOut(held["role"], held["trial"], held["cer_percent"], _interval(held["interval_percent"]))
            for held in content["held"]
        ),
        margins=tuple(
            Margin(
                margin["role"],
                margin["points"],
                _interval(margin["interval_points"]),
                few=content["held_out"] < LEAST_HELD_OUT,
            )
            for margin in content["margins"]
        ),
    )


def _trial_of_json(content: Mapping[str, Any]) -> Trial:
    weights = content["weights"]
    if weights is None:
        candidate = Candidate(content["first"], content["last"])
    else:
        candidate = Candidate(weights=tuple((pattern, tuple(shares)) for pattern, shares in weights.items()))
    kept = ("number", "kind", "parts", "state", "seconds")
    return Trial(candidate=candidate, cer=content["cer_percent"], **{name: content[name] for name in kept})


def _interval(ends: Sequence[float]) -> Interval:
    low, high = ends
    return low, high
