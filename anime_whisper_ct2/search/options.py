"""How a search goes about it: every default, written once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.options import ComputeType, Device
from anime_whisper_ct2.text import NORMALIZERS

# Checkpoints in a row that count alike; or a weight for each, for all tensors or for groups of them.
Strategy = Literal["range", "weights"]
STRATEGIES: tuple[Strategy, ...] = ("range", "weights")


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How averages are tried."""

    trials: int = 50  # beside the single checkpoints
    strategy: Strategy = "range"
    groups: tuple[str, ...] = ()  # patterns of tensors that have weights of their own; none: all have the same
    holdout: float = 0.3  # share of the recordings that no trial hears
    normalizer: str = "author"  # what texts go through before they are compared: a key of NORMALIZERS
    seed: int = 0  # of the sampler, and of what is held out
    language: str = "ja"
    device: Device = "auto"
    compute_type: ComputeType = "default"

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise InputError(f"--trials is {self.trials}; it must be at least 1")
        if self.strategy not in STRATEGIES:
            raise InputError(f"--strategy is {self.strategy!r}; choose one of {', '.join(STRATEGIES)}")
        if self.groups and self.strategy != "weights":
            raise InputError("--group is for --strategy weights; leave one of the two out")
        if not 0 <= self.holdout <= 0.9:
            raise InputError(f"--holdout is {self.holdout:g}; give a share from 0 to 0.9")
        if self.normalizer not in NORMALIZERS:
            raise InputError(f"there is no normalizer {self.normalizer!r}; choose one of {', '.join(NORMALIZERS)}")
        if not 0 <= self.seed < 1 << 31:
            raise InputError(f"--seed is {self.seed}; give 0 to {(1 << 31) - 1:,}")
