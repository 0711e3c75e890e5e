"""A GPU's memory: what is free, what its pool keeps and gives back, and CTranslate2's cache where there is none."""

from __future__ import annotations

import pytest

from anime_whisper_ct2.engine.cuda import MemoryPool, gpus, keep_memory, memory_info, trim_memory
from anime_whisper_ct2.engine.cuda.memory import allocator_settings, pool_wishes
from tests.support.fake_cuda import GIB, FakeCuda

CONFIG = "CT2_CUDA_CACHING_ALLOCATOR_CONFIG"


class TestMemory:
    def test_free_and_total_come_from_the_device_s_own_context(self) -> None:
        library = FakeCuda(capabilities=((9, 0), (9, 0)))
        assert memory_info(1, lambda: library) == (1011 * GIB, 2000 * GIB)
        assert (library.stack, library.retained) == ([], 0)

    @pytest.mark.parametrize("function", ["cuMemGetInfo_v2", "cuCtxPushCurrent_v2", "cuDevicePrimaryCtxRetain"])
    def test_a_failure_leaves_no_context_behind(self, function: str) -> None:
        library = FakeCuda()
        library.failing[function] = 2
        assert memory_info(0, lambda: library) is None
        assert (library.stack, library.retained) == ([], 0)

    @pytest.mark.gpu
    def test_a_real_gpu_tells_its_memory(self) -> None:
        found = gpus()
        info = memory_info(found[0].index)
        assert info is not None
        assert 0 < info[0] <= info[1]
        assert abs(info[1] - found[0].memory_bytes) < found[0].memory_bytes / 10


class TestPool:
    def test_it_keeps_everything_and_is_described_as_it_is_then(self) -> None:
        library = FakeCuda(capabilities=((9, 0), (9, 0)))
        pool = keep_memory(1, open_library=lambda: library)
        assert library.pools == {10: {1: 1, 2: 1, 3: 1, 4: 0}, 11: {1: 1, 2: 1, 3: 1, 4: 2**64 - 1}}
        assert pool == MemoryPool(2**64 - 1, 1, 1, 1)
        assert pool.as_dict() == {
            "release_threshold": 2**64 - 1,
            "event_dependencies": 1,
            "opportunistic": 1,
            "internal_dependencies": 1,
        }

    def test_wishes_reach_the_driver_by_its_own_numbers(self) -> None:
        library = FakeCuda()
        wishes = pool_wishes({"AWCT2_CUDA_POOL": "internal_dependencies=0, release_threshold=2147483648"})
        keep_memory(0, wishes, lambda: library)
        assert library.pools[10] == {1: 1, 2: 1, 3: 0, 4: 2**31}

    @pytest.mark.parametrize("wish", ["internal=0", "opportunistic=2", "release_threshold", "release_threshold=-1",
                                      "release_threshold=18446744073709551616", "opportunistic=", "=1"])  # fmt: skip
    def test_a_wish_that_is_none_is_refused_with_what_it_may_be(self, wish: str) -> None:
        with pytest.raises(ValueError, match=r"AWCT2_CUDA_POOL holds .* give release_threshold=BYTES") as refusal:
            pool_wishes({"AWCT2_CUDA_POOL": f"event_dependencies=1,{wish}"})
        assert repr(wish) in str(refusal.value)

    @pytest.mark.parametrize("environ", [{}, {"AWCT2_CUDA_POOL": ""}])
    def test_nothing_is_wished_by_default(self, environ: dict[str, str]) -> None:
        assert pool_wishes(environ) == {}

    def test_one_attribute_that_cannot_be_set_is_told_and_the_others_are_set(self) -> None:
        library = FakeCuda()
        library.refusing.add(3)
        pool = keep_memory(0, {"internal_dependencies": 0, "opportunistic": 0}, lambda: library)
        assert library.pools[10] == {1: 1, 2: 0, 3: 1, 4: 2**64 - 1}
        assert pool.problem == "internal_dependencies=0: cuMemPoolSetAttribute: CUDA_ERROR_INVALID_VALUE"

    @pytest.mark.parametrize(
        ("library", "problem"),
        [(None, "no driver"), (FakeCuda(pools=False), "no memory pools"), (object(), "the driver has no cuInit")],
    )
    def test_where_there_is_none_the_reason_is_the_record(self, library: object, problem: str) -> None:
        pool = keep_memory(0, open_library=lambda: library)
        assert problem in pool.problem
        assert pool.as_dict() == {"problem": pool.problem}
        assert not trim_memory(0, lambda: library)

    def test_what_nobody_uses_is_given_back_for_another_allocator(self) -> None:
        library = FakeCuda()
        assert trim_memory(0, lambda: library)
        assert library.calls[-1] == "cuMemPoolTrimTo"
        library.failing["cuMemPoolTrimTo"] = 1
        assert not trim_memory(0, lambda: library)


class TestCacheWithoutPools:
    @pytest.mark.parametrize(
        ("memory_bytes", "config"),
        # cub reckons a bin's bytes in 32 bits, so that 2 to the 31 are the largest that may be asked for.
        [(3 * GIB, f"2,9,31,{GIB}"), (96 * GIB, f"2,9,31,{32 * GIB}"), (GIB, f"2,9,30,{GIB // 3}")],
    )
    def test_it_is_laid_out_for_the_gpu_s_memory(self, memory_bytes: int, config: str) -> None:
        library = FakeCuda(memory_bytes=memory_bytes, pools=False)
        assert allocator_settings({}, lambda: library) == {CONFIG: config}

    def test_one_gpu_without_pools_is_enough_since_ctranslate2_takes_pools_for_all_or_none(self) -> None:
        library = FakeCuda(capabilities=((9, 0), (9, 0)))
        assert allocator_settings({}, lambda: library) == {}
        del library.pools[11]
        assert CONFIG in allocator_settings({}, lambda: library)

    @pytest.mark.parametrize("environ", [{CONFIG: "4,3,12,209715200"}, {"CT2_CUDA_ALLOCATOR": "cuda_malloc_async"}])
    def test_what_the_user_settled_stands(self, environ: dict[str, str]) -> None:
        library = FakeCuda(pools=False)
        assert allocator_settings(environ, lambda: library) == {}
        assert library.calls == []

    def test_who_wants_the_cache_gets_it_laid_out_where_there_are_pools_too(self) -> None:
        assert CONFIG in allocator_settings({"CT2_CUDA_ALLOCATOR": "cub_caching"}, FakeCuda)

    @pytest.mark.parametrize("library", [None, object(), FakeCuda(capabilities=())])
    def test_without_a_gpu_nothing_is_set(self, library: object) -> None:
        assert allocator_settings({}, lambda: library) == {}
