"""From a checkpoint to a converted folder: the one place that knows the order of the steps."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.errors import CheckpointError, InputError
from anime_whisper_ct2.model_dir import (
    AWCT2,
    CONFIG,
    DEFAULT_QUANTIZATION,
    MODEL_BIN,
    PREPROCESSOR,
    QUANTIZATIONS,
    TOKENIZER,
    VOCABULARY,
    cached_conversion_path,
    is_converted,
    open_model_dir,
)
from anime_whisper_ct2.model_dir.variables import BINARY_VERSION, SPEC_REVISION
from anime_whisper_ct2.system.paths import path_of
from anime_whisper_ct2_convert import binary
from anime_whisper_ct2_convert.config import model_config, preprocessor_config
from anime_whisper_ct2_convert.publish import check_destination, locked, published
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint
from anime_whisper_ct2_convert.source import Checkpoint, as_folder, folder_digest, naming, open_source
from anime_whisper_ct2_convert.tensor import Tensor
from anime_whisper_ct2_convert.tokenizer import open_tokenizer
from anime_whisper_ct2_convert.variables import find_aliases
from anime_whisper_ct2_convert.weights import open_weights
from anime_whisper_ct2_convert.whisper_layout import WhisperShape, lay_out

logger = logging.getLogger(__name__)

Progress: TypeAlias = Callable[[str, int, int], None]  # stage ("weights"), bytes done, bytes in all

_SMALL_FILES_BYTES = 32 << 20  # room for the tokenizer and the other JSON files


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion did."""

    path: Path
    source: str
    revision: str | None
    quantization: str
    repairs: tuple[str, ...]  # sentences: faults of the checkpoint that the result no longer has
    model_bytes: int
    wall_s: float


@dataclass(frozen=True, slots=True)
class _Described:
    """What is known of a result before a weight is read: `small_files` are its text files by name."""

    shape: WhisperShape
    small_files: Mapping[str, str]
    repairs: tuple[str, ...]


