"""What a run and its engine processes say to each other, beside recordings and outcomes.

In a room of its own: a class of a module that runs as a program would arrive under another name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from anime_whisper_ct2.executors.ladder import Ladder
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.options import (
    AUDIO,
    SEGMENT,
    AudioOptions,
    DecodingOptions,
    EngineOptions,
    FrontendOptions,
    SegmentOptions,
)
from anime_whisper_ct2.records import Worked
from anime_whisper_ct2.text.doubt import BOUNDS, Bounds

WHISPER = "anime_whisper_ct2.engine.whisper:open_engine"


@dataclass(frozen=True, slots=True)
class StationSettings:
    """What an engine process is to run, and what its environment has beside this one's.

    `opener`: `module:function` that takes (model, engine, decoding options).
    """

    model: str
    engine: EngineOptions
    decoding: DecodingOptions
    frontend: FrontendOptions
    length: WindowLength
    opener: str = WHISPER
    segment: SegmentOptions = SEGMENT
    audio: AudioOptions = AUDIO
    bounds: Bounds = BOUNDS
    env: Mapping[str, str] = field(default_factory=dict)

    def with_encoder(self, library: str | None) -> StationSettings:
        """Hold an engine that is free to choose its encoder to the one that another has; None: to none."""
        return replace(self, engine=self.engine.with_encoder(library))


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded."""

    description: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """The last word of a process that cannot go on: its model did not load, or its device is lost."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish what the engine has in hand, and end."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the executor counted, up to the end or to what ended it."""

    figures: dict[str, Any]
    ladder: Ladder
    worked: Worked


@dataclass(frozen=True, slots=True)
class Done:
    """Every recording is finished."""
