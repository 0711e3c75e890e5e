"""Commands that read a run, and the run is behind a URL: they answer as they do for a local copy."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import fsspec
import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.output.storage import local_runs, runs
from anime_whisper_ct2.readers.remote_errors import RemoteError
from anime_whisper_ct2.records import Failure, Segment, Transcript
from anime_whisper_ct2.system import paths
from tests.support.decisions import decide, seen
from tests.support.remotes import Web, s3_server, web_server
from tests.support.windows_paths import windows_paths

FILES = ("errors.jsonl", "run.json", "transcripts.jsonl")
TEXTS = {"さくら/1.ogg": "おはよう", "さくら/2.ogg": "え、もう朝", "先生/1.ogg": "静かに"}


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with s3_server() as system:
        system.mkdir("voices")
        yield system


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What commands put into the temporary folder is gone when they end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture(params=["s3://voices", "memory://voices"])
def there(request: pytest.FixtureRequest) -> Iterator[str]:
    """A URL below which there is nothing yet."""
    if request.param.startswith("s3"):
        system = request.getfixturevalue("s3")
        yield request.param
        system.invalidate_cache()
        for path in system.find("voices"):
            system.rm_file(path)
    else:
        yield request.param
        fsspec.filesystem("memory").store.clear()
        fsspec.filesystem("memory").pseudo_dirs[:] = [""]


def write_run(
    path: Path, texts: dict[str, str] = TEXTS, shard: tuple[int, int] | None = None, start: Path | None = None
) -> Path:
    """Write a run as the journal does, with one recording that failed; `start` is the folder it began in."""
    with Journal(path, {"beam": 1}) as journal:
        about = {"folder": str(start or path.parent), "shard": shard}
        journal.begin({"inputs": ["corpus"], **about})
        for id_, text in texts.items():
            heard = (Segment(0.0, 1.0, text, -0.2, 0.01, 0.9),)
            journal.write(Transcript(id_, f"corpus/{id_}", 1.0, "ja", text, heard, (), {}))
        failed = f"bad-{shard}.ogg"
        journal.write(Failure(failed, failed, "decode", "DecodeError", "no audio"))
        journal.finish("finished", {"found": len(texts) + 1, "done": len(texts), "resumed": 0, "failed": 1})
    return path


def put(folder: Path, url: str) -> str:
    """Copy a folder's files to a URL."""
    system, path = fsspec.url_to_fs(url)
    for file in folder.rglob("*"):
        if file.is_file() and not file.name.startswith("."):
            system.pipe_file(f"{path}/{file.relative_to(folder).as_posix()}", file.read_bytes())
    return url


def awct2(*args: object, status: int = 0) -> Result:
    result = CliRunner().invoke(main, list(map(str, args)))
    assert result.exit_code == status, result.output
    return result


