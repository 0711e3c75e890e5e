"""Where a checkpoint comes from: a folder as it is, or a hub id that is fetched into huggingface_hub's cache."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import CheckpointError, ModelNotFoundError, first_line
from anime_whisper_ct2.model_dir import MODEL_BIN, is_converted
from anime_whisper_ct2.model_dir.mistaken import is_adapter, why_no_model
from anime_whisper_ct2.system import waiting
from anime_whisper_ct2.system.commands import command_line
from anime_whisper_ct2.system.paths import at_home
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2_convert.weights import SAFETENSORS, SAFETENSORS_INDEX, TORCH, TORCH_INDEX

_HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
# The hub's cache calls a snapshot's folder by its commit.
_COMMIT = re.compile(r"[0-9a-f]{40}")
# By name, never "*.json" or "*.safetensors": repositories keep optimiser states and other precisions beside the model.
_TEXT_FILES = [
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
]
# What belongs to a model beside them, and a conversion has no use for.
_OTHER_TEXT_FILES = ["normalizer.json", "chat_template.json", "chat_template.jinja"]
_SAFETENSORS_FILES = [SAFETENSORS, SAFETENSORS_INDEX, "model-*-of-*.safetensors"]
_TORCH_FILES = [TORCH, TORCH_INDEX, "pytorch_model-*-of-*.bin"]


class NamedError(CheckpointError):
    """One whose message says already whose fault it is: `naming` leaves it as it is."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint whose files are on this machine."""

    folder: Path
    source: str  # what the user can name again: the hub id, or the folder's full path
    revision: str | None  # the commit on the hub; a folder has none

    @property
    def commit(self) -> str | None:
        """The commit on the hub, which tells all of its contents; None where only its files do."""
        return self.revision if self.revision and _COMMIT.fullmatch(self.revision) else None

    def json(self, name: str) -> dict[str, Any] | None:
        """Read a JSON object; None where the file is absent. Raises CheckpointError where it is broken."""
        path = self.folder / name
        if not path.is_file():
            return None
        try:
            value = json.loads(read_whole(path).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"{path}: is no valid JSON ({error}); download it again") from error
        if not isinstance(value, dict):
            raise CheckpointError(f"{path}: is no JSON object; download it again")
        return value


def read_whole(path: Path) -> bytes:
    """Read a file of a checkpoint. Raises CheckpointError where the system refuses that."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({reason(error, path)})") from error


def as_folder(source: str) -> Path | None:
    """Return the folder that a source names, None where there is none; no name is none."""
    if not source:
        return None  # which a path would take for the folder that one is in
    try:
        folder = Path(at_home(source))
        return folder if folder.is_dir() else None
    except OSError:  # a name too long for a path
        return None


def open_source(source: str, revision: str | None = None, *, whole: bool = False) -> Checkpoint:
    """Find a checkpoint's files, fetching them from the hub where `source` is no folder.

    `whole`: also the files that a conversion has no use for. The token is huggingface_hub's: `$HF_TOKEN` or the login.
    Raises ModelNotFoundError and CheckpointError.
    """
    source = at_home(source)
    folder = as_folder(source)
    if folder is None:
        if why := why_no_model(source):
            raise ModelNotFoundError(why)
        return _fetch(source, revision, _TEXT_FILES + (_OTHER_TEXT_FILES if whole else []))
    _check_open(folder)
    if revision is not None:
        raise ModelNotFoundError(f"{source}: is a folder, and --revision {revision} is for models on the hub")
    if is_converted(folder):
        use = command_line("awct2", "run", "--model", str(folder))
        raise CheckpointError(f"{folder}: is a converted model already; use it with: {use}")
    if is_adapter(folder) or not (folder / "config.json").is_file():
        raise CheckpointError(why_no_model(str(folder)) or f"{folder}: has no config.json, so it is no checkpoint")
    return Checkpoint(folder, str(folder.resolve()), None)


def open_named(name: str) -> Checkpoint:
    """Find a checkpoint's files, all of them, by a name that may be `OWNER/NAME@REVISION`. Raises as `open_source`."""
    return open_source(*_with_revision(name), whole=True)


def open_texts(name: str) -> Checkpoint:
    """Find the text files alone of what need be no whole checkpoint, such as a tokenizer's folder or a hub id.

    Raises ModelNotFoundError and CheckpointError.
    """
    source, revision = _with_revision(at_home(name))
    folder = as_folder(source)
    if folder is not None:
        _check_open(folder)
        return Checkpoint(folder, str(folder.resolve()), None)
    _check_hub_id(source)
    folder = _snapshot(source, revision, _TEXT_FILES + _OTHER_TEXT_FILES)
    return Checkpoint(folder, source, _commit(folder) or revision)


def text_files(folder: Path) -> list[Path]:
    """Give the files of a checkpoint folder that make a model of its weights: configurations and tokenizer."""
    return [path for name in (*_TEXT_FILES, *_OTHER_TEXT_FILES) if (path := folder / name).is_file()]


