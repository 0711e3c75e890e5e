"""What a run says of decoders that die, and of what system it is said."""

from __future__ import annotations

import ctypes

import pytest

from tests.support.windows import ON_WINDOWS

SEGFAULT = "0xC0000005, access violation" if ON_WINDOWS else "SIGSEGV"
# Newer C libraries of Windows say 0xC0000409, older ones and Wine's 3.
ABORT = "exit status" if ON_WINDOWS else "SIGABRT"
UNDER_WINE = ON_WINDOWS and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")  # type: ignore[attr-defined,unused-ignore]
# Wine takes jobs and their limits, and holds nobody to these.
limited = pytest.mark.skipif(UNDER_WINE, reason="Wine limits nobody's memory")
