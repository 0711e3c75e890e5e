"""Says at the end of `make test` which tests did not run, where what they need is not here."""

from __future__ import annotations

import subprocess
import sys

from tests.support.needs import NEEDS
from tests.support.places import ROOT

# By marker: the target that runs them.
_TARGETS = {"browser": "make test-page", "ffmpeg": "make test-ffmpeg"}


def main() -> None:
    """Name the tests of each target that this machine could not run; nothing where it could run all."""
    for marker, target in _TARGETS.items():
        if not (reason := NEEDS[marker]()):
            continue
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", marker]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
        names = [line for line in listed.splitlines() if "::" in line]
        print(f"\n{len(names)} tests of `{target}` did not run, and could not here: {reason}", *names, sep="\n  ")


if __name__ == "__main__":
    main()
