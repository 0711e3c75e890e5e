"""A worker process: references on standard input, windows on standard output, both as pickles.

Run as `python -m anime_whisper_ct2.executors.worker` by the pool. It ends when its standard input does, so it never
outlives its parent, and it leaves Ctrl-C to the parent.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys


def main() -> None:
    """Serve references until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source = sys.stdin.buffer
    # What a decoder's C code prints must not end up among the pickles.
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=1 << 16)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    # Imported only now that standard output is safe.
    from anime_whisper_ct2.executors.frontend import extract  # noqa: PLC0415
    from anime_whisper_ct2.records import Tick  # noqa: PLC0415

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


if __name__ == "__main__":
    main()
