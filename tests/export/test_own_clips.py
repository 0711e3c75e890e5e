"""Data sets of voices cut their own clips: one command, and the folder holds what the list names, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli.export import export_command
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.export import ClipFolder, Export, Exported
from anime_whisper_ct2.export.clip_folders import WAITING
from anime_whisper_ct2.export.clips import ClipResult
from anime_whisper_ct2.export.clips.plan import ClipOptions
from anime_whisper_ct2.export.filters import Filters
from anime_whisper_ct2.export.formats.publish import MARKER
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.records import Transcript
from tests.support.files import contents
from tests.support.runs import LONG, segment, short, transcript, write_run
from tests.support.trainers import gpt_sovits, style_bert_vits2

FORMATS = ("esd", "gptsovits", "ljspeech")
SOUND = {"esd": "raw", "gptsovits": "wavs", "ljspeech": "wavs"}


@pytest.fixture
def make(tmp_path: Path, write_tone: Callable[..., Path]) -> Callable[..., Path]:
    """Give what makes a run over recordings with a tone in each; `settings` are those of the run."""

    def make(*transcripts: Transcript, **settings: Any) -> Path:
        corpus = str(tmp_path / "corpus")
        for one in transcripts:
            write_tone(f"corpus/{one.id}", seconds=one.duration, rate=44_100)
        run = write_run(tmp_path / "run", *(replace(one, audio=f"{corpus}/{one.id}") for one in transcripts))
        about = {"inputs": [corpus], "settings": settings}
        (run / "run.json").write_text(json.dumps(about), encoding="utf-8")
        return run

    return make


@pytest.fixture
def run(make: Callable[..., Path]) -> Path:
    """A run over a WAV, an MP3 and a long recording of three segments."""
    return make(short("a.wav"), short("b.mp3"), replace(LONG, id="c/長い.ogg"))


def export(run: Path, format_: str = "esd", **options: Any) -> Exported:
    folder = options.pop("clips", ClipFolder(workers=0))
    return Export(run, format_, run.parent / "out", clips=folder, **options).run()


def sound(out: Path, format_: str = "esd") -> set[str]:
    """Give the files of sound in an export."""
    return {path.relative_to(out / SOUND[format_]).as_posix() for path in (out / SOUND[format_]).rglob("*.*")}


def command(*args: object) -> Result:
    return CliRunner().invoke(export_command, [str(arg) for arg in args], catch_exceptions=False)


@pytest.mark.parametrize("format_", FORMATS)
def test_one_command_makes_a_folder_of_wav_clips_at_the_native_rate(run: Path, format_: str) -> None:
    out = run.parent / "out"
    answer = command(run, format_, "-o", out, "--workers", "2")
    assert answer.exit_code == 0, answer.output
    assert f"3 recordings, 5 segments, 5 clips cut: {out}\n" in answer.output
    long = "c/長い" if format_ == "esd" else "c__長い"
    times = ("00000.300-00003.200", "00003.800-00004.700", "00005.800-00020.200")
    assert sound(out, format_) == {"a.wav", "b.wav", *(f"{long}_{time}.wav" for time in times)}
    about = [soundfile.info(str(path)) for path in (out / SOUND[format_]).rglob("*.wav")]
    assert {(one.format, one.samplerate) for one in about} == {("WAV", 44_100)}
    assert sorted(os.listdir(run.parent)) == ["corpus", "out", "run"]


def test_the_two_trainers_load_what_two_commands_make(run: Path) -> None:
    esd, sovits = run.parent / "X", run.parent / "Y"
    for format_, out in (("esd", esd), ("gptsovits", sovits)):
        assert command(run, format_, "-o", out, "--speaker", "桜").exit_code == 0
    texts = ["はい", "はい", "一つ目", "二つ目", "三つ目"]
    assert [(line.speaker, line.language, line.text) for line in style_bert_vits2(esd)] == [
        ("桜", "JP", text) for text in texts
    ]
    lines = gpt_sovits(sovits / "gptsovits.list")
    assert [(line.speaker, line.language, line.text) for line in lines] == [("桜", "ja", text) for text in texts]
    assert lines == gpt_sovits(sovits / "gptsovits.list", sovits / "wavs")
    assert lines[0].file.is_absolute()


def test_a_whole_wav_takes_no_room(run: Path) -> None:
    export(run)
    assert os.path.samefile(run.parent / "out" / "raw" / "a.wav", run.parent / "corpus" / "a.wav")


def test_the_same_results_give_the_same_bytes(run: Path) -> None:
    first = contents(run.parent / "out") if export(run).rows else {}
    assert contents(run.parent / "out") == first if export(run).rows else None
    assert MARKER in first


@pytest.mark.parametrize("format_", FORMATS)
def test_a_filter_that_is_narrower_leaves_no_clips_of_before(run: Path, format_: str) -> None:
    export(run, format_)
    done = export(run, format_, filters=Filters(max_duration_s=2))
    assert (done.rows, dict(done.filtered)) == (3, {"longer than 2 s": 2})
    assert len(sound(run.parent / "out", format_)) == 3
    assert len(sound(run.parent / "out", format_)) == export(run, format_, filters=Filters(max_duration_s=2)).rows


def test_what_has_no_text_is_no_clip_in_the_export(make: Callable[..., Path]) -> None:
    run = make(short("a.wav"), short("b.wav", " | \n"))
    done = export(run)
    assert (done.rows, dict(done.filtered), sound(run.parent / "out")) == (1, {"without text": 1}, {"a.wav"})


def test_a_call_that_is_stopped_is_gone_on_with_and_leaves_nothing_in_the_end(run: Path) -> None:
    def stop(result: ClipResult) -> None:
        if result.id == "b.mp3":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(run, on_clips=stop)
    assert not (run.parent / "out").exists()
    assert {path.name for path in (run.parent / f"out{WAITING}").glob("*.wav")} == {"a.wav", "b.wav"}
    done = export(run)
    assert (done.clips_resumed, done.clips_written) == (2, 3)
    assert len(style_bert_vits2(run.parent / "out")) == 5
    assert sorted(os.listdir(run.parent)) == ["corpus", "out", "run"]


def test_what_a_stopped_call_cut_for_a_wider_filter_does_not_get_in(run: Path) -> None:
    def stop(result: ClipResult) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(run, on_clips=stop)
    export(run, filters=Filters(min_duration_s=2))
    assert len(style_bert_vits2(run.parent / "out")) == 2


def test_a_folder_with_other_things_is_refused_before_anything_is_cut(run: Path) -> None:
    (run.parent / "out").mkdir()
    (run.parent / "out" / "config.json").touch()
    with pytest.raises(InputError, match="not empty, and no earlier export"):
        export(run, on_clips=lambda _: pytest.fail("was cut"))
    (run.parent / "out" / "config.json").unlink()
    export(run)
    (run.parent / "out" / "config.json").touch()
    with pytest.raises(InputError, match="now holds others"):
        export(run, on_clips=lambda _: pytest.fail("was cut"))
    assert sorted(os.listdir(run.parent)) == ["corpus", "out", "run"]


def test_what_is_put_there_meanwhile_costs_no_clip(run: Path) -> None:
    def put(_: ClipResult) -> None:
        (run.parent / "out").mkdir(exist_ok=True)
        (run.parent / "out" / "mine").touch()

    with pytest.raises(InputError, match="not empty, and no earlier export"):
        export(run, on_clips=put)
    (run.parent / "out" / "mine").unlink()
    assert export(run).clips_resumed == 5


def test_when_no_clip_can_be_cut_the_earlier_export_stays(run: Path) -> None:
    export(run)
    before = contents(run.parent / "out")
    for path in (run.parent / "corpus").rglob("*.*"):
        path.unlink()
        path.write_bytes(b"no audio")
    with pytest.raises(InputError, match=r"no clip could be cut; .*: .*; export where the recordings are"):
        export(run)
    assert contents(run.parent / "out") == before
    assert sorted(os.listdir(run.parent)) == ["corpus", "out", "run"]


def test_what_cannot_be_cut_is_missing_in_list_and_folder(run: Path) -> None:
    (run.parent / "corpus" / "b.mp3").write_bytes(b"no audio")
    answer = command(run, "esd", "-o", run.parent / "out")
    assert answer.exit_code == 3
    assert "b.mp3: 1 clip not cut" in answer.output
    assert len(style_bert_vits2(run.parent / "out")) == 4


def test_two_calls_for_one_place_do_not_work_at_a_time(run: Path) -> None:
    waiting = run.parent / f"out{WAITING}"
    with pytest.raises(KeyboardInterrupt):
        export(run, on_clips=lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    lock = FolderLock(waiting)
    lock.acquire()
    try:
        with pytest.raises(OutputError, match="is writing there"):
            export(run)
    finally:
        lock.release()
    assert export(run).rows == 5


def test_a_language_without_a_code_is_refused_before_anything_is_cut(make: Callable[..., Path]) -> None:
    run = make(replace(short("a.wav"), language="fr"))
    with pytest.raises(InputError, match="its language is 'fr'"):
        export(run, on_clips=lambda _: pytest.fail("was cut"))


def test_clips_can_lie_elsewhere_all_the_same(run: Path) -> None:
    for folder, cut in (("out/raw", 5), ("elsewhere", 5), ("elsewhere", 0)):
        where = ClipFolder(run.parent / folder, workers=0)
        out = run.parent / folder.partition("/")[0]
        done = Export(run, "esd", out if out.name == "out" else run.parent / "other", clips=where).run()
        assert done.clips_written == cut
        assert {path.suffix for path in where.path.rglob("*.*") if path.name[0] != "."} == {".wav"}  # type: ignore[union-attr] # given above
    assert len(style_bert_vits2(run.parent / "other")) == 5


@pytest.mark.parametrize("kind", ["flac", "ogg"])
def test_other_kinds_than_wav_are_refused(run: Path, kind: str) -> None:
    with pytest.raises(InputError, match=f"--clip-format {kind}: gptsovits takes WAV alone"):
        command(run, "gptsovits", "--clip-format", kind)
    with pytest.raises(InputError, match="esd takes WAV alone"):
        export(run, clips=ClipFolder(options=ClipOptions("flac")))


def test_a_format_that_cuts_nothing_itself_needs_a_folder_for_clips(run: Path) -> None:
    with pytest.raises(InputError, match="hf cuts no clips of its own"):
        export(run, "hf")


SPOKEN = transcript("a.wav", segment(1.0, 3.0), segment(6.0, 8.0), duration=10.0)


@pytest.mark.parametrize(
    ("settings", "margin", "times"),
    [
        ({}, 0.2, "00000.800-00003.200"),
        ({"speech_pad_s": 0.2}, 0.2, "00001.000-00003.000"),
        ({"speech_pad_s": 0.2}, 0.5, "00000.700-00003.300"),
        ({"speech_pad_s": 1}, 0.2, "00001.000-00003.000"),
        ({"speech_pad_s": "wide"}, 0.2, "00000.800-00003.200"),
    ],
)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_margin_counts_from_the_speech_and_not_from_what_the_run_kept_around_it(
    make: Callable[..., Path], settings: dict[str, Any], margin: float, times: str, elsewhere: bool
) -> None:
    run = make(SPOKEN, segment="auto", **settings)
    folder = run.parent / "clips" if elsewhere else None
    export(run, clips=ClipFolder(folder, ClipOptions("wav", margin), workers=0))
    assert f"a_{times}.wav" in sound(run.parent / "out")


@pytest.mark.parametrize(("pad", "margin"), [(0.2, 0), (0.2, 0.1), (0.5, 0.2)])
@pytest.mark.parametrize("format_", ["esd", "hf"])
def test_a_margin_below_what_the_run_kept_is_refused_and_the_default_never(
    make: Callable[..., Path], pad: float, margin: float, format_: str
) -> None:
    run = make(SPOKEN, segment="auto", speech_pad_s=pad)
    given = [run, format_, "-o", run.parent / "out", "--clips", run.parent / "clips"]
    with pytest.raises(InputError, match=rf"--margin {margin} is less than .* --speech-pad {pad}; give at least {pad}"):
        command(*given, "--margin", margin)
    assert command(*given).exit_code == 0
    assert command(*given, "--margin", pad).exit_code == 0


@pytest.mark.parametrize("name", ["out.partial-123", "out.partial-{pid}"])
def test_a_folder_beside_the_export_is_left_alone_whatever_it_is_called(run: Path, name: str) -> None:
    beside = run.parent / name.format(pid=os.getpid())
    beside.mkdir()
    (beside / "mine").touch()
    assert export(run).rows == 5
    assert os.listdir(beside) == ["mine"]
    assert sorted(os.listdir(run.parent)) == ["corpus", "out", beside.name, "run"]


def test_a_table_can_lie_among_its_clips(run: Path) -> None:
    for cut in (5, 0):
        where = ClipFolder(run.parent / "deep" / "new", workers=0)
        done = Export(run, "nemo", run.parent / "deep/new/manifest.jsonl", clips=where).run()
        assert (done.rows, done.clips_written) == (5, cut)


@pytest.mark.parametrize(
    ("format_", "clips", "said"),
    [
        ("gptsovits", "out/wavs", "wavs is where gptsovits puts its own files"),
        ("hf", "out/test", "`datasets` would take that for a split"),
        ("hf", "out/clips/dev", "`datasets` would take that for a split"),
    ],
)
def test_clips_that_the_export_can_not_hold_there_are_refused_before_they_are_cut(
    run: Path, format_: str, clips: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        export(run, format_, clips=ClipFolder(run.parent / clips), on_clips=lambda _: pytest.fail("was cut"))
    assert sorted(os.listdir(run.parent)) == ["corpus", "run"]


def test_filters_that_leave_nothing_make_an_empty_list_and_say_so(run: Path) -> None:
    answer = command(run, "esd", "-o", run.parent / "out", "--min-duration", "60")
    assert answer.exit_code == 0
    assert answer.output.splitlines()[-1] == "Warning: nothing is left: 5 shorter than 60 s"
    assert (run.parent / "out" / "esd.list").read_bytes() == b""
