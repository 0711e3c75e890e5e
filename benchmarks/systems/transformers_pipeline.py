"""transformers' own pipeline for speech recognition, given all clips and a batch size.

`beam_size` 0 is the pipeline as it comes: five beams. Clips are read with soundfile, lazily: the pipeline's own reader
starts an ffmpeg process for each file, which would be slower still.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import soundfile
import torch
import transformers

from benchmarks.measures.corpora import Clip
from benchmarks.systems import Settings, main


class TransformersPipeline:
    """`pipeline("automatic-speech-recognition")`, called once with a generator of all clips."""

    def load(self, settings: Settings) -> None:
        transformers.logging.set_verbosity_error()
        warnings.simplefilter("ignore")  # it warns of its own deprecations
        torch.set_num_threads(settings.resolved_threads())
        self._settings = settings
        self._pipeline = transformers.pipeline(
            "automatic-speech-recognition",
            model=str(settings.model / "checkpoint"),
            dtype=getattr(torch, settings.compute_type),
            device=settings.device,
            model_kwargs={"attn_implementation": "sdpa"},
        )
        self._generate: dict[str, str | int] = {"language": "japanese", "task": "transcribe"}
        if settings.beam_size:
            self._generate["num_beams"] = settings.beam_size
        self._texts: dict[str, str] = {}

    def warm_up(self, clip: Clip) -> None:
        list(self._results([clip]))

    def transcribe(self, clips: Sequence[Clip]) -> None:
        for clip, result in zip(clips, self._results(clips), strict=True):
            self._texts[clip.id] = result["text"]

    def texts(self) -> Mapping[str, str]:
        return self._texts

    def notes(self) -> dict[str, Any]:
        beams = self._settings.beam_size or self._pipeline.generation_config.num_beams
        return {"num_beams": beams, "attention": "sdpa"}

    def _results(self, clips: Sequence[Clip]) -> Iterator[dict[str, Any]]:
        # A pipeline takes features in a worker process of its own at most; with none it takes them in between.
        workers = {} if self._settings.workers < 0 else {"num_workers": min(1, self._settings.workers)}
        yield from self._pipeline(
            _read(clips), batch_size=self._settings.batch_size, generate_kwargs=self._generate, **workers
        )


def _read(clips: Sequence[Clip]) -> Iterator[dict[str, Any]]:
    for clip in clips:
        samples, rate = soundfile.read(clip.audio, dtype="float32")
        yield {"raw": samples, "sampling_rate": rate}


if __name__ == "__main__":
    main("transformers_pipeline", TransformersPipeline())
