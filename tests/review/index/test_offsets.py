"""Where lines begin, however the blocks fall that they are read in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.review.index import offsets
from anime_whisper_ct2.review.index.offsets import find_lines


@given(st.lists(st.sampled_from([b"", b"a", b"ab\r", b"abcdefgh"])), st.sampled_from([b"", b"x", b"torn line"]))
def test_lines_begin_behind_the_ends_of_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[bytes], torn: bytes
) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"".join(line + b"\n" for line in lines) + torn)
    wanted, at = [], 0
    for line in lines:
        wanted.append(at)
        at += len(line) + 1
    for block in (1, 3, 1 << 20):
        monkeypatch.setattr(offsets, "_BLOCK_BYTES", block)
        found = find_lines(path)
        assert found.offsets.tolist() == wanted
        assert found.torn == bool(torn)
        assert found.longest == max([len(line) + 1 for line in lines] + [len(torn)], default=0)


def test_a_key_is_seen_between_two_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b'{"id": "x", "segments": [{"words": [{"start": 0}]}]}\n')
    for block in range(12, 60):
        monkeypatch.setattr(offsets, "_BLOCK_BYTES", block)
        assert find_lines(path).words
    path.write_bytes(b'{"id": "\\"words\\": [{", "segments": [{"words": []}]}\n')
    assert not find_lines(path).words
