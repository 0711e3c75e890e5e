"""What trials hear: the recordings that have a reference, listed once, and their features, computed once."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.evaluation.grouping import Grouping
from anime_whisper_ct2.evaluation.joining import META, References, own_texts, right_texts
from anime_whisper_ct2.evaluation.texts import open_texts
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.recorded import Recorded, open_recorded
from anime_whisper_ct2.readers import Corpus, Listing
from anime_whisper_ct2.readers.stamps import stamp
from anime_whisper_ct2.records import Recording
from anime_whisper_ct2.search.objective import Scorer
from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.parts import Parts, parted
from anime_whisper_ct2.search.records import FEW_HELD_OUT
from anime_whisper_ct2.search.telling import OnNote

Sounds: TypeAlias = Sequence["list[float] | None"]

_NAMED = 3
# What two decoders may make of one file.
_LENGTH_S, _LOUDNESS = 0.1, 1e-3


@dataclass(frozen=True, slots=True)
class Listed:
    """The recordings that have a reference, in the order of their ids, and what is right. `digest`: of both."""

    recordings: tuple[Recording, ...]
    texts: tuple[str, ...]

    @property
    def digest(self) -> str:
        """64 hexadecimal digits for the ids and the texts."""
        about = [[one.id, text] for one, text in zip(self.recordings, self.texts, strict=True)]
        return hashlib.sha256(json.dumps(about).encode("ascii")).hexdigest()

    @property
    def stamped(self) -> str:
        """64 hexadecimal digits that are others as well where audio has been changed since it was listed last."""
        stamps = [stamp(recording.audio) for recording in self.recordings]
        return hashlib.sha256("\n".join((self.digest, *stamps)).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Heard:
    """A corpus that is ready to be decoded. Numbers are those of `listed`; what is broken is in no part."""

    listed: Listed
    recorded: Recorded
    scorer: Scorer
    parts: Parts

    @property
    def sounds(self) -> Sounds:
        """How long each recording is, in seconds, and how loud; None of a broken one.

        What another machine hears of the same audio differs in the last bits of the features, and in nothing here.
        """
        lengths_s, keys = self.recorded.durations_s, range(len(self.listed.recordings))
        return [[lengths_s[key], self.recorded.rms(key)] if key in lengths_s else None for key in keys]


def are_alike(sounds: Sounds, others: Sounds) -> bool:
    """Say whether two lists are of the same recordings, as far as lengths and loudness tell."""
    return len(sounds) == len(others) and all(map(_is_alike, sounds, others))


def _is_alike(one: list[float] | None, other: list[float] | None) -> bool:
    if one is None or other is None:
        return one == other
    (length_s, rms), (other_s, other_rms) = one, other
    return math.isclose(length_s, other_s, abs_tol=_LENGTH_S) and math.isclose(rms, other_rms, rel_tol=_LOUDNESS)


def listed(corpus: Corpus, references: str, on_note: OnNote) -> Listed:
    """List a corpus and find the references. `references`: as `awct2 eval` takes them, or `meta`.

    Raises InputError where there is no recording, or none has a reference.
    """
    corpus.check()
    listing = Listing(corpus.selection)
    recordings = sorted(corpus.recordings(listing), key=lambda one: one.id)
    if not recordings:
        raise InputError(listing.why_nothing(corpus.inputs))
    if references == META:
        right = own_texts(recordings)
        if not right:
            raise InputError("the corpus brings no texts along; name the references with --references")
    else:
        known = References(open_texts(references, heard=False), Grouping("none"))
        right = right_texts(recordings, known, on_note=on_note)
    for line in listing.notes():
        on_note(line)
    if others := len(recordings) - len(right):
        on_note(f"{counted(others, 'recording')} without a reference: left out")
    numbers = sorted(right)
    return Listed(tuple(recordings[at] for at in numbers), tuple(right[at] for at in numbers))


def heard(
    folder: Path,
    corpus: Listed,
    settings: FeatureSettings,
    options: SearchOptions,
    on_recording: Callable[[int], None],
    on_note: OnNote,
) -> Heard:
    """Have the features of a corpus in a folder, computed where they are not, and part what can be heard.

    `on_recording` is told how many are through. One process at a time. Raises InputError where too few can be heard,
    and OutputError where nothing can be kept.
    """
    tasks = enumerate(corpus.recordings)
    recorded = open_recorded(
        folder, corpus.stamped, settings, tasks, on_recording=lambda count, _audio_s: on_recording(count)
    )
    _note_broken(corpus.recordings, recorded, on_note)
    usable = [number for number in range(len(corpus.recordings)) if number not in recorded.broken]
    if not usable:
        raise InputError(f"none of {counted(len(recorded.broken), 'recording')} with a reference can be heard")
    found = parted([corpus.recordings[number].id for number in usable], options.holdout, options.seed)
    parts = Parts(
        tuple(tuple(usable[at] for at in part) for part in found.tried), tuple(usable[at] for at in found.held_out)
    )
    if parts.held_out and len(parts.held_out) < FEW_HELD_OUT:
        on_note(f"{counted(len(parts.held_out), 'recording')} held out: intervals of so few say little")
    return Heard(corpus, recorded, Scorer(corpus.texts, options.normalizer), parts)


def _note_broken(recordings: Sequence[Recording], recorded: Recorded, on_note: OnNote) -> None:
    for number, said in sorted(recorded.broken.items())[:_NAMED]:
        on_note(f"{recordings[number].id}: left out, {said.message}")
    if len(recorded.broken) > _NAMED:
        on_note(f"{counted(len(recorded.broken) - _NAMED, 'more recording')} cannot be heard, and are left out")
