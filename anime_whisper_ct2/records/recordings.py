"""A recording on its way, and what is finished of it already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anime_whisper_ct2.records.outcomes import Segment
from anime_whisper_ct2.records.references import Audio
from anime_whisper_ct2.records.windows import Sound

# Of longer recordings, what is finished is told and kept before they are.
LONG_S = 120.0


@dataclass(frozen=True, slots=True)
class Home:
    """A window that is finished, of a recording that is not; `segment` None: there is no text in it.

    By its times and its sound it is known again. Without them it would be taken for one of another file of that name.
    """

    number: int
    start_s: float
    end_s: float
    sound: Sound
    segment: Segment | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """A reference to one recording; the audio itself is opened by a worker.

    `id` is unique in a run and the same in the next one, `name` is what a user would recognise the audio by, `meta`
    what the corpus says of it (JSON values), `home` what an earlier try has finished of it.
    """

    id: str
    name: str
    audio: Audio
    meta: Mapping[str, Any] = field(default_factory=dict)
    home: tuple[Home, ...] = ()
