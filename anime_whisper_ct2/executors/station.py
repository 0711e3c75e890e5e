"""An engine process: a model on its device and all stages before and after it. Recordings in, outcomes out, as pickles.

One runs on each GPU. Audio and features stay inside; only references and texts pass between it and the run.
"""

from __future__ import annotations

import pickle
import queue
import threading
from collections.abc import Iterator
from importlib import import_module
from typing import IO, Any

from anime_whisper_ct2.executors.messages import Done, Ready, Refused, StationSettings, Stop
from anime_whisper_ct2.executors.process import streams
from anime_whisper_ct2.records import Recording


def main() -> None:
    """Serve recordings until standard input ends."""
    source, sink = streams()

    def send(message: object) -> None:
        pickle.dump(message, sink, protocol=5)
        sink.flush()

    settings: StationSettings = pickle.load(source)
    # Imported only now that standard output is safe.
    from anime_whisper_ct2.errors import Awct2Error  # noqa: PLC0415
    from anime_whisper_ct2.executors.local import LocalExecutor  # noqa: PLC0415

    module, _, function = settings.opener.partition(":")
    try:
        engine = getattr(import_module(module), function)(settings.model, settings.engine, settings.decoding)
    except Awct2Error as error:
        send(Refused(error))
        return
    send(Ready(dict(engine.description)))
    executor = LocalExecutor(engine, settings.decoding, settings.frontend, settings.length)
    inbox: queue.SimpleQueue[Recording | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(source, inbox, executor.stop), daemon=True).start()
    recordings: Iterator[Recording] = iter(inbox.get, None)
    try:
        for item in executor.run(recordings):
            if isinstance(item, tuple):
                send(item)
        send(Done(executor.figures, executor.second_look))
    except BrokenPipeError:
        pass  # the run is gone; nobody waits for the rest
    finally:
        engine.close()


def _receive(source: IO[bytes], inbox: queue.SimpleQueue[Recording | None], stop: Any) -> None:
    """Empty the pipe at once, so that the run never waits for this process to take what it sends."""
    try:
        while not isinstance(message := pickle.load(source), Stop):
            inbox.put(message)
        stop()
    except EOFError:
        pass
    inbox.put(None)


if __name__ == "__main__":
    main()
