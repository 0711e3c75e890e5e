"""What was named in place of a model that runs here, and what to name instead; models of others, known by their bytes.

Source: whisper.cpp `models/convert-pt-to-ggml.py` and ggml `docs/gguf.md` for how their files begin; the safetensors
format; the model names of openai/whisper and faster-whisper.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from anime_whisper_ct2.model_dir.names import CONFIG, MODEL_BIN, is_checkpoint, is_converted

_HEAD_BYTES = 64
# What whisper, whisper.cpp and faster-whisper call OpenAI's models, the distilled ones, and people this one.
_SIZE = re.compile(
    r"(?:whisper-)?(tiny|base|small|medium|large(?:-v[123])?|large-v3-turbo|turbo)(\.en)?", re.IGNORECASE
)
_DISTILLED = re.compile(
    r"(?:distil-whisper-)?distil-(small|medium|large-v2|large-v3|large-v3\.5)(\.en)?", re.IGNORECASE
)
_OTHERS = {
    "whisper": "openai/whisper-large-v3",
    "whisper-1": "openai/whisper-large-v2",
    "anime-whisper": "litagin/anime-whisper",
    "kotoba": "kotoba-tech/kotoba-whisper-v2.0",
    "kotoba-whisper-v1.0": "kotoba-tech/kotoba-whisper-v1.0",
    "kotoba-whisper-v1.1": "kotoba-tech/kotoba-whisper-v1.1",
    "kotoba-whisper-v2.0": "kotoba-tech/kotoba-whisper-v2.0",
    "kotoba-whisper-v2.1": "kotoba-tech/kotoba-whisper-v2.1",
    "kotoba-whisper-v2.2": "kotoba-tech/kotoba-whisper-v2.2",
}
_ADAPTER = "adapter_config.json"
# Weights of one file each, by its extension, where its bytes say nothing.
_KINDS = {
    "safetensors": "weights of a checkpoint (safetensors)",
    "pt": "weights for PyTorch",
    "pth": "weights for PyTorch",
    "ckpt": "weights for PyTorch",
    "onnx": "a model for ONNX",
    "nemo": "a model for NeMo",
    "gguf": "a model for whisper.cpp (GGUF)",
    "ggml": "a model for whisper.cpp (ggml)",
}
WEIGHTS = (*_KINDS, "bin")
_OF_OTHERS = "which cannot be read here; name the checkpoint that it was made from, a transformers folder or a hub id"


def kind_of_weights(path: Path) -> str | None:
    """Say what model a file is, by how it begins or else by its extension; None: it is none, or no file."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    extension = path.suffix[1:].lower()
    if head.startswith((b"lmgg", b"fmgg", b"tjgg")):
        return "a model for whisper.cpp (ggml)"
    if head.startswith(b"GGUF"):
        return "a model for whisper.cpp (GGUF)"
    if b"WhisperSpec\0" in head:
        return "the weights of a converted model"
    if extension == "bin" and head.startswith((b"PK\x03\x04", b"\x80\x02")):
        return "weights of a checkpoint (PyTorch)"
    return _KINDS.get(extension)


def hub_id_of(name: str) -> str | None:
    """Give the hub id of a model that others call by a short name, such as `large-v3`; None for any other."""
    name = name.strip().lower()
    if match := _SIZE.fullmatch(name):
        size = {"turbo": "large-v3-turbo"}.get(match[1], match[1])
        # Of the large ones there are none for English alone, and the newest is what `large` means to the others.
        return f"openai/whisper-{'large-v3' if size == 'large' else size}{match[2] or ''}"
    if match := _DISTILLED.fullmatch(name):
        return f"distil-whisper/distil-{match[1]}{match[2] or ''}"
    return _OTHERS.get(name)


def why_no_model(name: str) -> str | None:
    """Say in one line why a name leads to no model that could be opened or converted, and what to name instead.

    None where it may: a folder with a model or checkpoint, or a hub id.
    """
    path = Path(name)
    try:
        if is_adapter(path):
            return _why_adapter(path)
        if is_converted(path) or is_checkpoint(path):
            return None
        if path.is_dir():
            return _why_no_folder(name, path)
        if path.is_file():
            return _why_file(name, path)
    except (OSError, ValueError):
        return None  # whoever opens it says what is wrong with it
    if known := hub_id_of(name):
        return f"{name}: no such folder; what others call so is {known} here, so name that"
    # A hub id has two parts, and may be called anything.
    if path.suffix.lower() in (".gguf", ".ggml", ".bin") or ("ggml" in path.name and len(path.parts) != 2):
        return f"{name}: no such file; name a model by its folder or hub id, such as openai/whisper-large-v3"
    return None


def is_adapter(path: Path) -> bool:
    """Say whether a folder holds what training with LoRA leaves, and no whole checkpoint."""
    if not (path / _ADAPTER).is_file() or is_converted(path):
        return False
    return not any(next(path.glob(pattern), None) for pattern in ("model*.safetensors", "pytorch_model*.bin"))


def _why_adapter(path: Path) -> str:
    try:
        base = json.loads((path / _ADAPTER).read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError):
        base = None
    of = f" for {base}" if isinstance(base, str) and base else ""
    return (
        f"{path}: is a LoRA adapter{of} and no whole model; merge it into its model first (peft: merge_and_unload, "
        "then save_pretrained) and name that folder"
    )


def _why_no_folder(name: str, path: Path) -> str:
    within = next((each for each in _folders_below(path) if is_converted(each) or is_checkpoint(each)), None)
    if within is not None:
        return f"{name}: holds no model itself, and its folder {within.relative_to(path)} does; name {within}"
    # By name first: a corpus may be named here, and its files are many.
    named = sorted(each for each in path.glob("*") if each.suffix[1:].lower() in WEIGHTS)
    weights = next((each for each in named if kind_of_weights(each)), None)
    if weights is None:
        return (
            f"{name}: neither a converted model (no {MODEL_BIN}) nor a checkpoint (no {CONFIG} with weights); "
            "name one of these, or a hub id"
        )
    if kind_of_weights(weights) == _KINDS["safetensors"]:
        return f"{name}: has {weights.name} and no {CONFIG}; copy the rest of the checkpoint there, or name a hub id"
    return f"{name}: holds {weights.name}, {kind_of_weights(weights)}, {_OF_OTHERS}"


def _folders_below(path: Path) -> list[Path]:
    """List the folders that may hold what was meant: a trainer's checkpoints, and snapshots of the hub's cache."""
    below = [each for pattern in ("*", "snapshots/*") for each in path.glob(pattern) if each.is_dir()]
    # The last of `checkpoint-500` and `checkpoint-1000` is the one trained for longest.
    return sorted(below, key=lambda each: (-int(re.sub(r"\D", "", each.name)[-9:] or 0), each.name))


def _why_file(name: str, path: Path) -> str:
    folder = path.parent
    if is_converted(folder) or is_checkpoint(folder):
        return f"{name}: is one file of a model; name its folder: {folder}"
    kind = kind_of_weights(path)
    if kind is None:
        return f"{name}: is a file and no model; name a converted folder, a checkpoint's folder or a hub id"
    return f"{name}: is {kind}, {_OF_OTHERS}"
