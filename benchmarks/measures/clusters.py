"""A Ray cluster of some nodes on this machine, in processes of its own, for as long as a benchmark wants it.

    python -m benchmarks.measures.clusters --nodes 2 --cpus 2

prints its address, and ends it when standard input does.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measures.places import ROOT, search_path
from benchmarks.measures.process import about

# Nothing is sent to Ray's makers, nobody has to log in, and nobody's address for another cluster gets in between.
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "RAY_DEDUP_LOGS": "0"}
STORE_MIB = 100  # of shared memory for each node's object store; audio and texts do not go through it


def environment() -> dict[str, str]:
    """Give the environment for a cluster and for the runs on it, in which this checkout's modules are found."""
    path = search_path()
    kept = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return {**kept, **ENVIRONMENT, "PYTHONPATH": path}


def about_with_ray() -> dict[str, Any]:
    """Describe the machine, the versions and the commit, and Ray's version."""
    described = about()
    described["versions"]["ray"] = version("ray")
    return described


@contextlib.contextmanager
def cluster(nodes: int, cpus: int) -> Iterator[str]:
    """Start a cluster of so many nodes with so many declared cores each, give its address, and end it.

    Raises RuntimeError where it does not come up.
    """
    command = [sys.executable, "-m", "benchmarks.measures.clusters", "--nodes", str(nodes), "--cpus", str(cpus)]
    # In a folder of its own, so that no other run on this machine takes it for the cluster that is there. A short
    # name: Ray's sockets lie below it.
    with tempfile.TemporaryDirectory(prefix="awct2-ray-", ignore_cleanup_errors=True) as temp:
        said = Path(temp) / "said"
        with (
            said.open("wb") as log,
            subprocess.Popen(
                command,
                cwd=ROOT,
                env={**environment(), "RAY_TMPDIR": temp},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            assert process.stdin
            assert process.stdout
            try:
                address = process.stdout.readline().strip()
                if not address:
                    raise RuntimeError(f"the Ray cluster did not start:\n{said.read_text(errors='replace')[-2000:]}")
                yield address
            finally:
                process.stdin.close()
                process.wait()


def main() -> None:
    """Be a cluster."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--cpus", type=int, default=2)
    options = parser.parse_args()
    from ray.cluster_utils import Cluster

    # What Ray says of its start is no address.
    with contextlib.redirect_stdout(sys.stderr):
        node = {"num_cpus": options.cpus, "object_store_memory": STORE_MIB << 20, "include_dashboard": False}
        made = Cluster(initialize_head=True, head_node_args=node)
        for _ in range(options.nodes - 1):
            made.add_node(**node)
    try:
        print(made.address, flush=True)
        sys.stdin.read()
    finally:
        made.shutdown()


if __name__ == "__main__":
    main()
