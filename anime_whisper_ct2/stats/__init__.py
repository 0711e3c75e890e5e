"""What a run came to: how much there is, how it is spread, what failed, and where to look first.

`run_stats` reads a run and gives `RunStats`: an `Amount` of all and of each group (`Grouping`, one of `GROUPINGS`), a
`FlagCount` for each flag, a `FailureCount` for each error, and `Extreme`s to listen to, and `ReviewStats`, with a
`Reviewer` for each and the `Sample`s that were drawn, where it was reviewed; `StatsOptions` say what is listed.
`as_text` and `as_json` show it; `chart`, which needs matplotlib, is not loaded with the rest.

May import: `errors`, `output`, `records`, `reviews`, `system`.
"""

from anime_whisper_ct2.stats.collect import run_stats
from anime_whisper_ct2.stats.figures import (
    GROUPINGS,
    Amount,
    Extreme,
    FailureCount,
    FlagCount,
    Grouping,
    Reviewer,
    ReviewStats,
    RunStats,
    Sample,
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
    "ReviewStats",
    "Reviewer",
    "RunStats",
    "Sample",
    "StatsOptions",
    "as_json",
    "as_text",
    "run_stats",
]
