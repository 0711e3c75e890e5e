"""References, and which of them a heard text belongs to."""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.evaluation.grouping import NO_GROUP, Grouping
from anime_whisper_ct2.evaluation.records import Counted, Line
from anime_whisper_ct2.evaluation.texts import LACKING, Texts
from anime_whisper_ct2.extensions import AUDIO
from anime_whisper_ct2.readers.rows import shown
from anime_whisper_ct2.records import Recording

# In the place of references: what the corpus itself says.
META = "meta"
# Stands for several references, of which none can be meant.
_AMBIGUOUS = -1


class References:
    """The references, in their source's order: `ids`, `texts` and the number of each one's group, held in memory.

    `group_names` are those found, in order. Of a recording that comes twice, the first line counts.

    Raises InputError when no line has a text.
    """

    def __init__(self, source: Texts, grouping: Grouping) -> None:
        self.source = source
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.duplicates = Counted()
        self.without_text = Counted()
        self._grouping = grouping
        self._groups: list[str | None] = []
        self._at: dict[str, int] = {}
        self._loosely: dict[str, int] | None = None
        self._keys: tuple[str, ...] = ()
        for line in source.lines():
            self._keys = self._keys or tuple(line.meta)
            self._add(line)
        if not self.ids:
            keys = f"; what is known of a recording is {', '.join(self._keys)}" if self._keys else ""
            why = (
                f"every recording has {source.lacking}"
                if source.lacking != LACKING
                else f"no recording has a text{keys}"
            )
            raise InputError(f"{shown(source.path)}: holds no references: {why}")

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._at

    def position(self, id_: str) -> int | None:
        """Give the number of the reference with exactly this id."""
        return self._at.get(id_)

    def loose_position(self, id_: str) -> int | None:
        """Give the number of the only reference whose id is the same but for the extension and Unicode's form."""
        if self._loosely is None:
            self._loosely = {}
            for number, known in enumerate(self.ids):
                key = loosely(known)
                self._loosely[key] = number if key not in self._loosely else _AMBIGUOUS
        number = self._loosely.get(loosely(id_), _AMBIGUOUS)
        return None if number == _AMBIGUOUS else number

    def learn(self, number: int, line: Line) -> None:
        """Take a reference's group from what a run knows of it, where the reference itself does not say."""
        if self._groups[number] is None:
            self._groups[number] = _interned(self._grouping.of(line))

    def group_names(self) -> tuple[str, ...]:
        """Give the groups that were found, sorted. Raises InputError when a column is nowhere."""
        names = {group for group in self._groups if group is not None}
        if not names:
            known = ", ".join(self._keys) or "nothing"
            raise InputError(
                f"no recording has {self._grouping.column!r} to group by, neither in the references, which have "
                f"{known}, nor in a run's meta"
            )
        return tuple(sorted(names | ({NO_GROUP} if None in self._groups else set())))

    def group_numbers(self, names: tuple[str, ...]) -> list[int]:
        """Give each reference's group by its number in `names`."""
        number = {name: at for at, name in enumerate(names)}
        return [number[NO_GROUP if group is None else group] for group in self._groups]

    def _add(self, line: Line) -> None:
        if line.again or line.id in self._at:
            self.duplicates = self.duplicates.plus(line.id)
        elif line.text is None:
            self.without_text = self.without_text.plus(line.id)
        else:
            self._at[line.id] = len(self.ids)
            self.ids.append(line.id)
            self.texts.append(line.text)
            self._groups.append(_interned(self._grouping.of(line)))


class Join:
    """Goes through what a run heard, and gives each text with the number of its reference; once through, counts it.

    Ids must be the same; those that fit nothing so are tried again without the extension of an audio file and in
    Unicode's composed form, and fit where that leaves one reference and one text, and the reference is still free. Such
    late ones are held until the others are through. Where nothing at all fits so, one side may name its files from
    another folder, or by whole paths: then the end of a path counts, wherever it fits one reference and one text;
    `by_ends` says how many do.
    """

    def __init__(self, heard: Texts, references: References) -> None:
        self._heard = heard
        self._references = references
        self.extra = Counted()
        self.duplicates = Counted()
        self.without_text = Counted()
        self.by_ends = Counted()
        self.example: str | None = None
        self.keys: tuple[str, ...] = ()  # what is known of a recording

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        taken = bytearray(len(self._references))
        late: dict[str, Line] = {}
        for line in self._heard.lines():
            self.example, self.keys = self.example or line.id, self.keys or tuple(line.meta)
            number = self._references.position(line.id)
            if line.again or line.id in late or (number is not None and taken[number]):
                self.duplicates = self.duplicates.plus(line.id)
            elif line.text is None:
                self.without_text = self.without_text.plus(line.id)
            elif number is None:
                late[line.id] = line
            else:
                taken[number] = 1
                yield number, line
        # Two texts that one reference would fit are both without one.
        alike = Counter(map(loosely, late))
        left: list[str] = []
        for id_, line in late.items():
            number = self._references.loose_position(id_)
            if number is None or taken[number] or alike[loosely(id_)] > 1:
                left.append(id_)
            else:
                taken[number] = 1
                yield number, line
        ends = {} if any(taken) else by_ends(left, self._references.ids)
        for id_ in left:
            if id_ in ends:
                self.by_ends = self.by_ends.plus(id_)
                yield ends[id_], late[id_]
            else:
                self.extra = self.extra.plus(id_)


