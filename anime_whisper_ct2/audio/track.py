"""One audio stream of a file, packet by packet, with what its container says of it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import av
from av.error import FFmpegError
from av.stream import Disposition

from anime_whisper_ct2.audio.clock import LEAD_S, LONGEST_GAP_S, Clock
from anime_whisper_ct2.audio.marks import Mark
from anime_whisper_ct2.audio.source import File, Info, Watched, check, check_form
from anime_whisper_ct2.audio.structure import Part
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.extensions import DEMUXERS

# FFmpeg goes by what a file holds and not by its name, and some of what it knows are scripts that have it open other
# files (concat, HLS, DASH), listen on the network for as long as a minute (SDP), or make up sound for ever (SBaGen).
_CONTAINERS = ",".join((*DEMUXERS, "amrnb", "amrwb", "webm"))
# These say of each packet when it is played; all others are told by counting what comes before.
_STAMPED = frozenset(
    ("mov", "matroska", "webm", "asf", "flv", "mpeg", "mpegts", "rm", "ogg", "flac", "nut", "mxf", "wtv")
)
# These find a packet again by its stamp.
_SOUGHT = _STAMPED | {"mp3", "aac", "ac3", "eac3"}
# The length of their streams is what their headers say, and not reckoned from their bytes.
_EXACT = frozenset(("mov", "flac", "ogg", "wv", "tta", "ape", "tak", "mpc8"))
# What was cut out of another file, or is added to while it is read, has lengths that are not its own.
_UNSURE = frozenset(("frames", "fragments"))
# A jump beyond this is another programme, as FFmpeg has it.
_PROGRAMME_S = 10.0
# Codecs that send nothing while nobody speaks, for up to so long.
_PAUSING = frozenset(("opus", "speex", "amrnb", "amrwb", "amr_nb", "amr_wb", "evrc", "qcelp", "g729"))
_LONGEST_PAUSE_S = 0.5
# A shorter gap, where a codec leaves none, may be a recorder's unsteady hand.
LOST_S = 0.1
# What stands at the joint of two files and is no sound.
_NO_SOUND = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS")
# Reads that fail with no packet between them, after which the rest is given up.
_MOST_FAILURES = 16
# A frame is sought so much ahead of it: codecs need a moment to settle.
AHEAD_S = 2.0


def open_track(file: File, part: Part, opened: ExitStack) -> Track:
    """Open the main audio stream of a file; `opened` closes it. Raises what PyAV raises, or DecodeError."""
    source: Any
    if isinstance(file, str):
        # Paths with invalid UTF-8 stay plain strings; the stack closes it.
        source = Watched(opened.enter_context(open(file, "rb")))  # noqa: PTH123, SIM115
    elif isinstance(file, Watched):
        source = file
    else:
        source = io.BytesIO(file)
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    options = {"format_whitelist": _CONTAINERS, **({"ignore_length": "1"} if part.endless else {})}
    try:
        container = opened.enter_context(av.open(source, metadata_errors="ignore", options=options))
    except (FFmpegError, ValueError, IndexError):
        check(source)
        raise
    if not container.streams.audio:
        raise DecodeError("holds no audio stream")
    stream = max(container.streams.audio, key=_rank)
    if stream.codec_context is None:
        raise DecodeError("holds sound in a codec that FFmpeg does not know")
    if not stream.rate:
        check(source)
        raise DecodeError("names no sampling rate")
    # Recordings are decoded beside each other, not within.
    stream.codec_context.thread_count = 1
    return Track(container, stream, part, source, size)


class Track:
    """One audio stream of an open file of `size` bytes."""

    def __init__(self, container: Any, stream: Any, part: Part, source: Any, size: int) -> None:
        self.part = part
        self.source = source
        self._size = size
        self._container, self._stream = container, stream
        self._second = float(self._stream.time_base or 0)
        names = set(self._container.format.name.split(","))
        codec = self._stream.codec_context.name
        self.is_stamped = bool(names & _STAMPED)
        self.is_sought = bool(names & _SOUGHT)
        self.is_damaged = part.damaged
        self._is_counted = bool(names & {"tta", "ape", "tak"})
        self.is_float = codec.startswith("pcm_f")
        self._pictured = any(_starts(stream) for stream in self._container.streams if stream is not self._stream)
        self.longest_pause_s = _LONGEST_PAUSE_S if codec in _PAUSING else LOST_S
        if names & {"flac", "ogg"}:
            self.longest_pause_s = 0.0
        self.end_s = self._promised_end_s(names)
        self.failing = False  # the file could not be read to its end
        self._failed_s = 0.0
        # There one stamp is for several packets; the others have no place in the file of their own.
        self._shares_stamps = bool(names & {"mpegts", "mpeg"})
        self._stamped_here = True
        self.place: int | None = None  # of the packet that the last frame came from

    def info(self) -> Info:
        """Give what the headers say. Raises DecodeError."""
        stream = self._stream
        codec, sample = stream.codec_context.name, stream.format
        channels = len(stream.layout.channels)
        check_form(stream.rate, channels)
        # The decoders of lossy codecs give floats, whatever went in. A damaged header may not say what they give.
        deep = sample is not None and sample.bits > 16 and (sample.name[0] == "s" or codec.startswith("pcm_"))
        length_s = None if self.part.cut or self.part.damaged else self.length_s
        frames = None if length_s is None else round(length_s * stream.rate)
        return Info(stream.rate, channels, frames, self._container.format.name, codec, 24 if deep else 16)

    def clock(self) -> Clock:
        """Make a clock for this stream."""
        begun = self._container.start_time
        zero_s = None if begun is None or not self.is_stamped else begun / av.time_base
        if self.is_damaged and self.part.first_s is not None:
            zero_s = self.part.first_s
        flags = self._container.format.flags
        until_s = None
        if (length := self._container.duration) and "ogg" not in self._container.format.name:
            until_s = (length + max(0, begun or 0)) / av.time_base + 1.0
        jumps = bool(flags & av.format.Flags.ts_discont.value)
        lead = {} if self._pictured or self.is_damaged else {"lead_s": LEAD_S}
        return Clock(zero_s, until_s, longest_s=_PROGRAMME_S if jumps else LONGEST_GAP_S, **lead)

    def stamp_s(self, frame: Any) -> float | None:
        """Give a frame's stamp in seconds, as the container has it; what FFmpeg reckons in between may be wrong."""
        return None if frame.pts is None or not self._stamped_here else frame.pts * self._second

    def frames(self) -> Iterator[Any]:
        """Give the frames, as far as packets can be decoded."""
        resumed: dict[int | None, float] = dict(self.part.resumed)
        page: int | None = None
        held: list[Any] = []
        for at, frame in self._decoded():
            if at != page:
                yield from self._restamped(held, resumed.get(page, 0.0))
                page, held = at, []
            if at in resumed:
                held.append(frame)
            else:
                yield frame
        yield from self._restamped(held, resumed.get(page, 0.0))

    def _decoded(self) -> Iterator[tuple[int | None, Any]]:
        """Give each frame with the place in the file that its packet came from."""
        for packet in self._packets():
            try:
                frames = packet.decode()
            except FFmpegError:
                self._fail(packet)
                continue
            self._stamped_here = not self._shares_stamps or packet.pos is not None
            self.place = packet.pos
            for frame in frames:
                yield packet.pos, frame

    def _restamped(self, frames: Sequence[Any], end_s: float) -> Iterator[Any]:
        """Stamp the frames of an Ogg page by its end: behind a loss, FFmpeg has them follow what came before that."""
        left_s = sum(frame.samples / frame.sample_rate for frame in frames)
        for frame in frames:
            frame.pts = round((end_s - left_s) / self._second)
            left_s -= frame.samples / frame.sample_rate
            yield frame

    def frames_from(self, mark: Mark) -> Iterator[Any] | None:
        """Give the frames from a marked one on; None where it is not found."""
        try:
            self._container.seek(mark.stamp - round(AHEAD_S / self._second), stream=self._stream)
        except FFmpegError:
            return None
        frames = self.frames()
        for frame in frames:
            if frame.pts is None or frame.pts > mark.stamp:
                return None
            if frame.pts == mark.stamp and self.place == mark.place:
                self._failed_s = 0.0
                return _with_first(frame, frames)
        return None

    def take_failed(self) -> float:
        """Give the seconds of the packets that failed since the last call."""
        failed_s, self._failed_s = self._failed_s, 0.0
        return failed_s

    @property
    def goes_on(self) -> bool:
        """Whether more follows than the frames that the header counts, and that FFmpeg stops at."""
        return self._is_counted and int(self.source.tell()) < self._size

    def early_s(self, zero_s: float | None) -> float:
        """Give the seconds that the file holds, by its own clock, before what was heard first."""
        if self.part.kind != "matroska" or self.part.first_s is None or zero_s is None:
            return 0.0
        return zero_s - self.part.first_s

    @property
    def length_s(self) -> float | None:
        """What the header says of the stream's length; None where it says nothing that can be relied on."""
        names = set(self._container.format.name.split(","))
        if self._stream.duration and names & _EXACT and self.part.kind not in _UNSURE:
            return float(self._stream.duration * self._second)
        return self.part.end_s if self.part.kind == "mp3" else None

    def _promised_end_s(self, names: set[str]) -> float | None:
        """Give the stamp at which the stream is to end."""
        if self.part.end_s is not None:
            return self.part.end_s
        if (length_s := self.length_s) is not None:
            return length_s + (self._stream.start_time or 0) * self._second
        whole = self._container.duration
        if names & {"matroska"} and whole and (self.part.cut or not self._pictured):
            return float(whole / av.time_base)
        return None

    def _packets(self) -> Iterator[Any]:
        packets = self._container.demux(self._stream)
        failures = 0
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except FFmpegError:
                failures += 1
                if failures > _MOST_FAILURES:
                    self.failing = True
                    return
                packets = self._container.demux(self._stream)
                continue
            failures = 0
            yield packet

    def _fail(self, packet: Any) -> None:
        data = bytes(packet)
        # A tag, or the frame that counts the others, where two files were joined.
        if data.startswith(_NO_SOUND):
            return
        length_s = (packet.duration or 0) * self._second
        if self.is_stamped and packet.pts is not None and self._stream.start_time is not None:
            # What is decoded ahead of the beginning is not heard.
            length_s = min(
                length_s, max(0.0, (packet.pts + (packet.duration or 0) - self._stream.start_time) * self._second)
            )
        self._failed_s += length_s


def _rank(stream: Any) -> tuple[bool, int]:
    """Say how willingly a stream is taken, as the `ffmpeg` command has it; of equals, it is the first."""
    default = bool(stream.disposition & Disposition.default)
    return default, stream.channels if stream.codec_context is not None else -1


def _starts(stream: Any) -> bool:
    """Say whether a stream has a place on the clock: a cover has none."""
    return (
        stream.type in ("video", "audio")
        and stream.start_time is not None
        and not stream.disposition & Disposition.attached_pic
    )


def _with_first(frame: Any, frames: Iterator[Any]) -> Iterator[Any]:
    yield frame
    yield from frames
