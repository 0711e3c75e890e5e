"""Both models are held against the original's texts at 30 s, and only what an interval says is called better."""

from __future__ import annotations

from collections.abc import Sequence

import jiwer
import numpy as np
import pytest

from anime_whisper_ct2.adaptation.measuring import (
    LEAST_CLIPS,
    Comparison,
    Heard,
    Texts,
    comparable,
    compare,
    first_texts,
)
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import EngineError, InputError
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.records import Decoded, Window
from tests.support.audio_windows import said, window

KANA = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわ"
LOOP = "待って、" * 8


def lines(count: int) -> list[str]:
    """Texts of 8 to 16 different characters."""
    rng = np.random.default_rng(0)
    return ["".join(rng.permutation(list(KANA))[: rng.integers(8, 17)]) for _ in range(count)]


def spoilt(texts: Sequence[str], share: float, seed: int) -> list[str]:
    """Write another character in so many places."""
    rng = np.random.default_rng(seed)
    return ["".join("ン" if rng.random() < share else character for character in text) for text in texts]


def heard(full: Sequence[str], **fitted: Sequence[str]) -> Texts:
    """Texts of a model; a tail of 2.56 s is called `tail_2_56`."""
    tails = {float(name.removeprefix("tail_").replace("_", ".")): texts for name, texts in fitted.items()}
    return Texts(tuple(map(Heard, full)), {tail_s: tuple(map(Heard, texts)) for tail_s, texts in tails.items()})


def taught(before: float, after: float, clips: int = 200) -> Comparison:
    """Compare models of which one tail spoils so many characters."""
    texts = lines(clips)
    return compare(heard(texts, tail_1_28=spoilt(texts, before, 1)), heard(texts, tail_1_28=spoilt(texts, after, 2)))


class TestRates:
    def test_they_are_those_of_jiwer(self) -> None:
        texts = lines(60)
        short, new, new_short = spoilt(texts, 0.2, 1), spoilt(texts, 0.01, 2), [text[1:] for text in texts]
        compared = compare(heard(texts, tail_2_56=short), heard(new, tail_2_56=new_short))
        (tail,) = compared.tails
        assert compared.characters == sum(map(len, texts))
        assert tail.differs.before.percent == pytest.approx(100 * jiwer.cer(texts, short))
        assert tail.differs.after.percent == pytest.approx(100 * jiwer.cer(texts, new_short))
        assert compared.full.differs.percent == pytest.approx(100 * jiwer.cer(texts, new))
        assert tail.differs.change.percent == pytest.approx(tail.differs.after.percent - tail.differs.before.percent)

    def test_every_rate_lies_within_its_interval(self) -> None:
        (tail,) = taught(0.2, 0.05).tails
        for rate in (tail.differs.before, tail.differs.after, tail.differs.change):
            low, high = rate.interval
            assert low < rate.percent < high

    def test_what_both_get_wrong_makes_their_difference_no_less_sure(self) -> None:
        # Half of the clips are lost on either; one in ten of the others is mended.
        texts = lines(200)
        short = ["" if at % 2 else text for at, text in enumerate(spoilt(texts, 0.3, 1))]
        mended = [texts[at] if at % 20 == 0 else text for at, text in enumerate(short)]
        (tail,) = compare(heard(texts, tail_2_56=short), heard(texts, tail_2_56=mended)).tails
        low, high = tail.differs.change.interval
        before, after = tail.differs.before.interval, tail.differs.after.interval
        assert high - low < (before[1] - before[0]) / 2
        assert (before[0] < after[1], high < 0) == (True, True)

    def test_punctuation_counts_between_models_and_not_against_references(self) -> None:
        texts = [f"{line}。" for line in lines(30)]
        bare = [text[:-1] for text in texts]
        compared = compare(heard(texts, tail_2_56=bare), heard(bare, tail_2_56=texts), texts)
        assert compared.full.differs.percent > 0
        assert compared.full.cer is not None
        assert (compared.full.cer.before.percent, compared.full.cer.after.percent) == (0.0, 0.0)

    def test_references_count_where_there_are_some(self) -> None:
        texts = lines(40)
        wrong = spoilt(texts, 0.5, 3)
        known = [text if at % 4 == 0 else ("  " if at % 4 == 1 else None) for at, text in enumerate(texts)]
        compared = compare(heard(texts, tail_2_56=wrong), heard(texts, tail_2_56=texts), known)
        cer = compared.tails[0].cer
        assert compared.referenced == 10
        assert cer is not None
        assert cer.before.percent == pytest.approx(100 * jiwer.cer(texts[::4], wrong[::4]))
        assert (cer.after.percent, cer.change.percent) == (0.0, -cer.before.percent)
        assert compare(heard(texts), heard(texts)).full.cer is None

    def test_clips_on_which_the_original_loops_count_among_the_loops_alone(self) -> None:
        texts = lines(30)
        looping = [LOOP if at in (3, 7) else text for at, text in enumerate(texts)]
        before, after = heard(looping, tail_2_56=looping), heard(texts, tail_2_56=texts)
        compared = compare(before, after)
        assert (compared.clips, compared.looping) == (30, 2)
        assert compared.characters == sum(len(text) for at, text in enumerate(texts) if at not in (3, 7))
        assert compared.full.differs.percent == compared.tails[0].differs.before.percent == 0.0
        assert (compared.full.loops_before, compared.full.loops_after) == (2, 0)
        assert (compared.tails[0].loops_before, compared.tails[0].loops_after) == (2, 0)

    def test_a_text_that_came_to_no_end_is_a_loop(self) -> None:
        assert Heard("はい", capped=True).loops
        assert not Heard("はい").loops

    @pytest.mark.parametrize("full", [[""] * 30, [LOOP] * 30])
    def test_a_corpus_in_which_nothing_is_heard_has_nothing_to_compare(self, full: list[str]) -> None:
        with pytest.raises(InputError, match="hears nothing in the clips held out"):
            compare(heard(full, tail_2_56=full), heard(full, tail_2_56=full))
        with pytest.raises(InputError, match="hears nothing in the clips held out"):
            comparable(tuple(map(Heard, full)))


