"""What the CPU engine tells CTranslate2 and the C library: heard by both, and never against a user's choice."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from anime_whisper_ct2.engine.processor import use_wide_vectors
from tests.support.commands import environment

SERVER = "flags\t\t: fpu sse2 avx2 avx512f avx512dq avx512cd avx512bw avx512vl\n"
ISA = "CT2_FORCE_CPU_ISA"
CPUINFO = Path("/proc/cpuinfo")
FLAGS = set(CPUINFO.read_text(encoding="utf-8", errors="replace").split()) if CPUINFO.exists() else set()

_LOAD = """
import sys
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import EngineOptions
CTranslate2Engine(open_model_dir(sys.argv[1]), EngineOptions(device="cpu")).close()
"""

# Blocks of 64 MB that come and go in a new thread, as the scores of an attention layer do: the pages that the cheapest
# of the second half of them costs, since a kernel that moves pages about makes one or another dearer; and whether this
# C library lets blocks so large be kept at all, which older glibc refuses.
_PAGES = """
import ctypes, resource, sys, threading
from anime_whisper_ct2.engine.processor import keep_memory
if sys.argv[1] == "keep":
    keep_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
def use():
    block = libc.malloc(64 << 20)
    ctypes.memset(block, 1, 64 << 20)
    libc.free(block)
def work():
    pages = []
    for _ in range(8):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        use()
        pages.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    print(min(pages[4:]), libc.mallopt(-3, 1 << 30))
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def python(code: str, *arguments: object, **env: str) -> str:
    """Run code in a process of its own; what it printed."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    # What the tests around it have set is not to be inherited.
    clean = {name: value for name, value in environment(**env).items() if name != ISA or name in env}
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=True, timeout=100)
    return done.stdout + done.stderr


@pytest.mark.skipif("avx2" not in FLAGS, reason="needs Linux on a processor with AVX2")
@pytest.mark.parametrize(("chosen", "selected"), [({}, None), ({ISA: "GENERIC"}, "GENERIC")])
def test_ctranslate2_selects_what_the_processor_has(
    tiny_model: Path, chosen: dict[str, str], selected: str | None
) -> None:
    if selected is None:
        selected = "AVX512" if set(SERVER.split()) <= FLAGS else "AVX2"
    said = python(_LOAD, tiny_model, CT2_VERBOSE="1", **chosen)
    assert f"Selected ISA: {selected}" in said


@pytest.mark.parametrize(
    ("cpuinfo", "isa"),
    [
        (SERVER, "AVX512"),
        (SERVER.replace(" avx512vl", ""), None),
        ("processor\t: 0\nFeatures\t: fp asimd\n", None),
        ("", None),
    ],
    ids=["server", "Xeon Phi", "Arm", "nothing"],
)
def test_wide_vectors_are_for_processors_that_have_all_of_them(
    cpuinfo: str, isa: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ISA, "")
    monkeypatch.delenv(ISA)
    (tmp_path / "cpuinfo").write_text(cpuinfo, encoding="ascii")
    use_wide_vectors(tmp_path / "cpuinfo")
    assert os.environ.get(ISA) == isa


def test_without_such_a_file_all_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ISA, "AVX2")
    use_wide_vectors(tmp_path / "absent")
    assert os.environ[ISA] == "AVX2"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_memory_that_was_freed_is_used_again() -> None:
    (lost, _), (kept, possible) = (map(int, python(_PAGES, mode).split()) for mode in ("leave", "keep"))
    if not possible:
        pytest.skip("this glibc keeps no block so large")
    # 64 MB are 16,384 pages of 4 KiB, or 32 of 2 MiB.
    assert kept < 16
    assert lost > 16
