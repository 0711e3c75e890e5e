"""What `errors.jsonl` holds against the recordings of a run."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.lines import ERRORS, TRANSCRIPTS
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.system.files import opened
from anime_whisper_ct2.system.refusals import reason

StageAndError = tuple[str, str]


def failures(run: RunFolder) -> Mapping[str, StageAndError]:
    """Give the failed recordings of a run by id, each with the stage and error of its last line.

    What was done later has not failed. There are none beside a file that is not called `transcripts.jsonl`.
    Memory: the ids.

    Raises InputError for a line that no run wrote, naming it.
    """
    if run.file.name != TRANSCRIPTS:
        return {}
    path = run.folder / ERRORS
    kinds: dict[StageAndError, StageAndError] = {}
    failed: dict[str, StageAndError] = {}
    try:
        with opened(path) as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    break
                try:
                    content = json.loads(line)
                    id_, kind = content["id"], (content["stage"], content["error"])
                    if not all(isinstance(part, str) for part in (id_, *kind)):
                        raise TypeError("what should be text is not")
                except (ValueError, KeyError, TypeError) as error:
                    raise InputError(
                        f"{path}, line {number}: not a line that a run wrote ({error}); mend or remove it"
                    ) from error
                if not _holds(run, id_):
                    # One tuple for each kind, however many failed that way.
                    failed[id_] = kinds.setdefault(kind, kind)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error
    return failed


def _holds(run: RunFolder, id_: str) -> bool:
    """Look among the ids alone; the run's own `in` would read the transcript."""
    at = bisect_left(run.ids, id_)
    return at < len(run.ids) and run.ids[at] == id_
