"""Subtitles of any Japanese text fit, can be read, lose nothing, and are broken where a reader would."""

from __future__ import annotations

from dataclasses import replace

import budoux
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.export.subtitles import SubtitleOptions, cues_of
from anime_whisper_ct2.records import Segment, Word
from tests.support.subtitles import Shown, ill_broken, kinds_of_breaks, overlapping, too_fast, too_wide, wide

# Phrases as people speak them.
PHRASES = (
    *(
        "今日は",
        "とても",
        "天気が",
        "いいですね",
        "先生が",
        "図書館で",
        "泣いていたんだ",
        "えっと",
        "もう一回",
        "お願い",
    ),
    *(
        "お姉ちゃんの",
        "バカ",
        "ちょっと",
        "待ってよ",
        "一緒に",
        "学校へ",
        "行こうって",
        "約束したのに",
        "どうして",
        "きっと",
    ),
    *(
        "チョコレートを",
        "食べたかった",
        "んだけど",
        "「はい」と",
        "言って",
        "3,000円で",
        "だよね",
        "全然",
        "知らなかった",
    ),
)
MARKS = ("", "", "", "、", "、", "。", "!", "？", "…", "！？", "♪", "　")


def has_narrow_phrases(text: str) -> bool:
    """Say whether a line holds each phrase that BudouX finds, so that none has to be broken."""
    return all(wide(phrase) <= 13 for phrase in budoux.load_default_japanese_parser().parse(text))


sentences = st.lists(st.tuples(st.sampled_from(PHRASES), st.sampled_from(MARKS)), min_size=1, max_size=24).map(
    lambda parts: "".join(phrase + mark for phrase, mark in parts).strip()
)
spoken = sentences.filter(has_narrow_phrases)
# Anything else that a file may hold.
soup = st.text("あいっゃーンヵ漢字々「」（）。、…！?♪ 　aZ09.,'-🎉が\u3099\u200dｶﾞ", min_size=1, max_size=120).map(
    lambda text: text.strip()
)
gaps = st.floats(0.0, 3.0).map(lambda gap: gap if gap > 1.0 else 0.0)


def as_shown(segments: list[Segment], duration: float = 1e6, options: SubtitleOptions | None = None) -> list[Shown]:
    return [
        Shown(cue.start_ms / 1000, cue.end_ms / 1000, cue.lines)
        for cue in cues_of(segments, duration, options or SubtitleOptions())
    ]


def segment(text: str, start: float = 0.0, end: float = 4.0, words: tuple[Word, ...] = ()) -> Segment:
    return Segment(start, end, text, -0.2, 0.01, 1.0, (), words)


def worded(parts: list[tuple[str, float, float]], start: float = 0.0) -> Segment:
    """A segment of words: each has its text, how long it takes, and the pause behind it."""
    words, at = [], start
    for text, lasts, pause in parts:
        words.append(Word(round(at, 3), round(at + lasts, 3), text, 0.9))
        at += lasts + pause
    return segment("".join(text for text, *_ in parts), start, at, tuple(words))


@st.composite
def recordings(draw: st.DrawFn, texts: st.SearchStrategy[str] = sentences) -> list[Segment]:
    """Segments one behind the other, half of them with words of one to three characters."""
    segments: list[Segment] = []
    at = draw(gaps)
    for text in draw(st.lists(texts.filter(bool), min_size=1, max_size=4)):
        if draw(st.booleans()):
            parts, begin = [], 0
            while begin < len(text):
                length = draw(st.integers(1, 3))
                parts.append((text[begin : begin + length], draw(st.floats(0.05, 0.4)), draw(gaps)))
                begin += length
            segments.append(worded(parts, at))
        else:
            segments.append(segment(text, at, at + 0.1 * len(text) + draw(gaps)))
        at = segments[-1].end + draw(gaps)
    return segments


@given(recordings(spoken))
def test_spoken_japanese_is_broken_at_marks_pauses_and_phrases_alone(segments: list[Segment]) -> None:
    shown = as_shown(segments)
    assert not too_wide(shown)
    assert not ill_broken(shown)
    assert not overlapping(shown)
    assert not too_fast(shown)
    assert "inside" not in kinds_of_breaks(shown, segments)


@given(recordings(soup), st.integers(4, 20), st.integers(1, 3))
def test_nothing_is_too_wide_or_lost_whatever_the_text(segments: list[Segment], chars: int, lines: int) -> None:
    shown = as_shown(segments, options=SubtitleOptions(max_chars=chars, max_lines=lines))
    assert not too_wide(shown, chars, lines)
    assert not overlapping(shown)
    kinds_of_breaks(shown, segments)


@given(recordings(), st.floats(2.0, 12.0), st.floats(0.1, 1.5), st.floats(1.5, 8.0))
def test_times_are_as_they_are_asked_for(segments: list[Segment], cps: float, least: float, most: float) -> None:
    options = SubtitleOptions(max_cps=cps, min_cue_s=least, max_cue_s=most)
    shown = as_shown(segments, options=options)
    starts = [*(one.start for one in shown[1:]), float("inf")]
    for one, following in zip(shown, starts, strict=True):
        lasts = one.end - one.start
        wanted = min(most, max(least, one.letters / cps))
        assert lasts <= most + 0.001
        assert lasts >= wanted - 0.002 or one.end >= following - 0.082


