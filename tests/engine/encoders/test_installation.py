"""A torch that is not there, too old, broken or without CUDA is a reason and no traceback."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from anime_whisper_ct2.engine.encoders.installation import INSTALL, UnusableTorchError, usable_torch


def installed(folder: Path, version: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a torch before the one that is installed."""
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").write_text(source, encoding="utf-8")
    info = folder / f"torch-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.syspath_prepend(str(folder))


def test_one_that_is_here_is_given() -> None:
    assert usable_torch("cpu") is torch


def test_one_that_is_not_installed_comes_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UnusableTorchError, match="torch is not installed") as caught:
        usable_torch("cpu")
    assert caught.value.command == INSTALL == 'pip install "torch>=2.5"'


@pytest.mark.parametrize("version", ["2.4.1+cu121", "1.13.0", "unknown"])
def test_an_old_one_is_not_even_loaded(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, version, "raise AssertionError('loaded')", monkeypatch)
    with pytest.raises(UnusableTorchError) as caught:
        usable_torch("cpu")
    assert caught.value.why == f"torch {version} is installed, which is older than 2.5"
    assert caught.value.command == INSTALL


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise OSError('libcudart.so.12: cannot open shared object file\\nmore')", "libcudart.so.12: cannot open"),
        ("import torch_needs_this", "No module named 'torch_needs_this'"),
    ],
)
def test_one_that_does_not_load_says_why(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, "2.10.0", source, monkeypatch)
    with pytest.raises(UnusableTorchError) as caught:
        usable_torch("cpu")
    assert caught.value.why.startswith(f"torch cannot be loaded ({said}")
    assert "\n" not in caught.value.why


@pytest.mark.parametrize(
    ("cuda", "why"),
    [("None", "is built without CUDA"), ("'12.8'", "finds no GPU that its CUDA 12.8 can use")],
)
def test_one_that_cannot_use_the_gpu_says_why(
    cuda: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        "from types import SimpleNamespace as S\n__version__ = '2.10.0+x'\n"
        f"cuda, version = S(is_available=lambda: False), S(cuda={cuda})"
    )
    installed(tmp_path, "2.10.0+x", source, monkeypatch)
    assert usable_torch("cpu").__version__ == "2.10.0+x"
    with pytest.raises(UnusableTorchError) as caught:
        usable_torch("cuda")
    assert caught.value.why == f"torch 2.10.0+x {why}"
