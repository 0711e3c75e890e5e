"""The words of the tables that the handbook shows, in English and in Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Words:
    """What stands in the tables of a comparison and of conversions, beside the figures."""

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
    between="",
    labels={
        "fw-batched": "faster-whisper、バッチあり、1ファイルずつ",
        "fw-concat": "faster-whisper、クリップを連結",
        "hf-1": "transformers の pipeline、ビーム幅1",
        "hf-5": "transformers の pipeline、既定の設定（ビーム幅5）",
    },
)
