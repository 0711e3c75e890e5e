"""A worker process: references on standard input, windows on standard output, both as pickles.

It goes round among the recordings that it was given, one message from each, so that a long one does not hold up the
short ones behind it. Ahead of a message it says whose turn it is: should it die, that recording is the cause.
"""

from __future__ import annotations

import os
import pickle
import queue
import threading
from collections import deque
from collections.abc import Iterator
from typing import IO, TypeAlias

from anime_whisper_ct2.executors.process import streams
from anime_whisper_ct2.records import AtHome, Audio, Broken, Closed, Heard, Home, Tick, Window
from anime_whisper_ct2.system.pipes import reader_may_go
from anime_whisper_ct2.system.processes import limit_memory

# An encoded hour, decoded a block at a time, takes some dozens of megabytes; what wants this much is no recording.
_MEMORY_BYTES = 1 << 30

# A recording's number, its audio, and the windows of it that are home.
_Task: TypeAlias = tuple[int, Audio, tuple[Home, ...]]
_Turns: TypeAlias = "deque[tuple[int, Iterator[Window | AtHome | Heard | Closed | Broken]]]"


def main() -> None:
    """Serve references until standard input ends."""
    source, sink = streams()
    limit_memory(_MEMORY_BYTES)

    # Imported only now that standard output is safe.
    from anime_whisper_ct2.executors.frontend import extract  # noqa: PLC0415

    try:
        settings = pickle.load(source)
        # All but the decoders, the VAD and what opens URLs is imported by now: from here on, a death is taken for a
        # recording's fault and not the installation's.
        _send(sink, Tick())
        inbox: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        # A thread empties the pipe at once: two that both wait to write would wait for ever.
        threading.Thread(target=_receive, args=(source, inbox), daemon=True).start()
        turns: _Turns = deque()
        turn: int | None = None
        while True:
            while not turns or not inbox.empty():
                key, audio, home = inbox.get()
                turns.append((key, extract(key, audio, settings, lambda: _send(sink, Tick()), home)))
            key, messages = turns.popleft()
            if key != turn:
                _send(sink, key)
                turn = key
            message = next(messages)
            _send(sink, message)
            if isinstance(message, (Closed, Broken)):
                turn = None
            else:
                turns.append((key, messages))
    except BrokenPipeError:
        # What is left in the buffer has no reader.
        os._exit(0)


def _receive(source: IO[bytes], inbox: queue.SimpleQueue[_Task]) -> None:
    try:
        while True:
            inbox.put(pickle.load(source))
    except (EOFError, pickle.UnpicklingError):
        # The parent is done with us, or gone; then a decoder that hangs must not keep this process for ever.
        os._exit(0)
    except BaseException:  # a recording that does not fit the memory: what follows it in the pipe is lost, too
        os._exit(1)


def _send(sink: IO[bytes], message: object) -> None:
    with reader_may_go(sink):
        pickle.dump(message, sink, protocol=5)
        sink.flush()
