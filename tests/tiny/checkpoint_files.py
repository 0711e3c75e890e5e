"""The files of a Whisper checkpoint as litagin/anime-whisper lays them out on the hub: no `tokenizer.json`."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

import transformers
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration, WhisperTokenizer
from transformers.models.whisper.tokenization_whisper import LANGUAGES

END = "<|endoftext|>"
START = "<|startoftranscript|>"
NO_TIMESTAMPS = "<|notimestamps|>"
PREVIOUS = "<|startofprev|>"
LANGUAGE_TOKENS = [f"<|{code}|>" for code in LANGUAGES]
TASKS = {"transcribe": "<|transcribe|>", "translate": "<|translate|>"}
TEXT_TOKENS = 700  # ids below <|endoftext|>, at most: no token is longer than a character
# The heads of large-v3, which kotoba-whisper and so anime-whisper kept although they have two decoder layers.
TEACHER_HEADS = [[7, 0], [10, 17], [12, 18], [13, 12], [16, 1], [17, 14], [19, 11], [21, 4], [24, 1], [25, 6]]


def special_tokens() -> list[str]:
    """The 1608 tokens after <|endoftext|>, in large-v3's order."""
    tasks = ["<|translate|>", "<|transcribe|>", "<|startoflm|>", PREVIOUS, "<|nospeech|>", NO_TIMESTAMPS]
    return [START, *LANGUAGE_TOKENS, *tasks, *(f"<|{i * 0.02:.2f}|>" for i in range(1501))]


def write_tokenizer(folder: Path, texts: list[str]) -> None:
    """Train a byte-level BPE on `texts` and write the tokenizer's files."""
    bpe = Tokenizer(models.BPE())
    by_character = pre_tokenizers.Split(Regex("."), "isolated")
    by_byte = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([by_character, by_byte])
    trainer = trainers.BpeTrainer(
        vocab_size=TEXT_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    bpe.model.save(str(folder))
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    vocab[END] = len(vocab)
    added = {token: vocab[END] + 1 + i for i, token in enumerate(special_tokens())}
    _write_json(folder / "vocab.json", vocab)
    _write_json(folder / "added_tokens.json", added)
    _write_json(folder / "normalizer.json", {"colour": "color", "grey": "gray"})
    _write_json(folder / "special_tokens_map.json", _special_tokens_map())
    _write_json(folder / "tokenizer_config.json", _tokenizer_config({END: vocab[END], **added}))


def load_tokenizer(folder: Path) -> WhisperTokenizer:
    """The tokenizer of `folder`, set to Japanese, transcribe, no timestamps."""
    return WhisperTokenizer.from_pretrained(folder, language="ja", task="transcribe", predict_timestamps=False)


def config(tokenizer: WhisperTokenizer, **sizes: int) -> WhisperConfig:
    """A Whisper configuration with large-v3's inputs and this tokenizer's ids."""
    ids = _ids(tokenizer)
    return WhisperConfig(
        vocab_size=len(tokenizer),
        num_mel_bins=128,
        max_source_positions=1500,
        max_target_positions=448,
        dropout=0.0,
        bos_token_id=ids[END],
        eos_token_id=ids[END],
        pad_token_id=ids[END],
        decoder_start_token_id=ids[START],
        use_cache=True,
        **sizes,
    )


def generation_config(tokenizer: WhisperTokenizer) -> GenerationConfig:
    """A generation configuration with the fields of large-v3's."""
    ids = _ids(tokenizer)
    return GenerationConfig(
        alignment_heads=TEACHER_HEADS,
        begin_suppress_tokens=[ids["Ġ"], ids[END]],
        suppress_tokens=[],
        bos_token_id=ids[END],
        eos_token_id=ids[END],
        pad_token_id=ids[END],
        decoder_start_token_id=ids[START],
        prev_sot_token_id=ids[PREVIOUS],
        no_timestamps_token_id=ids[NO_TIMESTAMPS],
        lang_to_id={token: ids[token] for token in LANGUAGE_TOKENS},
        task_to_id={task: ids[token] for task, token in TASKS.items()},
        is_multilingual=True,
        max_initial_timestamp_index=50,
        max_length=448,
        return_timestamps=False,
    )


def write_checkpoint(model: WhisperForConditionalGeneration, tokenizer_folder: Path, target: Path) -> None:
    """Write the whole checkpoint to `target` in float32, beside it first and then in its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".fresh-", dir=target.parent))
    fresh.chmod(0o755)
    model.save_pretrained(fresh)
    (fresh / "model.safetensors").chmod(0o644)
    # As on the hub: transformers now calls the type otherwise, and keeps suppression in generation_config.json alone.
    saved = json.loads((fresh / "config.json").read_text(encoding="utf-8"))
    saved.pop("dtype")
    saved["torch_dtype"] = "float32"
    saved["begin_suppress_tokens"] = model.generation_config.begin_suppress_tokens
    _write_json(fresh / "config.json", dict(sorted(saved.items())))
    transformers.WhisperFeatureExtractor(feature_size=128).save_pretrained(fresh)
    for name in ("added_tokens", "normalizer", "special_tokens_map", "tokenizer_config", "vocab"):
        shutil.copy(tokenizer_folder / f"{name}.json", fresh)
    shutil.copy(tokenizer_folder / "merges.txt", fresh)
    old = target.with_name(f".old-{target.name}")
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _ids(tokenizer: WhisperTokenizer) -> dict[str, int]:
    return cast("dict[str, int]", tokenizer.get_vocab())


def _special_tokens_map() -> dict[str, Any]:
    token = {"content": END, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    others = [t for t in special_tokens() if not t[2].isdigit()]
    return {"additional_special_tokens": others, "bos_token": token, "eos_token": token, "pad_token": token,
            "unk_token": token}  # fmt: skip


def _tokenizer_config(ids: dict[str, int]) -> dict[str, Any]:
    return {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(i): {
                "content": token,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": not token[2].isdigit(),  # timestamps are not, as in large-v3
            }
            for token, i in ids.items()
        },
        "additional_special_tokens": [t for t in special_tokens() if not t[2].isdigit()],
        "bos_token": END,
        "clean_up_tokenization_spaces": True,
        "eos_token": END,
        "errors": "replace",
        "model_max_length": 448,
        "pad_token": END,
        "processor_class": "WhisperProcessor",
        "return_attention_mask": False,
        "tokenizer_class": "WhisperTokenizer",
        "unk_token": END,
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
