"""A conversion as a user meets it: the folder it gives, what it leaves when it fails, and where it is found again."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import anime_whisper_ct2_convert.conversion as conversion_module
from anime_whisper_ct2.errors import CheckpointError, ConversionError, InputError, ModelFolderError
from anime_whisper_ct2.model_dir import MODEL_FILES, PREPROCESSOR, open_model_dir
from anime_whisper_ct2_convert import binary, convert, default_output, ensure_converted, publish
from tests.support.held import Holders
from tests.support.windows import words_of

RunPython = Callable[..., Any]


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
        assert stat.S_IMODE(result.path.stat().st_mode) == 0o777 & ~publish._umask()


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
        monkeypatch.setattr(os, "rename", lambda a, b: fail() if "part" in Path(a).name else rename(a, b))
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


def test_what_a_killed_conversion_left_is_cleared(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    old = tmp_path / f"{publish._prefix(out, 'old')}x"
    part = tmp_path / f"{publish._prefix(out, 'part')}x"
    convert(str(checkpoint), out)
    before = snapshot(out)
    # Killed between the two renames: the old result aside, the new one not yet in place.
    old.mkdir()
    out.rename(old / "model")
    part.mkdir()
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
