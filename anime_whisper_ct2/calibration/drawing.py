"""Which clips are measured: where there are references, recordings that have one are drawn first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.evaluation.grouping import Grouping
from anime_whisper_ct2.evaluation.joining import META, References, own_text, own_texts, right_texts
from anime_whisper_ct2.evaluation.texts import open_texts
from anime_whisper_ct2.executors.sample import CANDIDATES, Reservoir, Sample, draw
from anime_whisper_ct2.options import AudioOptions, FrontendOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Recording

__all__ = ["META", "Measured", "draw_measured"]


@dataclass(frozen=True, slots=True)
class Measured:
    """The clips of a calibration, and the right texts of those that have one, by their numbers in the sample."""

    sample: Sample
    right: dict[int, str]


def draw_measured(
    engine: Engine,
    corpus: Corpus,
    clips: int,
    references: str | None,
    frontend: FrontendOptions,
    audio: AudioOptions,
) -> Measured:
    """Draw clips evenly over their lengths: those with a reference, and others where there are too few.

    The corpus is listed once. Raises InputError when it holds no clip that can be read, or no reference fits one.
    """
    if references is None:
        return Measured(draw(engine, corpus, clips, frontend, audio), {})
    if references == META:
        sample = _known_first(engine, corpus, clips, lambda one: own_text(one) is not None, frontend, audio)
        right = own_texts(sample.recordings)
        if not right:
            raise InputError("the corpus brings no texts along; name the references, or leave them out")
        return Measured(sample, right)
    known = References(open_texts(references, heard=False), Grouping("none"))

    def has_reference(recording: Recording) -> bool:
        """Say whether a reference has this id, or one that differs in its extension at most."""
        id_ = recording.id
        return known.position(id_) is not None or known.loose_position(id_) is not None

    sample = _known_first(engine, corpus, clips, has_reference, frontend, audio)
    return Measured(sample, right_texts(sample.recordings, known, "clip"))


def _known_first(
    engine: Engine,
    corpus: Corpus,
    clips: int,
    is_known: Callable[[Recording], bool],
    frontend: FrontendOptions,
    audio: AudioOptions,
) -> Sample:
    """Draw among those that are known, twice as many as are wanted, and fill up with others where those do not give it.

    Where ids fit by the ends of their paths alone, none is known yet, and all are drawn alike.
    """
    known, others = Reservoir(clips * CANDIDATES), Reservoir(clips * CANDIDATES)
    for recording in corpus:
        (known if is_known(recording) else others).offer(recording)
    if not known.kept:
        return draw(engine, others.kept, clips, frontend, audio)
    try:
        first = draw(engine, known.kept, clips, frontend, audio)
    except InputError as error:
        of = counted(known.seen, "recording")
        raise InputError(f"of {of} with a reference, none is a clip of up to 30 s that could be read") from error
    missing = clips - len(first.windows)
    if not missing or not others.kept:
        return first
    try:
        return _together(first, draw(engine, others.kept, missing, frontend, audio))
    except InputError:  # they only fill up
        return first


def _together(one: Sample, other: Sample) -> Sample:
    pairs = [*zip(one.windows, one.recordings, strict=True), *zip(other.windows, other.recordings, strict=True)]
    pairs.sort(key=lambda pair: pair[0].end_s)
    return Sample(tuple(window for window, _ in pairs), tuple(recording for _, recording in pairs))
