"""The doctor finds what is wrong, names what mends it, and never falls ill itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.cuda import Cublas, Driver, Gpu
from anime_whisper_ct2.doctor import Check, Hardware, Probes, examine, passed
from anime_whisper_ct2.doctor.machine import check_disk, check_packages, check_python
from anime_whisper_ct2.doctor.sound import FORMATS
from anime_whisper_ct2.doctor.trial import Build, Trial
from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import Device
from tests.machines import A10, BY_NAME, GTX_980, H200, NEW, NO_DRIVER, OLD, fails

ROOT = Path(__file__).resolve().parents[1]


def healthy(*gpus: Gpu, driver: Driver = NEW) -> Probes:
    """A machine where everything works, and nothing is really tried."""
    return Probes(
        look=lambda: Hardware(driver if gpus else NO_DRIVER, gpus),
        load_cublas=lambda: Cublas(Path("site/nvidia/cublas/lib/libcublas.so.12")),
        environ={},
        packages=lambda: Check("packages", "ok", "all there"),
        formats=(BY_NAME["WAV"],),
        build=lambda: Build("4.8.5", ("float32", "int8"), len(gpus)),
        transcribe_clip=lambda _model, device, _gpu: Trial(0.5, 0.1, "float16" if device == "cuda" else "float32"),
    )


def named(checks: list[Check]) -> dict[str, Check]:
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWCT2_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class TestExamination:
    def test_a_machine_without_a_gpu_passes(self, tiny_model: Path) -> None:
        checks = named(list(examine(str(tiny_model), healthy())))
        assert passed(checks.values())
        assert {name for name, check in checks.items() if check.state == "skipped"} == {
            "NVIDIA driver",
            "GPU",
            "kernel cache",
        }
        assert checks["engine on the CPU"].found.startswith("float32")

    def test_each_gpu_is_described_and_tried(self, tiny_model: Path) -> None:
        tried: list[tuple[str, int]] = []

        def transcribe(_model: ModelDir, device: Device, gpu: int) -> Trial:
            tried.append((device, gpu))
            if gpu == 1:
                raise EngineError("CUDA failed with error out of memory")
            return Trial(0.5, 0.1, "float16")

        probes = replace(healthy(H200, replace(A10, index=1)), transcribe_clip=transcribe)
        checks = named(list(examine(str(tiny_model), probes)))
        assert tried == [("cpu", 0), ("cuda", 0), ("cuda", 1)]
        assert "H200, 140 GiB, compute capability 9.0" in checks["GPU 0"].found
        assert checks["engine on GPU 0"].state == "ok"
        assert checks["engine on GPU 1"].state == "failed"
        assert "nvidia-smi" in checks["engine on GPU 1"].remedy
        assert not passed(checks.values())

    def test_a_check_that_breaks_is_a_failure_of_its_own_and_the_others_go_on(self, tiny_model: Path) -> None:
        sound = {check.name for check in examine(str(tiny_model), healthy())}
        broken = Probes(
            look=fails("look"),
            load_cublas=fails("cublas"),
            packages=fails("packages"),
            environ={},
            formats=(BY_NAME["WAV"],),
            resolve=fails("resolve"),
            build=fails("build"),
            transcribe_clip=fails("clip"),
        )
        checks = named(list(examine(str(tiny_model), broken)))
        assert checks.keys() == sound
        for name, message in [
            ("packages", "packages"),
            ("NVIDIA driver", "look"),
            ("cuBLAS 12", "cublas"),
            ("CTranslate2", "build"),
            ("model", "resolve"),
        ]:
            assert (checks[name].state, checks[name].found) == ("failed", f"RuntimeError: {message}")
            assert checks[name].remedy
        assert checks["WAV"].state == "ok"
        assert checks["engine on the CPU"].state == "skipped"

    def test_every_failure_and_warning_has_a_remedy(self, tmp_path: Path) -> None:
        probes = replace(
            healthy(GTX_980, driver=OLD),
            load_cublas=lambda: Cublas(problem="libcublas.so.12: cannot open shared object file"),
            build=lambda: Build("5.0.0", (), 0),
            formats=tuple(replace(kind, encode=fails("no codec"), spare=None) for kind in FORMATS),
        )
        checks = list(examine(str(tmp_path), probes))
        bad = [check for check in checks if check.state in ("failed", "warning")]
        assert len(bad) >= 12
        assert all(check.remedy for check in bad)
        assert not any(check.remedy for check in checks if check.state == "ok")


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
        assert check.remedy == "pip install 'av>=12' 'soxr<2,>=0.3.7'"

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


class TestCommand:
    def run(self, *args: str) -> Result:
        return CliRunner().invoke(main, ["doctor", *args])

    def test_json_holds_the_same_and_the_status_says_whether_all_is_well(self, tiny_model: Path) -> None:
        result = self.run("--model", str(tiny_model), "--json")
        content = json.loads(result.stdout_bytes.decode("utf-8"))
        assert set(content) == {"ok", "version", "checks"}
        assert all(set(check) == {"name", "state", "found", "remedy"} for check in content["checks"])
        failed = [check for check in content["checks"] if check["state"] == "failed"]
        assert content["ok"] == (not failed)
        assert result.exit_code == (1 if failed else 0)
        states = {check["name"]: check["state"] for check in content["checks"]}
        assert [states[name] for name in (*BY_NAME, "model", "engine on the CPU")] == ["ok"] * (len(FORMATS) + 2)

    def test_a_broken_model_fails_with_its_remedy_below(self, tiny_model: Path, tmp_path: Path) -> None:
        folder = shutil.copytree(tiny_model, tmp_path / "声" / "model")
        (folder / "tokenizer.json").unlink()
        result = self.run("--model", str(folder))
        assert result.exit_code == 1
        lines = result.stdout.splitlines()
        at = next(number for number, line in enumerate(lines) if re.match(r"failed +model ", line))
        assert re.match(rf" +awct2 convert \S+ \S*{re.escape(str(folder))}\S* --force", lines[at + 1])
        assert "1 failed" in lines[-1]
        # All the names stand below each other.
        starts = {line.index(line.split(maxsplit=1)[1]) for line in lines[:-1] if not line.startswith(" ")}
        assert len(starts) == 1

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
    def test_a_name_that_is_no_utf_8_leaves_the_json_valid(self, tiny_model: Path, tmp_path: Path) -> None:
        try:
            folder = shutil.copytree(tiny_model, tmp_path / "\udcff")
        except OSError:
            pytest.skip("this file system takes no such names")
        (folder / "tokenizer.json").unlink()
        result = self.run("--model", str(folder), "--json")
        assert result.exit_code == 1
        content = json.loads(result.stdout_bytes.decode("utf-8"))
        (model,) = (check for check in content["checks"] if check["name"] == "model")
        assert str(folder) in model["found"]
        assert str(folder) in model["remedy"]

    def test_a_terminal_that_knows_ascii_alone_gets_a_report(self, tmp_path: Path) -> None:
        code = "from anime_whisper_ct2.cli import main; main(prog_name='awct2')"
        path = os.pathsep.join([str(ROOT), str(ROOT / "convert")])
        result = subprocess.run(
            [sys.executable, "-c", code, "doctor", "--model", str(tmp_path / "声")],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "ascii"},
            timeout=120,
            check=False,
        )
        assert result.returncode == 1, result.stderr
        assert b"\\u58f0" in result.stdout
        assert b"Traceback" not in result.stderr
