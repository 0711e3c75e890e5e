"""From names of checkpoints to the folder of their average: the one place that knows the order of the steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.system.paths import path_of
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2.system.swapping import replacing
from anime_whisper_ct2_convert.averaging.place import KIND, check_place, held
from anime_whisper_ct2_convert.averaging.recipe import Recipe
from anime_whisper_ct2_convert.averaging.series import open_series
from anime_whisper_ct2_convert.averaging.texts import NO_TOKENIZER
from anime_whisper_ct2_convert.averaging.writing import RECORD, dtype_of, write_average
from anime_whisper_ct2_convert.conversion import Progress
from anime_whisper_ct2_convert.numerics import FloatType


@dataclass(frozen=True, slots=True)
class Averaging:
    """What was averaged.

    `sources`: those that have a part in it. `dtype`: None where tensors are of several types. `lacking`: a sentence,
    where what was written is no whole checkpoint.
    """

    path: Path
    sources: tuple[str, ...]
    dtype: FloatType | None
    differences: tuple[str, ...]
    n_bytes: int
    wall_s: float
    lacking: str | None = None


def average(
    names: Sequence[str],
    out: Path,
    recipe: Recipe,
    *,
    dtype: FloatType | None = None,
    tokenizer: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Averaging:
    """Average checkpoints into a folder that appears whole or not at all.

    `recipe`: see `read_recipe`. `dtype`: of the weights; else each tensor has that of the first checkpoint in the
    average. `tokenizer`: a folder or hub id whose tokenizer is taken. `overwrite`: an earlier average may go. `on_note`
    gets the differences before anything is written. Needs memory for a few blocks of a tensor. Raises InputError,
    ModelNotFoundError, CheckpointError or OutputError; what stood at `out` is there then.
    """
    started, out = time.perf_counter(), path_of(out)
    check_place([*names, *([tokenizer] if tokenizer else [])], out, RECORD, overwrite=overwrite)
    with held(out), open_series(names, tokenizer) as series:
        # Whatever came there meanwhile, or was put back, is not to be lost either.
        check_place(names, out, RECORD, overwrite=overwrite)
        used = series.used(recipe)
        differences = series.differences_of(used)
        if on_note is not None:
            for difference in differences:
                on_note(difference)
        try:
            with replacing(out, KIND) as staging:
                write_average(staging, series, recipe, dtype=dtype, progress=progress, shown=out)
        except OSError as error:
            raise OutputError(f"{out}: cannot be written ({reason(error, out)}); name another folder") from error
        return Averaging(
            path=out,
            sources=tuple(series.names[at] for at in used),
            dtype=dtype_of(series.blend(recipe, dtype=dtype)),
            differences=differences,
            n_bytes=sum(path.stat().st_size for path in out.iterdir()),
            wall_s=time.perf_counter() - started,
            lacking=NO_TOKENIZER if series.texts.tokenizer_of(used[-1]) is None else None,
        )
