"""What an evaluation found: the author's table in Markdown, and everything as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.evaluation.markdown import cell, table
from anime_whisper_ct2.evaluation.records import Counted, Interval, RunScore, Score
from anime_whisper_ct2.evaluation.scoring import Evaluation
from anime_whisper_ct2.text import Errors

# With more groups than fit a page's width, they become the rows.
_MOST_COLUMNS = 10
# Of percentages: finer than any corpus can tell.
_DECIMALS = 4


def as_markdown(evaluation: Evaluation) -> str:
    """Give the tables: CER by run and group with the mean over groups, as the author's, then each rate's parts."""
    options = evaluation.options
    over = evaluation.runs[0].total
    head = (
        f"CER in percent; normalizer `{options.normalizer}`; {counted(over.recordings, 'recording')}, "
        f"{counted(over.errors.characters, 'character')}"
    )
    parts = [head, *([_overview(evaluation)] if evaluation.groups else []), _details(evaluation)]
    if len(evaluation.runs) > 1:
        parts.append(_differences(evaluation))
    return "\n\n".join(parts)


def _overview(evaluation: Evaluation) -> str:
    columns = [[run.name, *(f"{g.errors.cer:.2f}" for g in run.groups), f"{run.mean:.2f}"] for run in evaluation.runs]
    names = [cell(name) for name in evaluation.groups]
    if len(names) <= _MOST_COLUMNS:
        return table(["run", *names, "mean"], [[cell(name), *figures] for name, *figures in columns], texts=1)
    rows = zip([*names, "mean"], *(figures for _, *figures in columns), strict=True)
    return table(["group", *(cell(name) for name, *_ in columns)], rows, texts=1)


def _details(evaluation: Evaluation) -> str:
    head = ["run", "group"] if evaluation.groups else ["run"]
    figures = ["recordings", "characters", "CER", "95 %", "substitutions", "deletions", "insertions"]
    return table([*head, *figures, "mean of recordings"], _detail_rows(evaluation), texts=len(head))


def _detail_rows(evaluation: Evaluation) -> Iterator[list[str]]:
    for run in evaluation.runs:
        for name, score in zip(evaluation.groups, run.groups, strict=True):
            yield [cell(run.name), cell(name), *_figures(score)]
        if evaluation.groups:
            yield [cell(run.name), "mean of groups", "", "", f"{run.mean:.2f}", _ends(run.mean_interval), *[""] * 4]
        yield [cell(run.name), *(["all"] if evaluation.groups else []), *_figures(run.total)]


def _figures(score: Score) -> list[str]:
    errors = score.errors
    kinds = (errors.substitutions, errors.deletions, errors.insertions)
    return [
        *(f"{score.recordings:,}", f"{errors.characters:,}", f"{errors.cer:.2f}", _ends(score.interval)),
        *(f"{errors.percent(kind):.2f}" for kind in kinds),
        f"{score.mean_cer:.2f}",
    ]


def _ends(interval: Interval) -> str:
    low, high = interval
    return f"{low:.2f} – {high:.2f}"


def _differences(evaluation: Evaluation) -> str:
    rows = []
    for run in evaluation.runs:
        if run.difference is not None:
            low, high = run.difference.interval
            rows.append([cell(run.name), _signed(run.difference.cer), f"{_signed(low)} – {_signed(high)}"])
    return table(["run", f"CER above {cell(evaluation.runs[0].name)}", "95 %"], rows, texts=1)


def _signed(value: float) -> str:
    """Write a difference with its sign, which what rounds to nothing does not have."""
    text = f"{value:+.2f}"
    return text[1:] if float(text) == 0 else text


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Give everything as JSON values; rates and intervals in percent."""
    options = evaluation.options
    return {
        "normalizer": options.normalizer,
        "group_by": str(options.grouping),
        "missing": "empty" if options.missing_is_empty else "skip",
        "resamples": options.resamples,
        "references": {
            "count": evaluation.references,
            "scored": evaluation.scored,
            "duplicates": _counted(evaluation.duplicates),
            "without_text": _counted(evaluation.without_text),
        },
        "runs": [_run(run, evaluation.groups) for run in evaluation.runs],
    }


def _run(run: RunScore, groups: tuple[str, ...]) -> dict[str, Any]:
    content: dict[str, Any] = {"name": run.name, "path": run.path, **_score(run.total)}
    content["groups"] = [{"name": name, **_score(score)} for name, score in zip(groups, run.groups, strict=True)]
    content |= {"mean_of_groups_percent": _rounded(run.mean), "mean_of_groups_interval": _pair(run.mean_interval)}
    if run.difference is not None:
        content["above_first_percent"] = _rounded(run.difference.cer)
        content["above_first_interval"] = _pair(run.difference.interval)
    return content | {
        "missing": {**_counted(run.missing), "failed": run.failed},
        "extra": _counted(run.extra),
        "duplicates": _counted(run.duplicates),
        "without_text": _counted(run.without_text),
    }


def _score(score: Score) -> dict[str, Any]:
    errors = score.errors
    return {
        "recordings": score.recordings,
        "characters": errors.characters,
        "cer_percent": _rounded(errors.cer),
        "cer_interval": _pair(score.interval),
        **_kinds(errors),
        "mean_of_recordings_percent": _rounded(score.mean_cer),
    }


def _kinds(errors: Errors) -> dict[str, Any]:
    kinds = {
        "substitution": errors.substitutions,
        "deletion": errors.deletions,
        "insertion": errors.insertions,
    }
    counts = {f"{kind}s": count for kind, count in kinds.items()}
    return counts | {f"{kind}_percent": _rounded(errors.percent(count)) for kind, count in kinds.items()}


def _counted(counted: Counted) -> dict[str, Any]:
    return {"count": counted.count, "first": list(counted.first)}


def _pair(interval: Interval) -> list[float]:
    return [_rounded(end) for end in interval]


def _rounded(value: float) -> float:
    return round(value, _DECIMALS)
