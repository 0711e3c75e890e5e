"""The recipes of the handbook, word for word, on clips whose texts are known."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from sysconfig import get_path

import pytest
import soundfile

from anime_whisper_ct2 import Corpus, CorpusRun, FrontendOptions, RunFolder, RunOptions
from anime_whisper_ct2.model_dir import open_model_dir
from tests.support.documents import ENGLISH, Block, execute
from tests.support.places import CORPUS, ROOT
from tests.support.trainers import gpt_sovits, style_bert_vits2
from tests.support.windows import ON_WINDOWS

CLIPS = ("さくら/第一章/001.ogg", "さくら/第一章/002.ogg", "さくら/第一章/003.ogg")
JQ = """
import json, sys
assert sys.argv[1:] == ["-r", "[.id, .text] | @tsv"]
for line in sys.stdin.buffer:
    row = json.loads(line)
    print(row["id"], row["text"], sep="\\t")
"""


def recipe(page: str, title: str, language: str) -> Block:
    """Give the first block of code in a language below a heading."""
    blocks = ENGLISH.pages[f"guides/{page}.md"].blocks
    return next(block for block in blocks if title in block.headings and block.language == language)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with a corpus of three clips."""
    monkeypatch.chdir(tmp_path)
    for clip in CLIPS:
        (tmp_path / "corpus" / clip).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CORPUS / clip, tmp_path / "corpus" / clip)
    return tmp_path


