"""What was measured, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from anime_whisper_ct2.calibration.marks import LEAST_LINES, LEAST_SOUNDS, MOST_CLIPS, DoubtResult, NoSpeechResult
from anime_whisper_ct2.calibration.measuring import Calibration
from anime_whisper_ct2.calibration.rises import MOST_REFERENCES, Rise
from anime_whisper_ct2.calibration.windows import Decision, TailResult
from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.executors.audit import CER_RISE
from anime_whisper_ct2.text.doubt import BOUNDS

# A sample of fewer clips says little.
_FEW_CLIPS = 50


def verdicts(calibration: Calibration) -> tuple[str, ...]:
    """Give the decisions and their reasons, a line for each."""
    lines = [_of_tails(calibration), *_of_others(calibration)]
    if calibration.no_speech is not None:
        lines.append(_of_no_speech(calibration.no_speech))
    if calibration.doubt is not None:
        lines.append(_of_doubt(calibration.doubt))
    if calibration.clips < _FEW_CLIPS:
        lines.append(
            f"Only {counted(calibration.clips, 'clip')} could be measured: take some hundreds before relying on it."
        )
    return tuple(lines)


def _of_tails(calibration: Calibration) -> str:
    chosen, allowed = calibration.chosen, calibration.max_cer
    if chosen is None:
        best = min(calibration.results, key=lambda result: result.cer)
        rise = ""
        if best.rise and _is_refused(best, calibration):
            rise = f", {'but' if best.cer <= allowed else 'and'} {_risen(best.rise, calibration)}"
        return (
            f"No tail passed: the closest to 30 s, {best.tail_s} s, differs in {best.cer:.2f} % of the characters "
            f"(at most {allowed} % may) with {_loops(best, calibration)}{rise}. Windows stay full."
        )
    if calibration.rule == CER_RISE and chosen.rise:
        how = f"as its texts are as good: {_risen(chosen.rise, calibration)}"
    else:
        how = f"by equal texts: {chosen.cer:.2f} % of the characters differ from 30 s (at most {allowed} % may)"
    return (
        f"A tail of {chosen.tail_s} s passed {how}, with {_loops(chosen, calibration)}, at "
        f"{chosen.speed / calibration.full_speed:.1f} times the speed. It is the fastest that did."
    )


def _risen(rise: Rise, calibration: Calibration) -> str:
    low, high = rise.interval
    return (
        f"over {counted(rise.clips, 'clip')} with a reference, the CER changes by {_signed(rise.points)} points "
        f"(95 %: {_signed(low)} to {_signed(high)}; it may rise by {calibration.max_cer_rise})"
    )


def _loops(result: TailResult, calibration: Calibration) -> str:
    return f"{counted(result.loops, 'loop')} (30 s: {calibration.full_loops})"


def _of_others(calibration: Calibration) -> Iterator[str]:
    """Say of each tail that would be faster why it did not pass, where that is for references to say.

    And of a longer one that stands in the way of those.
    """
    chosen = calibration.chosen
    told = list(zip(calibration.results, calibration.decisions, strict=True))
    faster = [(result, decision) for result, decision in told if chosen is None or result.speed > chosen.speed]
    in_the_way = {decision.after_s for _, decision in faster}
    # Of this one, the first line tells.
    closest = None if chosen else min(calibration.results, key=lambda result: result.cer)
    for result, decision in told:
        if (result, decision) not in faster and result.tail_s not in in_the_way:
            continue
        if result.rise is None or decision.outcome == "passed":
            continue
        if decision.after_s is not None:
            yield (
                f"A tail of {result.tail_s} s is undecided: {_risen(result.rise, calibration)}. That may be luck, as "
                f"the longer tail of {decision.after_s} s, which is tried before it, did not pass."
            )
        elif decision.outcome == "undecided":
            yield (
                f"A tail of {result.tail_s} s is undecided: {_risen(result.rise, calibration)}. "
                f"{_what_it_takes(result.rise, calibration)}."
            )
        elif result is not closest and result.cer <= calibration.max_cer and _is_refused(result, calibration):
            yield (
                f"A tail of {result.tail_s} s failed: {result.cer:.2f} % of the characters differ from 30 s (at most "
                f"{calibration.max_cer} % may), but {_risen(result.rise, calibration)}."
            )


def _is_refused(result: TailResult, calibration: Calibration) -> bool:
    """Say whether references refuse a tail, whatever else it shows."""
    most = calibration.max_cer_rise
    return most is not None and result.rise is not None and result.rise.outcome(most) == "failed"


def _what_it_takes(rise: Rise, calibration: Calibration) -> str:
    most = calibration.max_cer_rise
    assert most is not None
    clips = rise.clips_to_decide(most)
    if clips is None:
        return f"It takes more than {counted(MOST_REFERENCES, 'clip')} with a reference to decide"
    would = "accept" if rise.points <= most else "refuse"
    return (
        f"Some {counted(clips, 'clip')} with a reference would decide, and probably {would} it; measure them with "
        f"--clips {clips}"
    )


def _signed(points: float) -> str:
    """Write a difference with its sign, which what rounds to nothing does not have."""
    text = f"{points:+.2f}"
    return text[1:] if float(text) == 0 else text


def _of_no_speech(told: NoSpeechResult) -> str:
    at = f"{told.sounds:.0f} % of the sounds without speech are marked, and {told.clips:.1f} % of the clips"
    if told.bound is None:
        return (
            f"no_speech stays off: this model does not tell speech from other sounds. Above {BOUNDS.no_speech}, {at} "
            f"(at least {LEAST_SOUNDS:.0f} % and at most {MOST_CLIPS:.0f} % would do)."
        )
    return f"no_speech from a probability of {told.bound} on: {at}."


def _of_doubt(measured: DoubtResult) -> str:
    others = measured.lines - measured.bad
    if measured.bound is None:
        return (
            f"The bound of doubtful stays as it was: of {counted(measured.lines, 'line')} with a reference, "
            f"{measured.bad} have a CER of 30 % or more and {others} have less; it takes {LEAST_LINES} of either."
        )
    return (
        f"doubtful from {measured.bound:.4g} on: {_share(measured.found, measured.found_interval)} of the "
        f"{counted(measured.bad, 'line')} with a CER of 30 % or more are marked, and "
        f"{_share(measured.wrongly, measured.wrongly_interval)} of the {others} others. By doubt, the first third of "
        f"all lines holds {_share(measured.first_third, measured.first_third_interval)} of the bad ones."
    )


def _share(percent: float, interval: tuple[float, float]) -> str:
    return f"{percent:.0f} % ({interval[0]:.0f} to {interval[1]:.0f})"


def as_json(calibration: Calibration) -> dict[str, Any]:
    """Give everything that was measured, for machines."""
    chosen = calibration.chosen
    results = [
        _result_as_json(result, decision, calibration.max_cer_rise)
        for result, decision in zip(calibration.results, calibration.decisions, strict=True)
    ]
    return {
        **asdict(calibration),
        "results": results,
        "chosen": None if chosen is None else results[calibration.results.index(chosen)],
        "verdict": " ".join(verdicts(calibration)),
    }


def _result_as_json(result: TailResult, decision: Decision, max_cer_rise: float | None) -> dict[str, Any]:
    """Give what came of a tail, and below `rise` what references alone say of it."""
    content = {**asdict(result), **asdict(decision)}
    if result.rise is not None and max_cer_rise is not None:
        alone = result.rise.outcome(max_cer_rise)
        content["rise"]["outcome"] = alone
        if decision.outcome == alone == "undecided":
            content["rise"]["clips_to_decide"] = result.rise.clips_to_decide(max_cer_rise)
    return content


def as_table(calibration: Calibration) -> str:
    """Give the measurements as a Markdown table; speeds are times real time."""
    rises = [result.rise for result in calibration.results if result.rise is not None]
    columns = ["window", "CER against 30 s, %", "before second looks, %", "loops", "redone, %", "speed"]
    rows = [["30 s", "", "", str(calibration.full_loops), "", f"{calibration.full_speed:.1f}"]]
    rows += [
        [
            f"clip + {r.tail_s} s",
            f"{r.cer:.2f}",
            f"{r.cer_before:.2f}",
            str(r.loops),
            f"{r.redone:.1f}",
            f"{r.speed:.1f}",
        ]
        for r in calibration.results
    ]
    if rises:
        columns += ["CER, %", "above 30 s", "95 %"]
        rows[0] += [f"{rises[0].full_cer:.2f}", "", ""]
        for row, rise in zip(rows[1:], rises, strict=True):
            row += [f"{rise.cer:.2f}", _signed(rise.points), " – ".join(_signed(end) for end in rise.interval)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, ["---"] * len(columns), *rows))
