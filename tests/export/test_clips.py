"""Segments become files of their own: exactly those samples, whole or not at all, and no work twice."""

from __future__ import annotations

import builtins
import errno
import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from anime_whisper_ct2.audio import load
from anime_whisper_ct2.cli.clip_options import clip_options, read_clip_options
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.export import ClipFolder
from anime_whisper_ct2.export.clips import ClipJob, ClipResult, cut_clips, cut_rows, jobs
from anime_whisper_ct2.export.clips.plan import ClipOptions, PlannedClip, plan
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.records import (
    ArrayAudio,
    Audio,
    Excerpt,
    Recording,
    Section,
    Unreadable,
)
from anime_whisper_ct2.system import refusals
from tests.support.clips import TIMES, cut, job, transcript
from tests.support.files import contents
from tests.support.held import Holders
from tests.support.places import ROOT
from tests.support.processes import KILLED
from tests.support.sounds import in_aac, stereo, tone
from tests.support.windows import ON_WINDOWS


@pytest.fixture
def recording(tmp_path: Path) -> str:
    """Five seconds of CD quality."""
    soundfile.write(tmp_path / "source.wav", stereo(5.0, 44_100), 44_100, subtype="PCM_16")
    return str(tmp_path / "source.wav")


@pytest.mark.parametrize("kind", ["flac", "wav"])
def test_clips_hold_exactly_their_samples_at_the_native_rate_with_all_channels(
    tmp_path: Path, recording: str, kind: str
) -> None:
    (result,) = cut([job(recording)], tmp_path / "clips", ClipOptions(kind))  # type: ignore[arg-type] # a parameter
    assert result == ClipResult("a", "a", written=3)
    source, _ = soundfile.read(recording, dtype="int16")
    expected = {
        "a_00000.300-00001.375": (13_230, 60_638),  # 1.375 s are 60,637.5 samples
        "a_00001.375-00003.200": (60_638, 141_120),
        "a_00003.800-00004.900": (167_580, 216_090),
    }
    assert sorted(contents(tmp_path / "clips")) == [f"{name}.{kind}" for name in expected]
    for name, (start, stop) in expected.items():
        samples, rate = soundfile.read(tmp_path / "clips" / f"{name}.{kind}", dtype="int16")
        assert rate == 44_100
        np.testing.assert_array_equal(samples, source[start:stop])


