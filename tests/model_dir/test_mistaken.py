"""What is named in place of a model is recognised, and the line says what to name instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from faster_whisper import available_models

from anime_whisper_ct2.errors import CheckpointError, ModelNotFoundError
from anime_whisper_ct2.model_dir.mistaken import hub_id_of, kind_of_weights, why_no_model
from anime_whisper_ct2.models import resolve_model
from anime_whisper_ct2_convert.source import open_source


@pytest.mark.parametrize("name", available_models())
def test_every_name_that_faster_whisper_knows_has_its_hub_id(name: str) -> None:
    found = hub_id_of(name)
    assert found is not None
    owner, _, model = found.partition("/")
    assert owner == ("distil-whisper" if name.startswith("distil") else "openai")
    assert model.endswith({"large": "large-v3", "turbo": "large-v3-turbo"}.get(name, name))


@pytest.mark.parametrize(
    ("name", "hub_id"),
    [
        ("Large-V3", "openai/whisper-large-v3"),
        ("whisper-large-v2", "openai/whisper-large-v2"),
        ("anime-whisper", "litagin/anime-whisper"),
        ("kotoba-whisper-v2.0", "kotoba-tech/kotoba-whisper-v2.0"),
        ("large-v4", None),
        ("openai/whisper-large-v3", None),
        ("my-model", None),
    ],
)
def test_so_have_others_and_what_is_no_such_name_has_none(name: str, hub_id: str | None) -> None:
    assert hub_id_of(name) == hub_id


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("ggml-base.bin", b"lmgg\x99\xca\0\0", "whisper.cpp (ggml)"),
        ("base.gguf", b"GGUF\3\0\0\0", "whisper.cpp (GGUF)"),
        ("model.bin", b"\6\0\0\0\x0c\0WhisperSpec\0", "the weights of a converted model"),
        ("pytorch_model.bin", b"PK\3\4", "PyTorch"),
        ("tiny.pt", b"PK\3\4", "PyTorch"),
        ("model.safetensors", b"\x10\0\0\0\0\0\0\0{", "safetensors"),
        ("model.onnx", b"\x08\7", "ONNX"),
        ("data.bin", b"RIFF", None),
        ("a.wav", b"RIFF", None),
    ],
)
def test_weights_are_told_by_their_bytes_or_their_names(
    name: str, head: bytes, kind: str | None, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(head)
    found = kind_of_weights(tmp_path / name)
    assert found is None if kind is None else kind in (found or "")


def lora(folder: Path) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "openai/whisper-small"}), encoding="utf-8"
    )
    (folder / "adapter_model.safetensors").touch()
    return folder


def checkpoint(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").touch()
    return folder


class TestNames:
    def test_a_size_gets_the_hub_id(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for resolve in (resolve_model, open_source):
            with pytest.raises(ModelNotFoundError, match=r"^large-v3: .* openai/whisper-large-v3 here"):
                resolve("large-v3")
        checkpoint(tmp_path / "large-v3")
        assert why_no_model("large-v3") is None

    def test_a_lora_adapter_is_to_be_merged_first(self, tmp_path: Path) -> None:
        folder = lora(tmp_path / "lora")
        said = r"LoRA adapter for openai/whisper-small .* merge_and_unload"
        with pytest.raises(ModelNotFoundError, match=said):
            resolve_model(str(folder))
        # With the config of its model beside it, it looks like a checkpoint.
        (folder / "config.json").write_text("{}", encoding="utf-8")
        with pytest.raises(ModelNotFoundError, match=said):
            resolve_model(str(folder))
        with pytest.raises(CheckpointError, match=said):
            open_source(str(folder))
        (folder / "model.safetensors").touch()
        assert why_no_model(str(folder)) is None

    def test_a_file_of_a_model_gets_its_folder(self, tmp_path: Path) -> None:
        folder = checkpoint(tmp_path / "checkpoint")
        assert why_no_model(str(folder / "model.safetensors")) == (
            f"{folder / 'model.safetensors'}: is one file of a model; name its folder: {folder}"
        )

    def test_a_model_of_others_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "ggml-base.bin").write_bytes(b"lmgg")
        for name in (tmp_path / "ggml-base.bin", tmp_path):
            said = why_no_model(str(name)) or ""
            assert "whisper.cpp (ggml), which cannot be read here; name the checkpoint" in said
        assert "no such file" in (why_no_model(str(tmp_path / "ggml-large.bin")) or "")

    @pytest.mark.parametrize("name", ["ggml-base", "me/ggml-base.bin", "me/base.gguf", "me/a.GGML", "/a/b/ggml-base"])
    def test_so_is_one_that_is_not_there(self, name: str) -> None:
        assert (why_no_model(name) or "").startswith(f"{name}: no such file; name a model by its folder or hub id")

    def test_a_trainer_s_folder_gets_its_last_checkpoint(self, tmp_path: Path) -> None:
        for step in (500, 1000, 1500):
            checkpoint(tmp_path / f"checkpoint-{step}")
        assert (why_no_model(str(tmp_path)) or "").endswith(f"name {tmp_path / 'checkpoint-1500'}")

    def test_the_hub_s_cache_gets_its_snapshot(self, tmp_path: Path) -> None:
        folder = checkpoint(tmp_path / "models--me--mine" / "snapshots" / "0123abcd")
        assert (why_no_model(str(tmp_path / "models--me--mine")) or "").endswith(f"name {folder}")

    def test_any_other_file_or_folder_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").touch()
        assert "is a file and no model" in (why_no_model(str(tmp_path / "a.txt")) or "")
        assert "neither a converted model" in (why_no_model(str(tmp_path)) or "")

    @pytest.mark.parametrize("name", ["litagin/anime-whisper", "me/my.model", "someone/whisper-ggml-ja", "./gone"])
    def test_what_may_be_a_hub_id_is_left_to_the_hub(self, name: str) -> None:
        assert why_no_model(name) is None
