"""The door to Ray: connecting to a cluster, and what is in it."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from anime_whisper_ct2.errors import EngineError, InputError
from anime_whisper_ct2.options import RayOptions, available_cores
from anime_whisper_ct2.system import signals

_PATIENCE_S = 5.0
# How those who speak HTTP/2, as Ray's head does, greet each other: with settings, here none.
_SETTINGS = b"\0\0\0\4\0\0\0\0\0"
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _SETTINGS


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A node that is there: its id, a name for users, and what Ray may give away of it."""

    id: str
    host: str
    cpus: int
    gpus: int


def connect(options: RayOptions) -> bool:
    """Connect to a cluster; says whether this did it, and `disconnect` is to undo it.

    Raises InputError where there is no Ray, no cluster at that address, or one of another version.
    """
    ray = _ray()
    if ray.is_initialized():
        return False
    address = options.address
    if address not in ("auto", "local"):
        _check_answers(address)
    how = {"num_cpus": available_cores(), "include_dashboard": False} if address == "local" else {"address": address}
    try:
        with _signals_kept(), _address_alone(address):
            ray.init(**how, log_to_driver=False, logging_level="ERROR")
    except ConnectionError as error:
        where = "here" if address == "auto" else f"at {address}"
        raise InputError(
            f"no Ray cluster {where}: start one with `ray start --head`, give its address as --ray HOST:PORT, "
            "or have one for this run with --ray local"
        ) from error
    except RuntimeError as error:
        raise InputError(f"the Ray cluster cannot be used: {' '.join(str(error).split())[:300]}") from error
    return True


def disconnect() -> None:
    """Leave the cluster."""
    with _signals_kept():
        _ray().shutdown()


def nodes() -> Sequence[ClusterNode]:
    """Give the nodes that are alive. Raises EngineError when the cluster's head is gone."""
    try:
        alive = [node for node in _ray().nodes() if node["Alive"]]
    except Exception as error:  # the client raises whatever its connection does
        raise EngineError(f"the Ray cluster's head does not answer any more ({type(error).__name__})") from error
    return [
        ClusterNode(
            node["NodeID"],
            node.get("NodeManagerHostname") or node.get("NodeManagerAddress", "?"),
            int(node["Resources"].get("CPU", 0)),
            int(node["Resources"].get("GPU", 0)),
        )
        for node in alive
    ]


def shared(value: object) -> Any:
    """Give a reference to a value that every node fetches once, to be passed where the value is wanted."""
    return _ray().put(value)


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise InputError('--ray needs Ray: pip install "ray[data]"') from error
    return ray


def _check_answers(address: str) -> None:
    """Ask at once: Ray itself would try for minutes, whoever is there."""
    host, _, port = address.rpartition(":")
    remedy = "give the address that `ray start --head` printed"
    try:
        with socket.create_connection((host, int(port)), timeout=_PATIENCE_S) as connection:
            connection.sendall(_HELLO)
            answer = connection.recv(len(_SETTINGS))
    except (OSError, OverflowError) as error:
        raise InputError(
            f"nobody answers at {address} ({getattr(error, 'strerror', None) or error}); {remedy}"
        ) from error
    # Where connections are encrypted, it does not speak so.
    if answer[3:4] != _SETTINGS[3:4] and os.environ.get("RAY_USE_TLS", "0") == "0":
        raise InputError(f"what answers at {address} is no Ray cluster; {remedy}")


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep this process's own way to end: Ray puts handlers of its own in their place."""
    before = {number: signal.getsignal(number) for number in signals.ENDING}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():  # no other may set them, Ray's neither
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _address_alone(address: str) -> Iterator[None]:
    """Leave the environment's address out where a cluster for this run is wanted: it would be joined instead."""
    named = os.environ.pop("RAY_ADDRESS", None) if address == "local" else None
    try:
        yield
    finally:
        if named is not None:
            os.environ["RAY_ADDRESS"] = named
