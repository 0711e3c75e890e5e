"""Subtitles as FFmpeg reads them, and as libass draws them on a picture of 16:9."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from anime_whisper_ct2.export.formats import ExportSettings, Named
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.export.subtitles import SHOWN_BY, SubtitleOptions
from tests.support.runs import segment, transcript
from tests.support.subtitles import read

pytestmark = pytest.mark.ffmpeg

WIDTH, HEIGHT = 960, 540
TEXTS = ("えっと、…もう一回！", "今日はとても天気がいいですね。", "うん")


def written(folder: Path, format_: str, *texts: str, options: SubtitleOptions | None = None) -> Path:
    segments = tuple(segment(n * 5.0 + 1.0, n * 5.0 + 4.0, text) for n, text in enumerate(texts))
    one = Named("a", transcript("a.ogg", *segments, duration=1e3))
    FORMATS[format_].write(iter([one]), folder, ExportSettings(subtitles=options))
    return folder / f"a.{format_}"


def drawn(path: Path, at_s: float) -> npt.NDArray[np.bool_]:
    """Give where libass draws on a black picture, as shape (height, width)."""
    # Times count in the subtitles, and so from the beginning: `-ss` behind the input.
    command = [
        *("ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"color=black:s=1920x1080:r=10:d={at_s + 1}"),
        *("-vf", f"ass={path.name},scale={WIDTH}:{HEIGHT}", "-ss", str(at_s), "-frames:v", "1"),
        *("-f", "rawvideo", "-pix_fmt", "gray", "-"),
    ]
    picture = subprocess.run(command, capture_output=True, check=True, cwd=path.parent).stdout
    return np.frombuffer(picture, np.uint8).reshape(HEIGHT, WIDTH) > 64


@pytest.mark.parametrize("format_", SHOWN_BY)
def test_ffmpeg_reads_the_texts_and_times(tmp_path: Path, format_: str) -> None:
    path = written(tmp_path, format_, *TEXTS)
    subprocess.run(["ffmpeg", "-v", "error", "-i", path, tmp_path / "again.srt"], check=True)
    assert read(tmp_path / "again.srt") == read(path)


def test_libass_draws_each_line_below_in_the_middle_and_only_when_it_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, "ass", *TEXTS)
    assert not drawn(path, 0.5).any()
    assert not drawn(path, 4.9).any()
    rows = []
    for at_s in (2.0, 7.0):
        picture = drawn(path, at_s)
        (lit,) = np.nonzero(picture.any(axis=1))
        (columns,) = np.nonzero(picture.any(axis=0))
        assert lit[0] > 0.7 * HEIGHT
        assert lit[-1] < 0.97 * HEIGHT
        assert abs((columns[0] + columns[-1]) / 2 - WIDTH / 2) < 0.03 * WIDTH
        rows.append(lit[-1] - lit[0])
    assert rows[1] > 1.6 * rows[0]  # two lines and one


@pytest.mark.parametrize("chars", [13, 30])
def test_full_lines_fit_the_picture(tmp_path: Path, chars: int) -> None:
    path = written(tmp_path, "ass", "国" * 2 * chars, options=SubtitleOptions(max_chars=chars))
    (columns,) = np.nonzero(drawn(path, 2.0).any(axis=0))
    assert 0.03 * WIDTH < columns[0] < columns[-1] < 0.97 * WIDTH


def test_what_would_be_a_command_is_drawn_as_it_reads(tmp_path: Path) -> None:
    plain, hostile = (drawn(written(tmp_path, "ass", text), 2.0) for text in ("えええ", "え{\\an8}え"))
    assert np.nonzero(hostile)[0].min() > 0.7 * HEIGHT
    assert hostile.sum() > plain.sum()
