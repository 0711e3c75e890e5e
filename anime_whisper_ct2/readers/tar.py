"""WebDataset shards: tars whose neighbouring members of one name are a sample, audio and what is said of it."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from braceexpand import braceexpand

from anime_whisper_ct2.errors import InputError, RecordingError
from anime_whisper_ct2.extensions import AUDIO
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.readers.archive import Archive, member_path
from anime_whisper_ct2.readers.content import AMBIGUOUS, HEAD_BYTES, begins_as_audio
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.readers.remote_errors import redacted
from anime_whisper_ct2.readers.rows import plain, valid_text
from anime_whisper_ct2.records import Recording, Section, Unreadable

# What of a sample is held until its last member came: audio only where it cannot be read in place.
MOST_HELD_BYTES = 512 << 20
# A corpus whose names have a dot in the wrong place (v1.0_0001.ogg) is one sample from end to end.
MOST_SAMPLE_MEMBERS = 1_000
MOST_SIDECAR_BYTES = 64 << 10
MOST_SHARDS = 1_000_000

_CUT_OFF = "breaks off: the archive ends inside it"
# As braceexpand has them.
_NUMBERS = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.-?(\d+))?\n?")
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.-?(\d+))?\n?")


def tar_shard(path: str, prefix: str, pass_over: Callable[[str], None] = lambda _id: None) -> Iterator[Recording]:
    """Give the recordings in a tar, plain or compressed, local or at a URL, in its order.

    Each audio member is one; its id is its path below `prefix`. Members next to each other whose paths agree up to the
    first dot of the file name are a sample. Its texts go to `meta`: `.txt` as `text`, `.json` parsed as `json` (as
    `json_error`, unparsed, where it is invalid or nested too deep), any other by its extension; what is no UTF-8 or
    over 64 KiB is left out. A text belongs to the audio that has its name but for the last extension, or else to all
    audio of the sample, then by all that follows the first dot.

    The audio of a plain local tar stays where it is, as a Section. Of any other, one sample's audio is held, at most
    512 MiB. A sample of more than a thousand members is several. `pass_over` gets the id of each member that is neither
    audio nor such a text.

    Never raises for what it reads: members that cannot be used, and an archive that breaks off or holds no audio, are
    recordings that fail; the archive's id is `prefix`.
    """
    shard = _Shard(redacted(path) if is_url(path) else path, prefix, pass_over)
    failure: Unreadable | None = None
    try:
        with Archive(path) as archive:
            for number, member in enumerate(archive, 1):
                yield from shard.take(archive, member, number)
    except RecordingError as error:
        failure = Unreadable("TarError", str(error), place=True)
    yield from shard.flush()
    if failure is None and not shard.found:
        failure = Unreadable("TarError", "holds no audio: no member has the extension of an audio file", place=True)
    if failure is not None:
        yield Recording(prefix, shard.name, failure)


def shards(pattern: str) -> list[str]:
    """Expand a brace pattern as bash does: `train-{000000..000114}.tar`, `{a,b}/x.tar`, paths and URLs.

    Braces may be part of a file's name: ask whether the pattern exists as it is before calling this.

    Raises InputError for unbalanced braces, and for more than a million names.
    """
    # Counted first: the library would hold every range as a list, however long.
    try:
        count = _count(pattern)
        if count <= MOST_SHARDS:
            # A backslash parts folders on Windows, so it cannot be what makes braces literal.
            return list(braceexpand(pattern, escape=False))
    except ValueError as error:
        raise InputError(f"{pattern}: {error}") from error
    except RecursionError as error:
        raise InputError(f"{pattern}: its braces lie too deep in each other") from error
    raise InputError(f"{pattern}: stands for {count:,} names; at most {MOST_SHARDS:,} can be given")


@dataclass(slots=True)
class _Shard:
    """What is known of a tar between two members."""

    name: str
    prefix: str
    pass_over: Callable[[str], None]
    found: bool = False
    ids: IdSet = field(default_factory=IdSet)
    key: str | None = None
    audio: list[_AudioMember] = field(default_factory=list)
    sidecars: list[_Sidecar] = field(default_factory=list)
    held_bytes: int = 0

    def take(self, archive: Archive, member: tarfile.TarInfo, number: int) -> Iterator[Recording]:
        """Add a member to the sample; if it belongs to the next one, the sample's recordings come out first."""
        unsafe = _unsafe(member.name)
        name = member.name.replace("\0", "\\0") if unsafe else member_path(member.name)
        folder, _, base = name.rpartition("/")
        stem, dot, extension = base.rpartition(".")
        # macOS puts a file's attributes before it, as ._ and its name.
        if member.isdir() or base.startswith("._"):
            return
        id_ = f"{self.prefix}/{name}"
        extension = extension.lower()
        fault = unsafe or _fault(member, archive)
        is_audio = bool(dot) and _is_audio(extension, member, archive, fault)
        if not dot or (not is_audio and (fault or member.size > MOST_SIDECAR_BYTES)):
            self.pass_over(id_)
            return
        stem = f"{folder}/{stem}"
        key, _, rest = base.partition(".")
        key = f"{folder}/{key}"
        size = 0 if fault or (is_audio and archive.in_place) else member.size
        if key != self.key or self._is_full(stem, size):
            yield from self.flush()
        self.key = key
        self.held_bytes += size
        if not is_audio:
            text = _text(archive.read(member))
            if text is not None:
                self.sidecars.append(_Sidecar(stem, extension, rest.lower(), text))
            else:
                self.pass_over(id_)
            return
        self.found = True
        if not self.ids.add(id_):
            id_ = f"{id_} (member {number})"
            fault = fault or Unreadable("DuplicateId", f"member {number} has the name of an earlier one: {name!r}")
        audio = fault or _audio(member, archive)
        self.audio.append(_AudioMember(stem, Recording(id_, f"{self.name}/{name}", audio)))

    def flush(self) -> Iterator[Recording]:
        """Give the sample's recordings, and forget it."""
        stems = {audio.stem for audio in self.audio}
        for audio in self.audio:
            meta: dict[str, Any] = {}
            for sidecar in self.sidecars:
                if sidecar.stem == audio.stem:
                    sidecar.put(sidecar.extension, meta)
            for sidecar in self.sidecars:
                if sidecar.stem not in stems:
                    sidecar.put(sidecar.extensions, meta)
            given = audio.recording
            yield Recording(given.id, given.name, given.audio, meta)
        self.audio.clear()
        self.sidecars.clear()
        self.held_bytes = 0

    def _is_full(self, stem: str, size: int) -> bool:
        """Say whether a member has no room; audio and its own text stay together, unless the memory forbids."""
        if self.held_bytes and self.held_bytes + size > MOST_HELD_BYTES:
            return True
        latest = [members[-1].stem for members in (self.audio, self.sidecars) if members]
        members = len(self.audio) + len(self.sidecars)
        return members >= 2 * MOST_SAMPLE_MEMBERS or (members >= MOST_SAMPLE_MEMBERS and stem not in latest)


