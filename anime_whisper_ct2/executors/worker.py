"""A worker process: references on standard input, windows on standard output, both as pickles.

It goes round among the recordings that it was given, so that a long one does not hold up the short ones behind it. What
it has to say goes out in lists, each of which ends with whose turn it is now: should it die, that recording is the
cause. Features go into the memory that it was lent, and into the list only where there is none.
"""

from __future__ import annotations

import os
import pickle
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, TypeAlias

from anime_whisper_ct2.executors.process import framed, streams
from anime_whisper_ct2.executors.slots import Layout, Writer
from anime_whisper_ct2.records import AtHome, Audio, Broken, Closed, Heard, Home, Tick, Window
from anime_whisper_ct2.system.pipes import reader_may_go
from anime_whisper_ct2.system.processes import limit_memory

# An encoded hour, decoded a block at a time, takes some dozens of megabytes; what wants this much is no recording.
_MEMORY_BYTES = 1 << 30
# So many recordings are begun at a time: each long one has a decoder, and a network that hears speech.
_OPEN = 4
# So often it says something while it works on one recording.
_LIFE_S = 0.5

# A recording's number, its audio, and the windows of it that are home.
_Task: TypeAlias = tuple[int, Audio, tuple[Home, ...]]
_Message: TypeAlias = Window | AtHome | Heard | Closed | Broken
_Turns: TypeAlias = "deque[tuple[int, Iterator[_Message]]]"


class _Outbox:
    """What is to be said, and the pipe that it goes into."""

    def __init__(self, sink: IO[bytes], writer: Writer | None) -> None:
        self._sink = sink
        self._writer = writer
        self._waiting: list[object] = []
        self._sent_s = 0.0

    def add(self, message: _Message | Tick | int) -> None:
        """Have something said with what comes next."""
        if isinstance(message, Window) and self._writer is not None:
            self._waiting.append(self._writer.laid(message))
        else:
            self._waiting.append(message)

    def send(self) -> None:
        """Say what waits. Raises BrokenPipeError when nobody listens any more."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            with reader_may_go(self._sink):
                self._sink.write(framed(waiting))
                self._sink.flush()
            self._sent_s = time.monotonic()

    def show_life(self) -> None:
        """Say something, unless something was said just now."""
        if time.monotonic() - self._sent_s >= _LIFE_S:
            self._waiting.append(Tick())
            self.send()


def main() -> None:
    """Serve references until standard input ends."""
    source, sink = streams()
    limit_memory(_MEMORY_BYTES)

    # Imported only now that standard output is safe.
    from anime_whisper_ct2.executors.frontend import extract  # noqa: PLC0415

    try:
        settings, layout = pickle.load(source)
        writer = _writer(layout)
        outbox = _Outbox(sink, writer)
        # All but the decoders, the VAD and what opens URLs is imported by now: from here on, a death is taken for a
        # recording's fault and not the installation's.
        outbox.add(Tick())
        outbox.send()
        inbox: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        # A thread empties the pipe at once: two that both wait to write would wait for ever.
        threading.Thread(target=_receive, args=(source, inbox, writer), daemon=True).start()
        turns: _Turns = deque()
        turn: int | None = None
        while True:
            if not turns and inbox.empty():
                outbox.send()
            while not turns or (len(turns) < _OPEN and not inbox.empty()):
                key, audio, home = inbox.get()
                turns.append((key, extract(key, audio, settings, outbox.show_life, home)))
            key, messages = turns.popleft()
            if key != turn:
                outbox.add(key)
                turn = key
            outbox.send()
            if _gave_its_last(messages, outbox):
                turn = None
            else:
                turns.append((key, messages))
    except BrokenPipeError:
        # What is left in the buffer has no reader.
        os._exit(0)


def _gave_its_last(messages: Iterator[_Message], outbox: _Outbox) -> bool:
    """Take a recording one message further, and whether that was its last; with a first window, most are through."""
    message = next(messages)
    outbox.add(message)
    if isinstance(message, (Window, AtHome)) and message.number == 0:
        message = next(messages)
        outbox.add(message)
    return isinstance(message, (Closed, Broken))


def _writer(layout: Layout | None) -> Writer | None:
    if layout is not None:
        with suppress(OSError):  # then features go through the pipe
            return Writer(layout)
    return None


def _receive(source: IO[bytes], inbox: queue.SimpleQueue[_Task], writer: Writer | None) -> None:
    try:
        while True:
            tasks, slots = pickle.load(source)
            if writer is not None:
                writer.take(slots)
            for task in tasks:
                inbox.put(task)
            task = tasks = None  # they may bring their audio along, and the next ones be long in coming
    except (EOFError, pickle.UnpicklingError):
        # The parent is done with us, or gone; then a decoder that hangs must not keep this process for ever.
        os._exit(0)
    except BaseException:  # a recording that does not fit the memory: what follows it in the pipe is lost, too
        os._exit(1)
