"""WhisperS2T on CTranslate2: batches across files, the whole corpus in one call; dormant since 2024.

It lives in an environment of its own (`benchmarks/README.md` says how to make it, `--python` of `benchmarks.compare`
takes it). It reads 16 kHz WAV itself, and for all else has an ffmpeg process write such a file; here soundfile writes
it, within the time that is measured, which is the quicker way.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import soundfile
import whisper_s2t  # type: ignore[import-not-found] # not in the environment that types are checked in

from anime_whisper_ct2.engine.cuda import load_cublas
from benchmarks.measures.corpora import Clip
from benchmarks.systems import Settings, main


class WhisperS2T:
    """One `transcribe` call for all clips, without VAD, since each clip is one utterance."""

    def load(self, settings: Settings) -> None:
        self._settings = settings
        if settings.device == "cuda":
            load_cublas()
        config = json.loads((settings.model / "checkpoint" / "config.json").read_text(encoding="utf-8"))
        self._model = whisper_s2t.load_model(
            str(settings.model / "converted"),
            backend="CTranslate2",
            device=settings.device,
            compute_type=settings.compute_type,
            cpu_threads=settings.resolved_threads(),
            n_mels=config["num_mel_bins"],
            asr_options={"beam_size": settings.beam_size},
        )
        self._texts: dict[str, str] = {}

    def warm_up(self, clip: Clip) -> None:
        self._work([clip])

    def transcribe(self, clips: Sequence[Clip]) -> None:
        self._texts = dict(zip((clip.id for clip in clips), self._work(clips), strict=True))

    def texts(self) -> Mapping[str, str]:
        return self._texts

    def notes(self) -> dict[str, Any]:
        return {"vad": False, "version": version("whisper-s2t")}

    def _work(self, clips: Sequence[Clip]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            paths = [str(Path(folder, f"{number}.wav")) for number in range(len(clips))]
            for clip, path in zip(clips, paths, strict=True):
                samples, rate = soundfile.read(clip.audio, dtype="int16")
                soundfile.write(path, samples, rate, subtype="PCM_16")
            results = self._model.transcribe(paths, lang_codes="ja", batch_size=self._settings.batch_size)
        return ["".join(segment["text"] for segment in segments) for segments in results]


if __name__ == "__main__":
    main("whisper_s2t", WhisperS2T())