def convert(
    source: str,
    output: Path | None = None,
    *,
    quantization: str = DEFAULT_QUANTIZATION,
    revision: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Conversion:
    """Convert a checkpoint, a folder or a hub id, into a folder that appears whole or not at all.

    Without `output` the result goes where `ensure_converted` finds it. Takes about 100 MB of memory whatever the model.
    Raises InputError, ModelNotFoundError, CheckpointError or ConversionError; an older result then stays as it was.
    """
    _check_quantization(quantization)
    destination = path_of(output or default_output(source, revision=revision, quantization=quantization))
    with locked(destination):
        return _convert(source, destination, quantization, revision, force=force, progress=progress)


def convert_opened(
    checkpoint: OpenCheckpoint,
    output: Path,
    *,
    quantization: str = DEFAULT_QUANTIZATION,
    force: bool = False,
    progress: Progress | None = None,
) -> Conversion:
    """Convert a checkpoint that is open, one too whose tensors are computed as they are read and lie on no disk.

    Gives the model that `convert` would of the same checkpoint in a folder, and raises as that does. `awct2.json` names
    the one that the text files are of.
    """
    started = time.perf_counter()
    _check_quantization(quantization)
    destination = path_of(output)
    with locked(destination), naming(checkpoint.files):
        check_destination(destination, checkpoint.files.folder, checkpoint.files.source, force=force)
        described = _describe(checkpoint.files, checkpoint.config)
        return _write(
            checkpoint.files, described, checkpoint.tensors, destination, quantization, progress, started=started
        )


def ensure_converted(
    source: str,
    *,
    quantization: str = DEFAULT_QUANTIZATION,
    revision: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Return the cached conversion of a checkpoint, making it first where there is none; the rest of the time, offline.

    Several processes may ask at once: one converts and the others wait for it. A folder is converted again when its
    files change; a hub id only for another `revision`, or by `convert` with `force`. The folder is not checked:
    `open_model_dir` does that. Raises as `convert` does.
    """
    _check_quantization(quantization)
    destination = default_output(source, revision=revision, quantization=quantization)
    # Without the lock first: what is there is whole, and a cache may be shared and read-only.
    if not is_converted(destination):
        with locked(destination):
            if not is_converted(destination):
                _convert(source, destination, quantization, revision, force=False, progress=progress)
    return destination


def default_output(source: str, *, revision: str | None = None, quantization: str = DEFAULT_QUANTIZATION) -> Path:
    """Return the cache folder of a conversion: one for each hub id and revision, or each state of a local folder."""
    folder = as_folder(source)
    if folder is not None:
        return cached_conversion_path(str(folder.resolve()), folder_digest(folder), quantization)
    return cached_conversion_path(source, revision, quantization)


def _convert(
    source: str, destination: Path, quantization: str, revision: str | None, *, force: bool, progress: Progress | None
) -> Conversion:
    started = time.perf_counter()
    # Under the lock, because another conversion may just have filled it; before the hub sends gigabytes.
    folder = as_folder(source)
    check_destination(destination, folder, source if folder is None else str(folder.resolve()), force=force)
    checkpoint = open_source(source, revision)
    _warn_of_other_format()
    with ExitStack() as files, naming(checkpoint):
        config = checkpoint.json("config.json")
        if config is None:
            raise CheckpointError(f"{checkpoint.folder}: has no config.json; download it again")
        described = _describe(checkpoint, config)
        tensors = open_weights(checkpoint.folder, files)
        return _write(checkpoint, described, tensors, destination, quantization, progress, started=started)


def _write(
    checkpoint: Checkpoint,
    described: _Described,
    tensors: Mapping[str, Tensor],
    destination: Path,
    quantization: str,
    progress: Progress | None,
    *,
    started: float,
) -> Conversion:
    dtype = binary.loaded_type(quantization, described.shape.dtype)
    variables = lay_out(tensors, described.shape, dtype)
    aliases = find_aliases(variables)
    # Reckoned first, so that a disk without room is found before anything is written.
    n_bytes = binary.model_bytes(variables, aliases, quantization)
    with published(destination, n_bytes + _SMALL_FILES_BYTES) as staging:
        on_bytes = _counter(progress, n_bytes)
        sha256 = binary.write_model(staging / MODEL_BIN, variables, aliases, quantization, on_bytes)
        record = _json(_record(checkpoint, quantization, described, sha256))
        for name, text in {**described.small_files, AWCT2: record}.items():
            # A source that is no UTF-8 is written with JSON's own escapes.
            (staging / name).write_bytes(text.encode("utf-8", "backslashreplace"))
        # Our own reader is the judge of what may be published.
        open_model_dir(staging)
    return Conversion(
        path=destination,
        source=checkpoint.source,
        revision=checkpoint.revision,
        quantization=quantization,
        repairs=described.repairs,
        model_bytes=(destination / MODEL_BIN).stat().st_size,
        wall_s=time.perf_counter() - started,
    )


def _describe(checkpoint: Checkpoint, config: Mapping[str, Any]) -> _Described:
    """Make the text files of the result: cheap, so that their faults are known before a weight is read."""
    repairs: list[str] = []
    shape = WhisperShape.from_config(config)
    tokenizer = open_tokenizer(checkpoint)
    if tokenizer.is_built:
        repairs.append("tokenizer.json was absent; built from vocab.json, merges.txt and the added tokens")
    vocabulary = tokenizer.vocabulary(shape.vocab_size)
    generation = checkpoint.json("generation_config.json")
    result = model_config(config, generation, tokenizer.ids, shape, repairs)
    preprocessor = preprocessor_config(
        checkpoint.json("preprocessor_config.json"), checkpoint.json("processor_config.json"), shape, repairs
    )
    small_files = {
        CONFIG: _json(result, ensure_ascii=True),
        # As CTranslate2 writes it, to the byte.
        VOCABULARY: json.dumps(vocabulary, indent=2),
        TOKENIZER: tokenizer.to_json(),
        PREPROCESSOR: _json(preprocessor),
    }
    return _Described(shape, small_files, tuple(repairs))


def _counter(progress: Progress | None, n_bytes: int) -> Callable[[int], None]:
    done = 0

    def advance(n_written: int) -> None:
        """Count bytes that were written, and tell."""
        nonlocal done
        done += n_written
        if progress is not None:
            progress("weights", done, n_bytes)

    return advance


def _record(checkpoint: Checkpoint, quantization: str, described: _Described, sha256: str) -> Mapping[str, Any]:
    return {
        "source": checkpoint.source,
        "revision": checkpoint.revision,
        "model_sha256": sha256,
        "quantization": quantization,
        "repairs": described.repairs,
        "shape": asdict(described.shape),
        "versions": {
            "awct2": __version__,
            "model_bin": BINARY_VERSION,
            "whisper_spec": SPEC_REVISION,
            **{name: _installed(name) for name in ("ctranslate2", "numpy", "tokenizers")},
        },
    }


def _json(value: Mapping[str, Any], *, ensure_ascii: bool = False) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=ensure_ascii) + "\n"


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _check_quantization(quantization: str) -> None:
    if quantization not in QUANTIZATIONS:
        raise InputError(f"{quantization}: no such quantization; choose one of {', '.join(QUANTIZATIONS)}")


def _warn_of_other_format() -> None:
    ours, theirs = (BINARY_VERSION, SPEC_REVISION), binary.installed_format()
    if theirs is not None and theirs != ours:
        logger.warning(
            "The installed CTranslate2 writes model.bin version %d with Whisper layout %d, and this awct2 version %d "
            "with layout %d: the bytes will differ. A newer CTranslate2 reads older models; update an older one.",
            *theirs,
            *ours,
        )
