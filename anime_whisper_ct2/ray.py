"""Transcripts as a step of a Ray Data pipeline.

    from anime_whisper_ct2.ray import TranscribeBatch

    rows = ray.data.read_parquet("voices/")
    rows = rows.map_batches(
        TranscribeBatch, fn_constructor_kwargs={"model": "litagin/anime-whisper"}, **TranscribeBatch.resources()
    )
    rows.write_parquet("voices-with-text/")

The class itself needs pyarrow and not Ray: it can be tried on a batch by hand.
"""

from __future__ import annotations

import inspect
import os
import sys
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import repeat
from typing import Any

import numpy as np

from anime_whisper_ct2.errors import EngineError, InputError
from anime_whisper_ct2.features.mel import SAMPLE_RATE
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import DEFAULT_MODEL, ENGINE, Device
from anime_whisper_ct2.records import ArrayAudio, Failure, Outcome, Recording, Segment, Unreadable
from anime_whisper_ct2.transcriber import Transcriber, as_recording

# Each call ends with batches that are not full, and with rows of 5 s this is 1.5 hours of audio: some 60 MB as Ogg
# files, some 300 MB as arrays.
_ROWS = 1_024
# So many at a time, so that batches are filled from the next call while one ends.
_CALLS = 2
_MOST_CPUS = 16
_CPU_ENGINE_CPUS = 4
_MOST_SAMPLE_BYTES = 4


