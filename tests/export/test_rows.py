"""What an export is made of: what the filters leave, and which rows that makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.clips import Clip
from anime_whisper_ct2.export.filters import Filters
from anime_whisper_ct2.export.formats import ExportSettings, Row, speaker_of
from anime_whisper_ct2.export.formats.rows import rows
from anime_whisper_ct2.export.naming import Names
from anime_whisper_ct2.records import Transcript
from tests.support.runs import LONG, segment, short, transcript


class TestRows:
    def rows(self, *transcripts: Transcript, filters: Filters | None = None, **options: Any) -> list[Row]:
        return list(rows(transcripts, Names([one.id for one in transcripts]), filters, **options))

    def test_a_recording_of_one_window_is_a_row_and_a_longer_one_a_row_for_each_segment(self) -> None:
        found = self.rows(short("a.ogg"), LONG, transcript("c.ogg"))
        assert [(r.name, r.start_s, r.duration_s, r.whole, r.text) for r in found] == [
            ("a", 0.0, 1.5, True, "はい"),
            ("b/長い_00000.500-00003.000", 0.5, 2.5, False, "一つ目"),
            ("b/長い_00004.000-00004.500", 4.0, 0.5, False, "二つ目"),
            ("b/長い_00006.000-00020.000", 6.0, 14.0, False, "三つ目"),
        ]
        assert {row.audio for row in found[1:]} == {"corpus/b/長い.ogg"}
        assert found[3].flags == ("repetition",)

    def test_a_single_segment_in_a_longer_recording_is_no_whole_file(self) -> None:
        (row,) = self.rows(transcript("a.ogg", segment(3.0, 5.0), duration=60.0))
        assert (row.whole, row.start_s, row.duration_s) == (False, 3.0, 2.0)

    def test_a_stretch_of_a_recording_points_to_where_it_lies(self) -> None:
        stretch = transcript("a.ogg", segment(0.0, 2.0), offset=12.5)
        for options in ({}, {"whole_files_only": True}):
            (row,) = self.rows(stretch, **options)
            assert (row.whole, row.start_s) == (False, 12.5)
        (first, _) = self.rows(transcript("a.ogg", segment(0.25, 2.0), segment(3.0, 4.0), offset=12.5))
        assert first.start_s == 12.75

    def test_every_row_says_what_is_wrong_with_all_of_its_recording(self) -> None:
        flagged = transcript("a.ogg", segment(0, 1), segment(1, 2, "い", -0.2, "fast"), flags=("fast", "incomplete"))
        assert [row.flags for row in self.rows(flagged)] == [("incomplete",), ("incomplete", "fast")]

    def test_names_of_rows_do_not_depend_on_the_filters(self) -> None:
        every = {row.name: row for row in self.rows(LONG)}
        filtered = self.rows(LONG, filters=Filters(min_logprob=-1.0))
        assert len(filtered) == 2
        assert all(every[row.name] == row for row in filtered)

    def test_rows_differ_though_a_recording_is_named_like_a_stretch_and_stretches_share_their_times(self) -> None:
        twins = transcript("a.ogg", segment(0.0, 1.0), segment(0.0, 1.0), duration=3.0)
        found = self.rows(twins, short("a_00000.000-00001.000.ogg"))
        assert len({row.name for row in found}) == 3

    def test_where_only_whole_files_count_a_recording_is_one_row_and_a_bad_one_is_dropped(self) -> None:
        one = replace(LONG, segments=LONG.segments[:1], text=LONG.segments[0].text)
        (row,) = self.rows(one, whole_files_only=True)
        assert (row.name, row.text, row.duration_s, row.whole) == ("b/長い", one.text, 25.0, True)
        assert self.rows(one, filters=Filters(max_duration_s=20), whole_files_only=True) == []

    def test_a_long_recording_makes_no_single_example(self) -> None:
        with pytest.raises(InputError, match="holds 3 segments"):
            self.rows(LONG, whole_files_only=True)
        for filters in (Filters(min_logprob=-1.0), Filters(drop_flags=("repetition",)), Filters(max_duration_s=20)):
            assert self.rows(LONG, filters=filters, whole_files_only=True) == []

    def test_clips_are_rows_of_their_own(self) -> None:
        def clips(one: Transcript, name: str) -> Iterable[Clip]:
            for n, part in enumerate(one.segments):
                yield Clip(f"{name}_{n}", part, 2.7, f"../clips/{n}.flac", f"/x/clips/{n}.flac")

        found = self.rows(LONG, filters=Filters(min_logprob=-1.0), clips=clips)
        assert [(r.name, r.audio, r.source, r.start_s, r.duration_s, r.whole, r.text) for r in found] == [
            ("b/長い_0", "../clips/0.flac", "/x/clips/0.flac", 0.0, 2.7, True, "一つ目"),
            ("b/長い_2", "../clips/2.flac", "/x/clips/2.flac", 0.0, 2.7, True, "三つ目"),
        ]

    def test_the_speaker_is_the_setting_else_what_the_corpus_says_else_the_first_folder(self) -> None:
        (folder,) = self.rows(short("さくら/1/2.ogg"))
        (said,) = self.rows(transcript("さくら/1.ogg", segment(0, 1), meta={"speaker": "悠真"}))
        (bare,) = self.rows(short("1.ogg"))
        settings = ExportSettings(title="corpus")
        assert [speaker_of(row, settings) for row in (folder, said, bare)] == ["さくら", "悠真", "corpus"]
        assert speaker_of(said, ExportSettings(speaker="先生")) == "先生"
