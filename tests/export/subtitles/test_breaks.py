"""Where a text may be broken, and how well."""

from __future__ import annotations

import pytest

from anime_whisper_ct2.export.subtitles.breaks import Break, breaks, shown
from anime_whisper_ct2.export.subtitles.widths import letters, width

SIGNS = {Break.SENTENCE: "‖", Break.CLAUSE: "|", Break.JOINT: "+", Break.PHRASE: "·", Break.LETTER: "!"}


def drawn(text: str, most: int = 26) -> str:
    found = breaks(text, most)
    return "".join(SIGNS[found[at]] + character if at in found else character for at, character in enumerate(text))


@pytest.mark.parametrize(
    "expected",
    [
        "えっと、|もう·一回·お願いします。‖うん",
        "本当に！？‖嘘でしょ？‖",
        "彼は|「はい」と·言った",
        "「いや」|「だめ」",
        "「そうだね。」と·言った",
        "そ…|そんな",
        "きっと、|…待ってる",
        "ね♡|うん",
        "はい　‖そうです",
        "値段は·10,000円だよ",
        "This ·is ·a ·pen. ‖Don't ·cry, |please",
        "時刻は·12:30だよ",
        "やった～！‖もう·一回",
        "混んでいて+泳げなかったから+帰ってきたよ",
    ],
)
def test_marks_phrases_and_spaces_are_places(expected: str) -> None:
    text = "".join(character for character in expected if character not in SIGNS.values()).rstrip("‖")
    assert drawn(text) == expected.rstrip("‖")


@pytest.mark.parametrize(
    "expected",
    [
        "あああ!あああ!あああ!ああああ",
        "アイス!クリー!ムケーキ",
        "ッッッッ!ッッッッ",
        "Llanfa!irpwll",
        "ｶﾞｷﾞ!ｸﾞｹﾞｺﾞ",
        "特許!カブ",
        "全部食べ!カブ",  # not before the endings of 食べ
        "かかか!か゛!か゛か",
    ],
)
def test_a_phrase_wider_than_a_line_is_broken_where_kinsoku_and_words_allow_it(
    expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anime_whisper_ct2.export.subtitles.breaks.phrase_ends", lambda _: set())
    assert drawn(expected.replace("!", ""), 8 if len(expected) > 6 else 6) == expected


@pytest.mark.parametrize("seen", ["👨\u200d👩\u200d👧", "👍🏽", "कि", "🇯🇵", "か\u3099"])
@pytest.mark.parametrize("most", [8, 10, 12])
def test_what_is_seen_as_one_character_is_not_torn(seen: str, most: int) -> None:
    # Small kana, with which no line begins: any other place than inside is a fault as well.
    for text in ("ぁ" * 3 + seen * 6, "ァ" * 4 + seen + "ァ" * 20, (seen + "ッ") * 8, "「「" + seen + "、、"):
        inside = {
            at + place
            for at in range(len(text))
            if text.startswith(seen, at) and (at == 0 or text[at - 1] != "\u200d")
            for place in range(1, len(seen))
        }
        if seen == "🇯🇵":
            inside = {at for at in inside if text[at - 1] == seen[0]}
        assert not inside & breaks(text, most).keys()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("はい。", "はい"),
        (" はい。 。", "はい"),
        ("はい、", "はい、"),
        ("はい。」", "はい。」"),
        ("え？", "え？"),
        ("。", ""),
    ],
)
def test_a_line_ends_without_a_full_stop(text: str, line: str) -> None:
    assert shown(text) == line


def test_widths_are_those_of_japanese_fonts() -> None:
    assert [width(character) for character in "aｱあ…♪。\u3099\u200d🎉 🏽"] == [1, 1, 2, 2, 2, 2, 0, 0, 2, 1, 0]
    assert letters("えっと、 OK") == 5.0
