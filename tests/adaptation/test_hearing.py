"""Which clips are taken depends on their ids and on what is in them, and as many as are asked for are found."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from anime_whisper_ct2.adaptation import hearing
from anime_whisper_ct2.adaptation.checkpoint import opened
from anime_whisper_ct2.adaptation.hearing import Lessons, Setting, hear, parted, training_device
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.adaptation.records import Advance
from anime_whisper_ct2.engine.encoders.installation import UnusableTorchError
from anime_whisper_ct2.errors import EngineError, EngineMemoryError, InputError
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import AUDIO, FrontendOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Recording
from tests.support.places import CHECKPOINT, CORPUS

OPTIONS = AdaptOptions(clips=4, held_out=1, tails_s=(0.64,), device="cpu")


def recordings(count: int) -> list[Recording]:
    return [Recording(f"{at}.ogg", "", "") for at in range(count)]


def ids(some: Sequence[Recording]) -> list[str]:
    return [one.id for one in some]


class TestParted:
    def test_those_held_out_are_the_first_by_the_digest_of_their_ids(self) -> None:
        candidates, held_out = parted(recordings(40), AdaptOptions(clips=30, held_out=8))
        order = sorted(ids(recordings(40)), key=lambda id_: hashlib.sha256(id_.encode()).digest())
        assert (ids(held_out), ids(candidates)) == (order[:8], order[8:])
        assert parted(recordings(40)[::-1], AdaptOptions(clips=30, held_out=8)) == (candidates, held_out)

    @pytest.mark.parametrize(("count", "held_out"), [(1, 1), (9, 1), (90, 18), (200, 40), (201, 100), (300, 100)])
    def test_of_a_small_corpus_a_fifth_is_held_out(self, count: int, held_out: int) -> None:
        candidates, found = parted(recordings(count), AdaptOptions(clips=100, held_out=100))
        assert (len(found), len(candidates)) == (held_out, count - held_out)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve clips of the sample; of those that come first to be learnt from, some are broken."""
    folder = tmp_path_factory.mktemp("corpus")
    for at, path in enumerate(sorted(CORPUS.rglob("*.ogg"), key=lambda path: path.stat().st_size)[:12]):
        shutil.copy(path, folder / f"{at}.ogg")
    candidates, _ = parted(list(Corpus((str(folder),))), OPTIONS)
    for at in (2, 3, 5):
        (folder / candidates[at].id).write_bytes(b"RIFF")
    return folder


@pytest.fixture
def listen(clips: Path, tiny_model: Path) -> Callable[..., tuple[Lessons, list[Advance], list[str]]]:
    def hear_them(folder: Path, options: AdaptOptions = OPTIONS, stop: int = 10**6) -> Any:
        told, notes = list[Advance](), list[str]()

        def tell(advance: Advance) -> None:
            told.append(advance)
            if advance.done >= stop:
                raise KeyboardInterrupt

        folder.mkdir(exist_ok=True)
        with opened(str(CHECKPOINT)) as original:
            here = FrontendOptions(workers=0)
            setting = Setting(original, "00", folder, options, here, AUDIO, tell, notes.append)
            return hear(setting, open_model_dir(tiny_model), Corpus((str(clips),))), told, notes

    return hear_them


def learnt(lessons: Lessons) -> set[str]:
    return {entry.id for entry in lessons.learnt}


class TestEnough:
    def test_where_some_cannot_be_used_others_take_their_places_in_a_fixed_order(
        self, listen: Callable[..., Any], clips: Path, tmp_path: Path
    ) -> None:
        lessons, told, notes = listen(tmp_path / "work")
        # As many as are asked for, and as many again: of these, nine are drawn.
        drawn = hearing.drawn(Corpus((str(clips),)), 9)
        candidates, held_out = parted(drawn, OPTIONS)
        good = [one.id for one in candidates if (clips / one.id).stat().st_size > 4]
        assert ids(candidates[:4]) != good[:4]
        assert learnt(lessons) == set(good[:4])
        assert [entry.id for entry in lessons.held_out] == ids(held_out)
        assert not any(note.startswith("Clips to learn from") for note in notes)
        assert all(0 <= one.done <= one.total for one in told)

    @pytest.mark.parametrize("stop", [1, 3, 5])
    def test_a_stopped_one_takes_the_same(self, stop: int, listen: Callable[..., Any], tmp_path: Path) -> None:
        whole = listen(tmp_path / "whole")[0]
        with pytest.raises(KeyboardInterrupt):
            listen(tmp_path / "work", stop=stop)
        again = listen(tmp_path / "work")[0]
        assert (again.learnt, again.held_out) == (whole.learnt, whole.held_out)
        assert again.passed_over == whole.passed_over
        assert again.texts == whole.texts

    def test_where_there_are_no_more_it_says_so(self, listen: Callable[..., Any], tmp_path: Path) -> None:
        lessons, _, notes = listen(tmp_path / "work", replace(OPTIONS, clips=11, held_out=4))
        assert (len(lessons.learnt) + len(lessons.held_out), lessons.asked_out) == (9, 2)
        assert notes[0] == "Held out: 2 of 12 recordings, a fifth; for --held-out 4, name a larger corpus."
        few = len(lessons.learnt)
        assert (
            notes[-1] == f"Clips to learn from: {few}; --clips asks for 11, and of 12 recordings no more can be used."
        )


class TestDevice:
    def test_a_gpu_that_torch_cannot_use_is_said_and_refused_where_it_was_asked_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unusable(device: str) -> None:
            raise UnusableTorchError(f"torch finds no {device}")

        notes: list[str] = []
        monkeypatch.setattr(hearing, "usable_torch", unusable)
        assert training_device("cuda", AdaptOptions(), notes.append) == "cpu"
        assert notes == ["Training on the CPU: torch finds no cuda."]
        with pytest.raises(InputError, match="torch cannot train on the GPU: torch finds no cuda; choose --device cpu"):
            training_device("cuda", AdaptOptions(device="cuda"), notes.append)

    @pytest.mark.parametrize(
        ("error", "kind", "said"),
        [
            (torch.OutOfMemoryError("CUDA out of memory"), EngineMemoryError, "no memory for the network beside"),
            (RuntimeError("CUDA error: unspecified\nmore"), EngineError, "^torch failed: CUDA error: unspecified$"),
        ],
    )
    def test_one_that_the_network_does_not_get_onto_is_said_in_a_line(
        self, error: Exception, kind: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise error

        monkeypatch.setattr(Network, "to", refuse)
        with opened(str(CHECKPOINT)) as original, pytest.raises(kind, match=said):
            hearing._network(original, "cpu")


def test_a_network_on_a_gpu_attends_without_cudnn_and_sums_in_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[object] = []
    monkeypatch.setattr(hearing, "settle_products", settled.append)
    monkeypatch.setattr(Network, "to", lambda self, _device: self)
    with opened(str(CHECKPOINT)) as original:
        hearing._network(original, "cpu")
        assert settled == []
        hearing._network(original, "cuda")
    assert settled == [torch.backends.cuda]
