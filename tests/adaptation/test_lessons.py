"""What a lesson was when it was kept is what is read, and what a stopped process left torn is not there."""

from __future__ import annotations

import errno
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anime_whisper_ct2.adaptation.lessons import INDEX, TEACHER, Entry, Lesson, LessonStore, Teacher
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.records import LogMel
from anime_whisper_ct2.system import files

WHOSE = Teacher("ab" * 32, "ja", (1, 2, 3, 4), "mix", 80)


def lesson(id_: str, tokens: int = 5, frames: int = 40, *, usable: bool = True) -> Lesson:
    rng = np.random.default_rng(len(id_) + tokens)
    return Lesson(
        id=id_,
        mel=LogMel(rng.normal(size=(80, frames)).astype(np.float32), -0.123456789),
        tokens=tuple(range(100, 100 + tokens)),
        hidden=rng.normal(size=(tokens, 6)).astype(np.float16),
        text="おはよう",
        seconds=frames / 100,
        usable=usable,
    )


def assert_equal(one: Lesson, other: Lesson) -> None:
    for name in ("id", "tokens", "text", "seconds", "usable"):
        assert getattr(one, name) == getattr(other, name)
    assert one.mel.floor == other.mel.floor
    for a, b in ((one.mel.values, other.mel.values), (one.hidden, other.hidden)):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)


@pytest.mark.parametrize(
    "kept",
    [
        lesson("a/b.wav"),
        lesson("s3://bucket/長い 名前.ogg", usable=False),
        lesson("no-utf8-\udcff.wav"),
        replace(lesson("half"), mel=LogMel(np.ones((80, 3), np.float16), -1.0)),
        replace(lesson("odd"), text="\0 \n\udc80 "),
        lesson("one-token", tokens=1, frames=1),
    ],
    ids=lambda one: ascii(one.id),
)
def test_a_lesson_is_read_as_it_was_kept_also_by_whoever_opens_the_folder_later(kept: Lesson, tmp_path: Path) -> None:
    store = LessonStore(tmp_path / "deep" / "lessons", WHOSE)
    assert not store.has(kept.id)
    store.add(kept)
    for each in (store, LessonStore(tmp_path / "deep" / "lessons", WHOSE)):
        assert each.has(kept.id)
        assert_equal(each.read(kept.id), kept)
        assert each.entries() == [Entry(kept.id, kept.mel.values.shape[1], len(kept.tokens), kept.usable)]
        assert len(each.entries()[0].content) == 32
        assert each.frames(kept.id) == kept.mel.values.shape[1]


def test_the_order_and_the_digest_do_not_depend_on_what_was_heard_first(tmp_path: Path) -> None:
    one, other = LessonStore(tmp_path / "one", WHOSE), LessonStore(tmp_path / "other", WHOSE)
    for id_ in "bca":
        one.add(lesson(id_))
    for id_ in "abc":
        other.add(lesson(id_))
    assert list(one) == list(other)
    assert [entry.id for entry in one] == ["a", "b", "c"]
    assert one.digest("abc") == other.digest("abc") != one.digest("ab")
    assert one.digest("abc") != one.digest("bca")
    assert {path.name: path.read_bytes() for path in (tmp_path / "one").glob("*.npz")} == {
        path.name: path.read_bytes() for path in (tmp_path / "other").glob("*.npz")
    }


def test_a_lesson_that_is_kept_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    store = LessonStore(tmp_path, WHOSE)
    store.add(lesson("a", usable=False))
    store.add(lesson("a", tokens=7))
    for each in (store, LessonStore(tmp_path, WHOSE)):
        assert len(each) == 1
        assert_equal(each.read("a"), lesson("a", tokens=7))


def test_a_lesson_is_of_the_audio_that_it_was_made_of(tmp_path: Path) -> None:
    store = LessonStore(tmp_path, WHOSE)
    store.add(lesson("a"), "old")
    store.add(lesson("b"))
    for each in (store, LessonStore(tmp_path, WHOSE)):
        assert (each.has("a"), each.has("a", "old"), each.has("a", "new")) == (True, True, False)
        # Whoever kept it did not say of which.
        assert (each.has("b"), each.has("b", "new")) == (True, True)
    store.add(lesson("a"), "new")
    assert LessonStore(tmp_path, WHOSE).has("a", "new")
    assert not LessonStore(tmp_path, WHOSE).has("a", "old")


