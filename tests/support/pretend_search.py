"""A search whose models hear by one number: how far that is from nothing is how many characters of each text they miss.

All else is the search's own: checkpoints are averaged, features computed and kept, trials proposed, told and compared.
Run it as a program to have it in a process of its own; it takes the arguments of `searched` as JSON, and says what
trials there were. With `hold`, it stands still when so many parts have been kept, and makes a file to say so, until
there is one with `.go` behind that name.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Decoded, Window
from anime_whisper_ct2.search import report, study_file, trying
from anime_whisper_ct2.search.course import search
from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.records import Search, Trial
from anime_whisper_ct2.search.study import Study
from tests.support.places import CHECKPOINT
from tests.support.sounds import tone, written

RIGHT = "いろはにほへとちりぬるをわかよたれそつねならむうゐのおくやまけふこえてあさきゆめみしゑひもせす"
_WEIGHTS, _NUMBER = "model.safetensors", "model.decoder.layer_norm.bias"
# Of what the tiny checkpoint has, so much is enough for models that hear by one number.
_SLIM = {192: 32, 480: 32}
_CONFIG = {
    **{"d_model": 32, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "encoder_attention_heads": 1},
    **{"decoder_attention_heads": 1, "encoder_layers": 1, "decoder_layers": 1, "num_hidden_layers": 1},
}


def write_series(folder: Path, numbers: Sequence[float]) -> list[str]:
    """Write checkpoints that hear by these numbers; of averages, theirs are averaged."""
    tensors = {
        name: np.ascontiguousarray(values[tuple(slice(_SLIM.get(size, size)) for size in values.shape)])
        for name, values in load_file(CHECKPOINT / _WEIGHTS).items()
        if not re.search(r"layers\.[1-9]", name)
    }
    config = {**json.loads((CHECKPOINT / "config.json").read_bytes()), **_CONFIG}
    names = []
    for at, number in enumerate(numbers):
        path = folder / f"checkpoint-{100 * (at + 1)}"
        shutil.copytree(CHECKPOINT, path, ignore=shutil.ignore_patterns(_WEIGHTS))
        changed = {**tensors, _NUMBER: np.full_like(tensors[_NUMBER], number)}
        save_file(changed, path / _WEIGHTS, metadata={"format": "pt"})
        (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        names.append(str(path))
    return names


def write_corpus(folder: Path, clips: int) -> tuple[str, str]:
    """Write short tones, and what is said in them; gives the folder and the references."""
    for number in range(clips):
        path = folder / "clips" / f"{number:03}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        written(path, tone(0.1, 16_000), 16_000)
    references = folder / "references.csv"
    rows = [f"{number:03}.wav,{RIGHT}" for number in range(clips)]
    references.write_text("\n".join(["id,text", *rows]), encoding="utf-8")
    return str(folder / "clips"), str(references)


@dataclass(frozen=True)
class Model:
    """What a candidate was converted to."""

    number: float
    awct2: dict[str, Any] = field(default_factory=dict)


def missed(number: float, key: int) -> int:
    """Give how many characters of a recording a model does not hear: some are harder than others."""
    return min(len(RIGHT), int(abs(number) + (key * 7 % 5) / 2))


def _converted(checkpoint: Any, folder: Path) -> Model:
    folder.mkdir(parents=True, exist_ok=True)
    return Model(float(checkpoint.tensors[_NUMBER].read(0, 1)[0]))


def _opened(model: Model, _options: object) -> FakeEngine:
    def decode(window: Window) -> Decoded:
        text = RIGHT[missed(model.number, window.key) :]
        return Decoded(text, tuple(range(len(text))), avg_logprob=-0.1, no_speech_prob=0.0)

    return FakeEngine(decode)


def _connected(path: Path, **options: Any) -> sqlite3.Connection:
    connection = sqlite3.connect(path, **options)
    connection.execute("PRAGMA synchronous=OFF")  # no power fails here
    return connection


def pretend(patch: pytest.MonkeyPatch) -> None:
    """Have models hear by their numbers, nothing drawn, and the study's file written as fast as may be."""
    patch.setattr(trying, "convert_opened", _converted)
    patch.setattr(trying, "open_whisper", _opened)
    patch.setattr(report, "draw", lambda _search, path: path.touch())
    patch.setattr(study_file, "connect", _connected)


def searched(
    names: Sequence[str],
    corpus: str,
    references: str,
    out: str | Path,
    *,
    study: str | None = None,
    work: str | None = None,
    overwrite: bool = False,
    notes: list[str] | None = None,
    **options: Any,
) -> Search:
    """Search; paths may be strings."""
    return search(
        names,
        Corpus((corpus,)),
        references,
        Path(out),
        SearchOptions(**options),
        study=None if study is None else Path(study),
        work=None if work is None else Path(work),
        overwrite=overwrite,
        on_note=[].append if notes is None else notes.append,
    )


def told(trials: Sequence[Trial]) -> list[Any]:
    """Give what two searches have in common when they tried the same."""
    return json.loads(
        json.dumps([[one.number, one.kind, repr(one.candidate), one.cer, one.parts, one.state] for one in trials])
    )


def _holding(parts: int, sign: Path) -> None:
    """Stand still once so many parts have been kept."""
    left, keep = [parts], Study.keep

    def kept(self: Study, number: int, edits: Sequence[Sequence[int]], cer: float, seconds: float) -> None:
        keep(self, number, edits, cer, seconds)
        left[0] -= 1
        if not left[0]:
            sign.touch()
            while not sign.with_name(f"{sign.name}.go").exists():
                time.sleep(0.01)

    Study.keep = kept  # type: ignore[method-assign]


if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    if hold := arguments.pop("hold", None):
        _holding(*hold[:1], Path(hold[1]))
    with pytest.MonkeyPatch.context() as patches:
        pretend(patches)
        print(json.dumps(told(searched(**arguments).trials)))
