"""How a command ends before its time: by Ctrl-C, SIGTERM or Ctrl-Break, or because its terminal is closed."""

from __future__ import annotations

import _thread
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from anime_whisper_ct2.cli.printing import note, settle
from anime_whisper_ct2.cli.progress import EXIT_INTERRUPTED
from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.system import signals, waiting

# Whoever sends SIGTERM kills what is still there soon after, and a batch on a CPU can take minutes.
_PATIENCE_S = 8.0
# Windows ends a process 5 s after its console was closed, and to settle a folder takes up to one.
_CLOSING_S = 3.0


@contextmanager
def interrupted() -> Iterator[None]:
    """Let whatever asks a program to end raise KeyboardInterrupt; nothing is done but in the main thread.

    What is cleaned up behind that takes its time, but for 3 s when the console is closed: of an export that is half
    written, nobody else would remove the folder.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ended = threading.Event()

    def clean_up() -> None:
        """Have all cleaned up, and wait for it."""
        _thread.interrupt_main()
        ended.wait(_CLOSING_S)

    with signals.handled(signal.default_int_handler, signals.BESIDE_CTRL_C), signals.closing(clean_up):
        try:
            yield
        finally:
            # Here, while the console may still be at it: no handler of it can be taken back before it has returned.
            ended.set()


def say_interrupted() -> None:
    """Say that a command was interrupted; where a call was left behind, end the process.

    Python's own end would wait for it, as for a download of gigabytes, or be aborted by it, as by a model that loads.
    """
    note("Interrupted.")
    if waiting.left_behind():
        settle()
        os._exit(EXIT_INTERRUPTED)


@contextmanager
def expendable() -> Iterator[None]:
    """Give a command that can lose nothing 8 s to end behind KeyboardInterrupt; the second signal ends it at once."""

    def stop() -> None:
        """End what is done here, as soon as the engine lets go."""
        _say(b"\nEnding with what is in flight; once more to stop at once.\n")
        raise KeyboardInterrupt

    def give_up() -> None:
        """Say what would have been said."""
        _say(b"Interrupted.\n")

    with _patient(stop, _thread.interrupt_main, give_up, b"\nInterrupted.\n"):
        yield


@contextmanager
def finishing(corpus_run: CorpusRun, on_abandoned: Callable[[], None]) -> Iterator[None]:
    """Let the first signal finish what is in flight, for 8 s at most, and the second end at once.

    A console that is closed leaves 3 s for it.
    """

    def stop() -> None:
        """Let the run end by itself."""
        corpus_run.stop()
        _say(b"\nFinishing what is in flight; once more to stop at once.\n")

    def give_up() -> None:
        """Leave what is in flight to the next run."""
        corpus_run.abandon()
        on_abandoned()

    # Every line is whole in its file, the lock goes with the process, and so do the workers.
    last_words = b"\nStopped. Every finished line is kept; the same command goes on from there.\n"
    with _patient(stop, corpus_run.stop, give_up, last_words):
        yield


@contextmanager
def _patient(
    stop: Callable[[], None], stop_from_thread: Callable[[], None], give_up: Callable[[], None], last_words: bytes
) -> Iterator[None]:
    """Have the first signal call `stop`, the second end the process, and so 8 s, once `give_up` has returned.

    When the console is closed, `stop_from_thread` is called, and 3 s are left. Nothing is done but in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False
    stopping, ended, giving_up = threading.Event(), threading.Event(), threading.Lock()

    def end_after(patience_s: float) -> None:
        """End the process when what is in flight takes too long."""
        if not ended.wait(patience_s):
            try:
                # The console may be closed after Ctrl-C: whoever is at it already ends the process when it is done.
                if giving_up.acquire(timeout=patience_s):
                    give_up()
            finally:
                os._exit(EXIT_INTERRUPTED)

    def watch() -> None:
        """Wait for the first signal, and then for the end."""
        stopping.wait()
        end_after(_PATIENCE_S)

    def heard(_signal: int, _frame: FrameType | None) -> None:
        """Stop, or, the second time, end at once."""
        nonlocal asked
        if asked:
            _say(last_words)
            os._exit(EXIT_INTERRUPTED)
        asked = True
        stopping.set()
        stop()

    def closed() -> None:
        """Stop as far as there is time."""
        if not asked:
            stop_from_thread()
        end_after(_CLOSING_S)

    watcher = threading.Thread(target=watch, name="patience", daemon=True)
    watcher.start()
    try:
        with signals.handled(heard), signals.closing(closed):
            try:
                yield
            finally:
                # As above.
                ended.set()
    finally:
        stopping.set()
        waiting.join(watcher)


def _say(line: bytes) -> None:
    """Print not through Python's stream: the signal may have come in the middle of a write to it."""
    with suppress(OSError):
        os.write(2, line)