def refused(*args: object, status: int = 2) -> str:
    """Give the one line that a command ends with."""
    lines = [line for line in awct2(*args, status=status).stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    return lines[0]


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestStats:
    @pytest.mark.parametrize("end", ["", "/", "/transcripts.jsonl"])
    def test_they_are_those_of_a_local_copy_and_name_the_url(self, tmp_path: Path, there: str, end: str) -> None:
        run = write_run(tmp_path / "run")
        url = put(run, f"{there}/run")
        local = json.loads(awct2("stats", run, "--json").stdout)
        remote = awct2("stats", url + end, "--json")
        assert json.loads(remote.stdout) == {**local, "run": f"{url}/transcripts.jsonl"}
        assert remote.stderr == ""
        assert str(url) in awct2("stats", url).stdout

    def test_warnings_name_the_url(self, tmp_path: Path, there: str) -> None:
        run = write_run(tmp_path / "run")
        (run / "run.json").unlink()
        (run / "errors.jsonl").unlink()
        url = put(run, f"{there}/run")
        assert f"{url}/run.json is missing or unreadable" in awct2("stats", url).stderr

    def test_a_web_server_that_cannot_list_will_do(self, tmp_path: Path, web: Web) -> None:
        for name, content in tree(write_run(tmp_path / "run")).items():
            web.pages[f"/a/run/{name}"] = web.pages[f"/a/run/{name}?token=x"] = [(200, content)]
        assert awct2("stats", f"{web.url}/a/run/").stdout.startswith(f"{web.url}/a/run/transcripts.jsonl\n")
        result = awct2("stats", f"{web.url}/a/run?token=x", "--json")
        assert json.loads(result.stdout)["run"] == f"{web.url}/a/run?…/transcripts.jsonl"

    def test_a_run_in_a_zip_behind_a_url_will_do(self, tmp_path: Path, there: str) -> None:
        write_run(tmp_path / "a" / "run", start=tmp_path)
        shutil.make_archive(str(tmp_path / "zips" / "a"), "zip", tmp_path / "a")
        put(tmp_path / "zips", there)
        local = json.loads(awct2("stats", tmp_path / "a" / "run", "--json").stdout)
        for url in (f"zip://run::{there}/a.zip", f"zip://run/transcripts.jsonl::{there}/a.zip"):
            result = awct2("stats", url, "--json")
            assert {**json.loads(result.stdout), "run": local["run"]} == local

    def test_a_line_that_no_run_wrote_is_named_by_the_url(self, tmp_path: Path, there: str) -> None:
        run = write_run(tmp_path / "run")
        with (run / "transcripts.jsonl").open("a", encoding="utf-8") as file:
            file.write("{}\n")
        url = put(run, f"{there}/run")
        assert refused("stats", url).startswith(f"Error: {url}/transcripts.jsonl, line 4: not a line that a run wrote")

    def test_where_there_is_no_run_that_is_said(self, there: str) -> None:
        for name in ("nothing", "nothing/", "nothing/transcripts.jsonl", "nothing/other.jsonl"):
            said = refused("stats", f"{there}/{name}")
            assert said.startswith(f"Error: {there}/nothing")
            assert "no results of a run: " in said
            assert said.endswith("name the output folder of `awct2 run`, or a transcripts.jsonl")

    def test_what_cannot_be_reached_is_said_without_credentials(self) -> None:
        said = refused("stats", "nowhere://user:secret@host/run")
        assert said.startswith("Error: nowhere://host/run")
        assert "secret" not in said


class TestExport:
    @pytest.mark.parametrize("how", [("csv",), ("srt",), ("nemo",), ("nemo", "--clips", "clips", "--workers", 0)])
    def test_it_has_the_bytes_of_a_local_copys(
        self,
        tmp_path: Path,
        there: str,
        how: tuple[object, ...],
        write_tone: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for id_ in TEXTS:
            write_tone(f"start/corpus/{id_}")  # the run began there, and its relative paths count from there
        run = write_run(tmp_path / "run", start=tmp_path / "start")
        url = put(run, f"{there}/run")
        awct2("export", run, *how, "-o", "local")
        result = awct2("export", url, *how, "-o", "remote")
        assert tree(tmp_path / "local") == tree(tmp_path / "remote") != {}
        assert result.stderr.startswith("3 recordings, 3 segments")

    def test_it_needs_a_place_of_its_own(self, there: str) -> None:
        for url in (f"{there}/run", f"{there}/run/transcripts.jsonl"):
            assert refused("export", url, "csv") == (
                "Error: no folder named for the export, and the run is behind a URL; name a local one with -o"
            )

    def test_it_goes_to_local_folders_alone(self, tmp_path: Path, there: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        said = refused("export", write_run(tmp_path / "run"), "csv", "-o", f"{there}/export")
        assert f"'{there}/export' is a URL, and this command writes to local folders alone" in said
        assert not list(tmp_path.glob("*:"))

    def test_the_url_of_a_local_run_is_the_run(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run")
        awct2("export", f"file://{run}", "csv")
        assert (run / "export" / "csv").exists()


class TestEval:
    def test_runs_and_references_are_read_and_called_by_their_names(self, tmp_path: Path, there: str) -> None:
        said, heard = write_run(tmp_path / "said"), write_run(tmp_path / "heard", {**TEXTS, "先生/1.ogg": "静かね"})
        more = ("--json", "--resamples", "20")
        local = json.loads(awct2("eval", heard, said, *more).stdout)
        hyp, ref = put(heard, f"{there}/heard"), put(said, f"{there}/said/")
        remote = json.loads(awct2("eval", hyp, ref, *more).stdout)
        local["runs"][0]["path"] = hyp
        assert remote == local
        assert remote["runs"][0]["name"] == "heard"

    def test_json_names_the_url_also_where_the_copys_path_is_escaped_in_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # As all paths on Windows are, for their backslashes.
        (tmp_path / "a\\b").mkdir(parents=True)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "a\\b"))
        url = put(write_run(tmp_path / "run"), "memory://voices/run")
        result = json.loads(awct2("eval", url, write_run(tmp_path / "said"), "--json", "--resamples", "20").stdout)
        fsspec.filesystem("memory").store.clear()
        assert result["runs"][0]["path"] == url

    def test_a_name_can_stand_before_a_url_and_an_equals_sign_in_it(self, tmp_path: Path, there: str) -> None:
        url = put(write_run(tmp_path / "run"), f"{there}/day=1/run")
        other = put(write_run(tmp_path / "other"), f"{there}/day=2/run")
        result = json.loads(awct2("eval", f"v3={url}", url, other, url, "--json", "--resamples", "20").stdout)
        assert [run["name"] for run in result["runs"]] == ["v3", url, other]

    def test_tables_behind_urls_stay_tables(self, tmp_path: Path, there: str) -> None:
        url = put(write_run(tmp_path / "run"), f"{there}/run")
        table = "".join(json.dumps({"id": id_, "text": text}) + "\n" for id_, text in TEXTS.items())
        (tmp_path / "tables").mkdir()
        (tmp_path / "tables" / "references.jsonl").write_text(table, encoding="utf-8")
        put(tmp_path / "tables", there)
        result = awct2("eval", url, f"{there}/references.jsonl", "--ref-text-column", "text", "--resamples", "20")
        assert "| run |" in result.stdout.replace("  ", "")

    def test_the_runs_own_metadata_are_references_too(self, tmp_path: Path, there: str) -> None:
        url = put(write_run(tmp_path / "run"), f"{there}/run")
        assert "no recording has a text" in refused("eval", url, "meta")

    def test_what_is_neither_is_refused_as_a_corpus_is(self, tmp_path: Path, there: str) -> None:
        run = write_run(tmp_path / "run")
        assert f"{there}/nothing" in refused("eval", run, f"{there}/nothing")


class TestReviews:
    """What was decided about a run comes along with it."""

    def reviewed(self, folder: Path, texts: dict[str, str] = TEXTS, shard: tuple[int, int] | None = None) -> Path:
        """Write a run of which one recording was corrected and one rejected."""
        run = write_run(folder, texts, shard, folder.parent)
        heard = RunFolder(run)
        first, *_, last = heard
        decide(run, "花子", seen(heard[first], 0, "correct", "おはようさん"), seen(heard[last], 0, "reject"))
        return run

    def test_commands_answer_as_they_do_for_a_local_copy(self, tmp_path: Path, there: str) -> None:
        run = self.reviewed(tmp_path / "run")
        url = put(run, f"{there}/run")
        for end in ("", "/transcripts.jsonl"):
            local, remote = (json.loads(awct2("stats", each, "--json").stdout) for each in (run, url + end))
            assert remote["review"] == local["review"]
            assert remote["review"]["corrected"] == 1
        awct2("export", run, "csv", "-o", tmp_path / "local.csv")
        awct2("export", url, "csv", "-o", tmp_path / "remote.csv")
        assert (tmp_path / "remote.csv").read_bytes() == (tmp_path / "local.csv").read_bytes()
        assert "おはようさん" in (tmp_path / "remote.csv").read_text("utf-8")
        more = ("review", "--json", "--resamples", "20")
        local, remote = (json.loads(awct2("eval", each, *more).stdout)["references"] for each in (run, url))
        assert remote == local

    def test_shards_bring_theirs_into_the_merge(self, tmp_path: Path, there: str) -> None:
        more = {**TEXTS, "先生/2.ogg": "はい"}
        halves = [dict(list(more.items())[:2]), dict(list(more.items())[2:])]
        for number, half in enumerate(halves):
            self.reviewed(tmp_path / "shards" / f"shard-{number}", half, (number, 2))
        url = put(tmp_path / "shards", f"{there}/shards")
        awct2("merge", tmp_path / "shards", "-o", tmp_path / "local")
        awct2("merge", url, "-o", tmp_path / "remote")
        name = "review/edits-花子.jsonl"
        assert tree(tmp_path / "remote")[name] == tree(tmp_path / "local")[name]

    def test_who_wants_the_run_itself_needs_nothing_of_it(
        self, tmp_path: Path, there: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = put(self.reviewed(tmp_path / "run"), f"{there}/run")

        def denied(_url: str, _kind: str, _pattern: str) -> list[str]:
            raise InputError("nobody may list that")

        monkeypatch.setattr(runs, "_names_in", denied)
        assert "nobody may list that" in refused("export", url, "csv", "-o", tmp_path / "a.csv")
        awct2("export", url, "csv", "-o", tmp_path / "a.csv", "--review", "none")


class TestMerge:
    def shards(self, tmp_path: Path) -> Sequence[Path]:
        folder = tmp_path / "shards"
        halves = [dict(list(TEXTS.items())[:2]), dict(list(TEXTS.items())[2:])]
        return [write_run(folder / f"shard-{i}", half, (i, 2), tmp_path) for i, half in enumerate(halves)]

    def test_a_folder_of_shards_and_shards_by_name_are_merged(self, tmp_path: Path, there: str) -> None:
        self.shards(tmp_path)
        url = put(tmp_path / "shards", f"{there}/shards")
        awct2("merge", tmp_path / "shards", "-o", tmp_path / "local")
        awct2("merge", url, "-o", tmp_path / "all")
        awct2("merge", f"{url}/shard-1", f"{url}/shard-0/", "-o", tmp_path / "each")
        local = tree(tmp_path / "local")
        for name in ("all", "each"):
            merged = tree(tmp_path / name)
            assert [merged[file] for file in FILES if file != "run.json"] == [
                local[file] for file in FILES if file != "run.json"
            ]
            parts = json.loads(merged["run.json"])["parts"]
            assert [part["folder"] for part in parts] == [f"{url}/shard-0", f"{url}/shard-1"]

    def test_one_that_is_named_twice_is_refused_by_its_url(self, tmp_path: Path, there: str) -> None:
        self.shards(tmp_path)
        url = put(tmp_path / "shards", f"{there}/shards")
        said = refused("merge", f"{url}/shard-0", f"{url}/shard-0/", "-o", tmp_path / "out")
        assert said == f"Error: {url}/shard-0 is named twice; name each part once"

    def test_a_missing_shard_and_an_empty_one_are_told_apart(self, tmp_path: Path, there: str) -> None:
        self.shards(tmp_path)
        url = put(tmp_path / "shards", f"{there}/shards")
        assert "1 of 2 shards missing: 1/2" in refused("merge", f"{url}/shard-0", "-o", tmp_path / "out")
        system, path = fsspec.url_to_fs(url)
        for name in FILES:
            system.rm_file(f"{path}/shard-1/{name}")
        system.pipe_file(f"{path}/shard-1/note", b"")
        said = refused("merge", url, "-o", tmp_path / "out")
        assert said.startswith(f"Error: {url}/shard-1: no run has begun there")
        awct2("merge", url, "-o", tmp_path / "out", "--incomplete")

    def test_it_needs_a_local_place_of_its_own(self, there: str) -> None:
        assert refused("merge", f"{there}/shards").endswith("the run is behind a URL; name a local one with -o")
        assert "is a URL" in refused("merge", f"{there}/shards", "-o", f"{there}/out")


@pytest.mark.parametrize(
    "command",
    [
        "export run csv --clips",
        "stats run --plot",
        "eval run references --plot",
        "eval run references --examples",
        "calibrate model corpus --plot",
        "convert model",
        "average checkpoint checkpoint -o",
        "average checkpoint checkpoint -o out --search corpus --references meta --study",
    ],
)
def test_what_can_be_written_here_alone_goes_to_no_url(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused(*command.split(), "s3://voices/out.svg")
    assert "'s3://voices/out.svg' is a URL, and this command writes to local folders alone" in said
    assert not list(tmp_path.glob("s3*"))


class TestLocalRuns:
    def test_copies_are_gone_also_when_it_is_interrupted(self, tmp_path: Path, there: str, temporary: Path) -> None:
        url = put(write_run(tmp_path / "run"), f"{there}/run")

        def interrupted() -> None:
            with local_runs((url, str(tmp_path))) as here:
                assert sorted(os.listdir(here.paths[0])) == list(FILES)
                assert here.paths[1] == str(tmp_path)
                assert len(list(temporary.iterdir())) == 1
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert list(temporary.iterdir()) == []

    def test_errors_and_texts_have_the_url_for_the_copy(self, tmp_path: Path, there: str) -> None:
        url = put(write_run(tmp_path / "run"), f"{there}/run")

        def wrong() -> None:
            with local_runs((url,)) as here:
                assert here.named(f"a {here.paths[0]}/b") == f"a {url}/b"
                raise InputError(f"{here.paths[0]}/x: no")

        with pytest.raises(InputError, match=f"^{url}/x: no$"):
            wrong()

    def test_without_urls_nothing_is_made(self, tmp_path: Path, temporary: Path) -> None:
        with local_runs((str(tmp_path), "\udcff")) as here:
            assert here.paths == (str(tmp_path), "\udcff")
            assert list(temporary.iterdir()) == []

    def test_a_disk_that_is_full_is_one_clear_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(url: str, *_: object) -> None:
            raise RemoteError(url) from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(runs, "download", full)
        with pytest.raises(OutputError, match=r"no room for a copy of s3://voices/run/transcripts\.jsonl; set TMPDIR"):
            local_runs(("s3://voices/run",)).__enter__()

    def test_names_from_urls_cannot_leave_the_temporary_folder(self, tmp_path: Path, temporary: Path) -> None:
        fsspec.filesystem("memory").pipe_file("/a:b*/../transcripts.jsonl", b"")
        with local_runs(("memory://a:b*/..",)) as here:
            assert Path(here.paths[0]).resolve().parent.parent.parent == temporary
        fsspec.filesystem("memory").store.clear()


def test_a_file_of_a_run_is_named_with_the_urls_own_separators(monkeypatch: pytest.MonkeyPatch) -> None:
    windows_paths(monkeypatch, paths)
    here = runs.LocalRuns(("C:\\tmp\\run",), {"C:\\tmp\\run": "s3://voices/run"})
    said = here.named("C:\\tmp\\run\\shard-0\\run.json: is missing; look at C:\\tmp\\run")
    assert said == "s3://voices/run/shard-0/run.json: is missing; look at s3://voices/run"
