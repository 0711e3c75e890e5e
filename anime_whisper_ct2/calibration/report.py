"""What was measured, for people and for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from anime_whisper_ct2.calibration.marks import LEAST_LINES, LEAST_SOUNDS, MOST_CLIPS, DoubtResult, NoSpeechResult
from anime_whisper_ct2.calibration.measuring import Calibration
from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.text.doubt import BOUNDS

# A sample of fewer clips says little.
_FEW_CLIPS = 50


def verdicts(calibration: Calibration) -> tuple[str, ...]:
    """Give the decisions and their reasons, a line for each."""
    lines = [_of_tails(calibration)]
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
        return (
            f"No tail passed: the closest to 30 s, {best.tail_s} s, differs in {best.cer:.2f} % of the characters "
            f"(at most {allowed} % may) with {counted(best.loops, 'loop')} (30 s: {calibration.full_loops}). "
            "Windows stay full."
        )
    return (
        f"A tail of {chosen.tail_s} s passed: {chosen.cer:.2f} % of the characters differ from 30 s "
        f"(at most {allowed} % may), with {counted(chosen.loops, 'loop')} (30 s: {calibration.full_loops}), at "
        f"{chosen.speed / calibration.full_speed:.1f} times the speed. It is the fastest that did."
    )


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
    return {
        **asdict(calibration),
        "chosen": None if chosen is None else asdict(chosen),
        "verdict": " ".join(verdicts(calibration)),
    }


def as_table(calibration: Calibration) -> str:
    """Give the measurements as a Markdown table; speeds are times real time."""
    rows = [
        "| window | CER against 30 s, % | before second looks, % | loops | redone, % | speed |",
        "|---|---|---|---|---|---|",
        f"| 30 s | | | {calibration.full_loops} | | {calibration.full_speed:.1f} |",
    ]
    rows += [
        f"| clip + {r.tail_s} s | {r.cer:.2f} | {r.cer_before:.2f} | {r.loops} | {r.redone:.1f} | {r.speed:.1f} |"
        for r in calibration.results
    ]
    return "\n".join(rows)
