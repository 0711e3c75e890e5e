"""One recording's clips, cut in one pass over it, block by block."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from anime_whisper_ct2.audio import Info, Source, info, native_blocks, whole_file, write_blocks
from anime_whisper_ct2.errors import DecodeError, OutputError, RecordingError
from anime_whisper_ct2.export.clips.jobs import ClipJob
from anime_whisper_ct2.export.clips.plan import ClipOptions, PlannedClip
from anime_whisper_ct2.readers.fetch import Opened, opened
from anime_whisper_ct2.records import LONGEST_S, ArrayAudio, Float32
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.refusals import is_too_long, reason

# Times are given in milliseconds: a clip that ends with its recording gets its last samples too.
_END_S = 0.001
# Encodings that are taken over as they are where a clip is a whole file: each is one that clips are written in.
_AS_WRITTEN = frozenset(("PCM_16", "PCM_24", "VORBIS"))
# A header that says another length than was transcribed by no more than this is of the same recording.
_LENGTH_S = 0.1
# What is wrong with one name only; any other failure to write would befall the other clips as well.
_ONE_NAME = frozenset((errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.EEXIST))


def clip_path(folder: Path, clip: PlannedClip, options: ClipOptions) -> str:
    """Give the path of a clip's file."""
    return os.path.join(folder, clip.file(options))  # noqa: PTH118 - strings keep invalid UTF-8


def is_there(path: str) -> bool:
    """Say whether a clip has been cut. After a power cut, a file can be there and be empty."""
    try:
        return os.stat(path).st_size > 0  # noqa: PTH116 - strings keep invalid UTF-8
    except (OSError, ValueError):
        return False


def cannot_write(path: str, error: OSError) -> OutputError:
    """Say what keeps a file from being written."""
    return OutputError(
        f"{path} cannot be written: {reason(error, path)}; mend that and run the same command again to go on"
    )


def attempt(job: ClipJob, folder: Path, options: ClipOptions) -> tuple[str, str] | None:
    """Cut a job's clips; gives an error's name and message, None when all went well. Raises OutputError."""
    try:
        _cut(job, folder, options)
    except OutputError:
        raise
    except RecordingError as error:
        return error.kind, str(error)
    # A decoder can fail in any way on bytes that nobody has seen yet; one recording is all that may cost.
    except Exception as error:
        return type(error).__name__, str(error) or repr(error)
    return None


def _cut(job: ClipJob, folder: Path, options: ClipOptions) -> None:
    with opened(job.recording.audio) as audio:
        about = info(audio.source)
        _check_length(job, audio, about)
        if _is_whole_file(job, audio, about, options):
            _write(clip_path(folder, job.clips[0], options), partial(_take_over, audio.source, link=options.link))
            return
        # From the recording's beginning, whatever is left to do: after a seek, lossy formats decode a bit differently.
        start = round(audio.start_s * about.rate_hz)
        firsts = [round((audio.start_s + clip.start_s) * about.rate_hz) - start for clip in job.clips]
        ends_s = [clip.end_s + (_END_S if clip.end_s >= job.duration_s - _END_S else 0) for clip in job.clips]
        stops = [round((audio.start_s + end_s) * about.rate_hz) - start for end_s in ends_s]
        until_s = max(ends_s) if audio.duration_s is None else min(audio.duration_s, max(ends_s))
        tape = _Tape(_blocks(audio, until_s))
        for clip, first, stop, keep in zip(job.clips, firsts, stops, [*firsts[1:], max(stops)], strict=True):
            blocks = _some(tape.take(first, stop, keep), clip)
            _write(
                clip_path(folder, clip, options),
                partial(
                    write_blocks,
                    blocks=blocks,
                    rate_hz=about.rate_hz,
                    channels=about.channels,
                    kind=options.format,
                    bits=about.bits,
                ),
            )


def _check_length(job: ClipJob, audio: Opened, about: Info) -> None:
    """Raise DecodeError where the file is by now another than was transcribed, as far as its length tells."""
    if audio.start_s or audio.duration_s is not None or about.frames is None:
        return
    if abs(about.frames / about.rate_hz - job.duration_s) <= _LENGTH_S:
        return
    # Headers are wrong at times: what counts is what the run could hear.
    heard_s = sum(map(len, _blocks(audio, LONGEST_S))) / about.rate_hz
    if abs(heard_s - job.duration_s) > _LENGTH_S:
        raise DecodeError(
            f"lasts {heard_s:.3f} s, and what was transcribed {job.duration_s:.3f} s: the file was exchanged since; "
            "put that one back, or transcribe this one"
        )


def _is_whole_file(job: ClipJob, audio: Opened, about: Info, options: ClipOptions) -> bool:
    """Say whether the one clip is a file already, in the wanted format."""
    clip = job.clips[0]
    return (
        len(job.clips) == 1
        and audio.start_s == 0
        and audio.duration_s is None
        and about.container == options.format.upper()
        and about.codec in _AS_WRITTEN
        and about.frames is not None
        and clip.start_s == 0
        and abs(about.frames / about.rate_hz - clip.end_s) <= _END_S
    )


def _take_over(source: Source, path: str, *, link: bool) -> None:
    if link and isinstance(source, str):
        with suppress(OSError):
            files.link(os.path.realpath(source), path)
            return
    with whole_file(path) as target:
        if isinstance(source, bytes):
            target.write(source)
        elif isinstance(source, str):
            with open(source, "rb") as file:  # noqa: PTH123 - strings keep invalid UTF-8
                shutil.copyfileobj(file, target, 1 << 20)
        # An array is no file, and so never one in the wanted format.
        elif not isinstance(source, ArrayAudio):
            source.seek(0)
            shutil.copyfileobj(source, target, 1 << 20)


def _write(path: str, write: Callable[[str], object]) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - strings keep invalid UTF-8
        write(path)
    except OSError as error:
        if error.errno in _ONE_NAME or is_too_long(error, path):
            raise RecordingError(f"{path}: {reason(error, path)}", stage="clip", kind=type(error).__name__) from error
        raise cannot_write(path, error) from error


def _blocks(audio: Opened, until_s: float) -> Iterator[Float32]:
    try:
        for block, _ in native_blocks(audio.source, audio.start_s, until_s):
            yield block
    except OSError as error:  # not to be taken for one of writing
        raise DecodeError(f"cannot be read: {reason(error)}") from error


def _some(blocks: Iterator[Float32], clip: PlannedClip) -> Iterator[Float32]:
    found = False
    for block in blocks:
        found = True
        yield block
    if not found:
        raise DecodeError(f"the recording ends before the clip at {clip.start_s:.3f} s")


class _Tape:
    """A stream of blocks that stretches are taken from, in the order of their beginnings.

    What later stretches need again is held, and nothing else.
    """

    def __init__(self, blocks: Iterator[Float32]) -> None:
        self._blocks = blocks
        self._held: list[tuple[int, Float32]] = []
        self._end = 0

    def take(self, first: int, stop: int, keep: int) -> Iterator[Float32]:
        """Give the samples from `first` to before `stop`, as far as there are any; hold those from `keep` on."""
        for at, block in self._held:
            if len(piece := block[max(0, first - at) : max(0, stop - at)]):
                yield piece
        self._held = [(at, block) for at, block in self._held if at + len(block) > keep]
        while self._end < stop and (new := next(self._blocks, None)) is not None:
            at, self._end = self._end, self._end + len(new)
            if self._end > keep:
                self._held.append((at, new))
            if len(piece := new[max(0, first - at) : max(0, stop - at)]):
                yield piece
