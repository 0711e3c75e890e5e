"""Results for a pipe: the lines of `transcripts.jsonl`, on a stream, and nothing on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.output.lines import to_json
from anime_whisper_ct2.records import Headway, Home, Outcome, Transcript
from anime_whisper_ct2.system.pipes import reader_gone, silence


class ReaderGone(OutputError):
    """Whoever read the results has closed the pipe: it has all that it wanted."""

    exit_code = 0


class Printed:
    """Takes what a journal takes and writes transcripts to `stream`; nothing is ever done before, so nothing resumes.

    Failures are left to whoever follows the run.
    """

    encoder = None

    def __init__(self, stream: IO[bytes]) -> None:
        self.done = IdSet()
        self.failed = IdSet()
        self._stream = stream

    def __enter__(self) -> Printed:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the stream open: it is the caller's."""

    def begin(self, about: Mapping[str, Any]) -> None:
        """Say nothing of the run."""

    def write(self, outcome: Outcome) -> None:
        """Write a transcript's line at once. Raises ReaderGone, and OutputError for any other failure."""
        if not isinstance(outcome, Transcript):
            return
        try:
            self._stream.write(to_json(outcome).encode("utf-8") + b"\n")
            # Whoever reads the pipe may act on each line as it comes.
            self._stream.flush()
        except OSError as error:
            if reader_gone(error, self._stream):
                silence(self._stream)
                raise ReaderGone("the reader of the results has gone") from None
            raise OutputError(f"standard output cannot be written: {error.strerror or error}") from error

    def homes(self, id_: str) -> tuple[Home, ...]:
        """Give nothing: nothing was kept."""
        return ()

    def keep(self, headway: Headway) -> None:
        """Keep nothing."""

    def finish(self, state: str, figures: Mapping[str, Any]) -> None:
        """Say nothing of the figures."""

    def close(self) -> None:
        """Leave the stream open."""
