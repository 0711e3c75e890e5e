"""Runs on a cluster of threads: every recording has its line, whatever becomes of engines and nodes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.errors import Awct2Error, EngineError, InputError
from anime_whisper_ct2.executors import opening
from anime_whisper_ct2.executors.cluster import actor, executor
from anime_whisper_ct2.executors.cluster import engines as engines_room
from anime_whisper_ct2.executors.cluster.messages import Terms
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, RayOptions, RunOptions
from anime_whisper_ct2.output.lines import ERRORS, RUN, TRANSCRIPTS
from anime_whisper_ct2.output.metrics import Counts, Totals
from anime_whisper_ct2.output.storage import open_storage
from anime_whisper_ct2.output.storage.parts import Parts
from anime_whisper_ct2.readers import Corpus, Listing
from anime_whisper_ct2.records import Recording
from tests.support.pretend_ray import INSTANT, PATIENCE_S, Pretend, install
from tests.support.processes import hold_to_the_truth, lines
from tests.support.runs import part
from tests.support.tars import tar_gz


class TestRun:
    """`CorpusRun` on nodes that are threads."""

    @pytest.fixture
    def ray(self, monkeypatch: pytest.MonkeyPatch) -> Pretend:
        monkeypatch.setattr(opening, "Terms", partial(Terms, opener=INSTANT))
        monkeypatch.setattr(executor, "_SURVEY_EVERY_S", 0.05)
        return install(monkeypatch, one=2, two=2)

    @pytest.fixture
    def run(self, ray: Pretend, tiny_model: Path, tmp_path: Path) -> Callable[..., Totals]:
        self.said: list[str] = []

        def run_(*inputs: Path, **options: Any) -> Totals:
            corpus = Corpus(tuple(map(str, inputs)))
            given = RunOptions(ray=RayOptions(), decoding=DecodingOptions(retry=False), **options)
            model = open_model_dir(tiny_model)
            return CorpusRun(corpus, tmp_path / "out", model, given, on_note=self.said.append).run()

        return run_

    def corpus(self, folder: Path, *names: str, count: int = 50) -> Path:
        folder.mkdir(exist_ok=True)
        for name in (*map(str, range(count)), *names):
            (folder / f"{name}.ogg").write_bytes(bytes(12_000 * 20))
        return folder

    def test_every_recording_has_its_line(self, run: Callable[..., Totals], tmp_path: Path) -> None:
        totals = run(self.corpus(tmp_path / "a", "x-fails"))
        assert (totals.found, totals.done, totals.failed) == (51, 50, 1)
        run_json = hold_to_the_truth(tmp_path / "out", 3, state="finished", found=51, engines_lost=0)
        # Told by each engine at its end: of one that dies, nothing is known.
        assert run_json["engine_waits"] == 0.25
        assert not (tmp_path / "out" / "parts").exists()

    def test_an_engine_that_dies_costs_nothing_but_time(self, run: Callable[..., Totals], tmp_path: Path) -> None:
        totals = run(self.corpus(tmp_path / "a", "25-once-kills"))
        assert (totals.found, totals.done, totals.failed) == (51, 51, 0)
        hold_to_the_truth(tmp_path / "out", 0, state="finished", engines_lost=1)
        assert any("was lost" in line for line in self.said)

    def test_what_kills_every_engine_fails_and_takes_no_neighbour_with_it(
        self, run: Callable[..., Totals], tmp_path: Path, ray: Pretend
    ) -> None:
        """The neighbours are in other shards, which engines had in hand when they died over this one."""
        ray.hosts.pop("two")
        packed = [tar_gz(tmp_path / f"{name}.tar.gz", *(f"{name}{n}" for n in range(3))) for name in "abcd"]
        poison = tar_gz(tmp_path / "b-poison.tar.gz", "first", "then-kills", "never")
        totals = run(packed[0], packed[1], poison, packed[2], packed[3])
        failed = lines(tmp_path / "out", ERRORS)
        assert [(line["id"], line["error"]) for line in failed] == [("b-poison.tar.gz", "EngineLost")]
        assert totals.done >= 12
        hold_to_the_truth(tmp_path / "out", 3, state="finished", failed=1, engines_lost=3)

    def test_recordings_of_a_shard_that_were_done_before_it_was_given_up_stay_done(
        self, run: Callable[..., Totals], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(actor, "_PART_BYTES", 1)
        totals = run(self.corpus(tmp_path / "a", "3-kills", count=10))
        assert totals.done + totals.failed == totals.found == 11
        assert totals.done > 0
        run_json = hold_to_the_truth(tmp_path / "out", 3, state="finished")
        assert run_json["failed"] == totals.failed

    def test_a_container_is_listed_anew_after_a_loss_and_counted_once(
        self, run: Callable[..., Totals], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(actor, "_PART_BYTES", 1)
        packed = tar_gz(tmp_path / "a.tar.gz", "1", "2-fails", "3-once-fails", "4", "5-once-kills", "6")
        totals = run(packed)
        assert (totals.found, totals.done, totals.failed) == (6, 5, 1)
        hold_to_the_truth(tmp_path / "out", 3, state="finished")
        assert run(packed).resumed == 5

    def test_a_place_where_engines_die_again_and_again_is_given_up(
        self,
        run: Callable[..., Totals],
        tmp_path: Path,
        ray: Pretend,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        original = engines_room.RemoteEngine._open

        def dies_on_two(engine: Any) -> Any:
            if engine.node.host == "two":
                engine._actor.kill()
            return original(engine)

        monkeypatch.setattr(engines_room.RemoteEngine, "_open", dies_on_two)
        assert run(self.corpus(tmp_path / "a")).done == 50
        del ray.hosts["one"]
        self.said.clear()
        with pytest.raises(EngineError, match=r"no node .* can take part: two: 3 engines in a row were lost there"):
            run(self.corpus(tmp_path / "a", "new"))
        assert [line.split(" was ")[0].split(":")[0] for line in self.said] == [
            *["an engine on node two"] * 3,
            "node two is left out",
        ]
        assert len(lines(tmp_path / "out")) == 50

    def test_when_no_engine_can_be_opened_the_last_reason_is_the_error(
        self, run: Callable[..., Totals], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuses(_engine: Any) -> Any:
            raise EngineError("numpy is 1.0 there and 2.0 here; install the same")

        monkeypatch.setattr(engines_room.RemoteEngine, "_open", refuses)
        with pytest.raises(EngineError, match=r"no node of the Ray cluster can take part: two: numpy is 1\.0"):
            run(self.corpus(tmp_path / "a"))
        # Both refuse at once, in either order.
        assert sorted(self.said) == [
            f"node {host} is left out: numpy is 1.0 there and 2.0 here; install the same" for host in ("one", "two")
        ]
        assert lines(tmp_path / "out") == []

    def test_a_cluster_without_nodes_is_waited_for_and_then_given_up(
        self, run: Callable[..., Totals], tmp_path: Path, ray: Pretend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(executor, "_PATIENCE_S", 0.3)
        monkeypatch.setattr(executor, "_TOLD_AFTER_S", 0.0)
        ray.hosts.clear()
        with pytest.raises(EngineError, match="no node with 1 CPU for"):
            run(self.corpus(tmp_path / "a"))
        assert "waiting for a node with 1 CPU" in self.said[0]

    def test_a_container_that_cannot_be_read_fails_and_the_others_go_on(
        self, run: Callable[..., Totals], tmp_path: Path
    ) -> None:
        parquet.write_table(pa.table({"text": ["no audio"]}), tmp_path / "a.parquet")
        totals = run(tmp_path / "a.parquet", tar_gz(tmp_path / "b.tar.gz", "1", "2"))
        assert (totals.found, totals.done, totals.failed) == (3, 2, 1)
        assert [line["error"] for line in lines(tmp_path / "out", ERRORS)] == ["TableError"]

    def test_a_users_mistake_that_shows_on_a_node_ends_the_run_as_it_does_here(
        self, run: Callable[..., Totals], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuses(*_: object) -> Any:
            raise InputError("a.tar.gz: no such column")

        monkeypatch.setattr(actor, "contained", refuses)
        with pytest.raises(InputError, match="no such column"):
            run(tar_gz(tmp_path / "a.tar.gz", "1"))
        assert json.loads((tmp_path / "out" / RUN).read_text(encoding="utf-8"))["state"] == "failed"

    def test_a_corpus_that_breaks_off_ends_the_run_and_keeps_what_was_done(
        self, run: Callable[..., Totals], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = Corpus.references

        def breaks_off(corpus: Corpus, listing: Listing) -> Iterator[Recording]:
            yield from islice(whole(corpus, listing), 60)
            deadline = time.monotonic() + PATIENCE_S
            while not lines(tmp_path / "out") and time.monotonic() < deadline:
                time.sleep(0.01)
            raise InputError("the disk with the corpus is gone")

        monkeypatch.setattr(Corpus, "references", breaks_off)
        with pytest.raises(InputError, match="is gone"):
            run(self.corpus(tmp_path / "a", count=100))
        assert 0 < len(lines(tmp_path / "out")) <= 60
        monkeypatch.undo()

    def test_what_an_earlier_run_left_is_taken_over(self, run: Callable[..., Totals], tmp_path: Path) -> None:
        folder = self.corpus(tmp_path / "a", "x-once-fails", count=10)
        out = tmp_path / "out"
        run(folder)
        # As if the driver had been killed before it took over the parts.
        parts = Parts(open_storage(str(out)))
        held = {line["id"]: line for line in lines(out)}
        again = "".join(json.dumps(held[f"{n}.ogg"], ensure_ascii=False) + "\n" for n in (3, 5)).encode()
        (out / TRANSCRIPTS).write_text(
            "".join(
                json.dumps(line, ensure_ascii=False) + "\n"
                for id_, line in held.items()
                if id_ not in ("3.ogg", "5.ogg", "7.ogg")
            ),
            encoding="utf-8",
        )
        failed = (out / ERRORS).read_bytes()
        (out / ERRORS).write_bytes(b"")
        parts.write("old-00000000-0-0000", again, failed, Counts(done=2, failed=1, audio_seconds=3.0))
        open_storage(str(out)).write("parts/old-00000001-0-0000.jsonl", b"a part without its marker\n")
        totals = run(folder)
        assert (totals.found, totals.done, totals.resumed, totals.failed) == (11, 1, 9, 1)
        assert not (out / "parts").exists()
        # And what had failed there may be tried again.
        totals = run(folder, retry_failed=True)
        assert (totals.done, totals.resumed, totals.failed) == (1, 10, 0)
        hold_to_the_truth(out, 0, done_before=10, state="finished")

    def test_to_start_afresh_leaves_no_part_of_before(self, run: Callable[..., Totals], tmp_path: Path) -> None:
        folder, out = self.corpus(tmp_path / "a", count=5), tmp_path / "out"
        old = part("gone.ogg")
        Parts(open_storage(str(out))).write("old", old.transcripts, b"", old.counts)
        totals = run(folder, overwrite=True)
        assert (totals.found, totals.done) == (5, 5)
        assert {line["id"] for line in lines(out)} == {f"{n}.ogg" for n in range(5)}
        assert not (out / "parts").exists()


def test_errors_from_nodes_can_be_shown() -> None:
    shown = engines_room._shown(ValueError("two\nlines"))
    assert isinstance(shown, Awct2Error)
    assert str(shown) == "ValueError: two lines"
    assert os.linesep not in str(shown)
