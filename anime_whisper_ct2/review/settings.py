"""What `awct2 review` was asked to open, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """One opening of the page."""

    run: Path  # an output folder, a transcripts.jsonl, or a list of `path|speaker|language|text`
    reviewer: str  # whose log is written
    slice_: tuple[int, int] | None = None  # the I-th of N parts, as `run --shard` counts them; None: all
    against: Path | None = None  # a second run, whose texts are put beside
    normalizer: str = "author"  # of NORMALIZERS: how both are compared
    allow_urls: bool = False  # sound from URLs that the run does not list as its INPUTs
