"""The words of what is told of averages, in English and in Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anime_whisper_ct2.search.words import EN as CHART_EN
from anime_whisper_ct2.search.words import JA as CHART_JA
from anime_whisper_ct2.search.words import ChartWords
from benchmarks.report.words import EN as COMMON_EN
from benchmarks.report.words import JA as COMMON_JA
from benchmarks.report.words import Words


@dataclass(frozen=True, slots=True)
class AverageWords:
    """What stands in the tables, above and below them, beside the figures."""

    common: Words
    model: str
    made: str  # the checkpoints, and how they came about
    measured: str  # on which lines
    head: tuple[str, ...]
    models: Mapping[str, str]
    alone: str  # a checkpoint; which is the {last}, or the {best single one}
    last: str
    best_single: str
    last_and_best: str
    tried: str  # by a {strategy}: so many {trials}, {pruned} of them, {minutes}
    strategies: Mapping[str, str]
    verdicts: Mapping[str, str]  # of an average against another: better, worse, the same
    averages: Mapping[str, str]
    bases: Mapping[str, str]
    timed: str
    time_head: tuple[str, ...]
    shapes: Mapping[str, str]
    smaller: tuple[str, str]  # what a search says of further checkpoints in an average, and what is said here
    met: str  # whether each is at most {most} of the naive one
    missed: str
    chart: ChartWords
    space: str = " "


EN = AverageWords(
    common=COMMON_EN,
    model="the tests' tiny model",
    made=(
        "{checkpoints} checkpoints of {model}, kept over the last third of {steps:,} steps, in which the learning rate "
        "no longer falls. The searches had {lines} lines that it was not trained on ({minutes:.0f} minutes) and laid "
        "{held_out} of them aside. CER is over all characters, by the author's normaliser; in brackets 95 % intervals "
        "over the lines."
    ),
    measured=(
        "The table is of {lines} other lines ({minutes:.0f} minutes), which no search has heard: 30 s windows, with "
        "second looks, on the CPU."
    ),
    head=("", "CER in the search, %", "CER, %", "above the last", "above the best single one"),
    smaller=(r" \+ (\d+) smaller$", r" + \1 smaller"),
    models={"uniform": "all alike", "range": "best range: {what}", "weights": "best weights: {what}"},
    alone="{name}",
    last="{name}, the last",
    best_single="{name}, the best single one in the search",
    last_and_best="{name}, the last, and the best single one in the search",
    tried=(
        "{strategy}: {trials} trials beside the single ones and all alike, {pruned} of them pruned, in {minutes:.0f} "
        "minutes."
    ),
    strategies={"range": "By ranges", "weights": "By weights"},
    verdicts={
        "better": "The {what} is better than {base}.",
        "worse": "The {what} is worse than {base}.",
        "same": "The {what} is not distinguishable from {base}.",
    },
    averages={"range": "average of the best range", "weights": "average with the best weights"},
    bases={"last": "the last checkpoint", "single": "the one that was the best single one in the search"},
    timed=(
        "A trial that is not pruned, of all {checkpoints} checkpoints, beside one that is made the naive way: all are "
        "loaded with transformers and averaged in torch, saved, converted as by `awct2 convert` and run as by `awct2 "
        "run` in a new folder. Both in one process that has imported everything, {rounds}, medians. What a search does "
        "once (hearing the recordings, prefix sums, writing the result) is not in a trial."
    ),
    time_head=(
        *("model", "parameters", "recordings", "naive, s", "of it making the model", "a trial, s"),
        *("of it making the model", "of the naive one", "making the model alone", "once, s"),
    ),
    shapes={
        **{"trained": "as trained", "tiny": "made up, tiny"},
        "base": "made up, as Whisper base",
    },
    met="Each of these trials takes at most {most:.2f} of a naive one, as was asked for.",
    missed=(
        "It was asked that a trial take at most {most:.2f} of a naive one: {missed} of {rows} do not. A search saves "
        "most of what making the model takes; transcribing takes as long either way, and with many recordings is most "
        "of both."
    ),
    chart=CHART_EN,
)
JA = AverageWords(
    common=COMMON_JA,
    model="テスト用の極小モデル",
    made=(
        "{model}の{checkpoints}個のチェックポイントです。{steps:,}ステップの最後の3分の1、学習率を下げずに続けた間に残しました。"
        "探索には学習に使っていない{lines}件（約{minutes:.0f}分）を使い、そのうち{held_out}件は取り置きました。"
        "CERは全文字に対するもの（作者の正規化）、括弧内は発話についての95 %区間です。"
    ),
    measured=(
        "表は、どの探索も聞いていない別の{lines}件（約{minutes:.0f}分）の結果です。30秒の窓、デコードのやり直しあり、CPUで測りました。"
    ),
    head=("", "探索でのCER（%）", "CER（%）", "最後のものとの差", "最良の単独との差"),
    smaller=(r" \+ (\d+) smaller$", r" + ほか\1個"),
    models={"uniform": "全部を等しく平均", "range": "最良の区間: {what}", "weights": "最良の重み: {what}"},
    alone="{name}",
    last="{name}（最後）",
    best_single="{name}（探索で最良の単独）",
    last_and_best="{name}（最後、かつ探索で最良の単独）",
    tried="{strategy}: 単独と全部の平均のほかに{trials}回の試行、うち{pruned}回は枝刈り、約{minutes:.0f}分。",
    strategies={"range": "区間の探索", "weights": "重みの探索"},
    verdicts={
        "better": "{what}は、{base}よりよい結果です。",
        "worse": "{what}は、{base}より悪い結果です。",
        "same": "{what}と{base}の差は区別できません。",
    },
    averages={"range": "最良の区間の平均", "weights": "最良の重みの平均"},
    bases={"last": "最後のチェックポイント", "single": "探索で最良の単独のチェックポイント"},
    timed=(
        "枝刈りされない1回の試行（{checkpoints}個すべての平均）と、素朴なやり方との比較です。素朴なやり方では、transformersで"
        "すべて読み込み、torchで平均し、保存し、`awct2 convert`で変換し、新しいフォルダへ`awct2 run`で"
        "書き起こします。"
        "どちらもインポートを済ませた1つのプロセスで、{rounds}、中央値です。探索で一度だけ行うこと（音声の読み込み、累積和、"
        "結果の書き出し）は試行に含みません。"
    ),
    time_head=(
        *("モデル", "パラメーター", "音声の件数", "素朴（秒）", "うちモデルの作成", "試行（秒）"),
        *("うちモデルの作成", "素朴に対する比", "モデルの作成だけの比", "一度だけ（秒）"),
    ),
    shapes={
        **{"trained": "学習したもの", "tiny": "作りもの（極小）"},
        "base": "作りもの（Whisper baseの大きさ）",
    },
    met="どの試行も素朴なやり方の{most:.2f}倍以下で、求めたとおりです。",
    missed=(
        "試行は素朴なやり方の{most:.2f}倍以下であることを求めましたが、{rows}件のうち{missed}件は超えています。探索が節約するのはモデルの"
        "作成です。書き起こしの時間はどちらも同じで、音声が多ければ、どちらもその時間がほとんどです。"
    ),
    chart=CHART_JA,
    space="",
)
