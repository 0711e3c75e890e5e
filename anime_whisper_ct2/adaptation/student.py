"""How far a network is from its teacher on some lessons: what it learns from, and what the held-out ones show.

On the teacher's own text, token by token, the decoder's last hidden states are to be the teacher's (mean squared
error), and so are the probabilities of what comes next (Kullback-Leibler divergence).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F

from anime_whisper_ct2.adaptation.lessons import Lesson
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.options import Loss
from anime_whisper_ct2.features.mel import stack
from anime_whisper_ct2.records import Batch, Window

Tensor: TypeAlias = torch.Tensor


@dataclass(frozen=True, slots=True)
class Distance:
    """Sums over the tokens of some lessons: `error` and `divergence` (nats) with gradients, `differ` counts tokens.

    `differ`: those whose most probable one is another than the teacher's.
    """

    error: Tensor
    divergence: Tensor
    differ: int
    tokens: int

    def loss(self, kind: Loss = "both") -> Tensor:
        """Give what is made small."""
        return {"both": self.error + self.divergence, "hidden": self.error, "probabilities": self.divergence}[kind]


class Student:
    """A network that is held against the teacher. `prompt`: the token ids that every text begins with."""

    def __init__(self, network: Network, prompt: Sequence[int]) -> None:
        self._network = network
        self._prompt = tuple(prompt)

    def distance(self, lessons: Sequence[Lesson], frames: int) -> Distance:
        """Compare on lessons in windows of so many frames. Raises RuntimeError as torch does."""
        device, before = self._network.device, len(self._prompt) - 1
        with _in_16_bits(device):
            encoded = self._network.encode(windows(lessons, frames).to(device))
            hidden = self._network.decode(self._ids(lessons).to(device), encoded).float()
        # Only where there is a token: the rest of a shorter text is filled up.
        ours = torch.cat([hidden[at, before : before + len(one.tokens)] for at, one in enumerate(lessons)])
        theirs = torch.cat([torch.from_numpy(one.hidden) for one in lessons]).to(device).float()
        # In 32 bits: scores of 20 and more leave 16 no room for what is probable.
        own, teachers = self._network.logits(ours), self._network.logits(theirs)
        divergence = F.kl_div(own.log_softmax(-1), teachers.log_softmax(-1), log_target=True, reduction="sum")
        return Distance(
            F.mse_loss(ours, theirs, reduction="sum") / theirs.shape[1],
            divergence,
            int((own.argmax(-1) != teachers.argmax(-1)).sum()),
            len(theirs),
        )

    def _ids(self, lessons: Sequence[Lesson]) -> Tensor:
        """Give the prompt and all tokens but the last, shape (lessons, tokens), filled up with what is never read."""
        rows = [(*self._prompt, *lesson.tokens[:-1]) for lesson in lessons]
        most = max(map(len, rows))
        return torch.tensor([(*row, *(most - len(row)) * (self._prompt[0],)) for row in rows])


def windows(lessons: Sequence[Lesson], frames: int) -> Tensor:
    """Lay lessons' log-mels into one array, shape (lessons, n_mels, frames), each filled up with its own floor."""
    batch = Batch(tuple(Window(at, 0, 0.0, one.seconds, one.mel) for at, one in enumerate(lessons)), frames)
    return torch.from_numpy(stack(batch, lessons[0].mel.values.shape[0], np.float32))


def reduced(device: torch.device) -> torch.dtype | None:
    """Give the type that a GPU multiplies matrices in; None on a CPU, which does so in float32."""
    if device.type != "cuda":
        return None
    # Older GPUs only pretend to have it.
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def _in_16_bits(device: torch.device) -> AbstractContextManager[object]:
    dtype = reduced(device)
    return nullcontext() if dtype is None else torch.autocast("cuda", dtype)
