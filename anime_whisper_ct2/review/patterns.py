"""Rules of replacing carried out, patterns in a process that is ended where one takes too long.

Python's `re` may take for ever over a short text, and nothing but its process's end stops it.
"""

from __future__ import annotations

import os
import pickle
import re
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import TypeAlias

from anime_whisper_ct2.executors.process import Child, streams
from anime_whisper_ct2.review.refusing import RefusedError
from anime_whisper_ct2.review.requests import Rule
from anime_whisper_ct2.system import waiting
from anime_whisper_ct2.system.pipes import reader_may_go
from anime_whisper_ct2.system.processes import limit_memory

# A block of texts may take as long.
LIMIT_S = 5.0
# So many are sent at a time: more make no difference to what a message costs.
BLOCK = 5_000
_MEMORY_BYTES = 1 << 30
# What a rule makes longer than this is nobody's line.
_LONGEST = 20_000

# None for a text that would become too long.
_Replace: TypeAlias = Callable[[str], str | None]


class Replacer:
    """Carries rules out, one after the other, in the order given; a context manager.

    Raises RefusedError, `bad_pattern`, for a pattern or replacement that is none.
    """

    def __init__(self, rules: Sequence[Rule], limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._child: Child | None = None
        self._late = False
        self._here: Sequence[_Replace] = ()
        if any(rule.regex for rule in rules):
            self._child = Child("anime_whisper_ct2.review.patterns", {})
            waiting.apart(self._child.receive)
            try:
                if fault := self._answer([(rule.find, rule.replace, rule.regex) for rule in rules]):
                    raise RefusedError(str(fault), "bad_pattern")
            except BaseException:
                self.close()
                raise
        else:
            self._here = [partial(_literal, rule.find, rule.replace) for rule in rules]

    def __enter__(self) -> Replacer:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    def replaced(self, texts: Sequence[str]) -> Sequence[str | None]:
        """Give the texts as the rules leave them; None for one that would become too long.

        Raises RefusedError, `pattern_too_slow`, where a block of them takes longer than the limit.
        """
        if self._child is None:
            return [_all(self._here, text) for text in texts]
        made: list[str | None] = []
        for at in range(0, len(texts), BLOCK):
            made += self._answer(texts[at : at + BLOCK])
        return made

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.kill()
            self._child.close()

    def _answer(self, message: object) -> list[str | None]:
        """Have the process answer a message, or end it."""
        assert self._child is not None
        timer = threading.Timer(self._limit_s, self._end)
        timer.start()
        try:
            self._child.send(message)
            answer: list[str | None] = waiting.apart(self._child.receive)
        except (EOFError, OSError) as error:
            if self._late:
                raise RefusedError(
                    f"a pattern takes more than {self._limit_s:g} s: repeat nothing that repeats, as (a+)+ does",
                    "pattern_too_slow",
                ) from error
            raise RefusedError("a pattern took more memory than it is given", "bad_pattern") from error
        finally:
            timer.cancel()
        return answer

    def _end(self) -> None:
        self._late = True
        assert self._child is not None
        self._child.kill()


def main() -> None:
    """Be the process: rules on standard input, then blocks of texts; on standard output what becomes of them."""
    source, sink = streams()
    limit_memory(_MEMORY_BYTES)
    warnings.simplefilter("ignore")  # of `re`, about patterns that may mean another thing one day
    answer: object = None
    rules: Sequence[_Replace] | None = None
    try:
        while True:
            with reader_may_go(sink):
                pickle.dump(answer, sink)
                sink.flush()
            message = pickle.load(source)
            if rules is None:
                try:
                    rules, answer = [_compiled(*rule) for rule in message], None
                except (re.error, IndexError, OverflowError, RecursionError, ValueError) as error:
                    answer = str(error)
            else:
                answer = [_all(rules, text) for text in message]
    except (EOFError, BrokenPipeError, MemoryError):
        os._exit(0)


def _compiled(find: str, replace: str, regex: bool) -> _Replace:
    if not regex:
        return partial(_literal, find, replace)
    try:
        pattern = re.compile(find)
        # A replacement that names a group which is not there fails whatever the text.
        pattern.sub(replace, "")
    except (re.error, IndexError, OverflowError, RecursionError) as error:
        raise ValueError(f"{find!r:.80} with {replace!r:.80} is no pattern of Python's re: {error}") from error
    return partial(_by_pattern, pattern, replace)


def _literal(find: str, replace: str, text: str) -> str | None:
    grown = len(text) + text.count(find) * (len(replace) - len(find))
    return None if grown > max(_LONGEST, len(text)) else text.replace(find, replace)


def _by_pattern(pattern: re.Pattern[str], replace: str, text: str) -> str | None:
    made = pattern.sub(replace, text)
    return None if len(made) > max(_LONGEST, len(text)) else made


def _all(rules: Sequence[_Replace], text: str) -> str | None:
    made: str | None = text
    for rule in rules:
        if made is not None:
            made = rule(made)
    return made
