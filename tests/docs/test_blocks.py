"""The Python of the documentation runs, and its data reads as it says; recipes and Ray Data have tests of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2 import Corpus, CorpusRun, FakeEngine, RunOptions
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DEFAULT_MODEL, FrontendOptions
from tests.support.documents import BOTH, ENGLISH, Block, Handbook, execute, spans

INPUTS = "guides/inputs.md"
# In `test_recipes`, and in the tests of Ray Data.
ELSEWHERE = ("from datasets import", "import ray", "import soundfile")


def python_blocks(*, with_model: bool) -> list[Any]:
    """Give the blocks of Python that need the model, or those that need none."""
    blocks = [
        block
        for block in ENGLISH.blocks
        if block.language == "python" and not any(word in block.code for word in ELSEWHERE)
    ]
    return [
        pytest.param(block, id=f"{block.page}, line {block.line}")
        for block in blocks
        if (DEFAULT_MODEL in block.code) == with_model
    ]


@pytest.mark.parametrize("block", python_blocks(with_model=False))
@pytest.mark.usefixtures("corpus")
def test_python_without_a_model_runs(block: Block, tiny_model: Path) -> None:
    here, model = RunOptions(frontend=FrontendOptions(workers=0)), open_model_dir(tiny_model)
    CorpusRun(Corpus("corpus"), Path("transcripts"), model, here, open_engine=lambda *_: FakeEngine()).run()
    execute(block, "")


@pytest.mark.parametrize("block", python_blocks(with_model=True))
@pytest.mark.usefixtures("corpus")
def test_python_with_a_model_runs(block: Block, tiny_model: Path) -> None:
    execute(block, tiny_model.as_posix())


def test_the_rows_of_the_manifest_have_the_ids_that_are_said(tmp_path: Path) -> None:
    (manifest,) = (block.code for block in ENGLISH.pages[INPUTS].blocks if block.language == "jsonl")
    (tmp_path / "manifest.jsonl").write_text(manifest, encoding="utf-8")
    ids = [recording.id for recording in Corpus(str(tmp_path / "manifest.jsonl"))]
    assert ids == ["alice/001.ogg", "talk.wav#12.500-16.500", "greeting"]


@BOTH
def test_a_glob_gives_the_ids_that_are_said(
    book: Handbook, write_tone: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    row = next(row for row in book.rows(INPUTS, "Ids") if "*" in row[1])
    pattern, id_ = spans(row)
    write_tone(f"corpus/{id_}")
    assert [recording.id for recording in Corpus((pattern,))] == [id_]
