"""cuBLAS comes from site-packages by itself, and says which one it is."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.engine.cuda import CUBLAS, Cublas, load_cublas
from anime_whisper_ct2.engine.cuda.cublas import version_of
from tests.support.commands import BARE
from tests.support.places import ROOT

PARTS = ("libcublasLt.so.12", CUBLAS)

# What CTranslate2 does, asked before and after: open the library under its bare name.
PROBE = """
import ctypes, json, sys, types
from anime_whisper_ct2.engine.cuda import CUBLAS, load_cublas

def found():
    try:
        return bool(ctypes.CDLL(CUBLAS))
    except OSError:
        return False

before = found() if "--ask" in sys.argv else None
if "--first" in sys.argv:
    ctypes.CDLL(sys.argv[sys.argv.index("--first") + 1])
if "--torch" in sys.argv:
    sys.modules["torch"] = types.SimpleNamespace(__version__="2.9.0+cu130")
answers = [load_cublas(sys.argv[1].split(":")) for _ in range(2)]
with open("/proc/self/maps") as maps:
    mapped = sorted({line.split()[-1] for line in maps if "cublas" in line.rpartition("/")[2]})
print(json.dumps({"before": before, "after": found(), "mapped": mapped, "numpy": "numpy" in sys.modules,
                  "behind": [answer.behind for answer in answers],
                  "answers": [[str(answer.path), answer.loaded, answer.problem] for answer in answers]}))
