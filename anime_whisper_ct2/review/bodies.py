"""The body of a request, a JSON object, taken apart key by key."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from anime_whisper_ct2.review.refusing import RefusedError

# JavaScript counts exactly as far as that, and nothing here is numbered higher.
HIGHEST = (1 << 53) - 1


class Body:
    """A JSON object; each method takes one key of it, and says what is wrong with its value."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    @classmethod
    def read(cls, raw: bytes) -> Body:
        """Read a request's body. Raises RefusedError for what is no JSON object."""
        try:
            value = json.loads(raw, parse_constant=_no_number) if raw else {}
        except (ValueError, RecursionError) as error:
            raise RefusedError("the request is no JSON") from error
        if not isinstance(value, dict):
            raise RefusedError("the request is no JSON object")
        return cls(value)

    def text(self, key: str) -> str:
        """Take a text."""
        value = self.values.get(key)
        if not isinstance(value, str):
            raise RefusedError(f"`{key}` must be a text")
        return value

    def number(self, key: str, low: float = -math.inf, high: float = math.inf) -> float:
        """Take a finite number."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise RefusedError(f"`{key}` must be a number{_between(low, high)}")
        try:
            number = float(value)
        except OverflowError as error:
            raise RefusedError(f"`{key}` must be a number{_between(low, high)}") from error
        if not math.isfinite(number):
            raise RefusedError(f"`{key}` must be a number{_between(low, high)}")
        return number

    def whole(self, key: str, low: int = 0, high: int = HIGHEST) -> int:
        """Take a whole number."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high or value % 1:
            raise RefusedError(f"`{key}` must be a whole number{_between(low, high)}")
        return int(value)

    def yes(self, key: str) -> bool:
        """Take true or false; absent: false."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise RefusedError(f"`{key}` must be true or false")
        return value

    def part(self, key: str) -> Body:
        """Take an object."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise RefusedError(f"`{key}` must be an object")
        return Body(value)

    def list(self, key: str) -> list[Any]:
        """Take a list; absent: an empty one."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise RefusedError(f"`{key}` must be a list")
        return value

    def has(self, key: str) -> bool:
        """Say whether there is a value that is not null."""
        return self.values.get(key) is not None


def _between(low: float, high: float) -> str:
    if low == -math.inf:
        return ""
    return f" from {low:g} on" if high in (math.inf, HIGHEST) else f" from {low:g} to {high:g}"


def _no_number(_constant: str) -> float:
    raise ValueError("NaN and infinities are no JSON")
