"""A recording is whole when its last window is home, in whatever order they come."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from anime_whisper_ct2.output.assemble import Assembler
from anime_whisper_ct2.output.lines import to_json
from anime_whisper_ct2.output.results import read_transcript
from anime_whisper_ct2.records import (
    AtHome,
    Broken,
    Closed,
    Failure,
    Headway,
    Heard,
    Opened,
    Recording,
    Transcript,
)
from tests.support.audio_windows import numbered, said


class TestAssembler:
    recording = Recording("a/b.ogg", "corpus/a/b.ogg", "corpus/a/b.ogg", {"speaker": "さくら"})

    def run(self, *items: object) -> list[tuple[int, Transcript | Failure]]:
        return list(Assembler("ja")([Opened(7, self.recording), *items]))

    def test_a_recording_ends_with_its_last_window_in_whatever_order(self) -> None:
        ((key, transcript),) = self.run(
            (numbered(7, 1), said("世界")),
            Closed(7, 3, 61.0004),
            (numbered(7, 2), said("!")),
            (numbered(7, 0), said("こんにちは、")),
        )
        assert key == 7
        assert isinstance(transcript, Transcript)
        assert transcript.text == "こんにちは、世界!"
        assert [segment.start for segment in transcript.segments] == [0.0, 30.0, 60.0]
        assert (transcript.duration, transcript.meta, transcript.flags) == (61.0, {"speaker": "さくら"}, ())

    def test_it_does_not_end_before_it_is_closed(self) -> None:
        assert self.run((numbered(7, 0), said("a"))) == []

    @pytest.mark.parametrize("items", [[Closed(7, 0, 2.0)], [(numbered(7), said("")), Closed(7, 1, 2.0)]])
    def test_without_speech_it_is_empty(self, items: list[object]) -> None:
        ((_, transcript),) = self.run(*items)
        assert isinstance(transcript, Transcript)
        assert (transcript.text, transcript.segments, transcript.flags) == ("", (), ("empty",))

    def test_a_window_that_was_lost_is_there_without_a_text_and_the_recording_is_not_said_to_be_empty(self) -> None:
        lost = replace(said("", -99.0), flags=("overflow",), doubt=1.0)
        ((_, alone),) = self.run((numbered(7), lost), Closed(7, 1, 2.0))
        assert isinstance(alone, Transcript)
        assert (alone.text, alone.flags) == ("", ("overflow",))
        ((_, transcript),) = Assembler("en", between=" ")(
            [
                Opened(7, self.recording),
                *((numbered(7, at), text) for at, text in enumerate((said("one"), lost, said("three")))),
                Closed(7, 3, 61.0),
            ]
        )
        assert isinstance(transcript, Transcript)
        assert transcript.text == "one three"
        assert [segment.flags for segment in transcript.segments] == [(), ("overflow",), ()]
        # Like any other line of a run.
        assert read_transcript(json.loads(to_json(transcript))) == transcript

    @pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
    def test_what_is_no_number_never_reaches_a_line(self, figure: float) -> None:
        transcript = Transcript("a", "a.ogg", 1.0, "ja", "", (), (), {"level": figure, "deep": [{"x": figure}, 1.5]})
        line = to_json(transcript)
        assert json.loads(line, parse_constant=pytest.fail)["meta"] == {"level": None, "deep": [{"x": None}, 1.5]}

    @pytest.mark.parametrize(
        ("missing_s", "own", "said_missing_s"),
        [
            *((None, (), None), (0.0, ("incomplete",), 0.0), (1.23456, ("incomplete",), 1.235)),
            *((None, ("antiphase",), None), (61.0, ("incomplete", "antiphase"), 61.0)),
        ],
    )
    def test_flags_of_the_recording_come_behind_those_of_its_segments(
        self, missing_s: float | None, own: tuple[str, ...], said_missing_s: float | None
    ) -> None:
        noisy = replace(said("a"), flags=("noisy",))
        for text, of_others in ((noisy, ("noisy",)), (said(""), ("empty",))):
            ((_, transcript),) = self.run((numbered(7), text), Closed(7, 1, 2.0, missing_s, own))
            assert isinstance(transcript, Transcript)
            assert (transcript.flags, transcript.missing_s) == ((*of_others, *own), said_missing_s)

    def test_a_broken_one_is_a_failure_once_and_its_late_windows_are_dropped(self) -> None:
        ((_, failure),) = self.run(
            (numbered(7, 0), said("a")), Broken(7, "decode", "DecodeError", "breaks off"), (numbered(7, 1), said("b"))
        )
        assert failure == Failure("a/b.ogg", "corpus/a/b.ogg", "decode", "DecodeError", "breaks off")


class TestHeadway:
    recording = Recording("long.ogg", "long.ogg", "long.ogg")

    def run(self, *items: object, recording: Recording = recording, amid: bool = False) -> list[object]:
        return list(Assembler("ja", amid_batch=lambda: amid, clock=lambda: 0.0)([Opened(7, recording), *items]))

    def test_windows_are_told_of_once_when_it_is_clear_that_the_recording_is_long(self) -> None:
        windows = [(numbered(7, n), said(f"{n}")) for n in range(6)]
        *headways, (key, transcript) = self.run(*windows, Closed(7, 6, 151.5))
        assert [[home.number for home in each.homes] for each in headways] == [[0, 1, 2, 3, 4], [5], []]
        assert [each.done_s for each in headways] == [121.0, 151.0, 151.5]
        assert key == 7
        assert [home.segment for each in headways for home in each.homes] == list(transcript.segments)

    def test_those_of_a_batch_are_told_of_together(self) -> None:
        stage = [True, True, False]
        assembler = Assembler("ja", amid_batch=lambda: stage.pop(0), clock=lambda: 0.0)
        items = [Opened(7, self.recording), *((numbered(7, n), said("a")) for n in (5, 6, 7))]
        assert [len(each.homes) for each in assembler(items)] == [3]  # type: ignore[arg-type, union-attr]

    def test_what_is_decoded_is_told_of_also_before_a_window_is_home(self) -> None:
        (headway,) = self.run(Heard(7, 180.0, 2400.0))
        assert headway == Headway(7, "long.ogg", 180.0, 0.0, 0.0, 2400.0)

    def test_windows_that_were_home_take_their_place_and_are_not_kept_again(self) -> None:
        whole = [(numbered(7, n), said(f"{n}")) for n in range(6)]
        *headways, (_, undisturbed) = self.run(*whole, Closed(7, 6, 151.5))
        homes = tuple(home for each in headways for home in each.homes)[:4]
        again = [AtHome(7, 0), AtHome(7, 1), whole[4], AtHome(7, 3), whole[2], whole[5], Closed(7, 6, 151.5)]
        *told, (_, transcript) = self.run(*again, recording=replace(self.recording, home=homes))
        assert transcript == undisturbed
        assert [home.number for each in told for home in each.homes] == [4, 2, 5]
        # Half of the speech was there before.
        assert told[-1].kept_s == pytest.approx(151.5 / 2)

    def test_a_short_recording_is_not_told_of(self) -> None:
        assert len(self.run((numbered(7, 0), said("a")), (numbered(7, 1), said("b")), Closed(7, 2, 60.0))) == 1

    def test_what_was_finished_of_a_broken_one_is_told_of_first(self) -> None:
        out = self.run((numbered(7, 5), said("a")), Broken(7, "decode", "DecodeError", "breaks off"), amid=True)
        assert [type(item) for item in out] == [Headway, tuple]
