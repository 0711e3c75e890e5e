"""A run ends with one line for each recording, whatever happens, and the next one goes on from there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import EngineError, OutputError
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.options import AudioOptions, DecodingOptions, FrontendOptions, RunOptions
from anime_whisper_ct2.output.lines import read_lines
from anime_whisper_ct2.output.metrics import Totals
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Decoded, Window

IN_PROCESS = RunOptions(frontend=FrontendOptions(workers=0))


@pytest.fixture
def model(tiny_model: Path) -> ModelDir:
    return open_model_dir(tiny_model)


@pytest.fixture
def corpus(tmp_path: Path, write_tone: Callable[..., Path]) -> Path:
    for n in range(1, 7):
        write_tone(f"corpus/{n}.wav", n / 2)
    (tmp_path / "corpus" / "broken.ogg").write_bytes(b"OggS and no more")
    return tmp_path / "corpus"


def ids(out: Path, name: str = "transcripts.jsonl") -> list[str]:
    return sorted(line["id"] for line in read_lines(out / name))


def execute(corpus: Path, out: Path, model: ModelDir, options: RunOptions = IN_PROCESS, **extra: Any) -> Totals:
    extra.setdefault("open_engine", lambda _model, _options: FakeEngine())
    return CorpusRun(Corpus((str(corpus),)), out, model, options, **extra).run()


def test_every_recording_is_in_one_file_and_the_figures_agree(corpus: Path, tmp_path: Path, model: ModelDir) -> None:
    totals = execute(corpus, tmp_path / "out", model)
    assert ids(tmp_path / "out") == [f"{n}.wav" for n in range(1, 7)]
    assert ids(tmp_path / "out", "errors.jsonl") == ["broken.ogg"]
    run = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    keys = "found done resumed empty flagged failed audio_seconds load_seconds wall_seconds real_time_factor"
    assert set(keys.split()) <= run.keys()
    assert (run["found"], run["done"], run["failed"], run["audio_seconds"]) == (7, 6, 1, 10.5)
    assert totals.found == totals.done + totals.resumed + totals.failed


def test_again_does_nothing_twice_and_loads_no_model(corpus: Path, tmp_path: Path, model: ModelDir) -> None:
    execute(corpus, tmp_path / "out", model)

    def no_engine(_model: ModelDir, _options: RunOptions) -> FakeEngine:
        pytest.fail("there is nothing to do")

    totals = execute(corpus, tmp_path / "out", model, open_engine=no_engine)
    assert (totals.done, totals.resumed, totals.failed) == (0, 6, 1)
    assert len(ids(tmp_path / "out")) == 6


def test_new_recordings_join_the_old_ones(
    corpus: Path, tmp_path: Path, model: ModelDir, write_tone: Callable[..., Path]
) -> None:
    execute(corpus, tmp_path / "out", model)
    write_tone("corpus/new.wav")
    totals = execute(corpus, tmp_path / "out", model)
    assert (totals.done, totals.resumed) == (1, 6)


def test_retry_failed_tries_the_broken_one_again(
    corpus: Path, tmp_path: Path, model: ModelDir, write_tone: Callable[..., Path]
) -> None:
    execute(corpus, tmp_path / "out", model)
    write_tone("mended.ogg").replace(corpus / "broken.ogg")
    retry = RunOptions(frontend=FrontendOptions(workers=0), retry_failed=True)
    totals = execute(corpus, tmp_path / "out", model, retry)
    assert (totals.done, totals.resumed, totals.failed) == (1, 6, 0)
    assert ids(tmp_path / "out", "errors.jsonl") == []


def test_settings_that_change_the_text_are_refused(corpus: Path, tmp_path: Path, model: ModelDir) -> None:
    execute(corpus, tmp_path / "out", model)
    other = RunOptions(decoding=DecodingOptions(beam_size=5), frontend=FrontendOptions(workers=0))
    with pytest.raises(OutputError, match="--beam-size was 1, is 5"):
        execute(corpus, tmp_path / "out", model, other)


def test_recordings_of_which_another_channel_was_heard_are_refused(
    corpus: Path, tmp_path: Path, model: ModelDir
) -> None:
    execute(corpus, tmp_path / "out", model)
    # As before there was a choice, so that a run of then goes on.
    before = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["settings"]
    assert "channel" not in before
    other = RunOptions(frontend=FrontendOptions(workers=0), audio=AudioOptions("left"))
    with pytest.raises(OutputError, match="--channel was mix, is 1"):
        execute(corpus, tmp_path / "out", model, other)
    assert execute(corpus, tmp_path / "new", model, other).done == 6
    assert execute(corpus, tmp_path / "new", model, other).resumed == 6


def test_an_engine_that_refuses_one_window_costs_its_recording(corpus: Path, tmp_path: Path, model: ModelDir) -> None:
    def decode(window: Window) -> Decoded:
        if window.end_s == 1.5:
            raise EngineError("numbers overflowed")
        return Decoded("はい", (1,), -0.1, 0.0)

    totals = execute(corpus, tmp_path / "out", model, open_engine=lambda _m, _o: FakeEngine(decode))
    assert (totals.done, totals.failed) == (5, 2)
    errors = {line["id"]: line for line in read_lines(tmp_path / "out" / "errors.jsonl")}
    assert (errors["3.wav"]["stage"], errors["3.wav"]["message"]) == ("engine", "numbers overflowed")


def test_stopping_keeps_what_is_done_and_the_next_run_completes(corpus: Path, tmp_path: Path, model: ModelDir) -> None:
    run: CorpusRun

    def stop_after_two(totals: Totals, _outcome: object) -> None:
        if totals.done == 2:
            run.stop()

    engine = FakeEngine(batch_size=1, in_flight=1)
    corpus_of = Corpus((str(corpus),))
    run = CorpusRun(
        corpus_of, tmp_path / "out", model, IN_PROCESS, open_engine=lambda _m, _o: engine, on_progress=stop_after_two
    )
    run.run()
    assert run.stopped
    done = len(ids(tmp_path / "out"))
    assert 2 <= done < 6
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["state"] == "interrupted"
    totals = execute(corpus, tmp_path / "out", model)
    assert (totals.resumed, totals.done) == (done, 6 - done)


def test_a_defect_leaves_a_folder_that_can_be_resumed(corpus: Path, tmp_path: Path, model: ModelDir) -> None:
    def decode(window: Window) -> Decoded:
        if window.end_s == 2.0:
            raise ZeroDivisionError
        return Decoded("はい", (1,), -0.1, 0.0)

    with pytest.raises(ZeroDivisionError):
        execute(corpus, tmp_path / "out", model, open_engine=lambda _m, _o: FakeEngine(decode, batch_size=1))
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["state"] == "failed"
    execute(corpus, tmp_path / "out", model)
    assert ids(tmp_path / "out") == [f"{n}.wav" for n in range(1, 7)]
