"""One engine on a node of a cluster: shards in, parts in the shared output. Knows nothing of Ray."""

from __future__ import annotations

import os
import pickle
import platform
import queue
import socket
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.errors import Awct2Error, EngineError, InputError, OutputError
from anime_whisper_ct2.executors import Listed
from anime_whisper_ct2.executors.cluster.messages import (
    Ended,
    Event,
    Node,
    PartWritten,
    Raised,
    Rest,
    Shard,
    ShardDone,
    Terms,
)
from anime_whisper_ct2.executors.continuous import Continuous
from anime_whisper_ct2.model_dir import cache_root, open_model_dir
from anime_whisper_ct2.output.lines import to_json
from anime_whisper_ct2.output.metrics import Counts
from anime_whisper_ct2.output.storage import open_storage
from anime_whisper_ct2.output.storage.parts import Parts, probe_name
from anime_whisper_ct2.readers.contained import contained
from anime_whisper_ct2.records import Container, Outcome, Recording, Transcript
from anime_whisper_ct2.system.files import clear_away, move, opened

# A part is written at the end of its shard, or when this much has gathered, or the oldest line of it is so old.
_PART_BYTES = 4 << 20
_PART_AGE_S = 30.0


class NodeEngine:
    """Opens an executor, and takes shards through it; several shards at a time, so that it never runs empty."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._giving = threading.Lock()
        self._rest = Rest()
        # Nodes may share the folder of copies, and each writes its own.
        self._copying = f".{uuid4().hex}.part"

    def node(self) -> Node:
        """Say what is installed here."""
        packages = ("ctranslate2", "faster-whisper", "numpy")
        own = {"anime-whisper-ct2": __version__, "python": platform.python_version()}
        return Node(socket.gethostname(), {**own, **{name: version(name) for name in packages}})

    def has_model(self, path: str, fingerprint: str) -> str | None:
        """Give where the model is on this node: at its path, or where an earlier run has put a copy; or None."""
        for place in (Path(path), _copy_of(fingerprint)):
            try:
                if open_model_dir(place).fingerprint == fingerprint:
                    return str(place)
            except Awct2Error:
                continue
        return None

    def take_model(self, fingerprint: str, name: str, at: int, block: bytes) -> None:
        """Write a block of a model's file; it comes in order, and `finish_model` makes it count."""
        beside = _copy_of(fingerprint).with_suffix(self._copying)
        beside.mkdir(parents=True, exist_ok=True)
        with opened(beside / name, "ab" if at else "wb") as file:
            file.write(block)

    def finish_model(self, fingerprint: str) -> str:
        """Put the copy in its place and give that. Raises ModelError where it is damaged."""
        place = _copy_of(fingerprint)
        beside = place.with_suffix(self._copying)
        try:
            open_model_dir(beside)
            clear_away(place)
            move(beside, place)
        except OSError:
            # Another node that shares the folder may have been faster.
            if self.has_model(str(place), fingerprint) is None:
                raise
        finally:
            clear_away(beside)
        return str(place)

    def open(self, terms: Terms, rest: Rest) -> dict[str, object]:
        """Load the model, and give the executor's description.

        Raises InputError where the corpus is not to be seen here, OutputError where the output is not, and what the
        engine raises.
        """
        host = socket.gethostname()
        for path in terms.corpus:
            if not os.path.exists(path):  # noqa: PTH110 - a path that may be no UTF-8
                raise InputError(f"node {host} does not see {path}: put the corpus where all nodes see it, or on a URL")
        storage = open_storage(terms.place)
        if not storage.exists(probe_name(terms.token)):
            raise OutputError(
                f"node {host} does not see the output {terms.place}: name a folder that all nodes share, or a URL"
            )
        self._terms, self._rest, self._parts = terms, rest, Parts(storage)
        module, _, function = terms.opener.partition(":")
        self._executor = getattr(import_module(module), function)(terms.settings)
        self._continuous = Continuous(self._executor)
        return dict(self._executor.description)

    def give(self, content: bytes, number: int, attempt: int) -> None:
        """Begin with a shard, pickled, as soon as those before it let it; it may have been attempted elsewhere."""
        name = f"{self._terms.token}-{number:08d}-{attempt}"
        thread = threading.Thread(target=self._work, args=(content, name), name=f"shard-{number}", daemon=True)
        # Several calls may be here at a time.
        with self._giving:
            thread.start()
            self._threads = [one for one in self._threads if one.is_alive()]
            self._threads.append(thread)

    def news(self, patience_s: float) -> list[Event]:
        """Give what has happened since the last call, waiting a while for something to happen."""
        events: list[Event] = []
        try:
            events.append(self._events.get(timeout=patience_s))
            while True:
                events.append(self._events.get_nowait())
        except queue.Empty:
            return events

    def finish(self) -> None:
        """Say that no shard will come any more; `Ended` is the last news."""
        threading.Thread(target=self._end, name="end", daemon=True).start()

    def stop(self) -> None:
        """Finish what the engine has in hand; the shards end with it, and `Ended` is the last news."""
        self._continuous.stop()
        self.finish()

    def _end(self) -> None:
        with self._giving:
            threads = list(self._threads)
        for thread in threads:
            thread.join()
        try:
            self._continuous.close()
            self._executor.close()
        finally:
            self._events.put(Ended(dict(self._executor.figures), self._executor.ladder, self._executor.worked))

    def _work(self, content: bytes, name: str) -> None:
        try:
            shard: Shard = pickle.loads(content)
            container = shard.recordings[0].audio
            listing = _Listing(container, self._rest) if isinstance(container, Container) else None
            writer = _PartWriter(self._parts, shard.number, name, self._events)
            for outcome in self._continuous.transcribe(listing or shard.recordings):
                writer.write(outcome)
            writer.flush()
            self._events.put(ShardDone(shard.number, listing.listed if listing else Listed()))
        except Awct2Error as error:
            self._events.put(Raised(error))
        except Exception as error:  # whatever it is, the run should be able to say it
            self._events.put(Raised(EngineError(f"{type(error).__name__}: {error}")))


