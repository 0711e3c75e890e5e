"""A run listened to, read and corrected in a page: the room behind `awct2 review`.

`open_review` gives the application that the page speaks to, by `ReviewSettings`. What it does, from the page inwards:

    routes, requests, bodies, answers   addresses, and the JSON that goes in and comes out
    opening, session, bench             a run being opened, what a reviewer does, and what lies on the table for that
    stepping, batches, replacing        a wish made into lines of the log
    sampling, shelf, details            random samples, frozen queues, all about one segment
    index, sound, lists                 a million segments in DuckDB, what is to be heard, and lists of other projects

May import: `audio`, `errors`, `executors`, `extensions`, `features`, `languages`, `model_dir`, `output`, `readers`,
`records`, `reviews`, `system`, `text`, `web`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from anime_whisper_ct2.review.settings import ReviewSettings

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["ReviewSettings", "open_review"]


@contextmanager
def open_review(settings: ReviewSettings, on_problem: Callable[[str], object] = lambda _: None) -> Iterator[Starlette]:
    """Open a run for one reviewer, whose log is locked meanwhile; the index is made while the application answers.

    Where that cannot be made, `on_problem` is told why, in a thread of its own; the application says it as well.
    Raises InputError where there is no such run, OutputError where another process has that log.
    """
    # Loaded by the server alone: the processes that decode clips are of this package, too.
    from anime_whisper_ct2.review.opening import opened  # noqa: PLC0415 - see above
    from anime_whisper_ct2.review.routes import Routes  # noqa: PLC0415 - see above

    with opened(settings, on_problem) as opening:
        yield Routes(opening).app()