@given(st.lists(st.builds(segment, sentences, st.floats(-5, 50), st.floats(-5, 50)), max_size=6))
def test_segments_in_any_order_give_subtitles_in_order(segments: list[Segment]) -> None:
    shown = as_shown(segments)
    assert not overlapping(shown)
    assert all(0 <= one.start < one.end for one in shown)


def test_a_text_that_fits_is_one_line() -> None:
    (cue,) = cues_of([segment("うん。もう一回お願い。", 0.0, 1.5)], 4.0)
    assert cue.lines == ("うん。もう一回お願い",)


def test_two_lines_are_of_like_width_and_the_lower_is_the_wider() -> None:
    (cue,) = cues_of([segment("今日はとても天気がいいですね")], 9.0)
    assert cue.lines == ("今日はとても", "天気がいいですね")


def test_sentences_stand_alone_where_there_is_time_and_together_where_there_is_not() -> None:
    slow = segment("今日はとても天気がいいですね。どうして学校へ行こうって言ったの？", 0.0, 9.0)
    assert [cue.lines[-1][-1] for cue in cues_of([slow], 9.0)] == ["ね", "？"]
    fast = segment("どうして？えっと。", 0.0, 0.9)
    assert len(cues_of([fast], 9.0)) == 1


def test_a_long_pause_within_a_clip_parts_it() -> None:
    clip = worded([("もう", 0.3, 0), ("一回", 0.3, 3.0), ("お願い", 0.5, 0)], 0.5)
    first, second = cues_of([clip], 6.0)
    assert (first.lines, second.lines) == (("もう一回",), ("お願い",))
    assert (first.start_ms, second.start_ms) == (500, 4100)
    assert first.end_ms == 1300  # no longer than it is to be read


def test_a_character_that_was_found_before_a_pause_is_shown_with_its_phrase_behind_it() -> None:
    clip = worded([("もう", 0.3, 0), ("一回", 0.3, 0), ("お", 0.1, 2.0), ("願い", 0.4, 0)])
    assert [(cue.start_ms, cue.lines) for cue in cues_of([clip], 6.0)] == [(0, ("もう一回",)), (2700, ("お願い",))]


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=4, max_size=4))
def test_words_whose_times_are_out_of_order_give_subtitles_in_order(times: list[tuple[float, float]]) -> None:
    texts = ("どうして、", "学校へ。", "行こうって", "約束したのに。")
    words = tuple(Word(*sorted(each), text, 0.5) for each, text in zip(times, texts, strict=True))
    shown = as_shown([segment("".join(texts), 0.0, 9.0, words)])
    assert not overlapping(shown)
    assert "".join("".join(one.lines) for one in shown).replace("。", "") == "".join(texts).replace("。", "")


def test_a_pause_within_a_word_does_not_part_it() -> None:
    clip = worded([("そんなことを", 0.6, 0), ("言っ", 0.3, 1.5), ("てるんじゃないよ", 0.9, 0)])
    assert all(not cue.lines[0].startswith("てる") for cue in cues_of([clip], 9.0))


def test_without_word_times_a_clip_is_shared_by_its_characters() -> None:
    text = "今日はとても天気がいいですね。" * 2
    first, second = cues_of([segment(text, 1.0, 9.0)], 9.0)
    assert (first.start_ms, second.start_ms) == (1000, 5000)


def test_a_clip_of_few_characters_is_not_parted_for_its_length() -> None:
    (cue,) = cues_of([segment("えっと、どうして？", 0.0, 25.0)], 25.0)
    assert cue.end_ms == 7000


def test_words_that_take_longer_than_a_subtitle_lasts_are_parted() -> None:
    drawn_out = worded([("どうして", 4.0, 0), ("約束したのに", 4.0, 0)])
    assert [cue.lines for cue in cues_of([drawn_out], 9.0)] == [("どうして",), ("約束したのに",)]


def test_a_text_that_is_not_that_of_its_words_keeps_their_times() -> None:
    clip = worded([("もう", 0.3, 0), ("一階、", 0.3, 3.0), ("お願い。", 0.5, 0)], 0.5)
    corrected = replace(clip, text="もう1回…お願いします")
    assert [(cue.start_ms, cue.lines) for cue in cues_of([corrected], 6.0)] == [
        *((500, ("もう1回…",)), (4100, ("お願いします",)))
    ]


@pytest.mark.parametrize("text", ["", "。", "。。。"])
def test_what_shows_nothing_is_no_subtitle(text: str) -> None:
    assert cues_of([segment(text)], 4.0) == []


def test_nothing_is_shown_beyond_the_end_but_what_is_said_there() -> None:
    (cue,) = cues_of([segment("どうして学校へ行こうって", 0.0, 1.0)], 1.2)
    assert cue.end_ms == 1200
    (cue,) = cues_of([segment("どうして", 0.0, 3.0)], 1.2)
    assert cue.end_ms == 3000


def test_a_short_gap_is_closed_down_to_two_frames_and_a_long_one_stays() -> None:
    near, far = segment("どうして", 1.4, 2.4), segment("だよね", 5.0, 5.6)
    assert [(cue.start_ms, cue.end_ms) for cue in cues_of([segment("えっと", 0.0, 1.0), near, far], 9.0)] == [
        *((0, 1320), (1400, 2400), (5000, 5800))
    ]


def test_words_without_text_say_nothing_of_when_a_text_is_spoken() -> None:
    empty = (Word(1.0, 2.0, "", 0.5), Word(2.0, 3.0, "", 0.5))
    assert as_shown([segment("そうですね", words=empty)]) == as_shown([segment("そうですね")])
