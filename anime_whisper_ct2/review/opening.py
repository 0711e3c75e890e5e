"""A run opened for the page: its log is locked at once, its index made while the page asks how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from anime_whisper_ct2.errors import Awct2Error
from anime_whisper_ct2.extensions import AUDIO, has_extension
from anime_whisper_ct2.model_dir.cache import cache_root
from anime_whisper_ct2.output.lines import TRANSCRIPTS
from anime_whisper_ct2.output.results import RunFolder, check_begins
from anime_whisper_ct2.review.bench import Bench
from anime_whisper_ct2.review.index.index import Index, open_index
from anime_whisper_ct2.review.index.noting import still_holds
from anime_whisper_ct2.review.lists.voice_lists import REFUSED, ListRun, beside, open_list, save_list
from anime_whisper_ct2.review.refusing import RefusedError
from anime_whisper_ct2.review.session import Session, State
from anime_whisper_ct2.review.settings import ReviewSettings
from anime_whisper_ct2.review.sound.clips import Clip, Clips
from anime_whisper_ct2.review.stepping import no_character
from anime_whisper_ct2.review.unread import UnreadRun
from anime_whisper_ct2.reviews import Log, Logs, ReviewOptions, Reviews, open_log, review_folder
from anime_whisper_ct2.system import waiting
from anime_whisper_ct2.text import NORMALIZERS

_LISTS = frozenset(("list",))
# Of the progress that is shown, the index is so much; the rest is what was decided before.
_INDEX_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Opened:
    """What a name has led to: the lines that the index is made of, and the folder where decisions about them lie."""

    name: str
    kind: Literal["run", "list"]
    file: Path
    decisions: Path
    listed: ListRun | None = None
    against: Path | None = None  # of the second run, its lines


class _ClosedError(Exception):
    """The page was closed before its index was made."""


class Opening:
    """A run that is being opened, and then is open. The thread that makes its index says how far it is, or why not."""

    def __init__(
        self, settings: ReviewSettings, opened: Opened, logs: Logs, log: Log, on_problem: Callable[[str], object]
    ) -> None:
        self._settings = settings
        self._opened = opened
        self._logs = logs
        self._log = log
        self._on_problem = on_problem
        self._state = State(opened.name, opened.kind, settings.reviewer, settings.normalizer)
        self._session: Session | None = None
        self._clips: Clips | None = None
        self._index: Index | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._open, name="opening", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait(self) -> None:
        """Wait until the run is open, or cannot be."""
        waiting.join(self._thread)

    @property
    def refused(self) -> str:
        """Name the characters that no text may hold."""
        return "" if self._opened.listed is None else REFUSED

    @property
    def session(self) -> Session:
        """The session. Raises RefusedError, 503, while there is none yet."""
        if self._session is None:
            said = self._state.problem or "the run is still being opened"
            raise RefusedError(said, "not_ready", 503)
        return self._session

    def state(self) -> State:
        """Say how things stand."""
        state = self._state if self._session is None else self._session.state(self._state)
        notes = [state.note]
        if self._opened.listed is not None:
            notes.append(self._opened.listed.note)
        if self._clips is not None:
            notes.append(self._clips.problem)
        return replace(state, note="; ".join(filter(None, notes)) or None)

    def clip(self, row: int, margin_s: float) -> Clip:
        """Give the sound of a row with a margin. Raises NoSound, or RefusedError for a row that is not there."""
        session = self.session
        assert self._clips is not None
        transcript, shown = session.bench.heard(row)
        return self._clips.clip(transcript, shown.start, shown.end, margin_s)

    def save(self) -> Path:
        """Write a list with the decisions in it beside the one that is open; gives the new one."""
        session, listed = self.session, self._opened.listed
        if listed is None:
            raise RefusedError("only a list is saved; `awct2 export` writes a run with its decisions")
        saved = beside(listed.path)
        with session.bench.lock:
            save_list(listed, Reviews(self._opened.file, ReviewOptions(), self._logs), saved)
        return saved

    def close(self) -> None:
        """End what is under way, and let go of everything."""
        self._closing = True
        waiting.join(self._thread)
        with ExitStack() as stack:
            if self._index is not None:
                stack.callback(self._index.close)
            if self._session is not None:
                stack.callback(self._session.bench.note)
            if self._clips is not None:
                stack.callback(self._clips.close)

    def _open(self) -> None:
        try:
            self._session = self._made()
        except _ClosedError:
            pass
        except Awct2Error as error:
            self._fail(str(error))
        except BaseException as error:
            self._fail(f"the index cannot be made: {error!r}")
            raise

    def _fail(self, problem: str) -> None:
        self._state = replace(self._state, problem=problem)
        self._on_problem(problem)

    def _made(self) -> Session:
        settings, opened = self._settings, self._opened
        self._index = open_index(
            opened.file,
            slice_=settings.slice_,
            against=opened.against,
            normalizer=settings.normalizer,
            on_progress=lambda share: self._come(share * _INDEX_SHARE),
            is_so=lambda told: still_holds(told, opened.decisions),
        )
        bench = Bench(self._index, self._logs, self._log)
        bench.catch_up(lambda share: self._come(_INDEX_SHARE + share * (1 - _INDEX_SHARE)))
        self._clips = Clips(
            UnreadRun(opened.file),
            cache_root() / "review" / "clips",
            allow_urls=settings.allow_urls,
            is_list=opened.kind == "list",
        )
        refused_in = no_character if opened.listed is None else opened.listed.refused_in
        return Session(bench, NORMALIZERS[settings.normalizer], refused_in)

    def _come(self, share: float) -> None:
        if self._closing:
            raise _ClosedError
        self._state = replace(self._state, progress=share)


@contextmanager
def opened(settings: ReviewSettings, on_problem: Callable[[str], object] = lambda _: None) -> Iterator[Opening]:
    """Open a run, as `review.open_review` says, and close it."""
    found = waiting.apart(lambda: _found(settings.run))
    if settings.against is not None:
        found = replace(found, against=_run_file(settings.against))
    with ExitStack() as stack:
        log = stack.enter_context(open_log(found.decisions, settings.reviewer))
        logs = waiting.apart(lambda: Logs(found.decisions))
        opening = Opening(settings, found, logs, log, on_problem)
        stack.callback(opening.close)
        opening.start()
        yield opening


def _found(path: Path) -> Opened:
    """Look what a name leads to. Raises InputError where it is no run and no list."""
    if path.is_file() and has_extension(path.name, _LISTS):
        listed = open_list(path, cache_root() / "review")
        return Opened(path.name, "list", listed.file, review_folder(path), listed)
    file = _run_file(path)
    return Opened(file.resolve().parent.name or str(file), "run", file, review_folder(file))


def _run_file(path: Path) -> Path:
    file = path / TRANSCRIPTS if path.is_dir() else path
    if not file.is_file() or has_extension(file.name, AUDIO):
        # Who says why that is none.
        RunFolder(path)
    check_begins(file)
    return file
