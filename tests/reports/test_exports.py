"""What is exported says the same again: as `nemo`, `kaldi` and `lhotse`, and cut with `--clips`.

One corpus holds a whole file of each kind, under names of their own, and recordings of half a minute and more that
segments with times point into.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import soundfile
import soxr

from anime_whisper_ct2 import Corpus, CorpusRun, RunOptions, Transcriber
from anime_whisper_ct2.audio import load
from anime_whisper_ct2.export import ClipFolder, Export
from anime_whisper_ct2.export.clips.plan import ClipOptions
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import SEGMENT, DecodingOptions, FrontendOptions, SegmentOptions
from anime_whisper_ct2.output.lines import read_lines
from anime_whisper_ct2.records import ArrayAudio, Float32
from tests.reports.kinds_times import drop
from tests.reports.oracle import RATE, agrees
from tests.reports.sounds import encode, speech, wav
from tests.support.places import CORPUS

pytestmark = [
    pytest.mark.ffmpeg,
    pytest.mark.xdist_group("exports"),
    # Of lhotse's loaders: one uses modules that Python drops, one leaves its pipe to the collector.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

# Recipes by kind; each is made by the `ffmpeg` command and Python alone.
_CHOSEN: dict[str, tuple[str, ...]] = {
    "mp3": (
        *("headerless pipe 44100 Hz 1 ch pause no", "headerless ffmpeg 48000 Hz 2 ch pause first", "joined two"),
        *("joined another rate", "joined more channels", "joined 44.1 kHz stereo and 22.05 kHz mono"),
    ),
    "wav": (
        *("joined two", "joined mono and stereo", "joined two, streamed", "rf64 1 ch", "w64 2 ch", "aiff 1 ch"),
        *("caf 2 ch", "size 0x7fffffff", "size 0x40000000 twice", "RIFF 70000 bytes before the sound"),
    ),
    "ogg": ("chained vorbis two", "chained vorbis another rate", "chained opus more channels", "chained flac two"),
    "forms": (
        *("joined flac the same", "joined m4a the same", "joined wma the same", "joined webm opus the same"),
        *("adts aac 44.1 kHz stereo, 22.05 kHz mono", "ts aac mono, stereo, on the air"),
        "ts ac3 stereo, six channels, stereo",
    ),
    "times": (
        *("webm opus without 0.5 s", "mkv aac without 3 s", "m4a aac torn three times", "ts aac torn three times"),
        *(f"{kind} 1.5 s behind the picture" for kind in ("mp4 aac", "mkv flac", "ts aac", "webm libopus")),
        *("m4a cut at 0.7 s", "m4a of two edits", "m4a shifted by 1 s", "webm with DTX", "mkv with DTX, no packets"),
        "ts aac across its clock's end",
    ),
    "adpcm": ("g722 1 ch", "ima 2 ch"),
    "channels": ("flac in opposite phase", "m4a in opposite phase", "opposite phase last"),
    "clean": (
        *("m4a 44100 Hz 2 ch -c:a aac", "wma 44100 Hz 2 ch -c:a wmav2", "ts 48000 Hz 2 ch -c:a mp2"),
        *("aac 44100 Hz 1 ch -c:a aac", "mkv 48000 Hz 2 ch -c:a libopus -b:a 96k", "tta 44100 Hz 2 ch default"),
    ),
}
# What lhotse 1.32 hears is not what was transcribed, whatever a manifest says of it: its readers are libsndfile and,
# where that refuses, the `ffmpeg` command's bare samples. Mostly it refuses to load these, because a length is not the
# one in the manifest; a stretch in the middle it takes from another place without a word. `--clips` is the remedy.
_SHORT = "it ends where the first of the joined files does, or where libsndfile guesses that it does"
_EARLY = "its readers count samples and know no time stamps: what follows a gap or a late start comes early"
_OTHER = "as long, with other sound at the beginning (WMA's delay) or at the joint (a header, or another resampler)"
_NOT_LHOTSES = {
    "forms-joined-flac-*": _SHORT,
    "forms-joined-m4a-*": _SHORT,
    "forms-joined-wma-*": _SHORT,
    "mp3-headerless-pipe-*": _SHORT,
    "mp3-joined-*": _SHORT,
    "ogg-chained-opus-*": _SHORT,
    "ogg-chained-vorbis-*": _SHORT,
    "wav-joined-mono-and-stereo.wav": _SHORT,
    "wav-joined-two.wav": _SHORT,
    "long-joined.mp3": _SHORT,
    "times-*-1-5-s-behind-the-picture.*": _EARLY,
    "times-*-torn-three-times.*": _EARLY,
    "times-*-without-*": _EARLY,
    "times-mkv-with-DTX-no-packets.mkv": _EARLY,
    "long-gaps.webm": _EARLY,
    "long-late.ts": _EARLY,
    "clean-wma-*": _OTHER,
    "forms-adts-aac-*": _OTHER,
    "wav-joined-two-streamed.wav": _OTHER,
}
# Of the sample corpus; the tiny model knows the speaker.
_LINES = sorted(CORPUS.glob("さくら/*/*.ogg"))
# By the file's name and where the stretch begins, in seconds.
Key: TypeAlias = tuple[str, float]


@dataclass(frozen=True, slots=True)
class Ran:
    """The corpus, its run's folder, and each segment's text by the file's name and where the segment begins."""

    corpus: Path
    folder: Path
    texts: dict[Key, str]


