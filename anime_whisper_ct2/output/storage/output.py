"""Where a run on a cluster leaves its results: a folder that all nodes share, or a URL."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.lines import ERRORS, RUN, TRANSCRIPTS, Part
from anime_whisper_ct2.output.run_file import newest_run
from anime_whisper_ct2.output.storage.parts import Parts
from anime_whisper_ct2.output.storage.place import local_path, open_storage

_HOLDER = ".holder.json"
# Whoever has not renewed its claim for so long is gone.
_RENEW_EVERY_S, _STALE_S = 20.0, 90.0
_RELEASE_S = 5.0


class SharedOutput:
    """A folder that all nodes see; `path` is where the run keeps its files, which is the folder itself."""

    def __init__(self, out: Path) -> None:
        self.place = os.path.abspath(out)  # noqa: PTH100 - strings keep invalid UTF-8
        self.path = out
        self._parts = Parts(open_storage(self.place))

    def __enter__(self) -> SharedOutput:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave everything as it is."""

    def left(self) -> Iterator[Part]:
        """Give the parts that an earlier run has left, each to be taken before the next is read."""
        for part in self._parts.left():
            yield part
            # Behind the `yield`: by now its lines are in the run's own files.
            self._parts.remove([part.name])

    def taken(self, part: Part) -> None:
        """Remove a part whose lines are in the run's own files."""
        self._parts.remove([part.name])

    def begun(self, *, afresh: bool) -> None:
        """Remove old parts where the run starts afresh."""
        if afresh:
            self._parts.remove_old()

    def ended(self, *, finished: bool) -> None:
        """Remove what engines have left that were lost; an unfinished run may still want it."""
        if finished:
            _tidy(self._parts)


class RemoteOutput:
    """An output behind a URL: a folder here while the run goes on, which is uploaded at its end.

    Until then, what is done is in the parts there, so that another machine can go on with it.
    """

    def __init__(self, url: str) -> None:
        self.place = url
        self._storage = open_storage(url)
        self._parts = Parts(self._storage)
        self._folder = TemporaryDirectory(prefix="awct2-run-", ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        self._closed = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="claim", daemon=True)
        self._claimed = False
        # Whether what is here differs from what is there, and the parts that are in it.
        self._changed = False
        self._taken: list[str] = []

    def __enter__(self) -> RemoteOutput:
        """Claim the output and fetch what is in it. Raises OutputError when another run is writing there."""
        try:
            self._check_free()
            self._claim()
            self._claimed = True
            self._renewing.start()
            for name in (TRANSCRIPTS, ERRORS, RUN):
                if self._storage.exists(name):
                    self._storage.download(name, self.path / name)
        except BaseException:
            # `with` does not call it where `__enter__` fails.
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._release()
        self._folder.cleanup()

    def left(self) -> Iterator[Part]:
        """Give the parts that an earlier run has left."""
        for part in self._parts.left():
            yield part
            self.taken(part)

    def taken(self, part: Part) -> None:
        """Keep the part: what is here is nowhere else yet."""
        self._changed = True
        self._taken.append(part.name)

    def begun(self, *, afresh: bool) -> None:
        """Say in the output with which settings its parts are made; without old results where it starts afresh."""
        self._changed = True
        if afresh:
            self._parts.remove_old()
            self._storage.remove([TRANSCRIPTS, ERRORS])
        # Last: under new settings there must never be old results.
        self._storage.upload(newest_run(self.path), RUN)

    def ended(self, *, finished: bool) -> None:
        """Upload the results, remove the parts that they were made of, and let others write there."""
        # The results first, `run.json` behind them, and then the parts: until then these are all that is there.
        if self._changed:
            for name in (TRANSCRIPTS, ERRORS, RUN):
                file = newest_run(self.path) if name == RUN else self.path / name
                if file.exists():
                    self._storage.upload(file, name)
            if finished:
                _tidy(self._parts)
            else:
                self._parts.remove(self._taken)
        self._release()

    def _check_free(self) -> None:
        if not self._storage.exists(_HOLDER):
            return
        try:
            holder: Any = json.loads(self._storage.read(_HOLDER))
            # By wall clocks, since two machines share no other.
            fresh = time.time() - float(holder["time"]) < _STALE_S
            who = f"process {int(holder['process'])} on {holder['host']}"
        # A claim that says nothing of its holder holds nobody off.
        except (ValueError, KeyError, TypeError):
            return
        if fresh:
            raise OutputError(
                f"{self._storage.place}: {who} is writing there; wait for it, stop it, or choose another output "
                f"(where it was killed, {_STALE_S:.0f} s have to pass)"
            )

    def _claim(self) -> None:
        holder = {"process": os.getpid(), "host": socket.gethostname(), "time": time.time()}
        self._storage.write(_HOLDER, json.dumps(holder).encode("utf-8"))

    def _release(self) -> None:
        self._closed.set()
        if self._claimed:
            self._claimed = False
            # So that it renews nothing behind the removal.
            self._renewing.join(_RELEASE_S)
            with contextlib.suppress(OutputError):
                self._storage.remove([_HOLDER])

    def _renew(self) -> None:
        while not self._closed.wait(_RENEW_EVERY_S):
            with contextlib.suppress(OutputError):
                self._claim()


def open_output(out: Path | str) -> SharedOutput | RemoteOutput:
    """Open an output for a run on a cluster: a folder by its path or its URL, or else a URL."""
    path = local_path(os.fspath(out))
    return SharedOutput(Path(path)) if path is not None else RemoteOutput(os.fspath(out))


def _tidy(parts: Parts) -> None:
    """Remove the parts behind a finished run; where an engine that was given up still writes, some may stay."""
    with contextlib.suppress(OutputError):
        parts.remove_all()
