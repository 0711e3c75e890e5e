"""Digests are those of the whole files, and whoever waits for one hears of it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2_convert.averaging import hashing


def test_whoever_waits_is_told_of_every_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(path.name.encode() * 2500)
    # One piece more is read only when somebody has heard of the last.
    gate, chunks = threading.Semaphore(1), hashing._chunks

    def gated(path: Path) -> Iterator[bytes]:
        for chunk in chunks(path):
            assert gate.acquire(timeout=60)
            yield chunk

    monkeypatch.setattr(hashing, "_CHUNK_BYTES", 1000)
    monkeypatch.setattr(hashing, "_chunks", gated)
    told: list[int] = []

    def tell() -> None:
        told.append(hashes.n_bytes)
        gate.release()

    with hashing.hashing(paths) as hashes:
        assert list(hashes.each(tell)) == [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    # Six pieces, of which the last may be read by the time that somebody looks.
    assert len(told) >= 5
    assert told == sorted(told)
    assert {1000, 2000} <= {*told}


def test_what_nobody_waits_for_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_: Path) -> Iterator[bytes]:
        while True:
            yield bytes(1 << 20)

    monkeypatch.setattr(hashing, "_chunks", endless)
    with pytest.raises(KeyboardInterrupt), hashing.hashing([tmp_path / "a", tmp_path / "b"]):
        raise KeyboardInterrupt


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    def ask(call: Any) -> None:
        with pytest.raises(CheckpointError, match=r"gone: cannot be read \(No such file"):
            call()

    ask(lambda: hashing.size_of(tmp_path / "gone"))
    ask(lambda: hashing.digest_of(tmp_path / "gone", len))
    with hashing.hashing([tmp_path / "gone"]) as hashes:
        ask(lambda: list(hashes.each()))
