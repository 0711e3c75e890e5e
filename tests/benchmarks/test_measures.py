"""Stand-ins say the same to everybody, corpora are the same everywhere, and processes are seen with all they start."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from anime_whisper_ct2.output.lines import to_json
from anime_whisper_ct2.records import Recording
from benchmarks.measures import corpora, instant, standins
from benchmarks.measures.process import Watch, span


def test_standin_emits_the_same_text_in_ctranslate2_at_any_window_and_precision(standin: Path) -> None:
    import ctranslate2

    prompt = standins.prompt_ids(standins.SIZES["tiny"])
    features = np.random.default_rng(0).standard_normal((2, 128, 3000), dtype=np.float32)
    for compute_type in ("float32", "int8"):
        model = ctranslate2.models.Whisper(str(standin / "converted"), compute_type=compute_type)
        assert model.is_multilingual
        for frames in (400, 3000):
            window = ctranslate2.StorageView.from_array(np.ascontiguousarray(features[..., :frames]))
            for result in model.generate(window, [prompt] * 2, beam_size=1):
                assert result.sequences_ids[0] == standins.emitted_ids(standins.SIZES["tiny"].text_tokens)


def test_standin_emits_the_same_text_in_transformers_with_one_beam_and_with_five(standin: Path) -> None:
    import torch
    from transformers import WhisperForConditionalGeneration, WhisperTokenizer

    features = torch.randn(2, 128, 3000, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers warns of its own deprecations
        model = WhisperForConditionalGeneration.from_pretrained(standin / "checkpoint")
        tokenizer = WhisperTokenizer.from_pretrained(standin / "checkpoint")
        for beams in (1, 5):
            tokens = model.generate(features, language="japanese", task="transcribe", num_beams=beams)
            assert tokenizer.batch_decode(tokens, skip_special_tokens=True) == [standins.TEXT] * 2


def test_sizes_are_those_that_the_page_names() -> None:
    assert round(standins.SIZES["33m"].parameters / 1e6) == 33
    assert round(standins.SIZES["full"].parameters / 1e6) == 756
    assert standins.SIZES["33m"].n_vocab == standins.SIZES["full"].n_vocab == 51866
    assert standins.prompt_ids(standins.SIZES["full"]) == [50258, 50266, 50360, 50364]
    assert len(set(standins.TEXT)) == standins.EMITTED_TOKENS


def test_corpus_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = (corpora.clips(tmp_path / name, 7, distinct=5) for name in ("a", "b"))
    clips = list(corpora.read_manifest(first))
    for one, other in zip(clips, corpora.read_manifest(second), strict=True):
        assert (one.id, one.duration) == (other.id, other.duration)
        np.testing.assert_array_equal(soundfile.read(one.audio)[0], soundfile.read(other.audio)[0])
        assert soundfile.info(one.audio).duration == pytest.approx(one.duration, abs=1e-3)
    assert Path(clips[5].audio).samefile(clips[0].audio)


@pytest.mark.parametrize("count", [20, 240, 5000])
def test_lengths_have_the_mean_of_the_training_set(count: int) -> None:
    lengths = corpora.durations(count)
    assert np.mean(lengths) == pytest.approx(5.1, abs=0.02)
    assert min(lengths) >= 2
    assert max(lengths) <= 12


def test_silero_takes_the_sound_for_speech() -> None:
    from faster_whisper.vad import get_speech_timestamps

    sound = corpora.speechlike(6.0, seed=3)
    spoken = sum(span["end"] - span["start"] for span in get_speech_timestamps(sound))
    assert spoken > 0.8 * len(sound)


@pytest.mark.posix("/proc")
def test_processor_time_and_memory_of_a_tree_are_seen() -> None:
    start = time.process_time()
    with Watch(every_s=0.01) as watch, span() as work:
        while time.process_time() - start < 0.2:
            pass
    assert work.cpu_s > 0.05
    assert watch.peak_mib > 10
    assert watch.samples[-1][1].processes >= 1


def test_the_engine_that_answers_at_once_writes_lines_of_the_usual_length() -> None:
    (answer,) = instant.Instant().run([(7, Recording("a/00000001.ogg", "/corpus/a/00000001.ogg", ""))])
    assert answer[0] == 7
    assert 350 < len(to_json(answer[1]).encode("utf-8")) < 500
