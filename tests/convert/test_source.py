"""Sources that are a folder, a hub id or nothing; the hub is a function that hands out a folder."""

from __future__ import annotations

import fnmatch
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import errors

from anime_whisper_ct2.errors import CheckpointError, ModelNotFoundError
from anime_whisper_ct2_convert import convert, ensure_converted
from anime_whisper_ct2_convert import source as source_module
from anime_whisper_ct2_convert.source import open_source

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Hub = list[tuple[str, str | None]]


@pytest.fixture
def hub(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub with one model; the list holds what was asked for."""
    asked: Hub = []

    def download(repo_id: str, *, revision: str | None, allow_patterns: Sequence[str]) -> str:
        asked.append((repo_id, revision))
        target = tmp_path / "hub" / COMMIT
        target.mkdir(parents=True, exist_ok=True)
        for path in checkpoint.iterdir():
            if any(fnmatch.fnmatch(path.name, pattern) for pattern in allow_patterns):
                shutil.copy(path, target)
        return str(target)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return asked


def test_a_hub_id_is_fetched_and_its_commit_recorded(hub: Hub, tmp_path: Path, checkpoint: Path) -> None:
    (checkpoint / "optimizer.bin").touch()
    (checkpoint / "model.fp32.safetensors").touch()
    result = convert("someone/their-whisper", tmp_path / "out", revision="v2")
    record = json.loads((result.path / "awct2.json").read_text(encoding="utf-8"))
    assert (record["source"], record["revision"]) == ("someone/their-whisper", COMMIT)
    assert hub == [("someone/their-whisper", "v2")]
    fetched = {path.name for path in (tmp_path / "hub" / COMMIT).iterdir()}
    assert fetched.isdisjoint({"optimizer.bin", "model.fp32.safetensors", "normalizer.json"})


def test_a_hub_id_is_fetched_once_for_each_revision(hub: Hub) -> None:
    first = ensure_converted("someone/their-whisper")
    assert ensure_converted("someone/their-whisper") == first
    assert ensure_converted("someone/their-whisper", revision="v2") != first
    assert hub == [("someone/their-whisper", None), ("someone/their-whisper", "v2")]


def test_torch_files_are_fetched_only_with_torch(hub: Hub, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    monkeypatch.setattr(source_module, "find_spec", lambda _: None)
    monkeypatch.setattr(huggingface_hub, "file_exists", lambda *_, **__: False)
    with pytest.raises(CheckpointError, match="needs torch; pip install torch"):
        open_source("someone/their-whisper")
    monkeypatch.setattr(source_module, "find_spec", lambda _: object())
    assert (open_source("someone/their-whisper").folder / "pytorch_model.bin").is_file()


def test_a_converted_model_on_the_hub_is_to_be_fetched_as_it_is(
    hub: Hub, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkpoint / "model.safetensors").unlink()
    monkeypatch.setattr(huggingface_hub, "file_exists", lambda *_, **__: True)
    with pytest.raises(CheckpointError, match="converted model already; fetch it with: hf download someone/fast"):
        open_source("someone/fast")


def test_a_hub_that_cannot_be_reached_has_no_converted_model(
    hub: Hub, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpx = pytest.importorskip("httpx")

    def file_exists(*_: Any, **__: Any) -> bool:
        raise failure

    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    monkeypatch.setattr(source_module, "find_spec", lambda _: object())
    monkeypatch.setattr(huggingface_hub, "file_exists", file_exists)
    failure: Exception = TypeError("a mistake of ours")
    with pytest.raises(TypeError):
        open_source("someone/their-whisper")
    failure = httpx.ConnectError("no route")
    assert (open_source("someone/their-whisper").folder / "pytorch_model.bin").is_file()
    # From now on it is in the cache, and nothing need be asked.
    failure = TypeError("asked again")
    assert open_source("someone/their-whisper").revision == COMMIT


def http_error(kind: type[errors.HfHubHTTPError]) -> errors.HfHubHTTPError:
    import requests

    return kind("no", response=requests.Response())


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (
            lambda: http_error(errors.RepositoryNotFoundError),
            "no such model; check the name, or log in with `hf auth login`",
        ),
        (lambda: http_error(errors.GatedRepoError), "conditions must be accepted first"),
        (lambda: http_error(errors.RevisionNotFoundError), "no revision v9"),
        (lambda: errors.LocalEntryNotFoundError("offline"), "cannot be reached, and its cache does not hold the model"),
        (lambda: OSError(28, "No space left on device"), "No space left"),
        (lambda: pytest.importorskip("httpx").ReadError("broke off"), "not be fetched from the hub (broke off)"),
    ],
)
def test_what_the_hub_answers_is_said_plainly(
    make: Callable[[], Exception], advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(*_: Any, **__: Any) -> str:
        raise make()

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(ModelNotFoundError) as error:
        open_source("someone/their-whisper", "v9")
    assert str(error.value).startswith("someone/their-whisper: is no folder here")
    assert advice in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("source", ["nowhere", "./a/b/c", "/no/such/folder", "a b/c", "~nobody/x/y", "x" * 300])
def test_neither_a_folder_nor_a_hub_id(source: str) -> None:
    with pytest.raises(ModelNotFoundError, match="no folder here, and no hub id either"):
        open_source(source)


def test_folders_that_are_no_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"neither a converted model|holds no model itself"):
        open_source(str(tmp_path))
    converted = convert(str(checkpoint), tmp_path / "out").path
    with pytest.raises(CheckpointError, match="is a converted model already"):
        open_source(str(converted))
    with pytest.raises(ModelNotFoundError, match="--revision v1"):
        open_source(str(checkpoint), "v1")
