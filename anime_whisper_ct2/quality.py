"""What can be said of a text without its audio."""

from __future__ import annotations

import zlib

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
