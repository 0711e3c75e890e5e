"""A run whose figures are known, as it lies on disk, and what `stats` makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from anime_whisper_ct2.cli.stats import stats_command
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.records import Failure, Outcome, Segment, Transcript
from anime_whisper_ct2.stats import RunStats, StatsOptions, run_stats
from anime_whisper_ct2.stats.distribution import Distribution


def segment(start: float, end: float, text: str, logprob: float = -0.2, ratio: float = 0.9, *flags: str) -> Segment:
    return Segment(start, end, text, logprob, 0.01, ratio, flags)


def transcript(id_: str, duration: float, *segments: Segment, flags: tuple[str, ...] = ()) -> Transcript:
    text = "".join(s.text for s in segments)
    return Transcript(id_, f"corpus/{id_}", duration, "ja", text, segments, flags if segments else ("empty",), {})


def failure(id_: str, stage: str = "decode", error: str = "DecodeError") -> Failure:
    return Failure(id_, f"corpus/{id_}", stage, error, "no audio")


def write_run(folder: Path, *outcomes: Outcome, state: str = "finished", **figures: Any) -> Path:
    """Write a run as the journal does; `figures` go into `run.json` in place of those that are true."""
    done = [each for each in outcomes if isinstance(each, Transcript)]
    counted = {
        "done": len(done),
        "resumed": 0,
        "failed": len(outcomes) - len(done),
        "audio_seconds": sum(each.duration for each in done),
    }
    with Journal(folder, {}) as journal:
        journal.begin({})
        for outcome in outcomes:
            journal.write(outcome)
        journal.finish(state, counted | figures)
    return folder


def stats_of(folder: Path, **options: Any) -> RunStats:
    """Give the statistics of a run folder."""
    return run_stats(RunFolder(folder), StatsOptions(**options))


def said(stats: RunStats, name: str) -> Distribution:
    """Give a distribution that must be there."""
    values = stats.distributions[name]
    assert values is not None
    return values


def invoke(*args: object) -> Result:
    """Call `awct2 stats`."""
    return CliRunner().invoke(stats_command, [str(arg) for arg in args])


SOME: tuple[Outcome, ...] = (
    transcript("さくら/1.ogg", 3.0, segment(0.0, 3.0, "おはよう", -0.1)),
    transcript(
        "さくら/長い.ogg",
        40.0,
        segment(1.0, 3.0, "はい そう", -0.3, 0.8),
        segment(5.0, 15.0, "あ" * 100, -1.4, 5.0, "repetition", "low_logprob"),
        flags=("repetition",),
    ),
    transcript("先生/1.ogg", 2.0),
    transcript("top.ogg", 5.0, segment(0.0, 5.0, "え", -0.5, 0.5)),
    failure("先生/2.ogg"),
    failure("先生/3.ogg", "read", "ManifestError"),
    failure("先生/4.ogg"),
)
