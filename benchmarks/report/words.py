"""The words of the tables that the handbook shows, in English and in Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Words:
    """What stands in the tables of comparisons, of conversions and of doubt, and in its chart, beside the figures."""

    compare: str  # of so many clips and rounds, with a stand-in of a size
    one_round: str
    rounds: str
    right: str
    wrong: str
    others: str  # what else the machine did meanwhile
    compare_head: tuple[str, ...]
    times_as_fast: str
    convert: str
    convert_head: tuple[str, ...]
    same: tuple[str, str]  # no, yes
    where: str  # the machine: its cores and memory
    real: str  # of so many lines and rounds, with genuine weights
    real_rates: str  # how errors are counted
    real_head: tuple[str, ...]
    doubt: str  # of a model, and the bound
    doubt_head: tuple[str, ...]
    at_most: str  # what could be found in the first third, where more lines are bad than it holds
    conditions: Mapping[str, str]  # under which lines were heard
    fitted: tuple[str, str, str]  # the lines of voices that doubt was fitted to; under a condition; between these
    sounds: str  # those without speech
    sounds_but: str  # one that is not marked
    doubt_title: str
    doubt_axes: tuple[str, str, str]  # bad lines found, lines heard, others marked
    doubt_marks: tuple[str, str]  # the default bound, and lines in no order
    between: str = " "  # two sentences
    labels: Mapping[str, str] = field(default_factory=dict)  # of systems; else the names in the results


EN = Words(
    compare="{clips} clips, stand-in `{size}`, {rounds}.",
    one_round="1 round",
    rounds="{n} rounds",
    right="Every system gave the known text for every clip.",
    wrong="**{wrong} texts were wrong.**",
    others="All else on the machine took at most {share:.1f} % of its processor time meanwhile.",
    compare_head=("", "× real time", "real-time factor", "ms / clip", "CPU s / audio h", "peak MiB", "load s"),
    times_as_fast="{name}: times as fast",
    convert="Stand-in `{size}`.",
    convert_head=("quantization", "converter", "wall s", "peak MiB", "same bytes"),
    same=("NO", "yes"),
    where="{processor}, {cores} cores, {memory_gib} GiB",
    real="{clips} spoken lines, {minutes:.1f} minutes, {model} in {compute_type}, {rounds}.",
    real_rates="CER is over all characters, by the author's normaliser; in brackets 95 % intervals over the lines.",
    real_head=(
        *("", "× real time", "CER, %", "above awct2, full", "texts as of transformers, one beam"),
        *("CPU s / audio h", "peak MiB"),
    ),
    doubt=(
        "{model} in windows of 30 s, lines of the three voices that nothing was fitted to. Bad: a CER of 30 % or more. "
        "Marked: a `doubt` from {bound} on, the default. In brackets 95 % intervals."
    ),
    doubt_head=(
        *("lines heard", "lines", "bad", "bad lines marked, %", "other lines marked, %"),
        "bad lines in the first third by `doubt`, %",
    ),
    at_most=" of {percent:.0f} possible",
    conditions={"clean": "as they are", "noise": "in white noise, 10 dB below the speech"},
    fitted=(
        "The {lines} clips of the two voices that it was fitted to are not counted above: {told}.",
        "{condition}, {found} of {bad} bad lines are marked, and {wrongly} of {others} others",
        "; ",
    ),
    sounds=(
        "Of {sounds} sounds without speech, {marked} are marked as `no_speech` or give no text{but}. The sounds' "
        "`no_speech_prob` is {least:.2f} or more, that of a spoken line at most {most:.2f}."
    ),
    sounds_but="; `{name}` is not",
    doubt_title="{model}, three voices that nothing was fitted to",
    doubt_axes=("bad lines found, %", "lines listened to, the most doubtful first, %", "other lines marked as well, %"),
    doubt_marks=("marked: doubt from {bound} on", "in no order"),
)
JA = Words(
    compare="クリップ{clips}件、代用モデル `{size}`、{rounds}。",
    one_round="1回測定",
    rounds="{n}回測定",
    right="どのシステムも、すべてのクリップで既知のテキストを出力しました。",
    wrong="**{wrong}件のテキストが誤りでした。**",
    others="測定中、ほかのプロセスが使った CPU 時間は、最大でもマシン全体の {share:.1f} % でした。",
    compare_head=(
        *("", "実時間の何倍か", "実時間比（RTF）", "ミリ秒/クリップ", "CPU 秒/音声1時間", "最大メモリ（MiB）"),
        "モデルの読み込み（秒）",
    ),
    times_as_fast="{name} の速さ（倍）",
    convert="代用モデル `{size}`。",
    convert_head=("量子化", "変換ツール", "所要時間（秒）", "最大メモリ（MiB）", "バイト単位で一致"),
    same=("不一致", "一致"),
    where="{processor}、{cores}コア、{memory_gib} GiB",
    real="読み上げたセリフ{clips}件（{minutes:.1f}分）、{model}（{compute_type}）、{rounds}。",
    real_rates="CER は全文字に対する割合で、作者の正規化を使いました。括弧内は、セリフ単位で求めた 95 % 信頼区間です。",
    real_head=(
        *("", "実時間の何倍か", "CER（%）", "awct2, full との差", "transformers（ビーム幅1）と同じテキスト（件）"),
        *("CPU 秒/音声1時間", "最大メモリ（MiB）"),
    ),
    doubt=(
        "{model}、30秒のウィンドウ。算出式の調整に使っていない3種類の声のセリフで測りました。"
        "「誤りの多い行」は CER が 30 % 以上の行、「印」は `doubt` が既定の {bound} 以上で付くものです。"
        "括弧内は 95 % 信頼区間です。"
    ),
    doubt_head=(
        *("音声", "行数", "誤りの多い行", "誤りの多い行のうち印が付いたもの（%）", "ほかの行のうち印が付いたもの（%）"),
        "誤りの多い行のうち `doubt` の高い順で上位3分の1に入ったもの（%）",
    ),
    at_most="、最大 {percent:.0f}",
    conditions={"clean": "そのまま", "noise": "音声より 10 dB 小さい白色雑音を加えたもの"},
    fitted=(
        "調整に使った2種類の声のクリップ{lines}件は、上の数に含みません（{told}）。",
        "{condition}：誤りの多い{bad}行のうち{found}行、ほかの{others}行のうち{wrongly}行に印",
        "。",
    ),
    sounds=(
        "声のない音{sounds}種類のうち、{marked}種類が `no_speech` になるか、テキストなしになりました{but}。"
        "`no_speech_prob` は、声のない音では {least:.2f} 以上、セリフでは最大 {most:.2f} でした。"
    ),
    sounds_but="（例外：`{name}`）",
    doubt_title="{model}、調整に使っていない3種類の声",
    doubt_axes=("見つかった誤りの多い行（%）", "聞いた行（doubt の高い順、%）", "印の付いたほかの行（%）"),
    doubt_marks=("印：doubt が {bound} 以上", "順不同"),
    between="",
    labels={
        "fw-batched": "faster-whisper、バッチあり、1ファイルずつ",
        "fw-single": "faster-whisper、バッチなし、1ファイルずつ",
        "fw-concat": "faster-whisper、クリップを連結",
        "hf-1": "transformers の pipeline、ビーム幅1",
        "hf-5": "transformers の pipeline、既定の設定（ビーム幅5）",
    },
)
