"""What `run.json` says of a merge."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from anime_whisper_ct2.output.merge.lines import Copied
from anime_whisper_ct2.output.merge.parts import Part
from anime_whisper_ct2.output.metrics import Totals
from anime_whisper_ct2.readers.remote import is_url

PARTS = "parts"  # the key that says a run folder is a merge's
_COUNTS = ("found", "done", "resumed", "empty", "flagged", "failed")
_SECONDS = ("audio_seconds", "kept_seconds", "load_seconds", "wall_seconds")
_OPTIONAL_COUNTS = ("memory_halvings", "engine_deaths")
# What is told of each part by itself.
_OWN = ("engine", "engine_waits", "retries", "window_check")


def about_of(parts: Sequence[Part]) -> dict[str, Any]:
    """Say what was asked for: what all parts share, with the inputs of all."""
    first = parts[0].about
    about = {
        "inputs": _inputs(parts),
        "folder": first.get("folder"),
        "audio_column": first.get("audio_column"),
        "shard": None,
        "model": first.get("model"),
        "versions": versions_of(parts),
    }
    for name in ("include", "exclude", "limit", "passed_over"):
        # Each shard lists the whole corpus, so that the first speaks for all; other runs have corpora of their own.
        if name in first and parts[0].shard:
            about[name] = first[name]
    if all(part.about.get("engine") == first.get("engine") for part in parts) and "engine" in first:
        about["engine"] = first["engine"]
    return {**about, "settings": dict(parts[0].settings)}


def _inputs(parts: Sequence[Part]) -> list[str]:
    """Give the inputs of all parts, each once; relative ones become absolute where parts began in other folders."""
    here = parts[0].about.get("folder")
    inputs: dict[str, None] = {}
    for part in parts:
        start = part.about.get("folder")
        # Shards on machines that mount one corpus in different places are of one corpus all the same.
        stay = part.shard is not None or start == here or not isinstance(start, str)
        for given in part.about.get("inputs") or ():
            kept = stay or given == "-" or is_url(given)
            inputs[given if kept else os.path.join(start, given)] = None  # type: ignore[arg-type] # noqa: PTH118 - may be no UTF-8
    return list(inputs)


def versions_of(parts: Sequence[Part]) -> dict[str, str]:
    """Give the version of each package; where parts differ, all of them."""
    every: dict[str, dict[str, None]] = {}
    for part in parts:
        for name, version in (part.about.get("versions") or {}).items():
            every.setdefault(name, {})[str(version)] = None
    return {name: ", ".join(versions) for name, versions in every.items()}


def figures_of(parts: Sequence[Part], copied: Iterable[Copied], called: Callable[[str], str] = str) -> dict[str, Any]:
    """Sum the parts' figures; for a part that was killed, and has none, its lines are counted.

    `called` gives the name of a part's path.
    """
    each = [_part_figures(part, count) for part, count in zip(parts, copied, strict=True)]
    total = {name: sum(figures[name] for figures in each) for name in (*_COUNTS, *_SECONDS)}
    failed = total.pop("failed")
    extra = {
        name: sum(_number(part.about, name) for part in parts)
        for name in _OPTIONAL_COUNTS
        if any(name in part.about for part in parts)
    }
    extra.update(_waits(parts))
    described = [
        {
            "folder": called(str(part.path)),
            "shard": part.shard,
            "state": part.state,
            **figures,
            **{name: part.about[name] for name in _OWN if name in part.about},
        }
        for part, figures in zip(parts, each, strict=True)
    ]
    # `Totals` parts new failures from old ones and `run.json` does not, so either will do.
    return {**Totals(**total, failed_before=failed).as_dict(), **extra, PARTS: described}


def _waits(parts: Sequence[Part]) -> dict[str, float]:
    """Give the share of the time that the engines waited: the parts' mean, weighted by how long each took."""
    waits = [(_number(part.about, "wall_seconds"), part.about["engine_waits"]) for part in parts if _waited(part)]
    whole = sum(wall_s for wall_s, _ in waits)
    return {"engine_waits": round(sum(wall_s * share for wall_s, share in waits) / whole, 4)} if whole else {}


def _waited(part: Part) -> bool:
    return isinstance(part.about.get("engine_waits"), (int, float))


def _part_figures(part: Part, copied: Copied) -> dict[str, Any]:
    if "found" not in part.about:
        # How many of them were done in its last run nobody knows; as resumed ones they count in no speed.
        counted = {"found": copied.transcribed + copied.failed, "resumed": copied.transcribed, "failed": copied.failed}
        return {**dict.fromkeys((*_COUNTS, *_SECONDS), 0), **counted}
    return {name: _number(part.about, name) for name in (*_COUNTS, *_SECONDS)}


def _number(about: Mapping[str, Any], name: str) -> int | float:
    value = about.get(name, 0)
    return value if isinstance(value, (int, float)) else 0
