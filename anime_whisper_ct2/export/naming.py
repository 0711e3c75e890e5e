"""Names for files, made from ids: safe on every system, and no two the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.extensions import AUDIO
from anime_whisper_ct2.system.paths import DEVICES

# File systems take 255 bytes to a name; the rest is for what an export puts behind it.
_MOST_BYTES = 200
# macOS takes 1,024 bytes to a path, of which the way to an export needs some.
_MOST_PATH_BYTES = 600
_HASH_DIGITS = 8
# What Windows forbids, control characters, ends of lines, and what stands for bytes that are no UTF-8.
_FORBIDDEN = re.compile(r'[\\:*?"<>|\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')

Digests = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Room:
    """How long a name may be: in characters as Windows counts them, of which a `/` takes `slash`."""

    characters: int
    slash: int = 1

    def has(self, name: str) -> bool:
        """Say whether a name is that short."""
        return units(name) + (self.slash - 1) * name.count("/") <= self.characters


def units(text: str) -> int:
    """Count characters as Windows does: one beyond U+FFFF is two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


class Names:
    """Names for the recordings of a run: `names[id]` is a relative path with `/` between folders and no extension.

    A name keeps the folders and the characters of its id as far as every system takes them: `..`, leading dots and
    spaces, control characters, the characters and names that Windows keeps for itself, and bytes that are no UTF-8 are
    replaced by `_`, and what is longer than 200 bytes, or 600 with its folders, is cut and marked with a hash. The
    extension of an audio file goes, unless another id would then have the same name. What would collide even so, in
    upper or lower case or in another Unicode form, or with a folder, is told apart by a hash of the id. With `room`, a
    name that is longer than that is cut and marked with a hash as well; so is a first folder that takes more than half
    of it, in all names that begin with it. A name depends on the set of ids and the room, not on their order.

    Memory: 8 bytes an id, and some 30 while the names are made.
    """

    def __init__(self, ids: Sequence[str], room: Room | None = None) -> None:
        self._room = room
        folders: set[int] = set()
        digests = np.fromiter(self._stems(ids, folders), np.uint64, len(ids))
        self._shared = _repeated(digests)
        for at in np.flatnonzero(np.isin(digests, self._shared)).tolist():
            digests[at] = _digest(self._safe(ids[at]))
        not_to_be = np.concatenate((_repeated(digests), np.fromiter(folders, np.uint64, len(folders))))
        collide = [ids[at] for at in np.flatnonzero(np.isin(digests, not_to_be)).tolist()]
        digests.sort()
        # A name that is given up stays taken: nothing else may step into its place.
        self._taken = digests
        self._hashed: dict[str, str] = {}
        self._late: set[int] = set()
        for id_ in sorted(set(collide)):
            name = self._with_hash(id_, _HASH_DIGITS)
            if self.holds(name):
                # Some other id reads like this one with its short hash.
                name = self._with_hash(id_, 64)
            self._hashed[id_] = name
            self._late.add(_digest(name))

    def __getitem__(self, id_: str) -> str:
        return self._hashed.get(id_) or self._plain(id_)

    def holds(self, name: str) -> bool:
        """Say whether a name is some recording's, or too much like it."""
        digest = _digest(name)
        return digest in self._late or _in(digest, self._taken)

    def _stems(self, ids: Iterable[str], folders: set[int]) -> Iterator[int]:
        """Give the digest of every name without extension, and note what files beside a folder may not be called."""
        for id_ in ids:
            stem = self._safe(_without_extension(id_))
            if "." in stem[: stem.rfind("/") + 1]:
                folders.update(_like_files(stem))
            yield _digest(stem)

    def _plain(self, id_: str) -> str:
        """Give the name that an id has before any hash."""
        stem = self._safe(_without_extension(id_))
        return self._safe(id_) if _in(_digest(stem), self._shared) else stem

    def _safe(self, path: str) -> str:
        safe = _safe(path)
        return safe if self._room is None else _fitted(safe, path, _HASH_DIGITS, self._room)

    def _with_hash(self, id_: str, digits: int) -> str:
        plain = self._plain(id_)
        name = _with_hash(plain, id_, digits)
        return name if self._room is None or self._room.has(name) else _shortened(plain, id_, digits, self._room)


def first_folder(id_: str) -> str | None:
    """Give the first folder of an id as names have it that may be long; None where there is none."""
    folder, slash, _ = _safe(id_).partition("/")
    return folder if slash else None


