"""Words keep to their sound and to their segment."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from anime_whisper_ct2.engine.pieces import Piece
from anime_whisper_ct2.engine.words import sounding, stretches
from anime_whisper_ct2.features.mel import log_mel
from anime_whisper_ct2.output.assemble import Assembler
from anime_whisper_ct2.output.lines import to_json
from anime_whisper_ct2.records import Closed, Decoded, Opened, Recording, Transcript, Window, Word
from tests.support.sounds import tone


class TestStretches:
    def sound(self, *parts: tuple[int, int], frames: int = 300) -> Any:
        mel = np.full((4, frames), -1.0, np.float32)
        for start, end in parts:
            mel[1, start:end] = 1.0
        return sounding(mel)

    def words(self, *bounds: tuple[int, int]) -> list[Piece]:
        return [Piece("え", first, end) for first, end in bounds]

    def test_short_gaps_between_sounds_are_sound_and_long_ones_pauses(self) -> None:
        sound = self.sound((50, 100), (115, 150), (180, 200))
        assert np.flatnonzero(sound).tolist() == [*range(50, 150), *range(180, 200)]

    def test_where_nothing_stands_out_all_is_sound(self) -> None:
        assert sounding(np.full((4, 90), -1.5, np.float32)).all()
        noise = np.random.default_rng(0).normal(0, 0.05, (4, 90)).astype(np.float16)
        assert sounding(noise).all()

    def test_a_whisper_in_a_silent_room_is_sound(self) -> None:
        mel = np.full((4, 300), -1.0, np.float32)
        mel[:, :100] = 1.0
        mel[:, 150:250] = 1.0 - 40 / 40  # 40 dB below the shout before it
        assert sounding(mel)[150:250].all()

    def test_a_word_is_where_its_sound_is(self) -> None:
        words = self.words((0, 1), (1, 2))
        assert stretches(words, [0, 130, 300], self.sound((40, 100), (140, 160))) == [(40, 100), (140, 160)]

    def test_of_two_sounds_around_a_pause_a_word_keeps_the_longer(self) -> None:
        assert stretches(self.words((0, 1)), [0, 200], self.sound((0, 10), (80, 180))) == [(80, 180)]

    def test_words_without_time_share_that_of_the_next(self) -> None:
        words = self.words((0, 1), (1, 2), (2, 3), (3, 4))
        found = stretches(words, [0, 50, 50, 50, 150], self.sound((0, 50), (90, 150)))
        assert found == [(0, 50), (90, 110), (110, 130), (130, 150)]

    def test_before_a_mark_or_the_end_they_share_that_of_the_one_before(self) -> None:
        words = self.words((0, 1), (1, 2), (3, 4), (4, 5))  # token 2 is a mark
        found = stretches(words, [0, 100, 100, 150, 250, 250], self.sound((0, 100), (150, 250)))
        assert found == [(0, 50), (50, 100), (150, 200), (200, 250)]

    def test_without_any_sound_the_times_stay_as_they_are(self) -> None:
        words = self.words((0, 1), (2, 3))
        assert stretches(words, [0, 10, 150, 150], self.sound((200, 250))) == [(0, 10), (150, 150)]

    def test_any_path_gives_ordered_stretches(self) -> None:
        rng = np.random.default_rng(1)
        for _ in range(300):
            count = int(rng.integers(1, 12))
            kept = sorted(rng.choice(count, int(rng.integers(1, count + 1)), replace=False).tolist())
            starts = sorted(rng.integers(0, 300, count + 1).tolist())
            sound = self.sound(*(sorted(rng.integers(0, 300, 2).tolist()) for _ in range(3)))  # type: ignore[arg-type]
            found = stretches(self.words(*((at, at + 1) for at in kept)), starts, sound)
            times = [at for stretch in found for at in stretch]
            assert times == sorted(times)
            assert starts[0] <= times[0]
            assert times[-1] <= starts[-1]


class TestRecords:
    def line(self, words: tuple[Word, ...]) -> dict[str, Any]:
        window = Window(0, 0, 61.23456, 63.10049, log_mel(tone(0.1), 80))
        said = Decoded("え、と", (1, 2, 3), -0.1, 0.0, words=words)
        recording = Recording("a", "a.ogg", "a.ogg")
        items = [Opened(0, recording), (window, said), Closed(0, 1, 70.0)]
        ((_, transcript),) = Assembler("ja")(items)  # type: ignore[misc]
        assert isinstance(transcript, Transcript)
        return dict(json.loads(to_json(transcript))["segments"][0])

    def test_words_are_placed_in_the_recording_and_never_outside_their_segment(self) -> None:
        line = self.line((Word(0.0, 0.5, "え、", 0.98765), Word(0.61, 1.86593, "と", 0.5)))
        assert (line["start"], line["end"]) == (61.235, 63.1)
        assert line["words"] == [
            {"start": 61.235, "end": 61.735, "text": "え、", "probability": 0.988},
            {"start": 61.845, "end": 63.1, "text": "と", "probability": 0.5},
        ]

    def test_a_line_has_no_words_where_none_were_asked_for(self) -> None:
        assert "words" not in self.line(())
