"""The real engine on the tiny model: batches of any make-up give the same texts; limits hold; memory is measured."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import soundfile
import torch
import transformers

from anime_whisper_ct2.audio import load
from anime_whisper_ct2.engine import stale
from anime_whisper_ct2.engine.capacity import PROBES, windows_that_fit
from anime_whisper_ct2.engine.device import kind_of_error
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.errors import EngineError, EngineLostError, EngineMemoryError
from anime_whisper_ct2.features.mel import log_mel, stack
from anime_whisper_ct2.features.windows import AMBIGUOUS_FRAMES, WindowLength
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions
from anime_whisper_ct2.records import Batch, Decoded, Step, Window
from anime_whisper_ct2.text.quality import token_cap
from tests.support.places import CHECKPOINT, CORPUS
from tests.support.processes import wait_until
from tests.support.sounds import tone

CPU = EngineOptions(device="cpu", compute_type="float32")


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Iterator[CTranslate2Engine]:
    made = CTranslate2Engine(open_model_dir(tiny_model), CPU)
    yield made
    made.close()


@pytest.fixture(scope="module")
def windows() -> list[Window]:
    made = []
    for key, path in enumerate(sorted(CORPUS.rglob("第一章/*.ogg"))[:6]):
        samples, _ = soundfile.read(path, dtype="float32")
        made.append(Window(key, 0, 0.0, len(samples) / 16_000, log_mel(samples, 128), 0.1))
    return made


def texts(engine: CTranslate2Engine, windows: list[Window], frames: int = 3000) -> list[str]:
    return [decoded.text for decoded in engine.submit(Batch(tuple(windows), frames)).result()]


def test_a_window_reads_the_same_alone_and_in_company(engine: CTranslate2Engine, windows: list[Window]) -> None:
    assert texts(engine, windows) == [texts(engine, [window])[0] for window in windows]


@pytest.mark.parametrize("frames", [*AMBIGUOUS_FRAMES, 512])
def test_lengths_that_ctranslate2_could_misread_come_through(
    engine: CTranslate2Engine, windows: list[Window], frames: int
) -> None:
    # The lengths themselves are never chosen; should one come all the same, no window is encoded twice.
    alone = [texts(engine, [window], frames)[0] for window in windows]
    assert texts(engine, windows, frames) == alone


def test_fitted_windows_read_like_full_ones(engine: CTranslate2Engine, windows: list[Window]) -> None:
    length = WindowLength("fit")
    fitted = [texts(engine, [window], length(window.mel.values.shape[1]))[0] for window in windows]
    full = texts(engine, windows)
    assert sum(a == b for a, b in zip(fitted, full, strict=True)) >= len(windows) - 1


def test_a_text_ends_at_the_cap_of_its_duration(tiny_model: Path) -> None:
    # Forbidding the end is the surest loop: every token that ends the text is suppressed.
    model = open_model_dir(tiny_model)
    config = {**model.config, "suppress_ids": [model.config["suppress_ids_begin"][-1]]}
    looping = CTranslate2Engine(replace(model, config=config), CPU)
    window = Window(0, 0, 0.0, 2.0, log_mel(tone(2.0), 128), 0.1)
    (decoded,) = looping.submit(Batch((window,), 3000)).result()
    looping.close()
    assert decoded.capped
    assert len(decoded.tokens) == token_cap(2.0)


def test_the_ngram_limit_reaches_the_decoder(tiny_model: Path, windows: list[Window]) -> None:
    limited = CTranslate2Engine(open_model_dir(tiny_model), CPU, DecodingOptions(no_repeat_ngram_size=1))
    decoded = limited.submit(Batch(tuple(windows), 3000)).result()
    limited.close()
    assert all(len(set(text.tokens)) == len(text.tokens) > 0 for text in decoded)


def test_beams_reach_the_decoder(tiny_model: Path, windows: list[Window]) -> None:
    engine = CTranslate2Engine(open_model_dir(tiny_model), CPU, DecodingOptions(beam_size=5))
    batch = Batch(tuple(windows), 3000)
    tokens = [list(decoded.tokens) for decoded in engine.submit(batch).result()]
    features = ctranslate2.StorageView.from_array(stack(batch, 128, np.float32))
    bare = ctranslate2.models.Whisper(str(tiny_model), device="cpu", compute_type="float32")
    prompts = [engine.prompt] * len(windows)
    assert tokens == [result.sequences_ids[0] for result in bare.generate(features, prompts, beam_size=5)]
    engine.close()


@pytest.mark.parametrize("count", [3, 60])
def test_suppressed_tokens_are_those_of_transformers(tiny_model: Path, windows: list[Window], count: int) -> None:
    model = open_model_dir(tiny_model)
    plain = CTranslate2Engine(model, CPU)
    batch = Batch(tuple(windows), 3000)
    used = sorted({token for decoded in plain.submit(batch).result() for token in decoded.tokens})
    plain.close()
    # Some that the texts need, so that they must change, and as many more as the list is to have.
    suppressed = used[:3] + [token for token in range(400, 680) if token not in used][: count - 3]
    engine = CTranslate2Engine(replace(model, config={**model.config, "suppress_ids": suppressed}), CPU)
    ours = [list(decoded.tokens) for decoded in engine.submit(batch).result()]
    engine.close()
    theirs = transformers.WhisperForConditionalGeneration.from_pretrained(CHECKPOINT)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = theirs.generate(
            torch.from_numpy(stack(batch, 128, np.float32)),
            language="ja",
            task="transcribe",
            num_beams=1,
            suppress_tokens=suppressed,
        )
    end = theirs.generation_config.eos_token_id
    for mine, other in zip(ours, out.tolist(), strict=True):
        text = [token for token in other if token < end]
        assert mine == text
        assert not set(mine) & set(suppressed)


def thread_ids() -> set[str]:
    return {task.name for task in Path("/proc/self/task").iterdir()}


def wait_until_ended(threads: set[str], but: int) -> None:
    """Linux lists a thread for a moment longer than `join` waits for it."""
    wait_until(lambda: len(threads & thread_ids()) <= but, 30, "threads of a closed engine")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
def test_closing_ends_all_that_was_started(tiny_model: Path, windows: list[Window]) -> None:
    """Else CTranslate2's threads end with its object, wherever that is let go of: at times as the interpreter ends."""
    for number in range(3):
        before = thread_ids()
        made = CTranslate2Engine(open_model_dir(tiny_model), replace(CPU, cpu_threads=2), DecodingOptions(words=True))
        texts(made, windows)
        started = thread_ids() - before
        assert len(started) >= 3  # two of CTranslate2, and one that feeds it
        made.close()
        made.close()
        # Pools of libraries beneath may have come with the first, to stay.
        wait_until_ended(started, but=len(started) - 3 if number == 0 else 0)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("CUDA failed with error out of memory", EngineMemoryError),
        ("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED", EngineMemoryError),
        # torch's words: of a GPU's memory, of the CPU's, and of the CPU's on Windows
        ("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1.03 GiB free", EngineMemoryError),
        ("DefaultCPUAllocator: can't allocate memory: you tried to allocate 281474976710656 bytes.", EngineMemoryError),
        ("DefaultCPUAllocator: not enough memory: you tried to allocate 4096 bytes.", EngineMemoryError),
        ("CUDA failed with error an illegal memory access was encountered", EngineLostError),
        ("CUDA failed with error unspecified launch failure", EngineLostError),
        ("CUDA failed with error uncorrectable ECC error encountered", EngineLostError),
        ("input has shape (1, 80, 3000), which is not what the model takes", EngineError),
    ],
)
def test_what_a_device_says_decides_what_is_done_about_it(said: str, kind: type[EngineError]) -> None:
    assert kind_of_error(said) is kind


