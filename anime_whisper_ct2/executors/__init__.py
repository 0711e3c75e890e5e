"""Ways to run the stages: here (`local`), and in several engine processes (`fleet`, each a `station`).

Either way the front end is in worker processes (`pool`, `worker`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from anime_whisper_ct2.records import Outcome, Recording, Tick

__all__ = ["Executor", "Task"]

# A recording and the number by which its outcome comes back.
Task: TypeAlias = tuple[int, Recording]


class Executor(Protocol):
    """Takes recordings through all stages."""

    @property
    def description(self) -> Mapping[str, Any]:
        """What `run.json` says of the engines."""

    @property
    def figures(self) -> Mapping[str, Any]:
        """What `run.json` says beside the totals."""

    def run(self, tasks: Iterable[Task]) -> Generator[tuple[int, Outcome] | Tick, None, None]:
        """Give each recording's number and outcome as it is finished; a tick says that nothing was for a moment."""

    def stop(self) -> None:
        """Begin nothing new, and let `run` end with what the engines have in hand."""
