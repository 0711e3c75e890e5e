"""A trial hears what `awct2 run` hears with the average, and counts what `awct2 eval` counts."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.errors import ConversionError, OutputError
from anime_whisper_ct2.evaluation import EvalOptions, evaluate, open_texts
from anime_whisper_ct2.models import convert_checkpoint
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.search import report, trying
from anime_whisper_ct2.search.course import search
from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.records import Candidate
from tests.support.averages import save, tensors_of
from tests.support.places import CHECKPOINT, CORPUS, SAMPLE
from tests.support.pretend_search import searched

# Short ones.
CLIPS = ("さくら/第一章/001.ogg", "その他/003.flac", "悠真/第一章/教室/005.wav", "魔王/決戦 (最終話)/002.m4a")
REFERENCES = str(SAMPLE / "references.jsonl")


def noisy(folder: Path, seed: int) -> str:
    """Write the tiny checkpoint with noise, so that it mishears now and then."""
    import torch

    shutil.copytree(CHECKPOINT, folder, ignore=shutil.ignore_patterns("model.safetensors"))
    random, tensors = torch.Generator().manual_seed(seed), tensors_of(CHECKPOINT)
    for name, values in tensors.items():
        if values.ndim > 1:
            tensors[name] = values + 0.4 * values.std() * torch.randn(values.shape, generator=random)
    save(tensors, folder)
    return str(folder)


def cer(checkpoint: str, clips: Path, folder: Path) -> float:
    """Convert, run and evaluate as the commands do with their defaults."""
    model = convert_checkpoint(Path(checkpoint), folder / "model")
    CorpusRun(Corpus((str(clips),)), folder / "run", model).run()
    texts = {"run": open_texts(str(folder / "run"), heard=True)}
    references = open_texts(REFERENCES, heard=False)
    return evaluate(texts, references, EvalOptions(resamples=1)).runs[0].total.errors.cer


def test_rates_are_those_of_a_run_with_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "draw", lambda _search, _path: None)
    for name in CLIPS:
        (tmp_path / "clips" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CORPUS / name, tmp_path / "clips" / name)
    names = [noisy(tmp_path / f"checkpoint-{seed}", seed) for seed in (1, 2)]
    out = tmp_path / "out"
    found = search(names, Corpus((str(tmp_path / "clips"),)), REFERENCES, out, SearchOptions(trials=1, holdout=0.0))
    rates = {trial.candidate: trial.cer for trial in found.trials}
    assert rates.keys() == {Candidate(0, 0), Candidate(1, 1), Candidate(0, 1)}
    assert found.trial(found.best).cer == cer(str(out), tmp_path / "clips", tmp_path / "best")
    worst = max(rates.values())
    assert worst > 0
    single = next(at for at in range(2) if rates[Candidate(at, at)] == worst)
    assert worst == cer(names[single], tmp_path / "clips", tmp_path / "worst")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (
            errno.ENOSPC,
            r"the disk is full; make room, and the same command goes on; or name another folder with --work",
        ),
        (errno.EROFS, rf"{os.strerror(errno.EROFS)}; see to that, and the same command goes on"),
    ],
)
@pytest.mark.usefixtures("pretended")
def test_a_disk_that_does_not_take_a_trial_is_told_by_what_a_search_can_be_told(
    series: list[str],
    corpus: tuple[str, str],
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    said: str,
) -> None:
    def refused(*_given: Any) -> None:
        try:
            raise OSError(number, os.strerror(number))
        except OSError as error:
            raise ConversionError("there; choose another OUTPUT") from error

    monkeypatch.setattr(trying, "convert_opened", refused)
    with pytest.raises(
        OutputError, match=rf"out\.work.models: the model of a trial cannot be written there: {said}"
    ) as why:
        searched(series[:2], *corpus, out, trials=1)
    assert "OUTPUT" not in str(why.value)
