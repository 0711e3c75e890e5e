"""A tiny random Whisper laid out as litagin/anime-whisper is on the hub, and CTranslate2's converter as oracle."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.places import PYTHONPATH

SIZES = {
    "d_model": 32,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 64,
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test may see the user's cache."""
    monkeypatch.setenv("AWCT2_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint in float32, in one file, tied, without tokenizer.json, with its teacher's alignment heads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what transformers deprecates is not ours to mend
        import torch
        from transformers import WhisperForConditionalGeneration

        from tests.tiny import checkpoint_files as hub

        files = tmp_path_factory.mktemp("tokenizer")
        hub.write_tokenizer(
            files, ["えっと、おはよう！今日はいい天気だね…", "Hello, world! How are you?", "あはは、くすぐったいよ"] * 9
        )
        tokenizer = hub.load_tokenizer(files)
        torch.manual_seed(0)
        model = WhisperForConditionalGeneration(hub.config(tokenizer, **SIZES))
        model.generation_config = hub.generation_config(tokenizer)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                # Biases and norms of the second layers stay as they were made: equal to each other, for aliases.
                if "layers.1" not in name:
                    parameter.normal_(std=0.1)
            # Equal to its neighbours by value and not by bits.
            model.model.decoder.layers[1].fc2.bias.copy_(torch.full((32,), -0.0))
        folder = tmp_path_factory.mktemp("pristine") / "checkpoint"
        hub.write_checkpoint(model, files, folder)
    return folder


@pytest.fixture
def checkpoint(pristine: Path, tmp_path: Path) -> Path:
    """A copy of the checkpoint that a test may spoil."""
    return Path(shutil.copytree(pristine, tmp_path / "checkpoint"))


@pytest.fixture(scope="session")
def ct2_convert() -> Callable[[Path, Path, str], Path]:
    """`ct2-transformers-converter`, in this process to spare the imports."""

    def run(source: Path, output: Path, quantization: str) -> Path:
        with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
            warnings.simplefilter("ignore")
            from ctranslate2.converters.transformers import main

            arguments = ["--model", str(source), "--output_dir", str(output), "--quantization", quantization]
            patch.setattr(sys, "argv", ["ct2-transformers-converter", *arguments])
            main()
        return output

    return run


@pytest.fixture(scope="session")
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program with arguments in a fresh interpreter that finds this checkout."""

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env={**os.environ, "PYTHONPATH": PYTHONPATH},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run