class TestMemory:
    def test_short_windows_go_in_larger_batches_and_a_failure_shrinks_them_all(self, tiny_model: Path) -> None:
        engine = CTranslate2Engine(open_model_dir(tiny_model), EngineOptions(device="cpu", batch_size=16))
        assert [engine.capacity(frames) for frames in (3000, 1500, 768, 64)] == [16, 32, 62, 64]
        engine.shrink(3000, 16)
        assert (engine.capacity(3000), engine.capacity(1500)) == (8, 16)
        engine.shrink(64, 1)
        assert engine.capacity(3000) == 1
        engine.close()

    def test_a_probe_that_does_not_fit_leaves_no_error_to_the_first_recording(
        self, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine = CTranslate2Engine(open_model_dir(tiny_model), CPU)
        cleared: list[int] = []

        def full(batch: Batch) -> list[Decoded]:
            raise EngineMemoryError(f"no room for {len(batch.windows)} windows")

        monkeypatch.setattr(engine, "_recognizer", full)
        monkeypatch.setattr(stale, "clear", lambda model, prompt, threads: cleared.append(threads))
        assert engine._measured_windows(0) == PROBES[0] / 2
        assert cleared == [engine.in_flight - 1]
        engine.close()

    @pytest.mark.parametrize(
        ("free", "fits"),
        [
            ((100e9, 98.8e9), 64),  # 0.1 GB a window: far more would fit than is asked for
            ((10e9, 8.8e9), 43),
            ((2e9, 0.8e9), 11),
            ((1.2e9, 0.0), 8),
            ((0, 0), 64),  # nothing could be asked
        ],
    )
    def test_what_fits_is_told_from_two_probes(self, free: tuple[int, int], fits: int) -> None:
        assert windows_that_fit(free, replicas=2, most=64) == fits


@pytest.mark.parametrize(("step", "options"), [("ngram", {"no_repeat_ngram_size": 5}), ("beam", {"beam_size": 5})])
def test_a_step_of_the_retries_decodes_as_if_it_had_been_asked_for(
    step: Step, options: dict[str, int], tiny_model: Path
) -> None:
    samples = load(str(next(CORPUS.rglob("*.ogg"))))
    windows = (Window(0, 0, 0.0, len(samples) / 16_000, log_mel(samples, 128)),)
    texts = []
    for decoding, batch in (
        (DecodingOptions(), Batch(windows, 3000, step)),
        (DecodingOptions(**options), Batch(windows, 3000)),  # type: ignore[arg-type]
    ):
        engine = CTranslate2Engine(open_model_dir(tiny_model), EngineOptions(device="cpu"), decoding)
        texts.append(engine.submit(batch).result()[0])
        engine.close()
    assert texts[0] == texts[1]
    assert texts[0].text
