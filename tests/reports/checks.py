"""What holds for every file of the reports, whichever kind it is."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anime_whisper_ct2.audio import Findings, blocks_of, load
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.records import Float32
from tests.reports.cases import Case, Flag, Recipe
from tests.reports.oracle import LIKENESS, RATE, Agreement, agrees, heard_by_ffmpeg, is_silent, likeness_of
from tests.support.needs import need

_MISSING_WITHIN_S = 0.06
# Less than this is nothing usable: an error line is right then.
_USABLE_S = 0.3
# A stretch and the whole decode agree to 1 ms.
_REACH = 16
_PART_S = 0.5
# A codec that begins in the middle needs a moment.
_SETTLING = round(0.05 * RATE)


@dataclass(frozen=True, slots=True)
class Heard:
    """What we make of a file; `refused` is the message of an error line."""

    samples: Float32
    findings: Findings
    refused: str = ""

    @property
    def flagged(self) -> bool:
        """Whether the recording says that it is not whole."""
        return bool(self.refused) or self.findings.incomplete


def heard_by_us(path: Path) -> Heard:
    """Decode a whole file, as a run does."""
    findings = Findings()
    try:
        blocks = list(blocks_of(str(path), findings=findings))
    except DecodeError as error:
        return Heard(np.zeros(0, np.float32), findings, str(error) or "refused")
    return Heard(np.concatenate(blocks), findings)


class Maker:
    """Makes each case once, whichever tests want it."""

    def __init__(self, folder: Callable[[str], Path]) -> None:
        self._folder = folder
        self._made: dict[str, tuple[Case, Heard, tuple[Float32, ...]]] = {}

    def __call__(self, recipe: Recipe) -> tuple[Case, Heard, tuple[Float32, ...]]:
        """Give a case, what we hear, and the opinions that hold; skips where a program is absent."""
        need("ffmpeg", *recipe.needs)
        if recipe.name not in self._made:
            case = recipe.make(self._folder(recipe.name))
            self._made[recipe.name] = case, heard_by_us(case.path), _opinions(case)
        return self._made[recipe.name]


def _opinions(case: Case) -> tuple[Float32, ...]:
    if case.truth is not None:
        return case.truth if isinstance(case.truth, tuple) else (case.truth,)
    if case.clock == "loose":
        filled = heard_by_ffmpeg(case.path, filled=True)
        return filled, filled[np.argmax(filled != 0) :]
    clocks = {"plain": (False,), "filled": (True,), "either": (False, True)}[case.clock]
    return tuple(heard_by_ffmpeg(case.path, filled=filled) for filled in clocks)


def check_whole(case: Case, heard: Heard, opinions: tuple[Float32, ...]) -> None:
    """Nothing is lost without a word, and nothing is said to be lost that is there."""
    found = [agrees(_without(heard.samples, theirs, case.more_s), theirs, case.marks) for theirs in opinions]
    verdict = f"{' | '.join(map(str, found))}; {heard.findings}; {heard.refused}"
    if case.flag is Flag.NEVER:
        assert not heard.flagged, f"flagged, and nothing is missing: {verdict}"
        assert any(found), verdict
    elif case.flag is Flag.MUST:
        assert heard.flagged, f"sound is missing without a word: {verdict}"
    assert heard.flagged or any(found), f"lost without a word: {verdict}"
    if heard.refused:
        assert all(one.theirs_s < _USABLE_S for one in found), f"refused, and there is sound: {verdict}"
    if heard.flagged and not heard.refused:
        # What is flagged keeps its place all the same.
        enough = any(found) if not case.less_s else any(_enough(one, case.less_s) for one in found)
        assert enough, f"flagged, and more is lost or out of its place than need be: {verdict}"
        if case.missing_s is not None:
            assert abs(heard.findings.missing_s - case.missing_s) <= _MISSING_WITHIN_S, verdict
    if not heard.refused and case.antiphase is not None:
        assert heard.findings.antiphase == case.antiphase, verdict


def _without(ours: Float32, theirs: Float32, more_s: float) -> Float32:
    return ours[: len(theirs)] if len(ours) <= len(theirs) + more_s * RATE else ours


def _enough(found: Agreement, less_s: float) -> bool:
    return found.ours_s >= found.theirs_s - less_s - _MISSING_WITHIN_S


def check_stretches(case: Case, heard: Heard) -> None:
    """A stretch holds the samples that a whole decode has there, to 1 ms."""
    whole = heard.samples
    end_s = len(whole) / RATE
    wrong = []
    starts = {0.5, end_s / 2, end_s - 0.6, *(mark + 0.1 for mark in case.marks), *(mark - 0.3 for mark in case.marks)}
    for start_s in sorted(round(start, 3) for start in starts if 0 <= start < end_s - 0.1):
        part = load(str(case.path), start_s, _PART_S)
        expected = whole[round(start_s * RATE) :][: round(_PART_S * RATE)]
        if abs(len(part) - len(expected)) > _REACH:
            wrong.append(f"at {start_s:.3f} s {len(part) / RATE:.3f} s instead of {len(expected) / RATE:.3f} s")
        settled = expected[_SETTLING:-_REACH]
        if is_silent(settled):
            if not is_silent(part[_SETTLING:]):
                wrong.append(f"at {start_s:.3f} s sound instead of silence")
            continue
        likeness, lag = likeness_of(part, settled, _SETTLING, _REACH)
        if likeness < LIKENESS:
            wide, far = likeness_of(part, settled, _SETTLING, RATE // 4)
            wrong.append(
                f"at {start_s:.3f} s likeness {likeness:.3f} ({lag:+.1f} samples beside), at best {wide:.3f} "
                f"{far / 16:+.1f} ms beside"
            )
    assert not wrong, "; ".join(wrong[:4])


def check_sources(case: Case, heard: Heard) -> None:
    """Bytes and an open file give what the path does."""
    data = case.path.read_bytes()
    for source in (data, io.BytesIO(data)):
        kind, findings, refused = type(source).__name__, Findings(), ""
        samples = heard.samples[:0]
        try:
            samples = np.concatenate(list(blocks_of(source, findings=findings)))
        except DecodeError as error:
            refused = str(error)
        assert bool(refused) == bool(heard.refused), f"{kind}: {refused or 'heard'}; path: {heard.refused or 'heard'}"
        assert len(samples) == len(heard.samples), f"{len(samples)} samples of {kind}, {len(heard.samples)} of the path"
        np.testing.assert_array_equal(samples, heard.samples)
        assert refused or findings == heard.findings
