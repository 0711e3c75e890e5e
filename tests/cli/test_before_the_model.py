"""What can be known without a model is said before one is fetched, converted or loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli import main

# No such model: whoever asks for it has come too far.
NO_MODEL = ("-m", "no-such-model/at-all")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [*map(str, args)])


def test_a_list_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("a.ogg\nb.ogg\n", encoding="utf-8")
    for command in (("run", tmp_path / "m.txt", "-o", tmp_path / "out", *NO_MODEL),
                    ("average", NO_MODEL[1], "-o", tmp_path / "out", "--references", "meta",
                     "--search", tmp_path / "m.txt"),
                    ("calibrate", NO_MODEL[1], tmp_path / "m.txt")):  # fmt: skip
        result = run(*command)
        assert (result.exit_code, result.output.count("\n")) == (2, 1)
        assert f"m.txt: none of the 2 files is there; the first is looked for at {tmp_path / 'a.ogg'}" in result.output
    assert not (tmp_path / "out").exists()


def test_a_corpus_without_audio_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    result = run("run", tmp_path / "corpus", "-o", tmp_path / "out", *NO_MODEL)
    assert result.exit_code == 0
    assert result.output.startswith("No audio found in ")
    assert run("calibrate", NO_MODEL[1], tmp_path / "corpus").exit_code == 2


def test_a_model_as_input_is_told_of(tiny_model: Path, tmp_path: Path) -> None:
    for given, said in ((tiny_model, "is a model's folder: name it with --model"),
                        (tiny_model / "model.bin", "no recording but the weights of a converted model")):  # fmt: skip
        assert said in run("run", given, "-o", tmp_path / "out", *NO_MODEL).output


@pytest.mark.parametrize("name", ["run.json", "run.json.new"])
def test_results_of_recordings_that_are_gone_are_no_reason_to_refuse(tmp_path: Path, name: str) -> None:
    (tmp_path / "m.txt").write_text("a.ogg\n", encoding="utf-8")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("{}", encoding="utf-8")
    assert "is no folder here" in run("run", tmp_path / "m.txt", "-o", tmp_path / "out", *NO_MODEL).output


@pytest.mark.parametrize(
    ("missing", "options", "said"),
    [
        ("ray", ("--ray",), '--ray needs Ray: pip install "ray[data]"'),
        ("pyarrow", ("--format", "parquet"), "parquet needs pyarrow: pip install pyarrow"),
    ],
)
def test_an_extra_that_is_missing_is_asked_for_first(
    missing: str, options: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    (tmp_path / "a.wav").touch()
    result = run("run", tmp_path, "-o", tmp_path / "out", *NO_MODEL, *options)
    assert (result.exit_code, result.output) == (2, f"Error: {said}\n")


@pytest.mark.parametrize("given", ["japanese", "Japanese", "jpn", "ja-JP", "日本語"])
def test_a_language_by_its_name_gets_its_code(given: str, tmp_path: Path) -> None:
    result = run("run", tmp_path, "-o", tmp_path / "out", *NO_MODEL, "--language", given)
    assert result.exit_code == 2
    assert result.output.strip().endswith(f"{given!r} is 'ja' to Whisper; give --language ja.")


@pytest.mark.parametrize("name", ["large-v3", "turbo", "anime-whisper"])
def test_a_model_by_a_short_name_gets_its_hub_id(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    result = run("run", tmp_path, "-o", tmp_path / "out", "-m", name)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert f"/{'' if 'anime' in name else 'whisper-'}" in result.output


def test_stats_of_a_recording_says_to_transcribe_it(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"ID3")
    result = run("stats", tmp_path / "a.mp3")
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert f"transcribe it first: awct2 run {tmp_path / 'a.mp3'} -o OUTPUT" in result.output


@pytest.mark.parametrize(("format_", "language"), [("esd", "fr"), ("esd", "ko"), ("gptsovits", "fr")])
def test_a_format_without_a_code_for_the_language_is_refused(tmp_path: Path, format_: str, language: str) -> None:
    (tmp_path / "a.wav").touch()
    given = ("run", tmp_path / "a.wav", "-o", tmp_path / "out", *NO_MODEL)
    result = run(*given, "--format", "srt", "--format", format_, "--language", language)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert f"--format {format_} knows ja, en, zh" in result.output.lower()
    assert f"the language is '{language}'" in result.output
    # With any other, it is the model that is asked for.
    assert "no-such-model" in run(*given, "--format", format_).output
