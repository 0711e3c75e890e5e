"""What a decoder is to the room above it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from anime_whisper_ct2.audio.findings import Losses
from anime_whisper_ct2.audio.source import File, Info, Piece
from anime_whisper_ct2.audio.structure import Part


@dataclass(frozen=True, slots=True)
class Reader:
    """A decoder of recordings: libsndfile or FFmpeg, as `name` says.

    `pieces` decodes what lies between two times in seconds, and returns where the recording ends, or None where that
    was not reached. `info` reads the headers. Both raise one of `not_read` for what it cannot read, and DecodeError.
    """

    name: str
    pieces: Callable[[File, Part, float, float, Losses], Generator[Piece, None, float | None]]
    info: Callable[[File, Part], Info]
    not_read: tuple[type[Exception], ...]
