"""faster-whisper's `WhisperModel`, one clip after the other: what most scripts do, at one beam and one temperature."""

from __future__ import annotations

from typing import Any

from benchmarks.measures.corpora import Clip
from benchmarks.systems import main
from benchmarks.systems.faster_whisper_batched import FasterWhisperBatched


class FasterWhisperSingle(FasterWhisperBatched):
    """One `transcribe` call of the bare model for each file: a window of 30 s at a time, without VAD."""

    def notes(self) -> dict[str, Any]:
        return {"vad_filter": False, **_ALIKE}

    def _one(self, clip: Clip) -> str:
        segments, _ = self._pipeline.model.transcribe(
            clip.audio, language="ja", beam_size=self._settings.beam_size, **_ALIKE
        )
        return "".join(segment.text for segment in segments)


# As the others decode: a text is not tried again at other temperatures, nor is it told what came before.
_ALIKE: dict[str, Any] = {"temperature": 0.0, "condition_on_previous_text": False, "without_timestamps": True}

if __name__ == "__main__":
    main("faster_whisper_single", FasterWhisperSingle())
