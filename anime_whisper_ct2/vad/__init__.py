"""The door to onnxruntime: samples in, speech probabilities out.

`Vad` is what the rest of the house knows. `SileroVad` (room `silero`) is the real one, `LoudnessVad` (room `fake`)
needs no network and serves tests, here and elsewhere.
"""

from __future__ import annotations

from anime_whisper_ct2.speech import FRAME_SAMPLES, Vad

__all__ = ["FRAME_SAMPLES", "Vad"]
