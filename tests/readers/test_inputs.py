"""One corpus in many forms is one corpus, and what an INPUT cannot be is refused."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anime_whisper_ct2 import Corpus, CorpusRun, FakeEngine, RunOptions
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, FrontendOptions
from anime_whisper_ct2.output.lines import read_lines
from anime_whisper_ct2.output.metrics import Totals
from tests.support.commands import COMMAND, environment
from tests.support.places import CORPUS

CLIPS = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 clips in folders: the sample's, again and again."""
    root = tmp_path_factory.mktemp("forms") / "corpus"
    source = sorted(path for path in CORPUS.rglob("*.*") if path.stat().st_size < 200_000)
    for n in range(CLIPS):
        clip = source[n % len(source)]
        path = root / f"{n % 7}" / f"{n:03}{clip.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(clip) if n < len(source) else shutil.copy(clip, path)
    return root


def clips(root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(root.rglob("*.*")):
        yield path.relative_to(root).as_posix(), path


def as_tars(root: Path, to: Path) -> list[str]:
    for shard in range(3):
        with tarfile.open(
            to / f"shard-{shard:03}.tar{'.gz' if shard == 2 else ''}", "w:gz" if shard == 2 else "w"
        ) as tar:
            for n, (id_, path) in enumerate(clips(root)):
                if n % 3 == shard:
                    tar.add(path, id_)
    return [f"{to}/shard-{{000..001}}.tar", f"{to}/shard-002.tar.gz"]


def as_parquet(root: Path, to: Path) -> list[str]:
    audio = [{"bytes": path.read_bytes(), "path": id_} for id_, path in clips(root)]
    pq.write_table(pa.table({"audio": audio, "number": range(len(audio))}), to / "clips.parquet", row_group_size=50)
    return [f"{to}/clips.parquet"]


def as_jsonl(root: Path, to: Path) -> list[str]:
    lines = [json.dumps({"audio_filepath": id_, "speaker": "さくら"}) for id_, _ in clips(root)]
    (root / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return [f"{root}/manifest.jsonl"]


def as_csv(root: Path, to: Path) -> list[str]:
    with (root / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "speaker"), *((id_, "さくら") for id_, _ in clips(root))])
    return [f"{root}/manifest.csv"]


def as_kaldi(root: Path, to: Path) -> list[str]:
    (to / "wav.scp").write_text("".join(f"{id_} {path}\n" for id_, path in clips(root)), encoding="utf-8")
    return [f"{to}/wav.scp"]


FORMS: dict[str, Callable[[Path, Path], list[str]]] = {
    "tars": as_tars,
    "parquet": as_parquet,
    "jsonl": as_jsonl,
    "csv": as_csv,
    "kaldi": as_kaldi,
}


