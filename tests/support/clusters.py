"""A Ray cluster on loopback, in a process of its own that ends with its standard input, and all it started with it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.support.commands import environment
from tests.support.places import ROOT
from tests.support.processes import Running, wait_until

# Nothing is sent to Ray's makers, nobody has to log in, and a node that is gone is missed soon.
RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_ADDRESS": "",
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "3",
}
_STORE_BYTES = 100 << 20


@dataclass(slots=True)
class Cluster:
    """A cluster that takes commands; `env` is for commands that are to find it, and itself."""

    address: str
    env: dict[str, str]
    _running: Running
    _pipes: tuple[IO[str], IO[str]]

    def add(self, cpus: int = 2, **env: str) -> None:
        """Start a node, and wait until it is there."""
        self._tell("add", cpus=cpus, env=env)

    def remove(self) -> None:
        """Kill the node that was added last, and all that runs on it."""
        self._tell("remove")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hold the actors; nodes and drivers go on."""
        actors = []
        for pid in self._running.pids:
            with contextlib.suppress(OSError):
                if b"ray::NodeEngine" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGSTOP)
                    actors.append(pid)
        assert actors, "no actor is there"
        try:
            yield
        finally:
            for pid in actors:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _tell(self, command: str, **what: Any) -> None:
        to, back = self._pipes
        to.write(json.dumps({"command": command, **what}) + "\n")
        to.flush()
        assert back.readline() == "done\n"


@contextmanager
def cluster(*nodes: int, **env: str) -> Iterator[Cluster]:
    """Start a cluster with a head without cores, and nodes of so many declared cores each."""
    mark = uuid.uuid4().hex
    # A short name: Ray's sockets lie below it.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as temp:
        env = {**environment(**RAY, **env, AWCT2_TEST_RUN=mark), "RAY_TMPDIR": temp}
        env.pop("RAY_ADDRESS")
        log = Path(temp, "said")
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.clusters"],
                cwd=ROOT,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        running = Running(process, mark, log)
        assert process.stdin
        assert process.stdout
        try:
            address = process.stdout.readline().strip()
            assert address, log.read_text(errors="replace", encoding="utf-8")[-2_000:]
            shared = {name: env[name] for name in (*RAY, "RAY_TMPDIR") if name in env}
            started = Cluster(address, shared, running, (process.stdin, process.stdout))
            for cpus in nodes:
                started.add(cpus)
            yield started
        finally:
            process.stdin.close()
            process.stdout.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20.0)
            for pid in running.pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
            wait_until(lambda: not running.pids, 60.0, "processes of the cluster are left over")


def main() -> None:
    """Be a cluster."""
    told = os.fdopen(os.dup(1), "w")
    # Ray talks, too.
    os.dup2(2, 1)
    from ray.cluster_utils import Cluster as Nodes

    nodes = Nodes()
    nodes.add_node(num_cpus=0, include_dashboard=False, object_store_memory=_STORE_BYTES)
    added = []
    print(nodes.address, file=told, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if order["command"] == "add":
            node = nodes.add_node(
                num_cpus=order["cpus"], object_store_memory=_STORE_BYTES, env_vars=order["env"] or None
            )
            added.append(node)
        else:
            node = added.pop()
            workers = _children(node.all_processes["raylet"][0].process.pid)
            nodes.remove_node(node, allow_graceful=False)
            # By themselves they would go on for a second or so.
            for pid in workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        print("done", file=told, flush=True)
    nodes.shutdown()


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name, which is in brackets and may hold anything: the state, and the parent.
            if int(stat.read_text(errors="replace", encoding="utf-8").rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


if __name__ == "__main__":
    main()
