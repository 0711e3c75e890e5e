"""The same words are written the same: each rule by its own example, and never differently the second time."""

from __future__ import annotations

import random
import unicodedata

import jiwer
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anime_whisper_ct2.text import NORMALIZERS, Errors, count_errors
from anime_whisper_ct2.text.cer import mean

author, dataset, none = (NORMALIZERS[name] for name in ("author", "dataset", "none"))

# What the rules are about, so that a random text meets them all, and some that they never name.
PIECES = [
    *"ッっあいうえおんぁぃぅぇぉゃゅょアイウエオンァィゥェォャュョ…ー!?♪♡○●◯〇♥！？～〜―—\t 　\n",
    *"ｱｶﾊﾞﾟｰｯ｡｢｣､･ガ亜々㐀神🎵゛゜AzＡｚ09０９.-\u3099\u309a\ufeff\ud800か",
    *("[n]", "[", "n]"),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=40).map("".join)
SIGNS = st.text("!?♪♡！？♥ x", max_size=60)

# From the data set's card; then what the card says in general.
CARD = [
    ("え～？", "えー?"),
    ("え〜？", "えー?"),
    ("……", "…"),
    ("…………そう", "…そう"),
    ("ーー", "ー"),
    ("わーーーい", "わーい"),
    ("???", "?"),
    ("!?!?!?", "!?"),
    ("！？！？！？", "!?"),
    ("♪♪♪", "♪"),
    ("♡♥♡", "♡"),
    ("あああっっっ", "ああっっ"),
    ("アアアアッッッ", "アアッッ"),
    ("ああっっ", "ああっっ"),
    ("うん\tそう―だ よ　ね", "うんそうだよね"),
    ("ＡＢＣａｂｃ０１９", "ABCabc019"),
    ("ｱｲｳｴｵ", "アイウエオ"),
    ("ｶﾞｷﾞｸﾞ ﾊﾟﾋﾟ ｳﾞｧ ｯｰ", "ガギグパピヴァッー"),
    ("カﾞ", "ガ"),
    ("は\u3099", "ば"),
    ("●◯〇", "○○○"),
    ("「はい。」、(笑)♪", "はい。、笑♪"),
    ("一行目\n二行目[n]三行目", "一行目二行目三行目"),
    ("100%🎵×.,:;~", "100"),
    ("人々㐀", "人々㐀"),
    ("", ""),
]


class TestDataset:
    @pytest.mark.parametrize(("written", "normal"), CARD)
    def test_a_rule_does_to_its_example_what_the_card_says(self, written: str, normal: str) -> None:
        assert dataset(written) == normal

    @pytest.mark.parametrize("letter", "ッっあいうえおんぁぃぅぇぉゃゅょアイウエオンァィゥェォャュョ")
    def test_each_listed_letter_stays_at_most_twice(self, letter: str) -> None:
        assert [dataset(letter * count) for count in (1, 2, 3, 9)] == [letter, letter * 2, letter * 2, letter * 2]

    @pytest.mark.parametrize("letter", "かカA7亜。、○")
    def test_other_letters_may_repeat(self, letter: str) -> None:
        assert dataset(letter * 5) == letter * 5

    def test_what_stands_between_repeats_does_not_save_them(self) -> None:
        assert dataset("あ あ「あ」あ") == "ああ"
        assert dataset("!(?)!?") == "!?"
        assert dataset("…×…") == "…"

    def test_a_repeat_that_a_shorter_one_hides_goes_too(self) -> None:
        assert dataset("!!?!!?") == "!?"
        assert dataset("!!??") == "!?"

    @given(TEXTS)
    @example("!?!!?!?♪♡♡♪♡")
    @example("[[n]n]")
    def test_twice_changes_nothing_more(self, text: str) -> None:
        once = dataset(text)
        assert dataset(once) == once

    @given(SIGNS)
    def test_twice_changes_nothing_more_of_runs_of_signs(self, text: str) -> None:
        once = dataset(text)
        assert dataset(once) == once

    @given(TEXTS)
    def test_only_what_the_card_allows_remains(self, text: str) -> None:
        for character in dataset(text):
            name = unicodedata.name(character, "")
            assert (
                character in "。、!?…♪♡○々"
                or (character.isascii() and character.isalnum())
                or "\u3040" <= character <= "\u30ff"
                or name.startswith("CJK UNIFIED IDEOGRAPH")
            ), repr(character)

    @given(st.text("かきカキ亜々AZaz09。、", max_size=30))
    def test_a_text_that_is_normal_stays(self, text: str) -> None:
        assert dataset(text) == text


