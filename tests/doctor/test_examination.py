"""The doctor finds what is wrong, names what mends it, and never falls ill itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from anime_whisper_ct2.doctor import Check, Hardware, Probes, examine, passed
from anime_whisper_ct2.doctor.sound import FORMATS
from anime_whisper_ct2.doctor.trial import Build, Trial
from anime_whisper_ct2.engine.cuda import Cublas, Driver, Gpu
from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import Device
from tests.support.machines import A10, BY_NAME, GTX_980, H200, NEW, NO_DRIVER, OLD, fails


def healthy(*gpus: Gpu, driver: Driver = NEW) -> Probes:
    """A machine where everything works, and nothing is really tried."""
    return Probes(
        look=lambda: Hardware(driver if gpus else NO_DRIVER, gpus),
        load_cublas=lambda: Cublas(Path("site/nvidia/cublas/lib/libcublas.so.12")),
        environ={},
        packages=lambda: Check("packages", "ok", "all there"),
        formats=(BY_NAME["WAV"],),
        build=lambda: Build("4.8.5", ("float32", "int8"), len(gpus)),
        transcribe_clip=lambda _model, device, _gpu: (
            Trial(0.5, 0.1, "float16", "torch") if device == "cuda" else Trial(0.5, 0.1, "float32", "ctranslate2")
        ),
    )


def named(checks: list[Check]) -> dict[str, Check]:
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


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
            return Trial(0.5, 0.1, "float16", "torch")

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
