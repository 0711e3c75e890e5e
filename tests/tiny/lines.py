"""Acted lines for every age, from a small seeded grammar.

A spelling has one reading and a reading one spelling, and every mark is either fixed by its word or heard as a pause,
so the text of a line follows from its sound alone. Marks keep the habits of the real model's output: half-width
``!?`` and digits, one ``…``, no final 。.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator


def _words(text: str) -> list[str]:
    return text.split()


# Who speaks or is spoken of.
PEOPLE = _words(
    "さくら 悠真 美咲 健太 花子 太郎 先生 お母さん お父さん 兄さん 姉さん 王様 魔王 勇者 店長 隊長 "
    "妹 弟 先輩 部長 みんな 私 僕 俺 彼女 あいつ おじいさん 村長 騎士 猫 子犬 妖精"
)
PLACES = _words(
    "学校 教室 図書館 公園 駅前 屋上 森 村 部屋 台所 神社 喫茶店 体育館 港 病院 温泉 廊下 広場 洞窟 庭 砂浜 お城"
)
THINGS = _words(
    "手紙 本 剣 鍵 お弁当 写真 傘 帽子 時計 宿題 地図 財布 指輪 薬 お菓子 ケーキ パン ラーメン ギター カメラ "
    "ピアノ ボール 荷物 魔法 秘密 約束 卵 宝物 人形 切符"
)
TIMES = _words("昨日 今日 明日 今夜 今朝 放課後 日曜日 夏休み さっき もうすぐ")

# Verbs that take a thing: the stem before た/て or だ/で, and which of the two it takes.
DO = (
    ("見つけ", "た"),
    ("忘れ", "た"),
    ("届け", "た"),
    ("調べ", "た"),
    ("集め", "た"),
    ("見せ", "た"),
    ("隠し", "た"),
    ("落とし", "た"),
    ("壊し", "た"),
    ("返し", "た"),
    ("渡し", "た"),
    ("探し", "た"),
    ("守っ", "た"),
    ("作っ", "た"),
    ("買っ", "た"),
    ("使っ", "た"),
    ("持っ", "た"),
    ("運ん", "だ"),
    ("選ん", "だ"),
)
# Verbs that need no more than a place.
GO = (
    ("待っ", "た"),
    ("走っ", "た"),
    ("泣い", "た"),
    ("寝", "た"),
    ("迷っ", "た"),
    ("踊っ", "た"),
    ("歌っ", "た"),
    ("隠れ", "た"),
    ("遊ん", "だ"),
    ("休ん", "だ"),
    ("笑っ", "た"),
    ("倒れ", "た"),
)
PAST_ENDS = _words("よ の? んだ よね? んですか? らしいよ かもしれない")
TE_ENDS = _words("いるよ いるの? ください くれ! くれるの? いた ほしいな… しまった… みよう みたい いるんだ いました")
ADJECTIVES = _words(
    "嬉しい 楽しい 悲しい 寂しい 怖い すごい 可愛い 美味しい 眠い 寒い 痛い 重い 恥ずかしい 難しい 優しい 面白い"
)
ADJECTIVE_ENDS = _words("よ ね んだ んです の? なあ… です でしょう?")
NOUNISH = _words("元気 綺麗 大丈夫 本気 無理 大好き 秘密 最高 残念 不思議 危険 得意 立派")
NOUNISH_ENDS = _words("だよ だね です ですか? だった かな… じゃない なんだ なの? でした")
DEGREES = _words("とても ちょっと 本当に すごく 少し 全然 やっぱり きっと たぶん")
DEMONSTRATIVES = _words("この その あの")

# Words that open a line, each with its own mark: heard as a pause.
OPENERS = _words(
    "やった! わあ! きゃっ! えっ? あれ? ねえ、 うーん… えっと… あのう… ふふっ、 あははっ、 えへへ、 はあ… ほら、 "
    "もう! よし! うわっ! ああ、 はい、 いいえ、 だめ! ごめんね、 ありがとう! お願い、 すみません、 こんにちは! "
    "おはよう! なるほど、 やれやれ… ふんっ、 くっ… まさか! でも、 だって、 それから、 じゃあ、 つまり、 "
    "え、えっと… ま、待って! ち、違うよ! や、やめて! ど、どうして? な、何? ほ、本当? う、嘘! だ、大丈夫? "
    "そ、そんな… こ、こら! た、助けて! い、嫌だ! ご、ごめんなさい! ちょ、ちょっと! し、知らない! "
    "静かに! 逃げろ! 急いで! 聞いて! 危ない! 信じて! しまった! おーい! いってきます! ただいま! おやすみ、 "
    "くすくす、 げほっ、 ぐすん… はあ、はあ… ひゃあ! あらあら、 しーっ! わーい! どきどき… 頑張れ! まったく…"
)
STAMMERS = {
    "この": "こ、この",
    "その": "そ、その",
    "私": "わ、私",
    "僕": "ぼ、僕",
    "俺": "お、俺",
    "先生": "せ、先生",
    "さくら": "さ、さくら",
    "魔王": "ま、魔王",
    "みんな": "み、みんな",
    "とても": "と、とても",
    "すごく": "す、すごく",
}
COUNTS = _words("あと2分 あと3分 あと5分 あと10分 2回 3回 5回")
HELD_OUT_SHARE = 16  # one line in so many is never trained on


def is_held_out(line: str) -> bool:
    """Whether a line belongs to the held-out share; decided by its text alone."""
    return hashlib.sha256(line.encode()).digest()[0] % HELD_OUT_SHARE == 0


def _person(rng: random.Random) -> str:
    word = rng.choice(PEOPLE)
    return STAMMERS.get(word, word) if rng.random() < 0.15 else word


def _topic(rng: random.Random) -> str:
    mark = rng.choice(("は", "が", "も", "は、"))
    return _person(rng) + mark


def _verb(rng: random.Random, verbs: tuple[tuple[str, str], ...]) -> str:
    stem, past = rng.choice(verbs)
    if rng.random() < 0.5:
        return stem + past + rng.choice(PAST_ENDS)
    return stem + {"た": "て", "だ": "で"}[past] + rng.choice(TE_ENDS)


def _feeling(rng: random.Random) -> str:
    degree = rng.choice(DEGREES) if rng.random() < 0.6 else ""
    if rng.random() < 0.15:
        degree = STAMMERS.get(degree, degree)
    if rng.random() < 0.5:
        return degree + rng.choice(ADJECTIVES) + rng.choice(ADJECTIVE_ENDS)
    return degree + rng.choice(NOUNISH) + rng.choice(NOUNISH_ENDS)


def _this(rng: random.Random) -> str:
    word = rng.choice(DEMONSTRATIVES)
    return STAMMERS.get(word, word) if rng.random() < 0.15 else word


def _time(rng: random.Random) -> str:
    return rng.choice(TIMES) + "、" if rng.random() < 0.4 else ""


def _core(rng: random.Random) -> str:
    kind = rng.randrange(10)
    if kind < 3:
        parts = [_time(rng), _topic(rng) if rng.random() < 0.7 else ""]
        parts += [rng.choice(PLACES) + "で" if rng.random() < 0.4 else "", rng.choice(THINGS), "を", _verb(rng, DO)]
    elif kind < 5:
        parts = [_time(rng), _topic(rng), rng.choice(PLACES), "で", _verb(rng, GO)]
    elif kind == 5:
        parts = [_this(rng), rng.choice(THINGS + PLACES), rng.choice(("は", "は、", "も")), _feeling(rng)]
    elif kind == 6:
        parts = [_topic(rng), _feeling(rng)]
    elif kind == 7:
        parts = [_person(rng), rng.choice(("に", "と")), rng.choice(THINGS), "を", _verb(rng, DO)]
    elif kind == 8:
        parts = [
            rng.choice(("早く", "一緒に", "急いで")),
            rng.choice(PLACES),
            rng.choice(("に行こう", "へ帰ろう", "に来て")),
        ]
    else:
        parts = [rng.choice(COUNTS), rng.choice(("だけ", "は、", "も")), rng.choice(THINGS), "を", _verb(rng, DO)]
    return "".join(parts)


def _line(rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.08:
        return rng.choice(OPENERS) + rng.choice(OPENERS).rstrip("、")
    if draw < 0.55:
        return rng.choice(OPENERS) + _core(rng)
    return _core(rng)


def _stream(seed: int, held: bool) -> Iterator[str]:
    rng = random.Random(seed)
    seen: set[str] = set()
    while True:
        line = _line(rng)
        if line not in seen and is_held_out(line) == held:
            seen.add(line)
            yield line


def lines(seed: int, n: int) -> list[str]:
    """`n` different training lines; the same for the same seed."""
    stream = _stream(seed, held=False)
    return [next(stream) for _ in range(n)]


def held_out(n: int, seed: int = 0) -> list[str]:
    """`n` different lines that no call of `lines` ever gives."""
    stream = _stream(seed, held=True)
    return [next(stream) for _ in range(n)]


def joined(texts: list[str]) -> str:
    """The text of lines spoken one after another: a line without an end mark gets a 。 before the next."""
    return "".join(t if t[-1] in "!?…" else t + "。" for t in texts[:-1]) + texts[-1]
