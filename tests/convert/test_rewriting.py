"""A checkpoint is read as transformers reads it, and one that is written like it is the same model."""

from __future__ import annotations

import errno
import json
import shutil
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from safetensors.torch import save_file as save_any_file

from anime_whisper_ct2.errors import CheckpointError, OutputError
from anime_whisper_ct2_convert import convert, open_checkpoint, rewriting, write_checkpoint

WEIGHTS = "model.safetensors"


def save_file(tensors: Mapping[str, Any], path: Path) -> None:
    save_any_file(dict(tensors), path, metadata={"format": "pt"})


def tensors_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = load_file(folder / WEIGHTS)
    return found


def set_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def rewritten(source: Path | str, folder: Path) -> Path:
    with open_checkpoint(str(source)) as checkpoint:
        write_checkpoint(
            folder, checkpoint, "float32", ((name, [checkpoint.read(name)]) for name in checkpoint.tensors)
        )
    return folder


def bare(tensors: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix("model."): values for name, values in tensors.items()}


def halves(dtype: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        save_file({name: values.to(dtype) for name, values in tensors_of(folder).items()}, folder / WEIGHTS)
        set_config(folder, torch_dtype=str(dtype).removeprefix("torch."))

    return spoil


def shards(folder: Path) -> None:
    tensors = tensors_of(folder)
    names = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for part, held in parts.items():
        save_file({name: tensors[name] for name in held}, folder / part)
    places = {name: part for part, held in parts.items() for name in held}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    (folder / WEIGHTS).unlink()


def torch_file(folder: Path) -> None:
    torch.save(tensors_of(folder), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()


def without_prefix(folder: Path) -> None:
    save_file(bare(tensors_of(folder)), folder / WEIGHTS)


def with_projection(folder: Path) -> None:
    tensors = tensors_of(folder)
    save_file({**tensors, "proj_out.weight": tensors["model.decoder.embed_tokens.weight"].clone()}, folder / WEIGHTS)


def untied(folder: Path) -> None:
    tensors = tensors_of(folder)
    save_file({**tensors, "proj_out.weight": tensors["model.decoder.embed_tokens.weight"].flip(0)}, folder / WEIGHTS)
    set_config(folder, tie_word_embeddings=False)


LAYOUTS = [
    halves(torch.float32),
    halves(torch.float16),
    halves(torch.bfloat16),
    shards,
    torch_file,
    without_prefix,
    with_projection,
    untied,
]
NAMES = ["float32", "float16", "bfloat16", "shards", "torch", "no prefix", "projection", "untied"]


def as_transformers_loads(folder: Path) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what transformers deprecates is not ours to mend
        from transformers import WhisperForConditionalGeneration

        model = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    state: dict[str, Any] = model.state_dict()
    return state


@pytest.mark.parametrize("lay_out", LAYOUTS, ids=NAMES)
def test_transformers_loads_the_same_tensors_before_and_after(
    lay_out: Callable[[Path], None], checkpoint: Path, tmp_path: Path
) -> None:
    lay_out(checkpoint)
    expected = as_transformers_loads(checkpoint)
    with open_checkpoint(str(checkpoint)) as opened:
        assert opened.tensors.keys() <= expected.keys()
        for name in opened.tensors:
            values = opened.read(name)
            assert values.dtype == np.float32
            assert np.array_equal(values, expected[name].numpy())
    found = as_transformers_loads(rewritten(checkpoint, tmp_path / "written"))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("lay_out", LAYOUTS, ids=NAMES)
def test_what_was_written_converts_to_the_same_bytes(
    lay_out: Callable[[Path], None], checkpoint: Path, tmp_path: Path
) -> None:
    lay_out(checkpoint)
    written = rewritten(checkpoint, tmp_path / "written")
    one, other = (
        convert(str(folder), tmp_path / f"{folder.name}-ct2", quantization="float32").path
        for folder in (checkpoint, written)
    )
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json", "preprocessor_config.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_all_text_files_come_along_and_no_other_weights(checkpoint: Path, tmp_path: Path) -> None:
    halves(torch.float16)(checkpoint)
    (checkpoint / "normalizer.json").write_text("{}", encoding="utf-8")
    for name in ("optimizer.pt", "model.fp32.safetensors", "trainer_state.json", "training_args.bin"):
        (checkpoint / name).touch()
    written = rewritten(checkpoint, tmp_path / "written")
    left_out = {"optimizer.pt", "model.fp32.safetensors", "trainer_state.json", "training_args.bin"}
    assert {path.name for path in written.iterdir()} == {path.name for path in checkpoint.iterdir()} - left_out
    for path in written.iterdir():
        if path.name not in ("config.json", WEIGHTS):
            assert path.read_bytes() == (checkpoint / path.name).read_bytes()
    config, before = (
        json.loads((folder / "config.json").read_text(encoding="utf-8")) for folder in (written, checkpoint)
    )
    assert config == {**before, "torch_dtype": "float32"}


@pytest.mark.parametrize("key", ["dtype", "torch_dtype", None])
def test_the_configuration_says_the_type_that_was_written(key: str | None, checkpoint: Path, tmp_path: Path) -> None:
    halves(torch.float16)(checkpoint)
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    del config["torch_dtype"]
    (checkpoint / "config.json").write_text(json.dumps(config | ({key: "float16"} if key else {})), encoding="utf-8")
    written = json.loads((rewritten(checkpoint, tmp_path / "written") / "config.json").read_text(encoding="utf-8"))
    assert written == config | {key or "torch_dtype": "float32"}


def test_the_digest_is_of_the_weights_and_not_of_their_files(checkpoint: Path) -> None:
    def digest() -> str:
        with open_checkpoint(str(checkpoint)) as opened:
            return opened.digest()

    first = digest()
    shards(checkpoint)
    assert digest() == first
    set_config(checkpoint, decoder_attention_heads=8)
    assert digest() != first
    set_config(checkpoint, decoder_attention_heads=4)
    part = checkpoint / "model-00002-of-00002.safetensors"
    tensors = load_file(part)
    name = min(tensors)
    tensors[name].view(-1)[0] += 1
    save_file(tensors, part)
    assert digest() != first


def test_a_checkpoint_on_the_hub_brings_its_other_text_files_along(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def download(_: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.extend(allow_patterns)
        return str(checkpoint)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with open_checkpoint("someone/their-whisper") as opened:
        assert opened.files.source == "someone/their-whisper"
    assert "normalizer.json" in asked
    assert not any(name.startswith("*") for name in asked)


def test_a_checkpoint_of_another_shape_than_its_configuration_is_refused_before_anything(checkpoint: Path) -> None:
    set_config(checkpoint, decoder_ffn_dim=65)
    of_two = r"fc1\.\w+ has shape .* belong to different models"
    with pytest.raises(CheckpointError, match=of_two), open_checkpoint(str(checkpoint)):
        pytest.fail("it was opened")


def test_a_projection_that_is_said_to_be_tied_and_differs_is_refused(checkpoint: Path) -> None:
    untied(checkpoint)
    set_config(checkpoint, tie_word_embeddings=True)
    with pytest.raises(CheckpointError, match="differs from the token embedding"), open_checkpoint(str(checkpoint)):
        pytest.fail("it was opened")


def test_a_folder_that_is_taken_stays_as_it_is(checkpoint: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="is not empty; choose another folder"):
        rewritten(checkpoint, taken)
    assert [path.name for path in taken.iterdir()] == ["mine.txt"]


def test_a_disk_without_room_is_found_before_anything_is_written(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
    with pytest.raises(OutputError, match=r"written: cannot be written \(.*the weights need [\d,]+ bytes\); make room"):
        rewritten(checkpoint, tmp_path / "written")
    assert not any((tmp_path / "written").iterdir())


def test_a_disk_that_fills_up_is_one_line(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(rewriting, "write_safetensors", full)
    with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\); make room there"):
        rewritten(checkpoint, tmp_path / "written")
