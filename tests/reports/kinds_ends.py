"""Files that end early, and files that never knew their length: a promise that is broken, and none at all."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from anime_whisper_ct2.records import Float32
from tests.reports.cases import Case, Flag, Recipe
from tests.reports.oracle import RATE
from tests.reports.sounds import encode, piped, run, speech, wav

CUT, STREAMED = "libsndfile#809", "Kokoro-FastAPI#94 (streamed sizes)"
_SECONDS = 4.0
# Name, extension, rate, how to pack, and whether the format promises a length that a cut breaks.
_FORMS: tuple[tuple[str, str, int, tuple[str, ...], bool], ...] = (
    ("flac", "flac", 44_100, (), True),
    ("m4a with its table first", "m4a", 44_100, ("-c:a", "aac", "-movflags", "+faststart"), True),
    ("m4a alac with its table first", "m4a", 44_100, ("-c:a", "alac", "-movflags", "+faststart"), True),
    ("m4a with its table last", "m4a", 44_100, ("-c:a", "aac"), True),
    ("fragmented mp4", "mp4", 44_100, ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"), False),
    ("mkv", "mkv", 44_100, ("-c:a", "aac"), True),
    ("mkv flac", "mkv", 44_100, ("-c:a", "flac"), True),
    ("webm opus", "webm", 48_000, ("-c:a", "libopus", "-b:a", "96k"), True),
    ("webm vorbis", "webm", 44_100, ("-c:a", "libvorbis"), True),
    ("ogg flac", "oga", 44_100, ("-c:a", "flac"), True),
    ("ogg speex", "spx", 16_000, ("-c:a", "libspeex"), True),
    ("wma", "wma", 44_100, ("-c:a", "wmav2"), True),
    ("wv", "wv", 44_100, (), True),
    ("tta", "tta", 44_100, (), True),
    ("wav of g722", "wav", 16_000, ("-c:a", "g722"), True),
    ("wav of ima", "wav", 22_050, ("-c:a", "adpcm_ima_wav"), True),
    ("wav of mp3", "wav", 44_100, ("-c:a", "libmp3lame"), True),
    ("avi", "avi", 44_100, ("-c:a", "pcm_s16le"), False),
    ("flv", "flv", 44_100, ("-c:a", "aac"), False),
    ("adts", "aac", 44_100, ("-c:a", "aac"), False),
    ("ac3", "ac3", 48_000, (), False),
    ("ts", "ts", 48_000, ("-c:a", "aac"), False),
    ("mp2", "mp2", 48_000, (), False),
)  # fmt: skip


def _cut(extension: str, rate: int, options: tuple[str, ...], promises: bool, share: float, folder: Path) -> Case:
    data = encode(folder / f"whole.{extension}", speech(0.0, _SECONDS, rate), rate, *options).read_bytes()
    path = folder / f"a.{extension}"
    path.write_bytes(data[: round(len(data) * share)])
    return Case(
        path, clock="either" if extension == "wma" else "plain", flag=Flag.MUST if promises else Flag.MAY, less_s=0.15
    )


def _streamed(kind: str, rate: int, options: tuple[str, ...], folder: Path) -> Case:
    """Written into a pipe: nobody could go back and fill in the length."""
    path = piped(folder / f"a.{kind}", speech(0.0, _SECONDS, rate), rate, kind, *options)
    return Case(path, clock="either" if kind == "asf" else "plain", truth=_packed() if kind == "w64" else None)


def _by_sox(kind: str, folder: Path) -> Case:
    source = wav(folder / "source.wav", speech(0.0, _SECONDS, 44_100, 2), 44_100)
    path = folder / f"a.{kind}"
    path.write_bytes(run("sox", source, "-t", kind, "-"))
    return Case(path, truth=_packed() if kind == "w64" else None)


def _packed() -> Float32:
    """Give what was packed: in a Wave64 of no length the command hears nothing."""
    return speech(0.0, _SECONDS, RATE)[:, 0]


def _by_flac(options: tuple[str, ...], folder: Path) -> Case:
    source = wav(folder / "source.wav", speech(0.0, _SECONDS, 44_100, 2), 44_100)
    path = folder / "a.flac"
    path.write_bytes(run("flac", "-s", *options, "-c", "-", given=source.read_bytes()))
    return Case(path)


def recipes() -> list[Recipe]:
    """Give all cases of the kind."""
    made = []
    for name, extension, rate, options, promises in _FORMS:
        for share in (0.4, 0.85):
            make = partial(_cut, extension, rate, options, promises, share)
            made.append(Recipe(f"{name} cut at {share}", CUT, make))
    opus = ("-c:a", "libopus", "-b:a", "96k")
    for kind, rate, options in (
        ("wav", 44_100, ()),
        ("wav", 48_000, ("-c:a", "pcm_f32le")),
        ("wav", 22_050, ("-c:a", "adpcm_ima_wav")),
        ("wav", 16_000, ("-c:a", "g722")),
        ("w64", 44_100, ()),
        ("au", 44_100, ()),
        ("flac", 44_100, ()),
        ("ogg", 44_100, ("-c:a", "libvorbis")),
        ("ogg", 48_000, opus),
        ("ogg", 44_100, ("-c:a", "flac")),
        ("webm", 48_000, opus),
        ("matroska", 44_100, ("-c:a", "aac")),
        ("matroska", 44_100, ("-c:a", "pcm_s16le")),
        ("flv", 44_100, ("-c:a", "aac")),
        ("mp4", 44_100, ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov")),
        ("adts", 44_100, ("-c:a", "aac")),
        ("mpegts", 48_000, ("-c:a", "aac")),
        ("asf", 44_100, ("-c:a", "wmav2")),
        ("wv", 44_100, ()),
        ("avi", 44_100, ("-c:a", "libmp3lame")),
    ):
        name = f"{kind} {' '.join(options)} into a pipe"
        made.append(Recipe(name, STREAMED, partial(_streamed, kind, rate, options)))
    for kind in ("wav", "aiff", "au", "w64"):
        made.append(Recipe(f"{kind} by sox into a pipe", STREAMED, partial(_by_sox, kind), ("sox",)))
    for options in ((), ("-0",), ("--no-seektable", "--no-padding")):
        made.append(Recipe(f"flac {' '.join(options)} into a pipe", STREAMED, partial(_by_flac, options), ("flac",)))
    return made
