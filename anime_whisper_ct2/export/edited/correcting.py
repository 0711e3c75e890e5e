"""An edited table and its run in, decisions out: the one place that knows the order of the steps."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path

from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.export.clips.plan import CLIPS, ClipOptions, plan
from anime_whisper_ct2.export.edited.columns import Columns
from anime_whisper_ct2.export.edited.deciding import Outcome, Rules, batch_name, decide
from anime_whisper_ct2.export.edited.finding import FileName, Found, file_name, find_by_id, find_by_name
from anime_whisper_ct2.export.edited.marker import read_marker
from anime_whisper_ct2.export.edited.matching import Match, Matched, match_clips, match_rows
from anime_whisper_ct2.export.edited.missing import Missing
from anime_whisper_ct2.export.edited.reading import read_table
from anime_whisper_ct2.export.edited.records import Corrected, Remark, Row
from anime_whisper_ct2.export.edited.states import Recording, State, States
from anime_whisper_ct2.export.edited.texts import Texts, likeliest
from anime_whisper_ct2.export.naming import Names
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.output.source import Source
from anime_whisper_ct2.records import Segment, Transcript
from anime_whisper_ct2.reviews import Decision, Logs, open_log, review_folder
from anime_whisper_ct2.system.paths import path_of

# Recordings that tell which normalizer a table went through.
_SAMPLED = 200


class Correction:
    """Takes a table that `Export` has written of a run, and that somebody has edited, for decisions about the run.

    `run` is a run's output folder, or its `transcripts.jsonl`; `table` a csv, tsv, `esd.list` or the list for
    GPT-SoVITS, also as a spreadsheet has saved it. Rows whose text is another than the export's correct their segments,
    those whose text is empty reject them, and other times in a csv or tsv trim them. `reject_missing` also rejects the
    segments whose rows are gone. What the review has changed since the export stays as it is there, unless `force`
    takes the table's.

    Raises InputError for a run that is not there, for what is no table of an export, and where `reject_missing` cannot
    be told.
    """

    def __init__(
        self,
        run: Path | str,
        table: Path | str,
        *,
        reviewer: str,
        reject_missing: bool = False,
        force: bool = False,
    ) -> None:
        self._run = RunFolder(run)
        self._folder = review_folder(self._run.file)
        self._table = read_table(path_of(table))
        self._made = read_marker(self._table)
        self._texts = Texts.of(self._table, self._made.normalizer if self._made else None)
        self._missing = Missing(self._table, self._made, self._run.file, self._texts) if reject_missing else None
        self._rules = Rules(reviewer, batch_name(secrets.token_hex(8)), force)
        self._names = Names(self._run.ids)
        self._clips = self._clip_options()
        format_ = self._made.format if self._made else None
        is_list = self._table.kind == "list"
        self._files: Mapping[Row, FileName] = (
            {row: file_name(row, format_) for row in self._table.rows} if is_list else {}
        )

    def run(self, *, dry_run: bool = False) -> Corrected:
        """Say what the table comes to and, unless that is all that is wanted, append it to the reviewer's log.

        Raises InputError where no row is of the run, or a log cannot be read, OutputError where another process has the
        reviewer's log, or it cannot be written: nothing is in it then.
        """
        # Held from before the logs are read: what is decided meanwhile would not be known.
        with nullcontext() if dry_run else open_log(self._folder, self._rules.reviewer) as log:
            done, decisions = self._work()
            if log is None or not decisions:
                return done
            log.append(decisions)
            return replace(done, batch=self._rules.batch, log=log.path)

    def _work(self) -> tuple[Corrected, list[Decision]]:
        found = self._found()
        self._check(found)
        states = States(self._folder, Logs(self._folder), self._made)
        normalizer = None if self._made is not None else self._normalizer(found, states)
        if normalizer is not None:
            self._texts = Texts.of(self._table, normalizer)
        columns = Columns(self._table, self._made)
        out, ignored = Outcome(unusable=[*self._table.faults, *found.unusable]), Counter[str]()
        fitting = rounded = 0
        for id_, transcript in self._transcripts(found):
            recording = states.of(transcript)
            matched = self._matched(recording, found.rows.get(id_, []))
            out.unusable += matched.unusable
            fitting += len(matched.matches)
            rounded += sum(match.rounded for match in matched.matches)
            for match in matched.matches:
                ignored.update(columns.edited(recording, match))
            missing = self._gone(recording, matched)
            decide(recording, matched.matches, missing, self._texts, self._rules, out)
        if not fitting:
            raise self._of_another_run(out.unusable)
        return (
            Corrected(
                rows=len(self._table.rows) + len(self._table.faults),
                fitting=fitting,
                changes=tuple(sorted(out.changes, key=lambda change: (change.id, change.start))),
                already=out.already,
                unusable=tuple(sorted(out.unusable, key=lambda remark: remark.line)),
                conflicts=tuple(sorted(out.conflicts, key=lambda remark: remark.line)),
                ignored=ignored,
                unknown_columns=columns.unknown,
                rounded=rounded,
                normalizer=normalizer,
            ),
            out.decisions,
        )

    def _found(self) -> Found:
        if self._table.kind == "table":
            return find_by_id(self._table, self._run.ids)
        files = [self._files[row] for row in self._table.rows]
        return find_by_name(self._table, files, self._run.ids, self._names, self._long_names)

    def _normalizer(self, found: Found, states: States) -> str | None:
        """Say by some of its rows which normalizer a table went through, where nothing else tells it."""
        sample: list[tuple[Row, str]] = []
        for id_ in islice(sorted(found.rows), _SAMPLED):
            matched = self._matched(states.of(self._run[id_]), found.rows[id_])
            sample += [(match.row, match.piece.text) for match in matched.matches]
        return likeliest(self._table, sample)

    def _check(self, found: Found) -> None:
        """Raise InputError where none of the recordings is the run's, or where what is gone cannot be told."""
        unusable = [*self._table.faults, *found.unusable]
        if not found.rows:
            raise self._of_another_run(unusable)
        if self._missing is not None and unusable:
            raise InputError(
                f"{self._table.path}: {_first(unusable)}; while any row is of no recording, nobody can tell which are "
                "gone: mend it, or leave --reject-missing out"
            )

    def _of_another_run(self, unusable: list[Remark]) -> InputError:
        rows = counted(len(self._table.rows) + len(self._table.faults), "row")
        return InputError(f"{self._table.path}: none of its {rows} fits {self._run.folder}: {_first(unusable)}")

    def _transcripts(self, found: Found) -> Iterator[tuple[str, Transcript]]:
        """Read the recordings that rows are about, or all of them where rows may be gone."""
        if self._missing is not None:
            yield from ((transcript.id, transcript) for transcript in self._run.transcripts())
            return
        for id_ in sorted(found.rows):
            yield id_, self._run[id_]

    def _matched(self, recording: Recording, rows: list[Row]) -> Matched:
        if self._table.kind == "table":
            return match_rows(recording, rows, self._table, self._texts)
        name = self._names[recording.bare.id]
        return match_clips(recording, [(row, self._files[row]) for row in rows], name, self._planned)

    def _gone(self, recording: Recording, matched: Matched) -> list[Match]:
        if self._missing is None:
            return []
        planned = self._planned if self._table.kind == "list" else None
        return list(self._missing.of(recording, (*matched.matches, *matched.taken), planned))

    def _planned(self, state: State) -> Mapping[str, int]:
        """Give the names of a state's clips, and the number of the segment that each is of."""
        keep = self._made.filters.keeps if self._made else _any
        one = state.transcript
        clips = plan(one, self._names[one.id], self._clips, keep, self._names.holds)
        return {clip.name: clip.segment for clip in clips}

    def _long_names(self) -> Iterator[tuple[str, str]]:
        states = States(self._folder, Logs(self._folder), self._made)
        for transcript in self._run.transcripts():
            for state in states.of(transcript).states:
                yield from ((transcript.id, name) for name in self._planned(state))

    def _clip_options(self) -> ClipOptions:
        """Say how the clips of a list were cut; without a marker, as they are cut by default."""
        if self._made is not None and self._made.clips is not None:
            return self._made.clips
        return ClipOptions("wav", max(0.0, round(CLIPS.margin_s - Source(self._run).padding_s, 6)))


def _any(_: Segment) -> bool:
    return True


def _first(unusable: list[Remark]) -> str:
    first = min(unusable, key=lambda remark: remark.line)
    return f"line {first.line}: {first.why}"
