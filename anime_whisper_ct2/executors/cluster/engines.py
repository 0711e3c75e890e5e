"""An engine on a node, as the run sees it: opened, given shards, and listened to in a thread of its own."""

from __future__ import annotations

import contextlib
import pickle
import queue
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from anime_whisper_ct2.errors import Awct2Error, EngineError
from anime_whisper_ct2.executors.cluster.actor import NodeEngine
from anime_whisper_ct2.executors.cluster.connection import ClusterNode
from anime_whisper_ct2.executors.cluster.messages import Ended, Event, Node, PartWritten, Shard, Terms
from anime_whisper_ct2.output.lines import Part
from anime_whisper_ct2.output.storage import Storage
from anime_whisper_ct2.output.storage.parts import Parts
from anime_whisper_ct2.records import Container

# How long an engine that has no news keeps a question waiting.
_PATIENCE_S = 5.0
_MODEL_BLOCK_BYTES = 32 << 20
# Calls that may be under way in an engine at a time: a question for news, and others beside it.
_CALLS = 4


@dataclass(frozen=True, slots=True)
class Opened:
    """The model is loaded."""

    description: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unfit:
    """The node cannot take part: what is installed, mounted or configured there is wrong."""

    error: Awct2Error


@dataclass(frozen=True, slots=True)
class Lost:
    """The engine, or its node, is gone, and what it had in hand with it."""

    cause: str


@dataclass(frozen=True, slots=True)
class Written:
    """Lines of a shard are there."""

    number: int
    part: Part


Message: TypeAlias = Opened | Unfit | Lost | Written | Event


@dataclass(frozen=True, slots=True)
class Packed:
    """A shard as bytes, a quarter of its size: of each engine some are kept, in case it is lost."""

    number: int
    estimated_s: float
    is_container: bool
    content: bytes
    attempt: int = 0

    @classmethod
    def of(cls, shard: Shard) -> Packed:
        """Pack a shard."""
        is_container = isinstance(shard.recordings[0].audio, Container)
        return cls(shard.number, shard.estimated_s, is_container, pickle.dumps(shard, protocol=5))

    def unpacked(self) -> Shard:
        """Give the shard."""
        shard: Shard = pickle.loads(self.content)
        return shard


