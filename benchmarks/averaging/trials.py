"""A trial of a search beside the naive one: load all checkpoints, average in torch, save, convert, run, score."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from anime_whisper_ct2.models import convert_opened, open_series, open_sums, range_recipe
from anime_whisper_ct2.options import AUDIO
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.search.course import search
from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.records import Search
from benchmarks.averaging.scores import cer, heard
from benchmarks.measures.process import span

# What a trial of a search may cost of a naive one.
AT_MOST = 1 / 3
# What transformers saves are weights and two configurations; the rest is copied, as one would by hand.
_SAVED = frozenset(("model.safetensors", "config.json", "generation_config.json"))


@dataclass(frozen=True, slots=True)
class Naive:
    """Seconds of a trial that was made the naive way, and the CER that came of it."""

    averaging_s: float
    converting_s: float
    running_s: float
    cer: float

    @property
    def whole_s(self) -> float:
        """Seconds of all of it."""
        return self.averaging_s + self.converting_s + self.running_s


def naive(checkpoints: Sequence[Path], clips: Path, references: Path, work: Path, *, workers: int | None) -> Naive:
    """Make the uniform average as a script would, convert it and transcribe with it, in folders that are new."""
    from anime_whisper_ct2_convert import convert

    shutil.rmtree(work, ignore_errors=True)
    start = time.perf_counter()
    averaged(checkpoints, work / "average")
    averaging_s = time.perf_counter() - start
    start = time.perf_counter()
    convert(str(work / "average"), work / "converted")
    converting_s = time.perf_counter() - start
    start = time.perf_counter()
    rate = cer(heard(work / "converted", clips, work / "run", workers=workers), references)
    return Naive(averaging_s, converting_s, time.perf_counter() - start, rate)


def averaged(checkpoints: Sequence[Path], out: Path) -> None:
    """Write the uniform average of checkpoints, all of which are loaded by transformers."""
    import torch
    from transformers import WhisperForConditionalGeneration

    models = [WhisperForConditionalGeneration.from_pretrained(path) for path in checkpoints]
    states = [model.state_dict() for model in models]
    mean = {
        name: torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)
        for name, value in states[0].items()
    }
    models[-1].load_state_dict(mean)
    with warnings.catch_warnings():
        # Of what has its place in generation_config.json by now, where it is as well.
        warnings.filterwarnings("ignore", message="Moving the following attributes")
        models[-1].save_pretrained(out)
    for path in checkpoints[-1].iterdir():
        if path.name not in _SAVED:
            shutil.copy(path, out)


def made(checkpoints: Sequence[Path], work: Path, rounds: int) -> float:
    """Give the seconds in which a trial makes the model of all checkpoints, in the middle of a search; the median."""
    spent = []
    with (
        open_series(tuple(map(str, checkpoints))) as opened,
        open_sums(work / "sums", opened, opened.identities()) as sums,
    ):
        for _ in range(rounds + 1):
            start = time.perf_counter()
            blend = opened.blend(range_recipe(len(checkpoints), 0, len(checkpoints)), sums=sums)
            convert_opened(blend, work / "made")
            spent.append(time.perf_counter() - start)
    shutil.rmtree(work / "sums")
    return median(spent[1:])


def searched(checkpoints: Sequence[Path], clips: Path, references: Path, out: Path, work: Path) -> Search:
    """Search with one trial, beside which each checkpoint and the uniform average are tried in full."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
    options = SearchOptions(trials=1, holdout=0.0, device="cpu")
    return search(
        tuple(map(str, checkpoints)),
        Corpus((str(clips),)),
        str(references),
        out,
        options,
        study=None,
        work=work,
        overwrite=True,
        tokenizer=None,
        dtype=None,
        audio=AUDIO,
        on_advance=lambda _advance: None,
        on_note=lambda _line: None,
    )


def timed(checkpoints: Sequence[Path], clips: Path, references: Path, work: Path, rounds: int) -> dict[str, Any]:
    """Time the uniform average of all checkpoints both ways, in turn, in this process; gives medians.

    Nothing is imported meanwhile for the first time. The naive run is made with the front end in this process and in
    its usual workers, and the faster of the two counts.
    """
    # Whatever a library does once in a process.
    naive(checkpoints[:2], clips, references, work / "naive", workers=0)
    turns = []
    for _ in range(rounds):
        with span() as spent:
            ways = [naive(checkpoints, clips, references, work / "naive", workers=workers) for workers in (0, None)]
            start = time.perf_counter()
            found = searched(checkpoints, clips, references, work / "out", work / "search")
            search_s = time.perf_counter() - start
        by_hand = min(ways, key=lambda way: way.whole_s)
        (uniform,) = (trial for trial in found.trials if trial.kind == "uniform")
        if uniform.parts != found.parts:
            raise SystemExit("the average of all was not heard in full")
        trials_s = sum(trial.seconds for trial in found.trials)
        turns.append(
            {
                **asdict(by_hand),
                "naive_s": by_hand.whole_s,
                "trial_s": uniform.seconds,
                "trial_cer": uniform.cer,
                "once_s": search_s - trials_s,
                "others_share": spent.others_share,
            }
        )
    making_s = made(checkpoints, work, rounds)
    told = {key: median(turn[key] for turn in turns) for key in turns[0]}
    return {
        **{key: round(value, 4) for key, value in told.items()},
        "ratio": round(median(turn["trial_s"] / turn["naive_s"] for turn in turns), 4),
        "making_s": round(making_s, 4),
        "making_ratio": round(making_s / (told["averaging_s"] + told["converting_s"]), 4),
        "recordings": found.recordings,
        "rounds": rounds,
    }
