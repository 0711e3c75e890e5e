"""A recipe as the command line writes it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.system.paths import at_home
from anime_whisper_ct2_convert.averaging.naming import short_names
from anime_whisper_ct2_convert.averaging.recipe import Mix, Recipe
from anime_whisper_ct2_convert.source import as_folder

_NUMBER = r"[+-]?[0-9]{1,9}"
_RANGE = re.compile(rf"\s*({_NUMBER})?\s*:\s*({_NUMBER})?\s*")


def read_recipe(names: Sequence[str], *, weights: str | None, range_: str | None, layers: Sequence[str]) -> Recipe:
    """Read `--weights`, `--range` and every `--layers`; without any, all checkpoints count alike.

    `names`: the checkpoints, as they were named. Raises InputError.
    """
    if not names:
        raise InputError("no checkpoint is named; name the folders or hub ids of those to average")
    if weights is not None and range_ is not None:
        raise InputError("--weights and --range exclude each other; leave one of the two out")
    if weights is not None:
        mix = _weights("--weights", weights, len(names))
    else:
        mix = _range("--range", ":" if range_ is None else range_, len(names))
    return Recipe(mix, tuple(_part(given, names) for given in layers))


def _part(given: str, names: Sequence[str]) -> tuple[str, Mix]:
    pattern, equals, what = (part.strip() for part in given.partition("="))
    if not (pattern and equals and what):
        raise InputError(f"--layers {given!r}: is no PATTERN=WHAT, such as 'encoder*={names[0]}' or 'decoder*=0:2'")
    option, count = f"--layers {given!r}", len(names)
    # A name before anything else: a folder may be called `1:2`.
    if (at := _named(what, names)) is not None:
        return pattern, Mix.of_range(count, at, at + 1)
    if _RANGE.fullmatch(what):
        return pattern, _range(option, what, count)
    if "," in what:
        return pattern, _weights(option, what, count)
    if not re.fullmatch(_NUMBER, what):
        raise InputError(
            f"{option}: {what} is none of the checkpoints; after =, name one as before, its number from 0, a range "
            f"such as 0:2, or {counted(count, 'weight')} with commas between"
        )
    number = int(what) + (count if int(what) < 0 else 0)
    if not 0 <= number < count:
        raise InputError(f"{option}: there is no checkpoint {what}; the {count:,} that were named count from 0")
    return pattern, Mix.of_range(count, number, number + 1)


def _named(what: str, names: Sequence[str]) -> int | None:
    """Give the number of the checkpoint that is called so, as it was named, by the end of its name, or by its place."""
    for called in (names, short_names(names)):
        bare = [name.rstrip("/\\") for name in called]
        if what.rstrip("/\\") in bare:
            return bare.index(what.rstrip("/\\"))
    if as_folder(what) is None:
        return None
    real = [os.path.realpath(at_home(name)) for name in (what, *names)]
    return real.index(real[0], 1) - 1 if real[0] in real[1:] else None


def _range(option: str, given: str, count: int) -> Mix:
    match = _RANGE.fullmatch(given)
    if match is None:
        raise InputError(
            f"{option}: {given!r} is no range; write I:J, from I to before J, counting from 0, such as -3:"
        )
    first, stop, _ = slice(*(None if end is None else int(end) for end in match.groups())).indices(count)
    if first >= stop:
        raise InputError(f"{option}: of {counted(count, 'checkpoint')}, {given.strip()} is none; they count from 0")
    return Mix.of_range(count, first, stop)


def _weights(option: str, given: str, count: int) -> Mix:
    parts = given.split(",")
    try:
        weights = [float(part) for part in parts]
    except ValueError as error:
        raise InputError(
            f"{option}: {given!r} are no weights; write numbers with commas between, as 0.2,0.8"
        ) from error
    if len(weights) != count:
        raise InputError(
            f"{option}: {counted(len(weights), 'weight')} for {counted(count, 'checkpoint')}; give one each"
        )
    try:
        return Mix.of_weights(weights)
    except InputError as error:
        raise InputError(f"{option}: {error}") from error
