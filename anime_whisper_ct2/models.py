"""From the name of a model to a converted folder that is safe to run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anime_whisper_ct2.errors import ModelNotFoundError, one_line
from anime_whisper_ct2.model_dir import ModelDir, is_converted, open_model_dir
from anime_whisper_ct2.model_dir.mistaken import why_no_model
from anime_whisper_ct2.options import DEFAULT_MODEL
from anime_whisper_ct2.system.paths import at_home, can_be_no_name
from anime_whisper_ct2.system.refusals import reason

Progress = Callable[[str, int, int], None]


def resolve_model(name: str = DEFAULT_MODEL, *, progress: Progress | None = None) -> ModelDir:
    """Open a converted folder; a checkpoint's folder or a hub id is converted first, once, into the cache.

    `progress` gets a stage, the bytes done and their total while a conversion runs. Raises ModelError.
    """
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
    if is_converted(path):
        return open_model_dir(path)
    if why := why_no_model(name):
        raise ModelNotFoundError(why)
    # Imported only when there is something to convert: the engine and the converter meet on disk alone.
    from anime_whisper_ct2_convert import ensure_converted  # noqa: PLC0415

    return open_model_dir(ensure_converted(name, progress=progress))
