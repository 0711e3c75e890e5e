"""What is said again and again in an index, numbered: sets of tags, and who decided."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


class Vocabulary:
    """Values of one kind by their numbers; new ones are kept in the index. `values[number]` is one."""

    def __init__(self, con: Connection, kind: str) -> None:
        self._con = con
        self._kind = kind
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}
        self.load()

    def load(self) -> None:
        """Read what is in the index, as after a transaction that was taken back."""
        # Whoever reads rows meanwhile keeps the list that they have.
        self.values, self._numbers = [], {}
        query = "SELECT content FROM vocabulary WHERE kind = ? ORDER BY number"
        for (content,) in self._con.execute(query, [self._kind]).fetchall():
            self._keep(content)

    def number(self, value: Any) -> int:
        """Give the number of a value, which may be new."""
        # With escapes it is ASCII, whatever names hold.
        content = json.dumps(value)
        known = self._numbers.get(content)
        if known is None:
            known = self._keep(content)
            self._con.execute("INSERT INTO vocabulary VALUES (?, ?, ?)", [self._kind, known, content])
        return known

    def known(self, value: Any) -> int | None:
        """Give the number of a value; None where nobody has said it."""
        return self._numbers.get(json.dumps(value))

    def _keep(self, content: str) -> int:
        value = json.loads(content)
        self.values.append(tuple(value) if isinstance(value, list) else value)
        return self._numbers.setdefault(content, len(self.values) - 1)
