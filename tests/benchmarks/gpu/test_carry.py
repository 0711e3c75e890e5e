"""All that a machine without a network needs is carried there, in parcels of the size that it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from benchmarks.gpu import carry
from benchmarks.measures.places import ROOT


class TestCarry:
    """No network: pip is played, and its wheels are small."""

    def wheels(self, folder: Path, large: int) -> list[Path]:
        folder.mkdir()
        for name, size in (("ctranslate2", large), ("soxr", 10)):
            with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
                wheel.writestr(f"{name}/__init__.py", os.urandom(size))
        return sorted(folder.glob("*.whl"))

    def test_pip_is_asked_for_the_versions_that_are_here(self, tmp_path: Path) -> None:
        asked_for: list[str] = []
        carry.fetch(["ctranslate2", "soxr"], tmp_path, asked_for.extend)
        assert asked_for[1:4] == ["-m", "pip", "download"]
        assert [word.partition("==")[0] for word in asked_for[-2:]] == ["ctranslate2", "soxr"]
        assert asked_for[asked_for.index("--python-version") + 1] == "3.12"

    def test_all_that_the_project_needs_is_carried_or_there(self) -> None:
        from configparser import ConfigParser

        setup = ConfigParser()
        setup.read(ROOT / "setup.cfg", encoding="utf-8")
        needed = {
            line.partition(">")[0].replace("-", "_") for line in setup["options"]["install_requires"].split() if line
        }
        brought = {name.replace("-", "_") for name in (*carry.CARRIED, *carry.THERE, carry.LARGE)}
        assert needed <= brought

    def test_sizes_are_told_and_the_command(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(carry, "fetch", lambda names, folder: self.wheels(folder, 200_000))
        # Those that are listed, but for what takes long to pack.
        light = [
            name for name in carry.checkout_files() if not name.endswith((".safetensors", ".json", ".ogg", ".svg"))
        ]
        monkeypatch.setattr(carry, "checkout_files", lambda: light)
        carry.main(["--out", str(tmp_path / "out"), "--part", "1"])
        said = capsys.readouterr().out
        lines = said.splitlines()
        sizes = {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
        assert set(sizes) == {
            "package-av-stub.tar.xz",
            "package-ctranslate2-1.0-py3-none-any.tar.xz",
            "package-soxr-1.0-py3-none-any.tar.xz",
            "tree.tar.xz",
        }
        assert all(f"{size / 2**20:7.2f} MiB  {name}\n" in said for name, size in sizes.items())
        assert f"{sum(sizes.values()) / 2**20:7.2f} MiB  in all, of 64 MiB" in said
        assert lines[-1].endswith("python3 -m benchmarks.gpu --skip faster-whisper")
        with tarfile.open(tmp_path / "out" / "package-ctranslate2-1.0-py3-none-any.tar.xz") as packed:
            assert packed.getnames() == ["ctranslate2/__init__.py"]
        with tarfile.open(tmp_path / "out" / "tree.tar.xz") as packed:
            names = packed.getnames()
        assert {"benchmarks/gpu/__main__.py", "tests/tiny/checkpoint/merges.txt"} <= set(names)
        assert not [name for name in names if name.startswith(("docs/", "tests/real"))]

    def test_what_is_over_the_limit_is_refused_with_what_is_largest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(carry, "fetch", lambda names, folder: self.wheels(folder, 300_000))
        monkeypatch.setattr(carry, "checkout_files", list)
        with pytest.raises(SystemExit, match=r"over 0.2 MiB; the largest is package-ctranslate2-1.0.*--part 1 and"):
            carry.main(["--out", str(tmp_path / "out"), "--limit-mib", "0.2"])
        assert "Carry" not in capsys.readouterr().out

    def test_the_stub_says_what_it_stands_for(self, tmp_path: Path) -> None:
        (tmp_path / "av.py").write_text(carry._STUB, encoding="utf-8")
        tried = "import av\ntry:\n    av.open('x')\nexcept AttributeError as error:\n    print(error)"
        said = subprocess.run(
            [sys.executable, "-S", "-c", tried], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert said.stdout.strip() == "av.open: PyAV was not carried to this machine"
