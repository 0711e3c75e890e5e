"""Sums that are kept on disk give any range of checkpoints, bit for bit as if those themselves had been read."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from anime_whisper_ct2.errors import CheckpointError, OutputError
from anime_whisper_ct2.system import files
from anime_whisper_ct2_convert.averaging import Mix, PrefixSums, Recipe, Series, open_series, open_sums, sums
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint
from anime_whisper_ct2_convert.tensor import Tensor

COUNT = 5
RANGES = [(0, 1), (0, 3), (0, 5), (1, 4), (4, 5)]
DTYPES: dict[Any, torch.dtype] = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
CARRIED = {"float32": torch.int32, "float16": torch.int16, "bfloat16": torch.int16}


@pytest.fixture(scope="module")
def checkpoints(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """As many checkpoints of each type, of values that are some thousand times larger than others."""
    made: dict[str, list[Path]] = {}
    random = torch.Generator().manual_seed(0)
    shapes = {name: values.shape for name, values in load_file(pristine / "model.safetensors").items()}
    for dtype, stored in DTYPES.items():
        top = tmp_path_factory.mktemp(dtype)
        for number in range(COUNT):
            folder = Path(shutil.copytree(pristine, top / f"checkpoint-{number}"))
            tensors = {}
            for name, shape in shapes.items():
                scale = 2.0 ** torch.randint(-10, 4, shape, generator=random)
                tensors[name] = (torch.randn(shape, generator=random) * scale).to(stored)
                tensors[name].view(-1)[:2] = torch.tensor([-0.0, 0.0])
            save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
            made.setdefault(dtype, []).append(folder)
    return made


@contextmanager
def opened(folders: Sequence[Path], folder: Path, progress: Any = None) -> Iterator[tuple[Series, PrefixSums]]:
    with (
        open_series([str(one) for one in folders]) as series,
        open_sums(folder, series, series.identities(), progress) as kept,
    ):
        yield series, kept


def whole(tensor: Tensor) -> Any:
    return tensor.read(0, tensor.size)


def states(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.mark.parametrize("source", DTYPES)
def test_each_range_is_what_torch_averages_in_float64(
    source: str, checkpoints: dict[str, list[Path]], tmp_path: Path
) -> None:
    stored = [load_file(folder / "model.safetensors") for folder in checkpoints[source]]
    doubled = {name: torch.stack([tensors[name].double() for tensors in stored]) for name in stored[0]}
    with opened(checkpoints[source], tmp_path / "sums") as (series, kept):
        assert kept.places.keys() == series.checkpoints[0].tensors.keys() == doubled.keys()
        for first, stop in RANGES:
            for name, values in doubled.items():
                # Of negative zeros alone, torch's sum is one again, and ours is zero.
                expected = values[first:stop].sum(0) / (stop - first) + 0.0
                for target, dtype in DTYPES.items():
                    found = whole(kept.tensor(name, first, stop, target)).reshape(expected.shape)
                    bits = expected.to(dtype).view(CARRIED[target]).numpy()
                    assert np.array_equal(found.view(bits.dtype), bits), (name, first, stop, target)


@pytest.mark.parametrize("source", DTYPES)
def test_it_makes_no_difference_whether_sums_are_read_or_checkpoints(
    source: Any, checkpoints: dict[str, list[Path]], tmp_path: Path
) -> None:
    with opened(checkpoints[source], tmp_path / "sums") as (series, kept):
        for first, stop in RANGES[1:4]:
            recipe = Recipe(Mix.of_range(COUNT, first, stop))
            one, other = series.blend(recipe), series.blend(recipe, sums=kept)
            assert one.tensors.keys() == other.tensors.keys()
            for name, tensor in one.tensors.items():
                assert other.tensors[name].dtype == tensor.dtype == source
                expected = whole(tensor).tobytes()
                assert whole(other.tensors[name]).tobytes() == expected
                assert whole(kept.tensor(name, first, stop, source)).tobytes() == expected


def test_a_long_range_is_read_from_two_files_and_a_short_one_from_its_checkpoints(
    checkpoints: dict[str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: set[int] = set()
    read_sums = sums._read

    def noted(folder: Path, number: int, start: int, stop: int) -> Any:
        read.add(number)
        return read_sums(folder, number, start, stop)

    with opened([*checkpoints["float32"] * 3], tmp_path / "sums") as (series, kept):
        monkeypatch.setattr(sums, "_read", noted)
        for first, stop, expected in ((0, 15, {15}), (0, 2, set()), (3, 14, {3, 14}), (2, 6, set()), (5, 6, set())):
            read.clear()
            for tensor in series.blend(Recipe(Mix.of_range(15, first, stop)), sums=kept).tensors.values():
                whole(tensor)
            assert read == expected, (first, stop)


@pytest.mark.parametrize(
    ("first", "item_bytes", "expected"),
    [(0, [4, 4], False), (0, [4, 4, 4], True), (1, [2] * 8, False), (1, [2] * 9, True), (3, [4] * 5, True)],
)
def test_sums_are_read_where_their_checkpoints_have_more_bytes(
    first: int, item_bytes: list[int], expected: bool
) -> None:
    assert sums.is_cheaper(first, item_bytes) is expected


def test_only_some_elements_are_read_at_a_time(
    checkpoints: dict[str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "BLOCK_ELEMENTS", 1000)
    asked: list[int] = []

    def watched(checkpoint: OpenCheckpoint) -> OpenCheckpoint:
        def watch(tensor: Tensor) -> Tensor:
            def read(start: int, stop: int) -> Any:
                asked.append(stop - start)
                return tensor.read(start, stop)

            return replace(tensor, read=read)

        return replace(checkpoint, tensors={name: watch(tensor) for name, tensor in checkpoint.tensors.items()})

    with open_series([str(folder) for folder in checkpoints["float16"]]) as series:
        watching = replace(series, checkpoints=tuple(map(watched, series.checkpoints)))
        with open_sums(tmp_path / "sums", watching, watching.identities()) as kept:
            pass
        assert max(asked) == 1000
        assert sum(asked) == COUNT * sum(tensor.size for tensor in series.checkpoints[0].tensors.values())
        name = "model.decoder.embed_tokens.weight"
        expected = whole(series.blend(Recipe(Mix.of_range(COUNT, 1, 5))).tensors[name])
        assert np.array_equal(kept.tensor(name, 1, 5, "float16").read(777, 3333), expected[777:3333])


def test_what_a_killed_making_has_finished_is_kept(checkpoints: dict[str, list[Path]], tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = tmp_path / "some sums"

    def stop(stage: str, done: int, total: int) -> None:
        if done > 0.7 * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), opened(checkpoints["float16"], folder, stop):
        pytest.fail("they are whole")
    before = states(folder)
    assert sorted(before) == ["sum-00001.f64", "sum-00002.f64", "sum-00003.f64", "sums.json"]
    # As a kill leaves the one that it was at.
    (folder / f"sum-00004.f64{files.BESIDE}").write_bytes(b"torn")
    with opened(checkpoints["float16"], folder, lambda *args: seen.append(args)) as (series, kept):
        n_elements = sum(tensor.size for tensor in series.checkpoints[0].tensors.values())
        assert whole(kept.tensor("model.encoder.conv1.bias", 0, 5, "float32")).size == 32
    after = states(folder)
    assert sorted(after) == [*sorted(before)[:3], "sum-00004.f64", "sum-00005.f64", "sums.json"]
    assert {name: after[name] for name in before} == before
    done = [bytes_done for _, bytes_done, _ in seen]
    assert done == sorted(done)
    assert done[0] > 3 * 8 * n_elements
    assert seen[-1] == ("sums", 5 * 8 * n_elements, 5 * 8 * n_elements)
    with opened(checkpoints["float16"], tmp_path / "at once"):
        pass
    for name in after:
        assert (folder / name).read_bytes() == (tmp_path / "at once" / name).read_bytes()


def test_sums_that_are_there_are_not_made_again_and_those_of_other_checkpoints_are_replaced(
    checkpoints: dict[str, list[Path]], tmp_path: Path
) -> None:
    folder, name = tmp_path / "sums", "model.decoder.layer_norm.weight"
    with opened(checkpoints["float32"], folder):
        before = states(folder)
    with opened(checkpoints["float32"], folder, lambda *_: pytest.fail("they are made again")):
        assert states(folder) == before
    others = checkpoints["float32"][:0:-1]
    with opened(others, folder) as (series, kept):
        assert len(list(folder.iterdir())) == len(others) + 1
        expected = series.blend(Recipe(Mix.of_range(4, 0, 4))).tensors[name]
        assert np.array_equal(whole(kept.tensor(name, 0, 4, "float32")), whole(expected))


def test_a_disk_without_room_is_told_before_anything_is_written(
    checkpoints: dict[str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
    told = (
        r"sums: .*; 5 files of ([\d,]+) bytes each need [\d,]+ bytes, 1,000 are free\); make room there, or .* --work"
    )
    with pytest.raises(OutputError, match=told), opened(checkpoints["float32"], tmp_path / "sums"):
        pytest.fail("there was room")
    assert [path.name for path in (tmp_path / "sums").iterdir()] == ["sums.json"]


def test_a_disk_that_fills_up_is_one_line_and_nothing_torn_stays(
    checkpoints: dict[str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    folder = tmp_path / "sums"
    (tmp_path / "sums").mkdir()
    monkeypatch.setattr(files, "put", lambda *_: None)
    with pytest.raises(OutputError, match=r"sums: .* cannot be kept there \(No space left") as caught:
        opened(checkpoints["float32"], folder).__enter__()
    assert "\n" not in str(caught.value)
    assert not list(folder.iterdir())


def test_a_value_that_is_no_number_is_named_with_its_checkpoint(
    checkpoints: dict[str, list[Path]], tmp_path: Path
) -> None:
    spoilt = Path(shutil.copytree(checkpoints["bfloat16"][1], tmp_path / "diverged"))
    tensors = load_file(spoilt / "model.safetensors")
    tensors["model.encoder.conv2.weight"].view(-1)[100] = float("nan")
    save_file(tensors, spoilt / "model.safetensors", metadata={"format": "pt"})
    with (
        pytest.raises(CheckpointError, match=r"diverged: model\.encoder\.conv2\.weight holds values that are"),
        opened([checkpoints["bfloat16"][0], spoilt], tmp_path / "sums"),
    ):
        pytest.fail("it was added")
    assert sorted(path.name for path in (tmp_path / "sums").iterdir()) == ["sum-00001.f64", "sums.json"]


def test_an_average_too_large_for_the_type_and_a_file_that_has_ended_are_named(
    checkpoints: dict[str, list[Path]], tmp_path: Path
) -> None:
    large = Path(shutil.copytree(checkpoints["float32"][1], tmp_path / "large"))
    tensors = load_file(large / "model.safetensors")
    tensors["model.encoder.conv2.bias"][3] = 1e6
    save_file(tensors, large / "model.safetensors", metadata={"format": "pt"})
    with opened([checkpoints["float32"][0], large], tmp_path / "sums") as (_, kept):
        average = kept.tensor("model.encoder.conv2.bias", 0, 2, "float16")
        with pytest.raises(CheckpointError, match=r"conv2\.bias has values that are too large for float16"):
            whole(average)
        path = tmp_path / "sums" / "sum-00002.f64"
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(OutputError, match=r"sum-00002\.f64: ended while it was read"):
            whole(average)
        path.unlink()
        with pytest.raises(OutputError, match=r"sum-00002\.f64: cannot be read"):
            whole(average)
    with opened([checkpoints["float32"][0], large], tmp_path / "sums") as (_, kept):
        assert whole(kept.tensor("model.encoder.conv2.bias", 0, 2, "float32"))[3] > 4e5
