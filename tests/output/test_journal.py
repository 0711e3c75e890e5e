"""The output folder tells the truth after crashes, and takes one run at a time."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.lines import read_lines, to_json
from anime_whisper_ct2.output.run_file import read_run
from anime_whisper_ct2.records import Failure, Segment, Transcript
from anime_whisper_ct2.system import files
from tests.support.files import contents
from tests.support.held import Holders
from tests.support.places import ROOT

SETTINGS = {"model": "abc", "beam_size": 1}


def transcript(id_: str) -> Transcript:
    segment = Segment(0.0, 1.5, "えっと、…", -0.2, 0.01, 0.9)
    return Transcript(id_, f"corpus/{id_}", 1.5, "ja", "えっと、…", (segment,), (), {"speaker": "さくら"})


def failure(id_: str) -> Failure:
    return Failure(id_, f"corpus/{id_}", "decode", "DecodeError", "breaks off")


def write(out: Path, *outcomes: Transcript | Failure, **options: bool) -> None:
    with Journal(out, SETTINGS, **options) as journal:
        journal.begin({})
        for outcome in outcomes:
            journal.write(outcome)
        journal.finish("finished", {"done": len(outcomes)})


def test_a_line_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    write(tmp_path, transcript("a.ogg"))
    (line,) = read_lines(tmp_path / "transcripts.jsonl")
    assert list(line) == ["id", "audio", "duration", "language", "text", "segments", "flags", "meta"]
    assert list(line["segments"][0]) == [
        *("start", "end", "text", "avg_logprob", "no_speech_prob", "compression_ratio", "flags")
    ]
    assert "えっと" in (tmp_path / "transcripts.jsonl").read_text(encoding="utf-8")


def test_the_next_run_knows_what_was_done_and_what_failed(tmp_path: Path) -> None:
    write(tmp_path, transcript("a.ogg"), failure("b.ogg"))
    with Journal(tmp_path, SETTINGS) as journal:
        assert [name in journal.done for name in ("a.ogg", "b.ogg")] == [True, False]
        assert [name in journal.failed for name in ("a.ogg", "b.ogg")] == [False, True]


@pytest.mark.parametrize("torn", [b"", b'{"id": "b.ogg", "audio": "cor', b'{"id": "b.ogg"}', b"\xe3\x81"])
def test_a_torn_last_line_is_cut_off_and_its_recording_done_again(tmp_path: Path, torn: bytes) -> None:
    write(tmp_path, transcript("a.ogg"))
    path = tmp_path / "transcripts.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    with Journal(tmp_path, SETTINGS) as journal:
        assert "a.ogg" in journal.done
        assert len(journal.done) == 1
        journal.begin({})
        journal.write(transcript("b.ogg"))
    assert [line["id"] for line in read_lines(path)] == ["a.ogg", "b.ogg"]


def test_a_torn_line_longer_than_a_block_is_cut_off(tmp_path: Path) -> None:
    write(tmp_path, transcript("a.ogg"))
    path = tmp_path / "transcripts.jsonl"
    path.write_bytes(path.read_bytes() + b"x" * 200_000)
    with Journal(tmp_path, SETTINGS) as journal:
        journal.begin({})
    assert len(list(read_lines(path))) == 1


def test_a_line_that_no_run_wrote_is_named(tmp_path: Path) -> None:
    write(tmp_path, transcript("a.ogg"))
    with (tmp_path / "transcripts.jsonl").open("ab") as file:
        file.write(b"not json\n")
    with pytest.raises(OutputError, match="line 2"):
        Journal(tmp_path, SETTINGS)
    write(tmp_path, overwrite=True)  # and the refusal has let go of the lock


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, transcript("a.ogg"))
    with pytest.raises(OutputError, match="--beam-size was 1, is 5"):
        Journal(tmp_path, {**SETTINGS, "beam_size": 5})
    with Journal(tmp_path, {**SETTINGS, "beam_size": 5}, overwrite=True) as journal:
        assert len(journal.done) == 0


class TestEncoder:
    def engine(self, library: str, compute_type: str = "float16") -> dict[str, Any]:
        return {"engine": {"compute_type": compute_type, "encoder": {"library": library, "why": "asked for"}}}

    def begun(self, out: Path, about: dict[str, Any], **options: bool) -> dict[str, Any]:
        with Journal(out, SETTINGS, **options) as journal:
            journal.begin(about)
            journal.write(transcript(f"{len(journal.done)}.ogg"))
            journal.finish("finished", {})
        settings: dict[str, Any] = read_run(out)["settings"]
        return settings

    def test_another_one_is_refused_as_soon_as_it_is_known(self, tmp_path: Path) -> None:
        self.begun(tmp_path, self.engine("torch"))
        lines = (tmp_path / "transcripts.jsonl").read_bytes()
        with pytest.raises(OutputError, match="--encoder was torch, is ctranslate2"):
            self.begun(tmp_path, self.engine("ctranslate2"))
        assert (tmp_path / "transcripts.jsonl").read_bytes() == lines
        assert self.begun(tmp_path, self.engine("torch")) == {**SETTINGS, "encoder": "torch"}
        assert self.begun(tmp_path, self.engine("ctranslate2"), overwrite=True) == SETTINGS

    def test_in_float32_a_run_goes_on_with_either(self, tmp_path: Path) -> None:
        self.begun(tmp_path, self.engine("ctranslate2", "float32"))
        assert self.begun(tmp_path, self.engine("torch", "float32")) == SETTINGS

    def test_in_float32_it_goes_on_with_results_of_either_and_leaves_what_they_were_made_with(
        self, tmp_path: Path
    ) -> None:
        self.begun(tmp_path, self.engine("torch"))
        for library in ("torch", "ctranslate2"):
            assert self.begun(tmp_path, self.engine(library, "float32")) == {**SETTINGS, "encoder": "torch"}
        with pytest.raises(OutputError, match="--encoder was torch, is ctranslate2"):
            self.begun(tmp_path, self.engine("ctranslate2"))

    def test_results_of_ctranslate2_go_on_with_it_and_others_with_what_there_is(self, tmp_path: Path) -> None:
        def asked(out: Path, **options: bool) -> str | None:
            with Journal(out, SETTINGS, **options) as journal:
                return journal.encoder

        assert asked(tmp_path / "new") is None
        for library, encoder in (("ctranslate2", "ctranslate2"), ("torch", None)):
            self.begun(tmp_path / library, self.engine(library))
            assert asked(tmp_path / library) == encoder
            assert asked(tmp_path / library, overwrite=True) is None

    def test_a_run_with_nothing_left_to_do_keeps_what_was_said(self, tmp_path: Path) -> None:
        self.begun(tmp_path, self.engine("torch"))
        assert self.begun(tmp_path, {}) == {**SETTINGS, "encoder": "torch"}


def test_settings_count_only_where_there_are_results(tmp_path: Path) -> None:
    write(tmp_path)
    Journal(tmp_path, {**SETTINGS, "beam_size": 5}).close()


def test_results_of_unknown_settings_are_refused(tmp_path: Path) -> None:
    write(tmp_path, transcript("a.ogg"))
    (tmp_path / "run.json").unlink()
    with pytest.raises(OutputError, match=r"no run\.json"):
        Journal(tmp_path, SETTINGS)


def test_nothing_is_overwritten_before_the_run_begins(tmp_path: Path) -> None:
    write(tmp_path, transcript("a.ogg"))
    Journal(tmp_path, SETTINGS, overwrite=True).close()
    with Journal(tmp_path, SETTINGS) as journal:
        assert "a.ogg" in journal.done
        assert len(journal.done) == 1


def test_what_is_made_good_leaves_the_errors_at_the_end(tmp_path: Path) -> None:
    write(tmp_path, transcript("a.ogg"), failure("b.ogg"), failure("c.ogg"), failure("d.ogg"))
    write(tmp_path, transcript("b.ogg"), replace(failure("c.ogg"), message="breaks off again"))
    errors = {line["id"]: line["message"] for line in read_lines(tmp_path / "errors.jsonl")}
    assert errors == {"c.ogg": "breaks off again", "d.ogg": "breaks off"}


def test_a_crash_before_the_end_of_a_retry_changes_nothing_that_was_done(tmp_path: Path) -> None:
    write(tmp_path, failure("b.ogg"), failure("c.ogg"))
    with Journal(tmp_path, SETTINGS) as journal:
        journal.begin({})
        journal.write(transcript("b.ogg"))  # and no `finish`
    with Journal(tmp_path, SETTINGS) as journal:
        assert "b.ogg" in journal.done
        journal.begin({})
        journal.finish("finished", {})
    assert [line["id"] for line in read_lines(tmp_path / "errors.jsonl")] == ["c.ogg"]


def test_a_second_run_is_refused_with_the_holders_process_id(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from anime_whisper_ct2.output.journal import Journal\n"
        f"with Journal(Path({str(tmp_path)!r}), {SETTINGS!r}) as j:\n"
        "    j.begin({}); print('held', flush=True); sys.stdin.read()"
    )
    root = str(Path(__file__).resolve().parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match=f"process {holder.pid} is writing there"):
            Journal(tmp_path, SETTINGS)
        holder.kill()
    Journal(tmp_path, SETTINGS).close()  # a dead holder holds nothing


def test_the_output_must_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="is a file"):
        Journal(tmp_path / "out", SETTINGS)
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


def test_names_that_are_not_utf_8_survive(tmp_path: Path) -> None:
    name = b"\x83e\x83X\x83g.ogg".decode("utf-8", "surrogateescape") + "\n😀"
    write(tmp_path, transcript(name))
    (line,) = read_lines(tmp_path / "transcripts.jsonl")
    assert line["id"] == name
    with Journal(tmp_path, SETTINGS) as journal:
        assert name in journal.done


def test_json_is_one_line_whatever_the_text() -> None:
    assert "\n" not in to_json(transcript("a\nb\u2028c"))


def test_run_json_holds_settings_state_and_figures(tmp_path: Path) -> None:
    write(tmp_path, transcript("a.ogg"))
    run = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert run["settings"] == SETTINGS
    assert (run["state"], run["done"]) == ("finished", 1)
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.posix("limits of file size")
def test_a_disk_that_fills_in_the_middle_of_a_line_leaves_whole_lines(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from tests.support.runs import short; from anime_whisper_ct2.output.journal import Journal\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"with Journal(Path(sys.argv[1]), {SETTINGS}) as journal:\n"
        "    journal.begin({})\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))\n"
        "    for n in range(10): journal.write(short(f'{n}.ogg'))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    full = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, env=env, check=False
    )
    assert "OutputError" in full.stderr
    assert (tmp_path / "transcripts.jsonl").read_bytes().endswith(b"\n")
    with Journal(tmp_path, SETTINGS) as journal:
        journal.begin({})
        assert 0 < len(journal.done) < 10
        for n in range(len(journal.done), 10):
            journal.write(transcript(f"{n}.ogg"))
    assert [line["id"] for line in read_lines(tmp_path / "transcripts.jsonl")] == [f"{n}.ogg" for n in range(10)]


class TestHeld:
    """Files of the output that another program has open, as Windows has it."""

    def test_a_run_under_a_reader_of_all_of_them_keeps_its_figures(self, tmp_path: Path, holders: Holders) -> None:
        write(tmp_path, failure("a.ogg"), failure("b.ogg"))
        for name in ("run.json", "errors.jsonl", "transcripts.jsonl"):
            holders.hold(tmp_path / name)
        write(tmp_path, transcript("a.ogg"), failure("b.ogg"))
        assert json.loads((tmp_path / "run.json").read_bytes())["done"] == 2
        # What was made good stays in errors.jsonl until nobody reads it, and counts for nothing.
        with Journal(tmp_path, SETTINGS) as journal:
            assert "a.ogg" in journal.done
            assert "a.ogg" not in journal.failed
            assert "b.ogg" in journal.failed
        holders.let_go()
        write(tmp_path)
        assert [line["id"] for line in read_lines(tmp_path / "errors.jsonl")] == ["b.ogg"]
        assert not list(tmp_path.glob("*.new"))

    @pytest.mark.parametrize("name", ["errors.jsonl", "errors.jsonl.new"])
    def test_what_is_in_the_way_of_tidying_costs_no_figures(self, tmp_path: Path, holders: Holders, name: str) -> None:
        write(tmp_path, failure("a.ogg"), failure("b.ogg"))
        (tmp_path / name).touch()
        with Journal(tmp_path, SETTINGS) as journal:
            journal.begin({})
            journal.write(transcript("a.ogg"))
            holders.hold(tmp_path / name, shared=False)
            journal.finish("finished", {"done": 1})
        assert json.loads((tmp_path / "run.json").read_bytes())["state"] == "finished"
        # A console that closes gives 5 s for all.
        assert holders.waited_s < 2
        holders.let_go()
        write(tmp_path)
        assert [line["id"] for line in read_lines(tmp_path / "errors.jsonl")] == ["b.ogg"]
        assert not list(tmp_path.glob("*.new"))

    def test_figures_are_written_before_a_disk_that_is_full_keeps_from_tidying(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, failure("a.ogg"))
        opened = files.opened

        def full(path: Path, *args: Any, **more: Any) -> IO[bytes]:
            if path == tmp_path / "errors.jsonl.new":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            return opened(path, *args, **more)

        with Journal(tmp_path, SETTINGS) as journal:
            journal.begin({})
            journal.write(transcript("a.ogg"))
            monkeypatch.setattr(files, "opened", full)
            with pytest.raises(OutputError, match=r"errors\.jsonl\.new cannot be written: No space"):
                journal.finish("finished", {"done": 1})
        assert read_run(tmp_path)["state"] == "finished"

    def test_figures_that_have_no_place_are_kept_and_the_error_says_where(
        self, tmp_path: Path, holders: Holders
    ) -> None:
        with Journal(tmp_path, SETTINGS) as journal:
            journal.begin({})
            journal.write(transcript("a.ogg"))
            holders.hold(tmp_path / "run.json", shared=False)
            with pytest.raises(OutputError, match=r"kept in run\.json\.new"):
                journal.finish("finished", {"done": 1})
        assert read_run(tmp_path)["done"] == 1
        assert [line["id"] for line in read_lines(tmp_path / "transcripts.jsonl")] == ["a.ogg"]
        holders.let_go()
        # The next one knows the settings by it, and puts its own in place.
        with pytest.raises(OutputError, match="other settings"):
            Journal(tmp_path, {**SETTINGS, "beam_size": 5})
        write(tmp_path)
        assert not list(tmp_path.glob("*.new"))

    def test_what_is_to_be_overwritten_is_emptied_under_its_reader(self, tmp_path: Path, holders: Holders) -> None:
        write(tmp_path, transcript("a.ogg"), failure("b.ogg"))
        for name in ("run.json", "errors.jsonl", "transcripts.jsonl"):
            holders.hold(tmp_path / name)
        write(tmp_path, transcript("c.ogg"), overwrite=True)
        assert [line["id"] for line in read_lines(tmp_path / "transcripts.jsonl")] == ["c.ogg"]
        assert list(read_lines(tmp_path / "errors.jsonl")) == []

    def test_what_cannot_be_overwritten_is_all_there_and_named(self, tmp_path: Path, holders: Holders) -> None:
        write(tmp_path, transcript("a.ogg"), failure("b.ogg"))
        before = contents(tmp_path)
        holders.hold(tmp_path / "transcripts.jsonl", shared=False)
        with pytest.raises(OutputError, match=r"transcripts\.jsonl cannot be written: .*another program"):
            write(tmp_path, transcript("c.ogg"), overwrite=True)
        assert contents(tmp_path) == before

    def test_settings_that_cannot_be_read_now_are_no_settings_that_are_lost(
        self, tmp_path: Path, holders: Holders
    ) -> None:
        write(tmp_path, transcript("a.ogg"))
        holders.hold(tmp_path / "run.json", readable=False)
        with pytest.raises(OutputError, match=r"run\.json cannot be read: .*another program") as raised:
            Journal(tmp_path, SETTINGS)
        assert "--overwrite" not in str(raised.value)
        assert 0 < holders.waited_s < 10
        holders.let_go()
        Journal(tmp_path, SETTINGS).close()
