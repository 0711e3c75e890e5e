"""--verify finds every right conversion right, and a wrong one wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load, save_file

from anime_whisper_ct2_convert import Verification, convert, verification, verify


@pytest.fixture
def emphatic(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint with an output of its own and strong positions, so that its greedy tokens vary."""
    monkeypatch.setattr(verification, "_MAX_TOKENS", 24)
    tensors = load((checkpoint / "model.safetensors").read_bytes())
    tensors["model.decoder.embed_positions.weight"] *= 20
    tensors["proj_out.weight"] = tensors["model.decoder.embed_tokens.weight"].flip(0).contiguous()
    save_file(tensors, checkpoint / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    (checkpoint / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}), encoding="utf-8")
    return checkpoint


@pytest.mark.parametrize("quantization", ["float32", "float16", "bfloat16", "int8"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_conversion_agrees_with_transformers(quantization: str, emphatic: Path, tmp_path: Path) -> None:
    converted = convert(str(emphatic), tmp_path / "out", quantization=quantization).path
    result = verify(str(emphatic), converted)
    assert len(set(result.reference_tokens)) > 10
    assert result.passed
    if quantization != "int8":
        assert result.tokens == result.reference_tokens
        assert result.text == result.reference_text


def test_another_model_s_conversion_does_not(emphatic: Path, tmp_path: Path) -> None:
    converted = convert(str(emphatic), tmp_path / "out").path
    tensors = load((emphatic / "model.safetensors").read_bytes())
    tensors["model.decoder.layers.0.fc1.weight"] *= -1
    save_file(tensors, emphatic / "model.safetensors", metadata={"format": "pt"})
    assert not verify(str(emphatic), converted).passed


def test_agreement_counts_positions() -> None:
    result = Verification("float16", (1, 2, 3, 4), (1, 9, 3), "", "")
    assert result.agreement == 0.5
    assert not result.passed


def test_without_torch_it_says_so(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    program = (
        "import sys; sys.modules['torch'] = None; from pathlib import Path;"
        "from anime_whisper_ct2_convert import verify; verify('x', Path('y'))"
    )
    done = run_python(program)
    assert "ConversionError: --verify compares with transformers, and torch is not installed" in done.stderr


def test_it_says_so_before_anything_is_converted(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    program = (
        "import sys; sys.modules['transformers'] = None; from anime_whisper_ct2.cli import main;"
        f"main(['convert', 'no/such', {str(tmp_path / 'out')!r}, '--verify'])"
    )
    done = run_python(program)
    assert "Error: --verify compares with transformers, and transformers is not installed" in done.stderr
    assert not (tmp_path / "out").exists()
