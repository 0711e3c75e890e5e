"""What can be said of a text without listening."""

from __future__ import annotations

import re
import unicodedata
import zlib

from anime_whisper_ct2.records import Decoded, Window

# Tokens to a second of fast speech, at one to two tokens a character of a byte-level vocabulary; and some for laughter
# and stammers in a very short clip. A loop then ends long before Whisper's 224 tokens, and no line that was meant does.
CAP_BASE = 32
CAP_PER_S = 24
WHISPER_MAX_NEW_TOKENS = 224


def token_cap(duration_s: float) -> int:
    """Give the most tokens that a window of so many seconds may take."""
    return min(WHISPER_MAX_NEW_TOKENS, CAP_BASE + int(duration_s * CAP_PER_S))


def compression_ratio(text: str) -> float:
    """Give the text's UTF-8 length over its zlib length; 0.0 for an empty text. Loops give a high figure."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


# A short window that went wrong shows it in one of these ways; each costs a second decode at 30 s and nothing more, so
# the bounds are on the anxious side. Laughter and moans repeat too: they are decoded again and come out the same.
MOST_CHARS_PER_S = 20.0
MOST_COMPRESSION = 2.4  # Whisper's own bound
LEAST_LOGPROB = -1.0  # Whisper's own bound
SPEECH_RMS = 0.003  # -50 dBFS: above it an empty text is suspect
_REPEATS = re.compile(r"(.{2,20}?)\1{3,}|(.)\2{9,}")


def repeats(text: str) -> bool:
    """Say whether a text holds the same piece four times running, or the same character ten times."""
    return _REPEATS.search(unicodedata.normalize("NFKC", text)) is not None


def doubts(window: Window, decoded: Decoded) -> tuple[str, ...]:
    """Name what looks wrong with a text, seen beside its window: an empty tuple is a text to trust."""
    text = decoded.text
    duration = max(window.end_s - window.start_s, 0.1)
    found = {
        "cap": decoded.capped,
        "repetition": repeats(text),
        "fast": len(text) / duration > MOST_CHARS_PER_S and len(text) > MOST_CHARS_PER_S / 2,
        "compression": compression_ratio(text) > MOST_COMPRESSION,
        "low_logprob": decoded.avg_logprob < LEAST_LOGPROB,
        "empty": not text and window.rms > SPEECH_RMS,
    }
    return tuple(name for name, true in found.items() if true)