def right_texts(
    recordings: Sequence[Recording],
    known: References,
    what: str = "recording",
    on_note: Callable[[str], None] = lambda _line: None,
) -> dict[int, str]:
    """Give the reference of each recording that has one, by its number.

    `what`: the recordings' noun. `on_note` is told which references did not take part, and how others were found.
    Raises InputError where no reference fits any.
    """
    number = {recording.id: at for at, recording in enumerate(recordings)}

    def lines() -> Iterator[Line]:
        """Name the recordings as the join wants them; their texts come later."""
        return (Line(recording.id, "", recording.meta) for recording in recordings)

    join = Join(Texts("the corpus", lines), known)
    found = {number[line.id]: at for at, line in join}
    if not found:
        raise InputError(
            f"{shown(known.source.path)}: none of its references fits a {what}; they name {known.ids[0]!r}, "
            f"and the {what}s are named {recordings[0].id!r}"
        )
    taken, left = set(found.values()), Counted()
    for at, id_ in enumerate(known.ids):
        if at not in taken:
            left = left.plus(id_)
    for line in (
        *said("references", known.duplicates, "name", f"a {what} again; the first text counts"),
        *said("references", known.without_text, "have", "no text that can be read"),
        *said("references", left, "have", f"no {what}, left out"),
        *said("the corpus", join.by_ends, "have", "the reference whose path ends alike"),
    ):
        on_note(line)
    return {at: known.texts[found[at]] for at in found}


def said(where: str, counted: Counted, do: str, what: str) -> Iterator[str]:
    """Say of so many recordings what they do; of one, what it does."""
    if counted.count:
        does = do if counted.count > 1 else do.replace("have", "has").replace("name", "names")
        more = ", …" if counted.count > len(counted.first) else ""
        yield f"{where}: {counted.count:,} {does} {what}: {', '.join(counted.first)}{more}"


def own_texts(recordings: Sequence[Recording]) -> dict[int, str]:
    """Give the text that the corpus itself brings along of each recording that has one, by its number."""
    texts = {at: own_text(recording) for at, recording in enumerate(recordings)}
    return {at: text for at, text in texts.items() if text is not None}


def own_text(recording: Recording) -> str | None:
    """Give what the corpus itself says is spoken; None where it says nothing."""
    text = recording.meta.get("text")
    return text if isinstance(text, str) and text.strip() else None


def by_ends(heard: Sequence[str], references: Sequence[str]) -> dict[str, int]:
    """Give the number of the only reference for each id that it ends in, or that ends in it, by whole names.

    An id that fits several, or a reference that several fit, is left out.
    """
    whole: dict[str, int] = {}
    ending: dict[str, int] = {}
    for number, known in enumerate(references):
        first, *others = _ends(known)
        whole[first] = number if first not in whole else _AMBIGUOUS
        for end in others:
            ending[end] = number if end not in ending else _AMBIGUOUS
    found: dict[str, int] = {}
    for id_ in heard:
        first, *others = _ends(id_)
        fitting = {whole[end] for end in others if end in whole} | ({ending[first]} if first in ending else set())
        if len(fitting) == 1 and _AMBIGUOUS not in fitting:
            found[id_] = fitting.pop()
    taken = Counter(found.values())
    return {id_: number for id_, number in found.items() if taken[number] == 1}


def _ends(id_: str) -> Iterator[str]:
    """Give an id as it may be written elsewhere, and then without its first folder, its second and so on."""
    rest = loosely(id_).replace("\\", "/")
    yield rest
    while "/" in rest:
        rest = rest.partition("/")[2]
        yield rest


def loosely(id_: str) -> str:
    """Give an id without the extension of an audio file and in composed form, as systems differ in it."""
    stem, dot, extension = id_.rpartition(".")
    if dot and extension.lower() in AUDIO and stem and not stem.endswith("/"):
        id_ = stem
    return id_ if id_.isascii() else unicodedata.normalize("NFC", id_)


def _interned(name: str | None) -> str | None:
    """Share one string among the millions of recordings of a group."""
    return None if name is None else sys.intern(name)
