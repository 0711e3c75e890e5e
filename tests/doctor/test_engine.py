"""The doctor tries model and engine, in a process of their own where they may die."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from configparser import ConfigParser
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest

from anime_whisper_ct2.doctor import Hardware
from anime_whisper_ct2.doctor.engine import BELOW, OLDEST, check_ctranslate2, check_engine, check_model
from anime_whisper_ct2.doctor.machine import NEWEST
from anime_whisper_ct2.doctor.machine import OLDEST as OLDEST_PYTHON
from anime_whisper_ct2.doctor.trial import Build, apart, build, transcribe_clip
from anime_whisper_ct2.engine import selfcheck
from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.model_dir import DEFAULT_QUANTIZATION, cached_conversion_path, open_model_dir
from anime_whisper_ct2.models import resolve_model
from anime_whisper_ct2.options import DEFAULT_MODEL
from tests.support.machines import H200, NEW, NO_DRIVER, fails
from tests.support.places import ROOT


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWCT2_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


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

    def test_somebody_else_s_folder_is_never_to_be_overwritten(self, tiny_model: Path, tmp_path: Path) -> None:
        folder = shutil.copytree(tiny_model, tmp_path / "model")
        (folder / "awct2.json").unlink()
        (folder / "tokenizer.json").unlink()
        check, _ = check_model(str(folder), resolve_model)
        assert "has no tokenizer.json" in check.found
        assert "NEW_FOLDER" in check.remedy
        assert "--force" not in check.remedy

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
        (cached / "config.json").write_text("{", encoding="utf-8")
        assert check_model(None, fails("it was resolved"))[0].state == "failed"


class TestEngine:
    def test_one_clip_goes_through_the_real_one(self, tiny_model: Path) -> None:
        check = check_engine("engine on the CPU", transcribe_clip, open_model_dir(tiny_model), "cpu")
        assert check.state == "ok", check
        assert check.found.startswith("float32, ctranslate2 encodes; the model loads in ")

    def test_a_device_that_is_not_there_is_an_error_and_not_the_end(self, tiny_model: Path) -> None:
        with pytest.raises(EngineError, match="no CUDA device 99"):
            transcribe_clip(open_model_dir(tiny_model), "cuda", 99)

    @pytest.mark.gpu
    def test_one_clip_goes_through_the_gpu(self, tiny_model: Path) -> None:
        assert transcribe_clip(open_model_dir(tiny_model), "cuda", 0).clip_s > 0

    def test_wrong_numbers_have_the_engines_own_remedy(self, tiny_model: Path) -> None:
        spoiled = selfcheck.refusal("values that are no numbers in 1 of 9 windows", 0, "float16")

        def fail(*_: object) -> NoReturn:
            raise EngineError(spoiled)

        check = check_engine("GPU 0", fail, open_model_dir(tiny_model), "cuda")
        assert (check.state, f"{check.found}; {check.remedy}; awct2 doctor says more") == ("failed", spoiled)
        assert check.remedy.startswith("update the NVIDIA driver, try --compute-type float32, or")

    @pytest.mark.parametrize(
        ("message", "remedy"),
        [
            ("Library libcublas.so.12 is not found or cannot be loaded", "pip install nvidia-cublas-cu12"),
            ("the process died: signal 9, SIGKILL", "--quantization int8"),
            ("the process died: exit status 0xC0000017, out of memory", "--quantization int8"),
            ("the process died: signal 4, SIGILL", 'pip install --force-reinstall "ctranslate2'),
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
        assert "0 of 1 GPU," in check.found

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

    @pytest.mark.posix("signals")
    def test_a_signal_is_named(self) -> None:
        with pytest.raises(EngineError, match="SIGKILL"):
            apart(partial(signal.raise_signal, 9))

    def test_it_is_not_waited_for_without_end(self) -> None:
        start = time.monotonic()
        with pytest.raises(EngineError, match="no answer within 1 s"):
            apart(partial(time.sleep, 60), patience_s=1)
        assert time.monotonic() - start < 50
