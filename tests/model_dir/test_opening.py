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
from anime_whisper_ct2.system.commands import command_line

TOKENS = ["a", "b", "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|ja|>", "<|translate|>", "<|transcribe|>",
          "<|notimestamps|>", "<|0.00|>", "<|0.02|>"]  # fmt: skip
CONFIG: dict[str, Any] = {"alignment_heads": [[1, 0], [1, 1]], "lang_ids": [4, 5], "suppress_ids": [],
                          "suppress_ids_begin": [0, 2]}  # fmt: skip


def model_bin(*, n_mels: int = 8, n_vocab: int = len(TOKENS), layers: int = 2, name: str = "WhisperSpec",
              matrix: int = 0, floats: int = 0) -> bytes:  # fmt: skip
    """The file as CTranslate2's specification describes it, with the few variables that are looked at."""

    def string(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    def variable(name: str, shape: tuple[int, ...], type_id: int, data: bytes) -> bytes:
        dims = struct.pack(f"<B{len(shape)}I", len(shape), *shape)
        return string(name) + dims + struct.pack("<BI", type_id, len(data)) + data

    variables = [
        variable("decoder/embeddings/weight", (n_vocab, 2), matrix, bytes(n_vocab * 8)),
        *(variable(f"decoder/layer_{i}/ffn/linear_0/bias", (3,), 0, bytes(12)) for i in range(layers)),
        variable("decoder/num_heads", (), 2, struct.pack("<h", 2)),
        variable("encoder/conv1/weight", (2, n_mels, 3), floats, bytes(n_mels * 24)),
        variable("encoder/num_heads", (), 2, struct.pack("<h", 1)),
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
    assert model.shape == ModelShape(
        8, len(TOKENS), decoder_layers=2, decoder_heads=2, encoder_heads=1, width=2, stored_type="float32"
    )
    assert model.n_mels == 8
    assert model.config == CONFIG
    assert model.awct2 == {}
    assert model.quantization == "float32"


@pytest.mark.parametrize(
    ("matrix", "floats", "name"),
    [(0, 0, "float32"), (4, 4, "float16"), (5, 5, "bfloat16"), (1, 4, "int8_float16"), (2, 0, "default")],
)
def test_the_stored_type_is_that_of_the_weights(matrix: int, floats: int, name: str, folder: Path) -> None:
    (folder / "model.bin").write_bytes(model_bin(matrix=matrix, floats=floats))
    assert open_model_dir(folder).quantization == name
    write(folder / AWCT2, {"quantization": "int8"})
    assert open_model_dir(folder).quantization == "int8"


def test_the_fingerprint_is_the_digest_of_the_weights(folder: Path) -> None:
    digest = hashlib.sha256(model_bin()).hexdigest()
    assert open_model_dir(folder).fingerprint == digest
    write(folder / AWCT2, {"model_sha256": "f" * 64})
    assert open_model_dir(folder).fingerprint == "f" * 64


@pytest.mark.parametrize("name", [name for name in MODEL_FILES if name != "preprocessor_config.json"])
def test_an_absent_file_is_named_with_a_command_that_costs_no_model(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelFolderError) as error:
        open_model_dir(folder)
    assert name in str(error.value)
    assert "awct2 convert SOURCE NEW_FOLDER" in str(error.value)
    # Nobody knows what the folder holds: another model must not take its place.
    assert "--force" not in str(error.value)
    assert "\n" not in str(error.value)


def test_the_command_names_the_source_where_it_is_known(folder: Path) -> None:
    write(folder / AWCT2, {"source": "/my models/one", "quantization": "int8", "revision": None})
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelFolderError) as error:
        open_model_dir(folder)
    made = command_line("awct2", "convert", "/my models/one", str(folder), "--force", "--quantization", "int8")
    assert '"/my models/one"' in made
    assert str(error.value).endswith(made)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="no such folder"):
        open_model_dir(tmp_path / "gone")


