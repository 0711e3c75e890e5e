"""A conversion as a user meets it: the folder it gives, what it leaves when it fails, and where it is found again."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import anime_whisper_ct2_convert.conversion as conversion_module
from anime_whisper_ct2.errors import CheckpointError, ConversionError, InputError, ModelFolderError
from anime_whisper_ct2.model_dir import MODEL_FILES, PREPROCESSOR, open_model_dir
from anime_whisper_ct2_convert import (
    binary,
    convert,
    convert_opened,
    default_output,
    ensure_converted,
    open_checkpoint,
    publish,
)
from anime_whisper_ct2_convert.averaging import Mix, Recipe, open_series, write_average
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint
from anime_whisper_ct2_convert.tensor import Tensor
from tests.support.held import Holders
from tests.support.windows import words_of

RunPython = Callable[..., Any]

FROM_TORCH = {"format": "pt"}


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def neighbours(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


def test_the_folder_holds_every_file_and_says_how_it_was_made(checkpoint: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    result = convert(
        str(checkpoint), tmp_path / "deep" / "out", quantization="int8", progress=lambda *args: seen.append(args)
    )
    assert {path.name for path in result.path.iterdir()} == {*MODEL_FILES, "awct2.json"}
    record = json.loads((result.path / "awct2.json").read_text(encoding="utf-8"))
    assert record["source"] == str(checkpoint)
    assert record["revision"] is None
    assert record["quantization"] == "int8"
    assert record["model_sha256"] == hashlib.sha256((result.path / "model.bin").read_bytes()).hexdigest()
    assert record["shape"]["decoder_layers"] == 2
    assert set(record["versions"]) >= {"awct2", "ctranslate2", "tokenizers"}
    assert record["repairs"] == list(result.repairs)
    stage, done, total = seen[-1]
    assert stage == "weights"
    assert result.model_bytes == done == total
    if os.name == "posix":
        (tmp_path / "any").mkdir()
        assert result.path.stat().st_mode == (tmp_path / "any").stat().st_mode


def test_converting_twice_gives_the_same_bytes(checkpoint: Path, tmp_path: Path) -> None:
    one, other = (convert(str(checkpoint), tmp_path / name).path for name in ("one", "other"))
    assert snapshot(one) == snapshot(other)


def test_nothing_imports_torch(checkpoint: Path, tmp_path: Path, run_python: RunPython) -> None:
    program = (
        "import sys; from pathlib import Path; from anime_whisper_ct2_convert import convert;"
        "convert(sys.argv[1], Path(sys.argv[2]), quantization='bfloat16');"
        "print({'torch', 'transformers', 'ctranslate2.specs', 'huggingface_hub'} & set(sys.modules))"
    )
    done = run_python(program, str(checkpoint), str(tmp_path / "out"))
    assert done.stdout == "set()\n", done.stderr


def test_faster_whisper_runs_it_with_word_timestamps(checkpoint: Path, tmp_path: Path, run_python: RunPython) -> None:
    converted = convert(str(checkpoint), tmp_path / "out").path
    # In a process of its own: alignment heads outside the decoder would kill this one.
    program = """
import sys
import numpy as np
from faster_whisper import WhisperModel
model = WhisperModel(sys.argv[1], device="cpu", compute_type="float32")
noise = np.random.default_rng(0).normal(size=32000).astype(np.float32)
segments, info = model.transcribe(noise, language="ja", word_timestamps=True, temperature=0, max_new_tokens=8,
                                  no_speech_threshold=None, log_prob_threshold=None, compression_ratio_threshold=None)
