"""What the tables of the page's index say, in both languages of the handbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReviewWords:
    """Heads, rows and sentences; sentences are templates."""

    size: str
    opening: tuple[str, str, str, str]
    openings: Mapping[str, str]
    strict: str
    times: str
    question: tuple[str, str, str]
    questions: Mapping[str, str]  # those that are called otherwise than in the results
    sorted_by: str
    page: str
    most: str
    decided: str
    found: str
    quality: tuple[str, str, str]
    share: str
    wrong: str
    conditions: Mapping[str, str]
    orders: Mapping[str, str]


EN = ReviewWords(
    size="{segments:,} segments in {mib:,.0f} MiB.",
    opening=("opening", "seconds", "first rows, s", "peak, MiB"),
    openings={"first": "first", "second": "second"},
    strict="Read strictly, ids and offsets take {ids_s:.1f} s, and all lines {lines_s:.0f} s{times}.",
    times=", {times:.1f} times as long as the first opening",
    question=("question", "median, ms", "longest, ms"),
    questions={},
    sorted_by="sorted by {name}",
    page="a page of 200 rows",
    most="The process had {mib:,.0f} MiB at most.",
    decided="A decision is in the index after {one_ms:.1f} ms ({p95_ms:.1f} ms for 95 %), {many:,} at once after "
    "{many_s:.1f} s; {mib:,.0f} MiB at most.",
    found="Wrong lines (a CER of 30 % or more) found by listening to the first part of the queue, with Whisper base on "
    "the three voices that nothing was fitted to:",
    quality=("lines in", "wrong", "sorted by"),
    share="in the first {percent} %",
    wrong="{wrong} of {lines}",
    conditions={"clean": "silence", "noise": "noise"},
    orders={
        "avg_logprob": "`avg_logprob` alone",
        "doubt": "`doubt` alone",
        "risk": "risk",
        "differs": "CER against a second run alone",
        "risk_against": "risk, with a second run",
    },
)
JA = ReviewWords(
    size="{segments:,} セグメント、{mib:,.0f} MiB。",
    opening=("開く回", "秒", "最初の行まで（秒）", "最大メモリ（MiB）"),
    openings={"first": "1回目", "second": "2回目"},
    strict="厳密に読むと、ID と位置に {ids_s:.1f}秒、すべての行に {lines_s:.0f}秒かかります{times}。",
    times="（1回目に開く時間の {times:.1f}倍）",
    question=("問い合わせ", "中央値（ミリ秒）", "最長（ミリ秒）"),
    questions={
        "everything": "すべて",
        "everything at once": "すべての条件を同時に",
        "flag": "フラグ",
        "length and score": "長さとスコア",
        "one character, full or half width": "1文字、全角・半角を区別しない",
        "path": "パス",
        "pattern": "正規表現",
        "pattern, full or half width": "正規表現、全角・半角を区別しない",
        "speaker": "話者",
        "two characters": "2文字",
    },
    sorted_by="{name} で並べ替え",
    page="200行の表示",
    most="プロセスのメモリは最大 {mib:,.0f} MiB でした。",
    decided="1件の判定は {one_ms:.1f}ミリ秒（95 % は {p95_ms:.1f}ミリ秒以内）、{many:,}件の一括判定は "
    "{many_s:.1f}秒で索引に反映されます。メモリは最大 {mib:,.0f} MiB でした。",
    found="一覧の先頭から聞いたときに見つかる誤った行（CER 30 % 以上）の割合。Whisper base と、調整に使っていない3人の"
    "声で測りました。",
    quality=("条件", "誤り", "並べ替え"),
    share="先頭の {percent} %",
    wrong="{lines}行中 {wrong}行",
    conditions={"clean": "雑音なし", "noise": "雑音あり"},
    orders={
        "avg_logprob": "`avg_logprob` のみ",
        "doubt": "`doubt` のみ",
        "risk": "要確認度",
        "differs": "2つ目の結果との CER のみ",
        "risk_against": "要確認度（2つ目の結果あり）",
    },
)
