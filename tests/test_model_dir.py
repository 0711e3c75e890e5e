"""A converted folder is refused for every fault that would crash the engine or give wrong text."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.errors import ModelFolderError
from anime_whisper_ct2.model_dir import (
    AWCT2,
    MODEL_FILES,
    ModelShape,
    cache_root,
    cached_conversion_path,
    is_checkpoint,
    is_converted,
    open_model_dir,
)

TOKENS = ["a", "b", "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|ja|>", "<|translate|>", "<|transcribe|>",
          "<|notimestamps|>", "<|0.00|>", "<|0.02|>"]  # fmt: skip
CONFIG: dict[str, Any] = {"alignment_heads": [[1, 0], [1, 1]], "lang_ids": [4, 5], "suppress_ids": [],
                          "suppress_ids_begin": [0, 2]}  # fmt: skip


def model_bin(*, n_mels: int = 8, n_vocab: int = len(TOKENS), layers: int = 2, name: str = "WhisperSpec") -> bytes:
    """The file as CTranslate2's specification describes it, with the few variables that are looked at."""

    def string(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    def variable(name: str, shape: tuple[int, ...], type_id: int, data: bytes) -> bytes:
        dims = struct.pack(f"<B{len(shape)}I", len(shape), *shape)
        return string(name) + dims + struct.pack("<BI", type_id, len(data)) + data

    variables = [
        variable("decoder/embeddings/weight", (n_vocab, 2), 0, bytes(n_vocab * 8)),
        *(variable(f"decoder/layer_{i}/ffn/linear_0/bias", (3,), 0, bytes(12)) for i in range(layers)),
        variable("decoder/num_heads", (), 2, struct.pack("<h", 2)),
        variable("encoder/conv1/weight", (2, n_mels, 3), 0, bytes(n_mels * 24)),
    ]
    head = struct.pack("<I", 6) + string(name) + struct.pack("<II", 3, len(variables))
    return head + b"".join(variables) + struct.pack("<I", 0)


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def tokenizer(tokens: list[str]) -> dict[str, Any]:
    ids = {token: i for i, token in enumerate(tokens)}
    added = [{"id": i, "content": token} for token, i in ids.items() if token.startswith("<|")]
    return {"model": {"vocab": {token: i for token, i in ids.items() if i < 3}}, "added_tokens": added}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.mkdir()
    (path / "model.bin").write_bytes(model_bin())
    write(path / "config.json", CONFIG)
    write(path / "vocabulary.json", TOKENS)
    write(path / "tokenizer.json", tokenizer(TOKENS))
    write(path / "preprocessor_config.json", {"feature_size": 8})
    return path


def test_a_sound_folder_is_described(folder: Path) -> None:
    model = open_model_dir(folder)
    assert model.path == folder
    assert model.shape == ModelShape(n_mels=8, n_vocab=len(TOKENS), decoder_layers=2, decoder_heads=2)
    assert model.n_mels == 8
    assert model.config == CONFIG
    assert model.awct2 == {}


def test_the_fingerprint_is_the_digest_of_the_weights(folder: Path) -> None:
    digest = hashlib.sha256(model_bin()).hexdigest()
    assert open_model_dir(folder).fingerprint == digest
    write(folder / AWCT2, {"model_sha256": "f" * 64})
    assert open_model_dir(folder).fingerprint == "f" * 64


@pytest.mark.parametrize("name", MODEL_FILES)
def test_an_absent_file_is_named_with_the_command_that_makes_it(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelFolderError) as error:
        open_model_dir(folder)
    assert name in str(error.value)
    assert f"awct2 convert litagin/anime-whisper {folder} --force" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_command_names_the_source_where_it_is_known(folder: Path) -> None:
    write(folder / AWCT2, {"source": "/my models/one", "quantization": "int8", "revision": None})
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelFolderError) as error:
        open_model_dir(folder)
    assert str(error.value).endswith(f"awct2 convert '/my models/one' {folder} --force --quantization int8")


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="no such folder"):
        open_model_dir(tmp_path / "gone")


