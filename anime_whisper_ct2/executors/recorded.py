"""What the front end says of a corpus, kept on disk, so that it may be decoded again and again and is heard once.

FOLDER/recorded.json    what it was made of, and what it comes to; written last
FOLDER/messages.jsonl   what was said of each recording, in the order in which they ended
FOLDER/features.bin     the features, to be read by range
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.pool import FrontEnd, InProcess, Message, WorkerPool
from anime_whisper_ct2.options import FRONTEND, FrontendOptions
from anime_whisper_ct2.output.places import writing
from anime_whisper_ct2.records import Broken, Closed, Features, LogMel, Opened, Sound, Tick, Window
from anime_whisper_ct2.system import files, swapping
from anime_whisper_ct2.system.refusals import reason

_ABOUT, _MESSAGES, _FEATURES = "recorded.json", "messages.jsonl", "features.bin"
_KIND = "recorded"
# Windows that may wait to be written.
_CAPACITY = 64
OnRecording = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A window whose features lie in the file from the byte `at` on."""

    number: int
    start_s: float
    end_s: float
    frames: int
    floor: float
    sound: Sound
    at: int
    sha256: str

    def line(self) -> list[Any]:
        """Give what `of` makes one from."""
        sound = (self.sound.rms, self.sound.clipped, self.sound.range_db)
        numbers = (self.start_s, self.end_s, self.floor, *sound)
        return [self.number, self.frames, self.sha256, *map(float, numbers), self.at]

    @classmethod
    def of(cls, line: list[Any]) -> _Kept:
        """Make one from its line."""
        number, frames, sha256, start_s, end_s, floor, *sound, at = line
        return cls(number, start_s, end_s, frames, floor, Sound(*sound), at, sha256)


@dataclass(slots=True)
class _Said:
    """What was said of one recording."""

    id: str
    windows: dict[int, _Kept] = field(default_factory=dict)
    last: Closed | Broken | None = None

    def line(self, key: int) -> dict[str, Any]:
        """Give what `of` makes one from."""
        windows = [kept.line() for kept in self.windows.values()]
        last = self.last
        assert last is not None
        if isinstance(last, Broken):
            ended: dict[str, list[Any]] = {"broken": [last.stage, last.error, last.message]}
        else:
            ended = {"closed": [last.windows, float(last.duration), last.missing_s, list(last.flags)]}
        return {"key": key, "id": self.id, "windows": windows, **ended}

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> _Said:
        """Make one from its line."""
        windows = map(_Kept.of, line["windows"])
        last: Closed | Broken
        if "broken" in line:
            last = Broken(line["key"], *line["broken"])
        else:
            count, duration_s, missing_s, flags = line["closed"]
            last = Closed(line["key"], count, duration_s, missing_s, tuple(flags))
        return cls(line["id"], {kept.number: kept for kept in windows}, last)


class Recorded:
    """The front end's messages of many recordings, in a folder; `open_recorded` gives it.

    `broken`: what was said of recordings that cannot be read, by their keys. `durations_s`: seconds of each of the
    others. `frames`: of all windows together.
    """

    def __init__(self, folder: Path, settings: FeatureSettings, said: Mapping[int, _Said]) -> None:
        self._said = said
        self._settings = settings
        self._features = folder / _FEATURES
        self.broken = {key: one.last for key, one in said.items() if isinstance(one.last, Broken)}
        self.durations_s = {key: one.last.duration for key, one in said.items() if isinstance(one.last, Closed)}
        self.frames = sum(kept.frames for one in said.values() for kept in one.windows.values())

    @property
    def audio_s(self) -> float:
        """Seconds of all recordings that can be read."""
        return sum(self.durations_s.values())

    def rms(self, key: int) -> float:
        """Give how loud a recording is: the root mean square of what was heard of it; 0 where that is nothing."""
        windows = self._said[key].windows.values()
        seconds = sum(kept.end_s - kept.start_s for kept in windows)
        return math.sqrt(sum(kept.sound.rms**2 * (kept.end_s - kept.start_s) for kept in windows) / (seconds or 1.0))

    def stage(self) -> FrontEnd:
        """Give a front end that says of recordings what was said of them, in the order in which it is asked.

        The tasks may be any of those that were recorded. It raises ValueError for another, and OutputError where the
        features cannot be read or are not what they were.
        """
        return _Replay(self._features, self._settings, self._said)


