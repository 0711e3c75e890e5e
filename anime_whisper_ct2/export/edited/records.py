"""What is read of an edited table, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

# What a row can make of its segment, by the actions of a review.
Making = Literal["correct", "reject", "trim"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: the number of the line that it begins at, counting from 1, and its cells.

    `as_written`: those without any quotes taken off, where that makes a difference and the quotes may be the text's.
    """

    line: int
    cells: tuple[str, ...]
    as_written: tuple[str, ...] | None = None

    def readings(self, column: int) -> tuple[str, ...]:
        """Give what a cell may say."""
        if self.as_written is None or self.as_written[column] == self.cells[column]:
            return (self.cells[column],)
        return self.as_written[column], self.cells[column]


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a row: why it is not used, or what it would undo. Line 0: of a row that is gone."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Table:
    """An edited table: `table` has columns with names, `list` the four fields of the lists for voices.

    `separator` parts its fields. `columns` are their names, those that are known in lower case. `faults` are the lines
    that are no rows. `is_legacy`: it was saved in cp932, which lacks characters. `decimals`: the most that any time in
    it has.
    """

    path: Path
    kind: Literal["table", "list"]
    separator: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    faults: tuple[Remark, ...] = ()
    is_legacy: bool = False
    decimals: int = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What a row changes of a segment, which lasts from `start` to `end` seconds into its recording.

    `before` and `after` are texts, of a trim and of a segment that is rejected both as it stands; `to`: the new times
    of one that is trimmed. `line` is 0 where a row is gone.
    """

    line: int
    id: str
    start: float
    end: float
    action: Making
    before: str
    after: str
    to: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """What came of a table.

    `rows` are those of the table, `fitting` those whose segments were found, `already` the edits that the review has
    made, too. `unusable` rows and `conflicts` are left out. `ignored` counts by column what was edited and has no
    effect, `unknown_columns` are not those of an export. `rounded`: times that have lost their last decimals, and are
    no edits. `normalizer`: the one that the texts went through, where no marker says that. `batch` is the step that the
    decisions are, None where none were written; `log` is where they are.
    """

    rows: int
    fitting: int
    changes: tuple[Change, ...] = ()
    already: int = 0
    unusable: tuple[Remark, ...] = ()
    conflicts: tuple[Remark, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    unknown_columns: tuple[str, ...] = ()
    rounded: int = 0
    normalizer: str | None = None
    batch: str | None = None
    log: Path | None = None
