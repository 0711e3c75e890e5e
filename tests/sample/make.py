"""Make the sample corpus: `python -m tests.sample.make` fills `tests/sample/corpus` and writes `references.jsonl`.

Every clip is a line that the tiny checkpoint never saw. The sound is the same for the same versions of pyopenjtalk and
of the encoders.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import av
import lameenc  # type: ignore[import-not-found]  # no types
import numpy as np
import soundfile
import soxr

from tests.tiny import lines, speech

HERE = Path(__file__).parent
FIRST_LINE = 500  # the held-out lines before it are for measuring the checkpoint
LONG_ID = "長い録音/夏休みの一日.ogg"
LONG_S = 180.0
PAUSES_S = (0.8, 6.0)
BIT_EXACT = {"fflags": "+bitexact"}  # no random numbers, no times


@dataclass(frozen=True, slots=True)
class Kind:
    """How a clip is kept on disk."""

    suffix: str
    hz: int = 16_000
    channels: int = 1


# Folder and the kinds of its clips, in order: 001, 002 and so on.
OGG = Kind("ogg")
FOLDERS: dict[str, list[Kind]] = {
    "さくら/第一章": [OGG] * 8 + [Kind("ogg", 44_100, 2)],
    "さくら/第二章": [OGG] * 4 + [Kind("flac", 44_100), Kind("flac", 48_000, 2), OGG],
    "悠真/第一章/教室": [OGG] * 4 + [Kind("wav", 44_100), Kind("wav", 16_000)],
    "悠真/第一章/屋上": [Kind("wav", 48_000, 2), OGG, OGG, OGG],
    "先生/放課後": [Kind("mp3", 44_100, 2), Kind("mp3", 16_000), Kind("mp3", 48_000), OGG, OGG],
    "魔王/決戦 (最終話)": [Kind("m4a", 44_100), Kind("m4a", 48_000, 2), Kind("m4a", 16_000), OGG, OGG],
    "その他": [OGG, OGG, Kind("flac", 48_000), OGG],
}


def clips() -> Iterator[tuple[str, Kind]]:
    """The path below the corpus and the kind of every short clip."""
    for folder, kinds in FOLDERS.items():
        for number, kind in enumerate(kinds, 1):
            yield f"{folder}/{number:03d}.{kind.suffix}", kind


def write(path: Path, wave: speech.Wave, kind: Kind) -> None:
    """Write mono `wave` (48 kHz) as `kind`; a second channel is a little quieter than the first."""
    wave = cast(speech.Wave, soxr.resample(wave, speech.NATIVE_HZ, kind.hz)).clip(-1.0, 1.0)
    sound = np.stack([wave, 0.8 * wave][: kind.channels], axis=1).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind.suffix in ("flac", "wav"):
        soundfile.write(path, sound, kind.hz, subtype="PCM_16")
    elif kind.suffix == "mp3":
        path.write_bytes(_mp3(sound, kind))
    elif kind.suffix == "m4a":
        _m4a(path, sound, kind)
    else:
        _ogg(path, sound, kind)


def _mp3(sound: speech.Wave, kind: Kind) -> bytes:
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(64 * kind.channels)
    encoder.set_in_sample_rate(kind.hz)
    encoder.set_channels(kind.channels)
    encoder.silence()
    return bytes(encoder.encode((sound * 32767).astype("<i2").tobytes()) + encoder.flush())


def _m4a(path: Path, sound: speech.Wave, kind: Kind) -> None:
    with av.open(str(path), "w", options=BIT_EXACT) as container:
        layout = "stereo" if kind.channels == 2 else "mono"
        stream = container.add_stream("aac", rate=kind.hz, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout=layout)
        frame.sample_rate = kind.hz
        container.mux([*stream.encode(frame), *stream.encode(None)])


def _ogg(path: Path, sound: speech.Wave, kind: Kind) -> None:
    """Vorbis by libsndfile, its random stream number taken out by copying the packets into a fresh file."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", kind.hz, kind.channels, "VORBIS", format="OGG") as file:
        for start in range(0, len(sound), kind.hz):  # minutes in one go crash libsndfile
            file.write(sound[start : start + kind.hz])
    buffer.seek(0)
    with av.open(buffer) as source, av.open(str(path), "w", format="ogg", options=BIT_EXACT) as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)


def spoken(text: str, rng: np.random.Generator) -> speech.Wave:
    """`text` at 48 kHz from the first audible sample to the last."""
    wave = speech.say(text, rng, speech.NATIVE_HZ)
    wave = wave * np.float32(0.7 / np.abs(wave).max())
    loud = np.flatnonzero(np.abs(wave) > speech.QUIET)
    return cast(speech.Wave, wave[loud[0] : loud[-1] + 1])


def long_recording(texts: Iterator[str], rng: np.random.Generator) -> tuple[speech.Wave, list[dict[str, Any]]]:
    """Three minutes of lines with pauses over faint noise (48 kHz), and when each line is spoken, in seconds."""
    hz = speech.NATIVE_HZ
    wave = speech.noise(round(LONG_S * hz), rng, 0.0005)
    at_s = rng.uniform(*PAUSES_S)
    said: list[dict[str, Any]] = []
    while True:
        text = next(texts)
        voice = spoken(text, rng)
        end_s = at_s + len(voice) / hz
        if end_s > LONG_S - PAUSES_S[0]:
            return wave, said
        start = round(at_s * hz)
        wave[start : start + len(voice)] += voice
        said.append({"start": round(at_s, 3), "end": round(end_s, 3), "text": text})
        at_s = end_s + rng.uniform(*PAUSES_S)


def make(folder: Path) -> None:
    """Write `corpus` and `references.jsonl` into `folder`, in place of those there."""
    corpus = folder / "corpus"
    shutil.rmtree(corpus, ignore_errors=True)
    texts = iter(lines.held_out(FIRST_LINE + 100)[FIRST_LINE:])
    rng = np.random.default_rng(7)
    references: list[dict[str, Any]] = []
    for path, kind in clips():
        text = next(texts)
        margins = [speech.silence(rng.uniform(0.1, 0.5), speech.NATIVE_HZ) for _ in range(2)]
        wave = np.concatenate([margins[0], spoken(text, rng), margins[1]])
        wave = wave + speech.noise(len(wave), rng, 10 ** -rng.uniform(2.8, 4.0))
        write(corpus / path, wave, kind)
        references.append({"id": path, "text": text})
    wave, said = long_recording(texts, rng)
    write(corpus / LONG_ID, wave, OGG)
    references.append({"id": LONG_ID, "text": lines.joined([line["text"] for line in said]), "lines": said})
    rows = [json.dumps(row, ensure_ascii=False) + "\n" for row in references]
    (folder / "references.jsonl").write_text("".join(rows), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the corpus and its references")
    make(parser.parse_args().out)
