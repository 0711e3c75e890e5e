"""A folder that cannot be listed is one line in `errors.jsonl`, and the rest goes on."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from click.testing import CliRunner
from fsspec.implementations.memory import MemoryFileSystem

from anime_whisper_ct2 import Corpus, CorpusRun, FakeEngine, RunOptions
from anime_whisper_ct2.cli import main
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import FrontendOptions
from anime_whisper_ct2.output.lines import read_lines
from anime_whisper_ct2.output.metrics import Totals
from anime_whisper_ct2.readers import remote_errors
from anime_whisper_ct2.readers.files import below
from anime_whisper_ct2.records import Recording, Unreadable

# Of a folder, Windows gives its own number; elsewhere nobody looks at it.
ACCESS_DENIED = 5
IN_PROCESS = RunOptions(frontend=FrontendOptions(workers=0))


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of folders that cannot be listed: root, which runs these tests, may list every one."""
    names: set[str] = set()
    scandir = os.scandir

    def refusing(path: Any = ".") -> Any:
        if os.path.basename(os.fspath(path)) in names:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path, ACCESS_DENIED)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    return names


@pytest.fixture
def corpus(tmp_path: Path, write_tone: Callable[..., Path], locked: set[str]) -> Path:
    for name in ("a/1.wav", "a/lost+found/2.wav", "lost+found/3.wav", "z.wav"):
        write_tone(f"corpus/{name}", 0.3)
    locked.add("lost+found")
    return tmp_path / "corpus"


def listed(*inputs: Path | str, **options: Any) -> list[Recording]:
    return list(Corpus(tuple(map(str, inputs)), **options))


def ids(*inputs: Path | str, **options: Any) -> list[str]:
    return [recording.id for recording in listed(*inputs, **options)]


def execute(corpus: Path, out: Path, model: Path, **options: Any) -> Totals:
    return CorpusRun(
        Corpus((str(corpus),), **options), out, open_model_dir(model), IN_PROCESS, open_engine=lambda *_: FakeEngine()
    ).run()


def test_it_stands_among_the_recordings_where_it_lies(corpus: Path) -> None:
    assert ids(corpus) == ["a/1.wav", "a/lost+found/", "lost+found/", "z.wav"]
    (_, inner, _, _) = listed(corpus)
    assert isinstance(inner.audio, Unreadable)
    assert inner.audio.message.startswith(f"{corpus / 'a' / 'lost+found'}: cannot be listed: Permission denied")
    assert inner.audio.message.endswith('leave it out with --exclude "a/lost+found/*"')


def test_the_same_is_counted_listed_and_referred_to(corpus: Path) -> None:
    one = Corpus((str(corpus),))
    one.check()
    assert one.count() == len(list(one)) == len(list(one.references())) == 4
    with pytest.raises(InputError, match="would both have the id 'lost"):
        Corpus((str(corpus), f"{corpus}/a")).check()


