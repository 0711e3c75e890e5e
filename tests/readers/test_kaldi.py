"""Kaldi folders give their utterances or segments, and no command in them is ever run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.readers.lists.kaldi import wav_scp
from anime_whisper_ct2.records import Excerpt, Recording
from tests.support.listings import BYTES, Write, check_all, message, writer


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


class TestKaldi:
    def test_utterances_with_text_and_speaker(self, write: Write, tmp_path: Path) -> None:
        path = write("wav.scp", b"u1 a b.ogg \r\nu2\t/data/c.flac\n\nu3 \xe3\x81\x82\xff.ogg\n")
        write("text", b"u1 \xe3\x81\x82  b\nu2\nu3 \xff\n")
        write("utt2spk", "u1 alice\nu9 bob\n")
        first, last = str(tmp_path / "a b.ogg"), str(tmp_path / "あ\udcff.ogg")
        assert list(wav_scp(path)) == [
            Recording("u1", first, first, {"text": "あ  b", "speaker": "alice"}),
            Recording("u2", "/data/c.flac", "/data/c.flac", {"text": ""}),
            Recording("u3", last, last, {"text": "\ufffd"}),
        ]

    def test_commands_are_refused_and_never_run(self, write: Write, tmp_path: Path) -> None:
        trace = tmp_path / "trace"
        rows = [
            f"u1 touch {trace} |",
            "u2 -",
            f"u3 | touch {trace}",
            "u4 x.ark:1234",
            "u5 x.ark:7[0:9]",
            "u6",
            "u7 a.ogg",
        ]
        u1, u2, u3, ark, piece, empty, good, again = wav_scp(write("wav.scp", "\n".join([*rows, "u7 b.ogg"])))
        for pipe in (u1, u2, u3):
            assert "never run" in message(pipe, "KaldiPipe")
        for part in (ark, piece):
            assert "archive" in message(part, "KaldiArchive")
        assert "names no audio" in message(empty)
        assert [each.id for each in (u1, u2, u3, ark, piece, empty, good)] == [f"u{n}" for n in range(1, 8)]
        assert good.audio == str(tmp_path / "a.ogg")
        assert "'u7'" in message(again, "DuplicateId")
        assert not trace.exists()

    def test_segments_are_the_recordings_where_there_are_some(self, write: Write, tmp_path: Path) -> None:
        path = write("wav.scp", "r1 a.ogg\nr2 sox x |\nr3 unused.ogg\nr4 a.ogg\nr4 b.ogg\n")
        write("segments", "s1 r1 0.5 2.25\ns2 r1 3 -1\ns3 r1 0 -1.0\n")
        write("text", "s1 あ\nr1 no\n")
        a = str(tmp_path / "a.ogg")
        assert list(wav_scp(path)) == [
            Recording("s1", a, Excerpt(a, 0.5, 1.75), {"text": "あ"}),
            Recording("s2", a, Excerpt(a, 3.0, None), {}),
            Recording("s3", a, Excerpt(a, 0.0, None), {}),
        ]
        write(
            "segments",
            "b1 r9 0 1\nb2 r1 2 2\nb3 r1 -2 1\nb4 r1 0 x\nb5 r1 0 1 1\nb6 r1\nb7 r2 0 1\nb8 r4 0 1\nb2 r1 0 1\n",
        )
        *bad, pipe, doubled, again = wav_scp(path)
        assert [recording.id for recording in bad] == ["b1", "b2", "b3", "b4", "b5", "b6"]
        reasons = [
            "'r9' is not in wav.scp",
            "ends at 2 s",
            "the start is '-2'",
            "the end is 'x'",
            "5 fields",
            "2 fields",
        ]
        for recording, reason in zip(bad, reasons, strict=True):
            assert reason in message(recording)
        assert "never run" in message(pipe, "KaldiPipe")
        assert "'r4' again in line 5" in message(doubled, "DuplicateId")
        assert again.id == "segments:9"
        assert "'b2'" in message(again, "DuplicateId")

    def test_a_path_may_start_from_the_current_folder(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write("data/train/wav.scp", "u1 audio/a.ogg\nu2 audio/b.ogg\nu3 audio/c.ogg\n")
        write("audio/a.ogg", "")
        write("audio/b.ogg", "")
        write("data/train/audio/b.ogg", "")
        monkeypatch.chdir(tmp_path)
        here = tmp_path / "data" / "train"
        assert [recording.name for recording in wav_scp(path)] == [
            "audio/a.ogg",
            os.path.join(here, "audio", "b.ogg"),
            os.path.join(here, "audio", "c.ogg"),
        ]

    def test_lhotse_reads_the_same_stretches(self, write: Write, write_tone: Callable[..., Path]) -> None:
        from lhotse.kaldi import load_kaldi_data_dir

        for name in ("r1", "r2"):
            write_tone(f"{name}.wav", seconds=3.0)
        path = write("wav.scp", "".join(f"{name} {Path(write_tone(f'{name}.wav', 3.0))}\n" for name in ("r1", "r2")))
        write("segments", "s1 r1 0.25 1.5\ns2 r2 1 3\ns3 r2 0 0.75\n")
        write("text", "s1 いち\ns2 に\ns3 さん\n")
        write("utt2spk", "s1 alice\ns2 bob\ns3 bob\n")
        recordings, supervisions, _ = load_kaldi_data_dir(Path(path).parent, sampling_rate=16_000)
        theirs = {
            s.id: (recordings[s.recording_id].sources[0].source, s.start, s.duration, s.text, s.speaker)
            for s in supervisions
        }
        ours = {}
        for r in wav_scp(path):
            assert isinstance(r.audio, Excerpt)
            ours[r.id] = (r.audio.audio, r.audio.offset_s, r.audio.duration_s, r.meta["text"], r.meta["speaker"])
        assert ours.keys() == theirs.keys()
        for id_, (name, offset_s, duration_s, *about) in theirs.items():
            assert ours[id_][0] == name
            assert list(ours[id_][3:]) == about
            np.testing.assert_allclose(ours[id_][1:3], (offset_s, duration_s))

    def test_a_folder_may_lie_behind_a_url(self) -> None:
        files = {"wav.scp": b"u1 a.ogg\n", "text": "u1 あ\n".encode(), "segments": b"s1 u1 0 1\n"}
        for name, content in files.items():
            fsspec.filesystem("memory").pipe(f"/kaldi/{name}", content)
        (found,) = wav_scp("memory://kaldi/wav.scp")
        assert found == Recording("s1", "memory://kaldi/a.ogg", Excerpt("memory://kaldi/a.ogg", 0.0, 1.0), {})


@settings(max_examples=200)
@given(scp=BYTES, segments=st.none() | BYTES, text=BYTES)
@example(scp=b"r1 a.wav", segments=b"s r1 nan -1", text=b"\xff")
def test_any_bytes_give_unique_ids_and_metadata_that_is_json(
    tmp_path: Path, scp: bytes, segments: bytes | None, text: bytes
) -> None:
    for name, content in (("wav.scp", scp), ("segments", segments), ("text", text), ("utt2spk", text)):
        (tmp_path / name).unlink(missing_ok=True)
        if content is not None:
            (tmp_path / name).write_bytes(content)
    check_all(lambda: wav_scp(str(tmp_path / "wav.scp")))
