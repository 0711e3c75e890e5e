"""Where the model computes is settled before it is loaded, and what would give wrong texts is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.engine import cuda, device, selfcheck, whisper
from anime_whisper_ct2.engine.cuda import Cublas, MemoryPool
from anime_whisper_ct2.engine.device import ComputeDevice, facts_of, is_cuda, keep_memory, settle
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.errors import EngineError, InputError
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import Device, EngineOptions
from tests.support.fake_cuda import FakeCuda

AUTO, CUDA = EngineOptions(), EngineOptions(device="cuda")
CUBLAS = Cublas(Path("nvidia") / "cublas", version=(12, 8, 4))
ON_GPU = ComputeDevice("cuda", "float32", 64, replicas=2, threads=1, cublas=CUBLAS)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a driver's library, and with it GPUs, in the place of what this machine has."""

    def put(library: FakeCuda, cublas: Cublas = CUBLAS) -> None:
        why_unfit_here = partial(cuda.why_unfit_here, open_library=lambda: library, is_wheel=lambda: True)
        monkeypatch.setattr(cuda, "why_unfit_here", why_unfit_here)
        monkeypatch.setattr(cuda, "load_cublas", lambda: cublas)
        monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: len(library.capabilities))
        monkeypatch.setattr("ctranslate2.get_supported_compute_types", lambda *_: {"float32", "float16"})

    monkeypatch.delenv("AWCT2_CUDA_POOL", raising=False)
    return put


class TestSettled:
    def test_a_gpu_that_is_fit_computes(self, machine: Callable[..., None]) -> None:
        machine(FakeCuda())
        for options in (AUTO, CUDA):
            found = settle(options, "float16")
            assert (found.name, found.compute_type, found.cublas) == ("cuda", "float16", CUBLAS)
        assert is_cuda(AUTO)

    @pytest.mark.parametrize(
        ("library", "said"),
        [
            (FakeCuda(version=12040), r"speaks CUDA 12\.4, and 12\.8 is needed .* driver 570 or newer"),
            (FakeCuda(version=11040, capabilities=((8, 0),)), r"CUDA 11\.4, and 12\.0 .* driver 525 or newer"),
            (FakeCuda(capabilities=((5, 2),)), r"compute capability 5\.2, .* need 5\.3; .*--device cpu"),
        ],
    )
    def test_one_that_cannot_run_the_kernels_is_refused_and_auto_takes_the_cpu(
        self, library: FakeCuda, said: str, machine: Callable[..., None]
    ) -> None:
        machine(library)
        with pytest.raises(EngineError, match=said):
            settle(CUDA, "float16")
        assert settle(AUTO, "float32").name == "cpu"
        assert not is_cuda(AUTO)
        assert is_cuda(CUDA)

    def test_each_gpu_stands_for_itself(self, machine: Callable[..., None]) -> None:
        machine(FakeCuda(capabilities=((5, 2), (9, 0))))
        assert settle(EngineOptions(device="auto", gpus=(1,)), "float16").name == "cuda"
        with pytest.raises(EngineError, match=r"capability 5\.2"):
            settle(EngineOptions(device="cuda", gpus=(0,)), "float16")

    def test_one_that_is_not_there_is_named_as_before(self, machine: Callable[..., None]) -> None:
        machine(FakeCuda())
        with pytest.raises(InputError, match="no CUDA device 7: 1 found"):
            settle(EngineOptions(device="cuda", gpus=(7,)), "float16")

    @pytest.mark.parametrize("wanted", ["cuda", "auto"])
    def test_no_cublas_is_refused_with_the_command_that_brings_it(
        self, wanted: Device, machine: Callable[..., None]
    ) -> None:
        machine(FakeCuda(), Cublas(problem="not there"))
        with pytest.raises(EngineError, match=r"no cuBLAS 12 \(not there\); pip install nvidia-cublas-cu12"):
            settle(EngineOptions(device=wanted), "float16")


class TestPool:
    def test_what_it_is_to_be_is_settled_before_the_model_loads(
        self, machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine(FakeCuda())
        monkeypatch.setenv("AWCT2_CUDA_POOL", "internal_dependencies=0")
        assert settle(CUDA, "float16").pool == {"internal_dependencies": 0}
        monkeypatch.setenv("AWCT2_CUDA_POOL", "internal_dependencies=no")
        with pytest.raises(InputError, match="AWCT2_CUDA_POOL holds 'internal_dependencies=no'"):
            settle(CUDA, "float16")
        assert settle(EngineOptions(device="cpu"), "float32").pool == {}

    @pytest.mark.parametrize("wishes", [{"opportunistic": 0}, {}])
    def test_a_wish_that_is_not_granted_is_refused_and_none_is_not(self, wishes: dict[str, int]) -> None:
        library = FakeCuda(pools=False)
        asked = ComputeDevice("cuda", "float16", 64, 2, 1, pool=wishes)
        keep = partial(cuda.keep_memory, open_library=lambda: library)
        if not wishes:
            assert keep_memory(asked, 0, keep).problem
            return
        with pytest.raises(EngineError, match=r"refuses what AWCT2_CUDA_POOL asks for \(.*no memory pools"):
            keep_memory(asked, 0, keep)

    def test_the_record_says_how_it_is_set_and_what_ctranslate2_was_told(self) -> None:
        environ = {"CT2_CUDA_ALLOCATOR": "cub_caching", "CT2_CUDA_CACHING_ALLOCATOR_CONFIG": "2,9,31,1000"}
        assert facts_of(ON_GPU, MemoryPool(release_threshold=5, opportunistic=0), environ) == {
            "memory_pool": {
                "release_threshold": 5,
                "opportunistic": 0,
                "allocator": "cub_caching",
                "cache": "2,9,31,1000",
            },
            "cublas": {"version": "12.8.4", "path": str(CUBLAS.path)},
        }


class TestEngine:
    """An engine that believes in a GPU and computes on the CPU."""

    @pytest.fixture
    def pretending(self, monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
        library = FakeCuda()
        load = CTranslate2Engine._load

        def on_cpu(engine: CTranslate2Engine, *given: Any) -> Any:
            real, engine._device = engine._device, ComputeDevice("cpu", "float32", 1, 1, 1)
            try:
                return load(engine, *given)
            finally:
                engine._device = real

        monkeypatch.setattr(whisper, "settle", lambda *_: ON_GPU)
        keep = partial(cuda.keep_memory, open_library=lambda: library)
        monkeypatch.setattr(whisper, "keep_memory", partial(device.keep_memory, keep=keep))
        monkeypatch.setattr(CTranslate2Engine, "_load", on_cpu)
        monkeypatch.setattr(selfcheck, "check", lambda *_, **__: None)
        return library

    def test_it_describes_pool_and_cublas(self, pretending: FakeCuda, tiny_model: Path) -> None:
        options = EngineOptions(device="cuda", batch_size=1, encoder="ctranslate2")
        engine = CTranslate2Engine(open_model_dir(tiny_model), options)
        assert pretending.pools[10][4] == 2**64 - 1
        assert engine.description["memory_pool"]["release_threshold"] == 2**64 - 1
        assert engine.description["cublas"] == CUBLAS.as_dict()
        engine.close()

    def test_it_refuses_a_batch_that_ctranslate2_cannot_count(self, pretending: FakeCuda, tiny_model: Path) -> None:
        options = EngineOptions(device="cuda", batch_size=100_000, encoder="ctranslate2")
        with pytest.raises(InputError, match=r"batch size is 100000, .* 32-bit indices"):
            CTranslate2Engine(open_model_dir(tiny_model), options)
