"""How likely a segment's text is wrong, as far as a run can tell: one number, by which a reviewer's queue is sorted.

Each thing that speaks against a text has a share of doubt, and the shares are joined as chances are that do not know of
each other: risk is 1 less the product of (1 - share). So it lies from 0 to 1, and no part of it can lower it.

    base      the run's own `doubt`; where a run did not say, what the mean log-probability alone tells
    flags     a share for each, `FLAGS`
    retries   a text that a retry has put in the place of the first one
    pace      characters a second, further from the speaker's median than half as much again
    differs   the character error rate against a second run

The same constants make `risk`, which is for one segment, and `risk_sql`, which is for a million.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

# What is wrong with a text on the face of it is in `doubt` already, which is then 0.95; a run without doubt has the
# flag alone. `doubtful` is the figure itself. Of sound, and of whole recordings, nothing is known to be wrong.
FLAGS: Mapping[str, float] = MappingProxyType(
    {
        **dict.fromkeys(("repetition", "cap", "fast", "stock_phrase", "no_speech"), 0.95),
        "overflow": 0.95,
        "low_logprob": 0.5,
        "slow": 0.3,
        "ellipsis_only": 0.3,
        "noisy": 0.1,
        "clipped": 0.05,
        "incomplete": 0.05,
        "antiphase": 0.05,
        "no_words": 0.02,
        "replaced": 0.0,  # it is said by `retries`
        "doubtful": 0.0,
    }
)
# Of a flag that a later version may have.
OTHER_FLAG = 0.1
RETRIED = 0.2
# Of a segment as far from the speaker's median as it goes: FREE is passed over, and from FREE + SPAN on it is all.
PACE, FREE, SPAN = 0.2, math.log(1.5), math.log(3.0)
# Of a text of which the second run has not one character. On the lines that `doubt` is measured on, a second run of the
# same model tells little that doubt has not told, and with more weight the first lines would be worse ones.
DIFFERS = 0.5
# Where a run did not say doubt: its formula (`text.doubt`) with the tokens of a line that is spoken at leisure.
_SLOPE, _OFFSET = 7.0, 3.6
# A part that adds less than this is not worth a reviewer's look.
WORTH_SAYING = 0.1
# Of `doubt` as a reason: a text like the many that are right has some.
WORTH_DOUBTING = 0.2
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for or against a text.

    `cps`: characters a second, and `pace` the speaker's median of them; None where nothing is said, or known. `cer`:
    against a second run, in percent; None where there is none.
    """

    logprob: float
    doubt: float | None = None
    flags: tuple[str, ...] = ()
    retried: bool = False
    cps: float | None = None
    pace: float | None = None
    cer: float | None = None


def risk(signs: Signs) -> float:
    """Give the risk, 0 … 1, of 6 digits."""
    sure = 1.0 - _base(signs)
    sure *= sure_of(signs.flags)
    for share in (RETRIED * signs.retried, _pace(signs), _differs(signs)):
        sure *= 1.0 - share
    return round(1.0 - sure, _DIGITS)


def reasons(signs: Signs) -> tuple[str, ...]:
    """Say what the risk comes from, the weightiest first: flags, doubt, retries, speed_fast, speed_slow, differs."""
    parts = {flag: _of_flag(flag) for flag in signs.flags}
    if (base := _base(signs)) >= WORTH_DOUBTING:
        parts["doubt"] = base
    if signs.retried:
        parts["retries"] = RETRIED
    fast = signs.cps is not None and signs.pace is not None and signs.cps > signs.pace
    parts["speed_fast" if fast else "speed_slow"] = _pace(signs)
    parts["differs"] = _differs(signs)
    said = [name for name, share in parts.items() if share >= WORTH_SAYING]
    return tuple(sorted(said, key=lambda name: -parts[name]))


def sure_of(flags: Iterable[str]) -> float:
    """Give what flags leave of certainty, 1 for none: what `risk_sql` wants of each set of flags."""
    sure = 1.0
    for flag in flags:
        sure *= 1.0 - _of_flag(flag)
    return sure


def risk_sql(logprob: str, doubt: str, sure: str, retried: str, cps: str, pace: str, cer: str) -> str:
    """Give the risk as SQL, of expressions for `Signs` and for `sure_of` their flags."""
    base = f"coalesce({doubt}, 1.0 / (1.0 + exp({_SLOPE} * {logprob} + {_OFFSET})))"
    far = f"(abs(ln({cps}) - ln({pace})) - {FREE!r}) / {SPAN!r}"
    paced = f"CASE WHEN {cps} > 0 AND {pace} > 0 THEN {PACE} * least(1.0, greatest(0.0, {far})) ELSE 0.0 END"
    differs = f"{DIFFERS} * least(1.0, coalesce({cer}, 0.0) / 100.0)"
    again = f"CASE WHEN {retried} THEN {RETRIED} ELSE 0.0 END"
    parts = " * ".join(f"(1.0::DOUBLE - ({part})::DOUBLE)" for part in (base, again, paced, differs))
    return f"round(1.0::DOUBLE - ({sure}) * {parts}, {_DIGITS})"


def _base(signs: Signs) -> float:
    if signs.doubt is not None:
        return min(1.0, max(0.0, signs.doubt))
    return 1.0 / (1.0 + math.exp(min(_SLOPE * signs.logprob + _OFFSET, 700.0)))


def _of_flag(flag: str) -> float:
    return FLAGS.get(flag, OTHER_FLAG)


def _pace(signs: Signs) -> float:
    if not signs.cps or not signs.pace:
        return 0.0
    return PACE * min(1.0, max(0.0, (abs(math.log(signs.cps) - math.log(signs.pace)) - FREE) / SPAN))


def _differs(signs: Signs) -> float:
    return DIFFERS * min(1.0, (signs.cer or 0.0) / 100.0)
