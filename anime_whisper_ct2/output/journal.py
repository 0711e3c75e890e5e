"""The output folder: what is on disk is what was done.

    OUT/transcripts.jsonl   one line for each recording transcribed, appended as they finish
    OUT/errors.jsonl        one line for each that could not be
    OUT/run.json            settings, versions and the run's figures; written beside and renamed
    OUT/unfinished/         windows of long recordings that are not finished (`unfinished`)

A line is whole or absent: a torn last one, left by a crash or a full disk, is cut off when the folder is opened again.
Lines that others have written, on other machines, come as parts; each recording's is taken once.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from anime_whisper_ct2.errors import OutputError, counted
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.output.folder import cannot_write, make_folder, written
from anime_whisper_ct2.output.lines import ERRORS, RUN, TRANSCRIPTS, Part, dump_json, id_of, ids_of, to_json
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.output.metrics import Counts
from anime_whisper_ct2.output.run_file import check_readable, read_run, remove_run, write_run
from anime_whisper_ct2.output.settings import ENCODER, UNSAID_ENCODER, changes, encoder_before, with_encoder
from anime_whisper_ct2.output.unfinished import Unfinished
from anime_whisper_ct2.records import Headway, Home, Outcome, Transcript
from anime_whisper_ct2.system import files, refusals
from anime_whisper_ct2.system.appending import appended, write_whole

# What a power cut may cost at most; to sync each line would be to wait for the disk each time.
_SYNC_EVERY_S = 5.0
# The next run tidies as well, and a console that closes gives 5 s for all.
_TIDY_PATIENCE_S = 0.5


class Journal:
    """An output folder, opened for one run and locked.

    `settings` are those that decide the text: they must be those of the results that are there. `done` and `failed`
    hold the ids of its lines as they were when it was opened; what failed once and was done later is only done. With
    `overwrite` there are none, and `begin` removes the old ones. Until `begin` nothing in the folder is changed.
    `model` is the folder of the model, for messages.

    Raises OutputError when the folder cannot be written, another run holds it, or the settings differ.
    """

    def __init__(
        self, out: Path, settings: Mapping[str, Any], *, overwrite: bool = False, model: str | None = None
    ) -> None:
        self.path = out
        self._model = model
        self.done = IdSet()
        self.failed = IdSet()
        # Lines of errors.jsonl that later ones made untrue are taken out at the end.
        self._superseded = False
        self._written = IdSet()
        # Of parts, which may hold what another one held.
        self._taken = IdSet()
        self._failed_there = IdSet()
        self._begun = False
        self._settings = dict(settings)
        self._overwrite = overwrite
        self._about: dict[str, Any] = {}
        self._synced = time.monotonic()
        self._files: dict[str, IO[bytes]] = {}
        make_folder(out)
        self._lock = FolderLock(out)
        try:
            self._lock.acquire()
            self._unfinished = Unfinished(out)
            if not overwrite:
                # Until an engine is open, nobody knows which encoder it is now.
                self._settings |= encoder_before(read_run(out))
                self.done = IdSet(ids_of(out / TRANSCRIPTS))
                for id_ in ids_of(out / ERRORS):
                    self._superseded |= id_ in self.done or not self.failed.add(id_)
                self._check_settings()
        except OSError as error:
            self.close()
            raise cannot_write(out, error) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, about: Mapping[str, Any]) -> None:
        """Open the folder for results: old ones go if they are to, a torn last line goes, and `run.json` is written.

        `about` is what else that says: versions, inputs, and of the engine, where there is one, what it is. Raises
        OutputError where that gives other texts than the one before.
        """
        if engine := about.get("engine"):
            self._settings = with_encoder(self._settings, engine)
            if not self._overwrite:
                self._check_settings()
        self._about = {**about, "process": os.getpid()}
        with written(self.path):
            if self._overwrite:
                for name in (TRANSCRIPTS, ERRORS):
                    files.remove_or_empty(self.path / name)
                self._unfinished.clear()
                # Last: results must never be there without the settings that they were made with.
                remove_run(self.path)
            self._unfinished.tidy()
            for id_ in [id_ for id_ in self._unfinished.ids if id_ in self.done]:
                # It was killed between the recording's line and this.
                self._unfinished.drop(id_)
            self._open()
        self._begun = True
        self._write_run({"state": "running"})

    def adopt(self, parts: Iterable[Part]) -> None:
        """Take over what an earlier run has left in parts, before `begin`: it counts as done, or failed, before.

        Raises OutputError where it was made with other settings.
        """
        for part in parts:
            self._check_settings(sure=True)
            with written(self.path):
                self._open()
            self.append(part)
            for line in part.transcripts.splitlines():
                self.done.add(id_of(line))
            for line in part.errors.splitlines():
                if (id_ := id_of(line)) not in self.done:
                    self.failed.add(id_)
        # From here on they are old: what failed there may be tried again, and be done or fail anew.
        self._taken, self._failed_there = IdSet(), IdSet()

    def write(self, outcome: Outcome) -> None:
        """Append one line, whole; every few seconds the files are synced to the disk.

        Raises OutputError when the disk is full or gone.
        """
        if outcome.id in self.failed:
            self._superseded = True
            if isinstance(outcome, Transcript):
                self._written.add(outcome.id)
        with written(self.path):
            name = TRANSCRIPTS if isinstance(outcome, Transcript) else ERRORS
            write_whole(self._files[name], to_json(outcome).encode("utf-8") + b"\n")
            if isinstance(outcome, Transcript) and outcome.id in self._unfinished.ids:
                # Its line first: a power cut must not take both.
                os.fsync(self._files[name].fileno())
                self._unfinished.drop(outcome.id)
            self._sync_now_and_then()

    @property
    def encoder(self) -> str | None:
        """What must go on encoding, where results are there; None: whatever there is, and it is compared then."""
        there = len(self.done) or len(self.failed) or self._unfinished.ids
        # Not torch: in float32 it is not needed, and may not be there.
        return UNSAID_ENCODER if there and not self._overwrite and ENCODER not in self._settings else None

    def homes(self, id_: str) -> tuple[Home, ...]:
        """Give what earlier runs have finished of a recording that they did not finish."""
        with written(self.path):
            return () if self._overwrite else self._unfinished.homes(id_)

    def keep(self, headway: Headway) -> None:
        """Keep what was finished of a recording that is not. Raises OutputError as `write` does."""
        with written(self.path):
            if headway.homes:
                self._unfinished.keep(headway.id, headway.homes)
            self._sync_now_and_then()

    @property
    def halfway(self) -> int:
        """How many recordings are gone on with in the middle."""
        return 0 if self._overwrite else len(self._unfinished.ids)

    def unclaimed(self) -> int:
        """Count the recordings that are neither done nor failed, and of which something is kept all the same."""
        kept = set(self._unfinished.ids)
        return len(kept.difference(ids_of(self.path / ERRORS)) if kept else kept)

    def _sync_now_and_then(self) -> None:
        now = time.monotonic()
        if now - self._synced >= _SYNC_EVERY_S:
            self._synced = now
            for file in self._files.values():
                os.fsync(file.fileno())
            self._unfinished.sync()
            self._check_place()

    def append(self, part: Part) -> Counts:
        """Append the lines of recordings that have none yet, sync them, and count them.

        A transcript is news also of what has failed in an earlier part; then that failure is taken off the counts.
        Raises OutputError when the disk is full or gone.
        """
        transcripts, finished, mended = [], [], 0
        for line in part.transcripts.splitlines(keepends=True):
            id_ = id_of(line)
            if id_ in self.done or not self._taken.add(id_):
                continue
            failed_now = id_ in self._failed_there
            mended += failed_now
            if failed_now or id_ in self.failed:
                self._superseded = True
                self._written.add(id_)
            transcripts.append(line)
            if id_ in self._unfinished.ids:
                finished.append(id_)
        errors = [line for line in part.errors.splitlines(keepends=True) if self._is_new_failure(line)]
        with written(self.path):
            for name, lines in ((TRANSCRIPTS, transcripts), (ERRORS, errors)):
                if lines:
                    write_whole(self._files[name], b"".join(lines))
                    os.fsync(self._files[name].fileno())
            for id_ in finished:
                self._unfinished.drop(id_)
            self._check_place()
        # Nearly always so; else what is left of the part is read for its figures.
        if len(transcripts) == part.counts.done and len(errors) == part.counts.failed and not mended:
            return part.counts
        counts = Counts(failed=len(errors) - mended)
        for line in map(json.loads, transcripts):
            counts.add_transcript(line["duration"], line["flags"])
        return counts

    def _is_new_failure(self, line: bytes) -> bool:
        id_ = id_of(line)
        if id_ in self.done or id_ in self._taken or not self._failed_there.add(id_):
            return False
        self._superseded |= id_ in self.failed
        return True

    def finish(self, state: str, figures: Mapping[str, Any]) -> None:
        """Write the run's figures into `run.json`; `state` is `finished`, `interrupted` or `failed`.

        Then failures that a later try has made good are taken out of `errors.jsonl`, and of two of one recording the
        first. Nothing can be written behind that. Does nothing when the run never began.
        """
        if not self._begun:
            return
        self._check_place()
        self._write_run({"state": state, **figures})
        if self._superseded:
            self._tidy_errors()

    def close(self) -> None:
        """Sync, close and unlock; safe to call twice."""
        for file in self._files.values():
            # A full disk was reported by `write` already; the next run repairs the last line.
            with contextlib.suppress(OSError, ValueError):
                os.fsync(file.fileno())
                file.close()
        if self._begun:
            with contextlib.suppress(OSError):
                self._unfinished.sync()
        self._lock.release()

    def _check_place(self) -> None:
        """Raise OutputError where the folder was removed, renamed or unmounted: files that are open do not notice."""
        try:
            gone = not all(files.is_still_at(self.path / name, file.fileno()) for name, file in self._files.items())
        except FileNotFoundError:
            gone = True
        except OSError as error:
            raise cannot_write(self.path, error) from error
        if gone:
            raise OutputError(
                f"{self.path} is gone: it was removed, renamed or unmounted while results were written there; "
                "bring it back and run the same command again to go on"
            )

    def _tidy_errors(self) -> None:
        path, beside = self.path / ERRORS, self.path / (ERRORS + files.BESIDE)
        # Closed first: Windows renames over no file that is open.
        self._files.pop(ERRORS).close()
        try:
            with files.opened(beside, "wb", patience_s=_TIDY_PATIENCE_S) as file:
                last = {id_: number for number, id_ in enumerate(ids_of(path))}
                with files.opened(path) as lines:
                    # `ids_of` ends before a torn last line, and so does this.
                    for number, (id_, line) in enumerate(zip(ids_of(path), lines, strict=False)):
                        if last[id_] == number and id_ not in self.done and id_ not in self._written:
                            file.write(line)
            files.replace(beside, path, patience_s=_TIDY_PATIENCE_S)
        except OSError as error:
            with contextlib.suppress(OSError):
                files.remove(beside, patience_s=_TIDY_PATIENCE_S)
            # Of a file that somebody has open the lines stay until the next run; no reader counts them.
            if not refusals.is_held(error):
                raise cannot_write(self.path, error) from error

    def _open(self) -> None:
        if not self._files:
            self._files = {name: appended(self.path / name) for name in (TRANSCRIPTS, ERRORS)}

    def _check_settings(self, *, sure: bool = False) -> None:
        """Compare with those of the results that are there; `sure`: there are some."""
        # Where nothing was done yet, any settings will do.
        if not sure and not len(self.done) and not len(self.failed) and not self._unfinished.ids:
            return
        begun = "" if sure or len(self.done) or len(self.failed) else counted(len(self._unfinished.ids), "recording")
        held = f"the beginning of {begun}" if begun else "results"
        about = read_run(self.path)
        before = about.get("settings")
        if before == self._settings:
            return
        if not isinstance(before, dict):
            # To start afresh would be bad advice where it only cannot be read now.
            check_readable(self.path)
            raise OutputError(
                f"{self.path} holds {held}, and no {RUN} that names the settings; "
                "choose another output, or start afresh with --overwrite"
            )
        said = changes(before, self._settings, about.get("model"), self._model)
        if not said:
            return
        raise OutputError(
            f"{self.path} holds {held} made with other settings ({said}); "
            "use those again, choose another output, or start afresh with --overwrite"
        )

    def _write_run(self, figures: Mapping[str, Any]) -> None:
        content = {**self._about, **figures, "settings": self._settings}
        write_run(self.path, dump_json(content, indent=2) + "\n")
