"""config.json equals CTranslate2's where nothing is at fault; each known fault is mended and told, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2_convert import convert
from anime_whisper_ct2_convert.config import check_special_ids, model_config, preprocessor_config
from anime_whisper_ct2_convert.whisper_layout import WhisperShape

Oracle = Callable[[Path, Path, str], Path]
SHAPE = WhisperShape(32, 2, 2, 48, 2, 4, 64, 1000, 128, 1500, 448, "float32", True)
IDS = {"<|endoftext|>": 500, "<|startoftranscript|>": 501, "<|en|>": 502, "<|ja|>": 503, "<|haw|>": 504,
       "<|transcribe|>": 505, "<|nospeech|>": 506, "<|notimestamps|>": 507, "<|0.00|>": 508}  # fmt: skip


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def edit(path: Path, **values: object) -> None:
    """Set keys of a JSON file; None takes one out."""
    content = {**read(path), **values}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}), encoding="utf-8")


def both(checkpoint: Path, tmp_path: Path, ct2_convert: Oracle) -> tuple[Path, Path]:
    return convert(str(checkpoint), tmp_path / "ours").path, ct2_convert(checkpoint, tmp_path / "theirs", "float16")


def test_sound_checkpoints_get_ctranslate2_s_files(checkpoint: Path, tmp_path: Path, ct2_convert: Oracle) -> None:
    edit(checkpoint / "generation_config.json", alignment_heads=[[1, 3], [0, 2]], suppress_tokens=[1, 2, 7])
    ours, theirs = both(checkpoint, tmp_path, ct2_convert)
    assert (ours / "config.json").read_text(encoding="utf-8") == (theirs / "config.json").read_text(encoding="utf-8")
    # On Windows, theirs ends its lines as Windows does.
    assert (ours / "vocabulary.json").read_bytes() == (theirs / "vocabulary.json").read_bytes().replace(b"\r\n", b"\n")
    assert [repair for repair in read(ours / "awct2.json")["repairs"] if "tokenizer.json" not in repair] == []


def test_so_do_those_without_alignment_heads(checkpoint: Path, tmp_path: Path, ct2_convert: Oracle) -> None:
    edit(checkpoint / "generation_config.json", alignment_heads=None)
    ours, theirs = both(checkpoint, tmp_path, ct2_convert)
    assert read(ours / "config.json") == read(theirs / "config.json")


def test_so_do_those_without_a_generation_config(checkpoint: Path, tmp_path: Path, ct2_convert: Oracle) -> None:
    (checkpoint / "generation_config.json").unlink()
    edit(checkpoint / "config.json", suppress_tokens=[3, 4], begin_suppress_tokens=[5])
    ours, theirs = both(checkpoint, tmp_path, ct2_convert)
    config, oracle = read(ours / "config.json"), read(theirs / "config.json")
    # CTranslate2 takes every special token it does not know for a language.
    vocabulary = read(ours / "vocabulary.json")
    assert {vocabulary[i] for i in set(oracle.pop("lang_ids")) - set(config.pop("lang_ids"))} == {"<|nospeech|>"}
    assert config == oracle
    assert any("lang_to_id was absent" in repair for repair in read(ours / "awct2.json")["repairs"])


def test_a_teacher_s_alignment_heads_give_way_to_the_last_layer(checkpoint: Path, tmp_path: Path) -> None:
    result = convert(str(checkpoint), tmp_path / "out")
    assert read(result.path / "config.json")["alignment_heads"] == [[1, 0], [1, 1], [1, 2], [1, 3]]
    assert any("alignment_heads named 10 heads outside" in repair for repair in result.repairs)


@pytest.mark.parametrize("heads", [[[2, 0]], [[1, 4]], [[-1, 0]], [[0, 0], [1, 9]]])
def test_one_head_outside_replaces_them_all(heads: list[list[int]]) -> None:
    repairs: list[str] = []
    config = model_config({}, {"alignment_heads": heads, "lang_to_id": {"<|ja|>": 503}}, IDS, SHAPE, repairs)
    assert config["alignment_heads"] == [[1, 0], [1, 1], [1, 2], [1, 3]]
    assert len(repairs) == 1


def test_lists_are_lists_even_where_nothing_was_said() -> None:
    config = model_config({}, {"suppress_tokens": None}, {}, SHAPE, [])
    assert config["suppress_ids"] == config["suppress_ids_begin"] == config["lang_ids"] == []


def test_ids_outside_the_vocabulary_are_left_out() -> None:
    repairs: list[str] = []
    config = model_config({}, {"suppress_tokens": [1, 5000], "begin_suppress_tokens": [-1, 2]}, {}, SHAPE, repairs)
    assert (config["suppress_ids"], config["suppress_ids_begin"]) == ([1], [2])
    assert len(repairs) == 2


def test_languages_of_the_tokenizer_stand_in() -> None:
    repairs: list[str] = []
    assert model_config({}, {}, IDS, SHAPE, repairs)["lang_ids"] == [502, 503, 504]
    assert repairs == ["lang_to_id was absent; lang_ids are the tokenizer's 3 languages"]


@pytest.mark.parametrize(
    ("generation", "token", "ids"),
    [
        ({"lang_to_id": {"<|ja|>": 504}}, "<|ja|>", ("504", "503")),
        ({"task_to_id": {"transcribe": 504}}, "<|transcribe|>", ("504", "505")),
        ({"decoder_start_token_id": 500}, "<|startoftranscript|>", ("500", "501")),
        ({"no_timestamps_token_id": 508}, "<|notimestamps|>", ("508", "507")),
        ({"eos_token_id": 501}, "<|endoftext|>", ("501", "500")),
        ({"lang_to_id": {"<|yue|>": 509}}, "<|yue|>", ("509", "no such token")),
    ],
)
def test_ids_that_differ_are_refused_with_both(generation: dict[str, Any], token: str, ids: tuple[str, str]) -> None:
    with pytest.raises(CheckpointError) as error:
        check_special_ids(generation, IDS)
    assert all(part in str(error.value) for part in (token, *ids))


def test_preprocessor_is_kept_without_its_filter_bank() -> None:
    repairs: list[str] = []
    found = {"feature_size": 128, "mel_filters": [[0.0]], "dither": 0.0}
    config = preprocessor_config(found, None, SHAPE, repairs)
    assert config["feature_size"] == 128
    assert config["dither"] == 0.0
    assert "mel_filters" not in config
    assert repairs == []


def test_mel_bands_are_made_to_agree() -> None:
    repairs: list[str] = []
    assert preprocessor_config({"feature_size": 80}, None, SHAPE, repairs)["feature_size"] == 128
    assert "80 mel bands" in repairs[0]


def test_transformers_5_keeps_it_in_processor_config() -> None:
    repairs: list[str] = []
    processor = {"feature_extractor": {"feature_size": 128, "padding_side": "right"}, "processor_class": "W"}
    config = preprocessor_config(None, processor, SHAPE, repairs)
    assert config["padding_side"] == "right"
    assert repairs == []


def test_an_absent_preprocessor_is_written() -> None:
    repairs: list[str] = []
    config = preprocessor_config(None, None, replace(SHAPE, num_mel_bins=80), repairs)
    assert (config["feature_size"], config["chunk_length"], config["sampling_rate"]) == (80, 30, 16000)
    assert "absent" in repairs[0]


@pytest.mark.parametrize(("key", "value"), [("sampling_rate", 8000), ("hop_length", 320), ("chunk_length", 20)])
def test_another_front_end_is_refused(key: str, value: int) -> None:
    with pytest.raises(CheckpointError, match=str(value)):
        preprocessor_config({key: value}, None, SHAPE, [])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "wav2vec2"}, "model_type is 'wav2vec2', not 'whisper'"),
        ({"activation_function": "relu"}, "activation_function is 'relu'"),
        ({"d_model": None}, "d_model is None"),
        ({"dtype": "float8_e4m3fn"}, "dtype is 'float8_e4m3fn'"),
        ({"decoder_layers": 3}, r"lacks the tensor model\.decoder\.layers\.2"),
        ({"decoder_layers": 1}, r"holds model\.decoder\.layers\.1\.\S+ and 23 more"),
        (
            {"num_mel_bins": 80},
            r"encoder\.conv1\.weight has shape \[32, 128, 3\] and config\.json makes it \[32, 80, 3\]",
        ),
    ],
)
def test_another_shape_is_refused(values: dict[str, Any], message: str, checkpoint: Path, tmp_path: Path) -> None:
    edit(checkpoint / "config.json", **values)
    edit(checkpoint / "generation_config.json", alignment_heads=None)
    with pytest.raises(CheckpointError, match=message) as error:
        convert(str(checkpoint), tmp_path / "out")
    assert str(error.value).startswith(f"{checkpoint}: ")
    assert "\n" not in str(error.value)
