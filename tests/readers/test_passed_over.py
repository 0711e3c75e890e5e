"""What a listing passes over is said: files that are no audio, and patterns that fit nothing."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2 import Corpus, CorpusRun, FakeEngine, RunOptions
from anime_whisper_ct2.cli import main
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import FrontendOptions
from anime_whisper_ct2.readers import Listing
from anime_whisper_ct2.readers.listing import kinds


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def followed(*inputs: Path | str, **options: Any) -> Listing:
    corpus = Corpus(tuple(map(str, inputs)), **options)
    listing, elsewhere = Listing(corpus.selection), Listing(corpus.selection)
    list(corpus.recordings(listing))
    list(corpus.references(elsewhere))
    assert elsewhere.passed_over == listing.passed_over  # on a cluster as here
    assert list(elsewhere.notes()) == list(listing.notes())
    return listing


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return touch(
        tmp_path / "corpus",
        *("a/1.ogg", "a/1.txt", "a/2.TXT", "b/2.wav", "b/2.lrc", "b/cover.jpg", "README", "v1.0 of all", "c.d/x.zip"),
        *("._1.ogg", "a/._cover.jpg", ".DS_Store", ".git/config", ".git/a.pack", "a/.hidden.txt", "x.tar.gz"),
        *("old/.awct2-export.json", "old/1.srt"),
    )


COUNTS = {".txt": 2, "(none)": 2, ".lrc": 1, ".jpg": 1, ".zip": 1, ".gz": 1}
LINE = "8 other files: (none) 2, .txt 2, .gz 1, .jpg 1, .lrc 1, .zip 1"


def test_files_are_counted_by_extension_but_for_hidden_ones_and_our_own(corpus: Path) -> None:
    listing = followed(corpus)
    assert listing.passed_over == COUNTS
    assert list(listing.notes()) == [LINE]


def test_where_there_is_nothing_else_nothing_is_said(tmp_path: Path) -> None:
    assert list(followed(touch(tmp_path, "a.ogg", ".DS_Store")).notes()) == []


def test_what_exclude_names_was_not_passed_over(corpus: Path) -> None:
    assert followed(corpus, exclude=("*.txt", "c.d/*")).passed_over == {
        key: count for key, count in {**COUNTS, ".txt": 1}.items() if key != ".zip"
    }


def test_a_limit_ends_the_listing_and_a_part_does_not(corpus: Path) -> None:
    assert ".lrc" not in followed(corpus, limit=1).passed_over
    assert {followed(corpus, shard=(i, 2)).passed_over.total() for i in range(2)} == {8}


def test_many_kinds_are_cut_short_and_never_fill_the_memory(tmp_path: Path) -> None:
    listing = Listing()
    for n in range(3_000):
        listing.pass_over(f"part.{n}")
    for name in ("a.\x1b[31m", "b.x\udcff", "c. and so on", "d." + "x" * 40, ".profile.d/x.sh", "e."):
        listing.pass_over(name)
    assert len(listing.passed_over) <= 1_002
    assert listing.passed_over["(none)"] == 5
    assert kinds({f".{n}": n + 1 for n in range(12)}).endswith(".2 3 and 2 more kinds")
    assert kinds({f".{n}": 1 for n in range(11)}).endswith("and 1 more kind")


def test_containers_in_a_folder_with_audio_are_passed_over_and_without_they_are_read(tmp_path: Path) -> None:
    touch(tmp_path, "a.tar", "b.tar", ".old/c.tar", "notes.txt")
    assert followed(tmp_path).passed_over == {".txt": 1}
    assert followed(tmp_path, exclude=("b.tar",)).passed_over == {".txt": 1}
    assert followed(touch(tmp_path, "a.ogg")).passed_over == {".txt": 1, ".tar": 2}


def test_a_tars_members_are_passed_over_where_they_are_no_texts(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        for name, content in {
            **{"1.ogg": b"OggS", "1.txt": b"text", "1.png": b"\x89PNG\0", "LICENSE": b"MIT", "._1.ogg": b"\0"},
            **{"2.json": b" " * 70_000, "2.ts": b"0.5 1.5"},
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    assert followed(tmp_path / "s.tar").passed_over == {".png": 1, "(none)": 1, ".json": 1}
    assert [recording.id for recording in Corpus((f"{tmp_path}/s.tar",))] == ["s.tar/1.ogg"]


def test_below_globs_and_behind_urls_it_is_the_same(corpus: Path) -> None:
    assert followed(f"{corpus}/[ab]").passed_over == {".txt": 2, ".lrc": 1, ".jpg": 1}
    system = fsspec.filesystem("memory")
    for name in ("a.ogg", "a.txt", "b/c.pdf", "b/.x"):
        system.pipe_file(f"/passed/{name}", b"x")
    try:
        assert followed("memory://passed").passed_over == {".txt": 1, ".pdf": 1}
        assert followed("memory://passed/*").passed_over == {".txt": 1, ".pdf": 1}
    finally:
        system.rm("/passed", recursive=True)


def test_a_glob_passes_over_what_it_matches_by_chance_and_tries_what_it_names(tmp_path: Path) -> None:
    touch(tmp_path, "1.ogg", "1.take", "cover.jpg", "app.ts")
    (tmp_path / "app.ts").write_text("export const a = 1;", encoding="utf-8")
    assert followed(f"{tmp_path}/*").passed_over == {".take": 1, ".jpg": 1, ".ts": 1}
    assert [recording.id for recording in Corpus((f"{tmp_path}/*.take",))] == ["1.take"]
    assert [recording.id for recording in Corpus((f"{tmp_path}/1.{{ogg,take}}",))] == ["1.ogg", "1.take"]
    assert [recording.id for recording in Corpus((f"{tmp_path}/app.ts",))] == ["app.ts"]


@pytest.mark.parametrize("name", ["transcript_utf8.txt", "data.list", "esd.list", "raw.lst", "config.json"])
def test_a_glob_over_a_voice_takes_its_sound_once_and_no_list_beside_it(name: str, tmp_path: Path) -> None:
    touch(tmp_path, "voice/raw/1.wav")
    # Of JSON, CSV and TSV a pattern takes what it matches; that they lead nowhere is no reason to refuse the rest.
    rows = '{"sampling_rate": 44100}' if name.endswith("json") else "1.wav|s|JP|t\nBASIC5000_0001:水を\n"
    (tmp_path / "voice" / name).write_text(rows, encoding="utf-8")
    corpus = Corpus((f"{tmp_path}/voice/*",))
    corpus.check_lists()
    corpus.check()
    assert [each.id for each in corpus if isinstance(each.audio, str)] == ["raw/1.wav"]
    if not name.endswith("json"):
        assert followed(f"{tmp_path}/voice/*").passed_over == {Path(name).suffix: 1}


@pytest.mark.parametrize("pattern", ["*.list", "*/esd.list", "*.{list,lst}"])
def test_a_list_is_taken_where_the_pattern_names_its_extension(pattern: str, tmp_path: Path) -> None:
    touch(tmp_path, "voice/raw/1.wav", "voice/raw.lst")
    (tmp_path / "voice/esd.list").write_text("1.wav|s|JP|t\n", encoding="utf-8")
    corpus = Corpus((f"{tmp_path}/{pattern if '/' in pattern else 'voice/' + pattern}",))
    assert [each.meta.get("text") for each in corpus] == ["t"]
    (tmp_path / "voice/raw/1.wav").unlink()
    with pytest.raises(InputError, match="there is no file"):
        corpus.check_lists()


def test_a_pattern_that_fits_nothing_is_named(corpus: Path) -> None:
    assert list(followed(corpus, include=("a/*", "x/*")).notes()) == [
        LINE,
        "--include 'x/*' matched none of 2 recordings",
    ]
    # Nobody knows what a listing that was cut short would have come to.
    assert not any("--include" in line for line in followed(corpus, include=("a/*", "x/*"), limit=1).notes())


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        ((), {}, "No audio found in {0}; name "),
        (("a.txt", "b/c.txt", "d.zip"), {}, "No audio found in {0}: 3 files, .txt 2, .zip 1; name "),
        (("a.txt",), {}, "No audio found in {0}: 1 file, .txt 1; name "),
        (("a.ogg", "b.ogg"), {"include": ("x/*",)}, "--include 'x/*' matched none of 2 recordings"),
        (("a.ogg", "b.ogg"), {"exclude": ("*",)}, "None of 2 recordings is left by --include, --exclude and --shard"),
    ],
)
def test_why_nothing_was_found_is_said(
    names: tuple[str, ...], options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    assert followed(touch(tmp_path, *names), **options).why_nothing((str(tmp_path),)).startswith(said.format(tmp_path))


def test_a_glob_of_nothing_but_other_files_says_so(tmp_path: Path) -> None:
    given = f"{touch(tmp_path, 'a.zip', 'b.zip')}/*"
    assert followed(given).why_nothing((given,)).startswith(f"No audio found in {given}: 2 files, .zip 2; ")


def test_a_run_says_it_once_and_writes_it_down_each_time(
    write_tone: Callable[..., Path], tmp_path: Path, tiny_model: Path
) -> None:
    write_tone("corpus/a.wav", 0.5)
    corpus = touch(tmp_path / "corpus", "a.txt", "b.txt", "c.zip")
    said: list[str] = []
    for expected in ({".txt": 2, ".zip": 1}, {".txt": 1}):
        CorpusRun(
            Corpus((str(corpus),)),
            tmp_path / "out",
            open_model_dir(tiny_model),
            RunOptions(frontend=FrontendOptions(workers=0)),
            open_engine=lambda *_: FakeEngine(),
            on_note=said.append,
        ).run()
        assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["passed_over"] == expected
        for name in ("b.txt", "c.zip"):
            (corpus / name).unlink(missing_ok=True)
    assert said == ["3 other files: .txt 2, .zip 1", "1 other file: .txt 1"]


class TestCommand:
    @pytest.fixture
    def run(self, tmp_path: Path, tiny_model: Path) -> Callable[..., Result]:
        def run(*more: object) -> Result:
            given = ["run", str(tmp_path / "corpus"), "-m", tiny_model, "-o", tmp_path / "out", *more]
            return CliRunner().invoke(main, list(map(str, given)))

        return run

    def test_a_plan_says_it(self, run: Callable[..., Result], write_tone: Callable[..., Path], tmp_path: Path) -> None:
        write_tone("corpus/a.wav", 0.5)
        touch(tmp_path / "corpus", "a.txt")
        lines = run("--dry-run", "--include", "a*", "--include", "x").stdout.splitlines()
        assert lines[1:3] == [
            "            1 other file: .txt 1",
            "            --include 'x' matched none of 1 recording",
        ]

    def test_nothing_found_names_what_was_seen(self, run: Callable[..., Result], tmp_path: Path) -> None:
        touch(tmp_path / "corpus", "a.txt", "b.zip")
        seen = f"No audio found in {tmp_path / 'corpus'}: 2 files, .txt 1, .zip 1; "
        done, planned = run(), run("--dry-run")
        assert (done.exit_code, planned.exit_code) == (0, 0)
        assert [line for line in done.output.splitlines() if ".zip" in line] == [done.output.strip()]
        assert done.output.startswith(seen)
        assert planned.output.startswith(seen)
        assert run("-q", "--overwrite").output == ""
