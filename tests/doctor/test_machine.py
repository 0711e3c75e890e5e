"""The doctor holds Python, packages and the disk against what is needed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import NoReturn

import pytest

from anime_whisper_ct2.doctor.machine import check_disk, check_packages, check_python


class TestMachine:
    @pytest.mark.parametrize(
        ("version", "bits", "state"),
        [
            ((3, 9, 19), 64, "failed"),
            ((3, 10, 0), 64, "ok"),
            ((3, 13, 9), 64, "ok"),
            ((3, 14, 0), 64, "warning"),
            ((3, 12, 1), 32, "failed"),
        ],
    )
    def test_python_is_held_against_what_is_tested(self, version: tuple[int, ...], bits: int, state: str) -> None:
        check = check_python(version, bits)
        assert check.state == state
        assert bool(check.remedy) == (state != "ok")

    def test_packages_are_held_against_the_metadata(self) -> None:
        required = ["av>=12", "soxr (<2,>=0.3.7)", "numpy>=1.24", 'nvidia-cublas-cu12>=12.4; extra == "cuda"']
        installed = {"av": "14.0.1", "soxr": "0.3.7", "numpy": "1.26.4"}

        def version_of(name: str) -> str:
            if name not in installed:
                raise PackageNotFoundError(name)
            return installed[name]

        check = check_packages(lambda _: required, version_of)
        assert (check.state, check.found) == ("ok", "numpy 1.26.4, soxr 0.3.7, av 14.0.1")
        installed["soxr"] = "2.0"
        del installed["av"]
        check = check_packages(lambda _: required, version_of)
        assert check.state == "failed"
        assert check.found == "av>=12 is not installed; soxr<2,>=0.3.7 is required, and 2.0 is installed"
        assert check.remedy == 'pip install "av>=12" "soxr<2,>=0.3.7"'

    def test_run_from_a_checkout_the_packages_are_named_all_the_same(self) -> None:
        def not_installed(name: str) -> NoReturn:
            raise PackageNotFoundError(name)

        check = check_packages(not_installed)
        assert check.state == "ok"
        assert "ctranslate2 4." in check.found

    def test_a_full_disk_is_a_warning(self, tmp_path: Path) -> None:
        folder = tmp_path / "not" / "there"
        asked: list[Path] = []

        def usage(free_gb: float) -> Callable[[Path], tuple[int, int, int]]:
            return lambda path: (asked.append(path) or 10**12, 0, int(free_gb * 1e9))

        assert check_disk(folder, False, usage(20)).state == "ok"
        assert check_disk(folder, False, usage(3)).state == "warning"
        assert "AWCT2_CACHE" in check_disk(folder, False, usage(3)).remedy
        assert check_disk(folder, True, usage(3)).state == "ok"
        assert set(asked) == {tmp_path}
        assert not folder.exists()
