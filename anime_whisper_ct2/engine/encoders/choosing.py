"""Which encoder a run gets, and why."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from anime_whisper_ct2.engine.device import ComputeDevice, kind_of_error
from anime_whisper_ct2.engine.encoders import Encoder, EncoderChoice
from anime_whisper_ct2.engine.encoders.agreement import compare
from anime_whisper_ct2.engine.encoders.installation import UnusableTorchError, usable_torch
from anime_whisper_ct2.engine.encoders.stock import StockEncoder
from anime_whisper_ct2.errors import EngineError, EngineLostError, EngineMemoryError, InputError
from anime_whisper_ct2.model_dir import MODEL_BIN, ModelDir
from anime_whisper_ct2.options import EngineOptions
from anime_whisper_ct2.records import FeatureType

_OTHERWISE = "choose --encoder ctranslate2, or leave it out"
_FLOATS = ("float32", "float16", "bfloat16")


def choose(
    options: EngineOptions,
    device: ComputeDevice,
    model_dir: ModelDir,
    model: Any,
    dtype: FeatureType,
    *,
    aligned: bool,
    find_torch: Callable[[str], Any] = usable_torch,
) -> EncoderChoice:
    """Settle `--encoder` on a device; `model` is `ctranslate2.models.Whisper`, loaded from `model_dir`.

    `aligned`: whether word times are asked for. `find_torch` gives torch, for a device, or raises UnusableTorchError.

    Raises InputError where torch is asked for and cannot be had, EngineError where its encoder fails or gives other
    values than CTranslate2's, and EngineLostError where the device is lost, whatever was asked for.
    """
    stock = partial(StockEncoder, model, model_dir.shape, dtype, on_cpu=device.name == "cpu", aligned=aligned)
    if options.encoder == "ctranslate2":
        return EncoderChoice(stock(), "asked for, or as the run began")
    if options.encoder == "auto" and device.name == "cpu":
        return EncoderChoice(stock(), "the CPU gains nothing by torch")
    try:
        float_type = _float_type(str(model.compute_type))
        _check_gpu(options, device)
        find_torch(device.name)
        encoder = _opened(model_dir, device, float_type, stock(), dtype)
        agrees = f"agrees with CTranslate2's within {_agreement(encoder, model, model_dir.n_mels, dtype)}"
    except UnusableTorchError as error:
        if options.encoder == "auto":
            return EncoderChoice(stock(), error.why)
        raise InputError(f"torch cannot encode: {error.why}; {error.command or _OTHERWISE}") from error
    except EngineLostError:
        raise
    except EngineError as error:
        if options.encoder == "auto":
            return EncoderChoice(stock(), str(error))
        raise type(error)(f"{error}; {_OTHERWISE}") from error
    return EncoderChoice(encoder, agrees if options.encoder == "auto" else f"asked for, and {agrees}")


def _float_type(compute_type: str) -> str:
    """Give the floats that torch is to compute in; int8 is for CTranslate2 alone, which has such floats beside it."""
    floats = "float32" if compute_type == "int8" else compute_type.removeprefix("int8_")
    if floats not in _FLOATS:
        raise UnusableTorchError(f"torch's encoder does not compute in {compute_type}")
    return floats


def _check_gpu(options: EngineOptions, device: ComputeDevice) -> None:
    """Hold that it is the first: CTranslate2 takes all arrays for ones of the current device (CTranslate2#1467)."""
    if device.name == "cuda" and (gpu := options.gpus[0]):
        raise UnusableTorchError(
            f"torch's encoder needs a process's first GPU, and this is number {gpu}; set CUDA_VISIBLE_DEVICES"
        )


def _opened(
    model_dir: ModelDir, device: ComputeDevice, float_type: str, stock: StockEncoder, dtype: FeatureType
) -> Encoder:
    # Only now: to import it is to import torch.
    from anime_whisper_ct2.engine.encoders.torch_door import open_torch  # noqa: PLC0415

    try:
        return open_torch(model_dir, device, float_type, stock, dtype)
    except (KeyError, ValueError, OSError) as error:
        # A KeyError is the name alone.
        said = f"there is no {error.args[0]}" if isinstance(error, KeyError) else str(error)
        where = model_dir.path / MODEL_BIN
        raise UnusableTorchError(f"torch's encoder cannot use the weights of {where}: {said}") from error
    except (RuntimeError, MemoryError) as error:
        raise _failure(error) from error


def _agreement(encoder: Encoder, model: Any, n_mels: int, dtype: FeatureType) -> str:
    """Compare with CTranslate2's, and say how near it comes. Raises EngineError where it does not, and closes it."""
    try:
        agreement = compare(encoder, model, n_mels, dtype)
        if agreement.holds:
            return str(agreement)
        failure = EngineError(f"torch's encoder differs from CTranslate2's by {agreement}")
    except (RuntimeError, ValueError, MemoryError) as error:
        traceback.clear_frames(error.__traceback__)
        failure = _failure(error)
    encoder.close()
    raise failure


def _failure(error: Exception) -> EngineError:
    said = str(error) or "out of memory"
    kind = EngineMemoryError if isinstance(error, MemoryError) else kind_of_error(said)
    return kind(f"torch's encoder failed: {said}")