class RemoteEngine:
    """One engine on a node, with `cpus` cores of it, and a GPU where `terms` want one; `rest` is a shared `Rest`.

    Everything that happens to it comes into `inbox`; of parts, their content. `Unfit`, `Lost` and `Ended` are the last.
    """

    def __init__(
        self,
        node: ClusterNode,
        cpus: int,
        terms: Terms,
        rest: Any,
        here: Node,
        storage: Storage,
        inbox: queue.Queue[tuple[RemoteEngine, Message]],
    ) -> None:
        self.node = node
        self.opened = False
        self.finishing = False
        self.in_hand: dict[int, Packed] = {}
        # Audio done, the time that it took, and since when that is to be counted on.
        self._done_s = self._busy_s = self._since_s = 0.0
        self._terms, self._rest, self._here, self._parts, self._inbox = terms, rest, here, Parts(storage), inbox
        self._closed = False
        self._actor = _actor(node, cpus, gpu=terms.settings.engine.device == "cuda")
        threading.Thread(target=self._serve, name=f"engine-{node.host}", daemon=True).start()

    def give(self, shard: Packed) -> None:
        """Hand over a shard."""
        if not self.in_hand:
            self._since_s = time.monotonic()
        self.in_hand[shard.number] = shard
        self._actor.give.remote(shard.content, shard.number, shard.attempt)

    def take_back(self, number: int) -> float:
        """Take a shard that is done out of its hands, and give its speed so far, in times of real time.

        Shards end together, since batches reach across them, so that the time of a single one would say nothing.
        """
        now = time.monotonic()
        self._busy_s += now - self._since_s
        self._since_s = now
        self._done_s += self.in_hand.pop(number).estimated_s
        return self._done_s / max(0.01, self._busy_s)

    @property
    def is_suspicious(self) -> bool:
        """Whether it has a shard in hand that an engine was lost over, which it is to do alone."""
        return any(shard.attempt for shard in self.in_hand.values())

    def finish(self) -> None:
        """Say that no shard will come any more."""
        if not self.finishing:
            self.finishing = True
            self._actor.finish.remote()

    def stop(self) -> None:
        """Have it finish what is in hand, and nothing else."""
        if not self.finishing:
            self.finishing = True
            self._actor.stop.remote()

    def close(self) -> None:
        """End it at once."""
        import ray  # noqa: PLC0415 - as everywhere

        self._closed = True
        with contextlib.suppress(Exception):  # it may be gone
            ray.kill(self._actor)

    def _serve(self) -> None:
        import ray  # noqa: PLC0415 - as everywhere

        try:
            self._say(Opened(self._open()))
            while not self._closed:
                for event in ray.get(self._actor.news.remote(_PATIENCE_S)):
                    if isinstance(event, PartWritten):
                        self._say(Written(event.number, self._parts.read(event.name)))
                    else:
                        self._say(event)
                    if isinstance(event, Ended):
                        return
        except ray.exceptions.RayTaskError as error:
            self._say(Unfit(_shown(error.cause)))
        except ray.exceptions.RayError as error:
            if "No module named 'anime_whisper_ct2" in str(error):
                self._say(Unfit(EngineError(f"there is no anime-whisper-ct2 {self._version}; install it there")))
            else:
                self._say(Lost(f"its process or its node is gone: {type(error).__name__}"))
        except Exception as error:  # whatever it is, the run should be able to say it
            self._say(Unfit(_shown(error)))

    @property
    def _version(self) -> str:
        return self._here.versions["anime-whisper-ct2"]

    def _say(self, message: Message) -> None:
        while not self._closed:
            with contextlib.suppress(queue.Full):
                self._inbox.put((self, message), timeout=1.0)
                return

    def _open(self) -> dict[str, Any]:
        import ray  # noqa: PLC0415 - as everywhere

        actor = self._actor
        there: Node = ray.get(actor.node.remote())
        # With others, a node would give other texts, or not understand what it is sent.
        for name, version in self._here.versions.items():
            if there.versions.get(name) != version:
                raise EngineError(f"{name} is {there.versions.get(name)} there and {version} here; install the same")
        terms = self._terms
        model = ray.get(actor.has_model.remote(terms.settings.model, terms.fingerprint)) or self._send_model()
        terms = replace(terms, settings=replace(terms.settings, model=model))
        description: dict[str, Any] = ray.get(actor.open.remote(terms, self._rest))
        return description

    def _send_model(self) -> str:
        import ray  # noqa: PLC0415 - as everywhere

        fingerprint = self._terms.fingerprint
        for path in sorted(filter(Path.is_file, Path(self._terms.settings.model).iterdir())):
            with path.open("rb") as file:
                at = 0
                # An empty file is sent, too: as one empty block.
                while (block := file.read(_MODEL_BLOCK_BYTES)) or not at:
                    ray.get(self._actor.take_model.remote(fingerprint, path.name, at, block))
                    at += len(block)
                    if not block:
                        break
        place: str = ray.get(self._actor.finish_model.remote(fingerprint))
        return place


def _shown(error: BaseException) -> Awct2Error:
    """Give an error that can be shown as it is."""
    if isinstance(error, Awct2Error):
        return error
    return EngineError(" ".join(f"{type(error).__name__}: {error}".split())[:300])


def _actor(node: ClusterNode, cpus: int, *, gpu: bool) -> Any:
    import ray  # noqa: PLC0415 - an extra, and slow to load
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

    options = {
        "num_cpus": cpus,
        "num_gpus": int(gpu),
        "max_concurrency": _CALLS,
        # The run itself sees to what is lost; Ray would keep it waiting for a node like the one that is gone.
        "max_restarts": 0,
        "scheduling_strategy": NodeAffinitySchedulingStrategy(node.id, soft=False),
    }
    return ray.remote(NodeEngine).options(**options).remote()
