"""The index of a run: what the page's lists, filters and counts are answered from, a million segments at a time.

It is made from the lines of the run, can be thrown away at any time, and is no truth: for an edit, `Index.transcript`
reads the line itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.lines import TRANSCRIPTS
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.review.index.against import other_text
from anime_whisper_ct2.review.index.building import read_line
from anime_whisper_ct2.review.index.files import Opened, Sources, held_folder, open_database, reviewed
from anime_whisper_ct2.review.index.many import read_many
from anime_whisper_ct2.review.index.marking import Marking
from anime_whisper_ct2.review.index.queries import Filters, Sort
from anime_whisper_ct2.review.index.queues import freeze
from anime_whisper_ct2.review.index.reading import Statuses, read_rows, read_said, read_statuses
from anime_whisper_ct2.review.index.rows import STATUSES, Frozen, Row, Said, restored, stored
from anime_whisper_ct2.review.index.transactions import whole
from anime_whisper_ct2.review.index.updating import Updating
from anime_whisper_ct2.review.index.vocabulary import Vocabulary
from anime_whisper_ct2.reviews.records import Piece
from anime_whisper_ct2.text import NORMALIZERS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


def open_index(
    run_file: Path,
    *,
    slice_: tuple[int, int] | None = None,
    against: Path | None = None,
    normalizer: str = "author",
    cache: Path | None = None,
    on_progress: Callable[[float], object] = lambda _: None,
    is_so: Callable[[Mapping[str, int]], bool] = lambda _: True,
) -> Index:
    """Open the index of a `transcripts.jsonl`; it is made where it is not there, or where the file is another by now.

    `slice_`: part i of n, as `run --shard` counts them. `against`: a second run's file, whose texts are put beside, and
    compared under `normalizer`. `cache`: where else than in the user's cache it is to lie.
    `is_so`: whether what `note_reviewed` has kept is true of the logs yet; where not, it is made anew, too.

    Raises InputError for a run that cannot be read, OutputError where there is no room for the index.
    """
    if normalizer not in NORMALIZERS:
        raise InputError(f"no normaliser is called {normalizer!r:.40}; there are {', '.join(NORMALIZERS)}")
    sources = Sources(run_file, slice_, against, normalizer)
    with ExitStack() as stack:
        folder = stack.enter_context(held_folder(sources, cache))
        opened = open_database(sources, folder, on_progress, is_so)
        stack.callback(opened.con.close)
        return Index(sources, opened, stack.pop_all())


class Index:
    """Rows by number: those of the run's segments in the order of ids and times, and behind them parts of split ones.

    Many threads may ask at a time; `update` takes turns with itself. `total`: how many segments the run has, `seconds`
    how much sound is in them, `flags` which flags there are, `words` whether any has word times. `notes`: what a
    reviewer should know of how it was read. `against_name`: the second run's name. `reviewed`: the sizes of the logs
    that it knows of, see `note_reviewed`.
    """

    def __init__(self, sources: Sources, opened: Opened, resources: ExitStack) -> None:
        self._sources = sources
        self._con = opened.con
        self._resources = resources
        self._ids = opened.ids
        self._firsts = opened.firsts
        self._begins = opened.begins
        self._flagsets = _flagsets(opened.con)
        self._tags = Vocabulary(opened.con, "tags")
        self._reviewers = Vocabulary(opened.con, "reviewers")
        self._lock = threading.RLock()
        self._transaction = partial(whole, opened.con, self._tags.load, self._reviewers.load, self._load_flagsets)
        self._updating = Updating(
            opened.con,
            self.id_of,
            self._firsts,
            self._tags,
            self._reviewers,
            self._flagsets,
            NORMALIZERS[sources.normalizer],
            self._transaction,
        )
        self.marking = Marking(
            opened.con,
            len(self._ids),
            self._tags,
            self._reviewers,
            self._updating.moved,
            self._transaction,
            self._lock,
        )
        about = opened.about
        self.total: int = about["total"]
        self.seconds: float = about["seconds"]
        self.words: bool = about["words"]
        self.notes: tuple[str, ...] = tuple(about["notes"])
        self.flags: tuple[str, ...] = tuple(sorted({name for names in self._flagsets for name in names}))
        self.against_name = None if sources.against is None else _name(sources.against)
        self.reviewed = reviewed(opened.con)

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it; what was updated is kept for the next start."""
        with self._lock:
            self._resources.close()

    def record_of(self, id_: str) -> int | None:
        """Give the number of the recording with an id; None where it is not among those that are open."""
        return self._ids.find(id_)

    def records_of(self, ids: Iterable[str]) -> npt.NDArray[np.int32]:
        """Give the numbers of the recordings with some ids, in order; those that are not open are left out."""
        return self._ids.find_all(ids)

    def id_of(self, rec: int) -> str:
        """Give a recording's id. Raises KeyError where there is no such."""
        if not 0 <= rec < len(self._ids):
            raise KeyError(rec)
        return self._ids.name(rec)

    def transcript(self, rec: int) -> Transcript:
        """Read a recording as the run wrote it: the only truth for an edit.

        Raises KeyError where there is no such, InputError where the file was changed since.
        """
        id_ = self.id_of(rec)
        try:
            transcript = read_line(self._sources.run, int(self._begins[rec]))
        except InputError as error:
            raise self._changed() from error
        if transcript.id != id_:
            raise self._changed()
        return transcript

    def transcripts(self, recs: Sequence[int]) -> Iterator[Transcript]:
        """Read many recordings, as `transcript` does one."""
        offsets = [int(self._begins[rec]) for rec in recs]
        for rec, transcript in zip(recs, read_many(self._sources.run, offsets), strict=True):
            if transcript.id != self._ids.name(rec):
                raise self._changed()
            yield transcript

    def record_of_row(self, row: int) -> int:
        """Give the recording of a row, of one that is gone too. Raises KeyError where there is no such."""
        if not 0 <= row < self.total:
            behind: int = self._updating.behind[row]
            return behind
        return int(self._firsts.searchsorted(row, "right")) - 1

    def rows_of(self, rec: int) -> tuple[int, ...]:
        """Give the rows that are there of a recording, in the order of time."""
        if rec not in self._updating.moved:
            return tuple(range(int(self._firsts[rec]), int(self._firsts[rec + 1])))
        found = self._ask("SELECT row FROM segments WHERE rec = ? AND NOT gone ORDER BY start, row", [rec])
        return tuple(row for (row,) in found)

    def rows(self, rows: Sequence[int]) -> list[Row]:
        """Give rows in the order that they are asked for in; those that are gone, or never were, are left out."""
        return read_rows(self._con.cursor(), rows, self._flagsets, self._tags.values, self._reviewers.values)

    def queue(self, filters: Filters, sort: Sort = "risk", *, descending: bool = True) -> Frozen:
        """Freeze the rows that fit, in order. Raises InputError for a search that cannot be carried out."""
        narrowed = []
        if filters.by:
            known = self._reviewers.known(filters.by)
            narrowed.append(f"s.reviewer = {-1 if known is None else known}")
        if filters.tag:
            sets = [number for number, names in enumerate(self._tags.values) if filters.tag in names]
            narrowed.append(f"s.tagset IN ({', '.join(map(str, sets or [-1]))})")
        further = " AND ".join(narrowed) or None
        return freeze(self._con.cursor(), filters, sort, self._flagsets, further, descending=descending)

    def update(self, outcomes: Iterable[tuple[int, Sequence[Piece]]]) -> dict[int, tuple[int, ...]]:
        """Take over what recordings have come to by decisions; gives the rows of each, one for each piece in order.

        A piece keeps its row over updates; what was split off gets one behind all others, and what was merged into
        another is gone until that is undone. Recordings that are split or merged are read from the file: raises
        InputError where that was changed.
        """
        with self._lock:
            return self._updating(outcomes, self.transcript)

    def texts(self, rows: npt.NDArray[np.int32]) -> Iterator[Said]:
        """Say what rows say now, in their order, thousands at a time in memory; those that are gone are left out."""
        return read_said(self._con.cursor(), rows, self._ids)

    def statuses(self, rows: npt.NDArray[np.int32]) -> Statuses:
        """Say how rows stand now, in their order; those that are gone are left out."""
        return read_statuses(self._con.cursor(), rows)

    def other(self, rec: int, start: float, end: float) -> str | None:
        """Give the second run's text between two times of a recording; None where it does not have the recording."""
        return None if self._sources.against is None else other_text(self._con.cursor(), rec, start, end)

    def counts(self) -> Mapping[str, int]:
        """Count the segments of each status."""
        told = dict(self._ask("SELECT status, count(*) FROM segments WHERE NOT gone GROUP BY status"))
        return {status: told.get(number, 0) for number, status in enumerate(STATUSES)}

    def changed(self) -> tuple[int, ...]:
        """Give the recordings, in order, that decisions may have left other than the run itself has them."""
        differs = "status <> 0 OR tagset <> 0 OR touched OR gone"
        return tuple(rec for (rec,) in self._ask(f"SELECT DISTINCT rec FROM segments WHERE {differs} ORDER BY rec"))

    def tags(self) -> tuple[str, ...]:
        """Name the tags that there are on segments."""
        used = self._ask("SELECT DISTINCT tagset FROM segments WHERE NOT gone")
        return tuple(sorted({tag for (number,) in used for tag in self._tags.values[number]}))

    def reviewers(self) -> tuple[str, ...]:
        """Name those whose decisions are in force."""
        used = self._ask("SELECT DISTINCT reviewer FROM segments WHERE NOT gone AND reviewer IS NOT NULL")
        return tuple(sorted(self._reviewers.values[number] for (number,) in used))

    def note_reviewed(self, sizes: Mapping[str, int]) -> None:
        """Keep the sizes of the logs whose decisions are all in here, so that a second start replays what is new."""
        with self._lock:
            with self._transaction():
                self._con.execute("DELETE FROM reviewed")
                for name, size in sizes.items():
                    self._con.execute("INSERT INTO reviewed VALUES (?, ?)", [stored(name), size])
            self.reviewed = dict(sizes)

    def _load_flagsets(self) -> None:
        # In place, as they are others' too: none but the last ones may be gone.
        del self._flagsets[len(_flagsets(self._con)) :]

    def _ask(self, query: str, given: Sequence[Any] = ()) -> list[Any]:
        return self._con.cursor().execute(query, given).fetchall()

    def _changed(self) -> InputError:
        return InputError(f"{self._sources.run} was changed since the page was opened; start `awct2 review` again")


def _name(file: Path) -> str:
    """Give what to call a run: of its folder, whose files are all called the same."""
    return (file.absolute().parent.name if file.name == TRANSCRIPTS else file.stem) or str(file)


def _flagsets(con: Connection) -> list[tuple[str, ...]]:
    told = con.execute("SELECT names FROM flagsets ORDER BY number").fetchall()
    return [tuple(map(restored, names)) for (names,) in told]