def test_24_bits_stay_24_bits(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", stereo(5.0, 96_000), 96_000, subtype="PCM_24")
    cut([job(str(tmp_path / "a.flac"))], tmp_path / "clips")
    clip = tmp_path / "clips" / "a_00003.800-00004.900.flac"
    assert soundfile.info(clip).subtype == "PCM_24"
    source, _ = soundfile.read(tmp_path / "a.flac", dtype="int32")
    np.testing.assert_array_equal(soundfile.read(clip, dtype="int32")[0], source[364_800:470_400])


def test_an_m4a_is_cut_into_ogg(tmp_path: Path) -> None:
    path = in_aac(tmp_path / "a.m4a", 5.0)
    cut([job(path)], tmp_path / "clips", ClipOptions("ogg"))
    about = soundfile.info(tmp_path / "clips" / "a_00003.800-00004.900.ogg")
    assert (about.samplerate, about.channels, about.subtype) == (44_100, 1, "VORBIS")
    assert about.frames == round(1.1 * 44_100)
    ours, theirs = load(str(tmp_path / "clips" / "a_00003.800-00004.900.ogg")), load(path, 3.8, 1.1)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99


def test_tar_members_bytes_arrays_and_excerpts_are_cut_like_the_file(tmp_path: Path, recording: str) -> None:
    data = Path(recording).read_bytes()
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        for name in ("other.wav", "key.wav"):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    with tarfile.open(tmp_path / "shard.tar") as tar:
        member = tar.getmember("key.wav")
        section = Section(str(tmp_path / "shard.tar"), member.offset_data, member.size)
    samples, rate = soundfile.read(recording, dtype="int16")
    ahead = np.concatenate([samples[:22_050], samples, samples])
    soundfile.write(tmp_path / "longer.flac", ahead, rate)
    sources: dict[str, Audio] = {
        "path": recording,
        "section": section,
        "bytes": data,
        "array": ArrayAudio(samples, rate),
        "excerpt": Excerpt(str(tmp_path / "longer.flac"), 0.5, 5.0),
        "section's excerpt": Excerpt(section, 0.0, 5.0),
    }
    for name, audio in sources.items():
        assert cut([job(audio)], tmp_path / name)[0].written == 3
        assert contents(tmp_path / name) == contents(tmp_path / "path"), name


def test_an_excerpts_last_clip_ends_with_it(tmp_path: Path, recording: str) -> None:
    cut([job(Excerpt(recording, 1.0, 2.0), 2.0, ((1.0, 2.0),))], tmp_path / "clips")
    samples, _ = soundfile.read(tmp_path / "clips" / "a_00000.800-00002.000.flac", dtype="int16")
    np.testing.assert_array_equal(samples, soundfile.read(recording, dtype="int16")[0][79_380:132_300])


def test_a_recording_that_is_one_segment_is_taken_whole(tmp_path: Path) -> None:
    samples = stereo(1.23456, 44_100)
    for name, subtype in (("a.flac", "PCM_16"), ("b.wav", "PCM_16"), ("c.ogg", "VORBIS")):
        soundfile.write(tmp_path / name, samples, 44_100, subtype=subtype)
    work = [job(str(tmp_path / name), 1.235, ((0.0, 1.235),), name[0]) for name in ("a.flac", "b.wav", "c.ogg")]
    cut(work, tmp_path / "flac")
    assert sorted(contents(tmp_path / "flac")) == ["a.flac", "b.flac", "c.flac"]
    assert (tmp_path / "flac" / "a.flac").read_bytes() == (tmp_path / "a.flac").read_bytes()
    assert soundfile.info(tmp_path / "flac" / "b.flac").frames == len(samples)
    # Vorbis is not decoded and encoded again.
    cut(work, tmp_path / "ogg", ClipOptions("ogg"))
    assert (tmp_path / "ogg" / "c.ogg").read_bytes() == (tmp_path / "c.ogg").read_bytes()


def test_segments_that_overlap_are_cut_in_one_pass_too(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(200.0, 8_000), 8_000, subtype="PCM_16")
    source, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    spans = ((10.0, 130.0), (20.0, 30.0), (25.0, 70.0), (119.0, 121.0), (190.0, 199.0))
    clips = tuple(PlannedClip(f"{start:.0f}", n, start, end) for n, (start, end) in enumerate(spans))
    cut([ClipJob(Recording("a", "a", str(tmp_path / "a.wav")), 200.0, clips)], tmp_path / "clips")
    for start, end in spans:
        samples, _ = soundfile.read(tmp_path / "clips" / f"{start:.0f}.flac", dtype="int16")
        np.testing.assert_array_equal(samples, source[round(start * 8_000) : round(end * 8_000)])


def test_what_is_there_is_not_cut_again_and_what_is_left_gives_the_same_bytes(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", stereo(5.0, 44_100), 44_100)
    work = [job(str(tmp_path / "a.mp3"))]
    cut(work, tmp_path / "clips")
    before = contents(tmp_path / "clips")
    (tmp_path / "clips" / "a_00001.375-00003.200.flac").unlink()
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "clips").iterdir()}
    (result,) = cut(work, tmp_path / "clips")
    assert (result.written, result.resumed, result.missing) == (1, 2, ())
    assert contents(tmp_path / "clips") == before
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    (tmp_path / "a.mp3").unlink()  # which nobody needs to open any more
    assert cut(work, tmp_path / "clips", workers=1) == [ClipResult("a", "a", resumed=3)]


@pytest.mark.parametrize("kind", ["flac", "wav", "ogg"])
def test_two_runs_give_the_same_bytes_with_workers_and_without(tmp_path: Path, recording: str, kind: str) -> None:
    options = ClipOptions(kind)  # type: ignore[arg-type] # a parameter
    work = [job(recording, name=name) for name in ("x/a", "x/b", "y/a")]
    assert len(cut(work, tmp_path / "one", options)) == 3
    assert len(cut(work, tmp_path / "two", options, workers=2)) == 3
    assert len(contents(tmp_path / "one")) == 9
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_bad_recording_costs_its_own_clips_only(tmp_path: Path, recording: str) -> None:
    torn = tmp_path / "torn.flac"
    soundfile.write(torn, tone(130.0, 8_000), 8_000)
    torn.write_bytes(torn.read_bytes()[:-400_000])
    work = [
        job(str(tmp_path / "absent.wav"), name="absent"),
        job(b"This is text. " * 100, name="text"),
        job(Unreadable("TarError", "the member is cut off"), name="unreadable"),
        job(str(torn), 130.0, ((3.0, 4.0), (50.0, 70.0), (110.0, 120.0)), name="torn"),
        job(recording, 60.0, (*TIMES, (50.0, 51.0)), name="short"),
        job(recording, name="good"),
    ]
    results = {result.id: result for result in cut(work, tmp_path / "clips", workers=2)}
    assert results.keys() == {each.recording.id for each in work}
    assert results["good"] == ClipResult("good", "good", written=3)
    assert (results["absent"].written, len(results["absent"].missing)) == (0, 3)
    assert "No such file" in results["absent"].message
    assert results["text"].error == "DecodeError"
    assert (results["unreadable"].error, results["unreadable"].message) == ("TarError", "the member is cut off")
    assert results["torn"].written == 2
    assert results["torn"].missing == ("torn_00109.800-00120.200",)
    assert "ends before the clip at 109.800 s" in results["torn"].message
    assert (results["short"].written, len(results["short"].missing)) == (0, 4)
    assert "lasts 5.000 s, and what was transcribed 60.000 s: the file was exchanged" in results["short"].message
    assert len(contents(tmp_path / "clips")) == 5


