"""How early the wrong lines come, sorted by what a run says of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from anime_whisper_ct2.records import Decoded
from anime_whisper_ct2.review.index.against import rate
from anime_whisper_ct2.review.index.risk import Signs, risk
from anime_whisper_ct2.text import count_errors
from anime_whisper_ct2.text.doubt import BAD_CER
from anime_whisper_ct2.text.normalize import author
from tests.real.spoken import HZ, Spoken

# Of the lines, those that are looked at.
SHARES = (0.1, 0.2, 0.3)


def is_wrong(line: Spoken, text: Decoded) -> bool:
    """Say whether a line is of no use as it is."""
    return count_errors(author(line.text), author(text.text)).cer >= BAD_CER


def signs_of(lines: Sequence[Spoken], texts: Sequence[Decoded], others: Sequence[Decoded] | None = None) -> list[Signs]:
    """Give what the index would know of each line; `others`: what a second run has."""
    rates = [len(text.text) / max(len(line.samples) / HZ, 0.1) for line, text in zip(lines, texts, strict=True)]
    paces = {
        speaker: median(cps for line, cps in zip(lines, rates, strict=True) if line.speaker == speaker)
        for speaker in {line.speaker for line in lines}
    }
    return [
        Signs(
            text.avg_logprob,
            text.doubt,
            text.flags,
            text.retries is not None and text.retries.kept != "first",
            cps,
            paces[line.speaker],
            None if others is None else rate(others[at].text, text.text, author),
        )
        for at, (line, text, cps) in enumerate(zip(lines, texts, rates, strict=True))
    ]


def found_first(wrong: Sequence[bool], keys: Sequence[float]) -> list[float]:
    """Give what share of the wrong lines, in percent, lies among the first of all by a key, the highest first."""
    order = sorted(range(len(keys)), key=lambda at: (-keys[at], at))
    first = [order[: round(share * len(keys))] for share in SHARES]
    return [round(100 * sum(wrong[at] for at in some) / max(1, sum(wrong)), 1) for some in first]


def orders(signs: Sequence[Signs]) -> Mapping[str, list[float]]:
    """Give each line's key by each order; without a second run, those that need none."""
    keys = {
        "avg_logprob": [-one.logprob for one in signs],
        "doubt": [one.doubt or 0.0 for one in signs],
        "risk": [risk(one) for one in signs],
    }
    if signs and signs[0].cer is not None:
        keys = {"risk_against": keys["risk"], "differs": [one.cer or 0.0 for one in signs]}
    return keys
