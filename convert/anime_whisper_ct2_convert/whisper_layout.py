"""Which tensors of a transformers Whisper checkpoint make up which variable of a CTranslate2 model.

Pure: names and shapes in, a sorted list of variables out; no weight is read but to compare two that should be one.

Source: CTranslate2 4.8 `converters/transformers.py` (WhisperLoader, BartLoader), `specs/whisper_spec.py` and
`specs/transformer_spec.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2_convert.numerics import CARRIER, Array, FloatType
from anime_whisper_ct2_convert.tensor import Tensor
from anime_whisper_ct2_convert.variables import Scalar, Variable, Weight, equal

# Whisper's keys have no bias. Where they are fused with queries and values, zeros stand in for it.
_NO_BIAS = "k_proj"
_OUTPUT = "proj_out.weight"
_ACTIVATION_GELU = 3


@dataclass(frozen=True, slots=True)
class WhisperShape:
    """The dimensions of a Whisper, and how transformers would load it."""

    d_model: int
    encoder_layers: int
    encoder_attention_heads: int
    encoder_ffn_dim: int
    decoder_layers: int
    decoder_attention_heads: int
    decoder_ffn_dim: int
    vocab_size: int
    num_mel_bins: int
    max_source_positions: int
    max_target_positions: int
    dtype: FloatType  # what transformers casts the stored tensors to unless told otherwise
    is_tied: bool  # the output projection is the token embedding

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> WhisperShape:
        """Read config.json, as transformers 4 or 5 writes it.

        Raises CheckpointError for another architecture, a missing dimension or a network that CTranslate2 cannot run.
        """
        kind = config.get("model_type")
        if kind != "whisper":
            raise CheckpointError(
                f"config.json: model_type is {kind!r}, not 'whisper'; only Whisper models can be converted"
            )
        activation = config.get("activation_function", "gelu")
        if activation != "gelu":
            raise CheckpointError(
                f"config.json: activation_function is {activation!r}, and CTranslate2 runs Whisper with gelu"
            )
        names = [name for name in cls.__slots__ if name not in {"dtype", "is_tied"}]
        for name in names:
            size = config.get(name)
            if not isinstance(size, int) or size < 1:
                raise CheckpointError(
                    f"config.json: {name} is {size!r} and should be a positive number; restore the file"
                )
        # transformers 4 wrote "torch_dtype" until 4.56 and loads float32 where neither is there.
        dtype: FloatType = config.get("dtype") or config.get("torch_dtype") or "float32"
        if dtype not in get_args(FloatType):
            raise CheckpointError(
                f"config.json: dtype is {dtype!r}; save the checkpoint as float32, float16 or bfloat16"
            )
        is_tied = config.get("tie_word_embeddings") is not False
        return cls(**{name: config[name] for name in names}, dtype=dtype, is_tied=is_tied)


def lay_out(tensors: Mapping[str, Tensor], shape: WhisperShape, dtype: FloatType) -> list[Variable]:
    """Assemble the variables of CTranslate2's WhisperSpec, revision 3, sorted by name, their weights loaded as `dtype`.

    Raises CheckpointError naming the tensor that is absent, of another shape, or of no use.
    """
    builder = _Builder(tensors, shape, dtype)
    variables: list[Variable] = [*_scalars(shape), *builder.encoder(), *builder.decoder()]
    builder.check_all_used()
    return sorted(variables, key=lambda variable: variable.name)


def _scalars(shape: WhisperShape) -> Iterator[Scalar]:
    yield Scalar("encoder/num_heads", np.int16(shape.encoder_attention_heads))
    yield Scalar("decoder/num_heads", np.int16(shape.decoder_attention_heads))
    yield Scalar("decoder/activation", np.int8(_ACTIVATION_GELU))
    # As the spec of any decoder has them; a Whisper's own heads are in config.json.
    yield Scalar("decoder/alignment_heads", np.int16(1))
    yield Scalar("decoder/alignment_layer", np.int16(-1))
    yield Scalar("decoder/pre_norm", np.int8(True))
    for off in (
        "alibi",
        "alibi_use_positive_positions",
        "scale_alibi",
        "scale_embeddings",
        "start_from_zero_embedding",
    ):
        yield Scalar(f"decoder/{off}", np.int8(False))


class _Builder:
    """Takes tensors out of a checkpoint by name, checks their shapes, and notes what was taken."""

    def __init__(self, tensors: Mapping[str, Tensor], shape: WhisperShape, dtype: FloatType) -> None:
        self.tensors = tensors
        self.shape = shape
        self.dtype = dtype
        # WhisperModel saves without the prefix that WhisperForConditionalGeneration adds.
        self.prefix = "" if "encoder.conv1.weight" in tensors else "model."
        self.used: set[str] = set()

    def encoder(self) -> Iterator[Weight]:
        """Give the encoder's weights, in no order."""
        d_model, n_mels = self.shape.d_model, self.shape.num_mel_bins
        for name, n_inputs in (("conv1", n_mels), ("conv2", d_model)):
            yield self._plain(f"encoder/{name}/bias", f"encoder.{name}.bias", d_model)
            weight = self._take(f"encoder.{name}.weight", d_model, n_inputs, 3)
            yield self._weight(f"encoder/{name}/weight", weight)
        yield from self._stack("encoder", self.shape.max_source_positions)
        for i in range(self.shape.encoder_layers):
            yield from self._self_attention(f"encoder/layer_{i}", f"encoder.layers.{i}")
            yield from self._feed_forward(f"encoder/layer_{i}/ffn", f"encoder.layers.{i}", self.shape.encoder_ffn_dim)

    def decoder(self) -> Iterator[Weight]:
        """Give the decoder's weights, in no order."""
        embedding = self._take("decoder.embed_tokens.weight", self.shape.vocab_size, self.shape.d_model)
        yield self._weight("decoder/embeddings/weight", embedding)
        yield self._weight("decoder/projection/weight", self._output(embedding))
        yield from self._stack("decoder", self.shape.max_target_positions)
        for i in range(self.shape.decoder_layers):
            there, here = f"decoder/layer_{i}", f"decoder.layers.{i}"
            yield from self._self_attention(there, here)
            yield from self._linear(f"{there}/attention/linear_0", f"{here}.encoder_attn", "q_proj")
            yield from self._linear(f"{there}/attention/linear_1", f"{here}.encoder_attn", "k_proj", "v_proj")
            yield from self._linear(f"{there}/attention/linear_2", f"{here}.encoder_attn", "out_proj")
            yield from self._norm(f"{there}/attention/layer_norm", f"{here}.encoder_attn_layer_norm")
            yield from self._feed_forward(f"{there}/ffn", here, self.shape.decoder_ffn_dim)

    def check_all_used(self) -> None:
        """Refuse a checkpoint with tensors of no known use: the network is not the one that config.json describes."""
        if extra := sorted(self.tensors.keys() - self.used):
            more = f" and {len(extra) - 1} more" if len(extra) > 1 else ""
            raise CheckpointError(
                f"the checkpoint holds {extra[0]}{more}, which the Whisper of its config.json does not have; "
                "check the numbers of layers there, or merge adapters into the model first"
            )

    def _output(self, embedding: Tensor) -> Tensor:
        if not self.shape.is_tied:
            return self._take(_OUTPUT, *embedding.shape, prefix="")
        if _OUTPUT in self.tensors:
            output = self._take(_OUTPUT, *embedding.shape, prefix="")
            # transformers 4 would use the embedding here and transformers 5 the projection: no guess is safe.
            if not equal(self._weight("", output), self._weight("", embedding)):
                raise CheckpointError(
                    f"{_OUTPUT} differs from the token embedding, and config.json says that they are one; "
                    "set tie_word_embeddings there to false to use both, or remove the projection"
                )
        return embedding

    def _stack(self, side: str, n_positions: int) -> Iterator[Weight]:
        positions = self._take(f"{side}.embed_positions.weight", n_positions, self.shape.d_model)
        yield self._other(f"{side}/position_encodings/encodings", positions)
        yield from self._norm(f"{side}/layer_norm", f"{side}.layer_norm")

    def _self_attention(self, there: str, here: str) -> Iterator[Weight]:
        yield from self._linear(f"{there}/self_attention/linear_0", f"{here}.self_attn", "q_proj", "k_proj", "v_proj")
        yield from self._linear(f"{there}/self_attention/linear_1", f"{here}.self_attn", "out_proj")
        yield from self._norm(f"{there}/self_attention/layer_norm", f"{here}.self_attn_layer_norm")

    def _feed_forward(self, there: str, here: str, inner: int) -> Iterator[Weight]:
        yield from self._linear(f"{there}/linear_0", here, "fc1", n_outputs=inner)
        yield from self._linear(f"{there}/linear_1", here, "fc2", n_inputs=inner)
        yield from self._norm(f"{there}/layer_norm", f"{here}.final_layer_norm")

    def _linear(
        self, there: str, here: str, *layers: str, n_outputs: int | None = None, n_inputs: int | None = None
    ) -> Iterator[Weight]:
        n_outputs, n_inputs = n_outputs or self.shape.d_model, n_inputs or self.shape.d_model
        weights = tuple(self._take(f"{here}.{layer}.weight", n_outputs, n_inputs) for layer in layers)
        biases = tuple(
            _zeros(n_outputs) if layer == _NO_BIAS else self._take(f"{here}.{layer}.bias", n_outputs)
            for layer in layers
        )
        yield self._weight(f"{there}/weight", *weights)
        yield self._other(f"{there}/bias", *biases)

    def _norm(self, there: str, here: str) -> Iterator[Weight]:
        yield self._plain(f"{there}/gamma", f"{here}.weight", self.shape.d_model)
        yield self._plain(f"{there}/beta", f"{here}.bias", self.shape.d_model)

    def _plain(self, there: str, here: str, *shape: int) -> Weight:
        return self._other(there, self._take(here, *shape))

    def _weight(self, there: str, *parts: Tensor) -> Weight:
        return Weight(there, parts, self.dtype, is_quantized=True)

    def _other(self, there: str, *parts: Tensor) -> Weight:
        return Weight(there, parts, self.dtype, is_quantized=False)

    def _take(self, name: str, *shape: int, prefix: str | None = None) -> Tensor:
        name = (self.prefix if prefix is None else prefix) + name
        tensor = self.tensors.get(name)
        if tensor is None:
            raise CheckpointError(f"the checkpoint lacks the tensor {name}; download it again or check its config.json")
        if tensor.shape != shape:
            raise CheckpointError(
                f"{name} has shape {list(tensor.shape)} and config.json makes it {list(shape)}; "
                "the two files belong to different models"
            )
        self.used.add(name)
        return tensor


def _zeros(size: int) -> Tensor:
    def read(start: int, stop: int) -> Array:
        """Give as many zeros."""
        return np.zeros(stop - start, CARRIER["float32"])

    return Tensor("zeros", "float32", (size,), read)
