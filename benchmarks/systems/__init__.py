"""One runner for each system, all under one contract.

    python -m benchmarks.systems.NAME --manifest FILE --model FOLDER --out FOLDER [--set KEY=VALUE …]

`--manifest`: JSON lines with `id`, `audio` (a path) and `duration`. `--model`: a folder that holds the same weights as
`checkpoint` (the hub's layout) and as `converted` (CTranslate2's). The runner writes `OUT/transcripts.jsonl` (`id` and
`text`) and `OUT/result.json` (see `Result`). Each run is a process of its own, in the Python it was started with.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

from benchmarks.measures.corpora import Clip, read_manifest
from benchmarks.measures.process import Watch, span, versions


@dataclass(frozen=True, slots=True)
class Settings:
    """What is asked of every system alike."""

    model: Path
    out: Path
    device: str = "cpu"
    compute_type: str = "float32"
    batch_size: int = 16  # 0: as the system measures it (awct2)
    beam_size: int = 1
    threads: int = 0  # of the engine; 0: all cores that the process may use
    workers: int = -1  # processes that load audio, where the system has them; -1: its own default
    window: str = "full"  # awct2 alone: full or fit
    encoder: str = "auto"  # awct2 alone: auto, ctranslate2 or torch
    limit_s: float = 0.0  # begin nothing new after so long, and measure what was done; 0: do all

    def resolved_threads(self) -> int:
        """Give the number of threads to compute with."""
        return self.threads or len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Result:
    """What every system is measured by.

    `load_s`: from the imports' end to a model ready to use. `wall_s` and `cpu_s`: from the first recording to the last
    text, audio decoding and processes started for it included. `peak_mib`: the most memory of the process and all it
    started, over its whole life. `others_share`: of the machine's processor time meanwhile, what others used.
    """

    system: str
    clips: int
    audio_s: float
    load_s: float
    wall_s: float
    cpu_s: float
    peak_mib: float
    others_share: float
    settings: dict[str, Any]
    versions: dict[str, str]
    notes: dict[str, Any]


class System(Protocol):
    """One way to turn clips into texts. Imports belong into `load`'s module, not into what is timed."""

    def load(self, settings: Settings) -> None:
        """Get the model ready."""

    def warm_up(self, clip: Clip) -> None:
        """Do once what the first use costs; neither timed nor counted."""

    def transcribe(self, clips: Sequence[Clip]) -> None:
        """Do the work: every clip, from its file to its text."""

    def texts(self) -> Mapping[str, str]:
        """Give the text of each id that was done."""

    def notes(self) -> dict[str, Any]:
        """Say what else decided the figures: options that differ from the defaults, what was skipped."""


class Stoppable(System, Protocol):
    """One that can end early."""

    def stop(self) -> None:
        """Begin nothing new; `transcribe` returns with what was begun. Called from another thread."""


def run(name: str, system: System | Stoppable, settings: Settings, clips: Sequence[Clip]) -> Result:
    """Measure a system, and write its texts and its figures. Raises ValueError where it has no end but its own."""
    stop = getattr(system, "stop", None)
    if settings.limit_s and stop is None:
        raise ValueError(f"{name} cannot be stopped in the middle; leave limit_s out")
    settings.out.mkdir(parents=True, exist_ok=True)
    with Watch() as watch:
        start = time.perf_counter()
        system.load(settings)
        load_s = time.perf_counter() - start
        system.warm_up(min(clips, key=lambda clip: clip.duration))
        with span() as work, stopping(stop, settings.limit_s):
            system.transcribe(clips)
    texts = system.texts()
    if settings.limit_s:
        clips = [clip for clip in clips if clip.id in texts]
    result = Result(
        system=name,
        clips=len(clips),
        audio_s=round(sum(clip.duration for clip in clips), 3),
        load_s=round(load_s, 3),
        wall_s=round(work.wall_s, 3),
        cpu_s=round(work.cpu_s, 2),
        peak_mib=round(watch.peak_mib, 1),
        others_share=work.others_share,
        settings={key: value for key, value in asdict(settings).items() if key not in ("model", "out")},
        versions=versions(),
        notes=system.notes(),
    )
    lines = [json.dumps({"id": clip.id, "text": texts.get(clip.id)}, ensure_ascii=False) + "\n" for clip in clips]
    (settings.out / "transcripts.jsonl").write_text("".join(lines), encoding="utf-8")
    (settings.out / "result.json").write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    return result


@contextmanager
def stopping(stop: Callable[[], None] | None, limit_s: float) -> Iterator[None]:
    """Call `stop` after so long, if what is done here is not over by then."""
    timer = threading.Timer(limit_s, stop) if stop and limit_s else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        if timer:
            timer.cancel()


def main(name: str, system: System) -> None:
    """Be the command line of a runner."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.systems.{name}")
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", dest="changes", nargs="*", default=[], metavar="KEY=VALUE", help=f"of {Settings}")
    options = parser.parse_args()
    settings = changed(Settings(options.model, options.out), options.changes)
    result = run(name, system, settings, list(read_manifest(options.manifest)))
    print(f"{name}: {result.audio_s / result.wall_s:.1f} times real time", file=sys.stderr)


def changed(settings: Settings, changes: Sequence[str]) -> Settings:
    """Apply `key=value` strings. Raises ValueError for a key that is none."""
    kinds = {field.name: type(getattr(settings, field.name)) for field in fields(settings)}
    for change in changes:
        key, _, value = change.partition("=")
        if key not in kinds:
            raise ValueError(f"{key} is no setting; choose one of {', '.join(kinds)}")
        settings = replace(settings, **{key: kinds[key](value)})
    return settings