def test_a_worker_that_dies_is_replaced_and_costs_only_what_kills_it_twice(tmp_path: Path, recording: str) -> None:
    (tmp_path / "once").touch()
    once, twice = Poison(recording), Poison(recording)
    once.mark = str(tmp_path / "once")
    work = [
        job(recording, name="good"),
        job(once, name="once"),
        job(twice, name="twice"),
        job(recording, name="also good"),
    ]
    results = {result.id: result for result in cut(work, tmp_path / "clips", workers=1)}
    assert [name for name, result in results.items() if result.error] == ["twice"]
    assert results["twice"].error == "WorkerDied"
    assert KILLED in results["twice"].message
    assert results["once"].written == 3
    assert len(contents(tmp_path / "clips")) == 9


class Poison(str):
    """A path that kills who unpickles it: while the file `mark` is there, which it removes; without one, always."""

    mark = ""

    def __reduce__(self) -> tuple[object, ...]:
        # Only names that a worker can import.
        die = "__import__('os').kill(__import__('os').getpid(), 9)"
        there = f"__import__('os').path.exists({self.mark!r}) and not __import__('os').unlink({self.mark!r})"
        return eval, (f"({die} if {there if self.mark else True} else None) or {str(self)!r}",)


def test_a_folder_that_cannot_be_written_stops_all(tmp_path: Path, recording: str) -> None:
    (tmp_path / "clips").write_text("a file", encoding="utf-8")
    with pytest.raises(OutputError, match="clips"):
        cut([job(recording)], tmp_path / "clips")
    if not ON_WINDOWS and os.geteuid() != 0:  # where a folder has no mode
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(OutputError, match="Permission denied"):
            cut([job(recording)], tmp_path / "locked", workers=1)


def test_a_scanner_that_looks_at_a_clip_is_waited_for_and_one_that_never_ends_is_named(
    tmp_path: Path, recording: str, holders: Holders
) -> None:
    name = job(recording).clips[0].name
    holders.hold(tmp_path / "clips" / f"{name}.flac.awct2-part", tries=3)
    (result,) = cut([job(recording)], tmp_path / "clips")
    assert result.missing == ()
    assert not list((tmp_path / "clips").glob("*.awct2-part"))
    holders.hold(tmp_path / "others" / f"{name}.flac.awct2-part")
    with pytest.raises(OutputError, match=r"\.flac cannot be written: .*a virus scanner"):
        cut([job(recording)], tmp_path / "others")


