"""A written average is torch's in every element, and says what it was made of; of one checkpoint, it is that one."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from anime_whisper_ct2.errors import CheckpointError, OutputError
from anime_whisper_ct2_convert import rewriting
from anime_whisper_ct2_convert.averaging import (
    Mix,
    Recipe,
    Series,
    hashing,
    open_series,
    read_recipe,
    write_average,
    writing,
)
from tests.support.averages import (
    assert_same,
    reference,
    set_json,
    spoil,
    tensors_of,
    without_tokenizer,
)

Told = list[tuple[str, int, int]]


def written(folders: Sequence[Path], folder: Path, *, dtype: Any = None, told: Told | None = None, **how: Any) -> Path:
    names = [str(one) for one in folders]
    recipe = read_recipe(names, **({"weights": None, "range_": None, "layers": ()} | how))
    progress = None if told is None else lambda *given: told.append(given)
    with open_series(names) as series:
        write_average(folder, series, recipe, dtype=dtype, progress=progress)
    return folder


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "average.json").read_text(encoding="utf-8"))
    return found


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("dtype", [None, "float16", "bfloat16"])
def test_it_is_torchs_and_says_its_type(dtype: str | None, three: list[Path], tmp_path: Path) -> None:
    out = written(three, tmp_path / "out", dtype=dtype, weights="0.2,0.3,0.5")
    assert_same(tensors_of(out), reference(three, lambda _: (0.2, 0.3, 0.5), dtype))
    config, before = (json.loads((each / "config.json").read_text(encoding="utf-8")) for each in (out, three[2]))
    assert config == before | {"torch_dtype": dtype or "float32"}
    assert record(out)["dtype"] == (dtype or "float32")


def test_transformers_loads_it_and_computes_what_it_does_from_the_reference(three: list[Path], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what transformers deprecates is not ours to mend
        from transformers import WhisperForConditionalGeneration, WhisperProcessor

        model = WhisperForConditionalGeneration.from_pretrained(written(three, tmp_path / "out"))
        WhisperProcessor.from_pretrained(tmp_path / "out")
        expected = WhisperForConditionalGeneration.from_pretrained(three[0])
    expected.load_state_dict(reference(three, lambda _: (1, 1, 1), None), strict=False)
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 128, 3000)).astype(np.float32))
    tokens = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        ours, theirs = (one.eval()(features, decoder_input_ids=tokens).logits for one in (model, expected))
    assert torch.equal(ours, theirs)


def shards(folder: Path) -> None:
    tensors = tensors_of(folder)
    places = {name: f"model-0000{1 + at % 2}-of-00002.safetensors" for at, name in enumerate(sorted(tensors))}
    for place in set(places.values()):
        held = {name: values for name, values in tensors.items() if places[name] == place}
        save_file(held, folder / place, metadata={"format": "pt", "by": "somebody"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}), encoding="utf-8")
    (folder / "model.safetensors").unlink()


def torch_file(folder: Path) -> None:
    torch.save(tensors_of(folder), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def oddly_written(folder: Path) -> None:
    tensors = {name.removeprefix("model."): values for name, values in tensors_of(folder).items()}
    save_file(tensors, folder / "model.safetensors")
    path = folder / "config.json"
    path.write_text(path.read_text(encoding="utf-8").replace("  ", "\t"), encoding="utf-8")


@pytest.mark.parametrize("lay_out", [lambda _: None, shards, torch_file, oddly_written])
@pytest.mark.parametrize("how", [None, {"range_": "1:2"}, {"layers": ["*=1"]}], ids=["alone", "range", "layers"])
def test_of_one_checkpoint_it_is_that_one_byte_for_byte(
    lay_out: Callable[[Path], None], how: dict[str, Any] | None, series: list[Path], tmp_path: Path
) -> None:
    lay_out(series[1])
    # Only those that have a part decide what is written.
    set_json(series[2] / "config.json", dropout=0.5)
    told: Told = []
    out = written(series[1:2] if how is None else series, tmp_path / "out", told=told, **(how or {}))
    assert {path.name for path in out.iterdir()} == {path.name for path in series[1].iterdir()} | {"average.json"}
    for path in series[1].iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes(), path.name
    assert record(out)["sha256"] == {path.name: sha256(path) for path in series[1].glob("*model*.*") if path.is_file()}
    assert record(out)["differences"] == []
    assert told[-1][1] == told[-1][2]


def test_one_checkpoint_in_another_type_is_rounded(three: list[Path], tmp_path: Path) -> None:
    out = written(three[:1], tmp_path / "out", dtype="float16")
    assert_same(tensors_of(out), {name: values.half() for name, values in tensors_of(three[0]).items()})
    assert record(out)["dtype"] == "float16"


def test_tensors_of_several_types_keep_them(series: list[Path], tmp_path: Path) -> None:
    def halve(tensors: dict[str, Any]) -> None:
        tensors.update({name: values.half() for name, values in tensors.items() if "norm" not in name})

    for folder in series:
        spoil(folder, halve)
    out = written(series, tmp_path / "out")
    assert_same(tensors_of(out), reference(series, lambda _: (1, 1, 1), None))
    assert record(out)["dtype"] is None


def test_it_says_what_it_was_made_of(series: list[Path], tmp_path: Path) -> None:
    without_tokenizer(series[2])
    told: Told = []
    out = written(series, tmp_path / "out", told=told, range_="-2:")
    said = record(out)
    assert said.pop("version")
    assert said == {
        "dtype": "float32",
        "sources": [
            {
                "number": number,
                "source": str(series[number]),
                "revision": None,
                "sha256": {"model.safetensors": sha256(series[number] / "model.safetensors")},
                "weight": 0.5,
            }
            for number in (1, 2)
        ],
        "layers": [],
        "range": "1:3",
        "text_files": str(series[2]),
        "tokenizer": str(series[1]),
        "differences": [f"the tokenizer is that of {series[1]}"],
        "sha256": {"model.safetensors": sha256(out / "model.safetensors")},
        "files": sorted(path.name for path in out.iterdir()),
    }
    assert {stage for stage, _, _ in told} == {"averaging"}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1] == told[-1][2]


@pytest.mark.posix("names that are no UTF-8")
def test_a_path_that_is_no_utf_8_can_be_read_from_the_record(series: list[Path], tmp_path: Path) -> None:
    odd = series[1].rename(os.fsdecode(os.fsencode(series[1]) + b"\xff"))
    for folders in ([series[0], odd], [odd]):
        assert record(written(folders, tmp_path / f"out{len(folders)}"))["sources"][-1]["source"] == str(odd)


def test_what_is_named_twice_is_hashed_once(
    series: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    whole = hashing.digest_of

    def digest_of(path: Path, on_chunk: Any) -> str:
        read.append(path)
        return whole(path, on_chunk)

    monkeypatch.setattr(hashing, "digest_of", digest_of)
    out = written([series[0], series[1], series[0]], tmp_path / "out")
    assert read == [folder / "model.safetensors" for folder in series[:2]]
    said = record(out)["sources"]
    assert said[0]["sha256"] == said[2]["sha256"] == {"model.safetensors": sha256(series[0] / "model.safetensors")}
    assert_same(tensors_of(out), reference([series[0], series[1], series[0]], lambda _: (1, 1, 1), None))


def test_what_a_source_refuses_is_said_of_the_source(
    series: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_bytes, refused = Path.read_bytes, series[2] / "generation_config.json"

    def refusing(path: Path) -> bytes:
        if path == refused:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return read_bytes(path)

    with open_series([str(folder) for folder in series]) as opened:
        monkeypatch.setattr(Path, "read_bytes", refusing)
        monkeypatch.setattr(Series, "differences_of", lambda *_: ())
        with pytest.raises(CheckpointError, match=rf"^{refused}: cannot be read \(Permission denied\)$"):
            write_average(tmp_path / "out", opened, Recipe(Mix.of_range(3, 0, 3)))
        monkeypatch.setattr(writing, "weight_files", lambda folder: [folder / "gone"])
        with pytest.raises(CheckpointError, match=rf"^{series[0]}/gone: cannot be read \(No such file"):
            write_average(tmp_path / "other", opened, Recipe(Mix.of_range(3, 0, 3)))


def test_layers_are_told_by_their_patterns_and_shares(three: list[Path], tmp_path: Path) -> None:
    said = record(written(three, tmp_path / "out", layers=["encoder*=0", "decoder*=0,1,3"]))
    assert said["layers"] == [
        {"pattern": "encoder*", "weights": {"0": 1.0}},
        {"pattern": "decoder*", "weights": {"1": 0.25, "2": 0.75}},
    ]
    assert said["range"] is None
    # No tensor is left to which a weight of its own would apply.
    assert [source["weight"] for source in said["sources"]] == [None, None, None]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("among", [True, False])
def test_what_is_no_number_is_named_in_an_average_and_in_a_copy(
    value: float, among: bool, series: list[Path], tmp_path: Path
) -> None:
    name = "model.decoder.layers.1.fc1.bias"
    spoil(series[1], lambda tensors: tensors[name].__setitem__(3, value))
    with pytest.raises(CheckpointError, match=rf"^{series[1]}: {name} holds values that are infinite or no numbers"):
        written(series if among else series[1:2], tmp_path / "out")


def test_a_file_that_shrinks_while_it_is_read_is_named(series: list[Path], tmp_path: Path) -> None:
    with open_series([str(folder) for folder in series]) as opened:
        with (series[1] / "model.safetensors").open("rb+") as stream:
            stream.truncate(20_000)
        with pytest.raises(CheckpointError, match=r"checkpoint-1000.*ended within"):
            write_average(tmp_path / "out", opened, Recipe(Mix.of_range(3, 0, 3)))


def test_a_disk_without_room_is_found_before_anything_is_written(
    three: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
    for folders in (three, three[:1]):
        with pytest.raises(OutputError, match=r"out: cannot be written \(.*the weights need [\d,]+ bytes\); make room"):
            written(folders, tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())


def test_a_disk_that_fills_up_is_one_line(three: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(rewriting.files, "put", full)
    with pytest.raises(OutputError, match=r"out: cannot be written \(No space left on device\); make room there$"):
        written(three, tmp_path / "out")
