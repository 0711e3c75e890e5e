"""Stand-in Whisper checkpoints: the size of a real one, random weights, and the same known text for every clip.

    python -m benchmarks.measures.standins 33m FOLDER

Random weights never come to an end, and a benchmark in which every system decodes to another length compares nothing.
So the decoder's learned positions are written such that the token to be emitted at each position is all but certain:
the embedding of that position points along the embedding of that token, strongly enough that what the layers add does
not matter. After `EMITTED_TOKENS` tokens they point at <|endoftext|>. All layers are computed as ever; every system,
beam and precision sees the same weights and emits the same 24 tokens (the first of the Iroha, each kana once), so that
the texts can be compared as well. No torch is needed.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers.pre_tokenizers import ByteLevel

# Every kana once: text that repeats nothing, so that no check for loops takes it for one.
IROHA = "いろはにほへとちりぬるをわかよたれそつねならむうゐのおくやまけふこえてあさきゆめみしゑひもせす"
EMITTED_TOKENS = 24  # what the real model writes for a clip of about 5.5 s
TEXT = IROHA[:EMITTED_TOKENS]
PROMPT_TOKENS = 4  # start, language, task, no timestamps
N_POSITIONS = 448

# In the order of Whisper's own vocabulary, which decides the ids.
LANGUAGES = re.findall(
    r"\S+",
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml "
    "cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am "
    "yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue",
)
TASKS = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
N_TIMESTAMPS = 1501
N_SPECIAL = 1 + len(LANGUAGES) + len(TASKS) + N_TIMESTAMPS  # after <|endoftext|>
assert N_SPECIAL == 1608


@dataclass(frozen=True, slots=True)
class Size:
    """The dimensions of a Whisper with 128 mel bands; `text_tokens`: those before <|endoftext|>."""

    d_model: int
    heads: int
    ffn: int
    encoder: int
    decoder: int
    text_tokens: int

    @property
    def n_vocab(self) -> int:
        """Tokens in all."""
        return self.text_tokens + 1 + N_SPECIAL

    @property
    def parameters(self) -> int:
        """Weights in all; the output projection is the embedding."""
        return sum(int(np.prod(shape)) for _, shape in tensor_shapes(self))


SIZES = {
    "tiny": Size(64, 2, 128, encoder=2, decoder=2, text_tokens=700),  # for smoke tests
    "33m": Size(384, 6, 1536, encoder=4, decoder=2, text_tokens=50257),  # what two CPU cores can repeat often
    "full": Size(1280, 20, 5120, encoder=32, decoder=2, text_tokens=50257),  # litagin/anime-whisper's, 756 M
}


def make(name: str, folder: Path, *, quantization: str = "float32", half: bool = False) -> Path:
    """Write `folder/checkpoint` and convert it to `folder/converted`; what is there already is kept.

    `half`: the checkpoint is in float16, and half as much is written and read.
    """
    from anime_whisper_ct2_convert import convert

    checkpoint, converted = folder / "checkpoint", folder / "converted"
    if not (checkpoint / "merges.txt").is_file():  # written last
        write_checkpoint(checkpoint, SIZES[name], np.float16 if half else np.float32)
    if not converted.is_dir():
        convert(str(checkpoint), converted, quantization=quantization)
    return folder


def write_checkpoint(folder: Path, size: Size, dtype: type[np.float16 | np.float32] = np.float32) -> None:
    """Write a checkpoint as the hub lays it out."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{name}": value.astype(dtype, copy=False) for name, value in weights(size)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    end = size.text_tokens
    config = {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "activation_function": "gelu",
        "d_model": size.d_model,
        "encoder_layers": size.encoder,
        "encoder_attention_heads": size.heads,
        "encoder_ffn_dim": size.ffn,
        "decoder_layers": size.decoder,
        "decoder_attention_heads": size.heads,
        "decoder_ffn_dim": size.ffn,
        "num_mel_bins": 128,
        "max_source_positions": 1500,
        "max_target_positions": N_POSITIONS,
        "vocab_size": size.n_vocab,
        "decoder_start_token_id": end + 1,
        **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), end),
        "torch_dtype": np.dtype(dtype).name,
    }
    ids = {token: end + 1 + at for at, token in enumerate(special_tokens())}
    generation = {
        "alignment_heads": [[size.decoder - 1, head] for head in range(size.heads)],
        "begin_suppress_tokens": [end],
        "decoder_start_token_id": end + 1,
        **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), end),
        "is_multilingual": True,
        "lang_to_id": {token: ids[token] for token in (f"<|{language}|>" for language in LANGUAGES)},
        "max_length": N_POSITIONS,
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "prev_sot_token_id": ids["<|startofprev|>"],
        "return_timestamps": False,
        "suppress_tokens": [],
        "task_to_id": {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")},
    }
    # Every key of the real file: what is left out, transformers and faster-whisper fill in each in their own way.
    preprocessor = {
        "chunk_length": 30,
        "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": 128,
        "hop_length": 160,
        "n_fft": 400,
        "n_samples": 480000,
        "nb_max_frames": 3000,
        "padding_side": "right",
        "padding_value": 0.0,
        "processor_class": "WhisperProcessor",
        "return_attention_mask": False,
        "sampling_rate": 16000,
    }
    write_json(folder / "config.json", config)
    write_json(folder / "generation_config.json", generation)
    write_json(folder / "preprocessor_config.json", preprocessor)
    write_tokenizer(folder, size.text_tokens)


