"""A segment's sound, wherever its recording lies: the samples that decoding the file itself gives, and nothing else."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from pyarrow import feather
from pyarrow import parquet as pq

from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Excerpt, Segment, Transcript
from anime_whisper_ct2.review.sound import places
from anime_whisper_ct2.review.sound.clip_workers import ClipWorkers
from anime_whisper_ct2.review.sound.clips import Clip, Clips, NoSound
from anime_whisper_ct2.review.sound.cutting import Stretch, cut
from anime_whisper_ct2.system import paths
from tests.support.hostile import MARKUP
from tests.support.processes import wait_until
from tests.support.remotes import Web, web_server
from tests.support.sounds import in_aac, native, stereo, tone, written
from tests.support.tables import hugging_face
from tests.support.tars import packed
from tests.support.windows_paths import windows_paths

RATE = 44_100
PATIENT_S = 120.0
NAMES = ("a/一.flac", "a/二.flac", "b/三.flac")


@pytest.fixture(scope="module")
def workers() -> Iterator[ClipWorkers]:
    """Two processes for all tests of this module."""
    two = ClipWorkers(2, PATIENT_S)
    yield two
    two.close()


@pytest.fixture
def opened(tmp_path: Path, workers: ClipWorkers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Clips]]:
    """Give `open(run)`: its clips, closed in the end."""
    monkeypatch.setattr(workers, "close", lambda: None)
    made: list[Clips] = []

    def open_(run: Path, **options: Any) -> Clips:
        options = {"workers": workers, "patience_s": PATIENT_S, "time_limit_s": PATIENT_S} | options
        made.append(Clips(RunFolder(run), tmp_path / "cache", **options))
        return made[-1]

    yield open_
    for clips in made:
        clips.close()


def sounds() -> dict[str, bytes]:
    """Three recordings of CD quality in which no second is like another, encoded."""
    found = {}
    for number, name in enumerate(NAMES):
        buffer = io.BytesIO()
        soundfile.write(buffer, stereo(1.5 + number / 2, RATE), RATE, format="FLAC")
        found[name] = buffer.getvalue()
    return found


def in_folder(folder: Path) -> Path:
    for name, data in sounds().items():
        path = folder / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / "corpus"


def in_tar(folder: Path) -> Path:
    (folder / "shard.tar").write_bytes(packed(sounds().items()))
    return folder / "shard.tar"


def in_packed_tar(folder: Path) -> Path:
    (folder / "shard.tar.gz").write_bytes(gzip.compress(packed(sounds().items())))
    return folder / "shard.tar.gz"


def in_folder_of_packed_tars(folder: Path) -> Path:
    (folder / "tars").mkdir()
    for number, each in enumerate(sounds().items()):
        (folder / "tars" / f"{number}.tgz").write_bytes(gzip.compress(packed([each])))
    return folder / "tars"


def table(names: str = "path") -> pa.Table:
    rows = [{"bytes": data, names: name} for name, data in sounds().items()]
    return pa.table({"text": list(NAMES), "audio": pa.array(rows)})


def in_parquet(folder: Path) -> Path:
    pq.write_table(table(), folder / "rows.parquet", row_group_size=2)
    return folder / "rows.parquet"


def in_feather(folder: Path) -> Path:
    feather.write_feather(table(), str(folder / "rows.feather"), compression="zstd", chunksize=1)
    return folder / "rows.feather"


def in_saved_dataset(folder: Path) -> Path:
    from datasets import DatasetDict

    rows = [{"bytes": data, "path": name} for name, data in sounds().items()]
    DatasetDict({"train": hugging_face(rows[:1]), "test": hugging_face(rows[1:])}).save_to_disk(str(folder / "saved"))
    return folder / "saved"


def in_csv(folder: Path) -> Path:
    in_folder(folder)
    (folder / "list.csv").write_text("path,text\n" + "".join(f"corpus/{name},x\n" for name in NAMES), encoding="utf-8")
    return folder / "list.csv"


def in_excerpts(folder: Path) -> Path:
    in_folder(folder)
    rows = [
        {"audio_filepath": f"corpus/{name}", "offset": 0.25 + n / 10, "duration": 1.1, "id": f"utt{n}"}
        for n, name in enumerate(NAMES)
    ]
    (folder / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder / "list.jsonl"


CORPORA = (
    *(in_folder, in_tar, in_packed_tar, in_folder_of_packed_tars, in_parquet, in_feather, in_saved_dataset, in_csv),
    in_excerpts,
)


def transcript(id_: str, audio: str, seconds: float, offset: float | None = None) -> Transcript:
    """A recording that is one segment."""
    segment = Segment(0.0, seconds, "はい", -0.2, 0.0, 1.0)
    return Transcript(id_, audio, seconds, "ja", "はい", (segment,), (), {}, offset)


def run_of(folder: Path, *inputs: str, start: Path | None = None, lists: bool = True, **about: Any) -> Path:
    """Write the run that transcribed some INPUTs; a recording lasts as long as it is in `sounds`."""
    with Journal(folder, {}) as journal:
        journal.begin({"inputs": list(inputs), "folder": str(start or Path.cwd()), "audio_column": None, **about})
        for recording in Corpus(inputs) if lists else ():
            audio = recording.audio
            if isinstance(audio, Excerpt):
                seconds, offset = audio.duration_s or 0.0, audio.offset_s
            else:
                number = next((n for n, name in enumerate(NAMES) if recording.name.endswith(Path(name).name)), 0)
                seconds, offset = 1.5 + number / 2, None
            journal.write(transcript(recording.id, recording.name, seconds, offset))
        journal.finish("finished", {})
    return folder


def samples(clip: Clip) -> tuple[Any, int]:
    return soundfile.read(io.BytesIO(clip.wav), dtype="int16", always_2d=True)


def source_of(one: Transcript) -> Any:
    """What libsndfile reads of the recording that a transcript is of."""
    name = next(name for name in NAMES if one.id.endswith((name, Path(name).name)) or one.audio.endswith(name))
    return soundfile.read(io.BytesIO(sounds()[name]), dtype="int16", always_2d=True)[0]


@pytest.mark.parametrize(
    ("corpus", "kept_bytes"),
    [
        *((corpus, 1 << 30) for corpus in CORPORA),
        *((corpus, 0) for corpus in (in_packed_tar, in_folder_of_packed_tars)),
    ],
    ids=[*(corpus.__name__ for corpus in CORPORA), "packed_tar_not_kept", "folder_of_packed_tars_not_kept"],
)
def test_a_clip_has_exactly_the_samples_of_the_file(
    tmp_path: Path, opened: Callable[..., Clips], corpus: Callable[[Path], Path], kept_bytes: int
) -> None:
    run = run_of(tmp_path / "run", str(corpus(tmp_path)))
    clips = opened(run, kept_bytes=kept_bytes)
    transcripts = list(RunFolder(run).transcripts())
    assert len(transcripts) == 3
    for one in reversed(transcripts):
        whole, at = source_of(one), round((one.offset or 0.0) * RATE)
        for start, end in ((0.0, one.duration), (0.3, 0.9), (one.duration - 0.5, one.duration)):
            clip = clips.clip(one, start, end)
            found, rate = samples(clip)
            assert rate == RATE
            first, stop = round(start * RATE), round(end * RATE)
            np.testing.assert_array_equal(found, whole[at + first : at + stop])
            assert clip.start_s == start
            assert clip.end_s == pytest.approx(end, abs=1 / RATE)
    wait_until(lambda: clips.ready, PATIENT_S, "the listing does not end")
    assert clips.problem is None


def test_a_run_is_reviewed_from_another_folder_than_it_was_started_in(
    tmp_path: Path, opened: Callable[..., Clips], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    in_folder(tmp_path / "there")
    in_tar(tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there")
    run = run_of(tmp_path / "run", "corpus", "shard.tar")
    monkeypatch.chdir(tmp_path)
    clips = opened(run)
    for one in RunFolder(run).transcripts():
        np.testing.assert_array_equal(samples(clips.clip(one, 0.5, 1.0))[0], source_of(one)[22_050:44_100])


def test_a_margin_stays_within_the_recording(tmp_path: Path, opened: Callable[..., Clips]) -> None:
    run = run_of(tmp_path / "run", str(in_excerpts(tmp_path)))
    one = RunFolder(run)["utt1"]
    clip = opened(run).clip(one, 0.25, 0.5, 0.5)
    assert (clip.start_s, clip.end_s) == (0.0, 1.0)
    clip = opened(run).clip(one, 0.25, 0.5, 5.0)
    assert (clip.start_s, clip.end_s) == (0.0, 1.1)
    first = round(0.35 * RATE)
    np.testing.assert_array_equal(samples(clip)[0], source_of(one)[first : first + round(1.1 * RATE)])


def test_a_clip_is_no_longer_than_two_minutes(tmp_path: Path, opened: Callable[..., Clips]) -> None:
    soundfile.write(tmp_path / "long.flac", tone(200.0, 8_000), 8_000)
    run = run_of(tmp_path / "run", lists=False)
    clip = opened(run).clip(transcript("long", str(tmp_path / "long.flac"), 200.0), 10.0, 190.0, 1.0)
    assert (clip.start_s, clip.end_s) == (9.0, 129.0)


def test_what_ffmpeg_reads_is_decoded_from_where_it_is_wanted(tmp_path: Path) -> None:
    path = in_aac(tmp_path / "long.m4a", 100.0)
    found, rate = samples(cut(Stretch(path, 80.0, 81.0, 100.0)))
    assert (rate, found.shape) == (RATE, (RATE, 1))
    whole = np.rint(native(path)[80 * RATE : 81 * RATE] * (1 << 15))
    # Another place to begin at, and lossy formats are a bit different.
    assert np.corrcoef(found[:, 0], whole[:, 0])[0, 1] > 0.999


@pytest.mark.parametrize(
    ("rate", "channels", "expected"),
    [(8_000, 1, (8_000, 1)), (96_000, 2, (96_000, 2)), (48_000, 6, (48_000, 1)), (2_000, 1, (16_000, 1))],
)
def test_rate_and_channels_stay_where_browsers_play_them(
    tmp_path: Path, rate: int, channels: int, expected: tuple[int, int]
) -> None:
    path = written(tmp_path / "a.wav", np.repeat(tone(1.0, rate)[:, None], channels, axis=1), rate)
    found, rate = samples(cut(Stretch(path, 0.0, 1.0, 1.0)))
    assert (rate, found.shape[1]) == expected
    assert len(found) == rate
    assert np.abs(found).max() > 3_000


def test_what_goes_beyond_full_scale_is_clipped_and_no_number_is_silence(tmp_path: Path) -> None:
    loud = np.array([2.0, -2.0, np.nan, np.inf, 0.5] * 100, np.float32)
    soundfile.write(tmp_path / "a.wav", loud, 8_000, subtype="FLOAT")
    found, _ = samples(cut(Stretch(str(tmp_path / "a.wav"), 0.0, 1.0)))
    assert found[:5, 0].tolist()[:2] == [32_767, -32_768]
    assert found[2, 0] == 0


def test_a_file_that_was_exchanged_since_is_said_to_be(tmp_path: Path, opened: Callable[..., Clips]) -> None:
    run = run_of(tmp_path / "run", str(in_folder(tmp_path)))
    one = RunFolder(run)["a/一.flac"]
    path = tmp_path / "corpus" / "a" / "一.flac"
    clips = opened(run)
    for seconds in (0.9, 1.7):
        written(path, tone(seconds), 16_000)
        with pytest.raises(
            NoSound, match=rf"lasts {seconds:.3f} s, and what was transcribed 1\.500 s: the file was ex"
        ):
            clips.clip(one, 0.0, 0.5)
    # Another one of the same length is beyond what can be known.
    written(path, tone(1.5), 16_000)
    assert clips.clip(one, 0.0, 0.5).end_s == 0.5


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.wav", b"", "the file is empty"),
        ("text.ogg", b"passwords: 1234 " * 40, "no decoder reads it: it is a text file"),
        ("folder.wav", None, "is a folder, not a file"),
    ],
)
def test_what_is_no_sound_costs_one_line_and_nothing_of_it_is_shown(
    tmp_path: Path, opened: Callable[..., Clips], name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    clips = opened(run_of(tmp_path / "run", lists=False))
    with pytest.raises(NoSound, match=message) as caught:
        clips.clip(transcript("a", str(path), 2.0), 0.0, 1.0)
    assert "1234" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_that_a_terminal_or_page_would_obey_are_one_line_of_text(
    tmp_path: Path, opened: Callable[..., Clips]
) -> None:
    clips = opened(run_of(tmp_path / "run", lists=False))
    for name in (f"{MARKUP}\n\x1b[2J", "nul\0nul", "\udce3\udc81", "a" * 5_000, ""):
        with pytest.raises(NoSound) as caught:
            clips.clip(transcript(name, name, 2.0), 0.0, 1.0)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) <= 600


@pytest.mark.parametrize("times", [(1.0, 0.5), (float("nan"), 1.0), (-1.0, 1.0), (0.0, float("inf")), (9.0, 9.5)])
def test_times_that_are_none_give_no_clip(
    tmp_path: Path, opened: Callable[..., Clips], times: tuple[float, float]
) -> None:
    run = run_of(tmp_path / "run", str(in_folder(tmp_path)))
    with pytest.raises(NoSound, match=r"there is nothing from|no sound|finds no"):
        opened(run).clip(RunFolder(run)["a/一.flac"], *times)


def test_what_the_corpus_does_not_have_any_more_is_said_to_be_gone(
    tmp_path: Path, opened: Callable[..., Clips]
) -> None:
    run = run_of(tmp_path / "run", str(in_packed_tar(tmp_path)))
    data = sounds()
    (tmp_path / "shard.tar.gz").write_bytes(gzip.compress(packed([(NAMES[2], data[NAMES[2]])])))
    clips, found = opened(run), RunFolder(run)
    assert samples(clips.clip(found[f"shard.tar.gz/{NAMES[2]}"], 0.0, 2.5))[0].shape == (2.5 * RATE, 2)
    with pytest.raises(NoSound, match="is not there, and the run's INPUTs do not list it; put it back"):
        clips.clip(found[f"shard.tar.gz/{NAMES[0]}"], 0.0, 1.0)


def test_a_corpus_that_is_gone_is_a_problem_and_a_message(tmp_path: Path, opened: Callable[..., Clips]) -> None:
    corpus = in_tar(tmp_path)
    run = run_of(tmp_path / "run", str(corpus))
    corpus.unlink()
    clips = opened(run)
    with pytest.raises(NoSound, match=r"the corpus cannot be listed: .*shard\.tar: no such file or folder"):
        clips.clip(RunFolder(run)[f"shard.tar/{NAMES[0]}"], 0.0, 1.0)
    assert clips.ready
    assert "no such file or folder" in (clips.problem or "")


def test_a_tar_that_breaks_off_gives_what_is_before(tmp_path: Path, opened: Callable[..., Clips]) -> None:
    run = run_of(tmp_path / "run", str(in_tar(tmp_path)))
    with tarfile.open(tmp_path / "shard.tar") as tar:
        last = tar.getmembers()[-1]
    whole = (tmp_path / "shard.tar").read_bytes()
    (tmp_path / "shard.tar").write_bytes(whole[: last.offset_data + 100])
    clips, found = opened(run), RunFolder(run)
    assert clips.clip(found[f"shard.tar/{NAMES[0]}"], 0.0, 1.0).end_s == 1.0
    with pytest.raises(NoSound, match="breaks off"):
        clips.clip(found[f"shard.tar/{NAMES[2]}"], 0.0, 1.0)


def test_the_latest_clips_are_held_and_not_decoded_again(
    tmp_path: Path, opened: Callable[..., Clips], workers: ClipWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[tuple[float, float]] = []
    decode = workers.cut

    def counted(stretch: Stretch, limit_s: float | None = None) -> Clip:
        decoded.append((stretch.start_s, stretch.end_s))
        return decode(stretch, limit_s)

    monkeypatch.setattr(workers, "cut", counted)
    run = run_of(tmp_path / "run", str(in_folder(tmp_path)))
    one = RunFolder(run)["b/三.flac"]
    second = RATE * 2 * 2  # bytes of 1 s
    clips = opened(run, held_bytes=3 * second)
    for start in (0.0, 0.5, 0.0, 1.0, 0.0):
        clips.clip(one, start, start + 0.75)
    assert [start for start, _ in decoded] == [0.0, 0.5, 1.0]
    # One more does not fit beside these: what has not been wanted for longest goes.
    clips.clip(one, 1.25, 2.25)
    clips.clip(one, 0.0, 0.75)
    clips.clip(one, 0.5, 1.25)
    assert [start for start, _ in decoded] == [0.0, 0.5, 1.0, 1.25, 0.5]
    assert sum(len(clip.wav) for clip in clips._held.values()) == clips._size <= 3 * second


def test_what_is_far_away_or_late_in_its_recording_may_take_longer(
    tmp_path: Path, opened: Callable[..., Clips], workers: ClipWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []

    def noted(_: Stretch, limit_s: float) -> Clip:
        limits.append(limit_s)
        return Clip(b"", 0.0, 0.0)

    monkeypatch.setattr(workers, "cut", noted)
    clips = opened(run_of(tmp_path / "run", lists=False), time_limit_s=10.0, allow_urls=True)
    clips.clip(transcript("near", "a.wav", 9_000.0), 0.0, 1.0)
    clips.clip(transcript("late", "a.wav", 9_000.0), 8_000.0, 8_001.0)
    clips.clip(transcript("far", "https://host/a.wav", 9_000.0), 0.0, 1.0)
    assert limits == [10.0, 50.0, 60.0]


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        for name, data in sounds().items():
            server.pages[f"/corpus/{Path(name).stem.encode().hex()}.flac"] = [(200, data)]
        yield server


def remote(web: Web, number: int = 0) -> Transcript:
    url = f"{web.url}/corpus/{Path(NAMES[number]).stem.encode().hex()}.flac"
    return transcript("x", url, 1.5 + number / 2)


def test_a_url_is_opened_where_the_run_lists_it_or_a_folder_above_it(
    tmp_path: Path, opened: Callable[..., Clips], web: Web
) -> None:
    one = remote(web)
    whole = soundfile.read(io.BytesIO(sounds()[NAMES[0]]), dtype="int16")[0]
    for number, given in enumerate((one.audio, f"{web.url}/corpus", f"{web.url}/corpus/")):
        clips = opened(run_of(tmp_path / f"run{number}", given, lists=False))
        np.testing.assert_array_equal(samples(clips.clip(one, 0.5, 1.0))[0], whole[22_050:44_100])


def test_a_url_that_the_run_does_not_list_is_not_even_asked_for(
    tmp_path: Path, opened: Callable[..., Clips], web: Web
) -> None:
    one, folder = remote(web), in_folder(tmp_path)
    inputs = (f"{web.url}/corp", f"{web.url}/corpus/other", str(folder))
    for number, given in enumerate(inputs):
        clips = opened(run_of(tmp_path / f"run{number}", given, lists=False))
        with pytest.raises(NoSound, match=r"not of the run's INPUTs; --allow-urls opens it|cannot be listed"):
            clips.clip(one, 0.5, 1.0)
    above = opened(run_of(tmp_path / "above", f"{web.url}/corpus/other", lists=False))
    for path in ("/corpus/other/../a.flac", "/corpus/other/%2e%2e/a.flac", "/corpus/other/x::http://127.0.0.1/a.flac"):
        with pytest.raises(NoSound):
            above.clip(replace(one, audio=web.url + path), 0.5, 1.0)
    assert not [path for _, path in web.asked if "other/" in path or path.endswith(".flac")]
    allowed = opened(run_of(tmp_path / "allowed", str(folder), lists=False), allow_urls=True)
    assert allowed.clip(one, 0.5, 1.0).end_s == 1.0


def test_a_url_that_a_list_of_the_run_names_is_opened(tmp_path: Path, opened: Callable[..., Clips], web: Web) -> None:
    # What a query tells apart is in no transcript, so only the list knows it.
    url = f"{web.url}/signed.flac?key=secret"
    web.pages["/signed.flac?key=secret"] = [(200, sounds()[NAMES[1]])]
    (tmp_path / "list.csv").write_text(f"path\n{url}\n{remote(web).audio}\n", encoding="utf-8")
    run = run_of(tmp_path / "run", str(tmp_path / "list.csv"))
    clips = opened(run)
    for one in RunFolder(run).transcripts():
        name, seconds = (NAMES[1], 2.0) if "signed" in one.audio else (NAMES[0], 1.5)
        whole = soundfile.read(io.BytesIO(sounds()[name]), dtype="int16")[0]
        found = samples(clips.clip(replace(one, duration=seconds), 0.0, 0.5))[0]
        np.testing.assert_array_equal(found, whole[:22_050])
    # Somebody may have put another one in its place.
    one = next(one for one in RunFolder(run).transcripts() if "corpus" in one.id)
    swapped = replace(one, audio=f"{web.url}/elsewhere.flac")
    with pytest.raises(NoSound):
        clips.clip(swapped, 0.6, 0.9)
    assert ("GET", "/elsewhere.flac") not in web.asked


def test_a_folder_of_another_machine_is_like_a_url_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    windows_paths(monkeypatch, places, paths)
    assert places._is_elsewhere(r"\\evil\share\a.wav")
    assert places._is_elsewhere("//evil/share/a.wav")
    assert places._is_elsewhere(r"\\?\UNC\evil\share\a.wav")
    assert not places._is_elsewhere(r"\\?\C:\corpus\a.wav")
    assert not places._is_elsewhere(r"D:\コーパス\a.wav")
    assert places._lies_below(r"\\nas\Corpus\a\b.wav", r"\\nas\Corpus")
    assert not places._lies_below(r"\\nas\Corpus\..\b.wav", r"\\nas\Corpus")
    assert not places._lies_below(r"\\nas\Corpus2\b.wav", r"\\nas\Corpus")


def test_what_is_not_listed_yet_is_waited_for_and_no_longer_than_that(
    tmp_path: Path, opened: Callable[..., Clips], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(tmp_path / "run", str(in_tar(tmp_path)))
    go_on = threading.Event()
    take = places.Listing._take

    def held(self: places.Listing, found: Any) -> None:
        assert go_on.wait(PATIENT_S)
        take(self, found)

    monkeypatch.setattr(places.Listing, "_take", held)
    clips = opened(run, patience_s=0.05)
    one = RunFolder(run)[f"shard.tar/{NAMES[0]}"]
    with pytest.raises(NoSound, match="the corpus is still being listed; try again in a while"):
        clips.clip(one, 0.0, 0.5)
    assert not clips.ready
    monkeypatch.setattr(clips, "_patience_s", PATIENT_S)
    threading.Timer(0.05, go_on.set).start()
    assert clips.clip(one, 0.0, 0.5).end_s == 0.5


def test_nothing_is_left_in_the_cache(tmp_path: Path, opened: Callable[..., Clips]) -> None:
    run = run_of(tmp_path / "run", str(in_packed_tar(tmp_path)))
    clips = opened(run)
    clips.clip(next(RunFolder(run).transcripts()), 0.0, 0.5)
    clips.close()
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(NoSound):
        clips.clip(next(RunFolder(run).transcripts()), 0.5, 1.0)
