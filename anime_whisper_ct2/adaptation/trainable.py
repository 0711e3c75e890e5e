"""What of a network is trained: the rest stands still.

`encoder`: all of it but its positions. `small`: its norms and biases, and of each matrix an update of low rank (LoRA,
Hu et al. 2021). `all`: the decoder's layers, too. Embeddings are never trained: they are what tokens and places mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import nn
from torch.nn.utils import parametrize

from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.options import Train

Parameters: TypeAlias = Mapping[str, torch.Tensor]

_RANK = 16
_SEED = 0


class _LowRank(nn.Module):
    """Adds a product of two thin matrices to a weight, shape (out, in); at first, nothing."""

    def __init__(self, weight: torch.Tensor, generator: torch.Generator) -> None:
        super().__init__()
        rows, columns = weight.shape
        down = torch.randn(_RANK, columns, generator=generator) / math.sqrt(columns)
        self.down, self.up = nn.Parameter(down), nn.Parameter(torch.zeros(rows, _RANK))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + self.up @ self.down


def choose(network: Network, train: Train) -> Parameters:
    """Let the chosen parameters be trained, and no others; gives them by name."""
    network.requires_grad_(False)
    if train == "small":
        generator = torch.Generator().manual_seed(_SEED)  # the same in every process
        for module in _linears(network):
            added = _LowRank(module.weight, generator).to(module.weight.device)
            parametrize.register_parametrization(module, "weight", added)
    chosen = {name: parameter for name, parameter in network.named_parameters() if _is_chosen(name, train)}
    for parameter in chosen.values():
        parameter.requires_grad_(True)
    return chosen


def merge(network: Network) -> None:
    """Put updates of low rank into the weights that they belong to."""
    for module in _linears(network):
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)


def _linears(network: Network) -> list[nn.Linear]:
    return [module for module in network.encoder.modules() if isinstance(module, nn.Linear)]


def _is_chosen(name: str, train: Train) -> bool:
    if "embed_" in name or name.startswith("proj_out"):
        return False
    if train == "all":
        return True
    if not name.startswith("model.encoder."):
        return False
    return train == "encoder" or "norm" in name or name.endswith((".bias", ".up", ".down"))
