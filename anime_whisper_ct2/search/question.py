"""What a study is of: all that decides what a trial comes to. Trials of two questions are never held together."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anime_whisper_ct2.output.places import looking_at
from anime_whisper_ct2.search.candidates import Space
from anime_whisper_ct2.search.heard import Listed
from anime_whisper_ct2.search.trying import Trier
from anime_whisper_ct2.system.paths import at_home

if TYPE_CHECKING:
    from anime_whisper_ct2.models import Series

# What to call each where it is another one.
WORDS: Mapping[str, str] = {
    "corpus": "another corpus, or other references",
    "checkpoints": "other checkpoints",
    "texts": "another tokenizer, or other settings beside the weights",
    "strategy": "another --strategy",
    "patterns": "another --group",
    "normalizer": "another --normalizer",
    "holdout": "another --holdout",
    "seed": "another --seed",
    "language": "another --language",
    "channel": "another --channel",
    "compute_type": "another --compute-type",
    "dtype": "another --dtype",
}
# Of the files beside the weights, those that decide what is heard.
_TEXTS = (
    *("tokenizer.json", "vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json"),
    *("tokenizer_config.json", "normalizer.json", "generation_config.json"),
    *("preprocessor_config.json", "processor_config.json"),
)


def question(trier: Trier, recordings: Listed, space: Space, identities: Sequence[str]) -> dict[str, Any]:
    """Say what a study has to be of, as JSON has it; keys are those of `WORDS`.

    `identities`: of the checkpoints' weights. Raises InputError and OutputError where their text files cannot be read.
    """
    options = trier.options
    return {
        "corpus": recordings.digest,
        "checkpoints": list(identities),
        "texts": _digest_of_texts(trier.series),
        "strategy": options.strategy,
        "patterns": list(space.patterns),
        "normalizer": options.normalizer,
        "holdout": options.holdout,
        "seed": options.seed,
        "language": options.language,
        "channel": trier.audio.channel,
        "compute_type": options.compute_type,
        "dtype": trier.dtype,
    }


def _digest_of_texts(series: Series) -> str:
    """Give 64 hexadecimal digits for the text files that an average gets, whichever checkpoint is its last."""
    digest = hashlib.sha256()
    for at in range(len(series.checkpoints)):
        folder = series.texts.of(at).folder
        for name in _TEXTS:
            path = folder / name
            with looking_at(path):
                content = path.read_bytes() if path.is_file() else None
            told = None if content is None else hashlib.sha256(content).hexdigest()
            digest.update(repr((at, name, told)).encode("ascii"))
    return digest.hexdigest()


def placed(name: str) -> str:
    """Give what names the same checkpoint wherever one is: of a folder its whole path, and a hub id as it is."""
    folder = Path(at_home(name))
    return os.path.abspath(folder) if os.path.isdir(folder) else name  # noqa: PTH100, PTH112 - may be no path at all