def test_another_model_s_tokenizer_is_refused(folder: Path) -> None:
    # whisper-tiny's has one language less: every special token after the languages is one too low.
    write(folder / "tokenizer.json", tokenizer([token for token in TOKENS if token != "<|en|>"]))
    with pytest.raises(ModelFolderError, match=r"<\|ja\|> has id 4 in tokenizer.json and has id 5 in the vocabulary"):
        open_model_dir(folder)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([*TOKENS, "<|more|>"], r"<\|more\|> has id 11 .* does not exist in the vocabulary"),
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
        ({"suppress_ids": 7}, "suppress_ids in config.json is not a list"),
        ({"suppress_ids_begin": [11]}, "suppress_ids_begin in config.json is not a list of token ids below 11"),
        ({"lang_ids": [1]}, "lang_ids in config.json names 1, which is 'b'"),
    ],
)
def test_a_config_that_would_crash_is_refused(values: dict[str, Any], message: str, folder: Path) -> None:
    write(folder / "config.json", {**CONFIG, **values})
    with pytest.raises(ModelFolderError, match=message):
        open_model_dir(folder)


def test_a_config_without_what_the_engine_reads_by_itself_is_refused(folder: Path) -> None:
    write(folder / "config.json", {key: value for key, value in CONFIG.items() if key != "suppress_ids_begin"})
    with pytest.raises(ModelFolderError, match="has no suppress_ids_begin"):
        open_model_dir(folder)


@pytest.mark.parametrize("config", [{"suppress_ids_begin": None}, {**dict.fromkeys(CONFIG), "lang_ids": None}])
def test_what_other_converters_leave_empty_are_empty_lists(config: dict[str, Any], folder: Path) -> None:
    write(folder / "config.json", config)
    opened = open_model_dir(folder).config
    assert [opened[key] for key in ("suppress_ids", "suppress_ids_begin", "lang_ids")] == [[], [], []]


@pytest.mark.parametrize("heads", [[[7, 0], [25, 6]], [[1, 0], [1, 2]], [[-1, 0]], ["1"], [[0]]])
def test_alignment_heads_that_would_crash_are_left_out(heads: list[Any], folder: Path) -> None:
    write(folder / "config.json", {**CONFIG, "alignment_heads": heads})
    assert open_model_dir(folder).config["alignment_heads"] == []


def test_the_mel_bands_are_those_of_the_weights(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()
    assert open_model_dir(folder).n_mels == 8


def test_other_mel_bands_are_refused_with_the_way_to_mend_it(folder: Path) -> None:
    write(folder / "preprocessor_config.json", {})
    with pytest.raises(ModelFolderError, match=r"80 mel bands and model\.bin takes 8; write .feature_size.: 8 into it"):
        open_model_dir(folder)


def test_a_vocabulary_in_lines_is_read_too_and_goes_first_as_it_does_for_the_engine(folder: Path) -> None:
    (folder / "vocabulary.json").unlink()
    (folder / "vocabulary.txt").write_bytes("".join(f"{token}\n" for token in TOKENS).encode())
    assert open_model_dir(folder).shape.n_vocab == len(TOKENS)
    write(folder / "vocabulary.json", ["another model's"])
    open_model_dir(folder)
    (folder / "vocabulary.txt").write_bytes("\n".join(TOKENS[::-1]).encode())
    with pytest.raises(ModelFolderError, match="in the vocabulary"):
        open_model_dir(folder)


def test_a_token_that_is_empty_or_holds_another_line_end_is_a_token(folder: Path) -> None:
    # The vocabulary of whisper's larger models has an empty one in its midst.
    tokens = ["", "\x85", *TOKENS[2:]]
    (folder / "vocabulary.txt").write_bytes("".join(f"{token}\n" for token in tokens).encode())
    write(folder / "tokenizer.json", tokenizer(tokens))
    open_model_dir(folder)


def test_the_token_for_silence_has_two_names(folder: Path) -> None:
    older, newer = ["<|nocaptions|>", *TOKENS[1:]], ["<|nospeech|>", *TOKENS[1:]]
    for one, other in ((older, newer), (newer, older)):
        write(folder / "vocabulary.json", one)
        write(folder / "tokenizer.json", tokenizer(other))
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


@pytest.mark.parametrize(
    "name", ["config.json", "vocabulary.json", "tokenizer.json", "preprocessor_config.json", "awct2.json"]
)
@pytest.mark.parametrize("content", ["{", "7"])
def test_broken_json_is_named(name: str, content: str, folder: Path) -> None:
    (folder / name).write_text(content, encoding="utf-8")
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
