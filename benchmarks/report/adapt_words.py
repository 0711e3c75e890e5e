"""The words of what is told of an adaptation, in English and in Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AdaptWords:
    """What stands in the table, below it and in the chart, beside the figures."""

    taught: str  # how, on what, for how long
    measured: str  # on so many lines
    head: tuple[str, ...]
    models: Mapping[str, str]
    row: str  # a model and how it was asked
    full: str
    tail: str
    asked_head: tuple[str, ...]
    asked: Mapping[str, str]  # by kind; of a window
    bounds: tuple[str, str, str]  # at most, at least, none
    met: tuple[str, str]  # no, yes
    told: tuple[str, str]  # of what is accepted or not: no, yes
    accepted: str
    refused: str
    rises: str  # over the new model's own CER at 30 s, tail by tail
    each_rise: str
    between: str  # two of these
    speed: str
    trained: Mapping[str, str]
    devices: Mapping[str, str]
    title: str
    axes: tuple[str, str, str, str, str]  # the silence; what differs; the rise; steps; what of the held-out differs
    at_full: str
    space: str = " "  # between two sentences


EN = AdaptWords(
    taught=(
        "{model}, {train}: {steps:,} steps of {batch_size} clips at a learning rate of {learning_rate:g}, from {clips} "
        "clips ({audio_minutes:.0f} minutes) without their texts. On {device}, listening took {listening:.0f} minutes "
        "and learning {learning:.0f}."
    ),
    measured=(
        "Measured on {lines} other lines ({minutes:.0f} minutes), {unheard} of them by voices that were never learnt "
        "from: first texts in float32 on a CPU, without second looks. CER is over all characters, by the author's "
        "normaliser; in brackets 95 % intervals over the lines."
    ),
    head=(
        *("", "CER, %", "above the original at 30 s", "the same, voices never learnt from"),
        *("characters other than the original's at 30 s, %", "loops"),
    ),
    models={"original": "original", "adapted": "adapted"},
    row="{model}, {window}",
    full="30 s",
    tail="clip + {tail} s",
    asked_head=("asked for", "bound", "measured", "met"),
    asked={
        "lines": "lines that it is measured on",
        "rise": "{window}: CER above the original's at 30 s, points",
        "rise_high": "{window}: upper end of that",
        "differs": "{window}: characters other than the original's at 30 s, %",
        "loops": "{window}: loops",
        "change": "{window}: how far the CER is from the original's, points",
        "calibrated": "`awct2 calibrate --references` accepts a tail",
        "speed": "a run in short windows, times as fast as at 30 s",
    },
    bounds=("at most {:g}", "at least {:g}", "none"),
    met=("**no**", "yes"),
    told=("no", "yes"),
    accepted="`awct2 calibrate --references` accepts the adapted model with a tail of {tail:g} s.",
    refused="`awct2 calibrate --references` accepts no tail of the adapted model.",
    rises="With second looks, the CER lies above that of its own 30 s windows by: {told}.",
    each_rise="{rise} with {tail:g} s",
    between="; ",
    speed=(
        "A run of these lines with a tail of {tail:g} s takes {short:.0f} s, and one at 30 s {full:.0f} s: it is "
        "{ratio:.2f} times as fast ({rounds}, in turn; all else on the machine took at most {others:.1f} % of its "
        "processor time)."
    ),
    trained={"encoder": "encoder taught", "small": "norms, biases and low ranks taught", "all": "all layers taught"},
    devices={"cpu": "{cores} CPU cores", "cuda": "a GPU"},
    title="{model}, {lines} lines",
    axes=(
        "silence behind the clip, s",
        "characters other than the original's at 30 s, %",
        "CER above the original's at 30 s, points",
        "steps",
        "held-out tokens other than the teacher's, %",
    ),
    at_full="{model}, 30 s",
)
JA = AdaptWords(
    taught=(
        "{model}、{train}。学習率 {learning_rate:g} で{batch_size}クリップずつ{steps:,}ステップ、テキストのないクリップ"
        "{clips}件（{audio_minutes:.0f}分）から学習しました。{device}で、聞き取りに{listening:.0f}分、学習に"
        "{learning:.0f}分かかりました。"
    ),
    measured=(
        "測定には別のセリフ{lines}件（{minutes:.0f}分）を使いました。そのうち{unheard}件は、学習に使っていない声です。"
        "CPU の float32 で、再デコードをしない最初のテキストを比べています。CER は全文字に対する割合で、作者の正規化を"
        "使いました。括弧内は、セリフ単位で求めた 95 % 信頼区間です。"
    ),
    head=(
        *("", "CER（%）", "元のモデルの30秒との差", "同、学習に使っていない声"),
        *("元のモデルの30秒と異なる文字（%）", "ループ（件）"),
    ),
    models={"original": "元のモデル", "adapted": "学習後"},
    row="{model}、{window}",
    full="30秒",
    tail="クリップ + {tail} 秒",
    asked_head=("目標", "条件", "測定値", "達成"),
    asked={
        "lines": "測定に使うセリフ（件）",
        "rise": "{window}：元のモデルの30秒との CER の差（ポイント）",
        "rise_high": "{window}：同、信頼区間の上端",
        "differs": "{window}：元のモデルの30秒と異なる文字（%）",
        "loops": "{window}：ループ（件）",
        "change": "{window}：元のモデルとの CER の差の大きさ（ポイント）",
        "calibrated": "`awct2 calibrate --references` に合格する無音の長さがある",
        "speed": "短いウィンドウでの実行は、30秒の何倍速いか",
    },
    bounds=("{:g} 以下", "{:g} 以上", "なし"),
    met=("**未達**", "達成"),
    told=("いいえ", "はい"),
    accepted="`awct2 calibrate --references` では、学習後のモデルは無音 {tail:g} 秒で合格しました。",
    refused="`awct2 calibrate --references` では、学習後のモデルに合格した無音の長さはありませんでした。",
    rises="再デコード込みで、自身の30秒のウィンドウと比べた CER の差は、{told}でした。",
    each_rise="{tail:g} 秒で {rise}",
    between="、",
    speed=(
        "これらのセリフの実行は、無音 {tail:g} 秒では{short:.0f}秒、30秒のウィンドウでは{full:.0f}秒かかり、"
        "{ratio:.2f}倍速くなりました（{rounds}、交互に測定。測定中、ほかのプロセスが使った CPU 時間は、最大でも"
        "マシン全体の {others:.1f} % でした）。"
    ),
    trained={
        "encoder": "エンコーダーを学習",
        "small": "正規化層、バイアス、低ランクの差分を学習",
        "all": "全層を学習",
    },
    devices={"cpu": "CPU（{cores}コア）", "cuda": "GPU"},
    title="{model}、セリフ{lines}件",
    axes=(
        "クリップの後ろの無音（秒）",
        "元のモデルの30秒と異なる文字（%）",
        "元のモデルの30秒との CER の差（ポイント）",
        "ステップ",
        "教師と異なる検証用トークン（%）",
    ),
    at_full="{model}、30秒",
    space="",
)
