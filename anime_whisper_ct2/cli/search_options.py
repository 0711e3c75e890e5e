"""The options of `awct2 average --search`, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
from click.core import ParameterSource

from anime_whisper_ct2.cli.groups import option_of, together
from anime_whisper_ct2.cli.shared import LocalPath, channel_option, compute_type_option, device_option, language_code
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.options import AudioOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.search.options import STRATEGIES, SearchOptions
from anime_whisper_ct2.text import NORMALIZERS

_DEFAULTS = SearchOptions()
_search, _text = map(option_of, ("Search", "Text"))
# By the names of their parameters: what says something of a search alone, and what says beforehand what it looks for.
_OF_SEARCH = {
    "references": "--references",
    "trials": "--trials",
    "strategy": "--strategy",
    "groups": "--group",
    "study": "--study",
    "holdout": "--holdout",
    "normalizer": "--normalizer",
    "seed": "--seed",
    "device": "--device",
    "compute_type": "--compute-type",
    "language": "--language",
    "channel": "--channel",
    "work": "--work",
}
_OF_A_RECIPE = {"weights": "--weights", "range_": "--range", "layers": "--layers"}

search_options = together(
    _search(
        "--search",
        "corpus",
        metavar="CORPUS",
        multiple=True,
        help="Look for the average with the lowest CER on these recordings (repeatable); named as the INPUT of "
        "`awct2 run`. Needs the extra [search].",
    ),
    _search(
        "--references",
        metavar="REF",
        help="Their right texts, as for `awct2 eval`; meta: those that the corpus brings along.",
    ),
    _search(
        "--trials",
        metavar="N",
        type=int,
        default=_DEFAULTS.trials,
        show_default=True,
        help="Averages that are tried, beside the single checkpoints and the average of all.",
    ),
    _search(
        "--strategy",
        type=click.Choice(STRATEGIES),
        default=_DEFAULTS.strategy,
        show_default=True,
        help="What is looked for. range: the first and the last of checkpoints in a row. weights: one for each.",
    ),
    _search(
        "--group",
        "groups",
        metavar="PATTERN",
        multiple=True,
        help="With --strategy weights: tensors that have weights of their own, such as 'encoder*' (repeatable).",
    ),
    _search(
        "--study",
        metavar="FILE",
        type=LocalPath(),
        help="SQLite file of Optuna's with the trials; several processes may share one. [default: study.db in --work]",
    ),
    _search(
        "--holdout",
        metavar="SHARE",
        type=float,
        default=_DEFAULTS.holdout,
        show_default=True,
        help="Share of the recordings that no trial hears; what is found is compared on them at the end.",
    ),
    _search(
        "--normalizer",
        type=click.Choice(tuple(NORMALIZERS)),
        default=_DEFAULTS.normalizer,
        show_default=True,
        help="What texts go through before they are compared.",
    ),
    _search(
        "--seed",
        metavar="N",
        type=int,
        default=_DEFAULTS.seed,
        show_default=True,
        help="Another one tries others, and holds out others.",
    ),
    device_option,
    compute_type_option,
    _text(
        "--language",
        metavar="CODE",
        callback=language_code,
        default=_DEFAULTS.language,
        show_default=True,
        help="Whisper's code of the language spoken.",
    ),
    channel_option,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search is to be made with."""

    corpus: Corpus
    references: str
    options: SearchOptions
    audio: AudioOptions


def read_search_options(given: Mapping[str, Any]) -> Wanted | None:
    """Make a search of what was given, with recordings that are there; None: none is wanted.

    Raises InputError for what a search cannot have, or has not been given, and for what is of a search alone where none
    is wanted.
    """
    if not given["corpus"]:
        for name in _given(_OF_SEARCH):
            raise InputError(f"{name} is for --search; add that, or leave it out")
        return None
    for name in _given(_OF_A_RECIPE):
        raise InputError(f"{name} says which average to make, and --search looks for one; leave one of the two out")
    if given["references"] is None:
        raise InputError("--search needs the right texts of its recordings; name them with --references")
    options = SearchOptions(
        trials=given["trials"],
        strategy=given["strategy"],
        groups=given["groups"],
        holdout=given["holdout"],
        normalizer=given["normalizer"],
        seed=given["seed"],
        language=given["language"],
        device=given["device"],
        compute_type=given["compute_type"],
    )
    audio, corpus = AudioOptions(given["channel"]), Corpus(given["corpus"])
    corpus.check_lists()
    if nothing := corpus.why_nothing():
        raise InputError(nothing)
    return Wanted(corpus, given["references"], options, audio)


def _given(names: Mapping[str, str]) -> list[str]:
    """Give the options of these that the command line has."""
    context = click.get_current_context()
    return [name for key, name in names.items() if context.get_parameter_source(key) is ParameterSource.COMMANDLINE]
