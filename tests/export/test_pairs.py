"""A clip is cut out of the audio that was transcribed, whatever the corpus lists under its id by now."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.export import ClipFolder, Export, Exported
from anime_whisper_ct2.export.clips import ClipResult
from anime_whisper_ct2.records import Transcript
from tests.support.runs import segment, short, transcript, write_run

RATE = 16_000


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Give what writes a WAV whose samples tell of which one they are, from second to second."""

    def write(name: str, first: int, seconds: float = 1.5) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        levels = first + np.arange(round(seconds * RATE)) // RATE
        soundfile.write(path, levels.astype(np.int16), RATE)
        return path

    return write


def make(folder: Path, inputs: list[str], *transcripts: Transcript, **about: Any) -> Path:
    run = write_run(folder / "run", *transcripts)
    (run / "run.json").write_text(json.dumps({"inputs": inputs, "folder": str(folder), **about}), encoding="utf-8")
    return run


def export(run: Path, results: list[ClipResult] | None = None) -> Exported:
    return Export(run, "esd", run.parent / "out", clips=ClipFolder(workers=0), on_clips=(results or []).append).run()


def level(out: Path) -> int:
    """Give which sound the only clip of an export begins with."""
    (clip,) = (out / "raw").rglob("*.wav")
    return int(soundfile.read(clip, dtype="int16")[0][0])


@pytest.mark.parametrize("here", [True, False])
def test_of_two_files_of_one_id_the_one_that_was_transcribed_is_cut(
    tmp_path: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, here: bool
) -> None:
    write("a/y1.wav", 100)
    write("b/y1.wav", 200)
    if here:
        monkeypatch.chdir(tmp_path)
    export(make(tmp_path, ["a", "b"], replace(short("y1.wav"), audio="b/y1.wav")))
    assert level(tmp_path / "out") == 200


def test_parts_of_a_merged_run_that_began_elsewhere_are_found_by_their_paths_ends(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    write("other/corpus/y1.wav", 300)
    run = make(tmp_path, [str(tmp_path / "other" / "corpus")], replace(short("y1.wav"), audio="corpus/y1.wav"))
    export(run)
    assert level(tmp_path / "out") == 300


@pytest.mark.parametrize("edited", [{"offset": 2.0, "duration": 2.0}, {"offset": 1.0, "duration": 0.5}, {}])
def test_a_stretch_is_cut_where_it_was_and_not_where_the_manifest_has_it_by_now(
    tmp_path: Path, write: Callable[..., Path], edited: dict[str, float]
) -> None:
    path = write("long.wav", 100, 10.0)
    row = {"id": "mine", "audio": str(path), **edited}
    (tmp_path / "list.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    said = replace(transcript("mine", segment(0.0, 2.0), offset=1.0), audio=str(path))
    export(make(tmp_path, ["list.jsonl"], said))
    assert level(tmp_path / "out") == 101
    (clip,) = (tmp_path / "out" / "raw").rglob("*.wav")
    assert soundfile.info(clip).duration == 2.0


def test_a_file_that_was_exchanged_since_is_named_with_both_lengths(tmp_path: Path, write: Callable[..., Path]) -> None:
    write("a/old.wav", 100, 1.45)
    write("a/new.wav", 100, 3.0)
    results: list[ClipResult] = [ClipResult("", "")]
    done = export(
        make(tmp_path, ["a"], *(replace(short(name), audio=f"a/{name}") for name in ("new.wav", "old.wav"))), results
    )
    assert (done.rows, done.clips_missing) == (1, 1)
    (missing,) = (result for result in results if result.missing)
    assert missing.id == "new.wav"
    assert missing.message.startswith("lasts 3.000 s, and what was transcribed 1.500 s: the file was exchanged since")


def test_a_recording_in_a_tar_that_is_gone_is_missing_and_named(tmp_path: Path, write: Callable[..., Path]) -> None:
    write("a/y1.wav", 100)
    write("a/x.wav", 100)
    said = (replace(short("x.wav"), audio="a/x.wav"), replace(short("y1.wav"), audio="b.tar/y1.wav"))
    results: list[ClipResult] = [ClipResult("", "")]
    assert export(make(tmp_path, ["a"], *said), results).rows == 1
    (missing,) = (result for result in results if result.missing)
    assert "b.tar/y1.wav" in missing.audio
    assert missing.message
