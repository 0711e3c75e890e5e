"""What is flagged is wrong, and what this model rightly writes of laughs and moans is not."""

from __future__ import annotations

import numpy as np
import pytest

from anime_whisper_ct2.audio import load
from anime_whisper_ct2.records import LogMel, Sound, Window
from anime_whisper_ct2.text.quality import STOCK_PHRASES, compression_ratio, doubts, flags, loops, measure, token_cap
from tests.support.audio_windows import LOOPS, said, window
from tests.support.places import CORPUS
from tests.support.references import references
from tests.support.sounds import tone

# From the real model's habits: laughs, stammers and moans that are right as they stand.
LEGITIMATE = (
    *("ふふっ、そうなんだ", "あははっ!", "えへへ、ありがとう", "え、えっと…", "ま、待って!", "ぐすん…", "はあ、はあ…"),
    *("ちょ、ちょっと!", "きゃあっ!", "うふふふ…", "わわわっ", "ひっく、ひっく…", "そ、そそそ、それは…", "うんうん"),
    *("いやいやいや、違うって", "ねえねえ、聞いて", "ひひひひひひっ", "んっ、んっ、んんっ…", "あっ、あっ、あっ…!"),
    *("ちゅっ、ちゅ、ちゅるっ…んちゅ", "くすくすくす…", "だめ、だめ、だめぇっ!", "ごめんごめんごめん", "うわああっ!"),
    *("お兄ちゃん、お兄ちゃん、お兄ちゃん!", "えええっ!?", "う、うう…うわぁん", "すー…すー…すー…", "むにゃむにゃ…"),
    *("どどど、どうしよう", "し、し、知らないっ", "ぷぷっ、あはは", "ふぁ…あふ…", "んぅ…んん…", "ひぃっ、ひいいっ"),
    *("がんばれ、がんばれ、がんばれー!", "よしよし、いい子いい子", "ぺろっ、れろ、れろれろ…", "ふー、ふー、ふーっ"),
    *("にゃーん、にゃんにゃん", "ざーこ、ざーこ", "はい、はい、はいはい", "っ…くぅ", "ぎゃああっ!"),
)
# These repeat so often that a fitted window is looked at again at 30 s; what they say is right all the same.
LOOKED_AT_AGAIN = (
    *("あはははははははははははっ!", "はぁ…はぁ…はぁ…はぁ…", "やだやだやだやだやだ!", "待って待って待って待って!"),
    *("ばかばかばかばかばかっ!", "きゃははははははははは!"),
)
# What a decoder in a loop writes until the limit ends it.
PLANTED = (
    *("ありがとうございます" * 6, "待って、" * 12, "あ" * 120, "ん、" * 60, "ｱﾊﾊ" * 20, "はぁ…" * 30),
    *("だから、私は、" * 9, "それでは、" + "お兄ちゃん" * 15, "そう" * 60, "あははは" * 30 + "…", "うん。" * 40),
    *("ちゅっ、" * 40, "今日はとてもいい天気ですね、散歩に行きましょうか、" * 4),
)


def test_there_are_enough_examples() -> None:
    assert len(set(LEGITIMATE)) >= 40


