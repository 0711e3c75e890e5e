"""The checkpoint that is taught goes in as arrays, and comes out as one that transformers reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from transformers import WhisperForConditionalGeneration

from anime_whisper_ct2.adaptation import checkpoint
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.errors import CheckpointError
from tests.support.commands import BARE
from tests.support.places import CHECKPOINT, PYTHONPATH


def test_the_weights_are_those_of_the_file(tmp_path: Path) -> None:
    expected = load_file(CHECKPOINT / "model.safetensors")
    with checkpoint.opened(str(CHECKPOINT)) as original:
        assert (original.source, original.revision, original.folder) == (str(CHECKPOINT), None, CHECKPOINT)
        assert original.config == json.loads((CHECKPOINT / "config.json").read_text(encoding="utf-8"))
        assert len(original.weights) == len(expected)
        assert all(np.array_equal(original.weights[name], expected[name]) for name in original.weights)
        assert len(original.sha256()) == 64


def test_what_a_network_holds_comes_out_as_a_checkpoint(tiny_model: Path, tmp_path: Path) -> None:
    with checkpoint.opened(str(CHECKPOINT)) as original:
        network = Network(original.config).load(original.weights)
        checkpoint.write(tmp_path / "same", original, network.tensors())
        network.encoder.conv1.bias.data += 1
        # The files are closed by then, where a training has taken hours.
    checkpoint.write(tmp_path / "taught", original, network.tensors())
    before, same, taught = (
        WhisperForConditionalGeneration.from_pretrained(folder).state_dict()
        for folder in (CHECKPOINT, tmp_path / "same", tmp_path / "taught")
    )
    assert all(before[name].equal(same[name]) for name in before)
    assert [name for name in before if not before[name].equal(taught[name])] == ["model.encoder.conv1.bias"]
    made = checkpoint.convert(tmp_path / "same", tmp_path / "converted", quantization="float32")
    assert (made.path / "model.bin").read_bytes() == (tiny_model / "model.bin").read_bytes()


def test_a_network_that_ran_away_is_not_written(tmp_path: Path) -> None:
    with checkpoint.opened(str(CHECKPOINT)) as original:
        network = Network(original.config).load(original.weights)
        network.encoder.conv1.bias.data[3] = float("nan")
        with pytest.raises(CheckpointError, match=r"model\.encoder\.conv1\.bias holds values that are infinite or no"):
            checkpoint.write(tmp_path / "bad", original, network.tensors())


def test_neither_torch_nor_transformers_is_loaded(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from anime_whisper_ct2.adaptation import checkpoint, lessons\n"
        "with checkpoint.opened(sys.argv[1]) as original:\n"
        "    original.sha256(); checkpoint.write(Path(sys.argv[2]), original, original.weights.items())\n"
        "checkpoint.convert(Path(sys.argv[2]), Path(sys.argv[2] + '-ct2'))\n"
        "print({'torch', 'transformers', 'safetensors', 'ctranslate2'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(CHECKPOINT), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        env={**BARE, "PYTHONPATH": PYTHONPATH, "AWCT2_CACHE": str(tmp_path / "cache")},
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")