class TestAuthor:
    def test_only_letters_and_digits_count(self) -> None:
        assert author("「ねぇ、聞いて…!?」 A1々㐀ー、♪Ｂ") == "ねぇ聞いてA1々㐀ー"

    @pytest.mark.parametrize("text", ["", "…", "。、!?", "♪ ○"])
    def test_what_has_no_letter_is_an_ellipsis(self, text: str) -> None:
        assert author(text) == "…"

    @given(TEXTS)
    def test_no_reference_is_ever_empty(self, text: str) -> None:
        assert author(text)


def test_none_takes_only_white_space_at_the_ends() -> None:
    assert none(" え～？ \n") == "え～？"


class TestCer:
    @pytest.mark.parametrize("name", NORMALIZERS)
    def test_errors_are_those_of_jiwer_on_2000_pairs(self, name: str) -> None:
        normalize, rng = NORMALIZERS[name], random.Random(6)
        alphabet = "あいうっんー…。!?「」亜伊Ａa1 ♪ｶﾞ"
        total, pairs = Errors(), []
        for _ in range(2000):
            said = "".join(rng.choices(alphabet, k=rng.randrange(30)))
            heard = "".join(
                rng.choice(alphabet) if rng.random() < 0.2 else kept for kept in said if rng.random() < 0.9
            ) + "".join(rng.choices(alphabet, k=rng.randrange(4)))
            one, other = normalize(said), normalize(heard)
            errors, theirs = count_errors(one, other), jiwer.process_characters(one, other)
            assert (errors.substitutions, errors.deletions, errors.insertions) == (
                *(theirs.substitutions, theirs.deletions),
                theirs.insertions,
            )
            assert errors.cer == pytest.approx(100 * theirs.cer)
            total = Errors(
                total.substitutions + errors.substitutions,
                total.deletions + errors.deletions,
                total.insertions + errors.insertions,
                total.characters + errors.characters,
            )
            pairs.append((one, other))
        everything = jiwer.process_characters([one for one, _ in pairs], [other for _, other in pairs])
        assert total.edits > 1000
        assert total.cer == pytest.approx(100 * everything.cer)
        assert total.insertions == everything.insertions

    @pytest.mark.parametrize(("said", "heard", "rate"), [("", "", 0.0), ("", "ああ", 200.0), ("あ", "", 100.0)])
    def test_empty_references_count_as_jiwer_counts_them(self, said: str, heard: str, rate: float) -> None:
        assert count_errors(said, heard).cer == rate == 100 * jiwer.process_characters(said, heard).cer

    @pytest.mark.parametrize(
        ("games", "average"),
        [
            ((15.11, 20.12, 14.83, 17.65, 18.59), 17.3),
            ((14.60, 18.66, 14.43, 17.29, 17.74), 16.5),
            ((15.18, 19.24, 14.43, 17.38, 18.15), 16.9),
            ((23.92, 25.08, 20.29, 25.91, 22.71), 23.6),
            ((17.67, 20.44, 15.33, 19.60, 19.86), 18.6),
            ((16.38, 21.51, 16.51, 19.69, 20.04), 18.8),
            ((11.32, 16.52, 11.16, 12.78, 13.23), 13.0),
        ],
    )
    def test_the_mean_over_groups_is_that_of_the_authors_table(self, games: tuple[float, ...], average: float) -> None:
        assert round(mean(games), 1) == average
