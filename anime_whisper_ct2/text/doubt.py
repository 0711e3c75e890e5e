"""How far a text is to be doubted, in one figure from 0 to 1, and from where on that is marked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.records import Decoded, Window
from anime_whisper_ct2.text.quality import is_lost

# Under this name `awct2.json` holds what `awct2 calibrate` measured.
MARKS = "marks"
# From so many percent of wrong characters on, a line is of no use as it is: the lines that `doubtful` is to find.
BAD_CER = 30.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a segment is marked: from `doubt` on as `doubtful`, above `no_speech` as `no_speech`.

    The defaults are those that tests/real measures on Whisper base. `no_speech` None: this model cannot tell.
    """

    doubt: float = 0.28
    no_speech: float | None = 0.5

    @classmethod
    def of(cls, awct2: Mapping[str, Any]) -> Bounds:
        """Give those that were measured for a model, from its `awct2.json`; the defaults for what was not.

        Raises InputError for what no calibration wrote.
        """
        measured = awct2.get(MARKS, {})
        told = {name: measured.get(name, {}) for name in ("doubt", "no_speech")} if isinstance(measured, dict) else {}
        if not told or not all(isinstance(one, dict) for one in told.values()):
            raise InputError(f"the model's awct2.json holds no {MARKS} that can be read; run awct2 calibrate again")
        doubt, no_speech = (_bound(one.get("bound")) for one in told.values())
        return cls(
            cls().doubt if doubt is None else doubt,
            no_speech if "bound" in told["no_speech"] else cls().no_speech,
        )

    def is_speech(self, decoded: Decoded) -> bool:
        """Say whether somebody speaks, as far as the model can tell."""
        return self.no_speech is None or decoded.no_speech_prob <= self.no_speech


BOUNDS = Bounds()


def _bound(value: object) -> float | None:
    # Written so that NaN is refused, too; and `true` is no figure.
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 2:
        return float(value)
    raise InputError(f"the model's awct2.json holds a bound of {value!r}; run awct2 calibrate again")


# The share of bad lines among those with the same mean log-probability and tokens a second, a logistic regression over
# Whisper base on two of the voices of tests/real, in silence and in noise: where a decoder is lost, it spells what it
# hears with many small tokens, and is sure of each. Further figures (least probability, characters a second beside the
# speaker's median, kinds of letters) found no more lines that these had not.
_OF_LOGPROB = 7.0
_OF_TOKENS_PER_S = 0.6
_OFFSET = 6.3
_MOST_TOKENS_PER_S = 12.0
# The shortest of those lines. A cry of three tokens has many a second, and nothing is wrong with it.
_LEAST_S = 1.5
# What is wrong on the face of it, however sure the decoder was.
_PLAIN = frozenset(("repetition", "cap", "fast", "stock_phrase", "no_speech"))
_PLAINLY = 0.95


def doubt(window: Window, decoded: Decoded) -> float:
    """Give how far a text is to be doubted, 0 … 1, from its scores, its length in the window, and its flags."""
    if is_lost(decoded):
        return 1.0
    tokens_per_s = min(len(decoded.tokens) / max(_LEAST_S, window.end_s - window.start_s), _MOST_TOKENS_PER_S)
    odds = _OF_TOKENS_PER_S * tokens_per_s - _OF_LOGPROB * decoded.avg_logprob - _OFFSET
    likely = 1.0 / (1.0 + math.exp(-min(odds, 30.0)))
    return likely if _PLAIN.isdisjoint(decoded.flags) else max(likely, _PLAINLY)


def disagreement(one: str, other: str) -> float:
    """Give how much two texts of the same sound differ: edits over the longer one's characters, 0 … 1."""
    # Imported here, as in `cer`: workers load this package, and compare nothing.
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 - see above

    return float(Levenshtein.normalized_distance(one, other))