def weights(size: Size) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[np.float32]]]]:
    """Yield the tensors: normal with deviation 0.02, but for the tokens to be emitted and the decoder's positions."""
    random = np.random.default_rng(0)
    emitted = [*emitted_ids(size.text_tokens), size.text_tokens]
    directions = random.standard_normal((len(emitted), size.d_model), dtype=np.float32)
    for name, shape in tensor_shapes(size):
        value = random.standard_normal(shape, dtype=np.float32) * np.float32(0.02)
        if name.endswith("norm.weight"):
            value += 1.0
        elif name == "decoder.embed_tokens.weight":
            # The final norm makes every channel about 1, so a logit is about 40 for the token pointed at.
            value[emitted] = directions * np.float32(40.0 / size.d_model)
        elif name == "decoder.embed_positions.weight":
            # Far above what embedding and layers add to it, which is below 1.
            for position in range(PROMPT_TOKENS - 1, N_POSITIONS):
                value[position] = 4.0 * directions[min(position - PROMPT_TOKENS + 1, len(emitted) - 1)]
        yield name, value


def tensor_shapes(size: Size) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the tensors of a Whisper, without their common prefix."""
    d_model = size.d_model

    def linear(name: str, n_out: int, n_in: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{name}.weight", (n_out, n_in)
        if not name.endswith("k_proj"):
            yield f"{name}.bias", (n_out,)

    def norm(name: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{name}.weight", (d_model,)
        yield f"{name}.bias", (d_model,)

    for name, n_in in (("conv1", 128), ("conv2", d_model)):
        yield f"encoder.{name}.weight", (d_model, n_in, 3)
        yield f"encoder.{name}.bias", (d_model,)
    yield "decoder.embed_tokens.weight", (size.n_vocab, d_model)
    for side, n_layers, n_positions in (("encoder", size.encoder, 1500), ("decoder", size.decoder, N_POSITIONS)):
        yield f"{side}.embed_positions.weight", (n_positions, d_model)
        yield from norm(f"{side}.layer_norm")
        attentions = ("self_attn",) if side == "encoder" else ("self_attn", "encoder_attn")
        for layer in (f"{side}.layers.{i}" for i in range(n_layers)):
            for attention in attentions:
                for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
                    yield from linear(f"{layer}.{attention}.{projection}", d_model, d_model)
                yield from norm(f"{layer}.{attention}_layer_norm")
            yield from linear(f"{layer}.fc1", size.ffn, d_model)
            yield from linear(f"{layer}.fc2", d_model, size.ffn)
            yield from norm(f"{layer}.final_layer_norm")


def text_merges(text_tokens: int) -> tuple[list[str], list[tuple[str, str]]]:
    """Give the bytes, and the merges that make the kana of the Iroha and then any pairs until the size is right.

    One token is left for "", which every multilingual Whisper has last: CTranslate2 tells them by it.
    """
    alphabet = sorted(ByteLevel.alphabet())
    merges: dict[str, tuple[str, str]] = {}
    for kana in IROHA:
        first, second, third = list(byte_level(kana))
        merges.setdefault(first + second, (first, second))
        merges[first + second + third] = (first + second, third)
    for pair in product(alphabet, alphabet):
        if len(merges) == text_tokens - len(alphabet) - 1:
            break
        merges.setdefault("".join(pair), pair)
    return alphabet, list(merges.values())


def emitted_ids(text_tokens: int) -> list[int]:
    """Give the ids of the tokens that every clip is answered with."""
    alphabet, merges = text_merges(text_tokens)
    ids = {first + second: len(alphabet) + at for at, (first, second) in enumerate(merges)}
    return [ids[byte_level(kana)] for kana in TEXT]


def byte_level(text: str) -> str:
    """Write a text's bytes in the alphabet of byte-level vocabularies."""
    ((written, _),) = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    return str(written)


