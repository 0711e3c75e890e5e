"""What is taught, how long, and what it is measured with: every default, written once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.options import Device

# The encoder alone; its norms, biases and low-rank updates of its matrices; the decoder, too.
Train = Literal["encoder", "small", "all"]
TRAINS: tuple[Train, ...] = ("encoder", "small", "all")
# What is to be the teacher's: the decoder's last hidden states, the probabilities of the next token, or both.
Loss = Literal["both", "hidden", "probabilities"]
LOSSES: tuple[Loss, ...] = ("both", "hidden", "probabilities")


@dataclass(frozen=True, slots=True)
class AdaptOptions:
    """How a checkpoint is taught to do without the silence behind a clip."""

    clips: int = 2_000  # clips that are learnt from; drawn, where the corpus holds more
    held_out: int = 300  # others that are only measured with
    # Seconds of silence behind a clip: all between the shortest and the longest are learnt, each is measured.
    tails_s: tuple[float, ...] = (0.64, 1.28, 2.56, 5.12)
    steps: int = 1_500
    batch_size: int = 4  # clips in a step; of 30 s windows, a fourth of that
    learning_rate: float = 1e-5  # at its height; rises over the first steps, then falls to 0
    train: Train = "encoder"
    loss: Loss = "both"
    full_every: int = 4  # of so many steps one is at 30 s, so that these windows stay as they are
    language: str = "ja"  # of the texts, as `run` has it
    device: Device = "auto"
    keep_every_s: float = 120.0  # seconds between two times that what is learnt is kept

    def __post_init__(self) -> None:
        for name, number in (
            ("--clips", self.clips),
            ("--held-out", self.held_out),
            ("--steps", self.steps),
            ("--batch-size", self.batch_size),
            ("full_every", self.full_every),
        ):
            if number < 1:
                raise InputError(f"{name} is {number}; it must be at least 1")
        if not 0 < self.learning_rate <= 1e-2:
            raise InputError(f"--learning-rate is {self.learning_rate}; give more than 0, and at most 0.01")
        if self.train not in TRAINS:
            raise InputError(f"--train is {self.train!r}; choose one of {', '.join(TRAINS)}")
        if self.loss not in LOSSES:
            raise InputError(f"the loss is {self.loss!r}; choose one of {', '.join(LOSSES)}")
        if not self.tails_s:
            raise InputError("give at least one tail")
        for tail_s in self.tails_s:
            WindowLength("fit", tail_s)  # refuses what is no tail
            if not tail_s:
                raise InputError("a tail of 0 s cannot be learnt: what is heard last would have nothing behind it")
