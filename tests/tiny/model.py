"""What training needs around transformers' Whisper: windows of any length, a phoneme head, greedy text."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from transformers import WhisperConfig, WhisperForConditionalGeneration

SIZES = {
    "d_model": 192,
    "encoder_layers": 4,
    "encoder_attention_heads": 3,
    "encoder_ffn_dim": 480,
    "decoder_layers": 2,
    "decoder_attention_heads": 3,
    "decoder_ffn_dim": 480,
}


class Learner(nn.Module):  # type: ignore[misc]  # the checker skips torch
    """Whisper with a CTC head over phonemes on its encoder; the head is dropped when the checkpoint is written.

    The head teaches the encoder to hear long before the decoder has learnt where to look.
    """

    def __init__(self, config: WhisperConfig, n_phonemes: int) -> None:
        super().__init__()
        self.whisper = WhisperForConditionalGeneration(config)
        self.phoneme_head = nn.Linear(config.d_model, 1 + n_phonemes)  # 0 is the blank
        for conv in (self.whisper.model.encoder.conv1, self.whisper.model.encoder.conv2):
            nn.init.kaiming_normal_(conv.weight)  # at the default 0.02 the positions would drown the sound
        # Only eager attention gives its weights away, and only those of the last layer are looked at.
        attention = self.whisper.model.decoder.layers[-1].encoder_attn
        attention.config = type(config)(**{**config.to_dict(), "attn_implementation": "eager"})
        attention.config._attn_implementation = "eager"
        self.looked: torch.Tensor = torch.empty(0)
        attention.register_forward_hook(self._keep_weights)

    def _keep_weights(self, _module: nn.Module, _args: Any, output: tuple[torch.Tensor, torch.Tensor]) -> None:
        self.looked = output[1]


def encode(whisper: WhisperForConditionalGeneration, mel: torch.Tensor) -> torch.Tensor:
    """Batch x 128 x frames to batch x frames/2 x d_model: transformers' encoder, less its demand for 30 s."""
    encoder = whisper.model.encoder
    hidden = nn.functional.gelu(encoder.conv1(mel))
    hidden = nn.functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
    hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
    for layer in encoder.layers:
        hidden = layer(hidden, None, layer_head_mask=None)[0]
    return cast(torch.Tensor, encoder.layer_norm(hidden))


def decode(whisper: WhisperForConditionalGeneration, tokens: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """Logits (batch x tokens x vocabulary) after each of `tokens`, given the encoder's `states`."""
    hidden = whisper.model.decoder(input_ids=tokens, encoder_hidden_states=states, use_cache=False)[0]
    return cast(torch.Tensor, whisper.proj_out(hidden))


def greedy(
    whisper: WhisperForConditionalGeneration, mel: torch.Tensor, prompt: list[int], max_new: int = 80
) -> list[list[int]]:
    """The likeliest next token again and again after `prompt`, with the first step's suppression."""
    config = whisper.generation_config
    tokens = torch.tensor([prompt] * len(mel), device=mel.device)
    with torch.inference_mode():
        states = encode(whisper, mel)
        for step in range(max_new):
            logits = decode(whisper, tokens, states)[:, -1]
            if step == 0:
                logits[:, config.begin_suppress_tokens] = -torch.inf
            ended = (tokens[:, len(prompt) :] == config.eos_token_id).any(1)
            tokens = torch.cat([tokens, logits.argmax(-1).where(~ended, config.eos_token_id)[:, None]], 1)
            if (tokens[:, -1] == config.eos_token_id).all():
                break
    return cast("list[list[int]]", tokens[:, len(prompt) :].tolist())


def off_diagonal(looked: torch.Tensor, n_tokens: list[int], n_frames: list[int], skip: int) -> torch.Tensor:
    """How much attention falls far from a steady reading of the clip, 0 to 1 (guided attention, arXiv:1710.08969).

    `looked` is batch x heads x tokens x positions; the first `skip` tokens are the prompt's.
    """
    device = looked.device
    tokens = torch.arange(looked.shape[2], device=device)[None, :, None] - skip + 0.5
    frames = torch.arange(looked.shape[3], device=device)[None, None, :] + 0.5
    lengths = torch.tensor(n_tokens, device=device)[:, None, None]
    apart = tokens / lengths - frames / torch.tensor(n_frames, device=device)[:, None, None]
    far = (1 - torch.exp(-(apart**2) / (2 * 0.12**2))) * ((tokens > 0) & (tokens < lengths))
    return (looked.float().mean(1) * far).sum() / lengths.sum()
