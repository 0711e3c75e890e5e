"""What the rooms of an adaptation tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# The teacher hears the clips; the student learns; what it has learnt is measured.
Stage = Literal["listening", "learning", "measuring"]


@dataclass(frozen=True, slots=True)
class Advance:
    """How far an adaptation has come: clips of `listening` and `measuring`, steps of `learning`.

    `loss` is the mean over the latest fitted steps, `held_out` the percentage of the held-out tokens that differ from
    the teacher's; None before they are known. `seconds_left` are those of the stage.
    """

    stage: Stage
    done: int
    total: int
    loss: float | None = None
    held_out: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the learning curve, after so many steps.

    `held_out`: percentage of the held-out tokens that differ from the teacher's, each read behind the teacher's own
    text. `divergence`: how far their probabilities are from the teacher's, in nats a token (Kullback-Leibler).
    """

    step: int
    held_out: float
    divergence: float
