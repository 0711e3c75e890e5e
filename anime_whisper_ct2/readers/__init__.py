"""The doors to a corpus: what the user names as INPUT becomes a stream of recordings."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.files import folder, is_folder, single
from anime_whisper_ct2.records import Recording

__all__ = ["Corpus"]


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a run is to transcribe: folders (all audio below them), files, and globs of either.

    `include` and `exclude` are shell patterns over ids (`*.ogg`, `alice/*`); with `include`, only what matches one of
    them is taken. Iterating lists the corpus anew, in the same order; nothing is opened.

    Raises InputError for an INPUT that is not there, and for two INPUTs that would give two recordings one id.
    """

    inputs: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    limit: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.inputs, (str, os.PathLike)):
            object.__setattr__(self, "inputs", (os.fspath(self.inputs),))
        if not self.inputs:
            raise InputError("no INPUT given; name a folder, a file or a glob")
        for path in self.inputs:
            if not _matches(path):
                raise InputError(f"{path}: no such file or folder")

    def __iter__(self) -> Iterator[Recording]:
        chosen = (recording for recording in self._all() if self._chosen(recording.id))
        return islice(chosen, self.limit)

    def check_ids(self) -> int:
        """Count the recordings, and refuse ids that occur twice.

        Within one folder ids differ by themselves, so only several INPUTs cost the memory of remembering them.
        """
        paths = [path for given in self.inputs for path in _matches(given)]
        if len(paths) == 1:
            return sum(1 for _ in self)
        seen: dict[str, str] = {}
        for recording in self:
            if recording.id in seen:
                raise InputError(
                    f"{seen[recording.id]} and {recording.name} would both have the id {recording.id!r}; "
                    "name the folder above both, or transcribe them into different outputs"
                )
            seen[recording.id] = recording.name
        return len(seen)

    def _all(self) -> Iterator[Recording]:
        taken: set[str] = set()
        for given in self.inputs:
            for path in _matches(given):
                # The same INPUT twice, or a glob over it, is one INPUT.
                if path in taken:
                    continue
                taken.add(path)
                yield from folder(path) if is_folder(path) else single(path)

    def _chosen(self, id_: str) -> bool:
        if self.include and not _any(id_, self.include):
            return False
        return not _any(id_, self.exclude)


def _any(id_: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(id_, pattern) for pattern in patterns)


def _matches(given: str) -> Sequence[str]:
    """Give the paths that an INPUT names: itself where it exists, else what it matches as a glob, sorted."""
    try:
        os.stat(given)  # noqa: PTH116 - unlike Path.exists, it says why it cannot tell
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        raise InputError(f"{given}: cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    else:
        return [given]
    if not glob.has_magic(given):
        return []
    return sorted(glob.glob(given, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
