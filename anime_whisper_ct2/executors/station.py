"""An engine process: a model on its device and all stages before and after it. Recordings in, outcomes out, as pickles.

One runs on each GPU. Audio and features stay inside; only references and texts pass between it and the run.
"""

from __future__ import annotations

import os
import pickle
import queue
import threading
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import IO

from anime_whisper_ct2.errors import Awct2Error, EngineError
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.messages import Counted, Done, Ready, Refused, StationSettings, Stop
from anime_whisper_ct2.executors.process import streams
from anime_whisper_ct2.records import Tick
from anime_whisper_ct2.system.pipes import reader_may_go

_TICK_S = 0.1


def main() -> None:
    """Serve recordings until they end, or standard input does."""
    source, sink = streams()

    def send(message: object) -> None:
        """Send a message to the run. Raises BrokenPipeError when that is gone."""
        with reader_may_go(sink):
            pickle.dump(message, sink, protocol=5)
            sink.flush()

    code = 0
    try:
        _serve(source, send)
    except BrokenPipeError:
        pass  # the run is gone; nobody waits for the rest
    except Awct2Error as error:
        send(Refused(error))
    except Exception as error:  # whatever it is, the run should be able to say it
        traceback.print_exc()
        send(Refused(EngineError(f"{type(error).__name__}: {error}")))
        code = 1
    # At once: the thread that waits for input would be in the way of an orderly end.
    os._exit(code)


def _serve(source: IO[bytes], send: Callable[[object], None]) -> None:
    # Imported only now that standard output is safe.
    from anime_whisper_ct2.engine.preparing import prepare  # noqa: PLC0415
    from anime_whisper_ct2.executors.local import LocalExecutor  # noqa: PLC0415

    settings: StationSettings = pickle.load(source)
    prepare(settings.engine.device)
    module, _, function = settings.opener.partition(":")
    engine = getattr(import_module(module), function)(settings.model, settings.engine, settings.decoding)
    send(Ready(dict(engine.description)))
    executor = LocalExecutor(
        engine, settings.decoding, settings.frontend, settings.length, settings.segment, settings.audio, settings.bounds
    )
    inbox: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(source, inbox, executor.stop), daemon=True).start()
    try:
        for item in executor.run(_tasks(inbox, ticking=not settings.frontend.resolved_workers())):
            if not isinstance(item, Tick):
                send(item)
    finally:
        send(Counted(executor.figures, executor.ladder, executor.worked))
    # The engine is not closed: this process ends, and a device that is stuck would only hold that up.
    send(Done())


def _tasks(inbox: queue.SimpleQueue[Task | None], *, ticking: bool) -> Iterator[Task | Tick]:
    while True:
        try:
            task = inbox.get(timeout=_TICK_S if ticking else None)
        except queue.Empty:
            yield Tick()
            continue
        if task is None:
            return
        yield task
        # It may bring its audio along, as in `_receive`.
        del task


def _receive(source: IO[bytes], inbox: queue.SimpleQueue[Task | None], stop: Callable[[], None]) -> None:
    """Empty the pipe at once, so that the run never waits for this process to take what it sends."""
    try:
        while True:
            message = pickle.load(source)
            if isinstance(message, Stop):
                stop()
                message = None
            inbox.put(message)
            del message  # it may bring its audio along, and the next one be long in coming
    except (EOFError, pickle.UnpicklingError):
        # The run is gone: nobody takes the batch in hand, and whoever goes on wants the device.
        os._exit(0)
