"""What checkpoints and averages of them are called in tables and charts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from anime_whisper_ct2.search.candidates import REST
from anime_whisper_ct2.search.records import Candidate, Search, Trial

_MOST_LABEL = 18
# So many checkpoints are named with their shares; of more, those with the largest.
_MOST_NAMED = 4
LEAST_SHARE = 0.005


def called(search: Search, trial: Trial) -> str:
    """Say of which checkpoints a trial is: `a`, `b … e (4)`, or `20 % 500 + 80 % 1000` with what tells names apart."""
    candidate, names = trial.candidate, search.names
    if not candidate.weights:
        if candidate.first == candidate.last:
            return names[candidate.first]
        count = candidate.last - candidate.first + 1
        return f"{names[candidate.first]} … {names[candidate.last]} ({count})"
    told = [(pattern, _shares(names, shares)) for pattern, shares in candidate.weights]
    if [pattern for pattern, _ in told] == [REST]:
        return told[0][1]
    return "; ".join(f"{pattern}: {each}" for pattern, each in told)


def _shares(names: Sequence[str], shares: Sequence[float]) -> str:
    """Name the checkpoints with their shares, in the order of the training; of many, those that have the largest."""
    _, labels = short_names(names)
    used = [at for at, share in enumerate(shares) if share >= LEAST_SHARE]
    named = sorted(sorted(used, key=lambda at: -shares[at])[:_MOST_NAMED])
    told = [f"{100 * shares[at]:.0f} % {labels[at]}" for at in named]
    others = len(used) - len(named)
    return " + ".join([*told, f"{others} smaller"] if others else told)


def shares(candidate: Candidate, group: str, count: int) -> list[float]:
    """Give how much of each checkpoint is in the tensors of a group, from 0 to 1."""
    if candidate.weights:
        by_pattern = dict(candidate.weights)
        return list(by_pattern.get(group) or by_pattern.get(REST) or [0.0] * count)
    alike = 1 / (candidate.last - candidate.first + 1)
    return [alike if candidate.first <= at <= candidate.last else 0.0 for at in range(count)]


def short_names(names: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Give what all names begin with, where only a number is behind it, and what to call each beside that."""
    prefix = _beginning(names).rstrip("0123456789")
    rests = tuple(name.removeprefix(prefix) for name in names)
    if prefix and all(rest.isascii() and rest.isdigit() for rest in rests):
        return shortened(prefix), rests
    return "", tuple(map(shortened, names))


def _beginning(names: Sequence[str]) -> str:
    """Give what all names begin with."""
    columns = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in columns)


def shortened(text: str) -> str:
    """Give a name that fits beside an axis and that every font can be asked for."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    clean = clean.encode("utf-8", "backslashreplace").decode()
    # The end of a name is what tells it from the others.
    return clean if len(clean) <= _MOST_LABEL else f"…{clean[1 - _MOST_LABEL :]}"
