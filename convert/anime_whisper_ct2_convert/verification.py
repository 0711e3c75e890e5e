"""Transcribes a built-in recording with transformers and with a conversion of the same checkpoint, token by token.

Both get transformers' features and decode greedily without suppressed tokens, so that nothing but the two networks is
compared. The reference computes in float32 with weights rounded as the conversion rounded them: what is left is the
order of additions, far below what moves a token. int8 also rounds the activations, so a token may differ there.

verify.ogg is Japanese speech by Open JTalk with the HTS voice "Mei" (CC BY 3.0, MMDAgent project).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from anime_whisper_ct2.errors import CheckpointError, ConversionError
from anime_whisper_ct2.model_dir import TOKENIZER, open_model_dir
from anime_whisper_ct2_convert.source import open_source

_RECORDING = Path(__file__).with_name("verify.ogg")
_PROMPT = ("<|startoftranscript|>", "<|ja|>", "<|transcribe|>", "<|notimestamps|>")
_MAX_TOKENS = 128
_INT8_AGREEMENT = 0.9


@dataclass(frozen=True, slots=True)
class Verification:
    """Both transcriptions of the built-in recording: token ids without the prompt and the end, and texts."""

    quantization: str
    reference_tokens: tuple[int, ...]
    tokens: tuple[int, ...]
    reference_text: str
    text: str

    @property
    def agreement(self) -> float:
        """Share of positions at which the tokens are the same, from 0 to 1."""
        length = max(len(self.reference_tokens), len(self.tokens))
        same = sum(one == other for one, other in zip(self.reference_tokens, self.tokens, strict=False))
        return same / length if length else 1.0

    @property
    def passed(self) -> bool:
        """Whether the conversion is right: every token the same, or nearly all where int8 rounds activations too."""
        return self.agreement >= (_INT8_AGREEMENT if self.quantization.startswith("int8") else 1.0)


def check_can_verify() -> None:
    """Raise ConversionError where torch or transformers is absent: better before gigabytes are converted than after."""
    lacking = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if lacking:
        raise ConversionError(
            f"--verify compares with transformers, and {' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} "
            "not installed; pip install torch transformers, or convert without --verify"
        )


def verify(source: str, converted: Path, *, revision: str | None = None) -> Verification:
    """Compare a converted folder with the checkpoint it was made from; takes the memory of both.

    Raises ConversionError as `check_can_verify` does, and what `open_source` and `open_model_dir` raise.
    """
    check_can_verify()
    import ctranslate2  # noqa: PLC0415
    import soundfile  # noqa: PLC0415
    import torch  # noqa: PLC0415  # nothing else of the conversion may load these two
    import transformers  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415

    model_dir = open_model_dir(converted)
    checkpoint = open_source(source, revision)
    quantization = str(model_dir.awct2.get("quantization", "float32"))
    tokenizer = Tokenizer.from_file(str(converted / TOKENIZER))
    # English-only models know neither languages nor tasks.
    prompt = [token_id for token in _PROMPT if (token_id := tokenizer.token_to_id(token)) is not None]
    samples, rate = soundfile.read(_RECORDING, dtype="float32")
    extractor = transformers.WhisperFeatureExtractor(feature_size=model_dir.n_mels)
    features = extractor(samples, sampling_rate=rate, return_tensors="np")["input_features"].astype(np.float32)

    try:
        reference = transformers.WhisperForConditionalGeneration.from_pretrained(checkpoint.folder)
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{checkpoint.folder}: transformers cannot load it ({error})") from error
    if quantization in {"float16", "bfloat16"}:
        reference = reference.to(getattr(torch, quantization))
    end = tokenizer.token_to_id("<|endoftext|>")
    expected = _greedy(torch, reference.float().eval(), features, prompt, end)
    del reference

    is_int8 = quantization.startswith("int8")
    compute_type = "int8_float32" if is_int8 else "float32"
    model = ctranslate2.models.Whisper(str(converted), device="cpu", compute_type=compute_type)
    result = model.generate(
        ctranslate2.StorageView.from_array(features),
        [prompt],
        beam_size=1,
        max_length=2 * _MAX_TOKENS,  # CTranslate2 makes at most half as many new tokens
        suppress_blank=False,
        suppress_tokens=[],
    )[0]
    tokens = [token for token in result.sequences_ids[0] if token != end]
    return Verification(
        quantization=quantization,
        reference_tokens=tuple(expected),
        tokens=tuple(tokens),
        reference_text=tokenizer.decode(expected),
        text=tokenizer.decode(tokens),
    )


def _greedy(torch: Any, model: Any, features: np.ndarray[Any, Any], prompt: list[int], end: int) -> list[int]:
    """Take the likeliest token until the end, by the network alone."""
    tokens: list[int] = []
    with torch.inference_mode():
        encoded = model.get_encoder()(torch.from_numpy(features))
        step = torch.tensor([prompt])
        cache = None
        while len(tokens) < _MAX_TOKENS:
            output = model(encoder_outputs=encoded, decoder_input_ids=step, past_key_values=cache, use_cache=True)
            token = int(output.logits[0, -1].argmax())
            if token == end:
                break
            tokens.append(token)
            cache, step = output.past_key_values, torch.tensor([[token]])
    return tokens