@pytest.mark.parametrize("pattern", ["*lost+found/*", "*lost+found/", "*lost+found"])
def test_a_pattern_leaves_it_out(corpus: Path, pattern: str) -> None:
    assert ids(corpus, exclude=(pattern,)) == ["a/1.wav", "z.wav"]
    assert ids(corpus, exclude=("a/*", pattern.lstrip("*"))) == ["z.wav"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a/*", ["a/1.wav", "a/lost+found/"]),
        ("a/1*", ["a/1.wav"]),
        ("z.wav", ["z.wav"]),
        ("lost+found/x/*.wav", ["lost+found/"]),
        ("*.wav", ["a/1.wav", "a/lost+found/", "lost+found/", "z.wav"]),
    ],
)
def test_with_include_it_counts_where_something_that_is_wanted_may_lie_in_it(
    corpus: Path, pattern: str, expected: list[str]
) -> None:
    assert ids(corpus, include=(pattern,)) == expected
    assert Corpus((str(corpus),), (pattern,)).count() == len(expected)


def test_it_belongs_to_one_part_of_the_corpus(corpus: Path) -> None:
    parts = [ids(corpus, shard=(i, 3)) for i in range(3)]
    assert sorted(id_ for part in parts for id_ in part) == ids(corpus)


def test_the_input_itself_is_refused_and_one_of_many_that_a_pattern_matches_is_not(corpus: Path) -> None:
    with pytest.raises(InputError, match=r"lost\+found: cannot be listed: Permission denied"):
        ids(corpus / "lost+found")
    assert ids(f"{corpus}/*") == ["a/1.wav", "a/lost+found/", "lost+found/", "z.wav"]


def test_texts_to_compare_with_are_never_read_with_a_hole_in_them(corpus: Path) -> None:
    with pytest.raises(InputError, match="cannot be listed"):
        list(below(str(corpus), ("txt",)))


def test_a_folder_that_may_be_listed_and_not_entered_loses_no_folder(
    corpus: Path, locked: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    locked.clear()
    stat = os.stat

    def refusing(path: Any, *args: Any, **options: Any) -> os.stat_result:
        if str(path).startswith(os.path.join(corpus, "a", "")):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path, ACCESS_DENIED)
        return stat(path, *args, **options)

    monkeypatch.setattr(os, "stat", refusing)
    assert ids(corpus) == ["a/1.wav", "a/lost+found/", "lost+found/3.wav", "z.wav"]


def test_a_run_goes_on_and_names_it_again_until_it_can_be_read(
    corpus: Path, tmp_path: Path, tiny_model: Path, locked: set[str]
) -> None:
    out = tmp_path / "out"
    totals = execute(corpus, out, tiny_model)
    assert (totals.found, totals.done, totals.failed) == (4, 2, 2)
    errors = list(read_lines(out / "errors.jsonl"))
    assert sorted(line["id"] for line in errors) == ["a/lost+found/", "lost+found/"]
    assert {(line["stage"], line["error"]) for line in errors} == {("read", "FolderError")}
    again = execute(corpus, out, tiny_model)
    assert (again.resumed, again.done, again.failed) == (2, 0, 2)
    assert len(list(read_lines(out / "errors.jsonl"))) == 2
    locked.clear()
    mended = execute(corpus, out, tiny_model)
    assert (mended.resumed, mended.done, mended.failed) == (2, 2, 0)


@pytest.mark.parametrize(("more", "status"), [((), 3), (("--exclude", "*lost+found/*"), 0)])
def test_the_exit_status_says_whether_it_was_left_out(
    corpus: Path, tmp_path: Path, tiny_model: Path, more: tuple[str, ...], status: int
) -> None:
    given = ["run", str(corpus), "-m", str(tiny_model), "-o", str(tmp_path / "out"), "--workers", "0", *more]
    assert CliRunner().invoke(main, given).exit_code == status


class Refusing(MemoryFileSystem):  # type: ignore[misc] # fsspec ships no types
    """Memory in which folders called `locked` are refused, and those called `dead` cannot be reached."""

    protocol = "refusing"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> Any:
        return super()._strip_protocol(path.replace("refusing://", "memory://", 1))

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        if path.rstrip("/").endswith("locked"):
            raise PermissionError(path)
        if path.rstrip("/").endswith("dead"):
            raise ConnectionResetError("the line went dead")
        return super().ls(path, detail=detail, **kwargs)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    Refusing.store.clear()
    monkeypatch.setattr(remote_errors, "_DELAYS_S", ())
    fsspec.register_implementation("refusing", Refusing, clobber=True)
    system = Refusing()
    for name in ("a.wav", "locked/b.wav", "z.wav"):
        system.pipe_file(f"/refused/{name}", b"x")
    return system


def test_behind_a_url_a_refusal_is_a_line_and_a_broken_way_ends_the_run(refusing: Refusing) -> None:
    assert ids("refusing://refused") == ["a.wav", "locked/", "z.wav"]
    hole = listed("refusing://refused")[1].audio
    assert isinstance(hole, Unreadable)
    assert hole.message.startswith("refusing://refused/locked: forbidden; ")
    with pytest.raises(InputError, match="refused/locked: forbidden"):
        ids("refusing://refused/locked")
    refusing.pipe_file("/refused/dead/c.wav", b"x")
    with pytest.raises(InputError, match="the line went dead"):
        ids("refusing://refused")
