"""Codecs of a few bits a sample, as telephones and games have them: whole, and a stretch of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.reports.cases import Case, Recipe
from tests.reports.sounds import encode, run, speech, wav

STRETCHES = "faster-whisper#128 (stretches of G.722)"
# Extension, rate, most channels, and how to pack.
_BY_FFMPEG: dict[str, tuple[str, int, int, tuple[str, ...]]] = {
    "g722": ("wav", 16_000, 1, ("-c:a", "g722")),
    "g722 mkv": ("mkv", 16_000, 1, ("-c:a", "g722")),
    "g726": ("wav", 8_000, 1, ("-c:a", "g726")),
    "ima": ("wav", 22_050, 2, ("-c:a", "adpcm_ima_wav")),
    "ms": ("wav", 22_050, 2, ("-c:a", "adpcm_ms")),
    "yamaha": ("wav", 22_050, 2, ("-c:a", "adpcm_yamaha")),
    "ima in mov": ("mov", 22_050, 2, ("-c:a", "adpcm_ima_qt")),
    "swf in flv": ("flv", 22_050, 1, ("-c:a", "adpcm_swf")),
    "a-law": ("wav", 8_000, 2, ("-c:a", "pcm_alaw")),
    "mu-law": ("wav", 8_000, 2, ("-c:a", "pcm_mulaw")),
    "mu-law au": ("au", 8_000, 1, ("-c:a", "pcm_mulaw")),
    "gsm": ("wav", 8_000, 1, ("-c:a", "libgsm_ms")),
    "mp3 in wav": ("wav", 44_100, 2, ("-c:a", "libmp3lame")),
    "ac3 in wav": ("wav", 48_000, 2, ("-c:a", "ac3")),
    "g723.1": ("wav", 8_000, 1, ("-c:a", "g723_1", "-b:a", "6300")),
    "speex": ("spx", 16_000, 1, ("-c:a", "libspeex")),
}
# libsndfile gives a whole block for a part of one.
_GSM_BLOCK_S = 0.04
_BY_SOX = {"ima": "ima-adpcm", "ms": "ms-adpcm", "gsm": "gsm-full-rate", "a-law": "a-law"}


def _by_ffmpeg(name: str, channels: int, folder: Path) -> Case:
    extension, rate, _, options = _BY_FFMPEG[name]
    # Longer than the two seconds ahead of a stretch that a decoder may be started.
    path = encode(folder / f"a.{extension}", speech(0.0, 7.0, rate, channels), rate, *options)
    return Case(path, more_s=_GSM_BLOCK_S if name == "gsm" else 0.0)


def _by_sox(name: str, folder: Path) -> Case:
    source = wav(folder / "source.wav", speech(0.0, 7.0, 8_000), 8_000)
    path = folder / "a.wav"
    run("sox", source, "-e", _BY_SOX[name], path)
    return Case(path, more_s=_GSM_BLOCK_S if name == "gsm" else 0.0)


def recipes() -> list[Recipe]:
    """Give all cases of the kind."""
    made = []
    for name, (_, _, most, _) in _BY_FFMPEG.items():
        made += [
            Recipe(f"{name} {channels} ch", STRETCHES, partial(_by_ffmpeg, name, channels))
            for channels in range(1, most + 1)
        ]
    made += [Recipe(f"{name} by sox", STRETCHES, partial(_by_sox, name), ("sox",)) for name in _BY_SOX]
    return made