@contextmanager
def naming(checkpoint: Checkpoint) -> Iterator[None]:
    """Say whose fault it is, where the room that found it was handed only its contents."""
    try:
        yield
    except NamedError:
        raise
    except CheckpointError as error:
        said = str(error) if str(checkpoint.folder) in str(error) else f"{checkpoint.source}: {error}"
        raise NamedError(said) from error


def folder_digest(folder: Path) -> str:
    """Return a digest that changes when a file of a checkpoint folder is replaced: of names, sizes and times."""
    names = [*_TEXT_FILES, *_SAFETENSORS_FILES, *_TORCH_FILES]
    files = sorted({path for name in names for path in folder.glob(name)})
    # Not of contents: gigabytes would be read at every start.
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(stats).encode()).hexdigest()


def _with_revision(name: str) -> tuple[str, str | None]:
    """Give a hub id and its revision; a folder may be called whatever it likes."""
    source, _, revision = name.partition("@")
    if not revision or not _HUB_ID.fullmatch(source) or as_folder(name) is not None:
        return name, None
    return source, revision


def _check_open(folder: Path) -> None:
    """Raise CheckpointError for a folder that this user may not look into."""
    try:
        (folder / "config.json").stat()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be looked into ({reason(error, folder)})") from error


def _check_hub_id(source: str) -> None:
    if not _HUB_ID.fullmatch(source):
        raise ModelNotFoundError(f"{source}: is no folder here, and no hub id either, which would be OWNER/NAME")


def _fetch(source: str, revision: str | None, text_files: list[str]) -> Checkpoint:
    _check_hub_id(source)
    folder = _snapshot(source, revision, text_files + _SAFETENSORS_FILES)
    if not any((folder / name).is_file() for name in (SAFETENSORS, SAFETENSORS_INDEX)):
        cached = any((folder / name).is_file() for name in (TORCH, TORCH_INDEX))
        if not cached and _is_there(source, revision, MODEL_BIN):
            raise CheckpointError(
                f"{source}: is a converted model already; fetch it with: hf download {source} --local-dir FOLDER, and "
                "name that folder as the model"
            )
        # Ask before gigabytes are fetched that could not be read.
        if find_spec("torch") is None:
            raise CheckpointError(
                f"{source}: has no {SAFETENSORS} on the hub, and reading {TORCH} needs torch; pip install torch"
            )
        folder = _snapshot(source, revision, text_files + _TORCH_FILES)
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{source}: has no config.json on the hub, so it is no transformers checkpoint")
    return Checkpoint(folder, source, _commit(folder) or revision)


def _commit(snapshot: Path) -> str | None:
    return snapshot.name if _COMMIT.fullmatch(snapshot.name) else None


def _is_there(source: str, revision: str | None, name: str) -> bool:
    """Say whether the hub has a file; where it cannot be asked, it has none."""
    import huggingface_hub  # noqa: PLC0415 - as below

    try:
        return bool(waiting.apart(partial(huggingface_hub.file_exists, source, name, revision=revision)))
    except _network_errors():
        return False


def _network_errors() -> tuple[type[Exception], ...]:
    """Give what calls to the hub fail with: from huggingface_hub 1.0 on, httpx's errors too, which are no OSError."""
    try:
        return OSError, import_module("httpx").HTTPError
    except ImportError:
        return (OSError,)


def _snapshot(source: str, revision: str | None, names: list[str]) -> Path:
    # Here, not above: a conversion from a folder never needs the hub, and the import takes a while.
    import huggingface_hub  # noqa: PLC0415
    from huggingface_hub import errors  # noqa: PLC0415

    where = f"{source}: is no folder here"
    failures: tuple[type[Exception], ...] = (*_network_errors(), ValueError)
    try:
        # It waits for threads of its own, where no signal is let in.
        return Path(
            waiting.apart(partial(huggingface_hub.snapshot_download, source, revision=revision, allow_patterns=names))
        )
    except errors.GatedRepoError as error:
        raise ModelNotFoundError(
            f"{where}, and on the hub its conditions must be accepted first: do so on its page, "
            "then log in with `hf auth login` or set HF_TOKEN"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ModelNotFoundError(
            f"{where}, and on the hub it has no revision {revision}; name another one, or none"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelNotFoundError(
            f"{where}, and the hub has no such model; check the name, "
            "or log in with `hf auth login` or HF_TOKEN if it is private"
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise ModelNotFoundError(
            f"{where}, the hub cannot be reached, and its cache does not hold the model; "
            "check the connection, or download it elsewhere with `hf download` and name that folder"
        ) from error
    except failures as error:  # huggingface_hub's other errors are one of these
        raise ModelNotFoundError(f"{where}, and could not be fetched from the hub ({first_line(error)})") from error
