"""The output folder: what is on disk is what was done.

    OUT/transcripts.jsonl   one line for each recording transcribed, appended as they finish
    OUT/errors.jsonl        one line for each that could not be
    OUT/run.json            settings, versions and the run's figures; written beside and renamed
    OUT/.lock, OUT/.holder  held while a run writes here, and by which process

A line is whole or absent: a torn last one, left by a crash or a full disk, is cut off when the folder is opened again.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from json.decoder import scanstring  # type: ignore[attr-defined] # the C scanner that json itself uses
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.records import Failure, Outcome, Transcript

TRANSCRIPTS = "transcripts.jsonl"
ERRORS = "errors.jsonl"
RUN = "run.json"
_LOCK = ".lock"
# Who has the lock; not in the lock's own file, which whoever tries it next empties.
_HOLDER = ".holder"
_SYNC_EVERY_S = 5.0
# A run that is just ending has let go by then, and one that has just begun has said who it is.
_LOCK_PATIENCE_S = 0.5
_ID_PREFIX = '{"id": "'


class Journal:
    """An output folder, opened for one run and locked.

    `settings` are those that decide the text: they must be those of the results that are there. `done` and `failed`
    hold the ids of its lines as they were when it was opened; what failed once and was done later is only done. With
    `overwrite` there are none, and `begin` removes the old ones. Until `begin` nothing in the folder is changed.

    Raises OutputError when the folder cannot be written, another run holds it, or the settings differ.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any], *, overwrite: bool = False) -> None:
        self.path = out
        self.done = IdSet()
        self.failed = IdSet()
        # Lines of errors.jsonl that later ones made untrue are taken out at the end.
        self._superseded = False
        self._written = IdSet()
        self._settings = dict(settings)
        self._overwrite = overwrite
        self._about: dict[str, Any] = {}
        self._synced = time.monotonic()
        self._files: dict[str, IO[bytes]] = {}
        _make_folder(out)
        self._lock = FileLock(str(out / _LOCK))
        self._acquire()
        try:
            if not overwrite:
                self.done = IdSet(_ids(out / TRANSCRIPTS))
                for id_ in _ids(out / ERRORS):
                    self._superseded |= id_ in self.done or not self.failed.add(id_)
                self._check_settings()
        except OSError as error:
            self.close()
            raise _cannot_write(out, error) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, about: Mapping[str, Any]) -> None:
        """Open the folder for results: old ones go if they are to, a torn last line goes, and `run.json` is written.

        `about` is what else that says: versions, inputs, device.
        """
        self._about = {**about, "process": os.getpid()}
        try:
            if self._overwrite:
                for name in (TRANSCRIPTS, ERRORS, RUN):
                    (self.path / name).unlink(missing_ok=True)
            self._files = {name: _append(self.path / name) for name in (TRANSCRIPTS, ERRORS)}
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        self._write_run({"state": "running"})

    def write(self, outcome: Outcome) -> None:
        """Append one line, whole; every few seconds the files are synced to the disk.

        Raises OutputError when the disk is full or gone.
        """
        if outcome.id in self.failed:
            self._superseded = True
            if isinstance(outcome, Transcript):
                self._written.add(outcome.id)
        try:
            _write_line(self._files[TRANSCRIPTS if isinstance(outcome, Transcript) else ERRORS], outcome)
            now = time.monotonic()
            if now - self._synced >= _SYNC_EVERY_S:
                self._synced = now
                for file in self._files.values():
                    os.fsync(file.fileno())
                self._check_place()
        except OSError as error:
            raise _cannot_write(self.path, error) from error

    def finish(self, state: str, figures: Mapping[str, Any]) -> None:
        """Write the run's figures into `run.json`; `state` is `finished`, `interrupted` or `failed`.

        Failures that a later try has made good are taken out of `errors.jsonl`, and of two of one recording the first.
        Does nothing when the run never began.
        """
        if not self._files:
            return
        self._check_place()
        if self._superseded:
            self._tidy_errors()
        self._write_run({"state": state, **figures})

    def close(self) -> None:
        """Sync, close and unlock; safe to call twice."""
        for file in self._files.values():
            # A full disk was reported by `write` already; the next run repairs the last line.
            with contextlib.suppress(OSError, ValueError):
                os.fsync(file.fileno())
                file.close()
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                (self.path / _HOLDER).unlink()
            self._lock.release()

    def _check_place(self) -> None:
        """Raise OutputError where the folder was removed, renamed or unmounted: files that are open do not notice."""
        try:
            gone = any(
                (self.path / name).stat().st_dev != os.fstat(file.fileno()).st_dev for name, file in self._files.items()
            )
        except FileNotFoundError:
            gone = True
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        if gone:
            raise OutputError(
                f"{self.path} is gone: it was removed, renamed or unmounted while results were written there; "
                "bring it back and run the same command again to go on"
            )

    def _tidy_errors(self) -> None:
        path, beside = self.path / ERRORS, self.path / (ERRORS + ".new")
        last = {id_: number for number, id_ in enumerate(_ids(path))}
        try:
            with path.open("rb") as lines, beside.open("wb") as file:
                for number, (id_, line) in enumerate(zip(_ids(path), lines, strict=False)):
                    if last[id_] == number and id_ not in self.done and id_ not in self._written:
                        file.write(line)
            self._files[ERRORS].close()
            beside.replace(path)
            self._files[ERRORS] = _append(path)
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        self._superseded = False

    def _acquire(self) -> None:
        try:
            self._lock.acquire(timeout=_LOCK_PATIENCE_S)
            (self.path / _HOLDER).write_text(str(os.getpid()), encoding="ascii")
        except Timeout:
            raise OutputError(
                f"{self.path}: {self._holder()} is writing there; wait for it, stop it, or choose another output"
            ) from None
        except OSError as error:
            self._lock.release()
            raise _cannot_write(self.path, error) from error

    def _holder(self) -> str:
        """Name the process that has the lock, as far as it has said so."""
        try:
            return f"process {int((self.path / _HOLDER).read_text(encoding='ascii'))}"
        except (OSError, ValueError):
            return "another process"

    def _check_settings(self) -> None:
        if not len(self.done) and not len(self.failed):
            return
        before = _read_run(self.path).get("settings")
        if before == self._settings:
            return
        if not isinstance(before, dict):
            raise OutputError(
                f"{self.path} holds results, and no {RUN} that says with which settings they were made; "
                "choose another output, or start afresh with --overwrite"
            )
        names = [name for name in {**before, **self._settings} if before.get(name) != self._settings.get(name)]
        changes = "; ".join(
            f"{name if name.isidentifier() else repr(name)} was {before.get(name)!r}, now {self._settings.get(name)!r}"
            for name in names
        )
        raise OutputError(
            f"{self.path} holds results made with other settings ({changes}); "
            "use those again, choose another output, or start afresh with --overwrite"
        )

    def _write_run(self, figures: Mapping[str, Any]) -> None:
        content = {**self._about, **figures, "settings": self._settings}
        beside = self.path / (RUN + ".new")
        try:
            with beside.open("w", encoding="utf-8") as file:
                file.write(_dump(content, indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path / RUN)
        except OSError as error:
            raise _cannot_write(self.path, error) from error


def to_json(outcome: Outcome) -> str:
    """Give a transcript or a failure as one line of JSON, without the line's end.

    Names that are not valid UTF-8 are written with escapes, which every JSON reader gives back unchanged.
    """
    content = asdict(outcome)
    if content.get("offset", 0.0) is None:
        del content["offset"]
    for segment in content.get("segments", ()):
        if not segment["words"]:
            del segment["words"]  # not asked for
        if segment["retries"] is None:
            del segment["retries"]
    return _dump(content)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read `transcripts.jsonl` or `errors.jsonl` line by line, a torn last line apart."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def _dump(content: Mapping[str, Any], indent: int | None = None) -> str:
    text = json.dumps(content, ensure_ascii=False, indent=indent)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(content, ensure_ascii=True, indent=indent)
    return text


def _write_line(file: IO[bytes], outcome: Transcript | Failure) -> None:
    """Write and flush one line; what a failed write left behind is taken back where the disk allows it."""
    start = file.seek(0, os.SEEK_END)
    try:
        line = to_json(outcome).encode("utf-8") + b"\n"
        # A disk that is nearly full takes the beginning of a line and says nothing.
        if file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.ftruncate(file.fileno(), start)
        raise


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(f"{out} is a file; name a folder for the output") from None
    except OSError as error:
        raise _cannot_write(out, error) from error


def _append(path: Path) -> IO[bytes]:
    """Open a file for appending, its torn last line cut off. Unbuffered: a line is in the file when written."""
    file = path.open("ab+", buffering=0)
    end = file.seek(0, os.SEEK_END)
    at = end
    while at > 0:
        step = min(1 << 16, at)
        file.seek(at - step)
        block = file.read(step)
        if (newline := block.rfind(b"\n")) >= 0:
            at = at - step + newline + 1
            break
        at -= step
    if at < end:
        file.truncate(at)
    return file


def _ids(path: Path) -> Iterator[str]:
    """Give the id of every whole line; only the beginning of a line is parsed."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if not raw.endswith(b"\n"):
                return
            line = raw.decode("utf-8", errors="replace")
            try:
                # Lines of our own begin with the id; any other JSON object with an id is taken too.
                id_ = scanstring(line, len(_ID_PREFIX))[0] if line.startswith(_ID_PREFIX) else json.loads(line)["id"]
                if not isinstance(id_, str):
                    raise TypeError("an id is a text")
                yield id_
            except (ValueError, KeyError, TypeError, RecursionError):
                raise OutputError(
                    f"{path}, line {number}: not a line that a run wrote; mend or remove it, or use --overwrite"
                ) from None


def _read_run(out: Path) -> dict[str, Any]:
    try:
        content = json.loads((out / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _cannot_write(out: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{out} cannot be written: {error.strerror or error}; mend that and run the same command again to go on"
    )
