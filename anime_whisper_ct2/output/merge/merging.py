"""Runs of the parts of a corpus in, one run folder out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.lines import ERRORS, RUN, TRANSCRIPTS
from anime_whisper_ct2.output.merge.figures import PARTS, about_of, figures_of, versions_of
from anime_whisper_ct2.output.merge.lines import Copied, copy_lines
from anime_whisper_ct2.output.merge.parts import (
    Part,
    check_finished,
    check_named_once,
    check_same,
    check_settings,
    in_order,
    read_part,
)
from anime_whisper_ct2.output.merge.reviews import Joined, ReviewLogs
from anime_whisper_ct2.output.run_file import has_run, read_run, write_run
from anime_whisper_ct2.output.unfinished import Unfinished
from anime_whisper_ct2.system.files import opened, remove, replace
from anime_whisper_ct2.system.refusals import reason, subject

_BESIDE = ".merging"


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge came to: recordings that are transcribed and that failed, and what a user should know of it.

    `review`: what was decided about the parts, and about an earlier merge.
    """

    path: Path
    parts: tuple[Path, ...]
    transcribed: int
    failed: int
    notes: tuple[str, ...] = ()
    review: Joined = field(default_factory=Joined)


def shard_folders(run: Path) -> tuple[Path, ...]:
    """Give the folders `shard-*` in a folder, sorted by name; none where there are none."""
    return tuple(sorted(path for path in run.glob("shard-*") if path.is_dir()))


def merge(
    runs: Sequence[Path],
    out: Path,
    *,
    incomplete: bool = False,
    overwrite: bool = False,
    called: Callable[[str], str] = str,
) -> Merged:
    """Join runs into one run folder at `out`, which every other room reads like that of a single run.

    A run that holds folders `shard-*` stands for these. Either all are shards I/N of one corpus, or none is a shard:
    then they are runs over different corpora. Lines are taken over byte for byte, shard by shard, other runs in the
    order given; a failure that was made good within its run is left out. Figures are summed. The parts stay as they
    are, and `out` may hold them. With `incomplete`, shards may be missing or unfinished: `awct2 run` without a shard
    goes on from there. `overwrite` replaces the results of a run at `out`; those of an earlier merge always are. What
    reviewers decided about the parts is added to what they decided about `out`, of which nothing goes.
    `called` gives what `run.json` calls the part at a path. Memory: 8 bytes for each recording, and 16 for each of the
    part that is being copied.

    Raises InputError for parts that do not make a whole, OutputError when `out` cannot be written.
    """
    found = [read_part(path, incomplete) for run in runs for path in (shard_folders(run) or (run,))]
    parts = [part for part in found if part is not None]
    if not parts:
        raise InputError(f"{', '.join(map(str, runs))}: no results of a run there; name output folders of `awct2 run`")
    check_named_once(parts)
    check_settings(parts)
    if any(part.shard for part in parts):
        parts = in_order(parts, incomplete)
    else:
        check_same(parts, ("audio_column",), "name runs that read the same one")
    if not incomplete:
        check_finished(parts)
    for part in parts:
        # By their real paths: a part that was written over while it is read would be lost.
        if os.path.realpath(part.path) == os.path.realpath(out):
            raise InputError(f"{out} is one of the parts; name another folder with -o")
    # Those in which no run has begun are in `found` alone.
    whole = len(parts) == len(found) and all(part.state == "finished" for part in parts)
    if parts[0].shard:
        whole = whole and len(parts) == parts[0].shard[1]
    # Only the lock is wanted of it; nothing in the folder is changed before `begin`.
    with Journal(out, parts[0].settings, overwrite=True):
        _check_free(out, overwrite)
        copied, review = _write(parts, out, "finished" if whole else "interrupted", called)
    return Merged(
        out,
        tuple(part.path for part in parts),
        sum(one.transcribed for one in copied),
        sum(one.failed for one in copied),
        tuple(_notes(parts, whole)),
        review,
    )


def _check_free(out: Path, overwrite: bool) -> None:
    """Refuse to replace results that no merge has made."""
    held = [name for name in (TRANSCRIPTS, ERRORS) if (out / name).exists()] + [RUN] * has_run(out)
    if not held or overwrite:
        return
    if PARTS not in read_run(out):
        raise InputError(
            f"{out} holds {held[0]} of a run that is no merge; name another folder with -o, "
            "or replace its results with --overwrite"
        )


def _write(
    parts: Sequence[Part], out: Path, state: str, called: Callable[[str], str]
) -> tuple[Sequence[Copied], Joined]:
    """Write beside and rename, `run.json` first and last: a merge that was killed says that it is not done."""
    beside = {name: out / (name + _BESIDE) for name in (TRANSCRIPTS, ERRORS)}
    about = about_of(parts)
    try:
        with ReviewLogs([part.path for part in parts], out) as review:
            with opened(beside[TRANSCRIPTS], "wb") as transcripts, opened(beside[ERRORS], "wb") as errors:
                copied = copy_lines(parts, transcripts, errors)
                for file in (transcripts, errors):
                    file.flush()
                    os.fsync(file.fileno())
            # It is of the results that go, and of their settings: of the new ones it would pass for a beginning.
            Unfinished(out).clear()
            _write_run(out, {**about, "state": "running", PARTS: [called(str(part.path)) for part in parts]})
            for name in (TRANSCRIPTS, ERRORS):
                replace(beside[name], out / name)
            review.put()
            _write_run(out, {**about, "state": state, **figures_of(parts, copied, called)})
    except OSError as error:
        raise OutputError(
            f"{subject(error, out)} cannot be written: {reason(error)}; mend that and merge again"
        ) from error
    finally:
        for path in beside.values():
            with suppress(OSError):
                remove(path)
    return copied, review.joined


def _write_run(out: Path, content: Mapping[str, Any]) -> None:
    write_run(out, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def _notes(parts: Sequence[Part], whole: bool) -> Iterator[str]:
    for name, versions in versions_of(parts).items():
        if ", " in versions:
            yield f"the parts were made with different versions of {name}: {versions}"
    if not whole:
        rest = "; `awct2 run` with this output and without --shard does the rest" if parts[0].shard else ""
        yield f"the merge is incomplete{rest}"
