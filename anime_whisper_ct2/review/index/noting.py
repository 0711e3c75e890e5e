"""What an index keeps about the logs: how much of each it knows, and how many decisions are about what is gone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from anime_whisper_ct2.review.index.index import Index
from anime_whisper_ct2.reviews.folder import log_files
from anime_whisper_ct2.system.files import opened

# What stands among the sizes of the logs, as no log is called: that the index is ahead of what is noted there, digests
# of so many bytes of each, and how many decisions are stale of which recordings.
_OWN = "/"
_AHEAD = "/ahead"
_DIGEST = "/digest/"
_STALE = "/stale/"
_MOST_STALE, _OF_OTHERS = 1_000, -1
_GONE = -1
_BLOCK_BYTES = 1 << 20


class Noting:
    """What was noted by the last session, and is to be by this one.

    `sizes`: of the logs, when all that they held was in the index. `is_ahead`: the index may know of more than that.
    `stale`: how many decisions are stale.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        told = index.reviewed
        self.sizes = _sizes(told)
        self._begun: dict[str, _Beginning] = {}
        self.is_ahead = _AHEAD in told
        self._stale = {
            int(name.removeprefix(_STALE)): number for name, number in told.items() if name.startswith(_STALE)
        }
        self.stale = sum(self._stale.values())

    @property
    def recs(self) -> frozenset[int] | None:
        """The recordings that have stale decisions, by number; None where they are too many to know."""
        return None if _OF_OTHERS in self._stale else frozenset(self._stale)

    def count(self, rec: int, number: int) -> None:
        """Keep how many decisions about a recording are stale."""
        self.stale += number - self._stale.get(rec, 0)
        if number:
            self._stale[rec] = number
        else:
            self._stale.pop(rec, None)

    def go_ahead(self) -> None:
        """Note that the index is being changed: where that is all, it may know of what is in no log any more."""
        if _AHEAD not in self._index.reviewed:
            self._index.note_reviewed({**self._index.reviewed, _AHEAD: 1})

    def note(self, sizes: Mapping[str, int], folder: Path) -> None:
        """Note that the index knows of all that logs of these sizes hold, so that the next opening reads only more."""
        import duckdb  # noqa: PLC0415 - 66 MB, of an extra

        stale = self._stale
        if len(stale) > _MOST_STALE:
            # All but the first are one number.
            kept = dict(islice(stale.items(), _MOST_STALE))
            stale = {**kept, _OF_OTHERS: self.stale - sum(kept.values())}
        # An empty one goes with its session.
        held = {name: size for name, size in sizes.items() if size}
        try:
            digests = {_DIGEST + name: self._digest(folder, name, size) for name, size in held.items()}
        except OSError:
            return
        if _GONE in digests.values():
            return
        noted = {**held, **digests, **{f"{_STALE}{rec}": number for rec, number in stale.items()}}
        if self._index.reviewed != noted:
            # Without it the next opening takes over what is there already.
            with suppress(duckdb.Error):
                self._index.note_reviewed(noted)

    def _digest(self, folder: Path, name: str, size: int) -> int:
        told = self._index.reviewed
        if (known := told.get(_DIGEST + name)) is not None and told.get(name) == size:
            return known
        # It is noted with every queue: a log of a million lines is not to be read from its beginning each time.
        begun = self._begun.get(name)
        if begun is None or begun.size > size:
            begun = self._begun[name] = _Beginning()
        return begun.digest(folder / name, size)


def still_holds(told: Mapping[str, int], folder: Path) -> bool:
    """Say whether the logs in a folder still begin with what an index was told of them: else it knows what nobody says.

    Raises OSError where they cannot be looked at.
    """
    if _AHEAD in told and not log_files(folder):
        return False
    return all(
        told.get(_DIGEST + name) == _Beginning().digest(folder / name, size) for name, size in _sizes(told).items()
    )


def _sizes(told: Mapping[str, int]) -> dict[str, int]:
    return {name: size for name, size in told.items() if not name.startswith(_OWN)}


class _Beginning:
    """The beginning of a log, of `size` bytes, which is known by a number such as a size."""

    def __init__(self) -> None:
        self.size = 0
        self._hash = blake2b(digest_size=7)

    def digest(self, path: Path, size: int) -> int:
        """Read on up to a size; gives _GONE where the log is shorter, or not there. Raises OSError."""
        with suppress(FileNotFoundError), opened(path) as file:
            file.seek(self.size)
            while block := file.read(min(size - self.size, _BLOCK_BYTES)):
                self._hash.update(block)
                self.size += len(block)
        return int.from_bytes(self._hash.digest(), "big") if self.size == size else _GONE
