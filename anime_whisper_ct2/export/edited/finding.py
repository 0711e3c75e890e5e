"""Which recording a row of an edited table is about: by its id in tables, by the name of its file in lists."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from anime_whisper_ct2.export.edited.cells import id_forms, legacy_forms, unescaped, written_id
from anime_whisper_ct2.export.edited.reading import LISTED, NEEDED
from anime_whisper_ct2.export.edited.records import Remark, Row, Table
from anime_whisper_ct2.export.formats import esd
from anime_whisper_ct2.export.formats.plain import flat, shown
from anime_whisper_ct2.export.naming import Names

# What `stretch_name` puts behind a recording's name, and `flat` behind one that could be mistaken for another.
_STRETCH = re.compile(r"(.+)(_(\d{5,}\.\d{3})-(\d{5,}\.\d{3})_*)", re.DOTALL)
_DIGEST = re.compile(r"(.+)-[0-9a-f]{10}", re.DOTALL)
_WAV = ".wav"
_ESD = frozenset(esd.LANGUAGES.values())
# `flat` cuts names that are longer than this, times and all.
_CUT_BYTES = 190


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of each recording, and what is to be said of those that are of none."""

    rows: dict[str, list[Row]]
    unusable: list[Remark]


@dataclass(frozen=True, slots=True)
class FileName:
    """The name of a row's file without its extension; with `flat`, it is in one folder with all others."""

    name: str
    flat: bool

    @property
    def last(self) -> str:
        """Give it without folders."""
        return self.name.rpartition("/")[2]

    def is_called(self, name: str) -> bool:
        """Say whether it is the file of an example of this name, wherever its folder was."""
        if self.flat:
            return self.last == flat(name)
        return self.name == name or self.name.endswith("/" + name)

    def stretch_of(self, recording: str) -> tuple[float, float] | None:
        """Give the times in its name where it is a stretch of a recording of this name, in seconds; else None."""
        for stem in self.stems():
            found = _STRETCH.fullmatch(stem)
            if found and self.is_called(recording + found[2]):
                return float(found[3]), float(found[4])
        return None

    def stems(self) -> Iterator[str]:
        """Give what its name may be without the digest that `flat` puts behind it."""
        stem = self.last if self.flat else self.name
        yield stem
        if self.flat and (found := _DIGEST.fullmatch(stem)):
            yield found[1]

    def bases(self) -> Iterator[str]:
        """Give what its recording may be called: it, its beginning, and both without the folders that they are in."""
        for stem in self.stems():
            yield from self.tails(stem)
            if found := _STRETCH.fullmatch(stem):
                yield from self.tails(found[1])

    def tails(self, name: str) -> Iterator[str]:
        """Give a name and, where there are folders, what it is below each of these."""
        yield name
        while not self.flat and (name := name.partition("/")[2]):
            yield name


def file_name(row: Row, format_: str | None) -> FileName:
    """Read the name of the file of a list's row; where nothing says the list's format, its language does."""
    path = row.cells[LISTED.index("path")].replace("\\", "/")
    stem = path[: -len(_WAV)] if path.lower().endswith(_WAV) else path
    is_esd = row.cells[LISTED.index("language")] in _ESD if format_ is None else format_ == esd.FORMAT
    return FileName(stem, not is_esd)


def find_by_id(table: Table, ids: Sequence[str]) -> Found:
    """Find the recordings that the rows of a table name; ids come in order."""
    known = _Ids(ids, table)
    column = table.columns.index(NEEDED[0])
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    unusable: list[Remark] = []
    for row in table.rows:
        found = next(filter(None, map(known.find, row.readings(column))), ())
        if len(found) == 1:
            rows[found[0]].append(row)
        else:
            named = shown(row.cells[column]) or "no id"
            why = f"{named}: is the id of several recordings" if found else f"{named}: no recording of the run"
            unusable.append(Remark(row.line, why))
    return Found(rows, unusable)


def find_by_name(
    table: Table,
    files: Sequence[FileName],
    ids: Sequence[str],
    names: Names,
    long_names: Callable[[], Iterable[tuple[str, str]]],
) -> Found:
    """Find the recordings whose clips the rows of a list name, by the end of the paths of their `files`.

    `long_names` gives all clips of the run, each with its recording; asked for only where names were cut.
    """
    index: defaultdict[str, list[int]] = defaultdict(list)
    for number, file in enumerate(files):
        for base in dict.fromkeys(file.bases()):
            index[base].append(number)
    # Of several recordings whose names the path ends in, the one with the longest is meant.
    best: dict[int, tuple[int, str]] = {}
    for id_ in ids:
        name = names[id_]
        for base in _called(name):
            for number in index.get(base, ()):
                longer = number not in best or best[number][0] < len(name)
                if longer and (files[number].is_called(name) or files[number].stretch_of(name)):
                    best[number] = len(name), id_
    cut = {
        file.last: number
        for number, file in enumerate(files)
        if number not in best and file.flat and len(file.last.encode("utf-8", "replace")) >= _CUT_BYTES
    }
    if cut:
        for id_, clip in long_names():
            if (at := cut.get(flat(clip))) is not None:
                best[at] = 0, id_
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    unusable: list[Remark] = []
    for number, row in enumerate(table.rows):
        if number in best:
            rows[best[number][1]].append(row)
        else:
            unusable.append(Remark(row.line, f"{shown(row.cells[0])}: no clip of a recording of the run"))
    return Found(rows, unusable)


def _called(name: str) -> Iterator[str]:
    """Give what the files of a recording of this name may be called by, times and digests apart."""
    word = flat(name)
    digest = _DIGEST.fullmatch(word)
    yield from dict.fromkeys((name, word, *((digest[1],) if digest else ())))


class _Ids:
    """The ids of a run, by what a table has for them."""

    def __init__(self, ids: Sequence[str], table: Table) -> None:
        self._ids = ids
        # A tsv has spaces for tabs and line ends.
        self._is_exact = table.separator != "\t"
        # Only those that a table cannot have as they are.
        self._odd: defaultdict[str, list[str]] = defaultdict(list)
        for id_ in ids:
            written = written_id(id_)
            if written != id_:
                self._odd[written].append(id_)
            if table.is_legacy:
                for form in dict.fromkeys(legacy_forms(written)):
                    self._odd[form].append(id_)

    def find(self, cell: str) -> tuple[str, ...]:
        """Give the recordings that a cell may mean: one where it is clear, none where it is none."""
        found: dict[str, None] = {}
        for form in id_forms(cell):
            if self._has(form) and written_id(form) == form:
                found[form] = None
            found.update(dict.fromkeys(self._odd.get(form, ())))
        exactly = [id_ for id_ in found if id_ in (cell, unescaped(cell))]
        return tuple(exactly) if self._is_exact and len(exactly) == 1 else tuple(found)

    def _has(self, id_: str) -> bool:
        at = bisect_left(self._ids, id_)
        return at < len(self._ids) and self._ids[at] == id_
