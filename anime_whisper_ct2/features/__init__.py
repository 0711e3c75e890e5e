"""Windows of samples become features, and features become batches.

`log_mel` computes those of one window and `stack` lays a batch's into one array; `WindowLength`, which `window_length`
settles, says how long a window the engine gets for a clip; `Batcher` brings windows of one length together, whatever
recordings they are of. The constants are Whisper's: 16 kHz, windows of 30 s, frames of 10 ms.

May import: `errors`, `options`, `records`.
"""

from anime_whisper_ct2.features.batcher import Batcher
from anime_whisper_ct2.features.mel import SAMPLE_RATE, WINDOW_FRAMES, WINDOW_S, WINDOW_SAMPLES, log_mel, stack
from anime_whisper_ct2.features.windows import WindowLength, window_length

__all__ = [
    "SAMPLE_RATE",
    "WINDOW_FRAMES",
    "WINDOW_S",
    "WINDOW_SAMPLES",
    "Batcher",
    "WindowLength",
    "log_mel",
    "stack",
    "window_length",
]