print(len(list(segments)), model.feature_extractor.mel_filters.shape[0], model.hf_tokenizer.token_to_id("<|ja|>"))
"""
    done = run_python(program, str(converted))
    assert done.returncode == 0, done.stderr
    ja = json.loads((converted / "vocabulary.json").read_text(encoding="utf-8")).index("<|ja|>")
    assert done.stdout.split()[1:] == ["128", str(ja)]


def test_a_result_is_replaced_only_when_forced(checkpoint: Path, tmp_path: Path) -> None:
    out = convert(str(checkpoint), tmp_path / "out").path
    before = snapshot(out)
    with pytest.raises(InputError, match="--force"):
        convert(str(checkpoint), out, quantization="int8")
    assert snapshot(out) == before
    convert(str(checkpoint), out, quantization="int8", force=True)
    assert json.loads((out / "awct2.json").read_text(encoding="utf-8"))["quantization"] == "int8"
    assert neighbours(out) == ["cache", "checkpoint", "out"]


def test_another_model_s_folder_is_never_offered_for_replacing(checkpoint: Path, tmp_path: Path) -> None:
    out = convert(str(checkpoint), tmp_path / "out").path
    other = shutil.copytree(checkpoint, tmp_path / "other")
    with pytest.raises(InputError, match=r"already, of .*checkpoint; choose another") as error:
        convert(str(other), out)
    assert "--force" not in str(error.value)
    (out / "awct2.json").unlink()
    with pytest.raises(InputError, match="which does not say of what; choose another OUTPUT") as error:
        convert(str(checkpoint), out)
    assert "--force" not in str(error.value)


@pytest.mark.parametrize("force", [False, True])
def test_folders_that_are_no_model_are_never_replaced(force: bool, checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "photos"
    out.mkdir()
    (out / "cat.jpg").touch()
    with pytest.raises(InputError, match="no converted model"):
        convert(str(checkpoint), out, force=force)
    with pytest.raises(InputError, match="is a file"):
        convert(str(checkpoint), out / "cat.jpg", force=force)
    with pytest.raises(InputError, match="the checkpoint lies there"):
        convert(str(checkpoint), checkpoint, force=force)
    with pytest.raises(InputError, match="the checkpoint lies there"):
        convert(str(checkpoint), tmp_path, force=force)
    assert (out / "cat.jpg").exists()


@pytest.mark.parametrize("name", [name for name in MODEL_FILES if name != PREPROCESSOR])
def test_a_folder_that_lost_a_file_is_repaired_by_the_command_it_names(
    name: str, checkpoint: Path, tmp_path: Path
) -> None:
    out = convert(str(checkpoint), tmp_path / "out", quantization="int8").path
    before = snapshot(out)
    (out / name).unlink()
    with pytest.raises(ModelFolderError) as error:
        open_model_dir(out)
    command = words_of(str(error.value).partition("repair it with: ")[2])
    assert command == ["awct2", "convert", str(checkpoint), str(out), "--force", "--quantization", "int8"]
    convert(command[2], Path(command[3]), force=True, quantization=command[6])
    assert snapshot(out) == before


def test_an_empty_folder_may_be_filled(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    open_model_dir(convert(str(checkpoint), tmp_path / "out").path)


def test_an_unknown_quantization_is_refused(checkpoint: Path) -> None:
    with pytest.raises(InputError, match="int4: no such quantization"):
        convert(str(checkpoint), quantization="int4")


@pytest.mark.parametrize("when", ["weights", "swap"])
def test_a_failed_conversion_leaves_the_old_result(
    when: str, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = convert(str(checkpoint), tmp_path / "out").path
    before = snapshot(out)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if when == "weights":
        monkeypatch.setattr(binary._HashingFile, "write", fail)
    else:
        rename = os.rename
        monkeypatch.setattr(os, "rename", lambda a, b: fail() if Path(a).name == "new" else rename(a, b))
    with pytest.raises(ConversionError, match=r"the disk is full; the conversion needs [\d,]+ bytes"):
        convert(str(checkpoint), out, force=True)
    assert snapshot(out) == before
    assert neighbours(out) == ["cache", "checkpoint", "out"]


def test_a_model_that_somebody_has_open_is_as_it_was_and_the_holder_is_named(
    checkpoint: Path, tmp_path: Path, holders: Holders
) -> None:
    out = convert(str(checkpoint), tmp_path / "out").path
    before = snapshot(out)
    holders.hold(out / "model.bin")
    with pytest.raises(ConversionError, match="another program has it open"):
        convert(str(checkpoint), out, force=True)
    assert snapshot(out) == before
    assert neighbours(out) == ["cache", "checkpoint", "out"]
    holders.let_go()
    holders.hold(out / "model.bin", tries=3)
    convert(str(checkpoint), out, force=True)
    assert neighbours(out) == ["cache", "checkpoint", "out"]


def test_a_glance_at_what_was_just_written_ends_no_conversion(tmp_path: Path, holders: Holders) -> None:
    with publish.published(tmp_path / "out", 1) as staging:
        (staging / "model.bin").write_bytes(b"weights")
        holders.hold(staging / "model.bin", tries=2, readable=False)
    assert (tmp_path / "out" / "model.bin").read_bytes() == b"weights"
    assert len(holders.refusals) == 2


def test_too_small_a_disk_is_refused_before_anything_is_written(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(ConversionError, match=r"1,000 are free"):
        convert(str(checkpoint), tmp_path / "out")
    assert neighbours(tmp_path / "out") == ["cache", "checkpoint"]


@pytest.mark.posix("modes")
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(checkpoint: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    with pytest.raises(ConversionError, match="cannot be written"):
        convert(str(checkpoint), closed / "out")


@pytest.mark.parametrize("aside", [{"convert": "old"}, {"old": "model", "part": ""}], ids=["now", "earlier version"])
def test_what_a_killed_conversion_left_is_cleared(aside: dict[str, str], checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert(str(checkpoint), out)
    before = snapshot(out)
    # Killed between the two renames: the old result aside, the new one not yet in place.
    for name, holds in aside.items():
        (tmp_path / f".awct2-{name}-{hashlib.sha256(b'out').hexdigest()[:8]}-x" / holds).mkdir(parents=True)
    name, holds = next(iter(aside.items()))
    out.rename(next(tmp_path.glob(f".awct2-{name}-*")) / holds)
    with pytest.raises(InputError, match="--force"):
        convert(str(checkpoint), out)
    assert snapshot(out) == before
    assert neighbours(out) == ["cache", "checkpoint", "out"]


def test_the_cache_is_filled_once_however_many_ask(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    write = binary.write_model
    monkeypatch.setattr(binary, "write_model", lambda *args: calls.append(1) or write(*args))
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: ensure_converted(str(checkpoint)), range(4)))
    assert paths == {default_output(str(checkpoint))}
    assert len(calls) == 1


def test_run_finds_what_convert_put_into_the_cache(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = convert(str(checkpoint), quantization="int8")
    monkeypatch.setattr(conversion_module, "_convert", None)
    assert ensure_converted(str(checkpoint), quantization="int8") == result.path


def test_a_folder_that_changed_is_converted_again(checkpoint: Path) -> None:
    before = ensure_converted(str(checkpoint))
    weights = checkpoint / "model.safetensors"
    os.utime(weights, ns=(0, weights.stat().st_mtime_ns + 1_000))
    assert ensure_converted(str(checkpoint)) != before


def test_a_failed_check_publishes_nothing(checkpoint: Path, tmp_path: Path) -> None:
    path = checkpoint / "generation_config.json"
    generation = json.loads(path.read_text(encoding="utf-8"))
    generation["lang_to_id"]["<|ja|>"] += 1
    path.write_text(json.dumps(generation), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"<\|ja\|> has id \d+ in generation_config\.json"):
        convert(str(checkpoint), tmp_path / "out")
    assert neighbours(tmp_path / "out") == ["cache", "checkpoint"]


def test_another_format_of_ctranslate2_is_told(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(binary, "installed_format", lambda: (7, 4))
    convert(str(checkpoint), tmp_path / "out")
    assert "writes model.bin version 7 with Whisper layout 4" in caplog.text


def changed(checkpoint: Path, folder: Path, seed: int, dtype: Any = torch.float32) -> Path:
    """Make another checkpoint like it, of other weights; those that were all alike stay so, for aliases."""
    shutil.copytree(checkpoint, folder)
    random = torch.Generator().manual_seed(seed)
    tensors = load_file(folder / "model.safetensors")
    for values in tensors.values():
        if values.min() < values.max():
            values.add_(torch.randn(values.shape, generator=random), alpha=0.01)
    save_file({name: values.to(dtype) for name, values in tensors.items()}, folder / "model.safetensors", FROM_TORCH)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    named = str(dtype).removeprefix("torch.")
    (folder / "config.json").write_text(json.dumps(config | {"torch_dtype": named}), encoding="utf-8")
    return folder


def with_projection(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["proj_out.weight"] = tensors["model.decoder.embed_tokens.weight"].clone()
    save_file(tensors, folder / "model.safetensors", FROM_TORCH)


def contents(folder: Path) -> dict[str, bytes]:
    """What was converted, but for the note of what it was made of."""
    return {name: content for name, content in snapshot(folder).items() if name != "awct2.json"}


def watched(checkpoint: OpenCheckpoint, asked: dict[str, int]) -> OpenCheckpoint:
    def watch(tensor: Tensor) -> Tensor:
        def read(start: int, stop: int) -> Any:
            asked[tensor.name] = asked.get(tensor.name, 0) + stop - start
            return tensor.read(start, stop)

        return replace(tensor, read=read)

    return replace(checkpoint, tensors={name: watch(tensor) for name, tensor in checkpoint.tensors.items()})


@pytest.mark.parametrize("quantization", ["float32", "bfloat16", "int8_float16"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_blend_converts_to_what_its_written_checkpoint_does(
    quantization: str, dtype: Any, checkpoint: Path, tmp_path: Path
) -> None:
    folders = [changed(checkpoint, tmp_path / f"checkpoint-{seed}", seed, dtype) for seed in range(3)]
    recipe = Recipe(Mix.of_weights([0.2, 0.3, 0.5]), (("encoder*", Mix.of_range(3, 0, 2)),))
    with open_series([str(folder) for folder in folders]) as series:
        write_average(tmp_path / "written", series, recipe)
        made = convert_opened(series.blend(recipe), tmp_path / "blend", quantization=quantization)
        open_model_dir(made.path)
    written = convert(str(tmp_path / "written"), tmp_path / "from written", quantization=quantization)
    assert contents(made.path) == contents(written.path)
    assert made.repairs == written.repairs
    assert made.model_bytes == written.model_bytes


def test_each_weight_of_a_blend_is_computed_about_once(checkpoint: Path, tmp_path: Path) -> None:
    folders = [changed(checkpoint, tmp_path / f"checkpoint-{seed}", seed) for seed in range(2)]
    asked: dict[str, int] = {}
    with open_series([str(folder) for folder in folders]) as series:
        blend = watched(series.blend(Recipe(Mix.of_weights([0.5, 0.5]))), asked)
        convert_opened(blend, tmp_path / "out")
        assert asked.keys() == blend.tensors.keys()
        for name, tensor in blend.tensors.items():
            # A glance at both ends, for each variable; only biases that are all alike are compared in full.
            assert asked[name] <= tensor.size + 4 * 32 or len(tensor.shape) == 1, name


@pytest.mark.parametrize("spoil", [lambda _: None, with_projection], ids=["as it is", "projection"])
def test_a_checkpoint_that_is_open_converts_as_its_folder_does(
    spoil: Callable[[Path], None], checkpoint: Path, tmp_path: Path
) -> None:
    spoil(checkpoint)
    seen: list[tuple[str, int, int]] = []
    plain = convert(str(checkpoint), tmp_path / "plain", quantization="int8")
    with open_checkpoint(str(checkpoint)) as opened:
        made = convert_opened(opened, tmp_path / "made", quantization="int8", progress=lambda *args: seen.append(args))
    assert snapshot(made.path) == snapshot(plain.path)
    assert replace(made, path=plain.path, wall_s=plain.wall_s) == plain
    assert seen[-1] == ("weights", made.model_bytes, made.model_bytes)


def test_an_average_that_is_too_large_is_not_said_to_be_a_checkpoint_s_fault(checkpoint: Path, tmp_path: Path) -> None:
    name = "model.encoder.layer_norm.weight"
    other = changed(checkpoint, tmp_path / "other", 1)
    tensors = load_file(other / "model.safetensors")
    tensors[name][3] = 3e38
    save_file(tensors, other / "model.safetensors", FROM_TORCH)
    with open_series([str(checkpoint), str(other)]) as series:
        for weights in ([-1.0, 3.0], [1.0, 1e305]):
            blend = series.blend(Recipe(Mix.of_weights(weights)))
            with pytest.raises(CheckpointError, match=rf"^the average of {name} has values .*; choose other weights$"):
                convert_opened(blend, tmp_path / "out")


def test_where_a_drive_is_mounted_nothing_is_converted_to(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mounted").mkdir()
    monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == tmp_path / "mounted")
    with pytest.raises(InputError, match="mounted: is a whole drive, or where one is mounted; choose a folder in it"):
        convert(str(checkpoint), tmp_path / "mounted", force=True)
    assert not any((tmp_path / "mounted").iterdir())


@pytest.mark.posix("names that are no UTF-8")
def test_a_source_that_is_no_utf_8_is_written_down(checkpoint: Path, tmp_path: Path) -> None:
    odd = checkpoint.rename(os.fsdecode(os.fsencode(checkpoint) + b"\xff"))
    made = convert(str(odd), tmp_path / "out")
    assert json.loads((made.path / "awct2.json").read_text(encoding="utf-8"))["source"] == str(odd)


def test_what_is_open_is_refused_and_fails_as_a_folder_does(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with open_checkpoint(str(checkpoint)) as opened:
        with pytest.raises(InputError, match="int4: no such quantization"):
            convert_opened(opened, out, quantization="int4")
        with pytest.raises(InputError, match="the checkpoint lies there"):
            convert_opened(opened, checkpoint)
        before = snapshot(convert_opened(opened, out).path)
        with pytest.raises(InputError, match="replace it with --force"):
            convert_opened(opened, out)

        def ended(*_: object) -> None:
            raise CheckpointError("ended within it")

        monkeypatch.setattr(binary, "write_model", ended)
        with pytest.raises(CheckpointError, match=r"checkpoint: ended within it"):
            convert_opened(opened, out, force=True)
    assert snapshot(out) == before
    assert neighbours(out) == ["cache", "checkpoint", "out"]