def _without_extension(id_: str) -> str:
    stem, dot, extension = id_.rpartition(".")
    if dot and extension.lower() in AUDIO and not stem.endswith("/") and stem:
        return stem
    return id_


def _safe(path: str) -> str:
    """Make a relative path of an id that no system stumbles over, and that leads nowhere else."""
    parts = [_safe_part(part) for part in path.split("/") if part not in ("", ".")]
    whole = "/".join(parts) or "_"
    if len(whole) <= _MOST_PATH_BYTES // 4 or len(whole.encode()) <= _MOST_PATH_BYTES:
        return whole
    return _with_hash("/".join((*_as_many_as_fit(parts[:-1]), parts[-1])), path, _HASH_DIGITS)


def _as_many_as_fit(folders: Iterable[str]) -> Iterator[str]:
    """Give the first folders of a path that is too long."""
    left = _MOST_PATH_BYTES - _MOST_BYTES - 1
    for folder in folders:
        left -= len(folder.encode()) + 1
        if left < 0:
            return
        yield folder


def _safe_part(part: str) -> str:
    if part == "..":
        return "_"
    clean = _FORBIDDEN.sub("_", part)
    # Whoever reads a list strips its lines.
    if clean.startswith(".") or clean[:1].isspace():
        clean = "_" + clean[1:]
    body = clean.rstrip(" .")
    clean = body + "_" * (len(clean) - len(body))
    if clean.split(".")[0].rstrip(" ").lower() in DEVICES:
        clean = "_" + clean
    # No character takes more than four bytes.
    if len(clean) <= _MOST_BYTES // 4 or len(clean.encode()) <= _MOST_BYTES:
        return clean
    return _with_hash(clean, part, _HASH_DIGITS)


def _with_hash(path: str, of: str, digits: int) -> str:
    """Put a hash behind the last part of a safe path, which is cut to make room."""
    folder, slash, part = path.rpartition("/")
    end = "-" + sha256(of.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    return folder + slash + part.encode()[: _MOST_BYTES - len(end)].decode(errors="ignore") + end


def _fitted(path: str, of: str, digits: int, room: Room) -> str:
    """Cut a safe path where there is no room for it; of all paths that begin with one folder, this becomes the same."""
    first, slash, rest = path.partition("/")
    most = room.characters // 2 - room.slash
    if slash and units(first) > most:
        path = _cut(first, most, first, _HASH_DIGITS) + slash + rest
    return path if room.has(path) else _shortened(path, of, digits, room)


def _shortened(path: str, of: str, digits: int, room: Room) -> str:
    """Cut a path of `_fitted` so that there is room for it: of the folders, the first ones stay that fit into half.

    `digits` is what the hash has where there is room for so many.
    """
    *folders, last = path.split("/")
    half = room.characters // 2
    kept, taken = [], 0
    for folder in folders:
        if taken + units(folder) + room.slash > half:
            break
        kept.append(folder)
        taken += units(folder) + room.slash
    return "/".join((*kept, _cut(last, room.characters - taken, of, min(digits, half - 2))))


def _cut(part: str, most: int, of: str, digits: int) -> str:
    """Cut a part of a path to so many characters, with a hash behind it."""
    end = "-" + sha256(of.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    short = part[: max(0, most - len(end))]
    while units(short) + len(end) > most:
        short = short[:-1]
    return short + end


def _like_files(stem: str) -> Iterator[int]:
    """Give, for each folder above that looks like a file (`a.txt/`), the name that such a file would have (`a`)."""
    parts = stem.split("/")
    for depth, part in enumerate(parts[:-1]):
        if "." in part:
            yield _digest("/".join([*parts[:depth], part.rpartition(".")[0]]))


def _digest(name: str) -> int:
    """Give 64 bits of a name that are the same for names which some file system takes for one."""
    like = (
        name.lower() if name.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    )
    return int.from_bytes(blake2b(like.encode(), digest_size=8).digest(), "little")


def _repeated(digests: Digests) -> Digests:
    """Give those digests that come more than once, in order."""
    ordered = np.sort(digests)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _in(digest: int, ordered: Digests) -> bool:
    at = int(ordered.searchsorted(np.uint64(digest)))
    return at < len(ordered) and int(ordered[at]) == digest
