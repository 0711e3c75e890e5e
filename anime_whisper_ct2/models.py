"""From the name of a model to what can be done with it: a converted folder that is safe to run, or its weights.

Several checkpoints are a series, of which averages can be made. The one room, beside the commands, that opens the
converter, and only when it is needed: engine and converter meet on disk alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anime_whisper_ct2.errors import CheckpointError, ModelNotFoundError, one_line
from anime_whisper_ct2.model_dir import DEFAULT_QUANTIZATION, ModelDir, is_converted, open_model_dir
from anime_whisper_ct2.model_dir.mistaken import why_no_model
from anime_whisper_ct2.options import DEFAULT_MODEL
from anime_whisper_ct2.records import Float32
from anime_whisper_ct2.system.paths import at_home, can_be_no_name
from anime_whisper_ct2.system.refusals import reason

if TYPE_CHECKING:
    # Under their own names, for whoever works with them and may not open the converter.
    from anime_whisper_ct2_convert import OpenCheckpoint as OpenCheckpoint  # noqa: PLC0414
    from anime_whisper_ct2_convert.averaging import PrefixSums as PrefixSums  # noqa: PLC0414
    from anime_whisper_ct2_convert.averaging import Recipe as Recipe  # noqa: PLC0414
    from anime_whisper_ct2_convert.averaging import Series as Series  # noqa: PLC0414
    from anime_whisper_ct2_convert.numerics import FloatType as FloatType  # noqa: PLC0414

Progress = Callable[[str, int, int], None]


def resolve_model(name: str = DEFAULT_MODEL, *, progress: Progress | None = None) -> ModelDir:
    """Open a converted folder; a checkpoint's folder or a hub id is converted first, once, into the cache.

    `progress` gets a stage, the bytes done and their total while a conversion runs. Raises ModelError.
    """
    name, path = _named(name)
    if is_converted(path):
        return open_model_dir(path)
    if why := why_no_model(name):
        raise ModelNotFoundError(why)
    from anime_whisper_ct2_convert import ensure_converted  # noqa: PLC0415 - only when there is something to convert

    return open_model_dir(ensure_converted(name, progress=progress))


@contextmanager
def open_checkpoint(name: str) -> Iterator[OpenCheckpoint]:
    """Open the weights of a checkpoint's folder or a hub id for as long as the context lasts. Raises ModelError."""
    name, path = _named(name)
    if is_converted(path):
        made_of = open_model_dir(path).awct2.get("source")
        of = f", which is {made_of}" if isinstance(made_of, str) else ""
        raise CheckpointError(f"{name}: is a converted model; name the checkpoint that it was made from{of}")
    from anime_whisper_ct2_convert import open_checkpoint as opened  # noqa: PLC0415 - as above

    with opened(name) as checkpoint:
        yield checkpoint


def write_checkpoint(folder: Path, like: OpenCheckpoint, tensors: Iterable[tuple[str, Float32]]) -> None:
    """Write other weights, in float32, as a checkpoint with the text files of `like`, into an empty folder.

    Raises OutputError where the folder is taken or cannot be written, and CheckpointError for what are no numbers.
    """
    from anime_whisper_ct2_convert import write_checkpoint as write  # noqa: PLC0415 - as above

    write(folder, like, "float32", ((name, [values]) for name, values in tensors))


def convert_checkpoint(
    folder: Path, output: Path, *, quantization: str = DEFAULT_QUANTIZATION, progress: Progress | None = None
) -> ModelDir:
    """Convert a checkpoint's folder into another, in the place of a converted model that may be there; give that.

    Raises ModelError, and InputError where `output` holds anything else.
    """
    from anime_whisper_ct2_convert import convert  # noqa: PLC0415 - as above

    made = convert(str(folder), output, quantization=quantization, force=True, progress=progress)
    return open_model_dir(made.path)


def convert_opened(
    checkpoint: OpenCheckpoint,
    output: Path,
    *,
    quantization: str = DEFAULT_QUANTIZATION,
    progress: Progress | None = None,
) -> ModelDir:
    """Convert what is open, a blend too that lies on no disk, else as `convert_checkpoint` does; give the model."""
    from anime_whisper_ct2_convert import convert_opened as convert  # noqa: PLC0415 - as above

    made = convert(checkpoint, output, quantization=quantization, force=True, progress=progress)
    return open_model_dir(made.path)


@contextmanager
def open_series(names: Sequence[str], tokenizer: str | None = None) -> Iterator[Series]:
    """Open checkpoints of one network, folders or hub ids, for as long as the context lasts.

    `tokenizer`: a folder or hub id whose tokenizer averages get, in place of the last one's. Raises ModelError, and
    InputError for no names.
    """
    from anime_whisper_ct2_convert.averaging import open_series as opened  # noqa: PLC0415 - as above

    with opened(names, tokenizer) as series:
        yield series


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """Give what to call checkpoints in a table: the end of each name, as long as it takes to tell them apart."""
    from anime_whisper_ct2_convert.averaging import short_names as shortened  # noqa: PLC0415 - as above

    return shortened(names)


def range_recipe(count: int, first: int, stop: int) -> Recipe:
    """Take the checkpoints from `first` to before `stop` of so many, all alike."""
    from anime_whisper_ct2_convert.averaging import Mix, Recipe  # noqa: PLC0415 - as above

    return Recipe(Mix.of_range(count, first, stop))


def weights_recipe(weights: Sequence[float], parts: Iterable[tuple[str, Sequence[float]]] = ()) -> Recipe:
    """Take as much of each checkpoint as its weight is of all; `parts`: other weights, by the pattern of tensors.

    Raises InputError for weights that add up to nothing.
    """
    from anime_whisper_ct2_convert.averaging import Mix, Recipe  # noqa: PLC0415 - as above

    return Recipe(Mix.of_weights(weights), tuple((pattern, Mix.of_weights(own)) for pattern, own in parts))


@contextmanager
def open_sums(
    folder: Path, series: Series, identities: Sequence[str], progress: Progress | None = None
) -> Iterator[PrefixSums]:
    """Open the prefix sums of a series, in a folder of their own; those that are not there are made first, once.

    `identities`: those of the series, by which its sums are known again. The caller sees to it that no other process
    makes them there. Raises OutputError for a disk without room.
    """
    from anime_whisper_ct2_convert.averaging import open_sums as opened  # noqa: PLC0415 - as above

    with opened(folder, series, identities, progress) as sums:
        yield sums


def write_average(
    folder: Path,
    series: Series,
    recipe: Recipe,
    *,
    dtype: FloatType | None = None,
    progress: Progress | None = None,
    shown: Path | None = None,
) -> None:
    """Write an average as a checkpoint with `average.json`, into an empty folder; `shown`: what errors call that.

    Raises OutputError where it cannot be written, and CheckpointError for weights that are no numbers.
    """
    from anime_whisper_ct2_convert.averaging import write_average as write  # noqa: PLC0415 - as above

    write(folder, series, recipe, dtype=dtype, progress=progress, shown=shown)


def _named(name: str) -> tuple[str, Path]:
    """Give a model's name and the path that it may be. Raises ModelNotFoundError where that cannot be looked at."""
    if not name.strip():
        raise ModelNotFoundError("no model is named; give a folder or a hub id")
    name = at_home(name)
    path = Path(name)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # then it may be a hub id
    except (OSError, ValueError) as error:
        if not can_be_no_name(error):
            raise ModelNotFoundError(f"{one_line(name)}: cannot be opened: {reason(error, path)}") from error
    return name, path
