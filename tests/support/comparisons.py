"""Texts that were said and heard, as files, and what comes of comparing them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli.eval import eval_command
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.evaluation import Columns, EvalOptions, Evaluation, evaluate, open_texts
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.records import Failure, Segment, Transcript

SAID = {"さくら/1.ogg": "おはよう!", "さくら/2.ogg": "え、もう朝?", "先生/1.ogg": "静かに…", "先生/2.ogg": "はい"}
HEARD = {"さくら/1.ogg": "おはよ", "さくら/2.ogg": "え、もう麻?", "先生/1.ogg": "静かに", "先生/2.ogg": "はいはい"}
FEW = EvalOptions(resamples=50)
DRAWING = pytest.mark.skipif(find_spec("matplotlib") is None, reason="charts need the extra [plot]")


def lines(path: Path, rows: Mapping[str, str] | list[dict[str, Any]]) -> str:
    """Write JSON lines: of texts by id, or rows as they are."""
    listed = [{"id": id_, "text": text} for id_, text in rows.items()] if isinstance(rows, Mapping) else rows
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in listed), encoding="utf-8")
    return str(path)


def run_folder(path: Path, texts: Mapping[str, str], failed: tuple[str, ...] = (), **meta: Mapping[str, Any]) -> str:
    """Write a run as the journal does; `meta` by the recording's name."""
    with Journal(path, {}) as journal:
        journal.begin({"inputs": ["corpus"]})
        for id_, text in texts.items():
            segments = (Segment(0.0, 1.0, text, -0.2, 0.01, 0.9),) if text else ()
            about = meta.get(Path(id_).stem, {})
            journal.write(Transcript(id_, id_, 1.0, "ja", text, segments, () if text else ("empty",), about))
        for id_ in failed:
            journal.write(Failure(id_, id_, "decode", "DecodeError", "no audio"))
        journal.finish("finished", {})
    return str(path)


def compared(
    heard: Mapping[str, str] | list[dict[str, Any]], said: Mapping[str, str], tmp: Path, options: EvalOptions = FEW
) -> Evaluation:
    hyp = open_texts(lines(tmp / "hyp.jsonl", heard), heard=True)
    return evaluate({"hyp": hyp}, open_texts(lines(tmp / "ref.jsonl", said), heard=False), options)


def texts(path: str | Path, *, heard: bool = False, **columns: str) -> dict[str, str | None]:
    return {line.id: line.text for line in open_texts(str(path), Columns(**columns), heard=heard).lines()}


def command(*args: object) -> Result:
    result = CliRunner().invoke(eval_command, [*map(str, args), "--resamples", "20"])
    if result.exception and not isinstance(result.exception, (SystemExit, InputError)):
        raise result.exception
    return result
