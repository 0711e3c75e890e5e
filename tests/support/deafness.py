"""Waits as Windows makes them: a signal ends none, and is heard when the main thread takes its next step."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Callable

_STILL_S = 0.05


class _Heard(Exception):
    pass


def hears(call: Callable[[], object], release: Callable[[], object], patience_s: float = 10.0) -> bool:
    """Make a call that lasts until it is released, and say whether a signal ends it before.

    `interrupt_main` starts a signal's handler as Windows does: what the main thread waits for in one step goes on.
    """
    heard, released = threading.Event(), threading.Event()
    in_time: list[bool] = []

    def handler(*_: object) -> None:
        heard.set()
        if not released.is_set():
            raise _Heard

    def interrupt() -> None:
        wait_until_main_is_still()
        _thread.interrupt_main()
        in_time.append(heard.wait(patience_s))
        released.set()
        release()

    other = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, handler)
    try:
        other.start()
        call()
    except _Heard:
        pass
    finally:
        while other.is_alive():
            other.join(0.1)
        signal.signal(signal.SIGINT, before)
    return in_time == [True]


def wait_until_main_is_still() -> None:
    """Wait until the main thread is at one place for a while, as it is in a wait."""
    main = threading.main_thread().ident
    assert main is not None
    place: object = None
    since_s = time.monotonic()
    while True:
        frame = sys._current_frames()[main]
        now: object = id(frame), frame.f_lasti
        del frame
        if now != place:
            place, since_s = now, time.monotonic()
        elif time.monotonic() - since_s > _STILL_S:
            return
        time.sleep(0.005)
