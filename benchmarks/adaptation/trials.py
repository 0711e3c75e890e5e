"""Other ways to teach, tried briefly on the same lessons: what is taught, and how fast."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from anime_whisper_ct2.adaptation.checkpoint import opened
from anime_whisper_ct2.adaptation.lessons import Entry, LessonStore, Teacher
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.options import AdaptOptions, Loss, Train
from anime_whisper_ct2.adaptation.place import held
from anime_whisper_ct2.adaptation.student import Student
from anime_whisper_ct2.adaptation.teacher import TextRules, teach
from anime_whisper_ct2.adaptation.training import Training
from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import AUDIO
from anime_whisper_ct2.readers import Corpus
from benchmarks.adaptation.stages import Told, opened_engine, say

STEPS, BATCH_SIZE = 120, 2
# Points of each curve behind the first.
_POINTS = 2
# At 30 s, every so many of the held-out lessons: these cost the most.
_FULL_OF = 2


@dataclass(frozen=True, slots=True)
class Trial:
    """A way to teach; all else is as the options that it is tried with say."""

    train: Train = "encoder"
    learning_rate: float = 1e-5
    loss: Loss = "both"
    full_every: int = 4

    @property
    def name(self) -> str:
        """What it is called, as a file is."""
        return f"{self.train}-{self.learning_rate:g}-{self.loss}-{self.full_every}"


# Each differs from the first in one thing. An update of low rank begins with nothing, and takes larger steps.
TRIALS = (
    Trial(),
    Trial(learning_rate=3e-5),
    Trial(learning_rate=1e-4),
    Trial("small", 1e-3),
    Trial("all"),
    Trial(loss="hidden"),
    Trial(loss="probabilities"),
    Trial(full_every=8),
)


def tried(checkpoint: Path, converted: Path, corpus: Path, folder: Path, base: AdaptOptions) -> list[dict[str, Any]]:
    """Teach in each of the ways, with all else as `base` says, and give how they did; what is done already is kept.

    `folder` is the work folder of `adapt`, whose lessons these are. A row has the trial, the `curve`, and
    `full_held_out`, the percentage of the held-out tokens that differ from the teacher's at 30 s.
    """
    rows = []
    with held(folder), opened(str(checkpoint)) as original:
        store, prompt = _lessons(original, converted, corpus, folder / "lessons")
        learnt, held_out = _parted(store, corpus, base)
        for trial in TRIALS:
            options = replace(base, **asdict(trial))
            amounts = options.steps, options.batch_size, options.clips, options.held_out
            path = folder / "trials" / f"{'-'.join(map(str, (trial.name, *amounts)))}.json"
            if not path.is_file():
                say(f"trying {trial}")
                network = Network(original.config).load(original.weights).to(options.device)
                path.parent.mkdir(exist_ok=True)
                row = _tried(network, prompt, store, learnt, held_out, options, path.with_suffix(".kept"))
                beside = path.with_suffix(".part")
                beside.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
                beside.replace(path)
                path.with_suffix(".kept").unlink(missing_ok=True)
            rows.append(json.loads(path.read_text(encoding="utf-8")))
    return rows


def _parted(store: Iterable[Entry], corpus: Path, base: AdaptOptions) -> tuple[list[Entry], list[Entry]]:
    """Give the lessons that are learnt from and those that are held out, as `adapt` parts them.

    Lessons of lines that were since replaced are neither.
    """
    there = [entry for entry in store if (corpus / entry.id).is_file()]
    by_id = sorted(there, key=lambda entry: hashlib.sha256(entry.id.encode()).digest())
    parts = by_id[base.held_out :], by_id[: base.held_out]
    learnt, held_out = (sorted((one for one in part if one.usable), key=lambda one: one.frames) for part in parts)
    return learnt, held_out


def _lessons(original: Any, converted: Path, corpus: Path, folder: Path) -> tuple[LessonStore, tuple[int, ...]]:
    """Have the teacher hear all clips of a corpus that it has not heard yet."""
    engine = opened_engine(converted)
    model = open_model_dir(converted)
    rules = TextRules.of(model, engine.prompt)  # type: ignore[attr-defined] # CTranslate2's engine has one
    teacher = Teacher(original.sha256(), "ja", rules.prompt, AUDIO.channel, engine.n_mels)
    store = LessonStore(folder, teacher)
    network, told = Network(original.config).load(original.weights).eval(), time.monotonic()

    def tell(done: int) -> None:
        nonlocal told
        if time.monotonic() - told > 30:
            told = time.monotonic()
            say(f"{done} clips heard")

    teach(iter(Corpus((str(corpus),))), store, engine, network, rules, on_advance=tell)
    engine.close()
    return store, rules.prompt


def _tried(
    network: Network,
    prompt: Sequence[int],
    store: LessonStore,
    learnt: Sequence[Entry],
    held_out: Sequence[Entry],
    options: AdaptOptions,
    kept: Path,
) -> dict[str, Any]:
    trained = Training(network, prompt, store, learnt, held_out, options, kept, points=_POINTS).run(Told())
    student, differ, tokens = Student(network, prompt), 0, 0
    with torch.no_grad():
        for entry in held_out[::_FULL_OF]:
            found = student.distance([store.read(entry.id)], WINDOW_FRAMES)
            differ, tokens = differ + found.differ, tokens + found.tokens
    return {
        "train": options.train,
        "learning_rate": options.learning_rate,
        "loss": options.loss,
        "full_every": options.full_every,
        "curve": [asdict(point) for point in trained.points],
        "seconds": round(trained.seconds, 1),
        "full_held_out": round(100 * differ / max(1, tokens), 3),
    }
