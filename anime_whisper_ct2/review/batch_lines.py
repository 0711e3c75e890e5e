"""Lines that are one step."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from anime_whisper_ct2.review.index.rows import Said
from anime_whisper_ct2.review.shelf import Rows
from anime_whisper_ct2.reviews import Decision, version_of
from anime_whisper_ct2.reviews.records import Action


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines that are one step, of one action, and the rows that they are about, in their order.

    `lines` makes them one after the other, from what the index holds at that moment: a million are too many to keep.
    """

    name: str
    action: Action
    rows: Rows
    lines: Callable[[], Iterator[Decision]]


def batch_line(name: str, said: Said, action: Action, value: object = None) -> Decision:
    """Decide on a segment as a part of a batch; nothing of it was heard for that."""
    return Decision("", "", said.id, said.start, said.end, seen_of(said), action, value, name, heard=0.0)


def batch_name(sample: str | None = None) -> str:
    """Make a name for lines that are one step; it says which sample was listened to before, if any was."""
    return secrets.token_hex(8) + (f" after {sample}" if sample else "")


def seen_of(said: Said) -> str:
    """Name the state of a segment that is in no conflict, from what the index holds."""
    assert said.status != "conflict"
    verdict = None if said.status == "open" else said.status
    return version_of(said.id, said.start, said.end, said.text, verdict)
