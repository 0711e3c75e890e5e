"""An index is made of whatever lies in a run's file, is made anew where that changed, and nobody shares one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock
from zlib import crc32

import duckdb
import pytest

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.lines import TRANSCRIPTS, to_json
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.records import Transcript, Word
from anime_whisper_ct2.review.index import files as index_files
from anime_whisper_ct2.review.index.index import Index, open_index
from anime_whisper_ct2.review.index.queries import Filters
from tests.support.places import PYTHONPATH
from tests.support.runs import LONG, segment, short, transcript, write_run

SOME = (short("c/1.ogg", "しー"), short("a/1.ogg", "えー"), LONG, transcript("d/無音.ogg"))


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Index]:
    return lambda file, **more: open_index(file, cache=tmp_path / "cache", **more)


def agrees(index: Index, file: Path) -> None:
    """See that recordings and segments are those of the strict reader."""
    row = 0
    for rec, known in enumerate(RunFolder(file).transcripts()):
        assert index.id_of(rec) == known.id
        assert index.record_of(known.id) == rec
        assert index.transcript(rec) == known
        for here, one in zip(index.rows(index.rows_of(rec)), known.segments, strict=True):
            assert (here.row, here.id, here.text) == (row, known.id, one.text)
            assert (here.start, here.end, here.logprob, here.doubt) == (one.start, one.end, one.avg_logprob, one.doubt)
            row += 1
    assert index.total == row
    assert len(index.queue(Filters()).rows) == row


def written(folder: Path, *lines: Transcript | str | bytes, end: bytes = b"") -> Path:
    folder.mkdir()
    file = folder / TRANSCRIPTS
    raw = [
        each if isinstance(each, bytes) else (each if isinstance(each, str) else to_json(each)).encode()
        for each in lines
    ]
    file.write_bytes(b"".join(line + b"\n" for line in raw) + end)
    return file


def test_a_second_start_makes_nothing(
    tmp_path: Path, opened: Callable[..., Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_run(tmp_path / "run", *SOME) / TRANSCRIPTS
    progress: list[float] = []
    with opened(file, on_progress=progress.append) as index:
        agrees(index, file)
    assert progress == sorted(progress)
    assert (progress[0] < 0.5, progress[-1]) == (True, 1.0)
    monkeypatch.setattr(index_files, "load", None)
    with opened(file) as index:
        agrees(index, file)
        assert index.rows([0])[0].text == "えー"


def test_it_is_made_anew_where_the_run_went_on(tmp_path: Path, opened: Callable[..., Index]) -> None:
    file = write_run(tmp_path / "run", *SOME) / TRANSCRIPTS
    with opened(file) as index:
        index.note_reviewed({"edits-x.jsonl": 9})
    with file.open("ab") as more:
        more.write(to_json(short("b/0.ogg")).encode() + b"\n")
    with opened(file) as index:
        agrees(index, file)
        assert index.total == 6
        assert index.reviewed == {}


def test_what_was_changed_while_it_is_open_is_not_taken_for_what_was_seen(
    tmp_path: Path, opened: Callable[..., Index]
) -> None:
    file = write_run(tmp_path / "run", *SOME) / TRANSCRIPTS
    with opened(file) as index:
        file.write_bytes(to_json(short("another.ogg")).encode() + b"\n")
        for rec in range(4):
            with pytest.raises(InputError, match="changed since"):
                index.transcript(rec)


def test_a_torn_last_line_counts_for_nothing_and_of_two_lines_the_later_one_counts(
    tmp_path: Path, opened: Callable[..., Index]
) -> None:
    whole = to_json(short("z.ogg", "最後")).encode()
    for number, torn in enumerate((b"", whole[:40], whole, b"  ")):
        file = written(tmp_path / f"run{number}", *SOME, short("a/1.ogg", "後の"), end=torn)
        with opened(file) as index:
            agrees(index, file)
            assert index.total == 5
            assert index.rows([0])[0].text == "後の"
            assert index.record_of("z.ogg") is None


def test_ids_and_texts_may_hold_anything_that_a_run_can_write(tmp_path: Path, opened: Callable[..., Index]) -> None:
    ids = (
        "b\udc80x/1.ogg",
        "\uff41.ogg",
        "\U0001f642.ogg",
        "改\n行'\"<b>;--.ogg",
        "a\x00b.ogg",
        "か\u3099.ogg",
        "*?[x].ogg",
    )
    many = [transcript(id_, segment(0.0, 1.0, f"\udcff{id_}" if "\udc80" in id_ else id_)) for id_ in ids]
    file = written(tmp_path / "run", *many, *SOME)
    with opened(file) as index:
        agrees(index, file)
        assert index.notes == ("1 line of transcripts.jsonl had to be read one by one, which is slower",)
        assert [index.id_of(rec) for rec in range(11)] == sorted((*ids, *(one.id for one in SOME)))
        for id_ in ids:
            (row,) = index.rows_of(index.record_of(id_) or 0)
            assert row in index.queue(Filters(search=id_)).rows.tolist()
            assert index.rows([row])[0].id == id_
            if not {"*", "?", "["} & set(id_):
                assert index.queue(Filters(path=id_)).rows.tolist() == [row]
        assert len(index.queue(Filters(path="が.ogg")).rows) == 1
        assert len(index.queue(Filters(path="[[]x].ogg")).rows) == 0
        assert index.rows(index.rows_of(index.record_of(ids[0]) or 0))[0].speaker == "b\udc80x"


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "",
        '{"id": "x"}',
        '{"id": 5, "segments": []}',
        to_json(short("x.ogg")).replace("1.5", '"later"', 2),
        to_json(short("x.ogg")).replace('"end": 1.5', '"end": NaN'),
        to_json(short("x.ogg")).replace('"end": 1.5', '"end": -1.5'),
        to_json(short("x.ogg")).replace('"text": "はい", "avg', '"text": null, "avg'),
        to_json(short("x.ogg")).replace('"avg_logprob": -0.2', '"avg_logprob": "?"'),
    ],
)
def test_a_line_that_no_run_wrote_is_named_as_the_strict_reader_names_it(
    tmp_path: Path, opened: Callable[..., Index], line: str
) -> None:
    file = written(tmp_path / "run", *SOME, line, short("z.ogg"))
    with pytest.raises(InputError, match="line 5: not a line that a run wrote"):
        opened(file)
    file.write_text(to_json(SOME[0]) + "\n", encoding="utf-8")
    with opened(file) as index:
        agrees(index, file)


def test_what_our_own_reader_takes_is_in_the_index_also_where_duckdb_would_not(
    tmp_path: Path, opened: Callable[..., Index]
) -> None:
    far = to_json(short("y.ogg")).replace('"doubt"', '"x"').replace("1.5", "15e-1")
    odd = to_json(transcript("x.ogg", segment(0.0, 1.5, "\udc80"), segment(2.0, 3.0, "ふたつ", -0.5, "fast")))
    long = json.dumps(
        {"id": "w.ogg", **json.loads(to_json(short("w.ogg"))), "meta": {"text": "x" * (20 << 20), "speaker": "私"}}
    )
    file = written(tmp_path / "run", far, odd, long, *SOME)
    with opened(file) as index:
        agrees(index, file)
        rec = index.record_of("w.ogg")
        assert rec is not None
        assert index.rows(index.rows_of(rec))[0].speaker == "私"
        assert "fast" in dict(index.queue(Filters(path="x.ogg")).flags)


def test_a_file_that_duckdb_cannot_open_is_read_line_by_line(tmp_path: Path, opened: Callable[..., Index]) -> None:
    for name in ("runs *?[1] {a}", "x'); DROP TABLE run; --", "実行 結果.jsonl.gz"):
        file = write_run(tmp_path / name, *SOME) / TRANSCRIPTS
        with opened(file) as index:
            agrees(index, file)
            assert index.notes == ()
        # And the cache may be called so, and a line be read by our own reader.
        odd = written(tmp_path / f"{name} too", *SOME, transcript("\udc80.ogg", segment(0.0, 1.0)))
        with open_index(odd, cache=tmp_path / name) as index:
            agrees(index, odd)


@pytest.mark.posix
def test_a_folder_whose_name_is_no_utf8_can_be_opened(tmp_path: Path, opened: Callable[..., Index]) -> None:
    file = write_run(Path(os.fsdecode(os.fsencode(tmp_path) + b"/run \xff")), *SOME) / TRANSCRIPTS
    with opened(file) as index:
        agrees(index, file)
        assert index.notes == ("4 lines of transcripts.jsonl had to be read one by one, which is slower",)
    with open_index(file, cache=file.parent) as index:
        agrees(index, file)
    assert not (file.parent / "review").exists()


def test_a_run_without_recordings_has_no_rows(tmp_path: Path, opened: Callable[..., Index]) -> None:
    file = written(tmp_path / "run")
    with opened(file) as index:
        frozen = index.queue(Filters(search="x", flag="fast"))
        assert (index.total, frozen.rows.tolist(), frozen.seconds, frozen.speakers) == (0, [], 0.0, ())
        assert index.rows([0]) == []
        assert index.update([]) == {}


def test_words_are_seen_wherever_they_are(tmp_path: Path, opened: Callable[..., Index]) -> None:
    from dataclasses import replace

    one = transcript("y.ogg", replace(segment(0.0, 1.0, "はい"), words=(Word(0.0, 1.0, "はい", 0.9),)))
    with opened(written(tmp_path / "with", *SOME, one)) as index:
        assert index.words
    with opened(written(tmp_path / "without", *SOME, short("x.ogg", '"words": [{"start"'))) as index:
        assert not index.words


def test_parts_are_those_of_the_option_shard(tmp_path: Path, opened: Callable[..., Index]) -> None:
    many = [short(f"s\udc80/{number}.ogg") for number in range(20)]
    file = written(tmp_path / "run", *many)
    ids = set()
    for part in range(3):
        with opened(file, slice_=(part, 3)) as index:
            mine = {index.id_of(rec) for rec in range(index.total)}
            assert mine == {one.id for one in many if crc32(one.id.encode("utf-8", "surrogatepass")) % 3 == part}
            assert index.transcript(0).id == index.id_of(0)
            ids |= mine
    assert len(ids) == 20


def test_another_process_gets_an_index_of_its_own(tmp_path: Path, opened: Callable[..., Index]) -> None:
    file = write_run(tmp_path / "run", *SOME) / TRANSCRIPTS
    code = (
        "import sys; from pathlib import Path; from anime_whisper_ct2.review.index.index import open_index\n"
        "with open_index(Path(sys.argv[1]), cache=Path(sys.argv[2])) as index: print(index.total)"
    )
    with opened(file) as here, opened(file) as beside:
        done = _child(code, file, tmp_path / "cache")
        agrees(here, file)
        agrees(beside, file)
    assert done.stdout.split() == ["5"]
    assert len(list((tmp_path / "cache" / "review").iterdir())) == 3


def test_what_is_broken_in_the_cache_is_made_again(tmp_path: Path, opened: Callable[..., Index]) -> None:
    file = write_run(tmp_path / "run", *SOME) / TRANSCRIPTS
    opened(file).close()
    (folder,) = (tmp_path / "cache" / "review").iterdir()
    for name in ("index.duckdb", "ids.npy", "begins.npy"):
        (folder / name).write_bytes(b"broken")
        with opened(file) as index:
            agrees(index, file)
        (folder / name).unlink()
        with opened(file) as index:
            agrees(index, file)


def test_what_was_broken_off_while_it_was_made_is_made_again(
    tmp_path: Path, opened: Callable[..., Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_run(tmp_path / "run", *SOME) / TRANSCRIPTS
    with monkeypatch.context() as patched:
        patched.setattr(index_files, "set_risks", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            opened(file)
    with opened(file) as index:
        agrees(index, file)


@pytest.mark.parametrize(
    "spoiled", ["DELETE FROM about", "UPDATE about SET content = '[]'", "DROP TABLE vocabulary", "DROP TABLE segments"]
)
def test_what_another_version_left_or_nobody_finished_is_made_again(
    tmp_path: Path, opened: Callable[..., Index], spoiled: str
) -> None:
    file = write_run(tmp_path / "run", *SOME) / TRANSCRIPTS
    opened(file).close()
    (database,) = (tmp_path / "cache" / "review").glob("*/index.duckdb")
    with duckdb.connect(str(database)) as con:
        con.execute(spoiled)
    for _ in range(2):
        with opened(file) as index:
            agrees(index, file)


@pytest.mark.posix
def test_a_process_that_is_killed_before_the_last_table_leaves_no_index(
    tmp_path: Path, opened: Callable[..., Index]
) -> None:
    file = write_run(tmp_path / "run", *SOME) / TRANSCRIPTS
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from anime_whisper_ct2.review.index import files as index_files\n"
        "from anime_whisper_ct2.review.index.index import open_index\n"
        "index_files.json.dumps = lambda _: os.kill(os.getpid(), signal.SIGKILL) if isinstance(_, dict) else 'x'\n"
        "open_index(Path(sys.argv[1]), cache=Path(sys.argv[2]))"
    )
    ended = _child(code, file, tmp_path / "cache")
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    (database,) = (tmp_path / "cache" / "review").glob("*/index.duckdb")
    with duckdb.connect(str(database)) as con:
        assert {"vocabulary", "reviewed", "about"}.isdisjoint(name for (name,) in con.execute("SHOW TABLES").fetchall())
    with opened(file) as index:
        agrees(index, file)


@pytest.mark.posix
def test_a_process_that_is_killed_leaves_what_it_had_put_in(tmp_path: Path, opened: Callable[..., Index]) -> None:
    file = write_run(tmp_path / "run", *SOME) / TRANSCRIPTS
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from anime_whisper_ct2.review.index.index import open_index\n"
        "from anime_whisper_ct2.reviews.records import Piece\n"
        "index = open_index(Path(sys.argv[1]), cache=Path(sys.argv[2]))\n"
        "index.update([(0, [Piece(0.0, 1.5, 'neu', (0,), 'corrected')])]); index.note_reviewed({'x': 1})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = _child(code, file, tmp_path / "cache")
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with opened(file) as index:
        assert index.rows([0])[0].text == "neu"
        assert index.reviewed == {"x": 1}


@pytest.mark.posix
def test_a_full_disk_is_said_in_a_line(tmp_path: Path) -> None:
    file = write_run(tmp_path / "run", *SOME) / TRANSCRIPTS
    code = (
        "import resource, signal, sys; from pathlib import Path; from anime_whisper_ct2.errors import OutputError\n"
        "from anime_whisper_ct2.review.index.index import open_index\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (9999, 9999))\n"
        "try: open_index(Path(sys.argv[1]), cache=Path(sys.argv[2]))\n"
        "except OutputError as error: print(error)"
    )
    ended = _child(code, file, tmp_path / "cache")
    assert ended.returncode == 0, ended.stderr
    assert "AWCT2_CACHE" in ended.stdout
    assert ended.stdout.count("\n") == 1


def _child(code: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(
        given, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": PYTHONPATH}
    )


def test_a_cache_that_cannot_be_written_is_said_in_a_line(tmp_path: Path) -> None:
    file = write_run(tmp_path / "run", *SOME) / TRANSCRIPTS
    (tmp_path / "cache").write_bytes(b"a file")
    with pytest.raises(OutputError, match="AWCT2_CACHE") as refused:
        open_index(file, cache=tmp_path / "cache")
    assert "\n" not in str(refused.value)


def test_a_run_that_is_not_there_and_a_normaliser_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        open_index(tmp_path / "none" / TRANSCRIPTS, cache=tmp_path / "cache")
    with pytest.raises(InputError, match="no normaliser"):
        open_index(write_run(tmp_path / "run", *SOME) / TRANSCRIPTS, normalizer="nice", cache=tmp_path)