def test_lines_of_an_older_version_count_and_so_does_a_training_with_them(tmp_path: Path) -> None:
    store = LessonStore(tmp_path, WHOSE)
    store.add(lesson("a"), "of")
    line = json.loads((tmp_path / INDEX).read_bytes())
    older = {name: line[name] for name in ("id", "frames", "tokens", "usable", "bytes")}
    (tmp_path / INDEX).write_text(json.dumps(older) + "\n", encoding="utf-8")
    found = LessonStore(tmp_path, WHOSE)
    assert found.has("a", "any")
    assert_equal(found.read("a"), lesson("a"))
    assert found.digest("a") == hashlib.sha256(b'[["a", 40, 5]]').hexdigest()


def test_the_digest_tells_other_words_of_the_same_number(tmp_path: Path) -> None:
    one, other = LessonStore(tmp_path / "one", WHOSE), LessonStore(tmp_path / "other", WHOSE)
    one.add(lesson("a"))
    other.add(replace(lesson("a"), tokens=(9, 9, 9, 9, 9)))
    assert one.digest("a") != other.digest("a")


def test_a_torn_last_line_is_cut_off_and_its_lesson_heard_again(tmp_path: Path) -> None:
    store = LessonStore(tmp_path, WHOSE)
    for id_ in "abc":
        store.add(lesson(id_))
    index = tmp_path / INDEX
    index.write_bytes(index.read_bytes()[:-9])
    store = LessonStore(tmp_path, WHOSE)
    assert [entry.id for entry in store] == ["a", "b"]
    store.add(lesson("c"))
    assert [entry.id for entry in LessonStore(tmp_path, WHOSE)] == ["a", "b", "c"]


def test_a_lesson_without_a_line_a_line_without_a_lesson_and_what_is_no_line_are_not_there(tmp_path: Path) -> None:
    store = LessonStore(tmp_path, WHOSE)
    for id_ in "abc":
        store.add(lesson(id_))
    lines = (tmp_path / INDEX).read_bytes().splitlines(keepends=True)
    (tmp_path / INDEX).write_bytes(lines[0] + lines[1] + b"{}\n[]\n\xff\n")
    path = next(path for path in tmp_path.glob("*.npz") if b'"id": "b"' in path.read_bytes())
    path.write_bytes(path.read_bytes()[:-1])
    assert [entry.id for entry in LessonStore(tmp_path, WHOSE)] == ["a"]
    path.unlink()
    assert [entry.id for entry in LessonStore(tmp_path, WHOSE)] == ["a"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": "cd" * 32}, "another checkpoint"),
        ({"language": "en"}, "another language"),
        ({"prompt": (1, 2)}, "another prompt"),
        ({"channel": "left", "n_mels": 128}, "another channel of the audio, another number of mel bands"),
    ],
)
def test_lessons_of_another_teacher_are_refused_by_what_differs(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    LessonStore(tmp_path, WHOSE).add(lesson("a"))
    with pytest.raises(InputError) as caught:
        LessonStore(tmp_path, replace(WHOSE, **change))
    assert str(caught.value) == (
        f"{tmp_path}: holds the lessons of another teacher ({words}); remove it, or name another --work"
    )
    assert LessonStore(tmp_path, WHOSE).has("a")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_lessons_of_nobody_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / TEACHER).write_bytes(content)
    with pytest.raises(InputError, match=r"does not say whose lessons these are; remove .*, or name another --work"):
        LessonStore(tmp_path, WHOSE)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"spoilt"])
def test_a_file_that_was_spoilt_since_is_named(content: bytes, tmp_path: Path) -> None:
    store = LessonStore(tmp_path, WHOSE)
    store.add(lesson("a"))
    path = next(tmp_path.glob("*.npz"))
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"\.npz: is not the lesson that was written there .*; remove it, and go on"):
        store.read("a")


def test_a_bit_that_was_turned_is_noticed(tmp_path: Path) -> None:
    store = LessonStore(tmp_path, WHOSE)
    store.add(lesson("a"))
    path = next(tmp_path.glob("*.npz"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not the lesson that was written there"):
        store.read("a")


def test_what_a_full_disk_did_not_take_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = LessonStore(tmp_path, WHOSE)
    monkeypatch.setattr(files, "put", full)
    with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\); make room, or choose"):
        store.add(lesson("a"))
    assert not store.has("a")
    assert not LessonStore(tmp_path, WHOSE).has("a")
