"""config.json and preprocessor_config.json of the result: as CTranslate2's converter makes them, less known faults.

Every repair is a sentence for the user; it goes into awct2.json. Pure: dictionaries in, dictionaries out.

Source: CTranslate2 4.8 `converters/transformers.py`, `WhisperLoader.set_config`; transformers 4.57 `WhisperConfig` and
`GenerationConfig.from_model_config` for what holds where generation_config.json is absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anime_whisper_ct2.errors import CheckpointError, counted
from anime_whisper_ct2_convert.whisper_layout import WhisperShape

# What transformers' WhisperConfig assumes where neither file says anything.
_DEFAULT_BEGIN_SUPPRESS = [220, 50256]
_LANGUAGE = re.compile(r"<\|[a-z]{2,3}\|>")
_FRAMES_PER_S = 100
# The front end that all Whispers share, and the only one that faster-whisper and this project compute.
_FEATURES = {"sampling_rate": 16000, "n_fft": 400, "hop_length": 160}


def model_config(
    config: Mapping[str, Any],
    generation: Mapping[str, Any] | None,
    ids: Mapping[str, int],
    shape: WhisperShape,
    repairs: list[str],
) -> dict[str, Any]:
    """Make config.json from the checkpoint's own and its generation config, appending to `repairs` what was mended.

    `ids` are the tokenizer's. Raises CheckpointError where the generation config contradicts them.
    """
    if generation is None:
        generation = {"begin_suppress_tokens": _DEFAULT_BEGIN_SUPPRESS, **config}
    check_special_ids(generation, ids)
    return {
        "alignment_heads": _alignment_heads(generation.get("alignment_heads"), shape, repairs),
        "lang_ids": _lang_ids(generation.get("lang_to_id"), ids, repairs),
        "suppress_ids": _within("suppress_tokens", generation, shape, repairs),
        "suppress_ids_begin": _within("begin_suppress_tokens", generation, shape, repairs),
    }


def preprocessor_config(
    preprocessor: Mapping[str, Any] | None, processor: Mapping[str, Any] | None, shape: WhisperShape, repairs: list[str]
) -> dict[str, Any]:
    """Make preprocessor_config.json from the checkpoint's own, or from the processor_config.json of transformers 5.

    Its number of mel bands is made to agree with the network's. Raises CheckpointError for another front end than
    Whisper's 16 kHz, 25 ms windows and 10 ms steps, or for windows that are not what the encoder takes.
    """
    found = preprocessor
    if found is None and processor is not None and isinstance(processor.get("feature_extractor"), dict):
        found = processor["feature_extractor"]
    if found is None:
        repairs.append(f"preprocessor_config.json was absent; written for {shape.num_mel_bins} mel bands")
    chunk_length, rest = divmod(2 * shape.max_source_positions, _FRAMES_PER_S)
    result: dict[str, Any] = {"feature_extractor_type": "WhisperFeatureExtractor", "chunk_length": chunk_length}
    result |= {**_FEATURES, "feature_size": shape.num_mel_bins, **(found or {})}
    # Older files hold the whole filter bank, a hundred times the rest; everyone computes it.
    result.pop("mel_filters", None)
    if result["feature_size"] != shape.num_mel_bins:
        repairs.append(
            f"preprocessor_config.json computed {result['feature_size']} mel bands and the network takes "
            f"{shape.num_mel_bins}; corrected"
        )
        result["feature_size"] = shape.num_mel_bins
    for key, value in _FEATURES.items():
        if result[key] != value:
            raise CheckpointError(
                f"preprocessor_config.json: {key} is {result[key]}, and only {value} is supported; "
                "the features would not be those the model was trained on"
            )
    if rest or result["chunk_length"] != chunk_length:
        raise CheckpointError(
            f"preprocessor_config.json: windows are {result['chunk_length']} s, and the encoder of config.json takes "
            f"{shape.max_source_positions / 50:g} s (max_source_positions); correct the one that is wrong"
        )
    return result


def check_special_ids(generation: Mapping[str, Any], ids: Mapping[str, int]) -> None:
    """Hold the ids of a generation config against the tokenizer's.

    Raises CheckpointError naming the first token on which they differ, with both ids.
    """
    for token, claimed, key in _claims(generation):
        if token not in ids:
            raise CheckpointError(
                f"generation_config.json: {key} gives {token} the id {claimed}, and the tokenizer has no such token; "
                "take both from the same model"
            )
        if ids[token] != claimed:
            raise CheckpointError(
                f"{token} has id {claimed} in generation_config.json ({key}) and {ids[token]} in the tokenizer; "
                "take both from the same model"
            )


def _claims(generation: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    for token, claimed in (generation.get("lang_to_id") or {}).items():
        yield token, claimed, "lang_to_id"
    for task, claimed in (generation.get("task_to_id") or {}).items():
        yield f"<|{task}|>", claimed, "task_to_id"
    for key, token in (
        ("decoder_start_token_id", "<|startoftranscript|>"),
        ("no_timestamps_token_id", "<|notimestamps|>"),
        ("eos_token_id", "<|endoftext|>"),
    ):
        claimed = generation.get(key)
        if isinstance(claimed, int):
            yield token, claimed, key


def _alignment_heads(found: Sequence[Sequence[int]] | None, shape: WhisperShape, repairs: list[str]) -> list[list[int]]:
    n_layers, n_heads = shape.decoder_layers, shape.decoder_attention_heads
    if not found:
        # CTranslate2's converter takes the upper half of the layers too.
        return [[layer, head] for layer in range(n_layers // 2, n_layers) for head in range(n_heads)]
    heads = [[layer, head] for layer, head in found]
    outside = [pair for pair in heads if not (0 <= pair[0] < n_layers and 0 <= pair[1] < n_heads)]
    if not outside:
        return heads
    # kotoba-whisper#2, faster-whisper#688, #1283: distilled models keep their teacher's.
    repairs.append(
        f"alignment_heads named {counted(len(outside), 'head')} outside the decoder's "
        f"{counted(n_layers, 'layer')} of {n_heads}, the first in layer {outside[0][0]}; "
        f"replaced by all heads of layer {n_layers - 1}"
    )
    return [[n_layers - 1, head] for head in range(n_heads)]


def _lang_ids(lang_to_id: Mapping[str, int] | None, ids: Mapping[str, int], repairs: list[str]) -> list[int]:
    if lang_to_id:
        return sorted(lang_to_id.values())
    found = sorted(token_id for token, token_id in ids.items() if _LANGUAGE.fullmatch(token))
    if found:
        repairs.append(f"lang_to_id was absent; lang_ids are the tokenizer's {counted(len(found), 'language')}")
    return found


def _within(key: str, generation: Mapping[str, Any], shape: WhisperShape, repairs: list[str]) -> list[int]:
    found = list(generation.get(key) or [])
    kept = [token for token in found if 0 <= token < shape.vocab_size]
    if len(kept) < len(found):
        # CTranslate2 would write outside the row of scores.
        repairs.append(
            f"{key} named {counted(len(found) - len(kept), 'id')} outside the vocabulary of {shape.vocab_size}; "
            "left out"
        )
    return kept
