"""From the name of a model to what can be done with it: a converted folder that is safe to run, or its weights.

The one room, beside the command, that opens the converter, and only when it is needed: engine and converter meet on
disk alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
    # Under its own name, for whoever works with one and may not open the converter.
    from anime_whisper_ct2_convert import OpenCheckpoint as OpenCheckpoint  # noqa: PLC0414

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
