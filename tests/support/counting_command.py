"""The command with an engine that notes each batch as it takes it: a line with those in flight and its own windows.

Run it as a program; `AWCT2_TEST_BATCHES` names the file.
"""

from __future__ import annotations

import os
from concurrent.futures import Future
from pathlib import Path

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.records import Batch, Decoded

_submit = CTranslate2Engine.submit


def _noted(self: CTranslate2Engine, batch: Batch) -> Future[list[Decoded]]:
    # One write, so that no end can tear it.
    log = os.open(os.environ["AWCT2_TEST_BATCHES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{self.in_flight} {len(batch.windows)}\n".encode())
    os.close(log)
    return _submit(self, batch)


def read_batches(path: Path) -> tuple[int, list[int]]:
    """Give how many batches an engine has in flight, and the windows of each that it took."""
    rows = [tuple(map(int, line.split())) for line in path.read_text(encoding="ascii").splitlines()]
    return rows[0][0] if rows else 0, [windows for _, windows in rows]


if __name__ == "__main__":
    CTranslate2Engine.submit = _noted  # type: ignore[method-assign]
    main(prog_name="awct2")
