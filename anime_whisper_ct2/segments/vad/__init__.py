"""The door to onnxruntime: samples in, speech probabilities out.

`Vad` is what the rest of the house knows; it gives one probability for each `FRAME_SAMPLES`. `SileroVad` (in `silero`)
is the real one, `LoudnessVad` (in `fake`) needs no network and serves tests, here and elsewhere.

May import: `errors`, `records`, `segments.speech`.
"""

from __future__ import annotations

from anime_whisper_ct2.segments.speech import FRAME_SAMPLES, Vad

__all__ = ["FRAME_SAMPLES", "Vad"]
