"""What a run came to: how much there is, how it is spread, what failed, and where to look first."""

from anime_whisper_ct2.stats.collect import run_stats
from anime_whisper_ct2.stats.figures import (
    GROUPINGS,
    Amount,
    Extreme,
    FailureCount,
    FlagCount,
    Grouping,
    RunStats,
    StatsOptions,
)
from anime_whisper_ct2.stats.report import as_json, as_text

__all__ = [
    "GROUPINGS",
    "Amount",
    "Extreme",
    "FailureCount",
    "FlagCount",
    "Grouping",
    "RunStats",
    "StatsOptions",
    "as_json",
    "as_text",
    "run_stats",
]
