"""Windows whose numbers overflowed, decoded again in another precision."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import ctranslate2
import numpy as np
from faster_whisper.tokenizer import Tokenizer

from anime_whisper_ct2.engine.device import ComputeDevice, kind_of_error
from anime_whisper_ct2.engine.encoders.stock import StockEncoder
from anime_whisper_ct2.engine.recognizer import Recognizer, recognizer
from anime_whisper_ct2.errors import EngineError, EngineLostError
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import DecodingOptions
from anime_whisper_ct2.records import Batch, Decoded
from anime_whisper_ct2.text.quality import OVERFLOW, is_lost

# Floats that hold larger numbers, or as large ones with more digits, nearest first.
_WIDER = {"float16": ("bfloat16", "float32"), "bfloat16": ("float32",)}


def wider_type(compute_type: str, supported: Container[str]) -> str | None:
    """Give the compute type to try where numbers overflow in one; None where the device has none."""
    integers, _, floats = compute_type.rpartition("_")
    wider = (f"{integers}_{name}" if integers else name for name in _WIDER.get(floats, ()))
    return next((name for name in wider if name in supported), None)


class SecondModel(Protocol):
    """A model in another precision."""

    def __call__(self, batch: Batch) -> list[Decoded]:
        """Give each window's text. Raises EngineError."""

    def close(self) -> None:
        """Free its memory."""


@dataclass(frozen=True, slots=True)
class _Second:
    """The same folder, loaded once more; CTranslate2 encodes and decodes."""

    model: Any
    recognizer: Recognizer

    def __call__(self, batch: Batch) -> list[Decoded]:
        """Give each window's text."""
        return self.recognizer(batch)

    def close(self) -> None:
        """Free its memory."""
        self.model.unload_model()


def open_second(
    model: ModelDir, device: ComputeDevice, gpu: int, computed: str, tokenizer: Tokenizer, decoding: DecodingOptions
) -> SecondModel | None:
    """Load a folder in a wider type than it was `computed` in so far; None where the device has none.

    Raises EngineError where CTranslate2 does not load it, for want of memory mostly.
    """
    wider = wider_type(computed, ctranslate2.get_supported_compute_types(device.name, gpu))
    if wider is None:
        return None
    try:
        second = ctranslate2.models.Whisper(
            str(model.path), device=device.name, device_index=gpu, compute_type=wider, intra_threads=device.threads
        )
    except (RuntimeError, ValueError, MemoryError) as error:
        raise kind_of_error(str(error))(str(error)) from error
    encoder = StockEncoder(second, model.shape, np.float32, on_cpu=device.name == "cpu", aligned=decoding.words)
    again = 1 if device.name == "cuda" else 0
    return _Second(second, recognizer(second, encoder, tokenizer, model.config, decoding, again, lambda: None))


class Overflow:
    """Puts texts in the place of those that were lost to an overflow, from a second model.

    `load` loads it, gives None where there is no other precision, and raises EngineError where it cannot. It is called
    when the first such window comes, and once. Whether it helps or not, the flag `overflow` stays.
    """

    def __init__(self, load: Callable[[], SecondModel | None]) -> None:
        self._load: Callable[[], SecondModel | None] | None = load
        self._loading = threading.Lock()
        self._second: SecondModel | None = None

    def __call__(self, batch: Batch, decoded: Sequence[Decoded]) -> list[Decoded]:
        """Give the texts of a batch, those of lost windows anew where that helps. Raises EngineLostError."""
        found = list(decoded)
        lost = [at for at, one in enumerate(found) if is_lost(one)]
        if lost and (second := self._loaded()):
            windows = tuple(batch.windows[at] for at in lost)
            for at, one in zip(lost, _decoded(second, replace(batch, windows=windows)), strict=True):
                if one is not None and not is_lost(one):
                    found[at] = replace(one, flags=(OVERFLOW, *one.flags))
        return found

    def close(self) -> None:
        """Free the second model's memory, if it was ever loaded."""
        with self._loading:
            self._load = None
            if self._second is not None:
                self._second.close()
                self._second = None

    def _loaded(self) -> SecondModel | None:
        with self._loading:
            if self._load is not None:
                load, self._load = self._load, None
                try:
                    self._second = load()
                except EngineLostError:
                    raise
                except EngineError:
                    # No room for it: these windows stay without a text, and all others have theirs.
                    self._second = None
            return self._second


def _decoded(second: SecondModel, batch: Batch) -> list[Decoded | None]:
    """Decode a batch, in halves where it fails; None for a window that fails alone."""
    try:
        return list(second(batch))
    except EngineLostError:
        raise
    except EngineError:
        middle = len(batch.windows) // 2
        if not middle:
            return [None]
        halves = (batch.windows[:middle], batch.windows[middle:])
        return [one for half in halves for one in _decoded(second, replace(batch, windows=half))]