def _named(kind: str, name: str) -> str:
    return re.sub(r"\W+", "-", f"{kind} {name}")


def _fill(folder: Path, rest: Path) -> None:
    """Put the corpus together; `rest` is for what is left over."""
    for kind, names in _CHOSEN.items():
        recipes = {recipe.name: recipe for recipe in importlib.import_module(f"tests.reports.kinds_{kind}").recipes()}
        for name in names:
            own = rest / _named(kind, name)
            own.mkdir()
            path = recipes[name].make(own).path
            shutil.move(path, folder / f"{own.name}{path.suffix}")
    integers = speech(0.0, 3.0, RATE) * np.float32(32_768)
    wav(folder / "floats-that-count-like-integers.wav", integers, RATE, "FLOAT")
    whole = encode(rest / "whole.webm", _lines(0, 9, 48_000, 1), 48_000, "-c:a", "libopus", "-b:a", "96k")
    drop(whole, folder / "long-gaps.webm", ((4.0, 4.3), (12.0, 13.5), (25.0, 25.1)))
    headerless = ("-q:a", "4", "-write_xing", "0")
    forms = ((0, 44_100, 2), (5, 22_050, 1))
    parts = [
        encode(rest / f"{first}.mp3", _lines(first, 5, rate, channels), rate, *headerless)
        for first, rate, channels in forms
    ]
    (folder / "long-joined.mp3").write_bytes(b"".join(part.read_bytes() for part in parts))
    picture = ("-f", "lavfi", "-i", "color=c=gray:s=64x64:r=25:d=40", "-itsoffset", "1.5")
    codecs = ("-map", "0:v", "-map", "1:a", "-c:v", "mpeg2video", "-c:a", "aac")
    encode(folder / "long-late.ts", _lines(2, 9, 48_000, 2), 48_000, *codecs, inputs=picture)


def _lines(first: int, count: int, rate: int, channels: int) -> Float32:
    """Give some of the sample corpus's lines with a second between them, shape (n, channels)."""
    parts = []
    for path in _LINES[first : first + count]:
        samples, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
        parts += [soxr.resample(samples[:, 0], own_rate, rate), np.zeros(rate, np.float32)]
    line = np.concatenate(parts)
    return np.stack([line * 0.8**channel for channel in range(channels)], axis=1).astype(np.float32)


def _transcribed(given: Path, out: Path, model: Path, segment: SegmentOptions) -> Iterator[dict[str, Any]]:
    options = RunOptions(
        decoding=DecodingOptions(window="fit", audit=0.0), frontend=FrontendOptions(0), segment=segment
    )
    totals = CorpusRun(Corpus((str(given),)), out, open_model_dir(model), options).run()
    assert totals.failed == 0, (out / "errors.jsonl").read_text("utf-8")
    return read_lines(out / "transcripts.jsonl")


# What is read again is a segment already.
_WHOLE = SegmentOptions("off")


