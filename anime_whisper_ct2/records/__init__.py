"""What travels between the rooms: frozen records, and references instead of audio.

`references` say where audio is, `recordings` what is to be done, `windows` what goes through the engine, `messages`
what is said along the way, `outcomes` what becomes of it all, and `work` how long an engine waited.

May import: nothing of ours; the standard library and numpy.
"""

from anime_whisper_ct2.records.messages import AtHome, Broken, Closed, Drained, Headway, Heard, Opened, Tick
from anime_whisper_ct2.records.outcomes import (
    RECORDING_FLAGS,
    SEGMENT_FLAGS,
    Failure,
    Outcome,
    Segment,
    Transcript,
    Verdict,
    flags_of,
    joined,
)
from anime_whisper_ct2.records.recordings import LONG_S, Home, Recording
from anime_whisper_ct2.records.references import (
    DEEPEST,
    LONGEST_S,
    ArrayAudio,
    Audio,
    Container,
    Excerpt,
    Section,
    Unreadable,
    carried_bytes,
)
from anime_whisper_ct2.records.windows import (
    Batch,
    Decoded,
    Features,
    FeatureType,
    Float32,
    LogMel,
    Retries,
    Sound,
    Step,
    Window,
    Word,
)
from anime_whisper_ct2.records.work import Worked

__all__ = [
    "DEEPEST",
    "LONGEST_S",
    "LONG_S",
    "RECORDING_FLAGS",
    "SEGMENT_FLAGS",
    "ArrayAudio",
    "AtHome",
    "Audio",
    "Batch",
    "Broken",
    "Closed",
    "Container",
    "Decoded",
    "Drained",
    "Excerpt",
    "Failure",
    "FeatureType",
    "Features",
    "Float32",
    "Headway",
    "Heard",
    "Home",
    "LogMel",
    "Opened",
    "Outcome",
    "Recording",
    "Retries",
    "Section",
    "Segment",
    "Sound",
    "Step",
    "Tick",
    "Transcript",
    "Unreadable",
    "Verdict",
    "Window",
    "Word",
    "Worked",
    "carried_bytes",
    "flags_of",
    "joined",
]
