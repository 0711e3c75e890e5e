"""Whisper's encoder on torch tensors, with the weights of a converted folder's own `model.bin`.

Inference alone: no dropout, no gradients, fused queries, keys and values as CTranslate2 stores them. Convolutions are
matrix products over the frames laid side by side, so that the network needs no cuDNN, and a new length costs no search
for a kernel.

Source: CTranslate2 4.8 `src/layers/whisper.cc` and `src/layers/transformer.cc`; openai/whisper `model.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F

from anime_whisper_ct2.model_dir.variables import Variables

Tensor: TypeAlias = torch.Tensor

_KERNEL = 3


@dataclass(frozen=True, slots=True)
class _Affine:
    """A linear layer or a norm."""

    weight: Tensor
    bias: Tensor

    def linear(self, x: Tensor) -> Tensor:
        """Multiply the last axis."""
        return F.linear(x, self.weight, self.bias)

    def norm(self, x: Tensor) -> Tensor:
        """Normalise over the last axis."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias)

    def convolution(self, x: Tensor, step: int) -> Tensor:
        """Convolve shape (windows, frames, in) with every third or so many frames, one frame of zeros around them."""
        beside = F.pad(x, (0, 0, 1, 1)).unfold(1, _KERNEL, step)
        return F.gelu(self.linear(beside.transpose(2, 3).flatten(2)))


@dataclass(frozen=True, slots=True)
class _Layer:
    attention_norm: _Affine
    attention_in: _Affine
    attention_out: _Affine
    ffn_norm: _Affine
    ffn_in: _Affine
    ffn_out: _Affine


class TorchNetwork:
    """An encoder in one float type on one device; several threads may ask at once, each with inference mode on."""

    def __init__(self, variables: Variables, dtype: torch.dtype, device: torch.device) -> None:
        """Load the weights; int8 ones become floats.

        Raises KeyError, ValueError and OSError where the file does not hold them, and RuntimeError as torch does.
        """
        self.dtype, self.device = dtype, device
        self._heads = variables.number("encoder/num_heads")
        read = _Reader(variables, dtype, device)
        self._convolutions = tuple(read.convolution(f"encoder/conv{number}") for number in (1, 2))
        self._positions = read.tensor("encoder/position_encodings/encodings")
        self._layers = tuple(read.layers())
        self._norm = read.norm("encoder/layer_norm")

    def shape_of(self, windows: int, frames: int) -> tuple[int, int, int]:
        """Give the output's shape: (windows, positions, width), a position for two frames.

        Raises ValueError for more frames than there are positions.
        """
        most, width = self._positions.shape
        if frames > 2 * most:
            raise ValueError(f"{frames} frames are more than the encoder's {most} positions can hold")
        return windows, (frames + 1) // 2, width

    def __call__(self, mel: Tensor) -> Tensor:
        """Encode shape (windows, n_mels, frames); returns what `shape_of` says. Raises RuntimeError as torch does."""
        first, second = self._convolutions
        x = second.convolution(first.convolution(mel.transpose(1, 2).to(self.dtype), 1), 2)
        x += self._positions[: x.shape[1]]
        for layer in self._layers:
            x += self._attention(layer, layer.attention_norm.norm(x))
            x += layer.ffn_out.linear(F.gelu(layer.ffn_in.linear(layer.ffn_norm.norm(x))))
        return self._norm.norm(x)

    def _attention(self, layer: _Layer, x: Tensor) -> Tensor:
        windows, positions, width = x.shape
        # (windows, positions, 3, heads, each) to three of (windows, heads, positions, each).
        fused = layer.attention_in.linear(x).view(windows, positions, 3, self._heads, width // self._heads)
        queries, keys, values = fused.permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(queries, keys, values)
        return layer.attention_out.linear(found.transpose(1, 2).reshape(windows, positions, width))


class _Reader:
    """Makes tensors of the variables, one at a time, so that the host never holds two copies of the encoder."""

    def __init__(self, variables: Variables, dtype: torch.dtype, device: torch.device) -> None:
        self._variables = variables
        self._dtype, self._device = dtype, device

    def layers(self) -> Iterator[_Layer]:
        number = 0
        while f"encoder/layer_{number}/ffn/layer_norm/gamma" in self._variables:
            attention, ffn = (f"encoder/layer_{number}/{part}" for part in ("self_attention", "ffn"))
            yield _Layer(
                self.norm(f"{attention}/layer_norm"),
                self.linear(f"{attention}/linear_0"),
                self.linear(f"{attention}/linear_1"),
                self.norm(f"{ffn}/layer_norm"),
                self.linear(f"{ffn}/linear_0"),
                self.linear(f"{ffn}/linear_1"),
            )
            number += 1
        if not number:
            raise KeyError("encoder/layer_0")

    def linear(self, name: str) -> _Affine:
        return _Affine(self.tensor(f"{name}/weight"), self.tensor(f"{name}/bias"))

    def norm(self, name: str) -> _Affine:
        return _Affine(self.tensor(f"{name}/gamma"), self.tensor(f"{name}/beta"))

    def convolution(self, name: str) -> _Affine:
        """Read (out, in, kernel) as the matrix over frames that lie side by side: (out, kernel × in)."""
        weight = self.tensor(f"{name}/weight")
        if weight.shape[2] != _KERNEL:
            raise ValueError(f"{name} spans {weight.shape[2]} frames, not {_KERNEL}")
        return _Affine(weight.transpose(1, 2).flatten(1), self.tensor(f"{name}/bias"))

    def tensor(self, name: str) -> Tensor:
        """Read one, in the network's type and on its device. Raises ValueError for a type that is no float or int8."""
        values, dtype = self._variables.array(name), self._variables[name].dtype
        if dtype not in ("float32", "float16", "bfloat16", "int8"):
            raise ValueError(f"{name} is {dtype}, which torch's encoder does not compute with")
        # A copy, aligned as the file's own place need not be; torch has its own bfloat16, and so no use for uint16.
        tensor = torch.from_numpy(np.array(values.view(np.int16) if dtype == "bfloat16" else values))
        if dtype == "bfloat16":
            tensor = tensor.view(torch.bfloat16)
        if dtype == "int8":
            scale = torch.from_numpy(np.array(self._variables.array(f"{name}_scale"), np.float32))
            tensor = tensor.float() / scale.reshape(-1, *(1,) * (tensor.dim() - 1))
        return tensor.to(self._device, self._dtype)
