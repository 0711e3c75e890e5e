"""Folders that other converters made give the same texts as ours, as they come."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from anime_whisper_ct2 import Transcriber
from anime_whisper_ct2.errors import InputError
from tests.support.places import CORPUS


@pytest.fixture
def foreign(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model as faster-whisper's older conversions are laid out."""
    folder = shutil.copytree(tiny_model, tmp_path / "foreign")
    (folder / "awct2.json").unlink()
    (folder / "preprocessor_config.json").unlink()
    tokens = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    (folder / "vocabulary.json").unlink()
    (folder / "vocabulary.txt").write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8", newline="\n")
    return folder


def texts(model: Path, paths: list[Path]) -> list[str]:
    with Transcriber(model, device="cpu", compute_type="float32", workers=0) as transcriber:
        return [transcript.text for transcript in transcriber.transcribe(paths)]


def test_the_texts_are_those_of_our_own_folder(tiny_model: Path, foreign: Path) -> None:
    paths = sorted(CORPUS.glob("*/*/001.*"))[:3]
    assert paths
    assert texts(foreign, paths) == texts(tiny_model, paths) != [""] * len(paths)


def test_alignment_heads_of_a_larger_decoder_cost_word_times_alone(tiny_model: Path, foreign: Path) -> None:
    config = json.loads((foreign / "config.json").read_text(encoding="utf-8"))
    (foreign / "config.json").write_text(json.dumps({**config, "alignment_heads": [[7, 0], [25, 6]]}), encoding="utf-8")
    paths = sorted(CORPUS.glob("*/*/001.*"))[:1]
    assert texts(foreign, paths) == texts(tiny_model, paths)
    with pytest.raises(
        InputError, match=r"names no alignment heads that the decoder has.*leave the words out"
    ) as error:
        Transcriber(foreign, device="cpu", workers=0, words=True)
    assert "--force" not in str(error.value)
