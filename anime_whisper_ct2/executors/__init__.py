"""Ways to run the stages: here (`local`), in several engine processes (`fleet`, each a `station`), on a `cluster`.

`Executor` is what whoever runs a corpus knows of them: `Task`s in, `Result`s out; `opening` says which one a run gets,
and `continuous` keeps one open for many callers. Either way the front end is in worker processes (`pool`, with an
`attendant` for each `worker`, `slots` in memory that they share, and an `inbox`), and `decoding` keeps the engine busy,
down the `ladder` of second looks. `telling` says how far long recordings have come; what is `recorded` of a front end
can be decoded again.

May import: `_version`, `audio`, `engine`, `errors`, `features`, `ids`, `model_dir`, `options`, `output`, `readers`,
`records`, `segments`, `system`, `text`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from anime_whisper_ct2.records import Headway, Outcome, Recording, Tick

if TYPE_CHECKING:
    # Workers load this package too, and none of them writes a line.
    from anime_whisper_ct2.output.lines import Part

__all__ = ["Executor", "Listed", "Result", "Task"]

# A recording and the number by which its outcome comes back.
Task: TypeAlias = tuple[int, Recording]


@dataclass(frozen=True, slots=True)
class Listed:
    """What a container held, as far as it was selected: `found` in all, done before, failed before."""

    found: int = 0
    resumed: int = 0
    failed_before: int = 0


# What comes of recordings: their outcomes by number, and of long ones headway before that; or where others write the
# lines, parts, and what containers held.
Result: TypeAlias = "tuple[int, Outcome] | Headway | Part | Listed | Tick"


class Executor(Protocol):
    """Takes recordings through all stages."""

    @property
    def description(self) -> Mapping[str, Any]:
        """What `run.json` says of the engines."""

    @property
    def figures(self) -> Mapping[str, Any]:
        """What `run.json` says beside the totals."""

    def run(self, tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Give each recording's number and outcome as it is finished; a tick says that nothing was for a moment."""

    def stop(self) -> None:
        """Begin nothing new, and let `run` end with what the engines have in hand."""
