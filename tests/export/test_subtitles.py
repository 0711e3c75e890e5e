"""Subtitles and lyrics as files, read back by readers that others wrote."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli.export import export_command
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export import Export
from anime_whisper_ct2.export.formats import ExportSettings, Named
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.export.subtitles import SHOWN_BY, SubtitleOptions
from anime_whisper_ct2.records import Segment, Transcript
from tests.support.runs import segment, short, transcript, write_run
from tests.support.subtitles import Shown, overlapping, read, too_wide

EVERY = pytest.mark.parametrize("format_", SHOWN_BY)
HOSTILE = (
    "--> a ---> b",
    "Oh\n\nno",
    "1",
    "NOTE this",
    "{\\an8}え\\N\\hえ",
    "<i>笑</i> & 「はい」",
    "00:00:01,000",
)


def named(*texts: str, step: float = 10.0, meta: dict[str, Any] | None = None) -> Named:
    """A recording with a segment of two seconds for each text."""
    segments = tuple(segment(n * step, n * step + 2.0, text) for n, text in enumerate(texts))
    return Named("a/1", transcript("a/1.ogg", *segments, duration=1e6, meta=meta or {}))


def write(format_: str, folder: Path, one: Named, **settings: Any) -> Path:
    FORMATS[format_].write(iter([one]), folder, ExportSettings(**settings))
    return folder / f"{one.name}.{format_}"


@EVERY
def test_pysubs2_reads_subtitles_back(tmp_path: Path, format_: str) -> None:
    shown = read(write(format_, tmp_path, named("えっと、…もう一回！", "今日はとても天気がいいですね。")))
    assert shown == [
        Shown(0.0, 2.0, ("えっと、…もう一回！",)),
        Shown(10.0, 12.0, ("今日はとても", "天気がいいですね")),
    ]


@EVERY
def test_what_a_text_holds_is_neither_markup_nor_another_subtitle(tmp_path: Path, format_: str) -> None:
    import pysubs2

    path = write(format_, tmp_path, named(*HOSTILE), subtitles=SubtitleOptions(max_chars=40))
    events = list(pysubs2.load(str(path), encoding="utf-8"))
    assert [event.start for event in events] == [n * 10_000 for n in range(len(HOSTILE))]
    expected = [*HOSTILE]
    expected[1] = "Oh no"
    if format_ == "srt":
        expected[0] = "-> a -> b"
    elif format_ == "ass":
        expected[4] = "｛＼an8｝え＼N＼hえ"
        assert [event.plaintext for event in events] == expected
    if format_ != "srt":  # which has no escapes, so that pysubs2 takes `<i>` and `\N` for its own
        assert [html.unescape(event.text) if format_ == "vtt" else event.text for event in events] == expected


def test_webvtt_reads_subtitles_back_with_the_marks_that_vtt_itself_uses(tmp_path: Path) -> None:
    import webvtt

    captions = list(
        webvtt.read(str(write("vtt", tmp_path, named("a", "<i>笑</i> & \"x\" 'y'", "今日はとても天気がいいですね"))))
    )
    assert [html.unescape(caption.raw_text) for caption in captions] == [
        *("a", "<i>笑</i> & \"x\" 'y'", "今日はとても\n天気がいいですね")
    ]
    assert [(caption.start, caption.end) for caption in captions][1] == ("00:00:10.000", "00:00:12.000")


@EVERY
def test_subtitles_pass_the_hour_and_never_overlap_or_end_before_they_begin(tmp_path: Path, format_: str) -> None:
    times = [(35_999.9994, 36_000.5), (36_001.0, 36_001.0), (36_002.0, 36_001.5), (36_001.75, 36_003.0)]
    segments = tuple(Segment(*each, "あ", -0.2, 0.1, 1.0) for each in times)
    shown = read(write(format_, tmp_path, Named("long", transcript("long.ogg", *segments))))
    assert not overlapping(shown)
    assert [round(one.start, 2) for one in shown] == [36_000.0, 36_001.0, 36_001.75, 36_002.0]


def test_hundredths_neither_drift_nor_overlap(tmp_path: Path) -> None:
    segments = tuple(segment(n * 0.1337, n * 0.1337 + 0.1337, "あ") for n in range(3000))
    exact, rounded = (
        read(write(format_, tmp_path, Named("x", transcript("x.ogg", *segments)))) for format_ in ("srt", "ass")
    )
    assert not overlapping(rounded)
    assert max(abs(one.start - other.start) for one, other in zip(exact, rounded, strict=True)) <= 0.0051


@EVERY
def test_a_recording_without_speech_has_subtitles_without_lines(tmp_path: Path, format_: str) -> None:
    path = write(format_, tmp_path, named())
    assert path.exists()
    assert format_ == "srt" or read(path) == []
    assert format_ != "srt" or path.read_bytes() == b""


def test_ass_has_what_players_look_for(tmp_path: Path) -> None:
    import pysubs2

    path = write("ass", tmp_path, named("はい", meta={"speaker": "さくら,\nA"}))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf[Script Info]\n")
    file = pysubs2.load(str(path), encoding="utf-8-sig")
    assert file.info["ScriptType"] == "v4.00+"
    assert (file.info["PlayResX"], file.info["PlayResY"], file.info["WrapStyle"]) == ("1920", "1080", "2")
    (style,) = file.styles.values()
    assert style.alignment == 2
    assert style.outline > 0
    (event,) = file
    assert (event.style, event.name) == ("Default", "さくら、 A")


@pytest.mark.parametrize(
    ("speaker", "meta", "name"), [("B", {"speaker": "A"}, "B"), (None, {}, ""), (None, {"speaker": 3}, "")]
)
def test_the_speaker_of_a_line_is_the_one_that_is_named(
    tmp_path: Path, speaker: str | None, meta: dict[str, Any], name: str
) -> None:
    import pysubs2

    (event,) = pysubs2.load(
        str(write("ass", tmp_path, named("はい", meta=meta), speaker=speaker)), encoding="utf-8-sig"
    )
    assert event.name == name


@pytest.mark.parametrize("chars", [4, 13, 20, 40, 100])
def test_the_longest_line_fits_the_picture(tmp_path: Path, chars: int) -> None:
    import pysubs2

    path = write("ass", tmp_path, named("あ" * chars), subtitles=SubtitleOptions(max_chars=chars))
    style = pysubs2.load(str(path), encoding="utf-8-sig").styles["Default"]
    assert 0 < style.fontsize * chars <= 1920 - style.marginl - style.marginr


def test_lrc_counts_minutes_beyond_the_hour_and_hundredths_and_breaks_nothing(tmp_path: Path) -> None:
    times = [(0.0, 1.0), (59.996, 61.0), (6_001.234, 6_002.0)]
    texts = ("今日はとても天気がいいですね。" * 3, "[00:01.00]い", "う\nう")
    segments = tuple(segment(*each, text) for each, text in zip(times, texts, strict=True))
    content = write("lrc", tmp_path, Named("a", transcript("a.ogg", *segments))).read_text("utf-8")
    assert content == f"[00:00.00]{texts[0]}\n[01:00.00] [00:01.00]い\n[100:01.23]う う\n"
    assert write("lrc", tmp_path, named()).read_bytes() == b""


class TestOptions:
    def exported(self, folder: Path, format_: str, *options: object) -> Any:
        long = Transcript(
            *("a.ogg", "a.ogg", 20.0, "ja", "", (segment(0.0, 9.0, "今日はとても天気がいいですね、" * 4),), (), {})
        )
        run = write_run(folder / "run", long, short("b.ogg"))
        return CliRunner().invoke(export_command, [str(run), format_, "-o", str(folder / "out"), *map(str, options)])

    def test_they_shape_the_lines(self, tmp_path: Path) -> None:
        assert self.exported(tmp_path, "srt", "--max-chars", 8, "--max-lines", 3).exit_code == 0
        shown = read(tmp_path / "out" / "a.srt")
        assert not too_wide(shown, 8, 3)
        assert max(len(one.lines) for one in shown) == 3

    def test_they_shape_the_times(self, tmp_path: Path) -> None:
        answer = self.exported(tmp_path, "ass", "--max-cps", 2, "--min-cue", 1.5, "--max-cue", 3)
        assert answer.exit_code == 0
        (one,) = read(tmp_path / "out" / "b.ass")
        assert one == Shown(0.0, 1.5, ("はい",))
        assert all(one.end - one.start < 3.001 for one in read(tmp_path / "out" / "a.ass"))

    @pytest.mark.parametrize("format_", ["lrc", "txt", "csv", "hf"])
    @pytest.mark.parametrize("option", ["--max-chars", "--max-lines", "--max-cps", "--min-cue", "--max-cue"])
    def test_they_are_refused_where_no_subtitle_is_shown(self, tmp_path: Path, format_: str, option: str) -> None:
        error = self.exported(tmp_path, format_, option, 5).exception
        assert isinstance(error, InputError)
        assert str(error) == f"{option} is for srt, vtt and ass; leave it out for {format_}"
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--max-chars", 3), "the longest line is 3; give 4 to 100 characters"),
            (("--max-lines", 0), "the most lines is 0; give 1 to 10"),
            (("--max-cps", 0), "the reading speed is 0.0; give more than 0"),
            (("--max-cps", "nan"), "the reading speed is nan; give more than 0"),
            (("--min-cue", 8), "a subtitle of at least 8.0 s and at most 7.0 s"),
            (("--max-cue", "nan"), "a subtitle of at least 0.8 s and at most nan s"),
            (("--min-cue", 0, "--max-cue", 0.01), "a subtitle of at most 0.01 s cannot be read"),
        ],
    )
    def test_what_no_subtitle_can_be_is_refused(self, tmp_path: Path, options: tuple[object, ...], said: str) -> None:
        error = self.exported(tmp_path, "srt", *options).exception
        assert isinstance(error, InputError)
        assert said in str(error)

    def test_python_refuses_them_too(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", short("b.ogg"))
        with pytest.raises(InputError, match="srt, vtt, ass; csv shows none"):
            Export(run, "csv", subtitles=SubtitleOptions())
