"""All stages on the nodes of a Ray cluster: shards of references go out, and their lines come back as parts.

Each engine is an actor with the cores and the GPU that Ray gave it; in it runs what runs here, a fleet of one. Audio
and features stay on the node. An engine that is lost costs its shards in hand, which others do again; a node that joins
gets engines, and one that cannot take part is left out.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from typing import Any

from anime_whisper_ct2.errors import EngineError, InputError, OutputError
from anime_whisper_ct2.executors import Listed, Result, Task
from anime_whisper_ct2.executors.cluster.actor import NodeEngine
from anime_whisper_ct2.executors.cluster.connection import ClusterNode, connect, disconnect, nodes, shared
from anime_whisper_ct2.executors.cluster.engines import Lost, Message, Opened, Packed, RemoteEngine, Unfit
from anime_whisper_ct2.executors.cluster.messages import Ended, Raised, Rest, ShardDone, Terms
from anime_whisper_ct2.executors.cluster.shards import cut
from anime_whisper_ct2.executors.ladder import Ladder
from anime_whisper_ct2.lines import Part
from anime_whisper_ct2.metrics import Counts
from anime_whisper_ct2.options import EngineOptions, FrontendOptions, RayOptions
from anime_whisper_ct2.records import Container, Failure, Outcome, Tick
from anime_whisper_ct2.storage import open_storage
from anime_whisper_ct2.storage.parts import Parts, probe_name

__all__ = ["RayExecutor"]

TICK_S = 0.1
# How often the cluster is asked which nodes it has, and for how long it may have none that fits.
_SURVEY_EVERY_S = 2.0
_PATIENCE_S = 60.0
# Shards that an engine has in hand, so that it never runs empty; each is to keep it busy for so long.
_AHEAD = 3
_SHARD_TIME_S = 20.0
_FIRST_SHARD_S, _LEAST_SHARD_S, _MOST_SHARD_S = 60.0, 30.0, 36_000.0
_MOST_ATTEMPTS = 3
# Deaths in a row, without a part written between them, after which nothing more is tried in that place.
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
        self._inbox: queue.Queue[tuple[RemoteEngine, Message]] = queue.Queue(maxsize=64)
        self._engines: dict[_Slot, RemoteEngine] = {}
        self._deaths: Counter[_Slot] = Counter()
        self._left_out: set[str] = set()
        self._waiting: deque[Packed] = deque()
        self._listed: queue.Queue[Packed | BaseException | None] = queue.Queue(maxsize=8)
        self._exhausted = False
        self._stopping = False
        self._ours = False
        self._target_s = _FIRST_SHARD_S
        self._done_at: dict[RemoteEngine, float] = {}
        self._surveyed = -_SURVEY_EVERY_S
        self._alone_since: float | None = None
        self._error: Exception | None = None
        self._figures: Counter[str] = Counter()
        self._per_node: dict[str, Counts] = {}
        self.ladder = Ladder()
        self.description: dict[str, Any] = {}
        self._device = ""

    def open(self) -> None:
        """Connect, and wait until one engine has loaded the model; the others follow while it works.

        Raises InputError for a cluster that is not there or has no place for an engine, and else what was wrong on the
        last node that could not take part.
        """
        self._ours = connect(self._options)
        self._device = self._resolved_device(nodes())
        self._storage.write(probe_name(self._terms.token), b"")
        self._shared_rest = shared(self._rest)
        while not self._stopping and not any(engine.opened for engine in self._engines.values()):
            self._survey()
            with contextlib.suppress(queue.Empty):
                engine, message = self._inbox.get(timeout=TICK_S)
                if isinstance(message, Opened):
                    self._note_opened(engine, message)
                else:
                    list(self._lost(engine, message))

    @property
    def figures(self) -> dict[str, Any]:
        """What `run.json` says beside the totals, summed over the engines, and what each node did."""
        names = ("memory_halvings", "engine_deaths", "engines_lost")
        per_node = {host: {"done": counts.done, "failed": counts.failed} for host, counts in self._per_node.items()}
        return {**{name: self._figures[name] for name in names}, **self.ladder.figures, "nodes": per_node}

    def run(self, tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Give parts as they are written, what containers held, and failures of what no engine survived."""
        # Never joined: it may be waiting in the caller's iterable, for as long as that likes.
        threading.Thread(target=self._list, args=(tasks,), name="shards", daemon=True).start()
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
            match message:
                case Opened():
                    self._note_opened(engine, message)
                case Part():
                    self._deaths[self._slot(engine)] = 0
                    self._per_node.setdefault(engine.node.host, Counts()).add(message.counts)
                    yield message
                case ShardDone():
                    self._measure(engine, engine.in_hand.pop(message.number))
                    if message.listed != Listed():
                        yield message.listed
                case Ended():
                    self._note_ended(engine, message)
                case _:
                    yield from self._lost(engine, message)

    def stop(self) -> None:
        """Begin nothing new: the engines finish what they have in hand, and `run` ends with the parts of it."""
        self._stopping = True

    def close(self) -> None:
        """End the engines and leave the cluster; what is in the output stays."""
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()
        with contextlib.suppress(OutputError):
            self._storage.remove([probe_name(self._terms.token)])
        if self._ours:
            disconnect()

    def _resolved_device(self, found: Iterable[ClusterNode]) -> str:
        device: str = self._terms.settings.engine.device
        with_gpu = any(node.gpus for node in found)
        if device == "cuda" and not with_gpu:
            raise InputError(
                "the Ray cluster has no GPU; start its nodes with `ray start --num-gpus N`, or use --device cpu"
            )
        return device if device != "auto" else "cuda" if with_gpu else "cpu"

    def _survey(self) -> None:
        """Open engines where there is room for one; the second on a node waits for the model that the first got."""
        if time.monotonic() - self._surveyed < _SURVEY_EVERY_S:
            return
        self._surveyed = time.monotonic()
        for node in nodes():
            share = self._share(node)
            places = node.gpus if self._device == "cuda" else node.cpus // share
            known = [engine for (id_, _), engine in self._engines.items() if id_ == node.id]
            for number in range(places if any(engine.opened for engine in known) else min(1, places)):
                slot = (node.id, number)
                if slot not in self._engines and node.id not in self._left_out and self._deaths[slot] < _MOST_DEATHS:
                    terms = replace(self._terms, settings=self._settings(share))
                    parts = Parts(self._storage)
                    self._engines[slot] = RemoteEngine(
                        node, share, terms, self._shared_rest, self._here, parts, self._inbox
                    )
        if self._engines:
            self._alone_since = None
            return
        self._alone_since = self._alone_since or time.monotonic()
        # What is wrong with every node will not change by waiting; nodes that are gone may come back.
        if self._left_out or time.monotonic() - self._alone_since > _PATIENCE_S:
            raise self._error or EngineError(
                f"the Ray cluster has had no node with {self._needs} for {_PATIENCE_S:.0f} s; "
                "what is finished is kept, and the same command goes on"
            )

    @property
    def _needs(self) -> str:
        return "a GPU" if self._device == "cuda" else f"{self._options.cpus or 1} CPUs"

    def _share(self, node: ClusterNode) -> int:
        """Give the cores of a node for each of its engines: all for the one that computes on them, or a GPU's part."""
        if self._options.cpus:
            return self._options.cpus
        return max(1, node.cpus // max(1, node.gpus) if self._device == "cuda" else node.cpus)

    def _settings(self, cpus: int) -> Any:
        settings = self._terms.settings
        workers = settings.frontend.workers
        frontend = FrontendOptions(
            min(16, max(1, cpus - 1)) if workers is None else workers, settings.frontend.time_limit_s
        )
        engine: EngineOptions = settings.engine
        if self._device == "cuda":
            engine = replace(engine, device="cuda", gpus=(0,))
        else:
            engine = replace(engine, device="cpu", cpu_threads=engine.cpu_threads or cpus)
        return replace(settings, engine=engine, frontend=frontend)

    def _list(self, tasks: Iterable[Task]) -> None:
        """Cut the corpus ahead of the engines, and put its end, or what it raised, behind the last shard."""
        end: BaseException | None = None
        try:
            for shard in cut(tasks, lambda: self._target_s):
                if not self._put_listed(Packed.of(shard)):
                    return
        except BaseException as error:  # reaches the caller through the queue
            end = error
        self._put_listed(end)

    def _put_listed(self, item: Packed | BaseException | None) -> bool:
        while not self._stopping:
            with contextlib.suppress(queue.Full):
                self._listed.put(item, timeout=TICK_S)
                return True
        return False

    def _deal(self) -> None:
        ready = [engine for engine in self._engines.values() if engine.opened and not engine.finishing]
        if self._stopping:
            for engine in ready:
                engine.stop()
            return
        while ready:
            engine = min(ready, key=lambda one: len(one.in_hand))
            if len(engine.in_hand) >= _AHEAD:
                return
            shard = self._next_shard()
            if shard is None:
                break
            if not engine.in_hand:
                self._done_at[engine] = time.monotonic()
            engine.give(shard)
        if self._is_over():
            for engine in ready:
                engine.finish()

    def _next_shard(self) -> Packed | None:
        """Give the next shard; None at the end, and while none is listed."""
        if self._waiting:
            return self._waiting.popleft()
        if self._exhausted:
            return None
        try:
            shard = self._listed.get_nowait()
        except queue.Empty:
            return None
        if isinstance(shard, BaseException):
            raise shard
        self._exhausted = shard is None
        return shard

    def _is_over(self) -> bool:
        """Whether every shard is done."""
        busy = any(engine.in_hand for engine in self._engines.values())
        return self._exhausted and not self._waiting and not busy

    def _is_through(self) -> bool:
        """Whether nothing is left to wait for; engines that are still being opened are not needed then."""
        opened = any(engine.opened for engine in self._engines.values())
        return (self._stopping or self._is_over()) and not opened

    def _measure(self, engine: RemoteEngine, shard: Packed) -> None:
        """Make shards as long as engines take some 20 s for."""
        now = time.monotonic()
        took_s = max(0.01, now - self._done_at.get(engine, now))
        self._done_at[engine] = now
        if shard.estimated_s:
            wanted_s = min(_MOST_SHARD_S, max(_LEAST_SHARD_S, shard.estimated_s / took_s * _SHARD_TIME_S))
            self._target_s = (self._target_s + wanted_s) / 2

    def _note_opened(self, engine: RemoteEngine, message: Opened) -> None:
        engine.opened = True
        engines = 1 + int(self.description.get("engines", 0))
        self.description = {**message.description, "engines": engines}
        # Its neighbours have waited for it.
        self._surveyed = -_SURVEY_EVERY_S

    def _note_ended(self, engine: RemoteEngine, message: Ended) -> None:
        for name in ("memory_halvings", "engine_deaths"):
            self._figures[name] += message.figures.get(name, 0)
        self.ladder.add(message.ladder)
        del self._engines[self._slot(engine)]
        engine.close()

    def _lost(self, engine: RemoteEngine, message: Message) -> Iterator[tuple[int, Outcome] | Listed]:
        """Put back what an engine had in hand; a shard that engines are lost over again and again has failed."""
        slot = self._slot(engine)
        if self._engines.get(slot) is not engine:
            return
        if isinstance(message, (Raised, Unfit)):
            self._error = message.error
            # A corpus that cannot be read and a full disk stop a run here, too.
            if engine.opened and isinstance(message.error, (InputError, OutputError)):
                raise message.error
        if isinstance(message, Unfit) and not engine.opened:
            self._left_out.add(engine.node.id)
            self._note(f"node {engine.node.host} is left out: {message.error}")
        else:
            cause = message.cause if isinstance(message, Lost) else self._error
            self._note(f"an engine on node {engine.node.host} was lost ({cause})")
            self._figures["engines_lost"] += 1
        self._deaths[slot] += 1
        del self._engines[slot]
        engine.close()
        if self._deaths[slot] >= _MOST_DEATHS:
            self._left_out.add(engine.node.id)
        for packed in engine.in_hand.values():
            shard = packed.unpacked()
            shard = replace(shard, attempt=shard.attempt + 1)
            if shard.attempt < _MOST_ATTEMPTS:
                self._waiting.append(Packed.of(shard))
                continue
            why = f"{_MOST_ATTEMPTS} engines were lost over the shard that it was in"
            for recording in shard.recordings:
                if isinstance(recording.audio, Container):
                    yield Listed(found=1)
                yield 0, Failure(recording.id, recording.name, "engine", "EngineLost", why)

    def _slot(self, engine: RemoteEngine) -> _Slot:
        return next((slot for slot, held in self._engines.items() if held is engine), ("", -1))
