"""From a converted Whisper back to a transformers checkpoint, by a reader of `model.bin` that shares no code with ours.

The format: https://github.com/OpenNMT/CTranslate2, `python/ctranslate2/specs/model_spec.py`, binary version 6.
"""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

Weights: TypeAlias = dict[str, npt.NDArray[Any]]

_TYPES: dict[int, type[np.generic]] = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_BINARY_VERSION = 6


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def number(self, kind: str) -> int:
        """Read an unsigned integer: B, H or I."""
        (value,) = struct.unpack_from(f"<{kind}", self._content, self._at)
        self._at += struct.calcsize(kind)
        return int(value)

    def text(self) -> str:
        """Read a string with its length before and a zero behind."""
        length = self.number("H")
        raw = self._content[self._at : self._at + length - 1]
        self._at += length
        return raw.decode()

    def array(self) -> npt.NDArray[Any]:
        """Read shape, type, size and values."""
        shape = [self.number("I") for _ in range(self.number("B"))]
        dtype = np.dtype(_TYPES[self.number("B")])
        size = self.number("I")
        values = np.frombuffer(self._content, dtype, size // dtype.itemsize, self._at).reshape(shape)
        self._at += size
        return values


def weights(path: Path) -> Weights:
    """Read every variable of a `model.bin`, aliases among them."""
    reader = _Reader(path.read_bytes())
    version = reader.number("I")
    if version != _BINARY_VERSION:
        raise ValueError(f"{path}: binary version {version}, and not {_BINARY_VERSION}")
    reader.text()  # the specification's name,
    reader.number("I")  # and its revision
    read = {}
    for _ in range(reader.number("I")):
        name = reader.text()
        read[name] = reader.array()
    for _ in range(reader.number("I")):
        alias = reader.text()
        read[alias] = read[reader.text()]
    return read


def unconvert(source: Path, target: Path) -> None:
    """Write the checkpoint in float16, with everything that transformers needs beside it."""
    read = weights(source / "model.bin")
    tensors: Weights = {}
    layers = {side: _side(read, tensors, side) for side in ("encoder", "decoder")}
    for number in (1, 2):
        for kind in ("weight", "bias"):
            tensors[f"model.encoder.conv{number}.{kind}"] = read[f"encoder/conv{number}/{kind}"]
    tensors["model.decoder.embed_tokens.weight"] = read["decoder/embeddings/weight"]
    halves = {name: np.ascontiguousarray(tensor.astype(np.float16)) for name, tensor in tensors.items()}
    save_file(halves, target / "model.safetensors", {"format": "pt"})
    mels = tensors["model.encoder.conv1.weight"].shape[1]
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    tokens = {
        token["content"]: token["id"]
        for token in json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    }
    _dump(target / "config.json", _config(tensors, layers, int(read["encoder/num_heads"]), mels, config))
    _dump(target / "generation_config.json", _generation_config(config, tokens))
    _dump(target / "preprocessor_config.json", _preprocessor_config(mels))
    _dump(target / "tokenizer_config.json", _TOKENIZER_CONFIG)
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")


def _side(read: Weights, tensors: Weights, side: str) -> int:
    """Rename one side's variables; gives its number of layers."""

    def norm(variable: str, name: str) -> None:
        """A layer's gamma and beta."""
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = read[f"{variable}/gamma"], read[f"{variable}/beta"]

    def linear(variable: str, *names: str) -> None:
        """A matrix and its bias, parted among names where several were put together; keys have no bias."""
        rows = np.split(read[f"{variable}/weight"], len(names))
        biases = np.split(read[f"{variable}/bias"], len(names))
        for name, weight, bias in zip(names, rows, biases, strict=True):
            tensors[f"{name}.weight"] = weight
            if not name.endswith("k_proj"):
                tensors[f"{name}.bias"] = bias

    layers = 0
    while f"{side}/layer_{layers}/ffn/linear_0/weight" in read:
        old, new = f"{side}/layer_{layers}", f"model.{side}.layers.{layers}"
        norm(f"{old}/self_attention/layer_norm", f"{new}.self_attn_layer_norm")
        linear(f"{old}/self_attention/linear_0", *(f"{new}.self_attn.{part}_proj" for part in "qkv"))
        linear(f"{old}/self_attention/linear_1", f"{new}.self_attn.out_proj")
        if side == "decoder":
            norm(f"{old}/attention/layer_norm", f"{new}.encoder_attn_layer_norm")
            linear(f"{old}/attention/linear_0", f"{new}.encoder_attn.q_proj")
            linear(f"{old}/attention/linear_1", f"{new}.encoder_attn.k_proj", f"{new}.encoder_attn.v_proj")
            linear(f"{old}/attention/linear_2", f"{new}.encoder_attn.out_proj")
        norm(f"{old}/ffn/layer_norm", f"{new}.final_layer_norm")
        linear(f"{old}/ffn/linear_0", f"{new}.fc1")
        linear(f"{old}/ffn/linear_1", f"{new}.fc2")
        layers += 1
    norm(f"{side}/layer_norm", f"model.{side}.layer_norm")
    tensors[f"model.{side}.embed_positions.weight"] = read[f"{side}/position_encodings/encodings"]
    return layers


_ENDS = {"bos_token_id": 50257, "eos_token_id": 50257, "pad_token_id": 50257, "decoder_start_token_id": 50258}
_TOKENIZER_CONFIG = {
    "tokenizer_class": "WhisperTokenizer",
    "processor_class": "WhisperProcessor",
    "model_max_length": 1024,
    **{f"{kind}_token": "<|endoftext|>" for kind in ("bos", "eos", "pad", "unk")},
    "errors": "replace",
    "add_prefix_space": False,
    "clean_up_tokenization_spaces": True,
}


def _config(tensors: Weights, layers: dict[str, int], heads: int, mels: int, config: dict[str, Any]) -> dict[str, Any]:
    vocabulary, width = tensors["model.decoder.embed_tokens.weight"].shape
    inner = len(tensors["model.encoder.layers.0.fc1.weight"])
    sides = {}
    for side, count in layers.items():
        sides |= {f"{side}_layers": count, f"{side}_attention_heads": heads, f"{side}_ffn_dim": inner}
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "d_model": width,
        **sides,
        **_ENDS,
        "num_hidden_layers": layers["encoder"],
        "num_mel_bins": mels,
        "vocab_size": vocabulary,
        "max_source_positions": len(tensors["model.encoder.embed_positions.weight"]),
        "max_target_positions": len(tensors["model.decoder.embed_positions.weight"]),
        "activation_function": "gelu",
        "is_encoder_decoder": True,
        "scale_embedding": False,
        "tie_word_embeddings": True,
        "torch_dtype": "float16",
        "use_cache": True,
        "begin_suppress_tokens": config["suppress_ids_begin"],
        "suppress_tokens": config["suppress_ids"],
    }


def _generation_config(config: dict[str, Any], tokens: dict[str, int]) -> dict[str, Any]:
    languages = set(config["lang_ids"])
    return {
        **_ENDS,
        "alignment_heads": config["alignment_heads"],
        "begin_suppress_tokens": config["suppress_ids_begin"],
        "suppress_tokens": config["suppress_ids"],
        "is_multilingual": True,
        "lang_to_id": {token: id_ for token, id_ in tokens.items() if id_ in languages},
        "task_to_id": {task: tokens[f"<|{task}|>"] for task in ("transcribe", "translate")},
        "no_timestamps_token_id": tokens["<|notimestamps|>"],
        "prev_sot_token_id": tokens["<|startofprev|>"],
        "max_initial_timestamp_index": 50,
        "max_length": 448,
        "return_timestamps": False,
    }


def _preprocessor_config(mels: int) -> dict[str, Any]:
    return {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "processor_class": "WhisperProcessor",
        "feature_size": mels,
        "chunk_length": 30,
        "hop_length": 160,
        "n_fft": 400,
        "n_samples": 480_000,
        "nb_max_frames": 3_000,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
        "sampling_rate": 16_000,
    }


def _dump(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
