"""What the files of a converted folder are called, and how such a folder is told from a checkpoint's."""

from __future__ import annotations

import os
from pathlib import Path

MODEL_BIN = "model.bin"
CONFIG = "config.json"
VOCABULARY = "vocabulary.json"
VOCABULARY_TEXT = "vocabulary.txt"  # a token a line, as older converters wrote it
TOKENIZER = "tokenizer.json"
PREPROCESSOR = "preprocessor_config.json"
AWCT2 = "awct2.json"
# What a conversion of ours holds beside AWCT2; of the folders of others, PREPROCESSOR may be missing.
MODEL_FILES = (MODEL_BIN, CONFIG, VOCABULARY, TOKENIZER, PREPROCESSOR)

QUANTIZATIONS = ("float16", "bfloat16", "float32", "int8", "int8_float16", "int8_float32", "int8_bfloat16")
DEFAULT_QUANTIZATION = "float16"
# No text ends without the first, and no prompt does without the others.
REQUIRED_TOKENS = ("<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>")

_CHECKPOINT_WEIGHTS = (
    "*.safetensors",
    "*.safetensors.index.json",
    "pytorch_model*.bin",
    "pytorch_model.bin.index.json",
)


def is_converted(path: str | os.PathLike[str]) -> bool:
    """Tell whether a folder holds a CTranslate2 model, sound or not."""
    return (Path(path) / MODEL_BIN).is_file()


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Tell whether a folder holds a checkpoint that could be converted: transformers' config and some weights."""
    folder = Path(path)
    if is_converted(folder) or not (folder / CONFIG).is_file():
        return False
    return any(next(folder.glob(pattern), None) is not None for pattern in _CHECKPOINT_WEIGHTS)
