"""Whoever answers in a cluster's place, or nobody, is named at once with what to do."""

from __future__ import annotations

import socket
import sys
import threading

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.executors.cluster.connection import connect
from anime_whisper_ct2.options import RayOptions
from tests.support.pretend_ray import install


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r'pip install "ray\[data\]"'):
        connect(RayOptions())


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_who_is_no_ray_is_seen_at_once(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    install(monkeypatch).is_initialized = lambda: False  # type: ignore[method-assign] # nobody has connected
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1_024)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(InputError, match=r"no Ray cluster|nobody answers"):
            connect(RayOptions(f"127.0.0.1:{server.getsockname()[1]}"))
        thread.join()


def test_where_no_cluster_runs_ways_to_one_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def finds_none(**_: object) -> None:
        raise ConnectionError("Could not find any running Ray instance")

    ray = install(monkeypatch)
    ray.is_initialized = lambda: False  # type: ignore[method-assign] # nobody has connected
    ray.init = finds_none  # type: ignore[attr-defined] # only here
    with pytest.raises(InputError, match=r"no Ray cluster here: .*ray start --head.*--ray local"):
        connect(RayOptions())


def test_where_nobody_listens_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch).is_initialized = lambda: False  # type: ignore[method-assign] # nobody has connected
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(InputError, match=f"nobody answers at 127.0.0.1:{port}.*ray start --head"):
        connect(RayOptions(f"127.0.0.1:{port}"))
