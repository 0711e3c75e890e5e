"""The command with an engine that notes the audio of each batch: when it takes it, and when it is through with it.

Run it as a program; `AWCT2_TEST_NOTES` names the file. A line is a word, `taken` or `done`, and seconds of audio.
"""

from __future__ import annotations

import os
from concurrent.futures import Future
from pathlib import Path

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.records import Batch, Decoded

_submit = CTranslate2Engine.submit


def _note(word: str, batch: Batch) -> None:
    # Second looks are no audio of their own.
    if batch.step == "first":
        seconds = sum(window.end_s - window.start_s for window in batch.windows)
        # One write, so that no end can tear it.
        log = os.open(os.environ["AWCT2_TEST_NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, f"{word} {seconds:.3f}\n".encode())
        os.close(log)


def _noted(self: CTranslate2Engine, batch: Batch) -> Future[list[Decoded]]:
    _note("taken", batch)
    future = _submit(self, batch)
    future.add_done_callback(lambda _: _note("done", batch))
    return future


def noted_s(word: str, *paths: Path) -> float:
    """Give the seconds of audio that were noted under a word."""
    rows = (line.split() for path in paths if path.exists() for line in path.read_text(encoding="ascii").splitlines())
    return sum(float(seconds) for said, seconds in rows if said == word)


if __name__ == "__main__":
    CTranslate2Engine.submit = _noted  # type: ignore[method-assign]
    main(prog_name="awct2")