@pytest.fixture(scope="module")
def expected(folder: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The texts of the folder, by id."""
    return texts([str(folder)], tiny_model, tmp_path_factory.mktemp("folder"))


def texts(inputs: list[str], model: Path, out: Path) -> dict[str, str]:
    options = RunOptions(decoding=DecodingOptions(window="fit"))  # several times faster
    CorpusRun(Corpus(tuple(inputs)), out / "out", open_model_dir(model), options).run()
    return {line["id"]: line["text"] for line in read_lines(out / "out" / "transcripts.jsonl")}


def below_the_container(id_: str) -> str:
    first, _, rest = id_.partition("/")
    return rest if "." in first else id_


@pytest.mark.slow  # 200 clips through the model
@pytest.mark.parametrize("form", FORMS)
def test_the_same_clips_in_any_form_give_the_same_texts_and_ids(
    form: str, folder: Path, expected: dict[str, str], tiny_model: Path, tmp_path: Path
) -> None:
    try:
        given = texts(FORMS[form](folder, tmp_path), tiny_model, tmp_path)
    finally:
        for manifest in folder.glob("manifest.*"):
            manifest.unlink()
    assert len(expected) == CLIPS
    assert {below_the_container(id_): text for id_, text in given.items()} == expected


@pytest.mark.slow  # 200 clips through the model
def test_paths_on_standard_input_give_the_same_lines_on_standard_output(
    folder: Path, expected: dict[str, str], tiny_model: Path
) -> None:
    paths = "\n".join(id_ for id_, _ in clips(folder))
    result = subprocess.run(
        [*COMMAND, "run", "-", "-m", tiny_model, "-o", "-", "--window", "fit"],
        input=paths,
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        cwd=folder,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert {line["id"]: line["text"] for line in map(json.loads, result.stdout.splitlines())} == expected


class TestSources:
    def test_a_folder_without_audio_gives_what_is_in_its_shards(self, tmp_path: Path) -> None:
        (tmp_path / "shards").mkdir()
        as_tar(tmp_path / "shards" / "a.tar", "x.ogg")
        as_tar(tmp_path / "shards" / "b.tar", "x.ogg")
        assert ids(tmp_path / "shards") == ["a.tar/x.ogg", "b.tar/x.ogg"]
        (tmp_path / "shards" / "y.ogg").touch()
        assert ids(tmp_path / "shards") == ["y.ogg"]  # shards beside audio are somebody's backup

    def test_a_shard_that_a_pattern_names_and_nobody_has_is_refused(self, tmp_path: Path) -> None:
        as_tar(tmp_path / "s-00.tar", "x.ogg")
        with pytest.raises(InputError, match=r"s-01\.tar: no such file"):
            ids(tmp_path / "s-{00..01}.tar")

    def test_shards_of_one_name_are_refused_before_any_is_read(self, tmp_path: Path) -> None:
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "s.tar").touch()
        with pytest.raises(InputError, match=r"ids that begin with 's\.tar/'"):
            Corpus((f"{tmp_path}/a/s.tar", f"{tmp_path}/b/s.tar")).check()

    def test_standard_input_stands_alone(self, tmp_path: Path) -> None:
        (tmp_path / "x.ogg").touch()
        with pytest.raises(InputError, match="give '-' alone"):
            Corpus(("-", f"{tmp_path}/x.ogg")).check()

    def test_a_column_is_refused_where_there_are_none(self, tmp_path: Path) -> None:
        as_tar(tmp_path / "s.tar", "x.ogg")
        with pytest.raises(InputError, match="--audio-column is for manifests and tables"):
            Corpus((f"{tmp_path}/s.tar",), audio_column="voice")

    def test_what_can_be_counted_without_opening_anything_is(self, tmp_path: Path) -> None:
        as_tar(tmp_path / "s.tar", "x.ogg")
        (tmp_path / "list.txt").write_text("a.ogg\nb.ogg\nc.ogg\n", encoding="utf-8")
        assert Corpus((f"{tmp_path}/list.txt",)).count() == 3
        assert Corpus((f"{tmp_path}/list.txt",), limit=2).count() == 2
        assert Corpus((f"{tmp_path}/s.tar",)).count() is None
        assert Corpus(("-",)).count() is None


def test_bad_rows_and_files_fail_by_name_and_the_rest_is_transcribed(tmp_path: Path, tiny_model: Path) -> None:
    good = next(CORPUS.rglob("*.ogg"))
    rows = [
        json.dumps({"audio": str(good), "id": "good"}),
        "no json",
        json.dumps({"text": "no audio"}),
        json.dumps({"audio": "absent.ogg"}),
        json.dumps({"audio": str(good), "id": "good"}),
    ]
    (tmp_path / "m.jsonl").write_text("\n".join(rows), encoding="utf-8")
    run = CorpusRun(
        Corpus((f"{tmp_path}/m.jsonl",)),
        tmp_path / "out",
        open_model_dir(tiny_model),
        RunOptions(frontend=FrontendOptions(workers=0)),
        open_engine=lambda *_: FakeEngine(),
    )
    totals = run.run()
    assert (totals.found, totals.done, totals.failed) == (5, 1, 4)
    errors = {line["id"]: (line["stage"], line["error"]) for line in read_lines(tmp_path / "out" / "errors.jsonl")}
    assert errors == {
        "m.jsonl:2": ("read", "ManifestError"),
        "m.jsonl:3": ("read", "ManifestError"),
        "absent.ogg": ("decode", "DecodeError"),
        "m.jsonl:5": ("read", "DuplicateId"),
    }
    again = run_again(run_of=tmp_path, model=tiny_model)
    assert (again.done, again.resumed, again.failed) == (0, 1, 4)


def run_again(run_of: Path, model: Path) -> Totals:
    return CorpusRun(Corpus((f"{run_of}/m.jsonl",)), run_of / "out", open_model_dir(model)).run()


def as_tar(path: Path, *names: str) -> None:
    with tarfile.open(path, "w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"OggS"))


def ids(*inputs: Path) -> list[str]:
    return [recording.id for recording in Corpus(tuple(map(os.fspath, inputs)))]


@pytest.mark.posix("bash")
def test_a_reader_that_leaves_early_ends_the_run_quietly(folder: Path, tiny_model: Path) -> None:
    code = f"{sys.executable} -c \"from anime_whisper_ct2.cli import main; main(prog_name='awct2')\""
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{code} run '{folder}' -m '{tiny_model}' -o - -q | head -n 1"],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=120,
        check=False,
    )
    assert result.returncode == 0
    assert result.stderr == ""
    assert json.loads(result.stdout)["text"]
