"""What torch's decoder holds at each token of the engine's texts, and whether it would have written the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.errors import EngineError, EngineMemoryError, first_line
from anime_whisper_ct2.features.mel import WINDOW_FRAMES, stack
from anime_whisper_ct2.model_dir import TOKENIZER, ModelDir
from anime_whisper_ct2.records import Batch, Decoded, Window

# Clips that go through torch together: a GPU needs several, and a CPU is no faster with them.
_TOGETHER_ON_GPU = 8
_END = "<|endoftext|>"


@dataclass(frozen=True, slots=True)
class TextRules:
    """What holds for every text of an engine.

    `prompt`: ids of the tokens that it begins with, `end`: of the one that ends it. `never`: of those that are never in
    it, `never_first`: that are not its first; torch is asked for the likeliest of all others.
    """

    prompt: tuple[int, ...]
    end: int
    never: tuple[int, ...] = ()
    never_first: tuple[int, ...] = ()

    @classmethod
    def of(cls, model: ModelDir, prompt: Sequence[int]) -> TextRules:
        """Read them off a converted folder; `prompt` is the engine's."""
        tokenizer = json.loads((model.path / TOKENIZER).read_text(encoding="utf-8"))
        ids = {**tokenizer["model"]["vocab"], **{token["content"]: token["id"] for token in tokenizer["added_tokens"]}}
        return cls(tuple(prompt), ids[_END], *(_ids(model, key) for key in ("suppress_ids", "suppress_ids_begin")))


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What torch's decoder holds at the tokens of a text, shape (tokens, width), and the share that it would take."""

    tokens: tuple[int, ...]
    hidden: NDArray[np.float16]
    agreement: float


class States:
    """Reads texts with torch, each token behind those before it, in windows of 30 s."""

    def __init__(self, network: Network, rules: TextRules) -> None:
        self._network, self._rules = network, rules
        self.together = _TOGETHER_ON_GPU if network.device.type == "cuda" else 1

    def __call__(self, heard: Sequence[tuple[Window, Decoded]]) -> list[State]:
        """Give the states of some texts. Raises EngineError as the device fails."""
        if not heard:
            return []
        try:
            with torch.inference_mode():
                return self._read(heard)
        except torch.OutOfMemoryError as error:
            if len(heard) == 1:
                raise EngineMemoryError(
                    "the device has no memory for the network and a window of 30 s; choose another --device"
                ) from error
        except RuntimeError as error:
            raise EngineError(f"torch failed: {first_line(error)}") from error
        self.together = half = -(-len(heard) // 2)
        torch.cuda.empty_cache()
        return self(heard[:half]) + self(heard[half:])

    def _read(self, heard: Sequence[tuple[Window, Decoded]]) -> list[State]:
        device, before = self._network.device, len(self._rules.prompt) - 1
        windows = tuple(window for window, _ in heard)
        mel = stack(Batch(windows, WINDOW_FRAMES), windows[0].mel.values.shape[0], np.float32)
        texts = [(*decoded.tokens, *(() if decoded.capped else (self._rules.end,))) for _, decoded in heard]
        rows = [(*self._rules.prompt, *tokens[:-1]) for tokens in texts]
        most = max(map(len, rows))
        # What stands behind the end of a shorter one is never looked at by what is before it.
        ids = torch.tensor([(*row, *(most - len(row)) * (self._rules.end,)) for row in rows])
        encoded = self._network.encode(torch.from_numpy(mel).to(device))
        hidden = self._network.decode(ids.to(device), encoded)[:, before:]
        return [self._state(tokens, hidden[at, : len(tokens)]) for at, tokens in enumerate(texts)]

    def _state(self, tokens: tuple[int, ...], hidden: Any) -> State:
        scores = self._network.logits(hidden)
        scores[:, list(self._rules.never)] = -torch.inf
        scores[0, list(self._rules.never_first)] = -torch.inf
        found = scores.argmax(-1) == torch.tensor(tokens, device=scores.device)
        return State(tokens, hidden.cpu().numpy().astype(np.float16), float(found.float().mean()))


def _ids(model: ModelDir, key: str) -> tuple[int, ...]:
    return tuple(int(token) for token in model.config.get(key) or ())
