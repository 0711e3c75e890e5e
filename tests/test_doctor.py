"""The doctor finds what is wrong, names what mends it, and never falls ill itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from configparser import ConfigParser
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.audio import load
from anime_whisper_ct2.cli import main
from anime_whisper_ct2.cuda import LIBCUDA, Cublas, Driver, Gpu
from anime_whisper_ct2.doctor import Check, Hardware, Probes, examine, passed
from anime_whisper_ct2.doctor.engine import BELOW, OLDEST, check_ctranslate2, check_engine, check_model
from anime_whisper_ct2.doctor.gpu import check_cublas, check_driver, check_gpus, check_kernel_cache
from anime_whisper_ct2.doctor.machine import NEWEST, check_disk, check_packages, check_python
from anime_whisper_ct2.doctor.machine import OLDEST as OLDEST_PYTHON
from anime_whisper_ct2.doctor.sound import FORMATS, Format, check_format, check_resampler, compare, tone
from anime_whisper_ct2.doctor.trial import Build, Trial, apart, build, transcribe_clip
from anime_whisper_ct2.errors import DecodeError, EngineError
from anime_whisper_ct2.model_dir import DEFAULT_QUANTIZATION, ModelDir, cached_conversion_path, open_model_dir
from anime_whisper_ct2.models import resolve_model
from anime_whisper_ct2.options import DEFAULT_MODEL, Device
from anime_whisper_ct2.records import Audio, Float32

ROOT = Path(__file__).resolve().parents[1]
BY_NAME = {kind.name: kind for kind in FORMATS}

H200 = Gpu(0, "NVIDIA H200", 140 * 2**30, (9, 0))
A10 = Gpu(0, "NVIDIA A10", 24 * 2**30, (8, 6))
L4 = Gpu(0, "NVIDIA L4", 24 * 2**30, (8, 9))
GTX_980 = Gpu(0, "GeForce GTX 980", 4 * 2**30, (5, 2))

NO_DRIVER = Driver(problem=f"{LIBCUDA} is not there")
NEW = Driver("570.124.06", (12, 8), installed=True)
NEW_ENOUGH = Driver("535.104.05", (12, 2), installed=True)
OLD = Driver("470.57.02", (11, 4), installed=True)
NO_DEVICE = Driver(cuda=(12, 8), problem="cuInit: CUDA_ERROR_NO_DEVICE", installed=True)


def fails(message: str) -> Callable[..., Any]:
    def fail(*_: object) -> NoReturn:
        raise RuntimeError(message)

    return fail


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


class TestDriver:
    @pytest.mark.parametrize(
        ("driver", "gpus", "devices", "state", "found", "remedy"),
        [
            (NO_DRIVER, (), 0, "skipped", "none; no GPU here", ""),
            (NO_DRIVER, (), 1, "warning", "the machine has an NVIDIA GPU", "install the NVIDIA driver 570"),
            (replace(NO_DRIVER, version="570.1"), (), 1, "failed", LIBCUDA, "--gpus all"),
            (NEW, (H200,), 1, "ok", "570.124.06, CUDA 12.8", ""),
            (NEW_ENOUGH, (A10,), 1, "ok", "535.104.05, CUDA 12.2", ""),
            (NEW_ENOUGH, (L4,), 1, "ok", "CUDA 12.2", ""),
            (NEW_ENOUGH, (A10, H200), 2, "failed", "CUDA 12.8 is needed to compile", "driver 570 or newer"),
            (OLD, (A10,), 1, "failed", "CUDA 12.0 is needed", "driver 525 or newer"),
            (OLD, (GTX_980,), 1, "failed", "CUDA 12.0 is needed", "driver 525 or newer"),
            (NO_DEVICE, (), 0, "skipped", "no GPU here", ""),
            (NO_DEVICE, (), 1, "failed", "CUDA_ERROR_NO_DEVICE", "nvidia-smi"),
            (replace(NO_DEVICE, problem="cuInit: error 803"), (), 1, "failed", "error 803", "restart the machine"),
        ],
    )
    def test_its_version_is_held_against_the_gpus(
        self, driver: Driver, gpus: tuple[Gpu, ...], devices: int, state: str, found: str, remedy: str
    ) -> None:
        check = check_driver(Hardware(driver, gpus, devices), {})
        assert check.state == state
        assert found in check.found
        assert remedy in check.remedy
        assert bool(check.remedy) == bool(remedy)

    def test_gpus_hidden_by_the_environment_are_pointed_out(self) -> None:
        check = check_driver(Hardware(NO_DEVICE, (), 1), {"CUDA_VISIBLE_DEVICES": ""})
        assert check.state == "warning"
        assert "CUDA_VISIBLE_DEVICES" in check.remedy


class TestGpus:
    def test_one_newer_than_ctranslate2_compiles_its_kernels(self) -> None:
        (check,) = check_gpus(Hardware(NEW, (H200,)))
        assert check.state == "ok"
        assert "compiles" in check.found

    @pytest.mark.parametrize("gpu", [A10, L4])
    def test_machine_code_serves_later_gpus_of_its_generation(self, gpu: Gpu) -> None:
        (check,) = check_gpus(Hardware(NEW, (gpu,)))
        assert check.state == "ok"
        assert "compiles" not in check.found

    def test_one_too_old_fails(self) -> None:
        (check,) = check_gpus(Hardware(NEW, (GTX_980,)))
        assert check.state == "failed"
        assert "--device cpu" in check.remedy

    def test_cublas_matters_where_there_is_a_gpu(self) -> None:
        absent = Cublas(problem="libcublas.so.12: cannot open shared object file")
        assert check_cublas(Hardware(NO_DRIVER, ()), absent).state == "skipped"
        check = check_cublas(Hardware(NEW, (A10,)), absent)
        assert (check.state, check.remedy) == ("failed", "pip install 'anime-whisper-ct2[cuda]'")
        assert check_cublas(Hardware(NEW, (A10,)), Cublas()).state == "ok"


class TestKernelCache:
    @pytest.mark.parametrize(
        ("environ", "remedy"),
        [
            ({"CUDA_CACHE_DISABLE": "1"}, "unset CUDA_CACHE_DISABLE"),
            ({"CUDA_CACHE_MAXSIZE": "1048576"}, "unset CUDA_CACHE_MAXSIZE"),
            ({"CUDA_CACHE_PATH": "FILE"}, "CUDA_CACHE_PATH"),
        ],
    )
    def test_one_that_keeps_nothing_is_a_warning(self, environ: dict[str, str], remedy: str, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        environ = {name: value.replace("FILE", str(tmp_path / "file")) for name, value in environ.items()}
        check = check_kernel_cache(Hardware(NEW, (H200,)), environ, tmp_path)
        assert check.state == "warning"
        assert remedy in check.remedy
        # Nothing is compiled for these, so nothing has to be kept.
        assert check_kernel_cache(Hardware(NEW, (A10, L4)), environ, tmp_path).state == "ok"

    def test_the_default_need_not_exist_yet(self, tmp_path: Path) -> None:
        environ = {"CUDA_CACHE_DISABLE": "0", "CUDA_CACHE_MAXSIZE": str(2**32)}
        check = check_kernel_cache(Hardware(NEW, (H200,)), environ, tmp_path / "home")
        assert check.state == "ok"
        assert check.found.startswith(str(tmp_path / "home"))


class TestDecoders:
    @pytest.mark.parametrize("kind", FORMATS, ids=BY_NAME)
    def test_each_is_tried_and_works(self, kind: Format) -> None:
        check = check_format(kind)
        assert check.state == "ok", check

    def test_an_older_libsndfile_without_mp3_leaves_it_to_pyav(self) -> None:
        check = check_format(replace(BY_NAME["MP3"], encode=fails("Unknown format: 'MP3'")))
        assert check.state == "warning"
        assert "PyAV reads it" in check.found
        assert check.remedy.startswith("pip install --upgrade 'soundfile")

    @pytest.mark.parametrize("name", ["WAV", "MP3"])
    def test_a_format_that_nothing_reads_fails(self, name: str) -> None:
        kind = BY_NAME[name]
        check = check_format(replace(kind, encode=fails("Unknown format"), spare=kind.spare and fails("no")))
        assert check.state == "failed"
        assert check.remedy.startswith("pip install --upgrade 'soundfile")
        assert "Unknown format" in check.found

    @pytest.mark.parametrize(("package", "name"), [("av", "M4A (AAC)"), ("av", "WebM (Opus)"), ("soundfile", "MP3")])
    def test_a_package_that_is_absent_is_named(self, package: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, package, None)
        check = check_format(BY_NAME[name])
        assert check.state == "failed"
        assert package in check.found
        assert check.remedy.startswith(f"pip install --upgrade '{package}")

    def test_without_an_encoder_a_decoder_is_not_called_broken(self) -> None:
        check = check_format(replace(BY_NAME["M4A (AAC)"], encode=fails("aac")))
        assert check.state == "warning"
        assert "could not be tried" in check.found

    def test_a_decoder_that_refuses_fails_with_its_reason(self) -> None:
        def refuse(_: Audio) -> Float32:
            raise DecodeError("no decoder reads it")

        check = check_format(BY_NAME["WebM (Opus)"], refuse)
        assert (check.state, check.found) == ("failed", "no decoder reads it")
        assert check.remedy.startswith("pip install --upgrade 'av")

    @pytest.mark.parametrize(
        ("spoil", "fault"),
        [
            (lambda x: x[: len(x) // 2], "0.5 s came back as 0.25 s"),
            (np.zeros_like, "a level of 0.30 came back as 0.00"),
            (lambda x: x * np.float32(2), "a level of 0.30 came back as 0.60"),
            (lambda x: np.concatenate([x[::2], x[::2]]), "440 Hz came back as 880 Hz"),
        ],
    )
    def test_sound_that_comes_back_altered_fails(self, spoil: Callable[[Float32], Float32], fault: str) -> None:
        assert compare(load_tone()) == ""
        assert compare(spoil(load_tone())) == fault
        check = check_format(BY_NAME["FLAC"], lambda audio: spoil(load(audio)))
        assert (check.state, check.found) == ("failed", fault)
        assert check_resampler(lambda audio: spoil(load(audio))).state == "failed"

    def test_the_resampler_is_tried(self) -> None:
        assert check_resampler().state == "ok"


def load_tone() -> Float32:
    return tone(16_000)


class TestModel:
    def test_a_folder_without_tokenizer_fails_with_the_command_that_mends_it(
        self, tiny_model: Path, tmp_path: Path
    ) -> None:
        folder = shutil.copytree(tiny_model, tmp_path / "model")
        (folder / "tokenizer.json").unlink()
        check, model = check_model(str(folder), resolve_model)
        assert model is None
        assert check.state == "failed"
        assert "has no tokenizer.json" in check.found
        assert re.fullmatch(rf"awct2 convert \S+ {re.escape(str(folder))} --force --quantization float32", check.remedy)

    def test_a_folder_that_is_no_model_fails(self, tmp_path: Path) -> None:
        check, model = check_model(str(tmp_path), resolve_model)
        assert (check.state, model) == ("failed", None)
        assert "--model" in check.remedy

    def test_the_default_one_is_looked_for_in_the_cache_and_never_fetched(
        self, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        check, model = check_model(None, fails("it was resolved"))
        assert (check.state, check.remedy, model) == ("skipped", "awct2 convert", None)
        cached = cached_conversion_path(DEFAULT_MODEL, None, DEFAULT_QUANTIZATION)
        shutil.copytree(tiny_model, cached)
        check, model = check_model(None, fails("it was resolved"))
        assert check.state == "ok"
        assert model is not None
        assert model.path == cached
        (cached / "config.json").write_text("{")
        assert check_model(None, fails("it was resolved"))[0].state == "failed"


class TestEngine:
    def test_one_clip_goes_through_the_real_one(self, tiny_model: Path) -> None:
        check = check_engine("engine on the CPU", transcribe_clip, open_model_dir(tiny_model), "cpu")
        assert check.state == "ok", check
        assert check.found.startswith("float32; the model loads in ")

    def test_a_device_that_is_not_there_is_an_error_and_not_the_end(self, tiny_model: Path) -> None:
        with pytest.raises(EngineError, match="no CUDA device 99"):
            transcribe_clip(open_model_dir(tiny_model), "cuda", 99)

    @pytest.mark.gpu
    def test_one_clip_goes_through_the_gpu(self, tiny_model: Path) -> None:
        if not build().gpus:
            pytest.skip("no GPU here")
        assert transcribe_clip(open_model_dir(tiny_model), "cuda", 0).clip_s > 0

    @pytest.mark.parametrize(
        ("message", "remedy"),
        [
            ("Library libcublas.so.12 is not found or cannot be loaded", "pip install 'anime-whisper-ct2[cuda]'"),
            ("the process died: signal 9, SIGKILL", "--quantization int8"),
            ("the process died: signal 4, SIGILL", "pip install --force-reinstall 'ctranslate2"),
            ("no CUDA device 0: none found (is the NVIDIA driver installed?)", "see CTranslate2 above"),
            ("CUDA driver version is insufficient for CUDA runtime version", "NVIDIA driver"),
        ],
    )
    def test_each_failure_has_its_remedy(self, message: str, remedy: str, tiny_model: Path) -> None:
        def fail(*_: object) -> NoReturn:
            raise EngineError(message)

        check = check_engine("engine on GPU 0", fail, open_model_dir(tiny_model), "cuda")
        assert (check.state, check.found) == ("failed", message)
        assert remedy in check.remedy

    def test_what_ctranslate2_can_do_is_asked_in_another_process(self) -> None:
        answer = build()
        assert "float32" in answer.cpu_types
        assert check_ctranslate2(lambda: answer, Hardware(NO_DRIVER, ())).state == "ok"

    @pytest.mark.parametrize("version", ["4.7.9", "5.0.0"])
    def test_a_version_out_of_range_fails(self, version: str) -> None:
        check = check_ctranslate2(lambda: Build(version, ("float32",), 0), Hardware(NO_DRIVER, ()))
        assert check.state == "failed"
        assert "ctranslate2>=4.8,<5" in check.remedy

    def test_a_build_that_does_not_load_fails(self) -> None:
        def fail() -> NoReturn:
            raise EngineError("the process died: signal 4, SIGILL")

        check = check_ctranslate2(fail, Hardware(NO_DRIVER, ()))
        assert check.state == "failed"
        assert "SIGILL" in check.found

    def test_a_build_without_cuda_beside_a_gpu_fails(self) -> None:
        check = check_ctranslate2(lambda: Build("4.8.5", ("float32",), 0), Hardware(NEW, (H200,)))
        assert check.state == "failed"
        assert "0 of 1 GPUs" in check.found

    def test_the_range_is_that_of_the_package(self) -> None:
        setup = ConfigParser()
        setup.read(ROOT / "setup.cfg", encoding="utf-8")
        limits = ",".join(f"{sign}{'.'.join(map(str, bound))}" for sign, bound in ((">=", OLDEST), ("<", BELOW)))
        assert f"ctranslate2{limits}" in setup["options"]["install_requires"].split()
        versions = re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"])
        assert [versions[0], versions[-1]] == [".".join(map(str, bound)) for bound in (OLDEST_PYTHON, NEWEST)]


class TestAnotherProcess:
    def test_its_answer_comes_back(self) -> None:
        assert apart(partial(pow, 2, 10)) == 1024

    def test_its_exception_becomes_an_error(self) -> None:
        with pytest.raises(EngineError, match="ValueError: invalid literal"):
            apart(partial(int, "x"))

    def test_its_death_is_an_error(self) -> None:
        with pytest.raises(EngineError, match="the process died: exit status 3"):
            apart(partial(os._exit, 3))

    @pytest.mark.skipif(os.name == "nt", reason="Windows knows no signals")
    def test_a_signal_is_named(self) -> None:
        with pytest.raises(EngineError, match="SIGKILL"):
            apart(partial(signal.raise_signal, 9))

    def test_it_is_not_waited_for_without_end(self) -> None:
        start = time.monotonic()
        with pytest.raises(EngineError, match="no answer within 1 s"):
            apart(partial(time.sleep, 60), patience_s=1)
        assert time.monotonic() - start < 20


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
