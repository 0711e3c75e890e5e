"""Ray, as far as a run on a cluster sees it, in threads of this process; and engines that answer or die at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.ladder import Ladder
from anime_whisper_ct2.records import Failure, Outcome, Tick, Unreadable, Worked
from tests.support.runs import short

# What `Terms.opener` names.
INSTANT = "tests.support.pretend_ray:instant"
PATIENCE_S = 30.0


class RayError(Exception):
    """As in `ray.exceptions`."""


class RayTaskError(RayError):
    """What was raised on a node."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class ActorDiedError(RayError):
    """The actor is gone."""


class Actor:
    """An object whose methods run in threads, until it is killed."""

    def __init__(self, held: Any) -> None:
        self.held = held
        self._threads = ThreadPoolExecutor(4)
        self._lock = threading.Lock()
        self._open: set[Future[Any]] = set()
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *arguments: self._call(name, arguments))

    def _call(self, name: str, arguments: tuple[Any, ...]) -> Future[Any]:
        answer: Future[Any] = Future()
        with self._lock:
            if self.dead:
                answer.set_exception(ActorDiedError())
                return answer
            self._open.add(answer)
            # Under the lock: once it is dead, its threads take nothing more.
            self._threads.submit(self._work, answer, name, arguments)
        return answer

    def _work(self, answer: Future[Any], name: str, arguments: tuple[Any, ...]) -> None:
        try:
            result, error = getattr(self.held, name)(*arguments), None
        except Exception as raised:
            result, error = None, RayTaskError(raised)
        with self._lock:
            self._open.discard(answer)
            if self.dead:
                return
        if name == "open" and error is None:
            self.held._executor.die = self.kill
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    def kill(self) -> None:
        """End it: who waits for an answer learns of it."""
        with self._lock:
            self.dead, waiting = True, list(self._open)
            self._open.clear()
        for answer in waiting:
            answer.set_exception(ActorDiedError())
        self._threads.shutdown(wait=False)


class Pretend(ModuleType):
    """The module; `hosts` are the nodes that are there, with their cores."""

    def __init__(self, **hosts: int) -> None:
        super().__init__("ray")
        self.hosts = hosts
        self.actors: list[Actor] = []
        self.exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"NodeID": host, "NodeManagerHostname": host, "Alive": True, "Resources": {"CPU": float(cpus)}}
            for host, cpus in self.hosts.items()
        ]

    def is_initialized(self) -> bool:
        return True

    def put(self, value: object) -> object:
        return value

    def get(self, answer: Future[Any]) -> Any:
        return answer.result(PATIENCE_S)

    def kill(self, actor: Actor) -> None:
        actor.kill()

    def remote(self, kind: Callable[[], Any]) -> Any:
        def made() -> Actor:
            self.actors.append(Actor(kind()))
            return self.actors[-1]

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=made))


def install(patch: pytest.MonkeyPatch, **hosts: int) -> Pretend:
    """Put it in Ray's place."""
    module = Pretend(**hosts)
    strategies = ModuleType("ray.util.scheduling_strategies")
    strategies.NodeAffinitySchedulingStrategy = lambda *_, **__: None  # type: ignore[attr-defined] # made on the spot
    for name, one in (("ray", module), ("ray.util", ModuleType("ray.util")), (strategies.__name__, strategies)):
        patch.setitem(sys.modules, name, one)
    return module


class Instant:
    """An executor that answers at once; what becomes of a recording is in its id.

    `fails`: it fails; `once`: when it is tried for the first time; `kills`: the engine dies over it.
    """

    tried: set[str] = set()  # noqa: RUF012 - of all, and emptied by each test

    def __init__(self) -> None:
        self.description = {"device": "none"}
        self.figures = {"memory_halvings": 1}
        self.worked = Worked(span_s=8.0, waited_s=2.0)
        self.ladder = Ladder()
        self.die: Callable[[], None] = lambda: None
        self.stopped = False

    def run(self, tasks: Iterable[Task]) -> Generator[tuple[int, Outcome] | Tick, None, None]:
        for key, recording in tasks:
            id_ = recording.id
            first = id_ not in Instant.tried
            Instant.tried.add(id_)
            if "kills" in id_ and (first or "once" not in id_):
                self.die()
                return
            if isinstance(recording.audio, Unreadable):
                yield key, Failure(id_, recording.name, "read", recording.audio.error, recording.audio.message)
            elif "fails" in id_ and (first or "once" not in id_):
                yield key, Failure(id_, recording.name, "decode", "DecodeError", "no audio")
            else:
                yield key, short(id_)
            yield Tick()

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        pass


def instant(_settings: object) -> Instant:
    """Open one, whatever the settings."""
    return Instant()
