"""Genuine weights come out of the conversion as they were published, and the published folder runs as it comes."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from anime_whisper_ct2 import Transcriber
from tests.real import spoken

pytestmark = pytest.mark.real


@pytest.mark.parametrize("name", ["model.bin", "config.json", "vocabulary.json"])
def test_every_file_that_ctranslate2_reads_is_the_published_one(published: Path, model: Path, name: str) -> None:
    assert (model / name).read_bytes() == (published / name).read_bytes()


def test_the_tokenizer_gives_every_token_its_published_id(published: Path, model: Path) -> None:
    ids = []
    for folder in (published, model):
        tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        added = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
        ids.append({**tokenizer["model"]["vocab"], **added})
    assert ids[0] == ids[1]


def test_ctranslate2s_own_converter_writes_the_same(checkpoint: Path, model: Path, tmp_path: Path) -> None:
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(checkpoint), load_as_float16=True).convert(str(tmp_path / "out"), quantization="float16")
    assert (tmp_path / "out" / "model.bin").read_bytes() == (model / "model.bin").read_bytes()


def test_the_published_folder_runs_as_it_comes(published: Path, model: Path) -> None:
    heard = []
    for folder in (published, model):
        with Transcriber(folder, device="cpu", compute_type="float32", window="fit", workers=0) as transcriber:
            samples = (line.samples for line in islice(spoken.clips(), 6))
            heard.append([transcript.segments for transcript in transcriber.transcribe(samples)])
    assert heard[0] == heard[1]
    assert all(segments for segments in heard[0])
    # It is left as it came: nothing in it says where it is from, and nothing needs to.
    assert sorted(path.name for path in published.iterdir()) == [
        *("config.json", "model.bin", "tokenizer.json", "vocabulary.json")
    ]
