"""Two OpenMP run-times in one process: CTranslate2 and torch each bring one along."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping


def allow_two(environ: MutableMapping[str, str] = os.environ) -> None:
    """Keep the second run-time from ending the process where each wheel brings its own Intel's or LLVM's.

    On Windows and macOS these do so unless they are told otherwise (faster-whisper#967); a user's own word stands.
    To be called before the second library is loaded.
    """
    if sys.platform in ("win32", "darwin"):
        environ.setdefault("KMP_DUPLICATE_LIB_OK", "TRUE")