def test_another_model_s_tokenizer_is_refused(folder: Path) -> None:
    # whisper-tiny's has one language less: every special token after the languages is one too low.
    write(folder / "tokenizer.json", tokenizer([token for token in TOKENS if token != "<|en|>"]))
    with pytest.raises(ModelFolderError, match=r"<\|ja\|> has id 4 in tokenizer.json and has id 5 in vocabulary.json"):
        open_model_dir(folder)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([*TOKENS, "<|more|>"], r"<\|more\|> has id 11 .* does not exist in vocabulary"),
        (TOKENS[:8], r"lacks the token <\|notimestamps\|>"),
    ],
)
def test_a_tokenizer_with_more_or_fewer_tokens_is_refused(tokens: list[str], message: str, folder: Path) -> None:
    write(folder / "tokenizer.json", tokenizer(tokens))
    with pytest.raises(ModelFolderError, match=message):
        open_model_dir(folder)


def test_a_tokenizer_without_timestamps_is_sound(folder: Path) -> None:
    write(folder / "tokenizer.json", tokenizer(TOKENS[:9]))
    open_model_dir(folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"alignment_heads": [[7, 0], [25, 6]]}, "head 0 of layer 7, and the decoder has 2 layers of 2 heads"),
        ({"alignment_heads": [[1, 2]]}, "head 2 of layer 1"),
        ({"suppress_ids": None}, "suppress_ids in config.json is not a list"),
        ({"suppress_ids_begin": [11]}, "suppress_ids_begin in config.json is not a list of token ids below 11"),
        ({"lang_ids": [1]}, "lang_ids in config.json names 1, which is 'b'"),
    ],
)
def test_a_config_that_would_crash_is_refused(values: dict[str, Any], message: str, folder: Path) -> None:
    write(folder / "config.json", {**CONFIG, **values})
    with pytest.raises(ModelFolderError, match=message):
        open_model_dir(folder)


def test_other_mel_bands_are_refused(folder: Path) -> None:
    write(folder / "preprocessor_config.json", {})
    with pytest.raises(ModelFolderError, match=r"80 mel bands and model\.bin takes 8"):
        open_model_dir(folder)


def test_a_vocabulary_of_another_size_is_refused(folder: Path) -> None:
    (folder / "model.bin").write_bytes(model_bin(n_vocab=9))
    with pytest.raises(ModelFolderError, match=r"holds 11 tokens and model\.bin 9"):
        open_model_dir(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x06",
        b"not a model at all, only text",
        model_bin()[:120],
        model_bin()[:-60],
        model_bin()[:-2],
        model_bin(layers=0),
        model_bin(name="TransformerSpec"),
    ],
)
def test_a_broken_model_is_refused(content: bytes, folder: Path) -> None:
    (folder / "model.bin").write_bytes(content)
    with pytest.raises(ModelFolderError, match="truncated or is not a Whisper model"):
        open_model_dir(folder)


@pytest.mark.parametrize("name", ["config.json", "vocabulary.json", "tokenizer.json", "awct2.json"])
@pytest.mark.parametrize("content", ["{", "7"])
def test_broken_json_is_named(name: str, content: str, folder: Path) -> None:
    (folder / name).write_text(content)
    with pytest.raises(ModelFolderError, match=name):
        open_model_dir(folder)


def test_folders_are_told_apart(folder: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "config.json").touch()
    assert not is_checkpoint(checkpoint)
    (checkpoint / "model.safetensors").touch()
    assert is_checkpoint(checkpoint)
    assert not is_converted(checkpoint)
    assert is_converted(folder)
    assert not is_checkpoint(folder)
    assert not is_checkpoint(tmp_path / "gone")


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWCT2_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.delenv("AWCT2_CACHE")
    assert cache_root().name == "awct2" or os.name == "nt"


def test_conversions_that_differ_are_kept_apart() -> None:
    keys = [
        ("litagin/anime-whisper", None, "float16"),
        ("litagin/anime-whisper", None, "int8"),
        ("litagin/anime-whisper", "v2", "float16"),
        ("litagin--anime-whisper", None, "float16"),
        ("/data/私のモデル/../モデル/", None, "float16"),
    ]
    paths = {cached_conversion_path(*key) for key in keys}
    assert len(paths) == len(keys)
    assert cached_conversion_path(*keys[0]).name.startswith("litagin--anime-whisper-float16-")
    assert all(path.parent == cache_root() / "models" for path in paths)
