"""A worker process: references on standard input, windows on standard output, both as pickles."""

from __future__ import annotations

import os
import pickle

from anime_whisper_ct2.executors.process import streams
from anime_whisper_ct2.records import Tick


def main() -> None:
    """Serve references until standard input ends."""
    source, sink = streams()

    # Imported only now that standard output is safe.
    from anime_whisper_ct2.executors.frontend import extract  # noqa: PLC0415

    try:
        settings = pickle.load(source)
        pickle.dump(Tick(), sink)
        sink.flush()
        while True:
            key, audio = pickle.load(source)
            for message in extract(key, audio, settings):
                pickle.dump(message, sink, protocol=5)
                sink.flush()
    except (EOFError, BrokenPipeError):
        # The parent is done with us, or gone; what is left in the buffer has no reader.
        os._exit(0)
