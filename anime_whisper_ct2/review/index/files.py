"""Where the index of a run lies: in the cache, by what it was made of, held by one process, and made anew where stale.

Nothing in it cannot be made again. Where another process has it, as another reviewer's on this machine, a further one
is made beside it.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.errors import OutputError, first_line
from anime_whisper_ct2.model_dir.cache import cache_root
from anime_whisper_ct2.readers.selection import Selection
from anime_whisper_ct2.review.index.against import make_others
from anime_whisper_ct2.review.index.building import load, make_tables, set_risks
from anime_whisper_ct2.review.index.ids_on_disk import Ids
from anime_whisper_ct2.review.index.offsets import stamp
from anime_whisper_ct2.review.index.rows import is_utf8, restored
from anime_whisper_ct2.system import files, locks
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2.text import NORMALIZERS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

# Of an index that another version of this module made, nothing is known.
_FORMAT = 3
_DATABASE, _LOCK, _SPILL = "index.duckdb", "lock", "spill"
# What DuckDB may hold for itself; reading lines takes some more, and Python as much again.
_MEMORY, _THREADS = "300MB", 4
_MOST_BESIDE = 16
_FIRSTS, _BEGINS = "firsts.npy", "begins.npy"


@dataclass(frozen=True, slots=True)
class Sources:
    """What an index is made of. `slice_`: part i of n, as `run --shard` counts them."""

    run: Path
    slice_: tuple[int, int] | None = None
    against: Path | None = None
    normalizer: str = "author"

    def key(self) -> str:
        """Give what tells it from others, but for what the files hold."""
        return json.dumps(
            [str(self.run.absolute()), self.slice_, str(self.against and self.against.absolute()), self.normalizer]
        )

    def state(self) -> str:
        """Give what an index has to be made anew after, as JSON. Raises InputError where a file cannot be seen."""
        import duckdb  # noqa: PLC0415 - 66 MB, of an extra

        stamps = [asdict(stamp(path)) for path in (self.run, self.against) if path is not None]
        return json.dumps([_FORMAT, duckdb.__version__, self.key(), stamps])


@dataclass(slots=True)
class Opened:
    """A database that is open; `about`: what was told of it when it was made.

    `firsts`: the first row of each recording, shape (n + 1,), the last being the number of all. `begins`: where the
    line of each begins in the run's file, shape (n,), in bytes.
    """

    con: Connection
    about: dict[str, Any]
    ids: Ids
    firsts: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]


@contextmanager
def held_folder(sources: Sources, cache: Path | None) -> Iterator[Path]:
    """Give a folder that nobody else has open; the same one every time, if it is free. It is let go of in the end.

    Raises OutputError where there is no room for one.
    """
    name = re.sub(r"[^\w.-]+", "-", sources.run.absolute().parent.name)[-40:].strip("-.") or "run"
    key = hashlib.sha256(sources.key().encode("utf-8", "surrogatepass")).hexdigest()[:12]
    above = (cache or cache_root()) / "review"
    with ExitStack() as stack:
        # Before a question mark, as in a URL, DuckDB would put the ending of the file that it writes ahead.
        numbers = range(1, _MOST_BESIDE + 1) if is_utf8(above) and "?" not in str(above) else ()
        for number in numbers:
            folder = above / f"{name}-{key}{'' if number == 1 else f'-{number}'}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                if stack.enter_context(locks.tried(folder / _LOCK)):
                    yield folder
                    return
            except OSError as error:
                raise no_room(folder, error) from error
        # For this time only.
        yield Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="awct2-review-")))


def open_database(
    sources: Sources,
    folder: Path,
    on_progress: Callable[[float], object],
    is_so: Callable[[Mapping[str, int]], bool] = lambda _: True,
) -> Opened:
    """Open the index in a folder; it is made first where it is not there, or of what is no more.

    `is_so` says whether what was noted about the logs is true of them yet.

    Raises InputError for a run that cannot be read, OutputError where there is no room for the index.
    """
    state = sources.state()
    there = _there(folder, state, is_so)
    if there is None:
        there = _made(sources, folder, state, on_progress)
    on_progress(1.0)
    return there


def reviewed(con: Connection) -> Mapping[str, int]:
    """Read what an index has noted about the logs."""
    told = con.execute("SELECT name, size FROM reviewed").fetchall()
    return {restored(name): size for name, size in told}


def no_room(folder: Path, error: BaseException) -> OutputError:
    """Say that the index cannot be written."""
    said = reason(error) if isinstance(error, OSError) else first_line(error)
    return OutputError(
        f"the index for the page cannot be written in {folder}: {said}; "
        "make room there, or name another folder for the cache by AWCT2_CACHE"
    )


def _there(folder: Path, state: str, is_so: Callable[[Mapping[str, int]], bool]) -> Opened | None:
    path = folder / _DATABASE
    if not path.exists():
        return None
    con = None
    # Whatever is wrong with it, it can be made again.
    with suppress(Exception):
        con = _connected(path, folder)
        about = json.loads(con.execute("SELECT content FROM about").fetchall()[0][0])
        if about["state"] == state and is_so(reviewed(con)):
            there = _opened(con, folder, about)
            _look_through(con)
            return there
    if con is not None:
        con.close()
    return None


def _look_through(con: Connection) -> None:
    """Read all of the small tables, and a column of each large one. Raises duckdb.Error where something is broken."""
    for table in ("vocabulary", "reviewed", "flagsets", "speakers"):
        con.execute(f"SELECT * FROM {table}").fetchall()
    con.execute("SELECT count(begins) FROM recs").fetchall()
    con.execute("SELECT count(status), sum(row) FROM segments").fetchall()


def _made(sources: Sources, folder: Path, state: str, on_progress: Callable[[float], object]) -> Opened:
    import duckdb  # noqa: PLC0415 - 66 MB, of an extra

    path = folder / _DATABASE
    try:
        for old in folder.iterdir():
            if old.is_dir():
                files.remove_tree(old)
            elif old.name != _LOCK:
                files.remove(old)
        con = _connected(path, folder)
        try:
            about = _fill(con, sources, folder, state, on_progress)
        except BaseException:
            con.close()
            files.remove(path, missing_ok=True)
            raise
    except (duckdb.Error, OSError) as error:
        raise no_room(folder, error) from error
    return _opened(con, folder, about)


def _opened(con: Connection, folder: Path, about: dict[str, Any]) -> Opened:
    return Opened(con, about, Ids.load(folder), np.load(folder / _FIRSTS), np.load(folder / _BEGINS))


def _connected(path: Path, folder: Path) -> Connection:
    import duckdb  # noqa: PLC0415 - 66 MB, of an extra

    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "threads": _THREADS,
        "temp_directory": str(folder / _SPILL),
        # Nothing is fetched from anywhere.
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    con = duckdb.connect(str(path), config=settings)
    # To whom it takes for somebody at a prompt, it would show how far a slow query is, on standard output.
    con.execute("SET enable_progress_bar = false")
    return con


def _fill(
    con: Connection, sources: Sources, folder: Path, state: str, on_progress: Callable[[float], object]
) -> dict[str, Any]:
    """Make all tables; `about` comes last, and without it there is no index."""
    notes = []
    share = 0.5 if sources.against is not None else 0.6
    lines, note = load(con, sources.run, "run", lambda done: on_progress(share * done))
    notes.append(note)
    takes = Selection(shard=sources.slice_).takes_id if sources.slice_ is not None else None
    make_tables(con, takes, lines)
    on_progress(share + 0.2)
    if sources.against is not None:
        _, note = load(con, sources.against, "second", lambda done: on_progress(share + 0.2 + 0.2 * done))
        notes.append(note)
        make_others(con, NORMALIZERS[sources.normalizer])
    set_risks(con)
    _write_ids(con, folder)
    total, seconds = con.execute("SELECT count(*), coalesce(sum(stop - start), 0.0) FROM segments").fetchall()[0]
    # Who is killed from here on leaves all of these tables or none.
    con.begin()
    for table in (
        "vocabulary (kind VARCHAR, number INT, content VARCHAR)",
        "reviewed (name VARCHAR, size BIGINT)",
        "about (content VARCHAR)",
    ):
        con.execute(f"CREATE TABLE {table}")
    # The set of tags that segments begin with.
    con.execute("INSERT INTO vocabulary VALUES ('tags', 0, '[]')")
    about = {
        "state": state,
        "total": total,
        "seconds": round(seconds, 3),
        "words": lines.words,
        "notes": [note for note in notes if note],
    }
    con.execute("INSERT INTO about VALUES (?)", [json.dumps(about)])
    con.commit()
    con.execute("CHECKPOINT")
    return about


def _write_ids(con: Connection, folder: Path) -> None:
    rows = con.cursor()
    rows.execute("SELECT id FROM recs ORDER BY rec")
    Ids.write(folder, (restored(id_) for block in iter(lambda: rows.fetchmany(50_000), []) for (id_,) in block))
    found = con.execute("SELECT n, begins FROM recs ORDER BY rec").fetchnumpy()
    np.save(folder / _FIRSTS, np.concatenate([np.zeros(1, np.int64), np.cumsum(found["n"], dtype=np.int64)]))
    np.save(folder / _BEGINS, np.asarray(found["begins"], np.int64))
