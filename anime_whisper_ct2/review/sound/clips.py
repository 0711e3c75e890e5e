"""The sound of segments, as a page plays it: whole WAV files, decoded by workers, the latest of them kept."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from pathlib import Path

from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.readers.tables import TableRow
from anime_whisper_ct2.records import Excerpt, Section, Transcript
from anime_whisper_ct2.review.sound.clip_workers import ClipWorkers
from anime_whisper_ct2.review.sound.cutting import ABSENT, Clip, NoSound, Packed, Place, Stretch
from anime_whisper_ct2.review.sound.places import KEPT_BYTES, Places

__all__ = ["Clip", "Clips", "NoSound"]

_HELD_BYTES = 64 << 20
# Times are given in milliseconds: a clip that ends with its recording gets its last samples too.
_END_S = 0.001
# What is far away, or behind all else of its archive, may take so many times as long.
_FAR = 6.0
# To find a place in a compressed recording for the first time, decoders go through what is before it, so fast at least.
_SEARCHED = 200.0
# How long a recording is waited for that the listing has not come to.
_PATIENCE_S = 20.0
_Key = tuple[str, int, int]


class Clips:
    """Gives clips of a run's recordings; to be called from any number of threads, and closed.

    `cache`: where to put what compressed tars hold; None: nowhere. `is_list`: the run is a list of whole files, of
    which nobody knows how long they were when they were written down. `allow_urls`: as `Places`. `time_limit_s`: for
    one clip. `workers` None: two of their own.

    Memory: 64 MB of clips, and of one recording at a time in each worker, which may take 1 GiB.
    """

    def __init__(
        self,
        run: RunFolder,
        cache: Path | None,
        *,
        allow_urls: bool = False,
        is_list: bool = False,
        time_limit_s: float = 15.0,
        patience_s: float = _PATIENCE_S,
        kept_bytes: int = KEPT_BYTES,
        held_bytes: int = _HELD_BYTES,
        workers: ClipWorkers | None = None,
    ) -> None:
        self._is_list = is_list
        self._time_limit_s = time_limit_s
        self._patience_s = patience_s
        self._held_bytes = held_bytes
        self._places = Places(run, cache, allow_urls=allow_urls, kept_bytes=kept_bytes)
        self._workers = workers or ClipWorkers(time_limit_s=time_limit_s)
        self._lock = threading.Lock()
        self._held: OrderedDict[_Key, Clip] = OrderedDict()
        self._size = 0

    def __enter__(self) -> Clips:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ready(self) -> bool:
        """Whether it is known where everything is; until then, some recordings are waited for."""
        return self._places.ready

    @property
    def problem(self) -> str | None:
        """Why some recordings may not be found."""
        return self._places.problem

    def clip(self, transcript: Transcript, start: float, end: float, margin_s: float = 0.0) -> Clip:
        """Give a stretch of a recording with a margin on both sides, within the recording; at most 120 s.

        `transcript`: of the run itself; its `audio` says where the sound is, its `duration` whether that is the same
        still. Times in seconds. Raises NoSound.
        """
        first_s, last_s = self._within(transcript, start, end, margin_s)
        key = transcript.id, round(first_s * 1000), round(min(last_s, 1e9) * 1000)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        clip = self._cut(transcript, first_s, last_s)
        with self._lock:
            self._hold(key, clip)
        return clip

    def close(self) -> None:
        """End all processes; calls that are under way raise NoSound."""
        self._workers.close()
        self._places.close()

    def _within(self, transcript: Transcript, start: float, end: float, margin_s: float) -> tuple[float, float]:
        """Give where a clip begins and ends; infinite: with its recording, wherever that is."""
        if not (all(map(math.isfinite, (start, end, margin_s))) and 0 <= start <= end and margin_s >= 0):
            raise NoSound(f"there is nothing from {start} s to {end} s")
        first_s, last_s = max(0.0, start - margin_s), end + margin_s
        if last_s < transcript.duration - _END_S:
            return first_s, last_s
        return first_s, math.inf if self._is_list else transcript.duration + _END_S

    def _cut(self, transcript: Transcript, first_s: float, last_s: float) -> Clip:
        place = self._places.named(transcript)
        if place is not None:
            try:
                return self._decoded(place, transcript, first_s, last_s)
            except NoSound as error:
                if error.kind != ABSENT or self._is_list:
                    raise
        return self._decoded(self._places.found(transcript, self._patience_s), transcript, first_s, last_s)

    def _decoded(self, place: Place, transcript: Transcript, first_s: float, last_s: float) -> Clip:
        limit_s = self._time_limit_s * (_FAR if _is_far(place) else 1.0)
        limit_s += ((transcript.offset or 0.0) + first_s) / _SEARCHED
        length_s = None if self._is_list else transcript.duration
        return self._workers.cut(Stretch(place, first_s, last_s, length_s), limit_s)

    def _hold(self, key: _Key, clip: Clip) -> None:
        # Two threads may have wanted it at once.
        if key in self._held or len(clip.wav) > self._held_bytes:
            return
        self._held[key] = clip
        self._size += len(clip.wav)
        while self._size > self._held_bytes:
            self._size -= len(self._held.popitem(last=False)[1].wav)


def _is_far(place: Place) -> bool:
    if isinstance(place, Packed):
        return True
    if isinstance(place, Excerpt):
        return _is_far(place.audio)
    path = place.path if isinstance(place, (Section, TableRow)) else place
    return isinstance(path, str) and is_url(path)
