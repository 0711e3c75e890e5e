"""From a model's name to its weights and back; what is no checkpoint is told what to name instead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anime_whisper_ct2.errors import CheckpointError, InputError, ModelNotFoundError
from anime_whisper_ct2.models import convert_checkpoint, open_checkpoint, write_checkpoint
from tests.support.places import CHECKPOINT


def refusal(name: str) -> str:
    with pytest.raises((CheckpointError, ModelNotFoundError)) as caught, open_checkpoint(name):
        pytest.fail("it was opened")
    return str(caught.value)


def test_a_converted_model_names_the_checkpoint_that_it_was_made_from(tiny_model: Path) -> None:
    assert refusal(str(tiny_model)) == (
        f"{tiny_model}: is a converted model; name the checkpoint that it was made from, which is {CHECKPOINT}"
    )


def test_what_is_no_model_at_all_is_refused_in_a_line(tmp_path: Path) -> None:
    assert refusal(" ") == "no model is named; give a folder or a hub id"
    assert "neither a converted model" in refusal(str(tmp_path))
    assert "is no folder here, and no hub id either" in refusal("nothing-of-the-kind")


def test_a_checkpoint_is_written_and_converted_and_takes_the_place_of_an_earlier_one(
    tiny_model: Path, tmp_path: Path
) -> None:
    name = "model.encoder.layer_norm.bias"
    made = []
    for shift in (0.0, 1.0):
        folder = tmp_path / str(shift)
        with open_checkpoint(str(CHECKPOINT)) as checkpoint:
            shifted = {name: checkpoint.read(name) + np.float32(shift)}
            write_checkpoint(
                folder, checkpoint, ((one, shifted.get(one, checkpoint.read(one))) for one in checkpoint.tensors)
            )
        model = convert_checkpoint(folder, tmp_path / "model", quantization="float32")
        assert model.path == tmp_path / "model"
        made.append((model.path / "model.bin").read_bytes())
    assert made[0] == (tiny_model / "model.bin").read_bytes()
    assert made[1] != made[0]


def test_a_folder_of_somebody_elses_is_not_converted_into(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match="holds files that are no converted model"):
        convert_checkpoint(CHECKPOINT, tmp_path)
