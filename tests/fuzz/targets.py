"""What is fuzzed: every target by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random

from anime_whisper_ct2.errors import Awct2Error, InputError
from tests.fuzz.mutation import TOKENS


def _as_it_is(_rng: Random, case: bytes) -> bytes:
    return case


@dataclass(frozen=True, slots=True)
class Target:
    """One door, and what it is fed with.

    `run(case, folder)` feeds it one case; `folder` is the one to write into: what is tested may write
    below `out` and `tmp`, the target itself below `in`, nothing else. It raises AssertionError where an invariant of
    its docstring does not hold, and gives what tells outcomes apart, for the pool.

    For every target besides: only `refusals` leave it, with a message of one line; a case takes at most 5 s of the
    processor's time (audio: a block), and 500 MB; no process is started, no host connected with, nothing unpickled.

    `finish` makes mutated bytes plausible again, such as by mending checksums, or changes them in its own way; `blind`
    is the share of cases whose bytes are changed before that. `isolated`: in a run, this happens in a worker whose
    death costs one recording, so that a crash in a decoder's C code is noted, and no finding.
    """

    run: Callable[[bytes, Path], object]
    seeds: Callable[[], Sequence[bytes]]
    tokens: Sequence[bytes] = TOKENS
    finish: Callable[[Random, bytes], bytes] = _as_it_is
    most_bytes: int = 1 << 16
    blind: float = 1.0
    isolated: bool = False
    refusals: tuple[type[Awct2Error], ...] = (InputError,)


# Their modules import much, so a target's is imported when it is asked for.
_MODULES: Mapping[str, str] = {
    "audio": "audio",
    **dict.fromkeys(("tar", "parquet", "arrow", "jsonl", "csv", "tsv", "list", "kaldi", "stdin", "dataset"), "doors"),
    **dict.fromkeys(("ledger", "results"), "ledger"),
    **dict.fromkeys(("names", "normalizers"), "texts"),
    **dict.fromkeys(("export-texts", "export-datasets"), "exports"),
    "faulty": "faulty",
}
# But for the one that the fuzzer itself is tested with.
NAMES: tuple[str, ...] = tuple(_MODULES)[:-1]


def target(name: str) -> Target:
    """Give a target by its name."""
    targets: Mapping[str, Target] = import_module(f"tests.fuzz.{_MODULES[name]}").TARGETS
    return targets[name]
