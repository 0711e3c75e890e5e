"""Torch encodes a genuine model as CTranslate2 does: at ten lengths, and all sixty lines to the same texts."""

from __future__ import annotations

import json
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import torch

from anime_whisper_ct2.engine.encoders.torch_network import TorchNetwork
from anime_whisper_ct2.features.mel import log_mel
from anime_whisper_ct2.model_dir.variables import read_variables
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.records import Float32, LogMel
from tests.real import spoken
from tests.support.commands import awct2

pytestmark = pytest.mark.real
NEAR = 1e-4
LENGTHS = (16, 64, 258, 384, 512, 768, 1500, 1536, 2992, 3000)


def test_the_output_is_ctranslate2_s_at_any_length(model: Path) -> None:
    right = ctranslate2.models.Whisper(str(model), device="cpu", compute_type="float32")
    with torch.inference_mode():
        network = TorchNetwork(read_variables(model / "model.bin"), torch.float32, torch.device("cpu"))
    lines = [log_mel(line.samples, right.n_mels) for line, _ in zip(spoken.clips(), range(2), strict=False)]
    for frames in LENGTHS:
        mel = np.stack([laid_out(line, frames) for line in lines])
        theirs = np.array(right.encode(ctranslate2.StorageView.from_array(mel)))
        with torch.inference_mode():
            ours = network(torch.from_numpy(mel)).numpy()
        assert np.abs(ours - theirs).max() <= NEAR * np.abs(theirs).max(), frames


def laid_out(line: LogMel, frames: int) -> Float32:
    out = np.full((len(line.values), frames), line.floor, np.float32)
    kept = line.values[:, :frames]
    out[:, : kept.shape[1]] = kept
    return out


def test_all_lines_read_the_same(clips_run: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ("--device", "cpu", "--window", "full", "--compute-type", "float32", "--encoder", "torch")
    done = awct2("run", spoken.CLIPS, "-m", model, "-o", out, *options)
    assert done.returncode == 0, done.stderr
    theirs, ours = (
        {transcript.id: transcript.text for transcript in RunFolder(folder).transcripts()}
        for folder in (clips_run, out)
    )
    assert len(ours) == 60
    assert ours == theirs
    about = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert about["engine"]["encoder"]["library"] == "torch"
