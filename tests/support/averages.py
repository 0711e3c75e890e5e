"""Checkpoints like one another, and what torch makes of them in float64."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

WEIGHTS = "model.safetensors"
TOKENIZER_FILES = (
    *("vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json"),
    "normalizer.json",
)


def like(checkpoint: Path, folder: Path, seed: int, dtype: str = "float32") -> Path:
    """Write a checkpoint with other weights: those of `checkpoint`, and noise as large."""
    random = torch.Generator().manual_seed(seed)
    shutil.copytree(checkpoint, folder)
    tensors = {
        name: (values + torch.randn(values.shape, generator=random) * 0.1).to(getattr(torch, dtype))
        for name, values in load_file(checkpoint / WEIGHTS).items()
    }
    save(tensors, folder)
    set_json(folder / "config.json", torch_dtype=dtype)
    return folder


def save(tensors: Mapping[str, Any], folder: Path) -> None:
    """Write the one file of a checkpoint's weights."""
    save_file(dict(tensors), folder / WEIGHTS, metadata={"format": "pt"})


def tensors_of(folder: Path) -> dict[str, Any]:
    """Read them."""
    found: dict[str, Any] = load_file(folder / WEIGHTS)
    return found


def spoil(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change tensors of a checkpoint."""
    tensors = tensors_of(folder)
    change(tensors)
    save(tensors, folder)


def set_json(path: Path, **changes: Any) -> None:
    """Set keys of a JSON object; None removes one."""
    content = json.loads(path.read_text(encoding="utf-8")) | changes
    content = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def without_tokenizer(folder: Path) -> None:
    """Leave a checkpoint as a trainer saves it, which has the tokenizer elsewhere."""
    for name in TOKENIZER_FILES:
        (folder / name).unlink(missing_ok=True)


def reference(folders: Sequence[Path], weights: Callable[[str], Sequence[float]], dtype: str | None) -> dict[str, Any]:
    """Average in torch's float64, and round as torch does. `weights`: those of a tensor, by its name."""
    loaded = [tensors_of(folder) for folder in folders]
    averages = {}
    for name, first in loaded[0].items():
        shares = weights(name)
        total = sum(share * tensors[name].double() for share, tensors in zip(shares, loaded, strict=True))
        averages[name] = (total / sum(shares)).to(getattr(torch, dtype) if dtype else first.dtype)
    return averages


def assert_same(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Hold every element against every other, types too."""
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype, name
        assert torch.equal(found[name], values), name
