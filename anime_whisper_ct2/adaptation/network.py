"""Whisper on torch modules that can be trained, for windows of any length.

The modules are called as the tensors of a transformers checkpoint are, so that those go in and come out by name. There
is no dropout and no layer drop: what is taught is to give the same as before.

Source: openai/whisper `model.py`; the tensors' names are those of transformers' `WhisperForConditionalGeneration`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from anime_whisper_ct2.errors import CheckpointError

Tensor: TypeAlias = torch.Tensor
Array: TypeAlias = npt.NDArray[np.float32]

_OUTPUT = "proj_out.weight"


class Network(nn.Module):
    """A whole Whisper in float32 by a checkpoint's `config.json`; its weights are `load`'s."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Make the modules. Raises CheckpointError for a configuration that is not Whisper's."""
        super().__init__()
        if (activation := config.get("activation_function", "gelu")) != "gelu":
            raise CheckpointError(f"its activation function is {activation!r}, and Whisper's is 'gelu'")
        if config.get("scale_embedding"):
            raise CheckpointError("its embeddings are scaled, which no Whisper's are")
        try:
            self.model = nn.Module()
            self.model.encoder, self.model.decoder = _Encoder(config), _Decoder(config)
        except KeyError as error:
            raise CheckpointError(f"its config.json has no {error.args[0]}") from error
        # The matrix that scores are read from, where a checkpoint has one beside that of the tokens.
        self.proj_out: nn.Linear | None = None

    @property
    def encoder(self) -> nn.Module:
        """What hears."""
        return self.model.encoder

    @property
    def decoder(self) -> nn.Module:
        """What writes."""
        return self.model.decoder

    @property
    def width(self) -> int:
        """How many numbers a position has."""
        return int(self.decoder.embed_tokens.embedding_dim)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.decoder.embed_tokens.weight.device

    def load(self, tensors: Mapping[str, Array]) -> Network:
        """Take the weights of a checkpoint, by their names; gives itself.

        Raises CheckpointError where one is missing, of another shape, or unknown.
        """
        named = {name if name == _OUTPUT else f"model.{name.removeprefix('model.')}": name for name in tensors}
        own = dict(self.model.named_parameters(prefix="model"))
        if _OUTPUT in named:
            self.proj_out = nn.Linear(*reversed(tensors[_OUTPUT].shape), bias=False)
            own[_OUTPUT] = self.proj_out.weight
        for name, given in named.items():
            if name not in own:
                raise CheckpointError(f"its tensor {given} is none of Whisper's; adapt a checkpoint of Whisper")
        with torch.no_grad():
            for name, parameter in own.items():
                if name not in named:
                    raise CheckpointError(f"its tensor {name} is missing; download it again")
                values = tensors[named[name]]
                if values.shape != tuple(parameter.shape):
                    raise CheckpointError(
                        f"its tensor {named[name]} has the shape {values.shape}, and its config.json says "
                        f"{tuple(parameter.shape)}; download it again"
                    )
                parameter.copy_(torch.from_numpy(values))
        return self

    def tensors(self) -> Iterator[tuple[str, Array]]:
        """Give the weights by the names of a transformers checkpoint, one at a time, on the host."""
        for name, parameter in self.model.named_parameters(prefix="model"):
            yield name, parameter.detach().float().cpu().numpy()
        if self.proj_out is not None:
            yield _OUTPUT, self.proj_out.weight.detach().float().cpu().numpy()

    def encode(self, mel: Tensor) -> Tensor:
        """Encode shape (windows, n_mels, frames); gives (windows, positions, width), a position for two frames."""
        return self.encoder(mel)

    def decode(self, ids: Tensor, encoded: Tensor) -> Tensor:
        """Read tokens, shape (windows, tokens); gives what the next ones are read from: (windows, tokens, width)."""
        return self.decoder(ids, encoded)

    def logits(self, hidden: Tensor) -> Tensor:
        """Give the scores of all tokens, shape (…, vocabulary), for what `decode` gives."""
        output = self.decoder.embed_tokens if self.proj_out is None else self.proj_out
        return F.linear(hidden, output.weight)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.k_proj = nn.Linear(width, width, bias=False)
        self.q_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor, source: Tensor, is_causal: bool = False) -> Tensor:
        queries, keys, values = (
            of.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for of in (self.q_proj(x), self.k_proj(source), self.v_proj(source))
        )
        found = F.scaled_dot_product_attention(queries, keys, values, is_causal=is_causal)
        return self.out_proj(found.transpose(1, 2).flatten(2))


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int, *, decodes: bool) -> None:
        super().__init__()
        self.self_attn, self.self_attn_layer_norm = _Attention(width, heads), nn.LayerNorm(width)
        if decodes:
            self.encoder_attn, self.encoder_attn_layer_norm = _Attention(width, heads), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, encoded: Tensor | None = None) -> Tensor:
        normed = self.self_attn_layer_norm(x)
        x = x + self.self_attn(normed, normed, is_causal=encoded is not None)
        if encoded is not None:
            x = x + self.encoder_attn(self.encoder_attn_layer_norm(x), encoded)
        return x + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))


class _Encoder(nn.Module):
    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width = config["d_model"]
        self.conv1 = nn.Conv1d(config["num_mel_bins"], width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(config.get("max_source_positions", 1_500), width)
        heads, hidden = config["encoder_attention_heads"], config["encoder_ffn_dim"]
        self.layers = nn.ModuleList(
            _Layer(width, heads, hidden, decodes=False) for _ in range(config["encoder_layers"])
        )
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, mel: Tensor) -> Tensor:
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        x = x + self.embed_positions.weight[: x.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.layer_norm(x)


class _Decoder(nn.Module):
    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width = config["d_model"]
        self.embed_tokens = nn.Embedding(config["vocab_size"], width)
        self.embed_positions = nn.Embedding(config.get("max_target_positions", 448), width)
        heads, hidden = config["decoder_attention_heads"], config["decoder_ffn_dim"]
        self.layers = nn.ModuleList(_Layer(width, heads, hidden, decodes=True) for _ in range(config["decoder_layers"]))
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, ids: Tensor, encoded: Tensor) -> Tensor:
        x = self.embed_tokens(ids) + self.embed_positions.weight[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x, encoded)
        return self.layer_norm(x)
