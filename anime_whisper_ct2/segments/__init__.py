"""Where a recording is cut into windows.

`segmented` cuts a stream of blocks as the options say, into `Piece`s of up to 30 s; `is_silent` tells which of them
hold nothing, `Counted` how long the whole was. `SpeechSpans` makes `Span`s of a `Vad`'s probabilities, without samples
or a network; `vad` has the network.

May import: `errors`, `features`, `options`, `records`.
"""

from anime_whisper_ct2.segments.spans import Counted, Piece, is_silent, segmented
from anime_whisper_ct2.segments.speech import Span, SpeechSpans, Vad

__all__ = ["Counted", "Piece", "Span", "SpeechSpans", "Vad", "is_silent", "segmented"]
