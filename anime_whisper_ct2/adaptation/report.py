"""What came of an adaptation, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.adaptation.chart import draw
from anime_whisper_ct2.adaptation.measuring import LEAST_CLIPS, MOST_AT_30_S, Adaptation, Change, Comparison, Rate, Tail
from anime_whisper_ct2.errors import OutputError, counted
from anime_whisper_ct2.evaluation.markdown import table
from anime_whisper_ct2.system.files import put
from anime_whisper_ct2.system.refusals import reason

# What lies in a checkpoint that was adapted, and makes it known as one.
RESULT, CHART = "adapt.json", "adapt.svg"


def write_report(adaptation: Adaptation, folder: Path) -> None:
    """Write `adapt.json` and `adapt.svg` into a folder. Raises OutputError; needs matplotlib."""
    path = folder / RESULT
    content = json.dumps(as_json(adaptation), ensure_ascii=False, indent=2) + "\n"
    try:
        put(path, content.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error, path)}") from error
    draw(adaptation.comparison, folder / CHART)


def verdicts(adaptation: Adaptation) -> tuple[str, ...]:
    """Give what was shown, and what speaks against it: the whole in the first line."""
    compared = adaptation.comparison
    return (_whole(compared, adaptation.teaching.short), _of_full(compared), *_warnings(compared))


def _whole(compared: Comparison, short: bool) -> str:
    """Give the verdict in a sentence. `short`: no more could be held out of the corpus."""
    by_verdict = {
        verdict: _listed([tail for tail in compared.tails if tail.verdict == verdict])
        for verdict in ("better", "worse", "undecided")
    }
    better, worse, undecided = by_verdict.values()
    if compared.few:
        what = "name a larger corpus, of which a fifth is held out" if short else "hold out some hundreds (--held-out)"
        return (
            f"Not shown to be better: only {counted(compared.clips - compared.looping, 'clip')} could be compared, and "
            f"fewer than {LEAST_CLIPS} decide nothing; {what}."
        )
    if worse:
        but = f", though better with {better}" if better else ""
        return f"Worse with {worse} of silence behind the clip{but}; the original remains the one to use."
    if not better:
        how = "a larger corpus: a fifth of it is held out" if short else "--held-out"
        return (
            f"Not shown to be better: with {undecided} of silence behind the clip, the change may as well be none; "
            f"more clips held out decide more ({how}), and more steps teach more (--steps)."
        )
    but = f"; with {undecided} the change may as well be none" if undecided else ""
    return f"Better with {better} of silence behind the clip{but}."


def _of_full(compared: Comparison) -> str:
    differs = compared.full.differs
    return f"At 30 s, {differs.percent:.1f} % of the characters differ from the original's (95 %: {_ends(differs)})."


def _warnings(compared: Comparison) -> Iterator[str]:
    full = compared.full
    if full.differs.percent > MOST_AT_30_S:
        yield (
            f"Warning: windows of 30 s give other texts too, in more than {MOST_AT_30_S:.0f} % of the characters: keep "
            "the original for those, or teach more gently (--learning-rate, --train small)."
        )
    looped = [("30 s", full.loops_before, full.loops_after)]
    looped += [(f"{tail.tail_s:g} s", tail.loops_before, tail.loops_after) for tail in compared.tails]
    for name, before, after in looped:
        if after > before:
            loop = "loops" if after == 1 else "loop"
            yield f"Warning: {name}: {counted(after, 'text')} {loop} now, before {before:,}."
    if compared.looping:
        left = counted(compared.looping, "clip")
        yield f"Left out of the rates: {left} on which the original loops at 30 s, so that there is no text to compare."


def _listed(tails: Sequence[Tail]) -> str:
    """Name tails: `0.64, 1.28 and 2.56 s`."""
    *others, last = [f"{tail.tail_s:g}" for tail in tails] or [""]
    return (f"{', '.join(others)} and {last} s" if others else f"{last} s") if last else ""


def _ends(rate: Rate, form: str = ".1f") -> str:
    low, high = rate.interval
    return f"{low:{form}} to {high:{form}}"


def as_json(adaptation: Adaptation) -> dict[str, Any]:
    """Give everything that was measured and how it was taught; rates in percent, each with its 95 % interval."""
    return {
        "version": __version__,
        "better": adaptation.better,
        "verdict": " ".join(verdicts(adaptation)),
        **asdict(adaptation),
    }


def as_table(adaptation: Adaptation) -> str:
    """Give the measurements as a Markdown table: how far the first texts are from the original's at 30 s, in percent.

    With references, a second one has the CER.
    """
    compared = adaptation.comparison
    tails = [(f"clip + {tail.tail_s:g} s", tail) for tail in compared.tails]
    full = compared.full
    loops = f"{full.loops_before:,}", f"{full.loops_after:,}"
    rows = [["30 s", "", _cell(full.differs), "", *loops, ""]]
    for name, tail in tails:
        loops = f"{tail.loops_before:,}", f"{tail.loops_after:,}"
        rows.append([name, *_cells(tail.differs), *loops, tail.verdict])
    head = ["window", "differs before, %", "now, %", "change", "loops before", "loops now", "verdict"]
    parts = [table(head, rows, texts=1)]
    if full.cer is not None:
        cers = [["30 s", *_cells(full.cer)]]
        cers += [[name, *_cells(tail.cer)] for name, tail in tails if tail.cer is not None]
        parts.append(table(["window", "CER before, %", "now, %", "change"], cers, texts=1))
    return "\n\n".join(parts)


def _cells(change: Change) -> list[str]:
    return [_cell(change.before), _cell(change.after), _cell(change.change, "+.2f")]


def _cell(rate: Rate, form: str = ".2f") -> str:
    return f"{rate.percent:{form}} ({_ends(rate, form)})"
