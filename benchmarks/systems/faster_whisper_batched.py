"""faster-whisper's `BatchedInferencePipeline`, file after file, as its README shows: VAD on, batches within a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faster_whisper import BatchedInferencePipeline, WhisperModel

from anime_whisper_ct2.engine.cuda import load_cublas
from benchmarks.measures.corpora import Clip
from benchmarks.systems import Settings, main


class FasterWhisperBatched:
    """One `transcribe` call for each file."""

    def load(self, settings: Settings) -> None:
        self._settings = settings
        if settings.device == "cuda":
            load_cublas()  # or its users set LD_LIBRARY_PATH
        model = WhisperModel(
            str(settings.model / "converted"),
            device=settings.device,
            compute_type=settings.compute_type,
            cpu_threads=settings.resolved_threads(),
            local_files_only=True,
        )
        self._pipeline = BatchedInferencePipeline(model)
        self._texts: dict[str, str] = {}
        self._stopped = False

    def warm_up(self, clip: Clip) -> None:
        self._one(clip)

    def transcribe(self, clips: Sequence[Clip]) -> None:
        for clip in clips:
            if self._stopped:
                return
            self._texts[clip.id] = self._one(clip)

    def stop(self) -> None:
        self._stopped = True

    def texts(self) -> Mapping[str, str]:
        return self._texts

    def notes(self) -> dict[str, Any]:
        return {"vad_filter": True, "without_timestamps": True}

    def _one(self, clip: Clip) -> str:
        segments, _ = self._pipeline.transcribe(
            clip.audio, language="ja", beam_size=self._settings.beam_size, batch_size=self._settings.batch_size
        )
        return "".join(segment.text for segment in segments)


if __name__ == "__main__":
    main("faster_whisper_batched", FasterWhisperBatched())