def special_tokens() -> list[str]:
    """Give what follows <|endoftext|>, in the order of large-v3's vocabulary."""
    names = ["startoftranscript", *LANGUAGES, *TASKS, *(f"{at * 0.02:.2f}" for at in range(N_TIMESTAMPS))]
    return [f"<|{name}|>" for name in names]


def prompt_ids(size: Size) -> list[int]:
    """Give the ids that a Japanese text without timestamps begins with."""
    special = special_tokens()
    names = ("startoftranscript", "ja", "transcribe", "notimestamps")
    return [size.text_tokens + 1 + special.index(f"<|{name}|>") for name in names]


def write_tokenizer(folder: Path, text_tokens: int) -> None:
    """Write a byte-level vocabulary of the right size, in the files that the hub has."""
    alphabet, merges = text_merges(text_tokens)
    tokens = [*alphabet, *(first + second for first, second in merges), "", "<|endoftext|>"]
    special = special_tokens()
    write_json(folder / "vocab.json", {token: i for i, token in enumerate(tokens)})
    write_json(folder / "added_tokens.json", {token: len(tokens) + i for i, token in enumerate(special)})
    ends = dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), "<|endoftext|>")
    named = list(islice(special, 1 + len(LANGUAGES) + len(TASKS)))
    write_json(folder / "special_tokens_map.json", {**ends, "additional_special_tokens": named})
    decoder = {
        str(len(tokens) - 1 + at): {
            "content": token,
            **dict.fromkeys(("lstrip", "rstrip", "normalized", "single_word"), False),
            "special": at <= len(named),
        }
        for at, token in enumerate(["<|endoftext|>", *special])
    }
    settings = {
        "tokenizer_class": "WhisperTokenizer",
        "processor_class": "WhisperProcessor",
        "add_prefix_space": False,
        "errors": "replace",
        "model_max_length": 1024,
        "added_tokens_decoder": decoder,
        "additional_special_tokens": named,
        **ends,
    }
    write_json(folder / "tokenizer_config.json", settings)
    lines = ["#version: 0.2", *(f"{first} {second}" for first, second in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file as the hub has them."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Make a stand-in from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quantization", default="float32")
    parser.add_argument("--half", action="store_true", help="a checkpoint in float16")
    options = parser.parse_args()
    make(options.size, options.folder, quantization=options.quantization, half=options.half)
    print(f"{options.folder}: {SIZES[options.size].parameters / 1e6:,.1f} M parameters")


if __name__ == "__main__":
    main()
