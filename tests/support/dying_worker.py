"""A worker that is killed once, at a moment that the environment names, while it hands over a window."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from anime_whisper_ct2.executors import slots, worker
from anime_whisper_ct2.system.shared import Lent
from tests.support.processes import die

MODULE = "tests.support.dying_worker"
# Before a window is laid, amid, when it is and nobody was told, and when that was told.
MOMENTS = ("before", "amid", "laid", "told")
AT, ONCE = "AWCT2_TEST_DIES_AT", "AWCT2_TEST_DIED"
# Windows that went well before.
_GOOD = 3


def _dies_at(moment: str) -> None:
    if os.environ[AT] != moment:
        return
    try:
        Path(os.environ[ONCE]).touch(exist_ok=False)
    except FileExistsError:
        return
    die()


class _Dying(Lent):
    """Memory that is written in two steps, with a moment between them."""

    _written = 0

    def write(self, data: memoryview, start: int) -> None:
        """Write, or die of it."""
        self._written += 1
        half = len(data) // 2
        for moment, part, at in (("before", data[:half], start), ("amid", data[half:], start + half)):
            if self._written > _GOOD:
                _dies_at(moment)
            super().write(part, at)
        if self._written > _GOOD:
            _dies_at("laid")


class _Outbox(worker._Outbox):
    """What tells of windows, and dies when it has."""

    _told = 0

    def send(self) -> None:
        """Send, or die behind it."""
        self._told += sum(isinstance(message, slots.Laid) for message in self._waiting)
        super().send()
        if self._told > _GOOD:
            _dies_at("told")


def environment(moment: str, folder: Path) -> Sequence[tuple[str, str]]:
    """Give what a worker's environment has to hold."""
    return ((AT, moment), (ONCE, str(folder / "died")))


def main() -> None:
    """Work as a worker does."""
    slots.Lent = _Dying  # type: ignore[misc]
    worker._Outbox = _Outbox  # type: ignore[misc]
    worker.main()
