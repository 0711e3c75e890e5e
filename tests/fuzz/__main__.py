"""Fuzz: `python -m tests.fuzz [TARGET...] [--minutes 10] [--seed N]`; the exit status is 1 when something was found."""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.fuzz.child import Finding
from tests.fuzz.loop import Worker, keep
from tests.fuzz.targets import NAMES


def main() -> int:
    """Fuzz each target in turn, and keep what is found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {', '.join(NAMES)}")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each target (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="for the same cases again; default: another each time, printed")
    given = parser.parse_args()
    if unknown := [name for name in given.targets if name not in NAMES]:
        parser.error(f"no target {unknown[0]}; choose from {', '.join(NAMES)}")
    seed = random.randrange(1 << 32) if given.seed is None else given.seed
    found: list[Finding] = []

    def on_found(one: Finding) -> None:
        if one.counts:
            found.append(one)
        note = "" if one.counts else " (noted only: in a run it costs a worker)"
        print(f"  {one.kind}{note}, kept as {keep(one)}\n    {one.place}: {one.message[:500]}", flush=True)

    for name in given.targets or NAMES:
        print(f"{name} (seed {seed})", flush=True)
        start = time.monotonic()
        with Worker() as worker:
            _, count = worker.fuzz(name, f"{seed} {name}", given.minutes * 60, on_found=on_found)
        print(f"  {count:,} cases in {time.monotonic() - start:.0f} s", flush=True)
    print(f"{len(found)} findings" if found else "nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        status = main()
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