def test_a_clip_whose_path_is_too_long_costs_its_recordings_clips_only(
    tmp_path: Path, recording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As Windows says it: of a file that it opens, it knows no folder.
    monkeypatch.setattr(refusals, "_ON_WINDOWS", True)
    deep = tmp_path / ("x" * 120) / ("y" * 120)
    opened, long = open, job(recording)
    long = replace(long, clips=tuple(replace(clip, name=f"{'z' * 60}{clip.name}") for clip in long.clips))

    def refused(path: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
        if "w" in mode and len(str(path)) > 259 and "zzz" in str(path):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return opened(path, mode, *args, **more)

    monkeypatch.setattr(builtins, "open", refused)
    (result,) = cut([long], deep)
    assert result.written == 0
    assert "LongPathsEnabled" in result.message


@pytest.mark.posix("a device that is always full")
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is Linux's")
@pytest.mark.parametrize("workers", [0, 1])
def test_a_full_disk_stops_all(tmp_path: Path, recording: str, workers: int) -> None:
    def full(jobs: list[ClipJob]) -> Iterator[ClipJob]:
        for each in jobs:  # after the folder was cleaned
            os.symlink("/dev/full", tmp_path / f"{each.clips[0].name}.flac.awct2-part")
            yield each

    with pytest.raises(OutputError, match="No space left on device"):
        list(cut_clips(full([job(recording)]), tmp_path, workers=workers))
    assert not list(tmp_path.glob("*.flac*"))


def test_a_call_that_is_killed_leaves_whole_clips_only_and_the_next_one_finishes(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", stereo(150.0, 44_100), 44_100, subtype="PCM_16")
    spans = tuple((float(start), start + 9.0) for start in range(0, 150, 10))
    ogg, source, clips = ClipOptions("ogg"), str(tmp_path / "a.wav"), tmp_path / "clips"
    code = (
        "from pathlib import Path; from tests.support.clips import ClipOptions, cut, job;"
        f"cut([job({source!r}, 150.0, {spans!r})], Path({str(clips)!r}), ClipOptions('ogg'))"
    )
    child = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": "convert"})
    until = time.monotonic() + 200
    while len(list(clips.glob("*.ogg"))) < 3 and time.monotonic() < until:
        time.sleep(0.005)
    child.kill()
    child.wait()
    there = list(clips.glob("*.ogg"))
    assert 3 <= len(there) < 15
    for path in there:
        assert 9.19 <= soundfile.info(path).duration <= 9.41
    (clips / "x.ogg.awct2-part").touch()
    (result,) = cut([job(source, 150.0, spans)], clips, ogg)
    assert (result.written + result.resumed, result.resumed) == (15, len(there))
    assert sorted(path.suffix for path in clips.iterdir()) == [".ogg"] * 15


def test_no_more_work_is_taken_than_is_soon_done_and_breaking_off_ends_the_workers(
    tmp_path: Path, recording: str
) -> None:
    taken = 0

    def endless() -> Iterator[ClipJob]:
        nonlocal taken
        while True:
            taken += 1
            yield job(recording, name=f"{taken}")

    results = cut_clips(endless(), tmp_path / "clips", workers=1)
    for _ in range(3):
        next(results)
    results.close()  # type: ignore[attr-defined] # a generator
    assert taken <= 8
    assert not list((tmp_path / "clips").glob("*.awct2-part"))


def test_jobs_join_a_run_with_its_corpus_and_fall_back_on_the_path(tmp_path: Path) -> None:
    found = {
        each.id: each
        for each in (
            transcript("a", "corpus/a", 5.0, (1.0, 2.0)),
            transcript("b", "corpus/b", 5.0, (1.0, 2.0)),
            transcript("c", "corpus/c", 5.0, (1.0, 2.0), offset=7.5),
            transcript("silent", "corpus/silent", 5.0),
        )
    }
    listed = [Recording("b", "corpus/b", b"bytes"), Recording("new", "corpus/new", "corpus/new")]
    made = list(jobs(found, listed, lambda each: plan(each, each.id)))
    assert [(each.recording.id, each.recording.audio) for each in made] == [
        ("b", b"bytes"),
        ("a", "corpus/a"),
        ("c", Excerpt("corpus/c", 7.5, 5.0)),
    ]
    assert [clip.name for each in made for clip in each.clips] == [f"{name}_00000.800-00002.200" for name in "bac"]
    assert {each.duration_s for each in made} == {5.0}


def test_jobs_compare_paths_as_the_system_does(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [Recording("a", "CORPUS/a.ogg", b"bytes")]
    found = {"a": transcript("a", "corpus/A.ogg", 5.0, (1.0, 2.0))}
    monkeypatch.setattr(sys.modules[jobs.__module__], "alike", str.lower)
    (made,) = jobs(found, listed, lambda each: plan(each, each.id))
    assert made.recording.audio == b"bytes"


def test_rows_are_given_for_the_clips_that_are_there(tmp_path: Path, recording: str) -> None:
    cut([job(recording)], tmp_path / "clips")
    given = transcript("a", "", 60.0, *TIMES, (50.0, 51.0))
    rows = list(cut_rows(tmp_path / "clips", plan)(given, "a"))
    assert [row.segment for row in rows] == list(given.segments[:3])
    assert [row.duration_s for row in rows] == [1.075, 1.825, 1.1]
    for row in rows:
        assert soundfile.info(row.path).duration == pytest.approx(row.duration_s, abs=1e-4)


def test_the_command_line_gives_clip_options_and_refuses_them_without_a_folder() -> None:
    @click.command()
    @clip_options
    def command(**given: object) -> None:
        click.echo(repr(read_clip_options(FORMATS["hf"], given)))

    run = CliRunner().invoke
    assert run(command, ["--clips", "x"]).output == f"{ClipFolder(Path('x'), ClipOptions())!r}\n"
    given = run(command, ["--clips", "x", "--clip-format", "wav", "--margin", "0", "--workers", "1"]).output
    assert given == f"{ClipFolder(Path('x'), ClipOptions('wav', 0.0), 1, margin_asked=True)!r}\n"
    assert run(command, []).output == "None\n"
    for option in (["--margin", "0.1"], ["--clip-format", "ogg"], ["--workers", "2"]):
        assert isinstance(run(command, option).exception, InputError)
