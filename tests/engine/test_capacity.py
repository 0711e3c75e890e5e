"""A batch is no larger than memory allows, and than CTranslate2 can count to."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from anime_whisper_ct2.engine.capacity import Capacity, check_batch_size, decoder_windows_by_index, windows_by_index
from anime_whisper_ct2.engine.encoders.stock import StockEncoder
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.model_dir import ModelShape
from anime_whisper_ct2.records import Batch, LogMel, Window

HEADS, WIDTH, N_MELS = 20, 1280, 128
SHAPE = ModelShape(N_MELS, 51_866, decoder_layers=2, decoder_heads=HEADS, encoder_heads=HEADS, width=WIDTH)


def softmax_wraps(windows: int, frames: int, heads: int) -> bool:
    """Reckon where the kernel looks for the last row, in its own type and in one that is wide enough."""
    positions = frames // 2
    row = windows * heads * positions - 1
    with np.errstate(over="ignore"):
        return int(np.uint32(row) * np.uint32(positions)) != row * positions


def convolution_wraps(windows: int, frames: int, width: int) -> bool:
    """Reckon the number of the last thread that the kernel starts, as signed as there."""
    total = windows * 3 * width * (frames // 2)
    with np.errstate(over="ignore"):
        return int(np.array(-(-total // 256) * 256 - 1).astype(np.int32)) < 0


@pytest.mark.parametrize(("frames", "most"), [(3000, 95), (1536, 364), (768, 1456)])
def test_the_softmax_is_the_bound_of_a_large_encoder(frames: int, most: int) -> None:
    assert windows_by_index(frames, HEADS, WIDTH, N_MELS) == most
    assert not softmax_wraps(most, frames, HEADS)
    assert softmax_wraps(most + 1, frames, HEADS)


def test_the_convolutions_are_where_there_are_few_heads() -> None:
    most = windows_by_index(3000, 1, WIDTH, N_MELS)
    assert most == 372
    assert not convolution_wraps(most, 3000, WIDTH)
    assert convolution_wraps(most + 1, 3000, WIDTH)


def test_the_first_convolution_counts_mel_where_that_is_more() -> None:
    most = windows_by_index(3000, 1, 192, N_MELS)
    assert (most + 1) * 3 * N_MELS * 3000 > 2**31 - 256 >= most * 3 * N_MELS * 3000


def test_the_decoder_s_keys_and_values_are_the_bound_of_another_encoder() -> None:
    most = decoder_windows_by_index(1500, WIDTH, HEADS, aligned=False)
    assert most == 1118
    assert (most + 1) * 1500 * 2 * WIDTH > 2**32 - 1 >= most * 1500 * 2 * WIDTH
    aligned = decoder_windows_by_index(1500, WIDTH, HEADS, aligned=True)
    assert aligned == 627
    assert (aligned + 1) * HEADS * 228 * 1500 > 2**32 - 1 >= aligned * HEADS * 228 * 1500


def test_it_binds_ctranslate2_s_encoder_on_a_gpu_alone() -> None:
    on_gpu, on_cpu = (
        StockEncoder(SimpleNamespace(n_mels=N_MELS), SHAPE, np.float16, on_cpu=on_cpu, aligned=False)
        for on_cpu in (False, True)
    )
    assert [on_gpu.most_windows(frames) for frames in (3000, 1536)] == [95, 364]
    assert on_cpu.most_windows(3000) is None


def test_a_batch_beyond_it_is_never_computed_but_halved_like_one_that_finds_no_memory() -> None:
    encoder = StockEncoder(SimpleNamespace(n_mels=N_MELS), SHAPE, np.float16, on_cpu=False, aligned=False)
    window = Window(0, 0, 0.0, 30.0, LogMel(np.zeros((N_MELS, 1), np.float16), 0.0))
    with pytest.raises(MemoryError, match="95 windows"), encoder(Batch((window,) * 96, 3000)):
        pass


def test_a_capacity_keeps_within_it_at_every_length() -> None:
    capacity = Capacity(400.0, lambda frames: windows_by_index(frames, HEADS, WIDTH, N_MELS))
    assert [capacity(frames) for frames in (3000, 1536, 768)] == [95, 364, 1456]
    capacity.full_windows = 64.0
    assert [capacity(frames) for frames in (3000, 1536, 768)] == [64, 125, 250]


@pytest.mark.parametrize(("asked", "most"), [(95, 95), (None, 95), (4096, None)])
def test_a_batch_size_within_it_is_taken(asked: int | None, most: int | None) -> None:
    check_batch_size(asked, most)


def test_a_batch_size_beyond_it_is_refused_with_the_reason() -> None:
    with pytest.raises(InputError, match=r"batch size is 96, .* 95 windows of 30 s .* 32-bit indices"):
        check_batch_size(96, 95)