class TestFlags:
    @pytest.mark.parametrize("text", [*LEGITIMATE, *LOOKED_AT_AGAIN])
    def test_laughs_stammers_and_moans_are_no_faults(self, text: str) -> None:
        assert flags(window(0, 3.0), said(text)) == ()

    @pytest.mark.parametrize("text", PLANTED)
    def test_loops_are_flagged(self, text: str) -> None:
        assert "repetition" in flags(window(0, 20.0), said(text))

    @pytest.mark.parametrize("phrase", sorted(STOCK_PHRASES))
    def test_stock_phrases_are_flagged_as_whole_texts_only(self, phrase: str) -> None:
        assert flags(window(0, 5.0), said(f"{phrase}。")) == ("stock_phrase",)
        assert flags(window(0, 5.0), said(f"{phrase[:2]}、{phrase[2:]}!")) == ("stock_phrase",)
        assert not flags(window(0, 5.0), said(f"先生、{phrase}と言ったの?"))

    @pytest.mark.parametrize("text", ["…", "……", "…。", "・・・", "...", "…!?", " … "])
    def test_a_text_of_dots_is_flagged(self, text: str) -> None:
        assert flags(window(0), said(text)) == ("ellipsis_only",)

    def test_each_other_sign(self) -> None:
        assert flags(window(0), said("はい", capped=True)) == ("cap",)
        assert flags(window(0), said("はい", -1.5)) == ("low_logprob",)
        assert flags(window(0, 12.0), said("ん")) == ("slow",)
        assert flags(window(0, 0.5), said("昨日は図書館で手紙を探していたんだよ")) == ("fast",)
        mel = LogMel(np.zeros((2, 300), np.float32), 0.0)
        assert flags(Window(0, 0, 0.0, 3.0, mel, Sound(0.1, clipped=0.01)), said("ねえ")) == ("clipped",)
        assert flags(Window(0, 0, 0.0, 3.0, mel, Sound(0.1, range_db=4.0)), said("ねえ")) == ("noisy",)

    def test_no_clean_line_is_flagged(self) -> None:
        """The sample's clips with the texts that are right for them."""
        for id_, reference in references().items():
            samples = load(str(CORPUS / id_))
            spans = [(line["start"], line["end"], line["text"]) for line in reference.get("lines", ())]
            for start, end, text in spans or [(0.0, len(samples) / 16_000, reference["text"])]:
                part = samples[int(max(0.0, start - 0.2) * 16_000) : int((end + 0.2) * 16_000)]
                piece = Window(0, 0, start, end, LogMel(np.zeros((2, 1), np.float32), 0.0), measure(part))
                assert flags(piece, said(text)) == (), (id_, text, piece.sound)

    def test_a_long_text_takes_no_time(self) -> None:
        assert not loops("".join(chr(0x3041 + n * 7 % 80) for n in range(2_000)))


class TestMeasure:
    def test_clipping_and_noise_are_heard(self) -> None:
        clean = load(str(next(CORPUS.rglob("*.ogg"))))
        assert measure(clean).clipped == 0.0
        assert measure(clean).range_db > 20
        assert measure(np.clip(clean * 20, -1, 1)).clipped > 0.01
        noise = np.random.default_rng(0).standard_normal(len(clean)).astype(np.float32) * float(np.abs(clean).max())
        assert measure(clean + noise).range_db < 10
        assert measure(tone(2.0)).rms == pytest.approx(0.2 / np.sqrt(2), rel=0.01)

    @pytest.mark.parametrize("samples", [1, 399, 400, 401])
    def test_very_short_sounds_are_measured(self, samples: int) -> None:
        assert np.isfinite(measure(np.full(samples, 0.5, np.float32)).range_db)


class TestDoubts:
    @pytest.mark.parametrize("text", LEGITIMATE)
    def test_what_the_model_writes_of_laughs_and_stammers_is_trusted(self, text: str) -> None:
        assert doubts(window(0, 2.0), said(text)) == ()

    @pytest.mark.parametrize("text", LOOPS)
    def test_loops_are_doubted(self, text: str) -> None:
        assert "repetition" in doubts(window(0, 10.0), said(text))

    def test_each_sign_of_trouble(self) -> None:
        assert doubts(window(0), said("はい", capped=True)) == ("cap",)
        assert doubts(window(0), said("はい", -1.5)) == ("low_logprob",)
        assert doubts(window(0), said("")) == ("empty",)
        assert doubts(window(0, rms=0.001), said("")) == ()
        assert "fast" in doubts(window(0, 0.5), said("昨日は図書館で手紙を探していたんだよ"))


def test_the_token_cap_grows_with_the_duration_up_to_whispers_own() -> None:
    caps = [token_cap(seconds) for seconds in (0.1, 1.0, 5.0, 30.0)]
    assert caps == sorted(caps)
    assert caps[-1] == 224


def test_loops_compress_better_than_speech() -> None:
    assert compression_ratio("あはは" * 40) > 2.4 > compression_ratio("えっと、明日は図書館で待っているよ")
    assert compression_ratio("") == 0.0
