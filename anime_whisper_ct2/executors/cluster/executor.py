"""The executor over a Ray cluster: which engine gets which shard, and what becomes of those that engines are lost over.

One thread decides; the engines are listened to in threads of their own (`engines`), and all they say comes into one
inbox.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from typing import Any

from anime_whisper_ct2.errors import Awct2Error, EngineError, InputError, OutputError
from anime_whisper_ct2.executors import Result, Task
from anime_whisper_ct2.executors.cluster.actor import NodeEngine
from anime_whisper_ct2.executors.cluster.ahead import ShardsAhead
from anime_whisper_ct2.executors.cluster.connection import connect, disconnect, nodes, shared
from anime_whisper_ct2.executors.cluster.contents import Contents
from anime_whisper_ct2.executors.cluster.engines import Lost, Message, Opened, Packed, RemoteEngine, Unfit, Written
from anime_whisper_ct2.executors.cluster.messages import Ended, Raised, Rest, ShardDone, Terms
from anime_whisper_ct2.executors.cluster.places import Places
from anime_whisper_ct2.executors.cluster.shards import failures
from anime_whisper_ct2.executors.ladder import Ladder
from anime_whisper_ct2.options import RayOptions
from anime_whisper_ct2.output.metrics import Counts
from anime_whisper_ct2.output.storage import open_storage
from anime_whisper_ct2.output.storage.parts import probe_name
from anime_whisper_ct2.records import Tick, Worked

TICK_S = 0.1
# How often the cluster is asked which nodes it has, for how long it may have none that fits, and when that is told.
_SURVEY_EVERY_S = 2.0
_PATIENCE_S = 60.0
_TOLD_AFTER_S = 20.0
# Shards that an engine has in hand at least, so that it never runs empty, and how much audio, so that its batches fill
# while shards are small; a container is taken for so much.
_AHEAD, _AHEAD_S = 3, 600.0
# Engines that may be lost over a shard, the first in company and the others alone with it.
_MOST_ATTEMPTS = 3
# Deaths in a row, without a part written between them, after which nothing more is tried on that node.
_MOST_DEATHS = 3

_Slot = tuple[str, int]


class RayExecutor:
    """Takes recordings through engines on a cluster.

    `terms` and `rest` are for every engine, but that each gets the cores and the GPU of its place. `note` gets what a
    user should know of nodes, a line each. `run` gives parts, and of containers what was listed; it raises EngineError
    when no engine is left, and `open` when there is none to begin with.
    """

    def __init__(
        self,
        terms: Terms,
        rest: Rest,
        options: RayOptions,
        note: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._terms = terms
        self._rest = rest
        self._options = options
        self._note = note
        self._storage = open_storage(terms.place)
        self._here = NodeEngine().node()
        # Bounded, because parts come with their lines.
        self._inbox: queue.Queue[tuple[RemoteEngine, Message]] = queue.Queue(maxsize=64)
        self._engines: dict[_Slot, RemoteEngine] = {}
        self._deaths: Counter[_Slot] = Counter()
        self._left_out: dict[str, Awct2Error] = {}
        self._ahead = ShardsAhead()
        self._contents = Contents()
        # Shards that engines were lost over.
        self._suspects: deque[Packed] = deque()
        self._stopping = False
        self._ours = False
        # So that the first survey is due at once.
        self._surveyed_s = -_SURVEY_EVERY_S
        self._alone_since_s: float | None = None
        self._figures: Counter[str] = Counter()
        self._per_node: dict[str, Counts] = {}
        self.worked = Worked()
        self.ladder = Ladder()
        self.description: dict[str, Any] = {}

    def open(self) -> None:
        """Connect, and wait until one engine has loaded the model; the others follow while it works.

        Raises InputError for a cluster that is not there or has no place for an engine, and else what was wrong on the
        last node that could not take part.
        """
        self._ours = connect(self._options)
        self._places = Places.of(self._terms.settings, self._options, nodes())
        # A node that does not see this file has another folder at that path.
        self._storage.write(probe_name(self._terms.token), b"")
        self._shared_rest = shared(self._rest)
        told_s = time.monotonic() + _TOLD_AFTER_S
        while not self._stopping and not any(engine.opened for engine in self._engines.values()):
            self._survey()
            if time.monotonic() > told_s:
                told_s = float("inf")
                self._note(
                    f"no engine is ready yet: waiting for a node with {self._places.needs} that nobody else uses, "
                    "or for the model to be loaded there"
                )
            with contextlib.suppress(queue.Empty):
                engine, message = self._inbox.get(timeout=TICK_S)
                if isinstance(message, Opened):
                    self._note_opened(engine, message)
                else:
                    # It had nothing in hand yet; all that is wanted is what becomes of its node.
                    list(self._lost(engine, message))

    @property
    def figures(self) -> dict[str, Any]:
        """What `run.json` says beside the totals, summed over the engines, and what each node did."""
        names = ("memory_halvings", "engine_deaths", "engines_lost")
        per_node = {host: {"done": counts.done, "failed": counts.failed} for host, counts in self._per_node.items()}
        counts = {name: self._figures[name] for name in names}
        return {**counts, **self.worked.figures, **self.ladder.figures, "nodes": per_node}

    def run(self, tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Give parts as they are written, and what containers held, each recording before the part that it is in."""
        self._ahead.start(tasks)
        while True:
            if not self._stopping and not self._is_over():
                self._survey()
            self._deal()
            if self._is_through():
                return
            try:
                engine, message = self._inbox.get(timeout=TICK_S)
            except queue.Empty:
                yield Tick()
                continue
            # Of an engine that was given up, everything will be done again.
            if engine in self._engines.values():
                yield from self._results(engine, message)

    def stop(self) -> None:
        """Begin nothing new: the engines finish what they have in hand, and `run` ends with the parts of it."""
        self._stopping = True
        self._ahead.stop()

    def close(self) -> None:
        """End the engines and leave the cluster; what is in the output stays."""
        self._ahead.stop()
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()
        with contextlib.suppress(OutputError):
            self._storage.remove([probe_name(self._terms.token)])
        if self._ours:
            disconnect()

    def _results(self, engine: RemoteEngine, message: Message) -> Iterator[Result]:
        match message:
            case Opened():
                self._note_opened(engine, message)
            case Written(number=number, part=part):
                self._deaths[self._slot(engine)] = 0
                self._per_node.setdefault(engine.node.host, Counts()).add(part.counts)
                yield self._contents.part(number, part)
                yield part
            case ShardDone(number=number, listed=listed):
                self._ahead.measure(engine.take_back(number))
                yield self._contents.end(number, listed)
            case Ended():
                self._note_ended(engine, message)
            case _:
                yield from self._lost(engine, message)

    def _survey(self) -> None:
        """Open engines where there is room for one; the second on a node waits for the model that the first got.

        Raises what is wrong with the nodes where none can take part, and EngineError when there has been none for long.
        """
        now_s = time.monotonic()
        if now_s - self._surveyed_s < _SURVEY_EVERY_S:
            return
        self._surveyed_s = now_s
        able = [node for node in nodes() if self._places.count(node)]
        for node in able:
            count = self._places.count(node)
            known = [engine for (id_, _), engine in self._engines.items() if id_ == node.id]
            for number in range(count if any(engine.opened for engine in known) else 1):
                slot = (node.id, number)
                if slot not in self._engines and node.id not in self._left_out:
                    terms = replace(self._terms, settings=self._places.settings_on(node))
                    self._engines[slot] = RemoteEngine(
                        node, self._places.cores(node), terms, self._shared_rest, self._here, self._storage, self._inbox
                    )
        if self._engines:
            self._alone_since_s = None
            return
        # What is wrong with every node will not change by waiting; nodes that are gone may come back.
        if able:
            raise self._left_out[able[-1].id]
        self._alone_since_s = self._alone_since_s or now_s
        if now_s - self._alone_since_s > _PATIENCE_S:
            raise EngineError(f"the Ray cluster has had no node with {self._places.needs} for {_PATIENCE_S:.0f} s")

    def _deal(self) -> None:
        ready = [engine for engine in self._engines.values() if engine.opened and not engine.finishing]
        if self._stopping:
            for engine in ready:
                engine.stop()
            return
        for engine in ready:
            if self._suspects and not engine.in_hand:
                engine.give(self._suspects.popleft())
        others = [engine for engine in ready if not engine.is_suspicious]
        if self._suspects and others:
            # It does what it has in hand, and then one of them, alone.
            others.remove(min(others, key=_held_s))
        while others:
            engine = min(others, key=_held_s)
            if len(engine.in_hand) >= _AHEAD and _held_s(engine) >= _AHEAD_S:
                break
            shard = self._ahead.next()
            if shard is None:
                break
            if shard.is_container:
                self._contents.begin(shard.number)
            engine.give(shard)
        if self._is_over():
            for engine in ready:
                engine.finish()

    def _is_over(self) -> bool:
        """Whether every shard is done."""
        busy = any(engine.in_hand for engine in self._engines.values())
        return self._ahead.exhausted and not self._suspects and not busy

    def _is_through(self) -> bool:
        """Whether nothing is left to wait for; engines that are still being opened are not needed then."""
        opened = any(engine.opened for engine in self._engines.values())
        return (self._stopping or self._is_over()) and not opened

    def _note_opened(self, engine: RemoteEngine, message: Opened) -> None:
        engine.opened = True
        engines = 1 + int(self.description.get("engines", 0))
        self.description = {**message.description, "engines": engines}
        # Its neighbours have waited for it.
        self._surveyed_s = -_SURVEY_EVERY_S

    def _note_ended(self, engine: RemoteEngine, message: Ended) -> None:
        for name in ("memory_halvings", "engine_deaths"):
            self._figures[name] += message.figures.get(name, 0)
        self.worked += message.worked
        self.ladder.add(message.ladder)
        del self._engines[self._slot(engine)]
        engine.close()

    def _lost(self, engine: RemoteEngine, message: Message) -> Iterator[Result]:
        """Put aside what an engine had in hand; a shard that engines are lost over again and again has failed."""
        slot = self._slot(engine)
        error = message.error if isinstance(message, (Raised, Unfit)) else None
        if engine.opened and isinstance(error, InputError):
            raise error  # a corpus that cannot be read stops a run here, too
        if engine.opened and isinstance(error, OutputError):
            # Raises where the output is full or gone for all, and not for that node alone.
            self._storage.write(probe_name(self._terms.token), b"")
        del self._engines[slot]
        engine.close()
        again = [replace(shard, attempt=shard.attempt + 1) for shard in engine.in_hand.values()]
        failed = [shard for shard in again if shard.attempt >= _MOST_ATTEMPTS]
        self._suspects.extend(shard for shard in again if shard.attempt < _MOST_ATTEMPTS)
        if isinstance(message, Unfit) and not engine.opened:
            self._leave_out(engine, message.error)
        else:
            cause = error or (message.cause if isinstance(message, Lost) else type(message).__name__)
            self._note(f"an engine on node {engine.node.host} was lost ({cause})")
            self._figures["engines_lost"] += 1
            # Where a shard is to blame, the place is not.
            self._deaths[slot] = 0 if failed else self._deaths[slot] + 1
            if self._deaths[slot] >= _MOST_DEATHS:
                self._leave_out(engine, EngineError(f"{_MOST_DEATHS} engines in a row were lost there ({cause})"))
        for shard in failed:
            why = f"{_MOST_ATTEMPTS} engines were lost over the shard that it was in"
            part = failures(shard.unpacked(), f"{self._terms.token}-{shard.number:08d}-{shard.attempt}", why)
            # What of it was done before is known to whoever takes this.
            yield self._contents.part(shard.number, part)
            yield part
            self._contents.give_up(shard.number)

    def _leave_out(self, engine: RemoteEngine, error: Awct2Error) -> None:
        host = engine.node.host
        self._note(f"node {host} is left out: {error}")
        kind = next(kind for kind in (InputError, OutputError, EngineError, Awct2Error) if isinstance(error, kind))
        said = str(error)
        self._left_out[engine.node.id] = kind(
            f"no node of the Ray cluster can take part: {'' if host in said else f'{host}: '}{said}"
        )

    def _slot(self, engine: RemoteEngine) -> _Slot:
        return next(slot for slot, held in self._engines.items() if held is engine)


def _held_s(engine: RemoteEngine) -> float:
    return sum(_AHEAD_S if shard.is_container else shard.estimated_s for shard in engine.in_hand.values())
