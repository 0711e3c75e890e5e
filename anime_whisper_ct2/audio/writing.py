"""Audio files written whole or not at all, and the same each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Literal, cast

import numpy as np
import numpy.typing as npt
import soundfile

from anime_whisper_ct2.audio.ogg import settle_serial
from anime_whisper_ct2.audio.source import Watched
from anime_whisper_ct2.errors import RecordingError, counted
from anime_whisper_ct2.records import Float32
from anime_whisper_ct2.system.files import remove, replace

Format = Literal["flac", "wav", "ogg"]

# What a file is called until it is whole.
PARTIAL_SUFFIX = ".awct2-part"
# libvorbis takes what it is given onto its stack.
_WRITE_FRAMES = 1 << 14


def write_blocks(
    path: str, blocks: Iterable[Float32], rate_hz: int, channels: int, kind: Format, bits: int = 16
) -> int:
    """Write a FLAC, WAV or OGG Vorbis file; the same blocks give the same bytes.

    `blocks` have shape (n, channels), -1 … 1; what is beyond is clipped, what is no number is silence. `bits` of a
    sample: 16 or 24, without meaning for OGG. Samples that were decoded from as many bits are written back exactly.

    Returns the number of samples of each channel. Raises OSError when the file cannot be written, RecordingError when
    the format cannot hold such audio, and whatever `blocks` raises; nothing is left behind then.
    """
    count = 0
    with whole_file(path) as raw:
        file = Watched(raw)
        subtype = "VORBIS" if kind == "ogg" else f"PCM_{bits}"
        try:
            with soundfile.SoundFile(file, "w", rate_hz, channels, subtype, format=kind.upper()) as sound:
                for block in blocks:
                    samples = _floats(block) if kind == "ogg" else _integers(block, bits)
                    for at in range(0, len(samples), _WRITE_FRAMES):
                        sound.write(samples[at : at + _WRITE_FRAMES])
                    count += len(samples)
        except (soundfile.LibsndfileError, AssertionError) as error:
            # AssertionError: soundfile's way to say that not all was written.
            if file.error:
                raise file.error from error
            raise RecordingError(
                f"{kind} holds no audio of {counted(channels, 'channel')} at {rate_hz} Hz: {error}", stage="clip"
            ) from error
        if file.error:
            raise file.error
        if kind == "ogg":
            settle_serial(raw)
    return count


@contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """Open a file for writing and reading that appears at `path` when the block ends, and not when it raises.

    Raises OSError.
    """
    partial = path + PARTIAL_SUFFIX
    try:
        # Paths with invalid UTF-8 stay plain strings.
        with open(partial, "w+b") as file:  # noqa: PTH123
            yield cast(BinaryIO, file)
        replace(partial, path)
    except BaseException:
        with suppress(OSError):
            remove(partial)
        raise


def _floats(block: Float32) -> Float32:
    return np.clip(np.nan_to_num(block, nan=0.0), -1.0, 1.0)


def _integers(block: Float32, bits: int) -> npt.NDArray[np.signedinteger[Any]]:
    """Round to integers of so many bits, as libsndfile wants them: in the upper ones."""
    full = 1 << (bits - 1)
    rounded = np.clip(np.rint(np.nan_to_num(block, nan=0.0) * np.float32(full)), -full, full - 1)
    integers: npt.NDArray[np.signedinteger[Any]] = rounded.astype(np.int16 if bits == 16 else np.int32)
    return integers if bits == 16 else integers << (32 - bits)