class TranscribeBatch:
    """Transcribes the rows of a batch: a callable class for `Dataset.map_batches`, whose actors load the model once.

    `audio`: the column that holds paths or URLs, encoded bytes, arrays of shape (n,) or (n, channels), or the dicts of
    a Hugging Face audio column. `sampling_rate`: that of arrays in Hz, or the name of a column that holds it. `prefix`
    stands before the names of new columns, and without `keep_audio` the audio's column is left out. `model` and
    `options` are those of `Transcriber`; inside an actor, `workers`, `device` and `cpu_threads` come from what Ray gave
    it, where they are not set.

    Raises InputError without pyarrow, and what `Transcriber` raises.
    """

    def __init__(
        self,
        model: Any = DEFAULT_MODEL,
        *,
        audio: str = "audio",
        sampling_rate: int | str = SAMPLE_RATE,
        prefix: str = "",
        keep_audio: bool = True,
        **options: Any,
    ) -> None:
        self._audio = audio
        self._sampling_rate = sampling_rate
        self._keep_audio = keep_audio
        self._words = bool(options.get("words"))
        self._schema = _schema(prefix, words=self._words)
        given = _given_by_ray(options, opens_engine=isinstance(model, (str, os.PathLike, ModelDir)))
        self._transcriber = Transcriber(model, **{"keep_workers": True, **options, **given})
        # Also at the interpreter's end, and by then no method of this object could be called.
        self._finalizer = weakref.finalize(self, self._transcriber.close)

    def __reduce__(self) -> Any:
        raise InputError("an open TranscribeBatch stays where it is; give map_batches the class, not an object of it")

    def close(self) -> None:
        """End the workers and free the model; safe to call twice. An object that is let go of does so by itself."""
        self._finalizer()

    def __call__(self, batch: Any) -> Any:
        """Give a pyarrow Table with the rows of a batch, in their order, and what became of each.

        `batch`: a pyarrow Table, a pandas DataFrame or a dict of arrays. Its columns stay, and new ones follow: `text`
        (null on failure), `segments`, `flags`, `duration` in seconds (null on failure), `missing_s` (null where no
        sound is missing) and `error` (null, or the name of the error and its message). Their types are the same for
        every batch. May be called from several threads at once, whose rows then share batches of the engine.

        Raises InputError when the audio's column is not there or a new one is already, and EngineError when the engine
        gives up.
        """
        names = list(getattr(batch, "column_names", batch))
        rows = len(batch[names[0]]) if names else 0
        self._check(names, rows)
        table = _table(batch, [name for name in names if self._keep_audio or name != self._audio], rows)
        results = list(self._transcriber.transcribe(self._recordings(batch, rows), on_error="yield"))
        if len(results) < rows:
            raise EngineError("closed before the batch was done")
        cells = [_cells_of(result, words=self._words) for result in results]
        for at, field in enumerate(self._schema):
            column = _pyarrow().array([row[at] for row in cells], field.type)
            table = table.append_column(field, column)
        return table

    @staticmethod
    def resources(
        device: Device = ENGINE.device,
        *,
        actors: int | tuple[int, int] | None = None,
        num_cpus: float | None = None,
        batch_size: int = _ROWS,
    ) -> dict[str, Any]:
        """Give what `map_batches` should be told beside the class: an actor for each GPU, or on CPUs one for four.

        `device`: `auto` is `cuda` where the cluster has a GPU now. `actors`: how many, or the least and the most; None:
        one, and more as they find work and room. `num_cpus`: of each actor, None: on GPUs a share of the node's that
        leaves one free, up to 16. `batch_size`: rows, which lie in memory twice for each actor.

        Raises InputError without Ray. Connects to it as Ray itself does, where nobody has.
        """
        try:
            import ray  # noqa: PLC0415 - an extra
            from ray.data import ActorPoolStrategy  # noqa: PLC0415
        except ImportError:
            raise InputError('this needs Ray: pip install "ray[data]"') from None
        if not ray.is_initialized():
            ray.init()
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if device == "auto":
            device = "cuda" if any(node.get("GPU") for node in nodes) else "cpu"
        shares = [node.get("CPU", 0) / node["GPU"] for node in nodes if node.get("GPU")]
        most = _MOST_CPUS
        if device == "cpu":
            shares, most = [max((node.get("CPU", 0) for node in nodes), default=0)], _CPU_ENGINE_CPUS
        if num_cpus is None:
            num_cpus = max(1, min(most, int(min(shares, default=_CPU_ENGINE_CPUS + 1)) - 1))
        least_most = actors if isinstance(actors, tuple) else (actors or 1, actors)
        pool: dict[str, Any] = {"min_size": least_most[0], "max_size": least_most[1]}
        # Older ones let an actor make one call at a time.
        if "enable_true_multi_threading" in inspect.signature(ActorPoolStrategy).parameters:
            pool |= {"enable_true_multi_threading": True, "max_concurrent_calls_per_actor": _CALLS}
        return {
            "batch_format": "pyarrow",  # leaves the other columns as they are
            "batch_size": batch_size,
            "compute": ActorPoolStrategy(**pool),
            "num_cpus": num_cpus,
            **({"num_gpus": 1} if device == "cuda" else {}),
        }

    def _check(self, names: Sequence[Any], rows: int) -> None:
        for option, name in (("audio", self._audio), ("sampling_rate", self._sampling_rate)):
            if rows and isinstance(name, str) and name not in names:
                raise InputError(f"no column {name!r} for {option}; there are {', '.join(map(str, names))}")
        if taken := [name for name in self._schema.names if name in names]:
            raise InputError(
                f"there are columns {', '.join(taken)} already; give new ones other names, such as prefix='asr_'"
            )

    def _recordings(self, batch: Any, rows: int) -> Iterator[Recording]:
        """Read the rows one by one, as the workers get to them."""
        if rows:
            rate = self._sampling_rate
            rates = batch[rate] if isinstance(rate, str) else repeat(rate, rows)
            for number, (cell, rate_cell) in enumerate(zip(batch[self._audio], rates, strict=True)):
                yield _recording(number, cell, rate_cell)


def _pyarrow() -> Any:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
    except ImportError:
        raise InputError("TranscribeBatch needs pyarrow: pip install pyarrow") from None
    return pa


def _given_by_ray(options: dict[str, Any], *, opens_engine: bool) -> dict[str, Any]:
    """Give what Ray lent this actor, as options where these leave it open; nothing outside of an actor."""
    # Where nobody has imported Ray nobody is in an actor, so it is not loaded to find that out.
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized() or ray.get_runtime_context().get_actor_id() is None:
        return {}
    context = ray.get_runtime_context()
    cpus = max(1, int(context.get_assigned_resources().get("CPU", 1)))
    gpus = context.get_accelerator_ids().get("GPU")
    given: dict[str, Any] = {}
    if options.get("workers") is None:
        given["workers"] = max(1, cpus - 1)
    if not opens_engine:
        return given
    device = options.get("device", ENGINE.device)
    if device == "cuda" and not gpus:
        raise InputError(
            "device is cuda, and Ray gave this actor no GPU; pass num_gpus=1 to map_batches, "
            "as TranscribeBatch.resources() does"
        )
    if device == "auto":
        given["device"] = device = "cuda" if gpus else "cpu"
    if device == "cpu" and not options.get("cpu_threads"):
        given["cpu_threads"] = cpus
    return given


