"""What containers hold, as it comes to light on their nodes."""

from __future__ import annotations

from anime_whisper_ct2.executors import Listed
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.output.lines import Part, id_of


class Contents:
    """Counts the recordings of containers, each once, also where an engine was lost and another lists anew.

    Shards go by their numbers. The ids of containers in hand are kept, in eight bytes each.
    """

    def __init__(self) -> None:
        self._told: dict[int, IdSet] = {}

    def begin(self, number: int) -> None:
        """Note that a shard is a container; it may have been begun before."""
        self._told.setdefault(number, IdSet())

    def part(self, number: int, part: Part) -> Listed:
        """Give what a part shows that no part before it did; nothing for a shard that is no container."""
        told = self._told.get(number)
        if told is None:
            return Listed()
        lines = (*part.transcripts.splitlines(), *part.errors.splitlines())
        return Listed(found=sum(told.add(id_of(line)) for line in lines))

    def end(self, number: int, listed: Listed) -> Listed:
        """Give what is left to tell of a container of which all was `listed`, as far as it was to be done."""
        told = self._told.pop(number, None)
        if told is None:
            return Listed()
        return Listed(max(0, listed.found - len(told)), listed.resumed, listed.failed_before)

    def give_up(self, number: int) -> None:
        """Forget a container of which no more will be known."""
        self._told.pop(number, None)
