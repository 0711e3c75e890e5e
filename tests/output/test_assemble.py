"""A recording is whole when its last window is home, in whatever order they come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anime_whisper_ct2.output.assemble import Assembler
from anime_whisper_ct2.records import (
    Broken,
    Closed,
    Failure,
    Opened,
    Recording,
    Transcript,
)
from tests.support.windows import numbered, said


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
