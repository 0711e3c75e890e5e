"""The parts of a merge, and whether they make a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import InputError, counted, one_line
from anime_whisper_ct2.output.lines import RUN, TRANSCRIPTS
from anime_whisper_ct2.output.run_file import has_run, load_run
from anime_whisper_ct2.output.settings import differences
from anime_whisper_ct2.system.refusals import reason

# What was asked of the corpus; two shards that differ in one of these are shards of different wholes.
_CHOICE = ("inputs", "audio_column", "include", "exclude", "limit")


@dataclass(frozen=True, slots=True)
class Part:
    """One run; `shard` (i, n) as it was given, None: it was no part of a corpus."""

    path: Path
    about: Mapping[str, Any]
    shard: tuple[int, int] | None

    @property
    def state(self) -> str:
        """Say how far the run has come, as its `run.json` gives it."""
        return str(self.about.get("state"))

    @property
    def settings(self) -> Mapping[str, Any]:
        """Give what decided the text."""
        settings: Mapping[str, Any] = self.about["settings"]
        return settings


def read_part(path: Path, incomplete: bool) -> Part | None:
    """Read a part's `run.json`; None for a folder in which no run has begun, where that is allowed.

    Raises InputError.
    """
    if not has_run(path) and not (path / TRANSCRIPTS).exists() and path.is_dir():
        if incomplete:
            return None
        raise InputError(f"{path}: no run has begun there; run that part, or leave it out with --incomplete")
    try:
        about = load_run(path)
        settings, shard = about["settings"], about.get("shard")
        if not isinstance(settings, dict):
            raise TypeError("settings are no object")
        return Part(path, about, (int(shard[0]), int(shard[1])) if shard else None)
    except OSError as error:
        raise InputError(
            f"{path}: no {RUN} that can be read ({reason(error, path / RUN)}); name output folders of `awct2 run`"
        ) from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise InputError(f"{path / RUN}: not what a run wrote ({error!r}); run that part again") from error


def check_named_once(parts: Iterable[Part]) -> None:
    """Raise InputError for one folder under two names."""
    seen: set[str] = set()
    for part in parts:
        # Through links, one folder may have several paths.
        place = os.path.realpath(part.path)
        if place in seen:
            raise InputError(f"{part.path} is named twice; name each part once")
        seen.add(place)


def check_settings(parts: Sequence[Part]) -> None:
    """Raise InputError where settings that decide the text differ, naming them."""
    first = parts[0]
    for part in parts[1:]:
        said = "; ".join(
            f"{what} is {one} and {another}" for what, one, another in differences(first.settings, part.settings)
        )
        if said:
            raise InputError(
                f"{first.path} and {part.path} were made with other settings ({one_line(said)}); "
                "run one of them again with those of the other"
            )


def check_same(parts: Sequence[Part], names: Iterable[str], remedy: str) -> None:
    """Raise InputError where parts differ in one of these keys of `run.json`."""
    first = parts[0]
    for part in parts[1:]:
        for name in names:
            one, other = first.about.get(name), part.about.get(name)
            if one != other:
                raise InputError(f"{name} is {one!r} in {first.path} and {other!r} in {part.path}; {remedy}")


def in_order(parts: Sequence[Part], incomplete: bool) -> list[Part]:
    """Check that shards make a whole, and give them in order.

    Raises InputError for shards of different wholes, one that is there twice, and one that is missing.
    """
    by_number: dict[int, Part] = {}
    first = next(part for part in parts if part.shard)
    assert first.shard is not None
    count = first.shard[1]
    for part in parts:
        if part.shard is None:
            raise InputError(f"{part.path} is no shard, and {first.path} is one; merge shards with shards alone")
        number, of = part.shard
        if of != count:
            raise InputError(f"{first.path} is a part of {count} and {part.path} of {of}; name parts of one whole")
        if number in by_number:
            raise InputError(f"{by_number[number].path} and {part.path} are both shard {number}/{of}; name one of them")
        by_number[number] = part
    ordered = [by_number[number] for number in sorted(by_number)]
    check_same(ordered, _CHOICE, "name shards of one corpus")
    if not incomplete and len(by_number) < count:
        missing = [number for number in range(count) if number not in by_number]
        some = ", ".join(f"{number}/{count}" for number in missing[:8]) + (" …" if len(missing) > 8 else "")
        raise InputError(
            f"{len(missing)} of {counted(count, 'shard')} missing: {some}; run them, or merge with --incomplete"
        )
    return ordered


def check_finished(parts: Iterable[Part]) -> None:
    """Raise InputError for a part that has not come to its end."""
    for part in parts:
        if part.state != "finished":
            raise InputError(
                f"{part.path}: not finished, its {RUN} says {part.state!r}; "
                "the same `awct2 run` command goes on with it, or merge with --incomplete"
            )