"""


def probe(*folders: Path, ask: bool = True, library_path: Path | None = None, extra: tuple[str, ...] = ()) -> Any:
    env = {**BARE, "PYTHONPATH": str(ROOT), **({"LD_LIBRARY_PATH": str(library_path)} if library_path else {})}
    arguments = [":".join(map(str, folders)), *(["--ask"] if ask else []), *extra]
    answer = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True, env=env, timeout=60
    )
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def any_library() -> tuple[bytes, bytes]:
    """Some shared library, small, and the name that stands in it."""
    spec = find_spec("ctranslate2")
    assert spec is not None
    assert spec.origin is not None
    bundled = sorted(Path(spec.origin).parents[1].glob("ctranslate2.libs/libgomp-*.so*"))
    if not bundled:
        pytest.skip("only the wheel for Linux brings a library along that can be dressed up")
    return bundled[0].read_bytes(), bundled[0].name.encode()


@pytest.fixture
def wheel(any_library: tuple[bytes, bytes]) -> Callable[..., Path]:
    """Lay out a folder as pip lays out nvidia-cublas-cu12, with real libraries that carry the names."""
    content, own_name = any_library

    def install(site: Path, names: tuple[str, ...] = PARTS, version: str | None = None) -> Path:
        if version is not None:
            (site / f"nvidia_cublas_cu12-{version}.dist-info").mkdir(parents=True)
        folder = site / "nvidia" / "cublas" / "lib"
        folder.mkdir(parents=True)
        for name in names:
            named = content.replace(own_name + b"\0", name.encode().ljust(len(own_name), b"\0") + b"\0")
            assert named != content
            (folder / name).write_bytes(named)
        return folder

    return install


class TestCublas:
    def test_the_wheel_s_is_found_under_its_bare_name_afterwards(
        self, wheel: Callable[..., Path], tmp_path: Path
    ) -> None:
        folder = wheel(tmp_path / "site")
        result = probe(tmp_path / "gone", tmp_path / "site")
        if result["before"]:
            pytest.skip("this system provides cuBLAS 12")
        assert result["after"]
        assert result["mapped"] == sorted(str(folder / name) for name in PARTS)
        assert result["answers"] == [[str(folder / CUBLAS), True, ""]] * 2
        assert not result["numpy"]

    def test_one_that_the_system_provides_is_left_alone(self, wheel: Callable[..., Path], tmp_path: Path) -> None:
        wheel(tmp_path / "site")
        system = wheel(tmp_path / "system")
        result = probe(tmp_path / "site", ask=False, library_path=system)
        assert result["answers"] == [[str(system / CUBLAS), True, ""]] * 2
        assert result["mapped"] == [str(system / CUBLAS)]

    @pytest.mark.parametrize(("version", "chosen"), [("12.8.4.1", "site"), ("12.4.5.8", "system")])
    def test_a_new_wheel_comes_before_the_system_s_whatever_that_is_and_an_old_one_does_not(
        self, version: str, chosen: str, wheel: Callable[..., Path], tmp_path: Path
    ) -> None:
        folders = {"site": wheel(tmp_path / "site", version=version), "system": wheel(tmp_path / "system")}
        result = probe(tmp_path / "site", ask=False, library_path=folders["system"])
        assert result["answers"] == [[str(folders[chosen] / CUBLAS), True, ""]] * 2

    def test_one_that_is_loaded_already_stays_the_one(self, wheel: Callable[..., Path], tmp_path: Path) -> None:
        wheel(tmp_path / "site", version="12.9.0.13")
        first = wheel(tmp_path / "first") / CUBLAS
        result = probe(tmp_path / "site", ask=False, extra=("--first", str(first)))
        assert result["answers"] == [[str(first), True, ""]] * 2
        assert result["mapped"] == [str(first)]

    def test_a_link_is_followed_to_the_file_that_answers(self, wheel: Callable[..., Path], tmp_path: Path) -> None:
        real = wheel(tmp_path / "system") / CUBLAS
        link = tmp_path / "links" / CUBLAS
        link.parent.mkdir()
        link.symlink_to(real.rename(real.with_name("libcublas.so.13.1.0")))
        result = probe(tmp_path / "gone", ask=False, library_path=link.parent)
        assert result["answers"][0] == [str(real.with_name("libcublas.so.13.1.0")), True, ""]

    def test_a_torch_that_was_there_first_is_told_and_one_that_came_later_is_not(
        self, wheel: Callable[..., Path], tmp_path: Path
    ) -> None:
        wheel(tmp_path)
        assert probe(tmp_path, ask=False, extra=("--torch",))["behind"] == ["torch 2.9.0+cu130"] * 2
        assert probe(tmp_path, ask=False)["behind"] == ["", ""]

    def test_half_a_wheel_names_the_half_that_is_lost(self, wheel: Callable[..., Path], tmp_path: Path) -> None:
        wheel(tmp_path, (CUBLAS,))
        result = probe(tmp_path)
        if result["before"]:
            pytest.skip("this system provides cuBLAS 12")
        assert not result["after"]
        assert [answer[1] for answer in result["answers"]] == [False, False]
        assert "libcublasLt.so.12" in result["answers"][0][2]

    def test_a_whole_wheel_makes_up_for_a_broken_one_before_it(
        self, wheel: Callable[..., Path], tmp_path: Path
    ) -> None:
        wheel(tmp_path / "broken", (CUBLAS,))
        folder = wheel(tmp_path / "whole")
        result = probe(tmp_path / "broken", tmp_path / "whole")
        assert result["after"]
        if not result["before"]:
            assert result["answers"][0][0] == str(folder / CUBLAS)

    @pytest.mark.skipif(sys.platform != "linux", reason="names the libraries of Linux")
    def test_a_file_that_is_no_library_is_a_problem_and_no_exception(self, tmp_path: Path) -> None:
        folder = tmp_path / "nvidia" / "cublas" / "lib"
        folder.mkdir(parents=True)
        for name in PARTS:
            (folder / name).write_bytes(b"no library")
        if probe(tmp_path)["before"]:
            pytest.skip("this system provides cuBLAS 12")
        assert "libcublasLt.so.12" in load_cublas([str(tmp_path)]).problem

    def test_folders_that_cannot_be_folders_are_passed_over(self, tmp_path: Path) -> None:
        found = load_cublas([str(tmp_path / "gone"), "", "a\0b", "x" * 5000])
        assert found.loaded or CUBLAS in found.problem or "macOS" in found.problem


class FakeCublas:
    """The library's one function that tells its version: major, minor and patch by their numbers."""

    def __init__(self, *version: int, status: int = 0) -> None:
        self.version, self.status = version, status

    def cublasGetProperty(self, which: ctypes.c_int, value: Any) -> int:
        value._obj.value = self.version[which.value]
        return self.status


class TestVersion:
    @pytest.mark.parametrize(("version", "is_old"), [((12, 8, 4), False), ((12, 4, 5), True), ((12, 10, 0), False)])
    def test_it_is_the_library_s_own_and_held_against_what_is_advised(
        self, version: tuple[int, int, int], is_old: bool
    ) -> None:
        cublas = Cublas(Path("lib") / CUBLAS, version=version_of(FakeCublas(*version)))
        assert cublas.is_old == is_old
        assert cublas.as_dict() == {"version": ".".join(map(str, version)), "path": str(Path("lib") / CUBLAS)}

    @pytest.mark.parametrize("library", [FakeCublas(12, 4, 5, status=7), object()])
    def test_one_that_does_not_tell_is_not_taken_for_old(self, library: object) -> None:
        assert version_of(library) is None
        assert not Cublas(version=None).is_old

    def test_what_was_there_first_is_in_the_record(self) -> None:
        assert Cublas(behind="torch 2.9.0").as_dict() == {"version": None, "path": None, "behind": "torch 2.9.0"}
