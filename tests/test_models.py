"""From a model's name to its weights and back; what is no checkpoint is told what to name instead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anime_whisper_ct2.errors import CheckpointError, InputError, ModelNotFoundError
from anime_whisper_ct2.models import (
    convert_checkpoint,
    convert_opened,
    open_checkpoint,
    open_series,
    open_sums,
    range_recipe,
    short_names,
    weights_recipe,
    write_average,
    write_checkpoint,
)
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


def test_averages_of_a_series_are_converted_without_being_written(tiny_model: Path, tmp_path: Path) -> None:
    other, name = tmp_path / "other", "model.encoder.layer_norm.bias"
    with open_checkpoint(str(CHECKPOINT)) as checkpoint:
        values = {one: checkpoint.read(one) for one in checkpoint.tensors}
        write_checkpoint(other, checkpoint, {**values, name: values[name] + np.float32(1)}.items())
    names = [str(CHECKPOINT), str(other), str(CHECKPOINT), str(CHECKPOINT)]
    made = []
    with open_series(names) as series, open_sums(tmp_path / "sums", series, series.identities()) as sums:
        for recipe in (
            range_recipe(4, 0, 4),
            weights_recipe([0.75, 0.25, 0, 0]),
            weights_recipe([0, 0, 1, 0], [("encoder.layer_norm.*", [3, 1, 0, 0])]),
        ):
            blend = series.blend(recipe, sums=sums)
            assert np.allclose(blend.read(name), values[name] + 0.25, rtol=0, atol=1e-6)
            made.append(convert_opened(blend, tmp_path / "model", quantization="float32"))
            assert made[-1].path == tmp_path / "model"
        write_average(tmp_path / "written", series, range_recipe(4, 0, 4))
        write_average(tmp_path / "as it is", series, range_recipe(4, 2, 3))
    assert len({model.fingerprint for model in made}) == 1
    written = convert_checkpoint(tmp_path / "written", tmp_path / "from written", quantization="float32")
    assert written.fingerprint == made[0].fingerprint
    same = convert_checkpoint(tmp_path / "as it is", tmp_path / "last", quantization="float32")
    assert (same.path / "model.bin").read_bytes() == (tiny_model / "model.bin").read_bytes()


def test_checkpoints_are_called_by_what_tells_them_apart() -> None:
    assert short_names(["run/checkpoint-10", "run/checkpoint-20"]) == ("checkpoint-10", "checkpoint-20")
