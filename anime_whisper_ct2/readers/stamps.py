"""Which audio it was: a clip is known by its id, and other audio may come to lie under that."""

from __future__ import annotations

import hashlib
import os

from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.records import ArrayAudio, Audio, Excerpt, Section


def stamp(audio: Audio) -> str:
    """Give 32 hexadecimal digits that are others where a recording's audio lies elsewhere, or has been written since.

    No file is read. Of one on a disk it is the path, the size and the time of its last change; of a URL the URL alone.
    """
    return hashlib.sha256(repr(_about(audio)).encode()).hexdigest()[:32]


def _about(audio: Audio) -> tuple[object, ...]:
    if isinstance(audio, str):
        return _file(audio)
    if isinstance(audio, Section):
        return *_file(audio.path), audio.offset, audio.size
    if isinstance(audio, Excerpt):
        return *_about(audio.audio), audio.offset_s, audio.duration_s
    if isinstance(audio, bytes):
        return (hashlib.sha256(audio).hexdigest(),)
    if isinstance(audio, ArrayAudio):
        samples = audio.samples
        return hashlib.sha256(samples.tobytes()).hexdigest(), samples.shape, samples.dtype.str, audio.rate
    return (audio,)


def _file(path: str) -> tuple[object, ...]:
    if is_url(path):
        return (path,)
    whole = os.path.abspath(path)  # noqa: PTH100 - may be no UTF-8
    try:
        status = os.stat(whole)  # noqa: PTH116 - as above
    except (OSError, ValueError):
        return (whole,)  # whoever opens it will say what is wrong
    return whole, status.st_size, status.st_mtime_ns
