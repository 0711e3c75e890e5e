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
    not_accepted: str  # of a speed with a tail that was not accepted
    unheard: str  # what the table of so many lines is about
    without_loops: tuple[str, str]  # what differs without the lines on which the original loops at 30 s: one, more
    each_differs: str
    accepted: str  # by one of the rules
    rules: Mapping[str, str]
    refused: str
    rises: str  # over the new model's own CER at 30 s, tail by tail
    each_rise: str
    outcomes: Mapping[str, str]
    between: str  # two of these
    speed: str
    speed_not_accepted: str
    trained: Mapping[str, str]
    tried: str  # what is held against what in the table of experiments
    tried_head: tuple[str, ...]
    losses: Mapping[str, str]
    one_of: str  # of so many steps, one is at 30 s
    devices: Mapping[str, str]
    title: str
    axes: tuple[str, str, str, str, str]  # the silence; what differs; the rise; steps; what of the held-out differs
    at_full: str
    space: str = " "  # between two sentences


EN = AdaptWords(
    taught=(
        "{model}, {train}: {steps:,} steps of {batch_size} clips at a learning rate of {learning_rate:g}, from {clips} "
        "clips ({audio_minutes:.0f} minutes) without their texts. On {device}, learning took {learning:.0f} minutes, "
        "listening to the clips before not counted."
    ),
    measured=(
        "Measured on {lines} other lines ({minutes:.0f} minutes), {unheard} of them by voices that were never learnt "
        "from: first texts in float32 on a CPU, without second looks. CER is over all characters, by the author's "
        "normaliser; in brackets 95 % intervals over the lines."
    ),
    head=(
        *("", "CER, %", "above the original at 30 s", "characters other than the original's at 30 s, %"),
        "loops",
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
        "calibrated": "`awct2 calibrate --references`: the references accept a tail",
        "speed": "a run in short windows, times as fast as at 30 s",
    },
    bounds=("at most {:g}", "at least {:g}", "none"),
    met=("**no**", "yes"),
    told=("no", "yes"),
    not_accepted="{} with `--window fit`; no tail was accepted",
    unheard="The {lines} lines by voices that were never learnt from:",
    without_loops=(
        "Without the line on which the original itself loops at 30 s, so many characters of the adapted model's texts "
        "are others than the original's at 30 s, in %: {told}.",
        "Without the {count} lines on which the original itself loops at 30 s, so many characters of the adapted "
        "model's texts are others than the original's at 30 s, in %: {told}.",
    ),
    each_differs="{window} {differs}",
    accepted=(
        "`awct2 calibrate --references` accepts the adapted model with a tail of {tail:g} s, the fastest that passed, "
        "{rule} (`{name}`)."
    ),
    rules={"equal_texts": "as its texts are the same", "cer_rise": "as the references show its texts to be as good"},
    refused="`awct2 calibrate --references` accepts no tail of the adapted model.",
    rises=(
        "With second looks, the CER lies above that of its own 30 s windows by so many points ({most:g} are allowed to "
        "the upper end): {told}."
    ),
    each_rise="{rise} with {tail:g} s, {outcome}",
    outcomes={
        **{"passed": "shown to be as good", "failed": "shown to be worse", "undecided": "undecided"},
        **{"loops": "with more loops than at 30 s", "after": "as good, but a longer tail did not pass"},
    },
    between="; ",
    speed=(
        "A run of these lines with a tail of {tail:g} s takes {short:.0f} s, and one at 30 s {full:.0f} s: it is "
        "{ratio:.2f} times as fast ({rounds}, in turn; all else on the machine took at most {others:.1f} % of its "
        "processor time)."
    ),
    speed_not_accepted=(
        "As no tail was accepted, a run takes windows of 30 s by itself, and gains nothing. Asked for short ones by "
        "`--window fit`, with a tail of {tail:g} s, it takes {short:.0f} s for these lines, and {full:.0f} s at 30 s: "
        "{ratio:.2f} times as fast ({rounds}, in turn; all else on the machine took at most {others:.1f} % of its "
        "processor time)."
    ),
    trained={"encoder": "encoder taught", "small": "norms, biases and low ranks taught", "all": "all layers taught"},
    tried=(
        "{model}, {steps} steps of {batch_size} clips for each, from {clips} clips; each differs from the first in one "
        "thing. Told of clips held out: how far the probabilities of the next token are from the original's at 30 s "
        "(Kullback-Leibler divergence), and how many tokens would be others, each read behind the original's own text; "
        "in windows with the four tails in turn, and at 30 s. Before the first step they are {divergence:.4f} and "
        "{before:.2f} % with the tails, and 0 at 30 s."
    ),
    tried_head=(
        *("taught", "learning rate", "loss", "steps at 30 s", "divergence, nats a token", "other tokens, %"),
        "at 30 s, %",
    ),
    losses={"both": "both", "hidden": "hidden states alone", "probabilities": "probabilities alone"},
    one_of="one of {}",
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
        "{clips}件（{audio_minutes:.0f}分）から学習しました。{device}での学習に{learning:.0f}分かかり"
        "ました（その前の聞き取りは含みません）。"
    ),
    measured=(
        "測定には別のセリフ{lines}件（{minutes:.0f}分）を使いました。そのうち{unheard}件は、学習に使っていない声です。"
        "CPU の float32 で、再デコードをしない最初のテキストを比べています。CER は全文字に対する割合で、作者の正規化を"
        "使いました。括弧内は、セリフ単位で求めた 95 % 信頼区間です。"
    ),
    head=("", "CER（%）", "元のモデルの30秒との差", "元のモデルの30秒と異なる文字（%）", "ループ（件）"),
    models={"original": "元のモデル", "adapted": "学習後"},
    row="{model}、{window}",
    full="30秒",
    tail="クリップ + {tail}秒",
    asked_head=("目標", "条件", "測定値", "達成"),
    asked={
        "lines": "測定に使うセリフ（件）",
        "rise": "{window}：元のモデルの30秒との CER の差（ポイント）",
        "rise_high": "{window}：同、信頼区間の上端",
        "differs": "{window}：元のモデルの30秒と異なる文字（%）",
        "loops": "{window}：ループ（件）",
        "change": "{window}：元のモデルとの CER の差の大きさ（ポイント）",
        "calibrated": "`awct2 calibrate --references` で、正解テキストによって合格する無音の長さがある",
        "speed": "短いウィンドウでの実行は、30秒の何倍速いか",
    },
    bounds=("{:g} 以下", "{:g} 以上", "なし"),
    met=("**未達**", "達成"),
    told=("いいえ", "はい"),
    not_accepted="{}（`--window fit` を指定。合格した無音の長さなし）",
    unheard="学習に使っていない声のセリフ{lines}件だけの結果です。",
    without_loops=(
        "元のモデル自身が30秒でもループしたセリフ1件を除くと、学習後のモデルのテキストのうち、元のモデルの30秒と異なる"
        "文字（%）は、{told}でした。",
        "元のモデル自身が30秒でもループしたセリフ{count}件を除くと、学習後のモデルのテキストのうち、元のモデルの30秒と"
        "異なる文字（%）は、{told}でした。",
    ),
    each_differs="{window}で {differs}",
    accepted=(
        "`awct2 calibrate --references` では、学習後のモデルは無音 {tail:g}秒で合格しました（合格した中で最も速い"
        "長さ。{rule}。規則は `{name}`）。"
    ),
    rules={"equal_texts": "テキストが同じ", "cer_rise": "正解テキストと比べた良さが同等"},
    refused="`awct2 calibrate --references` では、学習後のモデルに合格した無音の長さはありませんでした。",
    rises=(
        "再デコード込みで、自身の30秒のウィンドウと比べた CER の差（ポイント。信頼区間の上端は {most:g} まで）は、"
        "次のとおりです。{told}。"
    ),
    each_rise="{tail:g}秒で {rise}、{outcome}",
    outcomes={
        **{"passed": "同等", "failed": "悪化", "undecided": "判定できず"},
        **{"loops": "30秒よりループが多い", "after": "同等だが、より長い無音が不合格"},
    },
    between="；",
    speed=(
        "これらのセリフの実行は、無音 {tail:g}秒では{short:.0f}秒、30秒のウィンドウでは{full:.0f}秒かかり、"
        "{ratio:.2f}倍速くなりました（{rounds}、交互に測定。測定中、ほかのプロセスが使った CPU 時間は、最大でも"
        "マシン全体の {others:.1f} % でした）。"
    ),
    speed_not_accepted=(
        "合格した無音の長さがないため、そのまま実行すると30秒のウィンドウが使われ、速くなりません。`--window fit` で"
        "無音 {tail:g}秒の短いウィンドウを指定すると、これらのセリフの実行は{short:.0f}秒、30秒のウィンドウでは"
        "{full:.0f}秒かかり、{ratio:.2f}倍速くなりました（{rounds}、交互に測定。測定中、ほかのプロセスが使った CPU "
        "時間は、最大でもマシン全体の {others:.1f} % でした）。"
    ),
    trained={
        "encoder": "エンコーダーを学習",
        "small": "正規化層、バイアス、低ランクの差分を学習",
        "all": "全層を学習",
    },
    tried=(
        "{model}。どれも{clips}クリップから、{batch_size}クリップずつ{steps}ステップの学習で、それぞれ1行目と1か所だけ違い"
        "ます。取り分けたクリップで、次のトークンの確率が元のモデルの30秒のときからどれだけ離れているか（KL 情報量）"
        "と、元のモデルのテキストに沿って読んだときに別のトークンになる割合を、4通りの無音と30秒とで示します。学習前は、4通りの"
        "無音で {divergence:.4f} と {before:.2f} %、30秒では 0 です。"
    ),
    tried_head=(
        *("学習する部分", "学習率", "損失", "30秒のステップ", "KL 情報量（ナット／トークン）"),
        *("違うトークン（%）", "30秒のとき（%）"),
    ),
    losses={"both": "両方", "hidden": "隠れ状態だけ", "probabilities": "確率だけ"},
    one_of="{}回に1回",
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
