"""From the name of a model to a converted folder that is safe to run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anime_whisper_ct2.errors import ModelNotFoundError
from anime_whisper_ct2.model_dir import ModelDir, is_checkpoint, is_converted, open_model_dir
from anime_whisper_ct2.options import DEFAULT_MODEL

Progress = Callable[[str, int, int], None]


def resolve_model(name: str = DEFAULT_MODEL, *, progress: Progress | None = None) -> ModelDir:
    """Open a converted folder; a checkpoint's folder or a hub id is converted first, once, into the cache.

    `progress` gets a stage, the bytes done and their total while a conversion runs. Raises ModelError.
    """
    path = Path(name)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # then it may be a hub id
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(f"{name}: cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    if is_converted(path):
        return open_model_dir(path)
    if path.is_dir() and not is_checkpoint(path):
        raise ModelNotFoundError(
            f"{name}: neither a converted model (no model.bin) nor a checkpoint (no config.json with weights); "
            "name one of these, or a hub id"
        )
    # Imported only when there is something to convert: the engine and the converter meet on disk alone.
    from anime_whisper_ct2_convert import ensure_converted  # noqa: PLC0415

    return open_model_dir(ensure_converted(name, progress=progress))
