"""A target with every kind of fault, for the fuzzer's own tests."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.fuzz import child
from tests.fuzz.targets import Target

_DEEP = b"%%fuzz"


def _run(case: bytes, folder: Path) -> object:
    """Do what the case says."""
    evil = folder / "evil"
    match case:
        case b"assert":
            raise AssertionError("as it was told")
        case b"raise":
            raise RuntimeError("as it was told")
        case b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"memory":
            return len(b"x" * (child.MOST_GROWTH_BYTES + (64 << 20)))
        case b"slow":
            child._CLOCK[0] -= child.MOST_CPU_S + 1  # as if so much time had passed
        case b"write":
            evil.write_bytes(b"")
        case b"link":
            os.link(folder / "current", folder / "evil link")
        case b"process":
            subprocess.run(["true"], check=False)
        case b"connect":
            with suppress(OSError), socket.socket() as connection:
                connection.connect(("127.0.0.1", 9))
        case b"unpickle":
            pickle.loads(pickle.dumps(Path))
    reached = max((at for at in range(len(_DEEP) + 1) if _DEEP[:at] in case), default=0)
    assert reached < len(_DEEP), "deep down"
    return reached


TARGETS: Mapping[str, Target] = {"faulty": Target(_run, lambda: [b"seed", b"zzfu"], (b"%", b"u", b"z"), most_bytes=64)}
