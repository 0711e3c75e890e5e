"""Noise through the encoder before any recording: a device that computes something else is refused at load.

Broken kernels raise no error. Where a driver is too old for them texts are empty, where an index overflows whole rows
of a batch are wrong, and nothing but a look at the numbers tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from anime_whisper_ct2.engine.capacity import Capacity
from anime_whisper_ct2.engine.device import kind_of_error
from anime_whisper_ct2.engine.encoders import Encoder
from anime_whisper_ct2.engine.first_layer import first_layer
from anime_whisper_ct2.engine.stale import called_again
from anime_whisper_ct2.errors import EngineError, EngineMemoryError, counted
from anime_whisper_ct2.features.mel import FRAMES_PER_S, HOP, N_FFT, WINDOW_FRAMES, log_mel
from anime_whisper_ct2.records import Batch, FeatureType, Float32, Window

# How far rounding may take an encoder's output from what it should be: root mean square of the difference, over the
# deviation of the output. Measured with Whisper base on noise of 0.2 to 30 s, against float32: float16 0.3 to 0.6 %
# after six layers and 0.1 % after one, bfloat16 3 to 7 % and 1.3 %; with int8, the first layer of a large encoder alone
# 2.4 %. Room is left for many more layers. What is broken differs by tens of percent.
_BOUNDS = {"float32": 0.01, "float16": 0.03, "bfloat16": 0.15}
_INTEGER_BOUND = 0.2
# Some 2 s on a GPU, where a full batch of them takes a fifth of a second; on a CPU the least that an encoder takes for
# a window, twice, which costs little more than to read the weights.
GPU_FRAMES, CPU_FRAMES, CPU_WINDOWS = 192, 16, 2
_LONG_WINDOWS = 4
# The threads that CTranslate2 computes in on a GPU, each of which may hold an earlier error against the next call.
_AGAIN = 2
# Of two noises, each is in every other row.
_SEEDS = (16, 17)
_LOUDNESS = 0.1


def bound(compute_type: str) -> float:
    """Give the relative difference up to which numbers of a compute type are taken for equal."""
    return _BOUNDS.get(compute_type, _INTEGER_BOUND)


def noise(number: int, frames: int, n_mels: int, dtype: FeatureType) -> Window:
    """Give a window full of noise, always the same; another one for each `number`, 0 or 1."""
    samples = _LOUDNESS * np.random.default_rng(_SEEDS[number]).standard_normal(frames * HOP - N_FFT // 2)
    mel = log_mel(samples.astype(np.float32), n_mels, dtype)
    assert mel.values.shape[1] == frames
    return Window(0, 0, 0.0, frames / FRAMES_PER_S, mel)


def check(
    encoder: Encoder,
    model: Any,
    dtype: FeatureType,
    capacity: Capacity,
    *,
    compute_type: str,
    folder: Path,
    gpu: int | None,
    load: Callable[..., Any] = ctranslate2.models.Whisper,
) -> None:
    """Encode noise alone and in a full batch, and on a GPU what the CPU encodes too; `gpu` None: the CPU computes.

    `model`: `ctranslate2.models.Whisper`, loaded from `folder`, which encodes what the encoder leaves to it; `load`
    loads another. A batch that finds no memory shrinks the capacity. Raises EngineError where something else comes out
    than should.
    """
    # Kernels change with the length, so a GPU has few windows of the longest to do, too.
    batches: tuple[tuple[int, int | None], ...]
    batches = ((CPU_FRAMES, CPU_WINDOWS),) if gpu is None else ((GPU_FRAMES, None), (WINDOW_FRAMES, _LONG_WINDOWS))
    found = (_batch_fault(encoder, model, dtype, capacity, compute_type, *batch) for batch in batches)
    fault = next(filter(None, found), None)
    if fault is None and gpu is not None:
        fault = _layer_fault(folder, gpu, compute_type, load)
    if fault is not None:
        raise EngineError(refusal(fault, gpu, compute_type))


def _batch_fault(
    encoder: Encoder,
    model: Any,
    dtype: FeatureType,
    capacity: Capacity,
    compute_type: str,
    frames: int,
    most: int | None,
) -> str | None:
    """Try a batch of so many windows at most, or a full one, and shrink the capacity until it fits."""
    while True:
        windows = capacity(frames) if most is None else min(most, capacity(frames))
        try:
            return called_again(partial(batch_fault, encoder, model, dtype, frames, windows, compute_type), _AGAIN)
        except (RuntimeError, ValueError, MemoryError) as error:
            kind = EngineMemoryError if isinstance(error, MemoryError) else kind_of_error(str(error))
            if kind is EngineMemoryError:
                capacity.shrink(frames, windows)
            if kind is not EngineMemoryError or capacity(frames) >= windows:
                raise kind(f"the encoder fails on {counted(windows, 'window')} of noise: {error}") from error


def refusal(fault: str, gpu: int | None, compute_type: str) -> str:
    """Say that a device is not used, what of its encoder was seen, and what may help."""
    computed = (
        f"{'this CPU' if gpu is None else f'GPU {gpu}'}, computing in {compute_type}, cannot be trusted with texts"
    )
    ways = [] if compute_type == "float32" else ["try --compute-type float32"]
    if gpu is None:
        ways = ["convert the model anew", *ways]
    else:
        ways = ["update the NVIDIA driver", *ways, "or compute with --device cpu"]
    return f"{computed}: of noise its encoder makes {fault}; {', '.join(ways)}; awct2 doctor says more"


def batch_fault(
    encoder: Encoder, model: Any, dtype: FeatureType, frames: int, windows: int, compute_type: str
) -> str | None:
    """Encode a noise alone and in a batch of so many windows, and say what is wrong with what comes of it.

    Raises what the libraries raise.
    """
    one, other = (noise(number, frames, int(model.n_mels), dtype) for number in range(2))
    alone = _encoded(encoder, model, Batch((one,), frames))[0]
    full = Batch(tuple(one if at % 2 == 0 else other for at in range(windows)), frames)
    return rows_fault(alone, _encoded(encoder, model, full), bound(compute_type))


def rows_fault(alone: Float32, rows: Float32, most: float) -> str | None:
    """Say what is wrong with a batch's output; None where nothing is.

    `alone`: a sound's output, shape (positions, width). `rows`: shape (windows, positions, width), of the same sound at
    even places and of another one at odd ones. `most`: the difference that is rounding.
    """
    wrong = sum(not np.isfinite(row).all() for row in (alone, *rows))
    if wrong:
        return f"values that are no numbers in {wrong} of {len(rows) + 1} windows"
    if not np.ptp(alone):
        return f"the value {float(alone.flat[0]) + 0.0:.3g} everywhere"
    if any(np.array_equal(row, alone) for row in rows[1::2]):
        return "the same numbers for different sounds"
    # The other sound was never alone: its rows are compared with their first.
    apart = [relative(row, alone if at % 2 == 0 else rows[1]) for at, row in enumerate(rows)]
    worst = int(np.argmax(apart))
    if apart[worst] > most:
        return f"numbers {_far(apart[worst], most)} for the same sound, in window {worst + 1} of a batch of {len(rows)}"
    return None


def _layer_fault(folder: Path, gpu: int, compute_type: str, load: Callable[..., Any]) -> str | None:
    """Compare a GPU with the CPU where that can be done: the folder is laid out as ours, and there is memory."""
    try:
        files = first_layer(folder)
        return called_again(partial(layer_fault, files, gpu, compute_type, load), _AGAIN)
    except (OSError, KeyError, IndexError, ValueError, MemoryError):
        return None
    except RuntimeError as error:
        kind = kind_of_error(str(error))
        if kind is EngineMemoryError:
            return None
        raise kind(f"GPU {gpu} fails on the first layer of the encoder: {error}") from error


def layer_fault(files: Mapping[str, bytes], gpu: int, compute_type: str, load: Callable[..., Any]) -> str | None:
    """Have GPU and CPU encode the same noise with the model of `first_layer`, and say how far they are apart.

    None where they agree. Raises what CTranslate2 raises.
    """
    outputs = []
    for device, index, computed in (("cpu", 0, "float32"), ("cuda", gpu, compute_type)):
        model = load("first-layer", device=device, device_index=index, compute_type=computed, files=dict(files))
        mel = noise(0, GPU_FRAMES, int(model.n_mels), np.float32).mel.values[None]
        outputs.append(_on_cpu(model.encode(ctranslate2.StorageView.from_array(mel), to_cpu=True))[0])
        model.unload_model()
    expected, got = outputs
    if not np.isfinite(got).all():
        return "values that are no numbers in its first layer"
    apart, most = relative(got, expected), bound(compute_type)
    return None if apart <= most else f"numbers {_far(apart, most)} from the CPU's in its first layer"


def relative(one: Float32, other: Float32) -> float:
    """Give the root mean square of a difference over the other's deviation."""
    with np.errstate(over="ignore"):
        difference = float(np.linalg.norm(one - other))
        deviation = float(np.linalg.norm(other - other.mean()))
    return difference / deviation if deviation else float(difference > 0)


def _far(apart: float, most: float) -> str:
    return f"{100 * apart:.0f} % apart, of which rounding explains {100 * most:.0f} %,"


def _encoded(encoder: Encoder, model: Any, batch: Batch) -> Float32:
    """Encode a batch; returns shape (windows, positions, width)."""
    with encoder(batch) as encoded:
        source = encoded.source
        if list(source.shape[1:]) == [int(model.n_mels), batch.frames]:
            source = model.encode(source, to_cpu=True)
        return _on_cpu(source)


def _on_cpu(view: Any) -> Float32:
    """Copy what CTranslate2 holds somewhere, in whatever type."""
    if view.device != "cpu":
        view = view.to_device(ctranslate2.Device.cpu)
    return np.array(view if view.dtype == ctranslate2.DataType.float32 else view.to(ctranslate2.DataType.float32))