class _Replay:
    """A front end that has everything there already."""

    def __init__(self, features: Path, settings: FeatureSettings, said: Mapping[int, _Said]) -> None:
        self._features = features
        self._settings = settings
        self._said = said
        self._stopped = False

    @property
    def dry(self) -> bool:
        """Whether the next message has yet to be made: here never, so that batches fill the same way every time."""
        return False

    def __call__(self, tasks: Iterable[Task | Tick]) -> Iterator[Message]:
        """Give each recording's messages in order; a tick passes."""
        with self._reading():
            opened = files.opened(self._features)
        with opened as file:
            for task in tasks:
                if self._stopped:
                    return
                if isinstance(task, Tick):
                    yield task
                else:
                    yield from self._replayed(task, file)

    def stop(self) -> None:
        """Begin no further recording."""
        self._stopped = True

    def _replayed(self, task: Task, file: IO[bytes]) -> Iterator[Message]:
        key, recording = task
        said = self._said.get(key)
        if said is None or said.id != recording.id:
            raise ValueError(f"{recording.id} was not recorded as number {key}")
        yield Opened(key, recording)
        for kept in said.windows.values():
            mel = LogMel(self._values(kept, file), kept.floor)
            yield Window(key, kept.number, kept.start_s, kept.end_s, mel, kept.sound)
        assert said.last is not None
        yield said.last

    def _values(self, kept: _Kept, file: IO[bytes]) -> Features:
        values = np.empty((self._settings.n_mels, kept.frames), self._settings.dtype)
        with self._reading():
            file.seek(kept.at)
            content = file.read(values.nbytes)
        if hashlib.sha256(content).hexdigest() != kept.sha256:
            raise OutputError(
                f"{self._features}: is damaged; remove {self._features.parent}, and what is in it is made anew"
            )
        values.data.cast("B")[:] = content
        return values

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Name the file that cannot be read. Raises OutputError."""
        try:
            yield
        except OSError as error:
            raise OutputError(f"{self._features} cannot be read: {reason(error, self._features)}") from error


def open_recorded(
    folder: Path,
    key: str,
    settings: FeatureSettings,
    tasks: Iterable[Task],
    options: FrontendOptions = FRONTEND,
    on_recording: OnRecording = lambda _count, _audio_s: None,
) -> Recorded:
    """Give what is kept in a folder under a key, and have the recordings heard where that is not there or is torn.

    Whatever else lies in the folder goes then. All windows of a recording are kept, those too that its `home` says a
    run has already. `on_recording` is told how many recordings have been heard, and of how many seconds. Killed on the
    way, it is begun again. One process at a time: whoever calls sees to that. Raises OutputError, and what the iterable
    of recordings raises.
    """
    about = {"key": key, "settings": repr(settings), "awct2": __version__}
    with writing(folder):
        swapping.settle(folder, _KIND)
    said = _kept(folder, about)
    if said is None:
        with writing(folder), swapping.replacing(folder, _KIND) as beside:
            _record(beside, about, _messages(settings, options, tasks), on_recording)
        said = _kept(folder, about)
        if said is None:
            raise OutputError(f"{folder}: what was written there a moment ago is damaged; look after that disk")
    return Recorded(folder, settings, said)


def _messages(
    settings: FeatureSettings, options: FrontendOptions, tasks: Iterable[Task]
) -> Generator[Message, None, None]:
    workers = options.resolved_workers()
    pool = WorkerPool(settings, workers, _CAPACITY, options.time_limit_s) if workers else InProcess(settings)
    yield from pool((key, replace(recording, home=())) for key, recording in tasks)


def _record(
    folder: Path, about: Mapping[str, Any], messages: Generator[Message, None, None], on_recording: OnRecording
) -> None:
    """Write all messages down; closing what gives them ends its workers."""
    said: dict[int, _Said] = {}
    count, audio_s, digest = 0, 0.0, hashlib.sha256()
    with (
        closing(messages),
        (folder / _FEATURES).open("wb") as features,
        (folder / _MESSAGES).open("wb") as lines,
    ):
        for message in messages:
            if isinstance(message, Opened):
                said[message.key] = _Said(message.recording.id)
            elif isinstance(message, Window):
                # One that was tried twice has some of them twice.
                said[message.key].windows[message.number] = _written(message, features)
            elif isinstance(message, (Closed, Broken)):
                one = said.pop(message.key)
                one.last = message
                most = message.windows if isinstance(message, Closed) else 0
                one.windows = {number: one.windows[number] for number in range(most)}
                line = json.dumps(one.line(message.key)).encode() + b"\n"
                digest.update(line)
                lines.write(line)
                count, audio_s = count + 1, audio_s + (message.duration if isinstance(message, Closed) else 0.0)
                on_recording(count, audio_s)
        whole = {**about, "recordings": count, _FEATURES: features.tell(), "sha256": digest.hexdigest()}
    (folder / _ABOUT).write_text(json.dumps(whole, indent=2) + "\n", encoding="ascii")


def _written(window: Window, file: IO[bytes]) -> _Kept:
    content = window.mel.values.tobytes()
    at = file.tell()
    file.write(content)
    return _Kept(
        window.number,
        window.start_s,
        window.end_s,
        window.mel.values.shape[1],
        window.mel.floor,
        window.sound,
        at,
        hashlib.sha256(content).hexdigest(),
    )


def _kept(folder: Path, about: Mapping[str, Any]) -> dict[int, _Said] | None:
    """Read what was said; None where it is not there, was made of something else, or is torn."""
    try:
        whole = json.loads((folder / _ABOUT).read_bytes())
        if any(whole[name] != value for name, value in about.items()):
            return None
        lines = (folder / _MESSAGES).read_bytes()
        size = (folder / _FEATURES).stat().st_size
        if size != whole[_FEATURES] or hashlib.sha256(lines).hexdigest() != whole["sha256"]:
            return None
        return {line["key"]: _Said.of(line) for line in map(json.loads, lines.splitlines())}
    except (OSError, ValueError, KeyError, TypeError):
        return None
