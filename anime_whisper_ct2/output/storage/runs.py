"""Runs behind URLs, copied here while they are read."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from anime_whisper_ct2.errors import Awct2Error, InputError, OutputError
from anime_whisper_ct2.extensions import CONTAINERS, KALDI, MANIFESTS
from anime_whisper_ct2.output.lines import ERRORS, REVIEW, RUN, TRANSCRIPTS
from anime_whisper_ct2.output.storage.place import local_path
from anime_whisper_ct2.readers.remote import download, exists, filesystem, is_url, is_web
from anime_whisper_ct2.readers.remote_errors import RemoteError, attempt, redacted
from anime_whisper_ct2.readers.rows import extension
from anime_whisper_ct2.system.files import remove
from anime_whisper_ct2.system.paths import slashed
from anime_whisper_ct2.system.refusals import reason

_SHARDS = "shard-*"
# The decisions of a reviewer; their locks are of the machine that they lie on.
_LOGS = "edits-*.jsonl"
# What a table, a list or a corpus is called, and a run's folder is not.
_FILES = frozenset(each.rpartition(".")[2] for each in (*CONTAINERS, *MANIFESTS, *KALDI))
_NOT_IN_NAMES = re.compile(r"[^\w.=@ -]")
# `download` wants a bound, against what never ends; a run has none that could be named.
_MOST_BYTES = 1 << 40


@dataclass(frozen=True, slots=True)
class LocalRuns:
    """Runs as local paths, in the order given."""

    paths: tuple[str, ...]
    _urls: Mapping[str, str]

    def named(self, text: str) -> str:
        """Put the URLs into a text where it has the paths that stand for them."""
        for path, url in self._urls.items():
            # With what follows of the path, whose separators are the system's.
            pattern = re.escape(path) + r"([\w.=@/\\-]*)"
            text = re.sub(pattern, lambda found, url=url: url + slashed(found[1]), text)  # type: ignore[misc]
        return text


@contextlib.contextmanager
def local_runs(
    given: Iterable[str], *, others: bool = False, shards: bool = False, reviews: bool = True
) -> Iterator[LocalRuns]:
    """Give runs as local paths: those behind URLs lie in a temporary folder until the end, under their own names.

    A run is a folder or a file of transcripts; with `reviews`, what was decided about it comes along, but for the web,
    where nothing says what is in a folder. With `others`, a URL behind which there is no run stays as it is. With
    `shards`, a folder that holds folders `shard-*` has these, and nothing else of it is copied. Errors that pass call
    the runs by their URLs.

    Raises InputError for a URL without a run, and for one that cannot be read, OutputError when there is no room.
    """
    with contextlib.ExitStack() as stack:
        fetcher: _Fetcher | None = None
        paths = []
        for place in given:
            path = local_path(place) or place
            if is_url(path) and (not others or _holds_run(path)):
                fetcher = fetcher or _Fetcher(stack.enter_context(_temporary_folder()), reviews)
                path = fetcher.fetch(path, shards=shards)
            paths.append(path)
        runs = LocalRuns(tuple(paths), fetcher.urls if fetcher else {})
        try:
            yield runs
        except Awct2Error as error:
            # The same error, because its kind decides the exit status.
            error.args = (runs.named(str(error)), *error.args[1:])
            raise


class _Fetcher:
    """Copies runs into folders of their own below `root`; each URL once."""

    def __init__(self, root: str, reviews: bool) -> None:
        self._root = root
        self._reviews = reviews
        self._fetched: dict[str, str] = {}
        self.urls: dict[str, str] = {}

    def fetch(self, url: str, *, shards: bool) -> str:
        """Copy a run and give its local path, a file's for a file's URL."""
        url = url.rstrip("/") if url.strip("/").rpartition("/")[2] else url
        if url not in self._fetched:
            parent, name = _split(url)
            is_file = name.endswith(".jsonl")
            source = parent if is_file else url
            called = _NOT_IN_NAMES.sub("_", _split(source)[1]).strip(".") or "run"
            folder = Path(self._root, str(len(self._fetched)), called)
            self.urls[str(folder)] = redacted(source)
            parts = _names_in(url, "directory", _SHARDS) if shards and not is_file else []
            for part in parts:
                _copy(_join(url, part), (TRANSCRIPTS, ERRORS, RUN), folder / part)
                self._fetch_review(_join(url, part), REVIEW, folder / part)
            names = (TRANSCRIPTS, ERRORS, RUN) if not is_file or name == TRANSCRIPTS else (name,)
            if not parts and not _copy(source, names, folder):
                raise InputError(
                    f"{redacted(url)}: no results of a run: {names[0]} is not there; "
                    f"name the output folder of `awct2 run`, or a {TRANSCRIPTS}"
                )
            if not parts:
                self._fetch_review(source, REVIEW if names[0] == TRANSCRIPTS else f"{name}.{REVIEW}", folder)
            self._fetched[url] = str(folder / name if is_file else folder)
        return self._fetched[url]

    def _fetch_review(self, url: str, name: str, folder: Path) -> None:
        """Copy the decisions about a run, where there are any and they are wanted."""
        if self._reviews and (logs := _names_in(_join(url, name), "file", _LOGS)):
            _copy(_join(url, name), logs, folder / name)


def _copy(url: str, names: Iterable[str], folder: Path) -> int:
    """Copy these files of a folder, as far as they are there; give how many are."""
    folder.mkdir(parents=True)
    copied = 0
    for name in names:
        try:
            with (folder / name).open("wb") as file:
                download(_join(url, name), file, _MOST_BYTES)
            copied += 1
        except OSError as error:
            remove(folder / name, missing_ok=True)
            if errno.ENOSPC in (error.errno, getattr(error.__cause__, "errno", None)):
                raise OutputError(
                    f"{folder}: no room for a copy of {redacted(_join(url, name))}; "
                    "set TMPDIR to a folder on a larger disk, or copy the run here yourself"
                ) from error
            if not getattr(error, "absent", False):
                raise InputError(str(error)) from error
    return copied


def _holds_run(url: str) -> bool:
    if _split(url)[1] == TRANSCRIPTS:
        return True
    if extension(url) in _FILES:
        return False
    # Where that cannot be told, whoever opens it as something else says why.
    with contextlib.suppress(InputError):
        return exists(_join(url, TRANSCRIPTS))
    return False


def _names_in(url: str, kind: str, pattern: str) -> list[str]:
    """Give the names of what is in a folder, sorted; on the web nothing says what is in one. `kind` is fsspec's."""
    if is_web(url):
        return []
    try:
        system, path = filesystem(url)
        system.invalidate_cache()
        entries = attempt(url, lambda: system.ls(path, detail=True))
        system.invalidate_cache()
    except RemoteError as error:
        if error.absent:
            return []
        raise InputError(str(error)) from error
    names = (entry["name"].rstrip("/").rpartition("/")[2] for entry in entries if entry["type"] == kind)
    return sorted(name for name in names if fnmatchcase(name, pattern))


def _pieces(url: str) -> tuple[str, str, str]:
    """Split a URL around its path: the protocol, the path, and the web's query or the rest of a chain."""
    before, mark, rest = url.partition("://")
    end = re.search(r"::|[?#]" if is_web(url) else "::", rest)
    at = end.start() if end else len(rest)
    return before + mark, rest[:at], rest[at:]


def _join(url: str, name: str) -> str:
    before, path, after = _pieces(url)
    return before + (f"{path.rstrip('/')}/{name}" if path else name) + after


def _split(url: str) -> tuple[str, str]:
    """Split off the last part of a URL's path."""
    before, path, after = _pieces(url)
    above, _, name = path.rstrip("/").rpartition("/")
    return before + above + after, name


@contextlib.contextmanager
def _temporary_folder() -> Iterator[str]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="awct2-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OutputError(f"no temporary folder can be made: {reason(error)}; set TMPDIR to one") from error
    with folder as path:
        # As messages may give it: `named` has to find it there.
        yield os.path.realpath(path)
