"""A step of a Ray Data pipeline: the same rows with what became of each, alone and within Ray itself."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import soundfile
from pyarrow import parquet

from anime_whisper_ct2 import FakeEngine, Transcriber, Transcript
from anime_whisper_ct2.audio import Findings
from anime_whisper_ct2.errors import EngineError, InputError
from anime_whisper_ct2.executors import frontend
from anime_whisper_ct2.ray import TranscribeBatch
from anime_whisper_ct2.records import Float32
from tests.support.data_pipeline import NEW
from tests.support.places import CORPUS, ROOT
from tests.support.processes import is_there, running, wait_until
from tests.support.sounds import tone


@pytest.fixture
def transcribe() -> Iterator[TranscribeBatch]:
    made = TranscribeBatch(FakeEngine(), workers=0)
    yield made
    made.close()


def encoded(seconds: float, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(seconds, rate), rate, format="WAV")
    return file.getvalue()


def texts(table: pa.Table) -> list[str | None]:
    return table["text"].to_pylist()


def test_the_same_rows_come_back_with_what_became_of_each(transcribe: TranscribeBatch) -> None:
    audio = [encoded(1.0), b"no audio", encoded(0.5), None]
    given = pa.table({"speaker": ["a", "b", "c", "d"], "audio": audio, "n": pa.array([1, None, 3, 4], pa.int8())})
    table = transcribe(given)
    assert table.column_names == ["speaker", "audio", "n", *NEW]
    assert table.select(given.column_names) == given
    assert texts(table) == ["1.00秒", None, "0.50秒", None]
    assert table["duration"].to_pylist() == [1.0, None, 0.5, None]
    assert table["flags"].to_pylist() == [["noisy"], [], [], []]
    assert table["missing_s"].to_pylist() == [None] * 4
    errors = table["error"].to_pylist()
    assert errors[0] is errors[2] is None
    assert errors[1].startswith("DecodeError: no decoder reads it")
    assert errors[3] == "TableError: the row holds no audio"
    (segment,) = table["segments"][0].as_py()
    assert segment.pop("compression_ratio") > 0
    assert segment.pop("flags") == ["noisy"]
    expected = {"start": 0.0, "end": 1.0, "text": "1.00秒", "avg_logprob": -0.1, "no_speech_prob": 0.0}
    assert segment == expected
    assert table["segments"][1].as_py() == []


def test_a_row_of_which_sound_is_missing_says_so(transcribe: TranscribeBatch, monkeypatch: pytest.MonkeyPatch) -> None:
    def hear(_source: object, _start: float, _duration: object, _options: object, found: Findings) -> Iterator[Float32]:
        yield tone(0.5)
        found.missing_s, found.incomplete = 0.25, True

    monkeypatch.setattr(frontend, "blocks_of", hear)
    table = transcribe(pa.table({"audio": [encoded(1.0)]}))
    assert (table["flags"].to_pylist(), table["missing_s"].to_pylist()) == ([["incomplete"]], [0.25])


def test_every_shape_of_audio_that_a_column_can_have(
    transcribe: TranscribeBatch, write_tone: Callable[..., Path]
) -> None:
    path = str(write_tone("a.wav", 1.0))
    one, int16 = tone(1.0), (tone(1.0) * 32_767).astype(np.int16)
    stereo = np.stack([one, one], axis=1)
    columns: list[Any] = [
        pa.array([path], pa.large_string()),
        pa.array([path]).dictionary_encode(),
        pa.array([encoded(1.0)], pa.large_binary()),
        pa.array([one]),
        pa.array([int16], pa.large_list(pa.int16())),
        pa.array([one], pa.list_(pa.float32(), len(one))),
        pa.array([stereo.tolist()], pa.list_(pa.list_(pa.float32()))),
        pa.FixedShapeTensorArray.from_numpy_ndarray(np.array([stereo], order="C")),
        pa.array([{"bytes": encoded(1.0), "path": None}]),
        pa.array([{"bytes": None, "path": path}]),
        pa.array([{"array": tone(1.0, 8_000), "sampling_rate": 8_000}]),
        np.array([path]),
        np.array([{"bytes": encoded(1.0), "path": "a.wav"}]),
        one[None],
        pd.Series([path]),
        pd.Series([int16]),
        pd.Series([encoded(1.0)]),
    ]
    for column in columns:
        if isinstance(column, np.ndarray):
            batch: Any = {"audio": column}
        elif isinstance(column, pd.Series):
            batch = pd.DataFrame({"audio": column})
        else:
            batch = pa.table({"audio": column})
        table = transcribe(batch)
        assert table["error"].to_pylist() == [None], column
        assert texts(table) == ["1.00秒"]
        assert table["audio"].to_pylist()


def test_int16_from_a_column_is_as_loud_as_its_floats() -> None:
    heard = []

    def loudness(window: Any) -> Any:
        heard.append(window.sound.rms)
        return FakeEngine()._decode(window)

    transcribe = TranscribeBatch(FakeEngine(loudness), workers=0)
    transcribe(pa.table({"audio": [tone(1.0)]}))
    transcribe(pa.table({"audio": pa.array([(tone(1.0) * 32_768).astype(np.int16)])}))
    assert heard[0] == pytest.approx(heard[1], rel=0.01)
    # Of Python's own integers nobody knows.
    (error,) = transcribe(pa.table({"audio": [[1, 2, 3]]}))["error"].to_pylist()
    assert "samples are int64" in error
    transcribe.close()


def test_the_rate_of_arrays_is_a_number_or_a_column() -> None:
    columns = {"sound": [tone(1.0, 8_000), tone(1.0, 48_000), tone(1.0)], "hz": [8_000, 48_000, None]}
    by_column = TranscribeBatch(FakeEngine(), audio="sound", sampling_rate="hz", workers=0)
    table = by_column(pa.table(columns))
    assert texts(table) == ["1.00秒", "1.00秒", None]
    assert table["error"][2].as_py().startswith("TableError: ")
    by_number = TranscribeBatch(FakeEngine(), audio="sound", sampling_rate=8_000, workers=0)
    assert texts(by_number({"sound": np.stack([tone(1.0, 8_000)] * 2)})) == ["1.00秒"] * 2
    with pytest.raises(InputError, match="no column 'hz' for sampling_rate; there are sound"):
        by_column(pa.table({"sound": columns["sound"]}))
    by_column.close()
    by_number.close()


@pytest.mark.parametrize("words", [False, True])
def test_types_do_not_depend_on_what_a_batch_holds(words: bool, tmp_path: Path) -> None:
    transcribe = TranscribeBatch(FakeEngine(), workers=0)
    if words:  # an engine that is open takes no such option
        transcribe.close()
        transcribe = WithWords()
    batches = [
        transcribe(pa.table({"audio": pa.array(audio, pa.binary())}))
        for audio in ([b"broken"], [encoded(1.0)], [encoded(1.0), b""], [])
    ]
    whole = pa.concat_tables(batches)
    assert whole.num_rows == 4
    parquet.write_table(whole, tmp_path / "all.parquet")
    back = parquet.read_table(tmp_path / "all.parquet")
    assert back["segments"].to_pylist() == whole["segments"].to_pylist()
    assert ("words" in back["segments"][1].as_py()[0]) is words
    assert back.to_pandas()["error"].isna().tolist() == [False, True, True, False]
    transcribe.close()


class WithWords(TranscribeBatch):
    """Has the column of words, with an engine that finds none."""

    def __init__(self) -> None:
        from anime_whisper_ct2.ray import _schema

        super().__init__(FakeEngine(), workers=0)
        self._words, self._schema = True, _schema("", words=True)


def test_frames_and_dicts_keep_their_columns(transcribe: TranscribeBatch) -> None:
    frame = pd.DataFrame({"audio": [encoded(1.0), np.nan], "n": [1, 2]}, index=[5, 9])
    table = transcribe(frame)
    assert table.drop_columns(NEW).to_pydict() == {"audio": [encoded(1.0), None], "n": [1, 2]}
    assert table["error"].to_pylist() == [None, "TableError: the row holds no audio"]
    columns = {"audio": np.array([encoded(1.0), None], dtype=object), "x": np.zeros((2, 3), np.float32)}
    table = transcribe(columns)
    assert texts(table) == ["1.00秒", None]
    assert np.array_equal(np.stack(list(table["x"].to_pylist())), columns["x"])


def test_the_audio_can_be_left_out_and_the_new_names_changed() -> None:
    transcribe = TranscribeBatch(FakeEngine(), keep_audio=False, prefix="asr_", workers=0)
    for kind in (lambda table: table, pa.Table.to_pandas):
        table = transcribe(kind(pa.table({"audio": [encoded(1.0)]})))
        assert table.column_names == [f"asr_{name}" for name in NEW]
        assert table["asr_text"].to_pylist() == ["1.00秒"]
    table = transcribe(pa.table({"text": ["あ"], "audio": [encoded(1.0)]}))
    assert table.column_names == ["text", *(f"asr_{name}" for name in NEW)]
    transcribe.close()


def test_columns_that_are_absent_or_taken_are_named(transcribe: TranscribeBatch) -> None:
    with pytest.raises(InputError, match="no column 'audio' for audio; there are sound, id"):
        transcribe(pa.table({"sound": [b""], "id": [1]}))
    with pytest.raises(InputError, match="there are columns text, error already; give new ones other names"):
        transcribe(pa.table({"audio": [b""], "text": ["a"], "error": ["b"]}))


@pytest.mark.parametrize("empty", [pa.table({}), {}, pd.DataFrame(), pa.table({"audio": pa.array([], pa.binary())})])
def test_a_batch_without_rows_gets_its_columns(transcribe: TranscribeBatch, empty: Any) -> None:
    table = transcribe(empty)
    assert (table.num_rows, table.column_names[-len(NEW) :]) == (0, NEW)


def test_a_message_that_is_no_utf_8_does_not_spoil_the_table() -> None:
    def fail(_: object) -> Any:
        raise EngineError("/nowhere/\udcff")

    transcribe = TranscribeBatch(FakeEngine(fail), workers=0)
    table = transcribe(pa.table({"audio": [encoded(0.1)]}))
    assert table["error"].to_pylist() == ["EngineError: /nowhere/\\udcff"]
    transcribe.close()


def test_the_engines_own_error_is_raised() -> None:
    def fail(_: object) -> Any:
        raise EngineError("the device is gone")

    transcribe = TranscribeBatch(FakeEngine(fail, batch_size=1), workers=0)
    with pytest.raises(EngineError, match="fails on everything"):
        transcribe(pa.table({"audio": [encoded(0.1)] * 9}))
    transcribe.close()


def test_workers_outlive_a_call_and_end_with_the_object() -> None:
    transcribe = TranscribeBatch(FakeEngine(), workers=1)
    pids = set()
    with ThreadPoolExecutor(2) as threads:
        batch = pa.table({"audio": [encoded(0.3), b"broken", encoded(0.4)]})
        for table in threads.map(transcribe, [batch] * 4):
            assert texts(table) == ["0.30秒", None, "0.40秒"]
            (attendant,) = transcribe._transcriber._continuous._executor._frontend._attendants
            pids.add(attendant._worker.pid)
    (pid,) = pids
    del attendant, transcribe
    assert not is_there(pid)


def test_an_object_in_place_of_the_class_is_pointed_out(transcribe: TranscribeBatch) -> None:
    with pytest.raises(InputError, match="give map_batches the class"):
        pickle.dumps(transcribe)


@pytest.mark.parametrize(
    ("absent", "code", "remedy"),
    [
        ("ray", "TranscribeBatch.resources()", '"ray[data]"'),
        ("pyarrow", "from anime_whisper_ct2 import FakeEngine; TranscribeBatch(FakeEngine(), workers=0)", "pyarrow"),
    ],
)
def test_without_ray_the_import_works_and_what_needs_it_says_what_to_install(
    absent: str, code: str, remedy: str
) -> None:
    script = (
        f"import sys; sys.modules[{absent!r}] = None\n"
        "from anime_whisper_ct2.ray import TranscribeBatch\n"
        "from anime_whisper_ct2.errors import InputError\n"
        f"try:\n    {code}\nexcept InputError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert f"pip install {remedy}" in done.stdout
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.cluster  # and a model in one of its actors
def test_a_pipeline_of_three_stages_gives_the_texts_of_a_transcriber(tiny_model: Path, tmp_path: Path) -> None:
    distribution("ray")
    paths = [path for path in sorted(CORPUS.rglob("*.*")) if "長い録音" not in path.parts][:20]
    audio = [*(path.read_bytes() for path in paths), b"no audio"]
    names = [*(path.name for path in paths), "broken"]
    (tmp_path / "in").mkdir()
    for number in range(3):
        part = slice(number, None, 3)
        parquet.write_table(
            pa.table({"name": names[part], "audio": audio[part]}), tmp_path / "in" / f"{number}.parquet"
        )
    arguments = (str(tiny_model), *(str(tmp_path / name) for name in ("in", "out", "answers.json")))
    code = f"from tests.support.data_pipeline import pipeline; pipeline{arguments}"
    # Neither a report to its makers nor a token in the home folder.
    alone = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    log = tmp_path / "log"
    with running(log=log, command=[sys.executable, "-c", code], **alone) as run:
        assert run.process.wait(600.0) == 0, run.said
        wait_until(lambda: not run.pids, 60.0, "Ray's processes are left over")
    with Transcriber(tiny_model, compute_type="float32", device="cpu", workers=0) as transcriber:
        expected = {
            (name, result.text if isinstance(result, Transcript) else None)
            for name, result in zip(names, transcriber.transcribe(audio, on_error="yield"), strict=True)
        }
    found = parquet.read_table(tmp_path / "out").to_pylist()
    assert {(row["name"], row["text"]) for row in found} == expected
    assert len(found) == len(names)
    (broken,) = (row for row in found if row["name"] == "broken")
    assert broken["error"].startswith("DecodeError: no decoder reads it")
    assert all(row["error"] is None and row["segments"] for row in found if row is not broken)
    cluster, left_open, settled, refused = json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))
    assert cluster == [2, False]
    assert left_open == {"workers": 1, "device": "cpu", "cpu_threads": 2}
    assert settled == {}
    assert refused.startswith("device is cuda, and Ray gave this actor no GPU; pass num_gpus=1 to map_batches")