@dataclass(frozen=True, slots=True)
class _AudioMember:
    """`stem`: the member's path without its last extension."""

    stem: str
    recording: Recording


@dataclass(frozen=True, slots=True)
class _Sidecar:
    """`extensions`: all that follows the first dot of the file name, the last of which is `extension`."""

    stem: str
    extension: str
    extensions: str
    text: str

    def put(self, name: str, meta: dict[str, Any]) -> None:
        """Put what it says into `meta`, unless an earlier one of its name did."""
        # What corpora of every kind call a recording's text.
        name = "text" if name == "txt" else name
        value: Any = self.text
        if self.extension == "json":
            try:
                value = plain(json.loads(self.text))
            except (ValueError, RecursionError, RecordingError):
                name += "_error"
        meta.setdefault(valid_text(name), value)


def _text(data: bytes | None) -> str | None:
    """Decode a sidecar; None for one that is no text, or breaks off."""
    if data is None or b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return None


def _unsafe(name: str) -> Unreadable | None:
    if "\0" in name:
        reason = "holds a NUL character"
    elif name.startswith(("/", "\\")) or name[1:3] in {":/", ":\\"}:
        reason = "is an absolute path"
    elif ".." in name and ".." in re.split(r"[/\\]", name):
        reason = "leads out of the archive (..)"
    else:
        return None
    return Unreadable("UnsafeName", f"the member's name {name!r} {reason}; pack the archive again with relative paths")


def _fault(member: tarfile.TarInfo, archive: Archive) -> Unreadable | None:
    """Say why a member's bytes cannot be had, if so."""
    if member.issym() or member.islnk():
        reason = f"is a link to {member.linkname!r}; links in archives are not followed"
    elif member.issparse():
        reason = "is a sparse file; pack the archive again without tar's --sparse"
    elif not member.isreg():
        reason = "is no regular file"
    elif not archive.whole(member):
        reason = _CUT_OFF
    elif not archive.in_place and member.size > MOST_HELD_BYTES:
        reason = (
            f"has {member.size >> 20} MiB; of a compressed or remote archive, members up to {MOST_HELD_BYTES >> 20} "
            "MiB are read; give it as a local .tar"
        )
    else:
        return None
    return Unreadable("TarError", reason)


def _is_audio(extension: str, member: tarfile.TarInfo, archive: Archive, fault: Unreadable | None) -> bool:
    if extension not in AUDIO:
        return False
    head = None if fault or extension not in AMBIGUOUS else archive.head(member, HEAD_BYTES)
    return head is None or begins_as_audio(extension, head)


def _audio(member: tarfile.TarInfo, archive: Archive) -> Section | bytes | Unreadable:
    if archive.in_place:
        return Section(archive.path, member.offset_data, member.size)
    data = archive.read(member)
    return Unreadable("TarError", _CUT_OFF) if data is None else data


def _count(pattern: str) -> int:
    """Count the names that a brace pattern stands for. Raises ValueError for unbalanced braces."""
    product, depth, start = 1, 0, 0
    for at, character in enumerate(pattern):
        if character == "{":
            start = at + 1 if not depth else start
            depth += 1
        elif character == "}":
            depth -= 1
            if depth < 0:
                break
            product *= 1 if depth else _count_choices(pattern[start:at])
    if depth:
        raise ValueError("its braces are unbalanced")
    return product


def _count_choices(inside: str) -> int:
    number = _NUMBERS.fullmatch(inside) or _LETTERS.fullmatch(inside)
    if number:
        first, last = (int(end) if end[-1].isdigit() else ord(end) for end in number.group(1, 2))
        return abs(last - first) // (int(number[3] or 1) or 1) + 1
    depth, items = 0, [""]
    for character in inside:
        depth += (character == "{") - (character == "}")
        if character == "," and not depth:
            items.append("")
        else:
            items[-1] += character
    return sum(map(_count, items))
