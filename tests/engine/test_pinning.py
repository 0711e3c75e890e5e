"""A process of an engine sees its own GPU as the first."""

from __future__ import annotations

import pytest

from anime_whisper_ct2.engine.pinning import pinned
from anime_whisper_ct2.options import EngineOptions


@pytest.mark.parametrize(
    ("gpu", "environ", "seen"),
    [
        (1, {}, "1"),
        (3, {}, "3"),
        (1, {"CUDA_VISIBLE_DEVICES": "4, 6"}, "6"),
        (1, {"CUDA_VISIBLE_DEVICES": "GPU-8932f937,MIG-4a6b"}, "MIG-4a6b"),
    ],
)
def test_the_gpu_is_named_as_the_system_names_it(gpu: int, environ: dict[str, str], seen: str) -> None:
    gpus = environ.get("CUDA_VISIBLE_DEVICES", "0,1,2,3").count(",") + 1
    options, added = pinned(EngineOptions("cuda", (gpu,)), gpus, environ)
    assert options == EngineOptions("cuda", (0,))
    assert added == {"CUDA_VISIBLE_DEVICES": seen}


@pytest.mark.parametrize(
    ("gpu", "gpus", "environ"),
    [
        *((0, 4, {}), (4, 4, {}), (1, 0, {})),
        *((1, 1, {"CUDA_VISIBLE_DEVICES": "5,-1,6"}), (1, 2, {"CUDA_VISIBLE_DEVICES": ""})),
    ],
    ids=["the first", "not there", "no GPU", "hidden", "all hidden"],
)  # fmt: skip
def test_the_first_needs_no_pin_and_one_that_is_not_there_keeps_its_number(
    gpu: int, gpus: int, environ: dict[str, str]
) -> None:
    options = EngineOptions("cuda", (gpu,))
    assert pinned(options, gpus, environ) == (options, {})
