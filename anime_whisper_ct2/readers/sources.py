"""What an INPUT stands for: folders, files and containers, each with its reader."""

from __future__ import annotations

import glob
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from urllib.parse import urlsplit

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.extensions import CONTAINERS, DELIMITED, JSON_LINES, KALDI, MANIFESTS, TABLES, has_extension
from anime_whisper_ct2.model_dir.mistaken import WEIGHTS, kind_of_weights
from anime_whisper_ct2.readers.contained import contained, references
from anime_whisper_ct2.readers.content import is_audio
from anime_whisper_ct2.readers.files import Found, is_folder, walk
from anime_whisper_ct2.readers.listing import Listing
from anime_whisper_ct2.readers.lists import manifest, path_list, wav_scp
from anime_whisper_ct2.readers.lists.lines import split_lines
from anime_whisper_ct2.readers.patterns import Match, matches, names
from anime_whisper_ct2.readers.remote import is_remote_folder, is_url, is_web
from anime_whisper_ct2.readers.tables.files import is_dataset_folder
from anime_whisper_ct2.records import Recording, Unreadable
from anime_whisper_ct2.system.commands import quoted

STDIN = "-"
_NAME_MODELS = "a model is named with --model, and an INPUT is what it is to transcribe"


@dataclass(frozen=True, slots=True)
class Name:
    """What a listing says without opening anything: a recording's id, or what all ids of a container begin with.

    `path` is what a user would recognise it by. `place`: it fails, and stands for recordings that nobody knows.
    """

    id: str
    path: str
    container: bool = False
    place: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """One folder, file or container. The callables list anew each time they are called.

    `recordings` and `references` tell a `Listing` what they pass over. `references` gives what `recordings` does, but
    one `Container` for all whose audio only a reader can get at. `matched`: a pattern fits it by chance, and names
    neither it nor its extension.
    """

    path: str
    names: Callable[[], Iterator[Name]]
    recordings: Callable[[Listing], Iterator[Recording]]
    references: Callable[[Listing], Iterator[Recording]]
    matched: bool = False


def sources(given: str, column: str | None) -> Sequence[Source]:
    """Give the sources that an INPUT names: itself where it exists, else what it matches, in a fixed order.

    Raises InputError when there are none.
    """
    if given == STDIN:
        _refuse_column(STDIN, column)
        return [_stdin()]
    found = [
        _source(match.path, match.way, column) if match.way is None or names(given) else _matched(match, column)
        for match in matches(given)
    ]
    if not found:
        quotes = '; cmd.exe takes \' for a letter: use "…"' if given[:1] == given[-1:] == "'" and given != "'" else ""
        raise InputError(f"{given}: no such file or folder{quotes}")
    return found


def is_list(path: str) -> bool:
    """Say whether a source only names recordings, which are elsewhere."""
    return path == STDIN or has_extension(path, (*MANIFESTS, *KALDI))


def _matched(match: Match, column: str | None) -> Source:
    """Give the source of what a pattern happens to match; of no use are files that are no audio, and other texts."""
    path, name = match.path, _basename(match.path)
    # Not plain lists and those of voice trainers: beside audio, such are its transcripts.
    of_use = has_extension(name, (*CONTAINERS, *JSON_LINES, *DELIMITED, *KALDI))
    if not of_use and is_url(path):
        of_use = is_audio(name, None) or is_remote_folder(path)
    elif not of_use:
        of_use = is_folder(path) or is_audio(name, path)
    return replace(_source(path, match.way, column), matched=True) if of_use else _other(path)


def _stdin() -> Source:
    def recordings(listing: Listing) -> Iterator[Recording]:
        """Give the recordings that the paths on standard input name."""
        # Unbuffered: the buffer's lock, held by a thread that waits for a line, would be in the way of an orderly end.
        return path_list(split_lines(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)), remark=listing.remark)

    def names() -> Iterator[Name]:
        """Refuse: to read the names would use up what the run is to read. Raises InputError."""
        raise InputError("standard input can be read once only, so it cannot be one of several INPUTs; give '-' alone")

    return Source(STDIN, names, recordings, recordings)


