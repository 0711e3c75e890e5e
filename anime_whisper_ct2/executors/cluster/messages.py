"""What a run and its engines on other machines say to each other. Audio is no part of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from anime_whisper_ct2.errors import Awct2Error
from anime_whisper_ct2.executors import Listed
from anime_whisper_ct2.executors.ladder import Ladder
from anime_whisper_ct2.executors.messages import StationSettings
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.readers.selection import EVERYTHING, Selection
from anime_whisper_ct2.records import Recording, Worked

FLEET = "anime_whisper_ct2.executors.fleet:open_fleet"


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left to do of a container: what `selection` takes and is neither in `done` nor in `failed`."""

    selection: Selection = EVERYTHING
    done: IdSet = field(default_factory=IdSet)
    failed: IdSet = field(default_factory=IdSet)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an engine is to do on its node.

    `place`: the output, a folder that all nodes share or a URL; `token` names this run's parts there. `corpus`: paths
    that must be there. `opener`: `module:function` that makes an executor of the settings.
    """

    settings: StationSettings
    place: str
    token: str
    fingerprint: str
    corpus: tuple[str, ...] = ()
    opener: str = FLEET


@dataclass(frozen=True, slots=True)
class Shard:
    """References that an engine is given at a time, or one container; `estimated_s` is of audio."""

    number: int
    recordings: tuple[Recording, ...]
    estimated_s: float


@dataclass(frozen=True, slots=True)
class Node:
    """What is installed on a node, and what it is called."""

    host: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class PartWritten:
    """Lines of a shard are in the output, in a part of this name."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class ShardDone:
    """All of a shard is in parts; `listed` is of a container, after a stop as far as it was listed."""

    number: int
    listed: Listed


@dataclass(frozen=True, slots=True)
class Raised:
    """The engine cannot go on; after a user's mistake, no other could either."""

    error: Awct2Error


@dataclass(frozen=True, slots=True)
class Ended:
    """Everything is in parts; the figures are the executor's."""

    figures: dict[str, Any]
    ladder: Ladder
    worked: Worked


Event: TypeAlias = PartWritten | ShardDone | Raised | Ended