def _schema(prefix: str, *, words: bool) -> Any:
    """Give the new columns with their types; they must not depend on what a batch holds, or blocks do not fit."""
    pa = _pyarrow()
    number, text, flags = pa.float64(), pa.string(), pa.list_(pa.string())
    segment = [("start", number), ("end", number), ("text", text), ("avg_logprob", number)]
    segment += [("no_speech_prob", number), ("compression_ratio", number), ("flags", flags)]
    if words:
        word = [("start", number), ("end", number), ("text", text), ("probability", number)]
        segment.append(("words", pa.list_(pa.struct(word))))
    columns = {"text": text, "segments": pa.list_(pa.struct(segment)), "flags": flags}
    columns |= {"duration": number, "missing_s": number, "error": text}
    return pa.schema({prefix + name: type_ for name, type_ in columns.items()})


def _cells_of(result: Outcome, *, words: bool) -> tuple[Any, ...]:
    """Give a row's cells in the order of the new columns."""
    if isinstance(result, Failure):
        # A path in the message may hold bytes that are no UTF-8, and no table takes those.
        error = f"{result.error}: {result.message}".encode("utf-8", "backslashreplace").decode()
        return None, [], [], None, None, error
    segments = [_segment(segment, words=words) for segment in result.segments]
    return result.text, segments, list(result.flags), result.duration, result.missing_s, None


def _segment(segment: Segment, *, words: bool) -> dict[str, Any]:
    content = asdict(segment)
    del content["retries"]
    if not words:
        del content["words"]
    return content


def _table(batch: Any, names: list[Any], rows: int) -> Any:
    """Give these columns of a batch as a table."""
    pa = _pyarrow()
    if isinstance(batch, pa.Table):
        return batch.select(names)
    if not names:
        return pa.table({"rows": pa.nulls(rows)}).select([])
    block = sys.modules.get("ray.data.block")
    if isinstance(batch, dict):
        if block is not None:  # tensors and objects, as Ray itself makes columns of them
            return block.BlockAccessor.batch_to_arrow_block({name: batch[name] for name in names})
        return pa.table({name: _plain(batch[name]) for name in names})
    frame = batch[names]
    table = (
        block.BlockAccessor.for_block(frame).to_arrow() if block else pa.Table.from_pandas(frame, preserve_index=False)
    )
    # pandas describes its frame in there, and knows nothing of the columns that will follow.
    return table.replace_schema_metadata(None)


def _plain(values: Any) -> Any:
    return list(values) if isinstance(values, np.ndarray) and values.ndim > 1 else values


def _recording(number: int, cell: Any, rate_cell: Any) -> Recording:
    """Make a reference of a row's audio; one that cannot be one fails as a recording, and no other row with it."""
    try:
        value, rate = _value(cell), _value(rate_cell)
        known = [value.get(key) for key in ("array", "bytes", "path")] if isinstance(value, dict) else [value]
        # What is absent is a float in pandas.
        if all(part is None or isinstance(part, float) for part in known):
            raise ValueError("the row holds no audio")
        recording = as_recording(number, (np.asarray(value), rate) if isinstance(value, (np.ndarray, list)) else value)
        samples = recording.audio.samples if isinstance(recording.audio, ArrayAudio) else np.empty(0)
        # Made of a list of Python's integers: how loud they are meant cannot be told.
        if samples.dtype.kind == "i" and samples.dtype.itemsize > _MOST_SAMPLE_BYTES:
            raise ValueError(f"samples are {samples.dtype}; give int16, int32 or floats in -1 … 1")
    except Exception as error:  # whatever a cell may hold
        name = f"row-{number}"
        return Recording(name, name, Unreadable("TableError", str(error) or repr(error)))
    return recording


def _value(cell: Any) -> Any:
    """Turn an Arrow scalar into what Python knows; a list becomes an array of its type, not of Python's numbers."""
    pa = _pyarrow()
    if not isinstance(cell, pa.Scalar):
        return cell
    if not cell.is_valid:
        return None
    if isinstance(cell, pa.ListScalar):
        samples = cell.values.to_numpy(zero_copy_only=False)
        return np.stack(samples) if samples.dtype == object else samples
    if isinstance(cell, pa.StructScalar):
        return {name: _value(cell[name]) for name in cell}
    # Arrow's own tensors give their shape only so.
    return cell.to_numpy() if hasattr(cell, "to_numpy") else cell.as_py()