def _source(path: str, way: str | None, column: str | None) -> Source:
    name = (way or "") + _basename(path)
    if is_remote_folder(path) if is_url(path) else is_folder(path):
        if is_dataset_folder(path):
            return _container(path, name, column)
        above = "" if way is None else name + "/"
        return Source(
            path,
            partial(_folder_names, path, above),
            partial(_folder, path, above, column, contained),
            partial(_folder, path, above, column, references),
        )
    if not has_extension(name, (*MANIFESTS, *TABLES)):
        _refuse_column(path, column)
    if has_extension(name, CONTAINERS):
        return _container(path, name, column)
    if has_extension(name, MANIFESTS):
        return _listed(path, partial(manifest, path, column))
    if has_extension(name, KALDI):
        return _listed(path, lambda _: wav_scp(path))
    # By its name first: a glob may fit very many files.
    if has_extension(name, WEIGHTS) and not is_url(path) and (kind := kind_of_weights(Path(path))):
        raise InputError(f"{path}: no recording but {kind}; {_NAME_MODELS}")
    return _listed(path, lambda _: _single(path, name))


def _refuse_column(path: str, column: str | None) -> None:
    if column is not None:
        raise InputError(f"--audio-column is for manifests and tables, and {path} is neither; leave it out")


def _basename(path: str) -> str:
    return PurePath(urlsplit(path).path if is_web(path) else path).name


def _single(path: str, name: str) -> Iterator[Recording]:
    """Give the one recording that a file is, whatever its extension; its id is its name."""
    yield Recording(id=name, name=path, audio=path)


def _container(path: str, prefix: str, column: str | None) -> Source:
    return Source(
        path,
        lambda: iter([Name(prefix + "/", path, container=True)]),
        lambda listing: contained(path, prefix, column, listing.pass_over),
        lambda listing: references(path, prefix, column, listing.pass_over),
    )


def _other(path: str) -> Source:
    """Give the source of a file that is no audio, which gives nothing."""

    def recordings(listing: Listing) -> Iterator[Recording]:
        """Tell of the file, and give nothing."""
        listing.pass_over(_basename(path))
        return iter(())

    return Source(path, lambda: iter(()), recordings, recordings)


def _listed(path: str, recordings: Callable[[Callable[[], None]], Iterator[Recording]]) -> Source:
    def followed(listing: Listing) -> Iterator[Recording]:
        """Give the recordings, and tell of remarks."""
        return recordings(listing.remark)

    return Source(
        path,
        lambda: (Name(each.id, each.name, place=_is_place(each)) for each in recordings(lambda: None)),
        followed,
        followed,
    )


def _is_place(recording: Recording) -> bool:
    return isinstance(recording.audio, Unreadable) and recording.audio.place


def _folder(
    root: str,
    above: str,
    column: str | None,
    open_: Callable[[str, str, str | None, Callable[[str], None]], Iterator[Recording]],
    listing: Listing,
) -> Iterator[Recording]:
    """Give the audio files below a folder; of a folder without any, what is in its containers.

    A folder below it that cannot be listed is a recording that fails.
    """
    found = False
    for each in _audio_and_holes(root, above, listing):
        if each.fault:
            yield _hole(above + each.id, each)
            continue
        if not found:
            # Audio was found, so this is no folder of tables.
            _refuse_column(root, column)
        found = True
        yield Recording(above + each.id, each.path, each.path)
    if not found:
        for id_, path, _ in _containers(root):
            listing.take_back(above + id_)
            yield from open_(path, above + id_, column, listing.pass_over)


def _folder_names(root: str, above: str) -> Iterator[Name]:
    found = False
    for each in _audio_and_holes(root, above, Listing()):
        found = found or not each.fault
        yield Name(above + each.id, each.path, place=bool(each.fault))
    if not found:
        for id_, path, _ in _containers(root):
            yield Name(f"{above}{id_}/", path, container=True)


def _audio_and_holes(root: str, above: str, listing: Listing) -> Iterator[Found]:
    """List the audio below a folder and what cannot be listed there.

    Raises InputError where that is the folder itself, unless it is only one of those that a pattern matches.
    """
    remote = is_url(root)
    for each in walk(root):
        if each.fault:
            if not above + each.id:
                raise InputError(each.fault)
            yield each
        elif is_audio(each.id, None if remote else each.path):
            yield each
        else:
            listing.pass_over(above + each.id)


def _containers(root: str) -> Iterator[Found]:
    """List the tars and tables below a folder; the walk before has told of what cannot be listed."""
    return (each for each in walk(root) if not each.fault and has_extension(each.id, CONTAINERS))


def _hole(id_: str, folder: Found) -> Recording:
    message = (
        f"{folder.fault}; nothing in this folder was transcribed: give yourself the right to read it and run again, or "
        f"leave it out with --exclude {quoted(glob.escape(id_) + '*')}"
    )
    return Recording(id_, folder.path, Unreadable("FolderError", message, place=True))
