"""Where a search puts its result and its work: what is no earlier result or work of its own is left alone.

WORK/.search       makes it known as one; at the end, whose result it led to
WORK/study.db      the trials, unless the study was named
WORK/features-…    what the corpus sounds like, for as long as trials hear it
WORK/sums-…        sums of the checkpoints
WORK/models/       the model that each process tries
WORK/.processes/   those that are at work in it
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.places import check_apart, check_free, check_writable, looking_at, writing
from anime_whisper_ct2.search.company import BEHIND, Company, check_company, folder_of, is_ending
from anime_whisper_ct2.search.report import CHART, RESULT, TABLE
from anime_whisper_ct2.system import files, swapping
from anime_whisper_ct2.system.paths import lies_in

FEATURES, SUMS = "features-", "sums-"
# As averages and adaptations call what they leave beside OUT: whoever is next at that place puts it right.
KIND = "checkpoint"
_MODELS = "models"
_STUDY = "study.db"
_MARKER = ".search"
# Behind the name of the result: where all that is kept until it is there.
_WORK = ".work"
# What any average is known by.
_AVERAGE = "average.json"
_OWN = frozenset((".lock", ".holder"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where things go, all absolute. `named`: the user has named the work folder, so that it stays."""

    out: Path
    work: Path
    study: Path
    named: bool

    @classmethod
    def of(cls, out: Path, work: Path | None, study: Path | None) -> Place:
        """Complete what was named."""
        # Path.absolute() keeps `..`, which has no name beside it.
        out = Path(os.path.abspath(out))  # noqa: PTH100 - see above
        folder = out.with_name(out.name + _WORK) if work is None else Path(os.path.abspath(work))  # noqa: PTH100
        file = folder / _STUDY if study is None else Path(os.path.abspath(study))  # noqa: PTH100 - as above
        return cls(out, folder, file, work is not None)

    @property
    def models(self) -> Path:
        """Where each process has a folder for what it tries."""
        return self.work / _MODELS

    def check(self, checkpoints: Sequence[str], read: Sequence[str] = (), *, overwrite: bool = False) -> None:
        """Refuse places at which something would be lost or nothing can be written.

        `read`: folders and files that the search reads. Raises InputError.
        """
        self.check_out(overwrite=overwrite)
        with looking_at(self.out):
            check_apart(self.out, checkpoints, read, goes=True)
            self._check_work(checkpoints, read)
            if lies_in(self.study, self.out):
                raise InputError(f"{self.study}: lies in {self.out}, which appears when all is done; name another file")
            above_out, above_study = (Path(os.path.realpath(path)).parent for path in (self.out, self.study))
            for path, option in ((above_out, "-o"), (self.work, "--work"), (above_study, "--study")):
                check_writable(path, option)

    def check_out(self, *, overwrite: bool = False) -> None:
        """Refuse a place for the result where anything lies but an earlier average that may go. Raises InputError."""
        with looking_at(self.out):
            own = (RESULT, TABLE, CHART)
            check_free(self.out, _AVERAGE, "awct2 average", "an average", overwrite=overwrite, own=own)

    def make(self) -> None:
        """Have the work folder there, and known as one. Raises OutputError."""
        with writing(self.work):
            while not (self.work / _MARKER).exists():
                self.work.mkdir(parents=True, exist_ok=True)
                # A process that has just finished may be removing the folder.
                with contextlib.suppress(FileNotFoundError):
                    files.put(self.work / _MARKER, b"")

    def about_to_appear(self, result: Path) -> None:
        """Note which result the work has led to. Raises OutputError."""
        with writing(self.work):
            files.put(self.work / _MARKER, _known_by(result))

    def settle(self) -> None:
        """Put right what a process has left that was ended while its result took its place.

        An earlier result is given back where none is there, and work that is done goes, unless its folder was named.
        """
        if not Path(os.path.realpath(self.out)).name:
            return  # a whole drive, which is no place for a result
        # What is wrong there, `check` says.
        with contextlib.suppress(OSError, OutputError, InputError):
            if is_ending(self.study):
                return
            swapping.settle(self.out, KIND)
            if not self.named and (self.work / _MARKER).read_bytes() == _known_by(self.out):
                with Company(self.study) as company, self.joined() as crew:
                    self.leave(crew, company)

    def joined(self) -> Company:
        """Give those that are at work in the work folder, to join them."""
        return Company(self.study, self.work)

    def leave(self, crew: Company, company: Company) -> None:
        """Leave those in the work folder, and those at the study: with the last ones, what was kept for them goes."""
        # What the system holds on to is in nobody's way.
        with contextlib.suppress(OSError, OutputError):
            with crew.leaving() as last_here, company.leaving() as last_of_all:
                if last_here and not self.named:
                    self._clear(with_study=last_of_all)
            if last_here and not self.named:
                # Only when nothing of anybody else's is in it.
                self.work.rmdir()

    def clear_models(self, crew: Company) -> None:
        """Remove what processes that are gone were trying."""
        with contextlib.suppress(OSError), crew.alone():
            for path in self.models.iterdir():
                if not crew.is_there(path.name):
                    files.clear_away(path)

    def tidy(self) -> None:
        """Remove a work folder in which there is nothing as yet."""
        with contextlib.suppress(OSError):
            if not self.named and {path.name for path in self.work.iterdir()} - _OWN <= {_MARKER, _MODELS}:
                with contextlib.suppress(FileNotFoundError):
                    self.models.rmdir()
                for name in (_MARKER, *_OWN):
                    files.remove(self.work / name, missing_ok=True)
                self.work.rmdir()

    def _clear(self, *, with_study: bool) -> None:
        for path in self.work.iterdir():
            if path.name == _MODELS or path.name.startswith((FEATURES, SUMS)):
                files.clear_away(path)
        study = (_STUDY, f"{_STUDY}-journal", _STUDY + files.BESIDE) if with_study else ()
        for name in (*study, *_OWN):
            files.remove(self.work / name, missing_ok=True)
        # The mark goes with the folder: where something stays, such as a study of another name, the work goes on.
        going = {_MARKER, BEHIND, *((folder_of(self.study).name,) if with_study else ())}
        if {path.name for path in self.work.iterdir()} <= going:
            files.remove(self.work / _MARKER, missing_ok=True)

    def _check_work(self, checkpoints: Sequence[str], read: Sequence[str]) -> None:
        work, out = self.work, self.out
        if work.exists() and not work.is_dir():
            raise InputError(f"{work}: is a file, and the work goes into a folder of that name; name one with --work")
        if lies_in(work, out):
            raise InputError(f"{work}: lies in {out}, which appears when all is done; name another folder with --work")
        if lies_in(out, work):
            raise InputError(f"{out}: lies in {work}, where the work is; name another folder with -o")
        check_apart(work, checkpoints, read, option="--work")
        if work.is_dir():
            names = {path.name for path in work.iterdir()} - _OWN - {BEHIND, folder_of(self.study).name}
            if names and _MARKER not in names:
                raise InputError(f"{work}: is not empty, and no work of a search; name another folder with --work")
            check_company(self.study, work)


def _known_by(result: Path) -> bytes:
    """Give what a result is known again by: the digest of its report, which has the seconds that all took."""
    return hashlib.sha256((result / RESULT).read_bytes()).hexdigest().encode()
