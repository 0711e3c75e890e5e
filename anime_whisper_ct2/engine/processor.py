"""What CTranslate2 on a CPU leaves unused unless it is told: wide vectors, and memory that the process already has.

Nothing here raises: where the system knows no such thing, all stays as it is.

Source: CTranslate2 4.8 `src/cpu/cpu_isa.cc` and its documentation of environment variables; mallopt(3) of the Linux
manual.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

# CTranslate2's own kernels keep to AVX2 unless they are told otherwise, though the products between them, MKL's or
# oneDNN's, use AVX-512 where there is any.
_ISA, _WIDEST = "CT2_FORCE_CPU_ISA", "AVX512"
_WIDEST_NEEDS = frozenset({"avx512f", "avx512cd", "avx512vl", "avx512bw", "avx512dq"})
# Of malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# The scores of one attention layer over 30 s take 54 MB at 6 heads and 180 MB at 20. So large a block is a mapping of
# its own for glibc, given back at once, and the system fills the next one with zeros, page by page. A heap that a
# thread has to itself holds no such block either.
_KEPT_BYTES = 1 << 30


def use_wide_vectors(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Have CTranslate2 use AVX-512 where Linux says that the processor has it; a user's own choice stands.

    CTranslate2 reads this once in a process, when it first loads a model.
    """
    try:
        flags = next(line for line in cpuinfo.read_text(encoding="ascii").splitlines() if line.startswith("flags"))
    except (OSError, ValueError, StopIteration):
        return
    if set(flags.split()) >= _WIDEST_NEEDS:
        os.environ.setdefault(_ISA, _WIDEST)


def keep_memory() -> None:
    """Have glibc keep up to 1 GiB that was freed, for all threads, rather than give it back and ask for it again.

    Threads that already have a heap of their own keep it, so this comes before the model is loaded.
    """
    if not sys.platform.startswith("linux"):
        return
    # Other C libraries have no such call.
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