@pytest.fixture(scope="module")
def ran(tiny_model: Path, references: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The corpus, transcribed."""
    root = tmp_path_factory.mktemp("exports")
    corpus, rest = root / "corpus", root / "rest"
    corpus.mkdir()
    rest.mkdir()
    _fill(corpus, rest)
    lines = _transcribed(corpus, root / "run", tiny_model, SegmentOptions())
    texts = {(line["id"], segment["start"]): segment["text"] for line in lines for segment in line["segments"]}
    assert len({name for name, _ in texts}) == len(os.listdir(corpus)) == sum(map(len, _CHOSEN.values())) + 4
    assert all(texts.values())
    spoken = {references[path.relative_to(CORPUS).as_posix()] for path in _LINES[:10]}
    assert len(spoken & {text for (name, _), text in texts.items() if name == "long-joined.mp3"}) >= 8
    return Ran(corpus, root / "run", texts)


@pytest.mark.parametrize(("format_", "listed"), [("nemo", "manifest.jsonl"), ("kaldi", "wav.scp")])
def test_an_export_that_is_read_again_says_the_same(
    ran: Ran, tiny_model: Path, tmp_path: Path, format_: str, listed: str
) -> None:
    done = Export(ran.folder, format_, tmp_path / format_).run()
    assert done.left_out == 0
    lines = _transcribed(tmp_path / format_ / listed, tmp_path / "again", tiny_model, _WHOLE)
    again = {(os.path.basename(line["audio"]), line.get("offset") or 0.0): line["text"] for line in lines}
    assert again == ran.texts
    assert sum(at > 0 for _, at in again) > 20


def test_lhotse_hears_the_same_where_its_reader_can(ran: Ran, tiny_model: Path, tmp_path: Path) -> None:
    Export(ran.folder, "lhotse", tmp_path / "lhotse").run()
    heard, refused = _heard_by_lhotse(tmp_path / "lhotse")
    assert heard.keys() | refused.keys() == ran.texts.keys()
    unlike = set()
    for path in sorted(ran.corpus.iterdir()):
        ours, theirs = load(str(path)), _whole_by_lhotse(path)
        if not agrees(theirs, ours):
            unlike.add(path.name)
        if (why := _why_not_lhotses(path.name)) in (_SHORT, _EARLY):
            assert len(theirs) < len(ours) - 0.1 * RATE, f"{path.name}: not so: {why}"
    assert not {name for name in unlike if not _why_not_lhotses(name)}
    assert not {(key, why) for key, why in refused.items() if not _why_not_lhotses(key[0])}
    read = {key: sound for key, sound in heard.items() if not _why_not_lhotses(key[0])}
    assert len(read) >= 25
    assert _texts_of(read, tiny_model) == {key: ran.texts[key] for key in read}


def test_clips_say_what_their_segments_said_to_us_and_to_lhotse(ran: Ran, tiny_model: Path, tmp_path: Path) -> None:
    # What the run has kept around the speech, and no more: where a word was cut off, the model may make another of it.
    clips = ClipFolder(tmp_path / "clips", ClipOptions(margin_s=SEGMENT.speech_pad_s), workers=0)
    done = Export(ran.folder, "lhotse", tmp_path / "lhotse", clips=clips).run()
    assert (done.clips_written, done.clips_missing) == (len(ran.texts), 0)
    said = {Path(path).name: text for path, text in _supervised(tmp_path / "lhotse")}
    assert sorted(said.values()) == sorted(ran.texts.values())
    lines = _transcribed(tmp_path / "clips", tmp_path / "again", tiny_model, _WHOLE)
    assert {line["id"]: line["text"] for line in lines} == said
    heard, refused = _heard_by_lhotse(tmp_path / "lhotse")
    assert not refused
    assert {name: text for (name, _), text in _texts_of(heard, tiny_model).items()} == said


def _supervised(folder: Path) -> Iterator[tuple[str, str]]:
    for recording, supervision in _manifests(folder):
        yield recording.sources[0].source, supervision.text


def _manifests(folder: Path) -> Iterator[tuple[Any, Any]]:
    """Give each of lhotse's supervisions and its recording."""
    from lhotse import RecordingSet, SupervisionSet  # type: ignore[import-untyped]

    recordings = {each.id: each for each in RecordingSet.from_file(folder / "recordings.jsonl.gz")}
    for supervision in SupervisionSet.from_file(folder / "supervisions.jsonl.gz"):
        yield recordings[supervision.recording_id], supervision


def _heard_by_lhotse(folder: Path) -> tuple[dict[Key, tuple[Float32, int]], dict[Key, str]]:
    """Load what each supervision says, by lhotse: samples of shape (n, channels) and their rate, or why not."""
    from lhotse.audio.utils import AudioLoadingError, DurationMismatchError  # type: ignore[import-untyped]

    heard: dict[Key, tuple[Float32, int]] = {}
    refused: dict[Key, str] = {}
    for recording, supervision in _manifests(folder):
        key = Path(recording.sources[0].source).name, supervision.start
        try:
            samples = recording.load_audio(offset=supervision.start, duration=supervision.duration)
            heard[key] = np.ascontiguousarray(samples.T), recording.sampling_rate
        except (AudioLoadingError, DurationMismatchError) as error:
            refused[key] = str(error)
    return heard, refused


def _whole_by_lhotse(path: Path) -> Float32:
    """Give what lhotse's readers make of a file, mixed as we mix."""
    from lhotse.audio.backend import get_default_audio_backend  # type: ignore[import-untyped]

    samples, rate = get_default_audio_backend().read_audio(str(path))
    return load(ArrayAudio(np.ascontiguousarray(np.atleast_2d(samples).T), rate))


def _why_not_lhotses(name: str) -> str:
    return next((why for pattern, why in _NOT_LHOTSES.items() if fnmatchcase(name, pattern)), "")


def _texts_of(heard: dict[Key, tuple[Float32, int]], model: Path) -> dict[Key, str]:
    with Transcriber(model, window="fit", segment="off", workers=0) as transcriber:
        return {key: each.text for key, each in zip(heard, transcriber.transcribe(heard.values()), strict=True)}
