"""One GPU for one process: it sees that one alone, as its first.

CTranslate2 takes every array of another library for one of the process's current device (CTranslate2#1467), and a
library that means the first GPU by default would otherwise claim memory on one that others compute on.

Standard library only, as `cuda`: asked before anything else is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from anime_whisper_ct2.options import EngineOptions

_VISIBLE = "CUDA_VISIBLE_DEVICES"


def pinned(
    options: EngineOptions, gpus: int, environ: Mapping[str, str] = os.environ
) -> tuple[EngineOptions, dict[str, str]]:
    """Give an engine's options, and what to add to the environment of its process, so that its GPU is the first there.

    `gpus`: how many there are. One that is not there is left to the engine to refuse, by the number that was asked for.
    """
    (gpu, *_) = options.gpus
    named = environ.get(_VISIBLE)
    visible = [str(number) for number in range(gpus)] if named is None else named.split(",")[:gpus]
    if not gpu or gpu >= len(visible):
        return options, {}
    return replace(options, gpus=(0,)), {_VISIBLE: visible[gpu].strip()}
