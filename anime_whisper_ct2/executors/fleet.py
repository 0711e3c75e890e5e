"""Several engines, each a process of its own with all its stages; on GPUs, one for each.

The recordings go to whichever engine is ahead. One that dies is started again and gets back what it had not finished;
one that keeps dying leaves its share to the others.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors.messages import Done, Ready, Refused, StationSettings, Stop
from anime_whisper_ct2.executors.process import Child, cause_of_death
from anime_whisper_ct2.executors.second_look import SecondLook
from anime_whisper_ct2.records import Outcome, Recording, Tick

Task: TypeAlias = tuple[int, Recording]

TICK_S = 0.1
_STATION = "anime_whisper_ct2.executors.station"
# Deaths after which an engine is given up.
_MOST_DEATHS = 3


class _Station:
    """One engine process as the fleet sees it: what it has in hand, by the number it knows it by."""

    def __init__(self, settings: StationSettings, inbox: queue.SimpleQueue[tuple[_Station, Any]]) -> None:
        self.settings = settings
        self._inbox = inbox
        self.deaths = 0
        self.start()

    def start(self) -> None:
        """Start the process, or start it again."""
        self.in_hand: dict[int, Task] = {}
        self._sent = 0
        self.ready = False
        self.finishing = False
        self.done = False
        self.child = Child(_STATION, {})
        threading.Thread(target=self._listen, args=(self.child,), daemon=True).start()
        self._send(self.settings)

    def _listen(self, child: Child) -> None:
        try:
            while True:
                self._inbox.put((self, child.receive()))
        except EOFError:
            self._inbox.put((self, None))

    def _send(self, message: object) -> None:
        with contextlib.suppress(OSError):  # it died; the listener says so
            self.child.send(message)

    def give(self, task: Task) -> None:
        """Hand over one recording."""
        self.in_hand[self._sent] = task
        self._sent += 1
        self._send(task[1])

    def finish(self) -> None:
        """Say that nothing more comes."""
        self.finishing = True
        self.child.finish_input()

    def stop(self) -> None:
        """Have it finish what its engine has in hand, and nothing else."""
        self._send(Stop())
        self.finish()


class Fleet:
    """Runs recordings through several engine processes, as `LocalExecutor` does through one engine.

    `ahead`: recordings that an engine is given in advance, enough to fill batches of every length. `run` raises
    EngineError when no engine is left, and `open` what an engine raised while it loaded.
    """

    def __init__(self, settings: Sequence[StationSettings], ahead: int = 2_048) -> None:
        self._settings = settings
        self._ahead = ahead
        self._inbox: queue.SimpleQueue[tuple[_Station, Any]] = queue.SimpleQueue()
        self._stations: list[_Station] = []
        self._figures: Counter[str] = Counter()
        self._window_check = SecondLook(retry=False, audit=0.0)
        self._returned: deque[Task] = deque()
        self._stopping = False
        self.description: dict[str, Any] = {}

    def open(self) -> None:
        """Start the engines and wait until all have loaded the model."""
        self._stations = [_Station(settings, self._inbox) for settings in self._settings]
        waiting = len(self._stations)
        try:
            while waiting:
                station, message = self._inbox.get()
                if isinstance(message, Refused):
                    raise message.error
                if message is None:
                    raise EngineError(
                        f"an engine process died while it loaded ({cause_of_death(station.child.close())})"
                    )
                self._note_ready(station, message)
                waiting -= 1
        except BaseException:
            self.close()
            raise

    @property
    def figures(self) -> dict[str, Any]:
        """What `run.json` says beside the totals, summed over the engines."""
        check = {"window_check": dict(self._window_check.figures)} if self._window_check.fitted else {}
        return {"memory_halvings": self._figures["memory_halvings"], "engine_deaths": self._figures["deaths"], **check}

    def run(self, recordings: Iterable[Recording]) -> Iterator[tuple[int, Outcome] | Tick]:
        """Give each recording's number and outcome as it is finished; a tick says that nothing was for a moment."""
        tasks = enumerate(recordings)
        while self._stations:
            self._deal(tasks)
            try:
                station, message = self._inbox.get(timeout=TICK_S)
            except queue.Empty:
                yield Tick()
                continue
            if isinstance(message, tuple):
                number, outcome = message
                key, _ = station.in_hand.pop(number)
                yield key, outcome
            elif isinstance(message, Ready):
                self._note_ready(station, message)
            elif isinstance(message, Done):
                station.done = True
                self._note_figures(message)
            elif isinstance(message, Refused):
                station.deaths = _MOST_DEATHS
            else:
                self._ended(station)

    def stop(self) -> None:
        """Begin nothing new: the engines finish their batches, `run` gives the recordings that end with them."""
        self._stopping = True

    def close(self) -> None:
        """End the processes."""
        for station in self._stations:
            station.child.kill()
            station.child.close()
        self._stations.clear()

    def _deal(self, tasks: Iterator[Task]) -> None:
        """Give every engine that is ready its share: one recording at a time to the one with the fewest in hand."""
        open_to_more = [station for station in self._stations if station.ready and not station.finishing]
        if self._stopping:
            for station in open_to_more:
                station.stop()
            return
        while open_to_more:
            station = min(open_to_more, key=lambda one: len(one.in_hand))
            if len(station.in_hand) >= self._ahead:
                return
            task = self._returned.popleft() if self._returned else next(tasks, None)
            if task is None:
                for station in open_to_more:
                    station.finish()
                return
            station.give(task)

    def _note_ready(self, station: _Station, message: Ready) -> None:
        station.ready = True
        self.description = {**message.description, "engines": len(self._settings)}

    def _note_figures(self, message: Done) -> None:
        self._figures["memory_halvings"] += message.figures.get("memory_halvings", 0)
        if message.second_look is not None:
            self._window_check.add(message.second_look)

    def _ended(self, station: _Station) -> None:
        """An engine is through, or dead: start it again for what it left, or leave that to the others."""
        code = station.child.close()
        self._returned.extend(station.in_hand.values())
        if not self._stopping and not station.done:
            station.deaths += 1
            self._figures["deaths"] += 1
            if station.deaths < _MOST_DEATHS:
                station.start()
                return
        self._stations.remove(station)
        if self._stopping or not self._returned:
            return
        if not self._stations:
            raise EngineError(
                f"no engine is left: the last one died {station.deaths} times ({cause_of_death(code)}); "
                "what is finished is kept, and the same command goes on"
            )
        if all(other.finishing for other in self._stations):
            # The others were told that nothing more comes; another of their kind takes over.
            self._stations.append(_Station(self._stations[0].settings, self._inbox))
