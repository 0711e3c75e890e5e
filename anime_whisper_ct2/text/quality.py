"""What can be said of a text without listening."""

from __future__ import annotations

import re
import unicodedata
import zlib

import numpy as np

from anime_whisper_ct2.records import Decoded, Float32, Sound, Window

# Tokens to a second of fast speech, at one to two tokens a character of a byte-level vocabulary; and some for laughter
# and stammers in a very short clip. A loop then ends long before Whisper's 224 tokens, and no line that was meant does.
CAP_BASE = 32
CAP_PER_S = 24
WHISPER_MAX_NEW_TOKENS = 224

_FRAME_SAMPLES = 400  # 25 ms
_LEAST_POWER = 1e-10  # -100 dBFS, so that digital silence has a level too
_FULL_SCALE_POWER = 0.999**2


def token_cap(duration_s: float) -> int:
    """Give the most tokens that a window of so many seconds may take."""
    return min(WHISPER_MAX_NEW_TOKENS, CAP_BASE + int(duration_s * CAP_PER_S))


def compression_ratio(text: str) -> float:
    """Give the text's UTF-8 length over its zlib length; 0.0 for an empty text. Loops give a high figure."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


# Speech of these actors runs at 4 to 12 characters a second, shouted lists at 15; the bounds
# lie beyond all lines of the sample corpus and beyond the laughs and moans of tests/text/test_quality.py.
MOST_CHARS_PER_S = 20.0
LEAST_CHARS_PER_S = 0.7
SLOW_FROM_S = 4.0  # a breath or a sigh is short of characters too, and short
MOST_COMPRESSION = 2.4  # Whisper's own bound
LEAST_LOGPROB = -1.0  # Whisper's own bound
SPEECH_RMS = 0.003  # -50 dBFS: above it an empty text is suspect
MOST_CLIPPED = 0.001  # share of samples at full scale: 16 in a second
LEAST_RANGE_DB = 10.0  # between pauses and speech; below it the pauses are as loud
NOISY_FROM_S = 1.0
# A loop goes on to the token limit; laughter and moans end: so many repeats, over so many characters.
_LOOPS = ((5, 30), (3, 60))

_REPEATS = re.compile(r"(.{2,20}?)\1{3,}|(.)\2{9,}")
_PERIODIC = re.compile(r"(.{1,40}?)\1{2,}")
_NO_LETTERS = re.compile(r"[\W_]+")
# What Whisper models learnt from the ends of videos and write over silence and noise. Said with confidence, so only the
# whole text tells; punctuation apart.
STOCK_PHRASES = frozenset(
    (
        *("ご視聴ありがとうございました", "ご視聴いただきありがとうございました", "ご視聴ありがとうございます"),
        *("ご清聴ありがとうございました", "最後までご視聴ありがとうございました", "見てくれてありがとうございました"),
        *("最後までご視聴いただきありがとうございました", "最後まで見てくれてありがとうございました"),
        *("チャンネル登録お願いします", "チャンネル登録よろしくお願いします", "チャンネル登録をお願いします"),
        *("チャンネル登録高評価よろしくお願いします", "高評価チャンネル登録よろしくお願いします"),
        *("チャンネル登録と高評価よろしくお願いします", "次の動画でお会いしましょう", "また次の動画でお会いしましょう"),
        *(
            "次回もお楽しみに",
            "字幕視聴ありがとうございました",
            "字幕by",
            "字幕制作",
            "おやすみなさいご視聴ありがとうございました",
        ),
        *("今日はここまでですご視聴ありがとうございました", "thanksforwatching", "thankyouforwatching"),
    )
)

# What the engine itself says of a text: numbers overflowed on the way to it; the times of its words could not be had.
OVERFLOW, NO_WORDS = "overflow", "no_words"
ENGINE_FLAGS = frozenset((OVERFLOW, NO_WORDS))
# Why a text is decoded again: flags that another decode can mend.
MENDABLE = frozenset(("repetition", "cap", "fast", "low_logprob", "stock_phrase"))


def repeats(text: str) -> bool:
    """Say whether a text holds the same piece four times running, or the same character ten times."""
    return _REPEATS.search(unicodedata.normalize("NFKC", text)) is not None


def loops(text: str) -> bool:
    """Say whether a piece of a text repeats on and on, further than anybody laughs."""
    for found in _PERIODIC.finditer(unicodedata.normalize("NFKC", text)):
        length = len(found[0])
        if any(length // len(found[1]) >= times and length >= least for times, least in _LOOPS):
            return True
    return False


def measure(samples: Float32) -> Sound:
    """Measure a window's samples, shape (n,), 16 kHz."""
    power = np.square(samples)
    frames = power[: len(power) // _FRAME_SAMPLES * _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES).mean(axis=1)
    if len(frames):
        quiet, loud = np.percentile(frames, (10, 95)) + _LEAST_POWER
    else:
        quiet, loud = 1.0, 1.0
    return Sound(
        rms=float(np.sqrt(power.mean())),
        clipped=float(np.count_nonzero(power >= _FULL_SCALE_POWER) / max(1, len(power))),
        range_db=float(10 * np.log10(loud / quiet)),
    )


def is_lost(decoded: Decoded) -> bool:
    """Say whether a window is without a text because its numbers overflowed: not silence, and no retry mends it."""
    return not decoded.text and OVERFLOW in decoded.flags


# A short window that went wrong shows it in one of these ways; each costs a second look and nothing more, so
# the bounds are on the anxious side. Laughter and moans repeat too: they are decoded again and come out the same.


def doubts(window: Window, decoded: Decoded) -> tuple[str, ...]:
    """Name what looks wrong with the text of a fitted window: an empty tuple is a text to trust, or no retry's case."""
    if is_lost(decoded):
        return ()
    text = decoded.text
    found = {
        "cap": decoded.capped,
        "repetition": repeats(text),
        "fast": _is_fast(window, text),
        "compression": compression_ratio(text) > MOST_COMPRESSION,
        "low_logprob": decoded.avg_logprob < LEAST_LOGPROB,
        "empty": is_mute(window, decoded),
    }
    return tuple(name for name, true in found.items() if true)


def flags(window: Window, decoded: Decoded) -> tuple[str, ...]:
    """Name what a user of a text should know: an empty tuple is a text with nothing unusual about it."""
    text, sound = decoded.text, window.sound
    duration_s = window.end_s - window.start_s
    letters = _NO_LETTERS.sub("", unicodedata.normalize("NFKC", text))
    found = {
        "repetition": loops(text),
        "cap": decoded.capped,
        "fast": _is_fast(window, text),
        "slow": bool(letters) and duration_s >= SLOW_FROM_S and len(letters) < LEAST_CHARS_PER_S * duration_s,
        "low_logprob": bool(text) and decoded.avg_logprob < LEAST_LOGPROB,
        "stock_phrase": letters.lower() in STOCK_PHRASES,
        "ellipsis_only": bool(text) and not letters,
        "clipped": sound.clipped > MOST_CLIPPED,
        "noisy": sound.range_db < LEAST_RANGE_DB and duration_s >= NOISY_FROM_S,
    }
    return tuple(name for name, true in found.items() if true)


def _is_fast(window: Window, text: str) -> bool:
    duration_s = max(window.end_s - window.start_s, 0.1)
    return len(text) / duration_s > MOST_CHARS_PER_S and len(text) > MOST_CHARS_PER_S / 2


def is_mute(window: Window, decoded: Decoded) -> bool:
    """Say whether nothing was written of a window in which there is sound."""
    return not decoded.text and window.sound.rms > SPEECH_RMS
