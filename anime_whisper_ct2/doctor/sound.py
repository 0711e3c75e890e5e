"""The audio decoders, each tried on a tone that is encoded on the spot."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

import numpy as np

from anime_whisper_ct2.doctor.check import Check
from anime_whisper_ct2.doctor.machine import requirement
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.features.mel import SAMPLE_RATE
from anime_whisper_ct2.records import ArrayAudio, Float32
from anime_whisper_ct2.system.commands import command_line

Encode = Callable[[Float32], bytes]
Load = Callable[[str | bytes | ArrayAudio], Float32]

TONE_HZ = 440.0
TONE_S = 0.5
_LEVEL = 0.3
RATE = 48_000  # which every codec takes, Opus no other of the common ones
# Lossy codecs add a frame of silence before or after, at most 2,048 samples.
_DURATION_SLACK_S = 0.06
_FREQUENCY_SLACK_HZ = 5.0


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file. `reader`: the package that should read it; `spare`: PyAV's encoder, where PyAV reads it too."""

    name: str
    reader: str
    encode: Encode
    spare: Encode | None = None


def check_format(kind: Format, load: Load | None = None) -> Check:
    """Encode the tone, decode it as a run would, and compare length, pitch and level."""
    through_ffmpeg = kind.reader == "av"
    remedy = _upgrade(kind.reader)
    lacking = ""
    try:
        data = kind.encode(tone())
    except ImportError as error:
        return Check(kind.name, "failed", f"{kind.reader} cannot be imported: {error}", remedy)
    except Exception as error:  # whatever a codec raises is what was found
        if through_ffmpeg:
            # Reading needs no encoder, so nothing is known to be wrong.
            return Check(kind.name, "warning", f"could not be tried: no encoder ({error})", remedy)
        lacking = f"libsndfile cannot: {error}"
        try:
            data = _spare(kind)(tone())
        except Exception:
            return Check(kind.name, "failed", lacking, remedy)
    try:
        fault = compare((load or _load)(data))
    except Exception as error:
        fault = str(error) if isinstance(error, DecodeError) else f"{type(error).__name__}: {error}"
    if fault:
        return Check(kind.name, "failed", "; ".join(filter(None, [lacking, fault])), remedy)
    if lacking:
        return Check(kind.name, "warning", f"{lacking}; PyAV reads it, several times slower", remedy)
    return Check(kind.name, "ok", _through(kind.reader))


def check_resampler(load: Load | None = None) -> Check:
    """Bring the tone from 44.1 kHz to 16 kHz, and compare."""
    fault = compare((load or _load)(ArrayAudio(tone(44_100), 44_100)))
    if fault:
        return Check("resampling", "failed", fault, _upgrade("soxr"))
    return Check("resampling", "ok", f"soxr {metadata.version('soxr')}")


def tone(rate: int = RATE) -> Float32:
    """Make the tone: shape (n,), float32, at `rate` Hz."""
    turns = TONE_HZ / rate * np.arange(round(TONE_S * rate))
    samples: Float32 = (_LEVEL * np.sin(2 * np.pi * turns)).astype(np.float32)
    return samples


def compare(decoded: Float32) -> str:
    """Say in what a decoded tone, at 16 kHz, differs from the one that was encoded; nothing if it does not."""
    seconds = len(decoded) / SAMPLE_RATE
    if abs(seconds - TONE_S) > _DURATION_SLACK_S:
        return f"{TONE_S} s came back as {seconds:.2f} s"
    level = float(np.sqrt(np.mean(np.square(decoded, dtype=np.float64))) * np.sqrt(2))
    # A lossy codec is off by a little; a wrong scale is off by far more than this.
    if not _LEVEL / 1.5 < level < _LEVEL * 1.5:
        return f"a level of {_LEVEL:.2f} came back as {level:.2f}"
    spectrum = np.abs(np.fft.rfft(decoded * np.hanning(len(decoded)), n=SAMPLE_RATE))  # bins of 1 Hz
    pitch = float(np.argmax(spectrum))
    if abs(pitch - TONE_HZ) > _FREQUENCY_SLACK_HZ:
        return f"{TONE_HZ:.0f} Hz came back as {pitch:.0f} Hz"
    return ""


def _by_sndfile(container: str, codec: str) -> Encode:
    def encode(samples: Float32) -> bytes:
        """Encode samples of shape (n,) with libsndfile."""
        import soundfile  # noqa: PLC0415 - its absence is a finding, not the end

        buffer = io.BytesIO()
        soundfile.write(buffer, samples, RATE, format=container, subtype=codec)
        return buffer.getvalue()

    return encode


def _by_ffmpeg(container: str, codec: str) -> Encode:
    def encode(samples: Float32) -> bytes:
        """Encode samples of shape (n,) with FFmpeg."""
        import av  # noqa: PLC0415 - likewise

        buffer = io.BytesIO()
        with av.open(buffer, "w", format=container) as output:
            stream = output.add_stream(codec, rate=RATE, layout="mono")
            frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
            frame.rate = RATE
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                output.mux(packet)
        return buffer.getvalue()

    return encode


FORMATS = (
    Format("WAV", "soundfile", _by_sndfile("WAV", "PCM_16")),
    Format("FLAC", "soundfile", _by_sndfile("FLAC", "PCM_16")),
    Format("OGG Vorbis", "soundfile", _by_sndfile("OGG", "VORBIS")),
    Format("OGG Opus", "soundfile", _by_sndfile("OGG", "OPUS"), _by_ffmpeg("ogg", "libopus")),
    Format("MP3", "soundfile", _by_sndfile("MP3", "MPEG_LAYER_III"), _by_ffmpeg("mp3", "libmp3lame")),
    Format("M4A (AAC)", "av", _by_ffmpeg("ipod", "aac")),
    Format("WebM (Opus)", "av", _by_ffmpeg("webm", "libopus")),
)


def _spare(kind: Format) -> Encode:
    if kind.spare is None:
        raise LookupError(f"nothing else writes {kind.name}")
    return kind.spare


def _upgrade(package: str) -> str:
    # Within the limits that are known to work: the newest one may be what broke it.
    return command_line("pip", "install", "--upgrade", requirement(package))


def _load(audio: str | bytes | ArrayAudio) -> Float32:
    from anime_whisper_ct2.audio import load  # noqa: PLC0415 - it imports soundfile and soxr

    return load(audio)


def _through(reader: str) -> str:
    if reader == "av":
        return f"PyAV {metadata.version('av')}"
    import soundfile  # noqa: PLC0415

    return f"libsndfile {soundfile.__libsndfile_version__}"
