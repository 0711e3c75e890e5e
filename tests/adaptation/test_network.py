"""The network that is trained: transformers' own, in windows of any length."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from transformers import WhisperConfig, WhisperForConditionalGeneration

from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.errors import CheckpointError
from tests.support.places import CHECKPOINT


def config() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CHECKPOINT / "config.json").read_text())
    return found


def weights() -> dict[str, Any]:
    found: dict[str, Any] = load_file(CHECKPOINT / "model.safetensors")
    return found


def noise(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(7).normal(size=shape).astype(np.float32))


@pytest.fixture(scope="module")
def theirs() -> Any:
    return WhisperForConditionalGeneration.from_pretrained(CHECKPOINT).eval()


@pytest.fixture(scope="module")
def ours() -> Network:
    return Network(config()).load(weights())


@torch.inference_mode()
def test_it_encodes_and_decodes_as_transformers_does(ours: Network, theirs: Any) -> None:
    mel, ids = noise(2, 128, 3_000), torch.tensor([[686, 5, 6, 7], [686, 8, 9, 10]])
    encoded = ours.encode(mel)
    expected = theirs.model.encoder(mel).last_hidden_state
    assert torch.allclose(encoded, expected, atol=1e-4)
    hidden = ours.decode(ids, encoded)
    assert torch.allclose(
        hidden, theirs.model.decoder(ids, encoder_hidden_states=expected).last_hidden_state, atol=1e-4
    )
    assert torch.allclose(ours.logits(hidden), theirs.proj_out(hidden), atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("frames", [2, 160, 256, 731])
def test_a_short_window_has_the_first_positions(ours: Network, theirs: Any, frames: int) -> None:
    mel = noise(1, 128, frames)
    # transformers refuses other lengths than 30 s, but for that its layers take any.
    layers = theirs.model.encoder
    x = torch.nn.functional.gelu(layers.conv2(torch.nn.functional.gelu(layers.conv1(mel)))).transpose(1, 2)
    x = x + layers.embed_positions.weight[: x.shape[1]]
    for layer in layers.layers:
        x = layer(x, None, None)[0]
    assert torch.allclose(ours.encode(mel), layers.layer_norm(x), atol=1e-4)


def test_tensors_go_in_and_come_out_by_name(ours: Network) -> None:
    given, found = weights(), dict(ours.tensors())
    assert found.keys() == given.keys() - {"proj_out.weight"}
    assert all(np.array_equal(found[name], given[name]) for name in found)


@pytest.mark.parametrize("prefix", ["", "model."])
def test_names_may_lack_the_prefix(prefix: str) -> None:
    bare = {prefix + name.removeprefix("model."): values for name, values in weights().items()}
    assert dict(Network(config()).load(bare).tensors()).keys() == weights().keys() - {"proj_out.weight"}


@torch.inference_mode()
def test_a_matrix_of_its_own_for_the_scores_is_kept(ours: Network) -> None:
    own = 2 * weights()["model.decoder.embed_tokens.weight"]
    network = Network(config()).load({**weights(), "proj_out.weight": own})
    hidden = noise(3, network.width)
    assert torch.allclose(network.logits(hidden), 2 * ours.logits(hidden), atol=1e-4)
    assert np.array_equal(dict(network.tensors())["proj_out.weight"], own)


def test_a_matrix_for_the_scores_that_equals_the_tokens_stays_one_of_its_own() -> None:
    own = weights()["model.decoder.embed_tokens.weight"]
    assert "proj_out.weight" in dict(Network(config()).load({**weights(), "proj_out.weight": own}).tensors())


def test_a_model_that_transformers_has_just_made_fits() -> None:
    made = WhisperConfig(
        d_model=64,
        encoder_layers=1,
        decoder_layers=3,
        encoder_attention_heads=2,
        decoder_attention_heads=4,
        encoder_ffn_dim=96,
        decoder_ffn_dim=128,
        vocab_size=300,
        pad_token_id=0,
    )
    tensors = {
        name: values.numpy()
        for name, values in WhisperForConditionalGeneration(made).state_dict().items()
        if name != "proj_out.weight"
    }
    assert dict(Network(made.to_dict()).load(tensors).tensors()).keys() == tensors.keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model.encoder.conv1.bias": None}, "model.encoder.conv1.bias is missing"),
        ({"model.encoder.conv1.bias": np.zeros(3, np.float32)}, r"conv1.bias has the shape \(3,\)"),
        ({"model.encoder.conv3.bias": np.zeros(3, np.float32)}, "conv3.bias is none of Whisper's"),
    ],
)
def test_tensors_that_do_not_fit_are_named(change: dict[str, Any], said: str) -> None:
    changed = {name: values for name, values in {**weights(), **change}.items() if values is not None}
    with pytest.raises(CheckpointError, match=said):
        Network(config()).load(changed)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("activation_function", "relu", "relu"),
        ("scale_embedding", True, "scaled"),
        ("d_model", None, "no d_model"),
    ],
)
def test_a_configuration_that_is_not_whispers_is_refused(key: str, value: Any, said: str) -> None:
    changed = {name: given for name, given in {**config(), key: value}.items() if given is not None}
    with pytest.raises(CheckpointError, match=said):
        Network(changed)
