"""Engines that are processes of their own, each with all its stages: one for each GPU, or several on a CPU.

Each recording goes to the engine with the least in hand. An engine that dies is started again; what it had in hand is
done anew in halves, so that a recording which kills engines is found, recorded and left out. An engine that dies again
and again without doing anything leaves its share to the others.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.ahead import Ahead
from anime_whisper_ct2.executors.ladder import Ladder
from anime_whisper_ct2.executors.messages import Counted, Done, Ready, Refused, StationSettings, Stop
from anime_whisper_ct2.executors.process import Child
from anime_whisper_ct2.executors.telling import Telling
from anime_whisper_ct2.records import Failure, Headway, Home, Outcome, Tick, Worked, carried_bytes
from anime_whisper_ct2.system.processes import cause_of_death

TICK_S = 0.1
_STATION = "anime_whisper_ct2.executors.station"
# Deaths in a row, without a recording done between them, after which an engine is given up.
_MOST_DEATHS = 3
# Recordings that are listed ahead of those that the engines have.
_LISTED = 512
# An engine is given no more in advance while what it has brings along so much audio.
_MOST_BYTES = 384 << 20
# A model that loads for longer does not load: its device is stuck.
_LOAD_LIMIT_S = 1_800.0


class _Station:
    """One engine process as the fleet sees it."""

    def __init__(self, settings: StationSettings, inbox: queue.SimpleQueue[tuple[_Station, Any]]) -> None:
        self.settings = settings
        self._inbox = inbox
        self.deaths = 0
        self.proven = False  # whether it has done anything yet
        self.start()

    def start(self) -> None:
        """Start the process, or start it again."""
        self.in_hand: dict[int, Task] = {}
        # Windows of these that it has finished.
        self.homes: dict[int, list[Home]] = {}
        self.in_hand_bytes = 0
        self.ready = False
        self.started_s = time.monotonic()
        self.quarantine = False  # it works on suspects, and gets nothing else until they are done
        self.finishing = False
        self._stop_sent = False
        self.done = False
        self.complaint: Exception | None = None  # what it said before it ended
        self.child = Child(_STATION, self.settings.env)
        threading.Thread(target=self._listen, args=(self.child,), daemon=True).start()
        self._send(self.settings)

    def _listen(self, child: Child) -> None:
        try:
            message = None
            while not isinstance(message, Refused):
                message = child.receive()
                self._inbox.put((self, message))
            # It says nothing more, and a device that is stuck may keep it from ending.
            self._inbox.put((self, None))
        except Exception:  # the pipe ended, or holds no pickle: either way this child says nothing more
            self._inbox.put((self, None))

    def _send(self, message: object) -> None:
        with contextlib.suppress(OSError):  # it died; the listener says so
            self.child.send(message)

    def give(self, task: Task) -> None:
        """Hand over one recording."""
        self.in_hand[task[0]] = task
        self.in_hand_bytes += _carried_bytes(task)
        self._send(task)

    def note_done(self, key: int) -> None:
        """Take a recording off its hands."""
        self.in_hand_bytes -= _carried_bytes(self.in_hand.pop(key))
        self.homes.pop(key, None)
        self.deaths = 0
        self.proven = True

    def note_headway(self, headway: Headway) -> None:
        """Remember what is finished of a recording: whoever goes on with it need not do that again."""
        if headway.homes:
            self.homes.setdefault(headway.key, []).extend(headway.homes)
            self.deaths = 0
            self.proven = True

    def left(self) -> list[Task]:
        """Give what it had in hand when it ended, as far as that was not finished."""
        return [
            (key, replace(recording, home=(*recording.home, *self.homes.get(key, ()))))
            for key, recording in self.in_hand.values()
        ]

    def finish(self) -> None:
        """Say that nothing more comes."""
        self.finishing = True
        self._send(None)

    def stop(self) -> None:
        """Have it finish what its engine has in hand, and nothing else."""
        if not self._stop_sent:
            self._stop_sent = self.finishing = True
            self._send(Stop())


def open_fleet(settings: StationSettings) -> Fleet:
    """Open one engine in a process of its own, which is started again when it dies."""
    fleet = Fleet([settings])
    fleet.open()
    return fleet


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
        self._retired: list[_Station] = []
        self._telling = Telling()
        self._figures: Counter[str] = Counter()
        self.worked = Worked()
        self._encoder: str | None = None
        self.ladder = Ladder()
        # What engines died over: each list is done by one engine that has nothing else in hand.
        self._suspects: deque[list[Task]] = deque()
        self._stopping = False
        self._listed: Ahead[Task] | None = None
        self.description: dict[str, Any] = {}

    def open(self) -> None:
        """Start the engines and wait until all have loaded the model."""
        try:
            first = self._settings[0].engine
            # On GPUs, the first settles which library encodes, for texts of one kind.
            waits = 1 if (first.device, first.encoder) == ("cuda", "auto") else 0
            for settings in (self._settings[:waits], self._settings[waits:]):
                self._stations += [_Station(each.with_encoder(self._encoder), self._inbox) for each in settings]
                self._wait_for_all()
        except BaseException:
            self.close()
            raise

    def _wait_for_all(self) -> None:
        while not all(station.ready for station in self._stations):
            self._end_stuck()
            try:
                station, message = self._inbox.get(timeout=TICK_S)
            except queue.Empty:
                continue
            if isinstance(message, Refused):
                raise message.error
            if message is None:
                cause = cause_of_death(station.child.close())
                raise EngineError(f"an engine process died while it loaded the model ({cause})")
            self._note_ready(station, message)

    @property
    def figures(self) -> dict[str, Any]:
        """What `run.json` says beside the totals, summed over the engines."""
        counts = {"memory_halvings": self._figures["memory_halvings"], "engine_deaths": self._figures["deaths"]}
        return {**counts, **self.worked.figures, **self.ladder.figures}

    def run(self, tasks: Iterable[Task]) -> Generator[tuple[int, Outcome] | Headway | Tick, None, None]:
        """Give each recording's number and outcome as it is finished; a tick says that nothing was for a moment."""
        self._listed = Ahead(tasks, _LISTED, lambda: self._stopping or not self._stations, _carried_bytes)
        while self._stations:
            self._end_stuck()
            self._deal()
            try:
                station, message = self._inbox.get(timeout=TICK_S)
            except queue.Empty:
                yield Tick()
                continue
            if isinstance(message, tuple):
                key, outcome = message
                station.note_done(key)
                self._telling.ended(key)
                yield key, outcome
            elif isinstance(message, Headway):
                station.note_headway(message)
                yield self._telling.told(message)
            elif isinstance(message, Ready):
                self._note_ready(station, message)
            elif isinstance(message, Counted):
                self._figures["memory_halvings"] += message.figures.get("memory_halvings", 0)
                self.worked += message.worked
                self.ladder.add(message.ladder)
            elif isinstance(message, Done):
                station.done = True
            elif isinstance(message, Refused):
                station.complaint = message.error
            else:
                yield from self._ended(station)

    def stop(self) -> None:
        """Begin nothing new: the engines finish their batches, `run` gives the recordings that end with them."""
        self._stopping = True

    def close(self) -> None:
        """End the processes."""
        for station in self._stations:
            station.child.kill()
            station.child.close()
        self._stations.clear()

    def _end_stuck(self) -> None:
        for station in self._stations:
            if not station.ready and time.monotonic() - station.started_s > _LOAD_LIMIT_S:
                station.child.kill()

    def _deal(self) -> None:
        if self._stopping:
            for station in self._stations:
                if station.ready and not station.done:
                    station.stop()
            return
        takers = self._takers()
        while takers:
            station = min(takers, key=lambda one: len(one.in_hand))
            if len(station.in_hand) >= self._ahead:
                return
            if station.in_hand_bytes >= _MOST_BYTES:
                takers.remove(station)
                continue
            task = self._listed.next() if self._listed else None
            if task is not None:
                station.give(task)
                continue
            if self._listed and self._listed.over:
                for station in takers:
                    station.finish()
            return

    def _takers(self) -> list[_Station]:
        """Give the engines that can be given more; those that have nothing in hand get suspects first."""
        takers = []
        for station in self._stations:
            if station.ready and not station.finishing:
                if not station.in_hand:
                    station.quarantine = False
                    self._deal_suspects(station)
                if not station.quarantine:
                    takers.append(station)
        return takers

    def _deal_suspects(self, station: _Station) -> None:
        if self._suspects:
            station.quarantine = True
            for task in self._suspects.popleft():
                station.give(task)
            # Its batches need not fill: it ends after these, and is started again if there is more to do.
            station.finish()

    def _note_ready(self, station: _Station, message: Ready) -> None:
        station.ready = True
        self._encoder = message.description.get("encoder", {}).get("library")
        station.settings = station.settings.with_encoder(self._encoder)
        self.description = {**message.description, "engines": len(self._settings)}

    def _ended(self, station: _Station) -> Iterator[tuple[int, Outcome]]:
        """An engine is through, or dead: start it again if there is something to do for it."""
        code = station.child.close()
        left = station.left()
        self._telling.lost(left)
        if self._stopping:
            self._stations.remove(station)
        elif station.done and (station.quarantine or self._suspects):
            station.start()
        elif station.done:
            self._stations.remove(station)
            self._retired.append(station)
        else:
            station.deaths += 1
            self._figures["deaths"] += 1
            cause = str(station.complaint or cause_of_death(code))
            yield from self._suspect(left, station, cause)
            # What befalls an engine that could load the model, a fresh process may cure.
            may_recover = station.ready or station.proven or station.complaint is None
            if station.deaths < _MOST_DEATHS and may_recover:
                station.start()
            else:
                self._give_up(station, cause)

    def _suspect(self, left: list[Task], station: _Station, cause: str) -> Iterator[tuple[int, Outcome]]:
        """Halve what an engine died over; a recording that was alone in its hands is at fault."""
        # An engine that never did anything proves nothing against a recording, nor does one that had come on with it.
        if len(left) == 1 and station.quarantine and station.proven and not station.homes:
            ((key, recording),) = left
            message = f"the engine died over it ({cause})"
            yield key, Failure(recording.id, recording.name, "engine", "EngineDied", message)
        elif left:
            middle = len(left) // 2
            self._suspects.extend(half for half in (left[:middle], left[middle:]) if half)

    def _give_up(self, station: _Station, cause: str) -> None:
        self._stations.remove(station)
        if not self._stations and self._retired:
            # The others were through already; one of them comes back for what this one leaves.
            self._stations.append(self._retired.pop())
            self._stations[0].start()
        if not self._stations:
            raise EngineError(f"no engine is left ({cause})")


def _carried_bytes(task: Task) -> int:
    return carried_bytes(task[1].audio)
