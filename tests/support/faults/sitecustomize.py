"""Makes the decoder of a worker process fail in the way that a file's name says; see `faulty_decoders` in conftest."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import sys
import time
from pathlib import Path
from typing import Any

import soundfile


def fail(name: str) -> None:
    """Do what the name says."""
    if "once" in name:
        try:
            Path(name + ".seen").touch(exist_ok=False)
        except FileExistsError:
            return
    if "segfault" in name:
        # On Windows, ctypes would make an exception of it.
        faulthandler._read_null() if sys.platform == "win32" else ctypes.string_at(0)
    if "abort" in name:
        os.abort()
    if "hang" in name:
        time.sleep(3600)
    if "hoard" in name:
        # Not for ever: Wine sets no limit, and would take the machine along.
        held = [bytearray(16 << 20) for _ in range(4096 // 16)]
        del held


class Faulty(soundfile.SoundFile):
    """A decoder that fails where a file's name tells it to."""

    def __init__(self, file: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(file, int):
            fail_for = os.path.realpath(f"/dev/fd/{file}")
            fail(fail_for if "once" in fail_for else os.path.basename(fail_for))
        elif isinstance(file, (str, bytes)):
            fail(os.path.basename(os.fsdecode(file)) if "once" not in os.fsdecode(file) else os.fsdecode(file))
        super().__init__(file, *args, **kwargs)


soundfile.SoundFile = Faulty
