"""A run whose lines nobody has gone through yet."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

from anime_whisper_ct2.output.lines import TRANSCRIPTS
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.output.run_file import read_run


class UnreadRun(RunFolder):
    """What `run.json` says of a run; its ids are looked for when they are asked for.

    Of a million recordings that takes 12 s, and who plays files of a folder needs none of them. May be used by several
    threads.
    """

    def __init__(self, file: Path) -> None:
        self._reading = Lock()
        self.file = file
        self.folder = file.parent
        self.about = read_run(file.parent) if file.name == TRANSCRIPTS else {}

    def __getattr__(self, name: str) -> Any:
        """Read what is not there yet."""
        if name not in ("ids", "_offsets", "_overlay"):
            raise AttributeError(name)
        with self._reading:
            if not {"ids", "_offsets"} <= vars(self).keys():
                super().__init__(self.file)
        return vars(self)[name]
