"""A list and a file system may write a name in different forms of Unicode, and mean the same file."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import fsspec
import pytest

from anime_whisper_ct2 import Corpus, CorpusRun, FakeEngine, RunOptions
from anime_whisper_ct2.errors import RecordingError
from anime_whisper_ct2.export import Export
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import FrontendOptions
from anime_whisper_ct2.output.lines import read_lines
from anime_whisper_ct2.readers.fetch import opened
from anime_whisper_ct2.readers.lists.kaldi import wav_scp
from anime_whisper_ct2.readers.spelling import spelled

FORMS = pytest.mark.parametrize(("written", "named"), [("NFC", "NFD"), ("NFD", "NFC")])
NAME = "ガ/ぴゅう.wav"


@FORMS
@pytest.mark.parametrize(
    ("list_", "content"),
    [
        ("m.jsonl", '{{"path": "{0}"}}\n'),
        ("m.csv", "path,text\n{0},はい\n"),
        ("m.tsv", "path\ttext\n{0}\tはい\n"),
        ("m.txt", "{0}\n"),
        ("wav.scp", "1 {0}\n"),
    ],
)
def test_what_a_list_names_is_found_and_keeps_its_id(
    written: str, named: str, list_: str, content: str, write_tone: Callable[..., Path], tmp_path: Path
) -> None:
    clip = write_tone(normalize(named, NAME))
    (tmp_path / list_).write_text(content.format(normalize(written, NAME)), encoding="utf-8")
    (recording,) = Corpus((str(tmp_path / list_),))
    assert recording.id == ("1" if list_ == "wav.scp" else normalize(written, NAME))
    with opened(recording.audio) as found:
        assert found.source == str(clip)


def test_each_part_of_a_path_may_be_in_another_form(tmp_path: Path) -> None:
    for folder, name in (("NFD", "NFC"), ("NFC", "NFD"), ("NFC", "NFC"), ("NFD", "NFD")):
        clip = tmp_path / normalize(folder, "ガ") / normalize(name, "ぱ.wav")
        clip.parent.mkdir()
        clip.touch()
        for written in ("NFC", "NFD"):
            path = f"{tmp_path}//{normalize(written, 'ガ')}/{normalize(written, 'ぱ.wav')}"
            assert os.path.normpath(spelled(path)) == str(clip)
        shutil.rmtree(clip.parent)


def test_the_way_it_is_written_goes_first(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        (tmp_path / normalize(form, "ガ")).mkdir()
        (tmp_path / normalize(form, "ガ.wav")).touch()
    (tmp_path / normalize("NFD", "ガ") / "a.wav").touch()
    for form in ("NFC", "NFD"):
        assert spelled(str(tmp_path / normalize(form, "ガ.wav"))) == str(tmp_path / normalize(form, "ガ.wav"))
        # Of two folders that look the same, the one that holds the file.
        assert spelled(str(tmp_path / normalize(form, "ガ") / "a.wav")) == str(
            tmp_path / normalize("NFD", "ガ") / "a.wav"
        )


@pytest.mark.parametrize("path", ["ガ.wav", "absent/ガ.wav", "ガ/a.wav", "a\0ガ.wav", "ガ" * 300])
def test_what_is_in_no_form_there_stays_as_it_is_written(path: str, tmp_path: Path) -> None:
    assert spelled(f"{tmp_path}/{path}") == f"{tmp_path}/{path}"


def test_paths_from_the_current_folder_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(normalize("NFD", "ガ.wav")).touch()
    assert spelled(normalize("NFC", "ガ.wav")) == normalize("NFD", "ガ.wav")


def test_kaldis_paths_start_where_its_scripts_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / normalize("NFD", "ガ.wav")).touch()
    (tmp_path / "data" / "wav.scp").write_text("1 " + normalize("NFC", "ガ.wav"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (recording,) = wav_scp("data/wav.scp")
    with opened(recording.audio) as found:
        assert found.source == normalize("NFD", "ガ.wav")


@FORMS
def test_behind_a_url_too(written: str, named: str) -> None:
    system = fsspec.filesystem("memory")
    system.pipe_file("/spelled/" + normalize(named, "ガ.wav"), b"sound")
    try:
        with opened("memory://spelled/" + normalize(written, "ガ.wav")) as found:
            assert found.source == b"sound"
        with pytest.raises(RecordingError, match=normalize(written, "absent/ガ")):
            opened("memory://absent/" + normalize(written, "ガ.wav")).__enter__()
    finally:
        system.rm("/spelled", recursive=True)


@FORMS
def test_a_run_over_a_list_and_its_export_find_the_audio(
    written: str, named: str, write_tone: Callable[..., Path], tmp_path: Path, tiny_model: Path
) -> None:
    clip = write_tone(normalize(named, NAME), 0.5)
    (tmp_path / "m.jsonl").write_text(json.dumps({"path": normalize(written, NAME)}), encoding="utf-8")
    totals = CorpusRun(
        Corpus((f"{tmp_path}/m.jsonl",)),
        tmp_path / "out",
        open_model_dir(tiny_model),
        RunOptions(frontend=FrontendOptions(workers=0)),
        open_engine=lambda *_: FakeEngine(),
    ).run()
    assert (totals.done, totals.failed) == (1, 0)
    exported = Export(tmp_path / "out", "nemo").run().path
    (row,) = read_lines(next(exported.glob("*.jsonl")))
    assert row["audio_filepath"] == str(clip)
