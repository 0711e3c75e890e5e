"""faster-whisper over all clips laid end to end, told by `clip_timestamps` where each is: the best its users have.

It is not one call for any corpus: all audio and all features are in memory at once. A corpus is therefore done in
pieces of `CLIPS_PER_CALL`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from faster_whisper import decode_audio

from benchmarks.measures.corpora import Clip
from benchmarks.systems import main
from benchmarks.systems.faster_whisper_batched import FasterWhisperBatched

RATE = 16_000
CLIPS_PER_CALL = 256


class FasterWhisperConcat(FasterWhisperBatched):
    """One `transcribe` call for hundreds of clips."""

    def transcribe(self, clips: Sequence[Clip]) -> None:
        for at in range(0, len(clips), CLIPS_PER_CALL):
            if self._stopped:
                return
            self._together(clips[at : at + CLIPS_PER_CALL])

    def notes(self) -> dict[str, Any]:
        return {"clips_per_call": CLIPS_PER_CALL, "vad_filter": False, "without_timestamps": True}

    def _together(self, clips: Sequence[Clip]) -> None:
        sounds = [decode_audio(clip.audio, sampling_rate=RATE) for clip in clips]
        ends = list(accumulate(len(sound) for sound in sounds))
        spans = [{"start": (end - len(s)) / RATE, "end": end / RATE} for end, s in zip(ends, sounds, strict=True)]
        segments, _ = self._pipeline.transcribe(
            np.concatenate(sounds),
            language="ja",
            beam_size=self._settings.beam_size,
            batch_size=self._settings.batch_size,
            clip_timestamps=spans,
        )
        # A segment's start, rounded to a millisecond, lies within its clip, which is longer than that.
        bounds = [each["end"] for each in spans]
        for segment in segments:
            clip = clips[int(np.searchsorted(bounds, segment.start + 0.002, side="right"))]
            self._texts[clip.id] = self._texts.get(clip.id, "") + segment.text


if __name__ == "__main__":
    main("faster_whisper_concat", FasterWhisperConcat())
