"""The words of a search's chart, in English and in Japanese."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

# What says in which language a program speaks, the first that is set (POSIX).
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(frozen=True, slots=True)
class ChartWords:
    """What stands in the chart beside names and figures. In braces is what is put there."""

    title: str  # {recordings} and {characters} that trials hear, by the {normalizer}
    best: str  # {what} has which {cer}
    average_of: str  # {first} to {last}, {count} of them
    weights: str  # of weights that are not called by name
    cer: str
    trials: str  # in their order
    complete: str
    pruned: str
    single: str
    uniform: str
    best_so_far: str
    above: str  # trials that are worse than the axis reaches
    the_best: str
    first: str  # the axes of the map; {what} the names are
    last: str
    map: str
    checkpoint: str
    share: str
    shares: str
    singles: str
    group: str  # which tensors


EN = ChartWords(
    title="{recordings} recordings, {characters} characters, normalizer {normalizer}",
    best="best: {what}, CER {cer:.2f} %",
    average_of="{first} … {last} ({count})",
    weights="a weight for each checkpoint",
    cer="CER, %",
    trials="trial",
    complete="average",
    pruned="pruned on a part",
    single="single checkpoint",
    uniform="all alike",
    best_so_far="best so far",
    above="beyond the axis",
    the_best="best",
    first="first: {what}",
    last="last: {what}",
    map="CER by the first and the last checkpoint of the average",
    checkpoint="checkpoint",
    share="share in the best, %",
    shares="shares in the averages that read best, %",
    singles="single checkpoints, and their shares in the best",
    group="tensors {pattern}",
)
JA = ChartWords(
    title="{recordings}件の音声、{characters}文字、正規化は{normalizer}",
    best="最良: {what}、CER {cer:.2f} %",
    average_of="{first}～{last}（{count}個）",
    weights="チェックポイントごとの重み",
    cer="CER（%）",
    trials="試行",
    complete="平均",
    pruned="途中で枝刈り",
    single="単独のチェックポイント",
    uniform="全部を等しく平均",
    best_so_far="それまでの最良",
    above="軸の範囲外",
    the_best="最良",
    first="最初: {what}",
    last="最後: {what}",
    map="平均の最初と最後のチェックポイントごとのCER",
    checkpoint="チェックポイント",
    share="最良の平均での割合（%）",
    shares="成績のよい平均での割合（%）",
    singles="単独のチェックポイントと、最良の平均での割合",
    group="テンソル {pattern}",
)


def chart_words(environment: Mapping[str, str] = os.environ) -> ChartWords:
    """Give the words of the language that the locale asks for: Japanese, or else English."""
    asked = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    if not asked and sys.platform in ("win32", "darwin"):
        # There it is a setting of the system, which programs are told without these variables.
        try:
            asked = locale.getlocale()[0] or ""
        except ValueError:  # a locale of which Python knows nothing
            asked = ""
    # On Windows it is called Japanese_Japan.
    return JA if asked.lower().startswith("ja") else EN