@pytest.fixture
def shell(workplace: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands as a user has them: `awct2` with the tiny model for its default, and `jq` where the system has none."""
    if not shutil.which("sh"):
        pytest.skip("needs a POSIX shell")
    commands = workplace / "bin"
    commands.mkdir()
    code = "from anime_whisper_ct2.cli import main; main(prog_name='awct2')"
    model = f'if [ "$1" = run ]; then shift; set -- run --model "{tiny_model}" "$@"; fi'
    write_command(commands / "awct2", f'{model}\nexec "{sys.executable}" -c "{code}" "$@"')
    if not shutil.which("jq"):
        (commands / "jq.py").write_text(JQ, encoding="utf-8")
        write_command(commands / "jq", f'exec "{sys.executable}" -X utf8 "{commands / "jq.py"}" "$@"')
    monkeypatch.setenv("PATH", str(commands), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "convert")]))
    return workplace


def write_command(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def call(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_arrays_in_a_loop(
    workplace: Path, tiny_model: Path, references: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    execute(recipe("pipelines", "Arrays in a loop", "python"), tiny_model.as_posix())
    assert capsys.readouterr().out.splitlines() == [f"{Path('corpus', clip)} {references[clip]}" for clip in CLIPS]


def test_a_hugging_face_dataset(
    workplace: Path, tiny_model: Path, references: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", workplace / "cache")
    datasets.disable_progress_bars()
    rows = [{"bytes": (workplace / "corpus" / clip).read_bytes(), "path": clip} for clip in CLIPS]
    voices = datasets.Dataset.from_dict({"id": list(CLIPS), "audio": rows})
    # As the hub's data sets are: the column says that it is audio.
    voices = voices.cast_column("audio", datasets.Audio(decode=False)).cast_column("audio", datasets.Audio())
    voices.to_parquet("voices.parquet")
    execute(recipe("hugging-face", "A Hugging Face dataset", "python"), tiny_model.as_posix())
    found = datasets.load_from_disk("voices-with-text")
    assert dict(zip(found["id"], found["text"], strict=True)) == {clip: references[clip] for clip in CLIPS}
    assert found.column_names == ["id", "audio", "text"]


def test_a_line_is_corrected_in_a_table(shell: Path, references: dict[str, str], tiny_model: Path) -> None:
    here = RunOptions(frontend=FrontendOptions(workers=0))
    CorpusRun(Corpus("corpus"), Path("transcripts"), open_model_dir(tiny_model), here).run()
    before = (shell / "transcripts/transcripts.jsonl").read_bytes()
    blocks = ENGLISH.pages["guides/correct.md"].blocks
    export, correct = (block.code for block in blocks if "In a table" in block.headings and block.language == "sh")
    call("sh", "-ec", export)
    table = shell / "corrections/transcripts.csv"
    text = table.read_text(encoding="utf-8-sig")
    assert references[CLIPS[1]] in text
    text = text.replace(references[CLIPS[1]], "=直した").replace(references[CLIPS[2]], "")
    table.write_text(text, encoding="utf-8-sig")
    shown = call("sh", "-ec", correct)
    assert references[CLIPS[2]] in shown
    assert (shell / "transcripts/transcripts.jsonl").read_bytes() == before
    call("awct2", "export", "transcripts", "json", "-o", "texts")
    exported = {path.relative_to(shell / "texts").with_suffix("") for path in (shell / "texts").rglob("*.json")}
    assert exported - {Path(".awct2-export")} == {Path(clip).with_suffix("") for clip in CLIPS[:2]}
    written = json.loads((shell / "texts" / CLIPS[1]).with_suffix(".json").read_text(encoding="utf-8"))
    assert written["text"] == "=直した"


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_a_step_of_a_makefile_does_what_is_new_and_nothing_else(shell: Path, references: dict[str, str]) -> None:
    def exported() -> dict[str, str]:
        lines = (shell / "dataset/metadata.jsonl").read_text(encoding="utf-8").splitlines()
        return {row["id"].replace(".flac", ".ogg"): row["text"] for row in map(json.loads, lines)}

    (shell / "Makefile").write_text(recipe("pipelines", "A step of a Makefile", "make").code + "\n", encoding="utf-8")
    (shell / "corpus/broken.ogg").write_bytes(b"no audio")
    samples, rate_hz = soundfile.read(CORPUS / "長い録音/夏休みの一日.ogg")
    soundfile.write(shell / "corpus/long.wav", samples[: 40 * rate_hz], rate_hz)
    assert "awct2 export" in call("make")
    pieces = {name for name in exported() if name.startswith("long_")}
    assert len(pieces) > 1
    assert exported().items() >= {(clip, references[clip]) for clip in CLIPS}
    assert exported().keys() == {*CLIPS, *pieces}
    assert "awct2 export" not in call("make")
    new = "さくら/第一章/004.ogg"
    shutil.copy(CORPUS / new, shell / "corpus" / new)
    assert "awct2 export" in call("make")
    assert exported().keys() == {*CLIPS, *pieces, new}


def test_a_pipe(shell: Path, references: dict[str, str]) -> None:
    call("sh", "-c", recipe("pipelines", "A pipe", "sh").code)
    lines = (shell / "texts.tsv").read_text(encoding="utf-8").splitlines()
    assert sorted(lines) == [f"corpus/{clip}\t{references[clip]}" for clip in CLIPS]


def test_style_bert_vits2_gets_every_line_of_two_to_twelve_seconds(shell: Path, references: dict[str, str]) -> None:
    (shell / "raw/ふつう").mkdir(parents=True)
    shutil.copy(CORPUS / "長い録音/夏休みの一日.ogg", shell / "raw")
    shutil.copy(CORPUS / CLIPS[0], shell / "raw/ふつう/001.ogg")
    call("sh", "-ec", recipe("voices", "Style-Bert-VITS2", "sh").code)
    assert style_bert_vits2(shell / "Data/voice")
    rows = [line.split("|") for line in (shell / "Data/voice/esd.list").read_text(encoding="utf-8").splitlines()]
    assert {(speaker, language) for _, speaker, language, _ in rows} == {("voice", "JP")}
    for name, *_ in rows:
        assert 2.399 <= soundfile.info(str(shell / "Data/voice/raw" / name)).duration <= 12.401
    assert [text for name, _, _, text in rows if name.startswith("ふつう/")] == [references[CLIPS[0]]]
    expected = [line for line in known_lines() if 2.0 <= line["end"] - line["start"] <= 12.0]
    times = [tuple(map(float, Path(name).stem.rpartition("_")[2].split("-"))) for name, *_ in rows if "/" not in name]
    # The padding lies around what is audible, within the accuracy of the VAD.
    sure = [line for line in expected if line["end"] - line["start"] >= 2.3]
    assert len(sure) <= len(times) <= len(expected) + 3
    for line in sure:
        assert any(start <= line["start"] <= line["end"] <= end + 0.1 for start, end in times), line


def test_gpt_sovits_gets_a_list_that_its_preparation_reads(shell: Path, references: dict[str, str]) -> None:
    for clip in CLIPS[:2]:
        folder = shell / "raw" / Path(clip).stem
        folder.mkdir(parents=True)
        # Of one name in two folders.
        shutil.copy(CORPUS / clip, folder / "声.ogg")
    call("sh", "-ec", recipe("voices", "GPT-SoVITS", "sh").code)
    lines = gpt_sovits(shell / "voice/gptsovits.list")
    assert [(line.speaker, line.language, line.text) for line in lines] == [
        ("voice", "ja", references[clip]) for clip in CLIPS[:2]
    ]
    assert lines == gpt_sovits(shell / "voice/gptsovits.list", shell / "voice/wavs")


@pytest.mark.skipif(not ON_WINDOWS, reason="needs cmd.exe")
def test_folders_are_dropped_onto_a_bat_file(workplace: Path, tiny_model: Path, references: dict[str, str]) -> None:
    script = recipe("on-windows", "Drag and drop onto a bat file", "bat").code
    batch = workplace / "the sources" / "transcribe.bat"
    (batch.parent / ".venv/Scripts").mkdir(parents=True)
    shutil.copy(Path(get_path("scripts"), "awct2.exe"), batch.parent / ".venv/Scripts")
    batch.write_text(script.replace(" run ", f' run --model "{tiny_model}" ') + "\n", encoding="ascii", newline="\r\n")
    names = ["the voices & more!", "さくら(1)", "vol.1", "vol.2"]
    for name in names:
        (workplace / name).mkdir()
        shutil.copy(CORPUS / CLIPS[0], workplace / name)
    # As Explorer calls it: quotes where there is a space, and all of it in quotes once more.
    dropped = " ".join(f'"{workplace / name}"' if " " in name else str(workplace / name) for name in names)
    done = subprocess.run(f'cmd /c ""{batch}" {dropped}"', input=b"\r\n", capture_output=True, check=False, timeout=250)
    for name in names:
        out = workplace / f"{name}-transcripts"
        assert [each.text for each in RunFolder(out).transcripts()] == [references[CLIPS[0]]], done.stderr


def known_lines() -> list[dict[str, float]]:
    """Where the long recording's lines are, in seconds."""
    rows = (CORPUS.parent / "references.jsonl").read_text(encoding="utf-8").splitlines()
    (lines,) = (row["lines"] for row in map(json.loads, rows) if "lines" in row)
    return list(lines)
