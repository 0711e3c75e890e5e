"""Where on a cluster engines find room, and with which settings they run there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.executors.cluster.connection import ClusterNode
from anime_whisper_ct2.executors.messages import StationSettings
from anime_whisper_ct2.options import FrontendOptions, RayOptions

_MOST_WORKERS = 16


@dataclass(frozen=True, slots=True)
class Places:
    """What each engine of a run needs: a GPU on `cuda`, and cores.

    Raises InputError where the cluster's nodes, as they are `found`, cannot be what the settings ask for.
    """

    device: str
    cpus: int | None
    settings: StationSettings

    @classmethod
    def of(cls, settings: StationSettings, options: RayOptions, found: Iterable[ClusterNode]) -> Places:
        """Settle on a device by what there is."""
        device, with_gpu = settings.engine.device, any(node.gpus for node in found)
        if device == "cuda" and not with_gpu:
            raise InputError(
                "the Ray cluster has no GPU; start its nodes with `ray start --num-gpus N`, or use --device cpu"
            )
        if device == "auto":
            device = "cuda" if with_gpu else "cpu"
        return cls(device, options.cpus, settings)

    @property
    def needs(self) -> str:
        """Say what a node must have for an engine."""
        cpus = f"{self.cpus or 1} CPU{'s' * ((self.cpus or 1) > 1)}"
        return f"a GPU and {cpus}" if self.device == "cuda" else cpus

    def cores(self, node: ClusterNode) -> int:
        """Give the cores for each engine on a node: all for one that computes on them, or a GPU's part."""
        if self.cpus:
            return self.cpus
        return max(1, node.cpus // max(1, node.gpus) if self.device == "cuda" else node.cpus)

    def count(self, node: ClusterNode) -> int:
        """Say how many engines a node has room for."""
        by_cpus = node.cpus // self.cores(node)
        return min(node.gpus, by_cpus) if self.device == "cuda" else by_cpus

    def settings_on(self, node: ClusterNode) -> StationSettings:
        """Give the settings of an engine there: its own share of the cores, and the one GPU that it sees."""
        cores, engine = self.cores(node), self.settings.engine
        if self.device == "cuda":
            engine = replace(engine, device="cuda", gpus=(0,))
        else:
            engine = replace(engine, device="cpu", cpu_threads=engine.cpu_threads or cores)
        frontend = self.settings.frontend
        if frontend.workers is None:
            frontend = FrontendOptions(min(_MOST_WORKERS, max(1, cores - 1)), frontend.time_limit_s)
        return replace(self.settings, engine=engine, frontend=frontend)
