"""Any audio in, and clips out: the one door to libsndfile, FFmpeg and soxr.

`load` and `blocks_of` give what the model hears, 16 kHz mono float32; `native_blocks` and `info` what the file holds;
`write_blocks` and `whole_file` write. `Findings` says what of a recording is missing. Files only: what lies behind a
URL or within a tar is opened by `readers`.

`structure` tells from a file's bytes which recordings are in it and what they promise; `native` has one of the two
decoders read them, `sndfile` or `ffmpeg` (with `track`, `clock` and `marks`); `levels`, `channels` and `resampled` make
of their samples what is heard.

May import: `errors`, `extensions`, `features`, `options`, `records`, `system`.
"""

from anime_whisper_ct2.audio.findings import Findings
from anime_whisper_ct2.audio.native import info, native_blocks
from anime_whisper_ct2.audio.resampled import blocks_of, load
from anime_whisper_ct2.audio.source import Info, Source
from anime_whisper_ct2.audio.writing import PARTIAL_SUFFIX, Format, whole_file, write_blocks

__all__ = [
    "PARTIAL_SUFFIX",
    "Findings",
    "Format",
    "Info",
    "Source",
    "blocks_of",
    "info",
    "load",
    "native_blocks",
    "whole_file",
    "write_blocks",
]
