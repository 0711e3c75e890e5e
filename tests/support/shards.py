"""Runs of shards as they lie on disk, and what a merge made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.lines import read_lines
from anime_whisper_ct2.output.metrics import Totals
from anime_whisper_ct2.records import Failure
from tests.support.runs import short

SETTINGS = {"model": "abc", "beam_size": 1}


def write_part(
    path: Path,
    ids: Sequence[str] = (),
    *,
    shard: tuple[int, int] | None = None,
    failed: Sequence[str] = (),
    inputs: Sequence[str] = ("corpus",),
    settings: dict[str, Any] | None = None,
    state: str = "finished",
    **more: Any,
) -> Path:
    """A run folder as a run leaves it, whatever it is to hold."""
    with Journal(path, settings or SETTINGS) as journal:
        journal.begin({"inputs": list(inputs), "folder": "/data", "audio_column": None, "shard": shard, **more})
        for id_ in ids:
            journal.write(short(id_))
        for id_ in failed:
            journal.write(Failure(id_, id_, "decode", "DecodeError", "no"))
        figures = Totals(found=len(ids) + len(failed), done=len(ids), failed_now=len(failed)).as_dict()
        if state != "running":
            journal.finish(state, figures)
    return path


def shards(tmp_path: Path, count: int = 3, **of_the_last: Any) -> list[Path]:
    """The runs of all shards, the last one with what is said of it."""
    given: list[dict[str, Any]] = [{} for _ in range(count)]
    given[-1] = of_the_last
    return [
        write_part(tmp_path / f"part{n}", **{"ids": [f"{n}.wav"], "shard": (n, count), **more})
        for n, more in enumerate(given)
    ]


def about(run: Path) -> dict[str, Any]:
    """Give what `run.json` says."""
    content: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return content


def merged_ids(out: Path, name: str = "transcripts.jsonl") -> list[str]:
    """Give the ids of a run's recordings in the order of their lines."""
    return [line["id"] for line in read_lines(out / name)]
