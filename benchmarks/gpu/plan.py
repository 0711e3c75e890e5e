"""What is measured on a GPU, in which order, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

# In the order of what they settle; what each does, for `--help`.
STEPS: Mapping[str, str] = MappingProxyType(
    {
        "prepare": "the stand-in and the corpora, side by side; what is there already is kept",
        "probe": "kernels, encoders, decoder, threads, memory pool, batches by their index, precisions: one by one",
        "fit": "this project, fitted windows, with each encoder",
        "full": "this project, windows of 30 s, with each encoder",
        "texts": "texts of a trained checkpoint against the CPU's, with each encoder",
        "words": "word times against the CPU's",
        "memory": "a run whose batches do not fit the memory, with each encoder",
        "stations": "two engine processes on the one GPU, one of them killed",
        "faster-whisper": "faster-whisper, batched, file by file",
        "transformers": "transformers with SDPA and loader workers, at several batch sizes",
        "rounds": "fitted and full windows again, for medians",
        "engines": "two engine processes on the one GPU: whether it gains by them",
    }
)
ENCODERS = ("torch", "ctranslate2")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and on what."""

    size: str = "full"
    device: str = "cuda"
    compute_type: str = "float16"
    # More than there is time for: runs are stopped.
    clips: Mapping[str, int] = field(
        default_factory=lambda: {
            "fit": 16_000,
            "full": 4_000,
            "stations": 4_000,
            "file by file": 400,
            "transformers": 2_000,
            "memory": 1_000,
        }
    )
    run_s: Mapping[str, float] = field(
        default_factory=lambda: {"fit": 10.0, "full": 10.0, "file by file": 12.0, "transformers": 8.0}
    )
    # Seconds after which a process is killed, whatever it has given; each encoder's and batch size's has so long.
    limits: Mapping[str, float] = field(
        default_factory=lambda: {
            "prepare": 90.0,
            "probe": 120.0,
            "fit": 45.0,
            "full": 45.0,
            "texts": 60.0,
            "words": 30.0,
            "memory": 40.0,
            "stations": 50.0,
            "faster-whisper": 40.0,
            "transformers": 40.0,
            "rounds": 45.0,
            "engines": 50.0,
        }
    )
    rounds: int = 3  # of this project's own runs
    batches: tuple[int, ...] = (64, 32, 128)  # of transformers
    workers: int = 14  # of its loader, beside 16 cores
    oom_batch: int = 64  # windows of 30 s, where less memory is left than they take
    recordings: int = 1_000  # of the sample corpus at most, GPU against CPU
    # Of the probe: encoder positions, half the frames, in batches that fill the device; windows of one batch that are
    # all the same; least seconds of one measurement.
    positions: tuple[int, ...] = (256, 384, 512, 768, 1496, 1500)
    fill: int = 24_000
    copies: tuple[int, ...] = (1, 64, 95, 96, 128)
    precisions: tuple[str, ...] = ("bfloat16", "int8_float16")
    torch_types: tuple[str, ...] = ("float16", "bfloat16")
    seconds: float = 0.5


SMOKE = Plan(
    size="tiny",
    device="cpu",
    compute_type="float32",
    clips={"fit": 80, "full": 24, "stations": 80, "file by file": 6, "transformers": 12, "memory": 12},
    run_s={"fit": 20.0, "full": 20.0, "file by file": 20.0, "transformers": 20.0},
    limits=dict.fromkeys(STEPS, 120.0),
    rounds=2,
    batches=(2,),
    workers=1,
    oom_batch=8,
    recordings=3,
    fill=512,
    copies=(1, 2, 3),
    precisions=("int8",),
    torch_types=("float32", "bfloat16"),
    seconds=0.01,
)