class _Listing:
    """What is left to do of a container, listed here; `listed` counts all that has come up so far."""

    def __init__(self, container: Container, rest: Rest) -> None:
        self._container = container
        self._rest = rest
        self._found = self._resumed = self._failed = 0

    @property
    def listed(self) -> Listed:
        """What of it has come up, what was done and what had failed before."""
        return Listed(self._found, self._resumed, self._failed)

    def __iter__(self) -> Iterator[Recording]:
        container, rest = self._container, self._rest
        for recording in contained(container.path, container.prefix, container.column):
            if not rest.selection.takes(recording):
                continue
            self._found += 1
            if recording.id in rest.done:
                self._resumed += 1
            elif recording.id in rest.failed:
                self._failed += 1
            else:
                yield recording
            if self._found == container.limit:
                break


class _PartWriter:
    """Gathers a shard's lines and writes them as parts."""

    def __init__(self, parts: Parts, shard: int, name: str, events: queue.SimpleQueue[Event]) -> None:
        self._parts = parts
        self._shard = shard
        self._name = name
        self._events = events
        self._number = 0
        self._begin()

    def _begin(self) -> None:
        self._transcripts, self._errors = bytearray(), bytearray()
        self._counts = Counts()
        self._since = time.monotonic()

    def write(self, outcome: Outcome) -> None:
        """Take a line, and write a part where enough has gathered. Raises OutputError."""
        lines = self._transcripts if isinstance(outcome, Transcript) else self._errors
        lines += to_json(outcome).encode("utf-8") + b"\n"
        self._counts.add(Counts.of(outcome))
        if len(lines) >= _PART_BYTES or time.monotonic() - self._since >= _PART_AGE_S:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered, if anything, and say so. Raises OutputError."""
        if self._transcripts or self._errors:
            name = f"{self._name}-{self._number:04d}"
            self._parts.write(name, bytes(self._transcripts), bytes(self._errors), self._counts)
            self._events.put(PartWritten(self._shard, name))
            self._number += 1
        self._begin()


def _copy_of(fingerprint: str) -> Path:
    return cache_root() / "copies" / fingerprint
