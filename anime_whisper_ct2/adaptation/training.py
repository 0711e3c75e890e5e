"""The student learns: steps over lessons, kept every few minutes, so that a stopped training goes on.

What is kept is all that a step depends on: on a CPU, a training that was stopped ends with the very weights of one that
was not.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from anime_whisper_ct2.adaptation.lessons import Entry, Lesson, LessonStore
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.adaptation.records import Advance, Point
from anime_whisper_ct2.adaptation.steps import Draw, Steps, fitted
from anime_whisper_ct2.adaptation.student import Student, reduced
from anime_whisper_ct2.adaptation.trainable import choose, merge
from anime_whisper_ct2.errors import EngineError, EngineMemoryError, InputError, OutputError, first_line
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.refusals import reason

_BETAS = (0.9, 0.98)
_CLIPPED_AT = 1.0
# Held-out lessons that the learning curve is of, each with one of the tails; and its points.
_MOST_HELD_OUT = 64
POINTS = 10
# Fitted steps that the loss is the mean of.
_LATEST = 50


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training: its curve, from before the first step, and the seconds that it computed for."""

    points: tuple[Point, ...]
    seconds: float


class Training:
    """Teaches a network. `learnt` and `held_out` are lessons of the store, each from the shortest to the longest.

    `kept`: the file that a stopped training goes on from; with `overwrite`, one of another training is begun again. The
    curve has so many `points` behind the first.
    """

    def __init__(
        self,
        network: Network,
        prompt: Sequence[int],
        store: LessonStore,
        learnt: Sequence[Entry],
        held_out: Sequence[Entry],
        options: AdaptOptions,
        kept: Path,
        overwrite: bool = False,
        points: int = POINTS,
    ) -> None:
        self._network, self._student, self._store = network, Student(network, prompt), store
        self._learnt, self._options, self._kept, self._overwrite = learnt, options, kept, overwrite
        self._held_out = held_out[:: -(-len(held_out) // _MOST_HELD_OUT)] if held_out else ()
        self._parameters = choose(network, options.train)
        self._optimizer = torch.optim.AdamW(self._parameters.values(), betas=_BETAS, weight_decay=0.0)
        # Gradients of 16 bits that would be too small for float16; bfloat16 has no need of it.
        self._scaler = torch.amp.GradScaler("cuda", enabled=reduced(network.device) is torch.float16)
        self._count = points
        self._steps = Steps([lesson.frames for lesson in learnt], options)
        self._step = 0
        self._points: list[Point] = []
        self._seconds = 0.0
        self._losses: deque[float] = deque(maxlen=_LATEST)
        # Lessons that go through the network together; fewer, once so many did not fit the memory.
        self._together = options.batch_size

    def run(self, on_advance: Callable[[Advance], None]) -> Trained:
        """Take all steps that are left, and put what was learnt into the network.

        Raises InputError where what is kept is of another training, OutputError where it cannot be written, EngineError
        where the device fails or the training runs away.
        """
        try:
            return self._run(on_advance)
        except torch.OutOfMemoryError as error:
            raise EngineMemoryError(f"the device has no memory for this training; {_SMALLER}") from error
        except RuntimeError as error:
            raise EngineError(f"the training cannot go on: {first_line(error)}") from error

    def _run(self, on_advance: Callable[[Advance], None]) -> Trained:
        self._go_on()
        begun, kept_at, first = time.monotonic(), time.monotonic(), self._step
        before_s = self._seconds
        while self._step < self._options.steps:
            if self._step >= len(self._points) * self._options.steps / self._count:
                self._points.append(self._point())
            self._take(self._step)
            self._step += 1
            now = time.monotonic()
            self._seconds = before_s + now - begun
            on_advance(self._advance((now - begun) / (self._step - first)))
            if now - kept_at >= self._options.keep_every_s:
                self._keep()
                kept_at = time.monotonic()
        if self._points[-1].step < self._step:
            self._points.append(self._point())
            self._keep()
        merge(self._network)
        return Trained(tuple(self._points), self._seconds)

    def _advance(self, pace_s: float) -> Advance:
        loss = sum(self._losses) / len(self._losses) if self._losses else None
        left_s = pace_s * (self._options.steps - self._step)
        held_out = self._points[-1].held_out if self._points else None
        return Advance("learning", self._step, self._options.steps, loss, held_out, left_s)

    def _take(self, step: int) -> None:
        draw = self._steps.draw(step)
        lessons = [self._store.read(self._learnt[place].id) for place in draw.places]
        for group in self._optimizer.param_groups:
            group["lr"] = self._steps.rate(step)
        loss = self._gradients(lessons, draw)
        self._scaler.unscale_(self._optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self._parameters.values(), _CLIPPED_AT)
        # The scaler itself leaves out a step whose scaled gradients overflowed.
        if not math.isfinite(loss) or not (self._scaler.is_enabled() or torch.isfinite(norm)):
            raise EngineError(
                f"the training ran away at step {step + 1}: its loss is no number any more; choose a lower "
                f"--learning-rate than {self._options.learning_rate}"
            )
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if not draw.is_full:
            self._losses.append(loss)

    def _gradients(self, lessons: Sequence[Lesson], draw: Draw) -> float:
        """Add up the gradients of a step, in as large parts as fit the memory; gives its loss a token."""
        while True:
            self._optimizer.zero_grad(set_to_none=True)
            try:
                return self._sum(lessons, draw)
            except torch.OutOfMemoryError:
                if self._together == 1:
                    raise
                self._together = -(-min(self._together, len(lessons)) // 2)
            torch.cuda.empty_cache()

    def _sum(self, lessons: Sequence[Lesson], draw: Draw) -> float:
        tokens, loss = sum(len(lesson.tokens) for lesson in lessons), 0.0
        for start in range(0, len(lessons), self._together):
            found = self._student.distance(lessons[start : start + self._together], draw.frames)
            part = found.loss(self._options.loss) / tokens
            self._scaler.scale(part).backward()
            loss += float(part.detach())
        return loss

    def _point(self) -> Point:
        """Hold the student against the teacher on held-out lessons, one by one, each with one of the tails."""
        differ, tokens, divergence = 0, 0, 0.0
        for at, entry in enumerate(self._held_out):
            lesson = self._store.read(entry.id)
            tail_s = self._options.tails_s[at % len(self._options.tails_s)]
            with torch.no_grad():
                found = self._student.distance([lesson], fitted(lesson.mel.values.shape[1], tail_s))
            differ, tokens, divergence = (
                differ + found.differ,
                tokens + found.tokens,
                divergence + float(found.divergence),
            )
        return Point(self._step, round(100 * differ / max(1, tokens), 3), round(divergence / max(1, tokens), 5))

    def _settings(self) -> Mapping[str, Any]:
        """Give what two trainings have in common that end alike."""
        kept = {key: value for key, value in asdict(self._options).items() if key not in ("keep_every_s", "device")}
        kept["tails_s"] = list(self._options.tails_s)
        lessons = self._store.digest(lesson.id for lesson in self._learnt)
        return {**kept, "lessons": lessons, "teacher": self._store.teacher.weights}

    def _keep(self) -> None:
        """Write what a step depends on, whole or not at all."""
        state = {
            "settings": self._settings(),
            "step": self._step,
            "seconds": self._seconds,
            "points": [asdict(point) for point in self._points],
            "losses": list(self._losses),
            "parameters": {name: parameter.detach() for name, parameter in self._parameters.items()},
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
        }
        beside = self._kept.with_name(self._kept.name + files.BESIDE)
        try:
            with files.opened(beside, "wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            files.replace(beside, self._kept)
        except (OSError, RuntimeError) as error:
            # torch tells of a full disk in its own words.
            why = reason(error, self._kept) if isinstance(error, OSError) else first_line(error)
            with contextlib.suppress(OSError):
                files.remove(beside, missing_ok=True)
            raise OutputError(f"{self._kept}: cannot be written: {why}") from error

    def _go_on(self) -> None:
        """Take over what an earlier training has kept, if there is any."""
        state = self._kept_state()
        if state is None:
            return
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(state["parameters"][name])
        self._optimizer.load_state_dict(state["optimizer"])
        # Only of a GPU that computes in float16 there is anything.
        if self._scaler.is_enabled() and state["scaler"]:
            self._scaler.load_state_dict(state["scaler"])
        self._step, self._seconds = state["step"], state["seconds"]
        self._points = [Point(**point) for point in state["points"]]
        self._losses.extend(state["losses"])

    def _kept_state(self) -> dict[str, Any] | None:
        """Read what was kept of this very training; None where there is nothing, or it is to be begun again."""
        if not self._kept.is_file():
            return None
        try:
            # Not onto the device: the optimizer's counters of steps belong to the host, and its memory may be full.
            state: dict[str, Any] = torch.load(self._kept, map_location="cpu", weights_only=True)
            known = state["settings"]
        except MemoryError:
            raise
        except Exception as error:
            if self._overwrite:
                return None
            raise InputError(
                f"{self._kept}: cannot be read ({first_line(error)}); begin again with --overwrite"
            ) from error
        for name, value in self._settings().items():
            if known.get(name) == value:
                continue
            if self._overwrite:
                return None
            raise InputError(
                f"{self._kept.parent}: holds a training with another {_OPTIONS.get(name, name)} ({known.get(name)}, "
                f"now {value}); give the same, or begin again with --overwrite"
            )
        return state


_SMALLER = "choose --train small, or another --device"
# As the command calls them.
_OPTIONS = {
    "steps": "--steps",
    "batch_size": "--batch-size",
    "learning_rate": "--learning-rate",
    "train": "--train",
    "tails_s": "--tail",
    "clips": "--clips",
    "held_out": "--held-out",
    "language": "--language",
    "lessons": "set of clips",
    "teacher": "checkpoint",
}
