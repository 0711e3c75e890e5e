"""Engines with torch's encoder for the processes of a fleet; apart from others, which load no such library."""

from __future__ import annotations

from concurrent.futures import Future

from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions
from anime_whisper_ct2.records import Batch, Decoded
from tests.support.processes import die


class _DyingOnce(CTranslate2Engine):
    """Dies with its second batch in hand, once among all processes; a file beside the weights remembers."""

    def __init__(self, model: ModelDir, options: EngineOptions, decoding: DecodingOptions) -> None:
        super().__init__(model, options, decoding)
        self._died = model.path / "died"
        self._batches = 0

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Start on a batch, and do not live to see its end."""
        future = super().submit(batch)
        self._batches += 1
        if self._batches == 2 and not self._died.exists():
            self._died.touch()
            die()
        return future


def dies_once(model: str, options: EngineOptions, decoding: DecodingOptions) -> CTranslate2Engine:
    """Die in the middle."""
    return _DyingOnce(open_model_dir(model), options, decoding)
