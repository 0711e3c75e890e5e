"""Recordings become the rows of a training set: whole, by segment, or by clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.clips.plan import is_one, stretch_name
from anime_whisper_ct2.export.clips.rows import Clip, ClipsOf
from anime_whisper_ct2.export.filters import Filters, own_flags
from anime_whisper_ct2.export.formats import Row
from anime_whisper_ct2.export.formats.plain import shown
from anime_whisper_ct2.export.naming import Names
from anime_whisper_ct2.records import Segment, Transcript


def rows(
    transcripts: Iterable[Transcript],
    names: Names,
    filters: Filters | None = None,
    *,
    whole_files_only: bool = False,
    clips: ClipsOf | None = None,
) -> Iterator[Row]:
    """Give the rows of a run, in the order of its transcripts, which come unfiltered.

    With `clips`, which is given a transcript and its name, each clip of a segment that stays is one row. Without, each
    segment that stays is one, pointing into its recording; with `whole_files_only` each recording is one, if all of it
    stays (`Filters.keeps_whole`). Recordings without speech give no row.

    Raises InputError for a recording of several segments where only whole files will do.
    """
    filters = filters or Filters()
    for transcript in transcripts:
        name = names[transcript.id]
        if clips is not None:
            if not filters.drops_recording(transcript):
                yield from (_of_clip(transcript, c) for c in clips(transcript, name) if filters.keeps(c.segment))
        elif whole_files_only:
            if filters.keeps_whole(transcript):
                _check_one(transcript)
                yield _of_recording(transcript, name)
        elif kept := filters.apply(transcript):
            yield from _of_segments(transcript, kept.segments, name, names)


def _check_one(transcript: Transcript) -> None:
    """Refuse to make one example of a long recording."""
    if len(transcript.segments) > 1:
        raise InputError(
            f"{shown(transcript.id)}: holds {len(transcript.segments)} segments, and this format takes a file for "
            "each; cut clips with --clips DIR, or leave long recordings out with --max-duration"
        )


def _of_clip(transcript: Transcript, clip: Clip) -> Row:
    return _row(
        transcript,
        (clip.segment,),
        name=clip.name,
        audio=clip.audio,
        source=clip.path,
        start_s=0.0,
        duration_s=clip.duration_s,
        whole=True,
        text=clip.segment.text,
    )


def _of_recording(transcript: Transcript, name: str) -> Row:
    return _row(
        transcript,
        transcript.segments,
        name=name,
        audio=transcript.audio,
        start_s=transcript.offset or 0.0,
        duration_s=transcript.duration,
        whole=transcript.offset is None,
        text=transcript.text,
    )


def _of_segments(transcript: Transcript, kept: Iterable[Segment], name: str, names: Names) -> Iterator[Row]:
    if is_one(transcript):
        yield _of_recording(transcript, name)
        return
    given: set[str] = set()
    for segment in kept:
        yield _row(
            transcript,
            (segment,),
            # A clip that an earlier export cut may be a recording of this run, named by the same times.
            name=stretch_name(name, segment.start, segment.end, given, names.holds),
            audio=transcript.audio,
            start_s=round((transcript.offset or 0.0) + segment.start, 3),
            duration_s=round(segment.end - segment.start, 3),
            whole=False,
            text=segment.text,
        )


def _row(
    transcript: Transcript,
    segments: tuple[Segment, ...],
    *,
    name: str,
    audio: str,
    start_s: float,
    duration_s: float,
    whole: bool,
    text: str,
    source: str = "",
) -> Row:
    """Fill in what follows from the segments: means weighted by duration, the highest doubt, and every flag once."""
    # A segment without length has a say, too, and their sum is never 0.
    weights = [max(segment.end - segment.start, 0.001) for segment in segments]
    total = sum(weights)
    flags = (*own_flags(transcript), *(flag for segment in segments for flag in segment.flags))
    return Row(
        name=name,
        recording=transcript.id,
        audio=audio,
        start_s=start_s,
        duration_s=duration_s,
        whole=whole,
        text=text,
        language=transcript.language,
        avg_logprob=round(sum(w * s.avg_logprob for w, s in zip(weights, segments, strict=True)) / total, 4),
        no_speech_prob=round(sum(w * s.no_speech_prob for w, s in zip(weights, segments, strict=True)) / total, 4),
        doubt=max((s.doubt for s in segments if s.doubt is not None), default=None),
        flags=tuple(dict.fromkeys(flags)),
        meta=transcript.meta,
        source=source,
    )