class TestVerdicts:
    def test_fewer_errors_are_better_and_more_are_worse(self) -> None:
        assert (taught(0.2, 0.05).tails[0].verdict, taught(0.2, 0.05).better) == ("better", True)
        assert (taught(0.05, 0.2).tails[0].verdict, taught(0.05, 0.2).better) == ("worse", False)

    def test_as_many_errors_in_other_places_decide_nothing(self) -> None:
        assert (taught(0.1, 0.1).tails[0].verdict, taught(0.1, 0.1).better) == ("undecided", False)

    def test_a_model_that_has_learnt_nothing_is_not_better(self) -> None:
        texts = lines(100)
        same = heard(texts, tail_1_28=spoilt(texts, 0.2, 1))
        (tail,) = compare(same, same).tails
        assert (tail.differs.change.percent, tail.differs.change.interval) == (0.0, (0.0, 0.0))
        assert tail.verdict == "undecided"

    def test_one_clip_that_is_mended_decides_nothing(self) -> None:
        # Of three draws, one lacks it.
        texts = lines(100)
        short = ["", *texts[1:]]
        (tail,) = compare(heard(texts, tail_1_28=short), heard(texts, tail_1_28=texts)).tails
        assert tail.differs.change.percent < 0
        assert tail.verdict == "undecided"

    @pytest.mark.parametrize(("clips", "verdict"), [(LEAST_CLIPS - 1, "undecided"), (LEAST_CLIPS, "better")])
    def test_few_clips_decide_nothing(self, clips: int, verdict: str) -> None:
        compared = taught(0.5, 0.0, clips)
        assert (compared.tails[0].verdict, compared.few) == (verdict, verdict == "undecided")

    def test_one_tail_that_got_worse_is_enough_against_it(self) -> None:
        texts = lines(200)
        bad, good = spoilt(texts, 0.3, 1), spoilt(texts, 0.05, 2)
        compared = compare(heard(texts, tail_0_64=bad, tail_2_56=good), heard(texts, tail_0_64=good, tail_2_56=bad))
        assert [(tail.tail_s, tail.verdict) for tail in compared.tails] == [(0.64, "better"), (2.56, "worse")]
        assert not compared.better

    def test_the_same_texts_give_the_same_intervals(self) -> None:
        assert taught(0.2, 0.1) == taught(0.2, 0.1)


class ByLength:
    """Says which clip a window is, and into how many frames it was fitted."""

    def __init__(self) -> None:
        self.engine = FakeEngine(self.decode, n_mels=2, batch_size=2)

    def decode(self, window: Window) -> Decoded:
        batch = next(batch for batch in reversed(self.engine.batches) if window in batch.windows)
        return said(f"{window.key}:{batch.frames}", capped=window.key == 3)


class TestFirstTexts:
    windows = tuple(
        window(key, seconds) for key, seconds in enumerate((7.0, 0.5, 29.0, 2.0, *(1.0 + n / 9 for n in range(20))))
    )

    lengths = tuple(one.mel.values.shape[1] for one in windows)

    def expected(self, length: WindowLength) -> list[str]:
        return [f"{one.key}:{length(one.mel.values.shape[1])}" for one in self.windows]

    def test_each_clip_is_decoded_at_30_s_and_with_each_tail_and_keeps_its_place(self) -> None:
        fake, told = ByLength(), list[int]()
        texts = first_texts(fake.engine, self.lengths, self.windows.__getitem__, (2.56, 0.64), on_decoded=told.append)
        fake.engine.close()
        assert [one.text for one in texts.full] == self.expected(WindowLength("full"))
        assert list(texts.fitted) == [0.64, 2.56]
        for tail_s, fitted in texts.fitted.items():
            assert [one.text for one in fitted] == self.expected(WindowLength("fit", tail_s))
            assert [one.capped for one in fitted] == [key == 3 for key in range(len(self.windows))]
        assert sum(told) == 3 * len(self.windows)
        assert len(told) > 3  # and not only when all is done

    def test_clips_are_read_a_few_batches_ahead_and_no_more(self) -> None:
        engine, read, ahead = FakeEngine(n_mels=2, batch_size=1), list[int](), list[int]()

        def clip(at: int) -> Window:
            read.append(at)
            return self.windows[at]

        decoded = 0

        def tell(count: int) -> None:
            nonlocal decoded
            ahead.append(len(read) - decoded)
            decoded += count

        first_texts(engine, self.lengths, clip, (0.64,), on_decoded=tell)
        engine.close()
        assert decoded == len(read) == 2 * len(self.windows)
        assert max(ahead) == 4

    def test_what_is_known_at_30_s_is_not_decoded_again(self) -> None:
        fake, known = ByLength(), [Heard("はい")] * len(self.windows)
        texts = first_texts(fake.engine, self.lengths, self.windows.__getitem__, (0.64,), full=known)
        fake.engine.close()
        assert texts.full == tuple(known)
        assert sum(len(batch.windows) for batch in fake.engine.batches) == len(self.windows)

    def test_a_clip_that_cannot_be_decoded_leaves_nothing_to_compare(self) -> None:
        def fail(_: Window) -> Decoded:
            raise EngineError("no text comes out")

        engine = FakeEngine(fail, n_mels=2)
        with pytest.raises(EngineError, match="nothing can be compared"):
            first_texts(engine, self.lengths[:3], self.windows.__getitem__, (0.64,))
        engine.close()
