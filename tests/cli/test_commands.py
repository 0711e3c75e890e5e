"""The command line as a user meets it: one line for each mistake, the right exit status, and nothing lost."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.output.lines import read_lines
from tests.support.commands import COMMAND, FAST, awct2, environment, refused
from tests.support.places import CHECKPOINT, CORPUS, SAMPLE
from tests.support.sounds import tone
from tests.support.windows import ON_WINDOWS


def results(out: Path, name: str = "transcripts.jsonl") -> dict[str, dict[str, object]]:
    return {line["id"]: line for line in read_lines(out / name)}


class TestRun:
    def test_the_sample_corpus_within_5_percent(self, tiny_model: Path, tmp_path: Path) -> None:
        result = awct2("run", CORPUS, "-m", tiny_model, "-o", tmp_path / "out")
        assert result.returncode == 0, result.stderr
        references = SAMPLE / "references.jsonl"
        scored = awct2("eval", tmp_path / "out", references, "--max-cer", 5)
        assert scored.returncode == 0, scored.stdout + scored.stderr

    def test_300_clips_of_which_10_are_broken(self, tiny_model: Path, tmp_path: Path) -> None:
        corpus = tmp_path / "corpus"
        source = sorted(CORPUS.rglob("第一章/*.ogg"))
        for n in range(290):
            (corpus / f"{n % 7}").mkdir(parents=True, exist_ok=True)
            shutil.copy(source[n % len(source)], corpus / f"{n % 7}" / f"{n:03}.ogg")
        break_ten(corpus)
        result = awct2("run", corpus, "-m", tiny_model, "-o", tmp_path / "out")
        assert result.returncode == 3, result.stderr
        assert "290 of 300 recordings transcribed" in result.stderr
        assert "10 failed" in result.stderr
        errors = results(tmp_path / "out", "errors.jsonl")
        assert len(results(tmp_path / "out")) == 290
        assert len(errors) == 10
        assert all(error["message"] and error["stage"] == "decode" for error in errors.values())

    def test_a_clip_that_an_export_lacks_is_said_and_in_the_status(self, tiny_model: Path, tmp_path: Path) -> None:
        for n in range(2):
            (tmp_path / "corpus").mkdir(exist_ok=True)
            soundfile.write(tmp_path / "corpus" / f"{n}.wav", tone(1.0), 16_000)
        run = ("run", tmp_path / "corpus", "-m", tiny_model, "-o", tmp_path / "out")
        assert awct2(*run).returncode == 0
        (tmp_path / "corpus" / "0.wav").unlink()
        result = awct2(*run, "--format", "esd")
        assert result.returncode == 3
        assert "esd: 1 clip could not be cut\n" in result.stderr

    @pytest.mark.posix("signals between processes")
    def test_sigterm_ends_with_130_and_the_same_command_completes(self, tiny_model: Path, tmp_path: Path) -> None:
        corpus = tmp_path / "corpus"
        corpus.mkdir()
        for n in range(200):
            soundfile.write(corpus / f"{n:03}.wav", tone(1.0 + n / 100), 16_000)
        args = ["run", str(corpus), "-m", str(tiny_model), "-o", str(tmp_path / "out"), "--batch-size", "2", *FAST]
        with subprocess.Popen([*COMMAND, *args], env=environment(), stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 120
            transcripts = tmp_path / "out" / "transcripts.jsonl"
            while not (transcripts.exists() and transcripts.stat().st_size) and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 130, said
        assert "the same command goes on from here" in said
        done = len(results(tmp_path / "out"))
        assert 0 < done < 200
        again = awct2(*args)
        assert again.returncode == 0, again.stderr
        assert f"{done} done before" in again.stderr
        assert len(results(tmp_path / "out")) == 200

    def test_a_checkpoint_is_converted_once_into_the_cache(
        self, tmp_path: Path, write_tone: Callable[..., Path]
    ) -> None:
        clip = write_tone("a.wav")
        cache = {"AWCT2_CACHE": str(tmp_path / "cache")}
        first = awct2("run", clip, "-m", CHECKPOINT, "-o", tmp_path / "1", **cache)
        second = awct2("run", clip, "-m", CHECKPOINT, "-o", tmp_path / "2", **cache)
        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        assert len(list((tmp_path / "cache").rglob("model.bin"))) == 1
        assert results(tmp_path / "1") == results(tmp_path / "2")

    def test_quiet_prints_nothing(self, tiny_model: Path, tmp_path: Path, write_tone: Callable[..., Path]) -> None:
        result = awct2("run", write_tone("a.wav"), "-m", tiny_model, "-o", tmp_path / "out", "-q")
        assert (result.stdout, result.stderr) == ("", "")

    def test_verbose_names_each_failure(self, tiny_model: Path, tmp_path: Path) -> None:
        (tmp_path / "bad.ogg").write_bytes(b"no")
        result = awct2("run", tmp_path / "bad.ogg", "-m", tiny_model, "-o", tmp_path / "out", "-v")
        assert "bad.ogg: the file has only 2 bytes" in result.stderr


def break_ten(corpus: Path) -> None:
    """Put ten files into a corpus, each broken in its own way."""
    good = next(iter(corpus.rglob("*.ogg"))).read_bytes()
    soundfile.write(corpus / "whole.flac", tone(1.0), 16_000)
    flac = (corpus / "whole.flac").read_bytes()
    (corpus / "whole.flac").unlink()
    for name, content in {
        "empty.ogg": b"",
        "text.ogg": "これは音声ではありません".encode(),
        "zeros.wav": bytes(4_000),
        "cut.ogg": good[:40],
        "cut.flac": flac[:60],
        "html.mp3": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "png.m4a": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "random.opus": np.random.default_rng(0).bytes(3_000),
    }.items():
        (corpus / name).write_bytes(content)
    soundfile.write(corpus / "nothing.wav", np.zeros(0, np.float32), 16_000)
    if ON_WINDOWS:  # where links are for administrators
        (corpus / "gone.ogg").write_bytes(b"Og")
    else:
        (corpus / "gone.ogg").symlink_to(corpus / "nowhere.ogg")


class TestMistakes:
    def test_no_such_input(self, tiny_model: Path, tmp_path: Path) -> None:
        refused(awct2("run", "absent/", "-m", tiny_model, "-o", tmp_path / "out"), 2, "absent/: no such file or folder")
        assert not (tmp_path / "out").exists()

    def test_no_such_model(self, tmp_path: Path, write_tone: Callable[..., Path]) -> None:
        result = awct2("run", write_tone("a.wav"), "-m", "./no-model", "-o", tmp_path / "out", HF_HUB_OFFLINE="1")
        refused(result, 1, "no-model")
        assert not (tmp_path / "out").exists()

    def test_a_model_made_the_usual_wrong_way(
        self, tiny_model: Path, tmp_path: Path, write_tone: Callable[..., Path]
    ) -> None:
        wrong = shutil.copytree(tiny_model, tmp_path / "wrong")
        (wrong / "tokenizer.json").unlink()
        result = awct2("run", write_tone("a.wav"), "-m", wrong, "-o", tmp_path / "out")
        refused(result, 1, "has no tokenizer.json")
        (command,) = re.findall(r"awct2 (convert .*)$", result.stderr.strip())
        assert awct2(*command.replace("'", "").split()).returncode == 0
        assert awct2("run", write_tone("a.wav"), "-m", wrong, "-o", tmp_path / "out").returncode == 0

    def test_an_output_that_is_a_file(self, tiny_model: Path, tmp_path: Path, write_tone: Callable[..., Path]) -> None:
        (tmp_path / "out").write_text("mine", encoding="utf-8")
        refused(awct2("run", write_tone("a.wav"), "-m", tiny_model, "-o", tmp_path / "out"), 1, "is a file")

    def test_an_empty_folder_is_no_success_to_boast_of(self, tiny_model: Path, tmp_path: Path) -> None:
        (tmp_path / "corpus").mkdir()
        result = awct2("run", tmp_path / "corpus", "-m", tiny_model, "-o", tmp_path / "out")
        assert result.returncode == 0
        assert "No audio found" in result.stderr

    def test_an_initial_prompt_is_not_offered(self, tmp_path: Path) -> None:
        result = awct2("run", tmp_path, "-o", tmp_path / "out", "--initial-prompt", "x")
        assert result.returncode == 2
        assert "No such option" in result.stderr

    def test_other_settings_on_the_same_output(
        self, tiny_model: Path, tmp_path: Path, write_tone: Callable[..., Path]
    ) -> None:
        args = ("run", write_tone("a.wav"), "-m", tiny_model, "-o", tmp_path / "out")
        assert awct2(*args).returncode == 0
        refused(awct2(*args, "--beam-size", "5"), 1, "--beam-size was 1, is 5", "--overwrite")
        assert awct2(*args, "--beam-size", "5", "--overwrite").returncode == 0

    @pytest.mark.parametrize(
        ("option", "value", "said"),
        [
            ("--device", "cuda", "no CUDA device 0"),
            ("--language", "xx", "no language 'xx'"),
            ("--beam-size", "0", "must be at least 1"),
            ("--workers", "-1", "must be at least 0"),
            ("--channel", "0", "give mix, left, right, or a number from 1 on"),
            ("--compute-type", "int8_float16", "not available on cpu"),
        ],
    )
    def test_options_that_cannot_be_honoured(
        self, tiny_model: Path, tmp_path: Path, write_tone: Callable[..., Path], option: str, value: str, said: str
    ) -> None:
        args = ["run", write_tone("a.wav"), "-m", tiny_model, "-o", tmp_path / "out", option, value]
        refused(awct2(*args, CUDA_VISIBLE_DEVICES=""), 2, said)


class TestConvert:
    def test_verify_agrees_with_transformers(self, tmp_path: Path) -> None:
        import transformers  # noqa: F401 - without it there is nothing to agree with

        result = awct2("convert", CHECKPOINT, tmp_path / "model", "--verify", "--quantization", "float32")
        assert result.returncode == 0, result.stderr
        assert "100% of the tokens agree" in result.stderr
        awct2_json = json.loads((tmp_path / "model" / "awct2.json").read_text(encoding="utf-8"))
        assert any("alignment" in repair for repair in awct2_json["repairs"])

    def test_an_existing_result_is_replaced_only_with_force(self, tmp_path: Path) -> None:
        assert awct2("convert", CHECKPOINT, tmp_path / "model").returncode == 0
        refused(awct2("convert", CHECKPOINT, tmp_path / "model"), 2, "--force")
        assert awct2("convert", CHECKPOINT, tmp_path / "model", "--force").returncode == 0


def test_version() -> None:
    assert awct2("--version").stdout == f"awct2, version {__version__}\n"


@pytest.mark.parametrize("command", ["run", "convert"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    said = awct2(command, "--help").stdout
    assert f"awct2 {command}" in said.split("Example", 1)[1]


def test_an_audit_is_a_share_or_auto(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    for given, said in (("often", "neither 'auto' nor a number"), ("1.5", "give 0 to 1")):
        refused(awct2("run", tmp_path / "a.wav", "-o", tmp_path / "out", "--audit", given), 2, said)


@pytest.mark.parametrize(
    "options",
    [
        ("--segment", "off", "--max-segment", "5"),
        ("--segment", "off", "--min-silence", "0.3"),
        ("--workers", "0", "--time-limit", "5"),
        ("--overwrite", "--retry-failed"),
        ("--window", "full", "--audit", "0.5"),
        ("--dry-run", "--format", "srt"),
    ],
)
def test_an_option_without_effect_is_refused(options: tuple[str, ...], tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    refused(awct2("run", tmp_path / "a.wav", "-m", tiny_model, "-o", tmp_path / "out", *options), 2, "leave")
