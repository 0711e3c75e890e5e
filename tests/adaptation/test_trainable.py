"""What is trained changes, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.options import TRAINS, Train
from anime_whisper_ct2.adaptation.trainable import choose, merge
from tests.support.places import CHECKPOINT

WEIGHTS = load_file(CHECKPOINT / "model.safetensors")
IDS = torch.tensor([[686, 5, 6, 7]])


def network() -> Network:
    return Network(json.loads((CHECKPOINT / "config.json").read_text())).load(WEIGHTS)


def outcome(of: Network) -> torch.Tensor:
    mel = torch.from_numpy(np.random.default_rng(7).normal(size=(1, 128, 120)).astype(np.float32))
    found: torch.Tensor = of.decode(IDS, of.encode(mel))
    return found


def changed(train: Train) -> set[str]:
    """Give the tensors that differ after a step that goes far."""
    of = network()
    optimizer = torch.optim.SGD(choose(of, train).values(), lr=1.0)
    for _ in range(2):  # an update of low rank begins with one matrix alone
        outcome(of).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    merge(of)
    return {name for name, values in of.tensors() if not np.array_equal(values, WEIGHTS[name])}


@pytest.mark.parametrize("train", TRAINS)
def test_choosing_changes_nothing_by_itself(train: Train) -> None:
    of = network()
    before = outcome(of)
    choose(of, train)
    assert torch.equal(outcome(of), before)
    merge(of)
    assert torch.allclose(outcome(of), before, atol=1e-6)
    assert dict(of.tensors()).keys() == WEIGHTS.keys() - {"proj_out.weight"}


@pytest.mark.parametrize("train", ["encoder", "small"])
def test_the_decoder_and_the_positions_stay_as_they_are(train: Train) -> None:
    names = changed(train)
    assert names
    assert all(name.startswith("model.encoder.") and "embed_positions" not in name for name in names)


def test_the_encoder_is_trained_to_its_last_tensor() -> None:
    expected = {name for name in WEIGHTS if name.startswith("model.encoder.") and "embed_" not in name}
    assert changed("encoder") == expected


def test_small_updates_reach_norms_biases_and_matrices_of_the_layers() -> None:
    names = changed("small")
    assert "model.encoder.layers.0.self_attn.q_proj.weight" in names
    assert "model.encoder.layer_norm.weight" in names
    assert "model.encoder.conv1.weight" not in names
    trained = sum(values.numel() for values in choose(network(), "small").values())
    assert trained < 0.35 * sum(values.numel() for values in choose(network(), "encoder").values())


def test_a_merged_update_is_what_was_learnt() -> None:
    of = network()
    optimizer = torch.optim.SGD(choose(of, "small").values(), lr=1e-2)
    for _ in range(3):
        outcome(of).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    learnt = outcome(of).detach()
    merge(of)
    again = network().load(dict(of.tensors()))
    assert torch.allclose(outcome(again), learnt, atol=1e-5)


def test_all_trains_the_decoder_but_no_embedding() -> None:
    names = changed("all")
    assert "model.decoder.layers.1.fc2.weight" in names
    assert not any("embed_" in name for name in names)


@pytest.mark.parametrize("train", TRAINS)
def test_what_is_added_is_where_the_network_computes(train: Train) -> None:
    of = network().to("meta")  # no GPU, but another device as well
    assert {values.device.type for values in choose(of, train).values()} == {"meta"}
    merge(of)
