"""What engines on a cluster are given: the corpus as references, cut into shards, and places on nodes."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.executors import Listed
from anime_whisper_ct2.executors.cluster.connection import ClusterNode
from anime_whisper_ct2.executors.cluster.contents import Contents
from anime_whisper_ct2.executors.cluster.messages import Shard
from anime_whisper_ct2.executors.cluster.places import Places
from anime_whisper_ct2.executors.cluster.shards import cut, estimated_s
from anime_whisper_ct2.executors.messages import StationSettings
from anime_whisper_ct2.features.windows import window_length
from anime_whisper_ct2.options import DECODING, FRONTEND, EngineOptions, RayOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import ArrayAudio, Audio, Container, Excerpt, Recording, Section
from tests.support.runs import part


def reference(id_: str, audio: Audio) -> Recording:
    return Recording(id_, id_, audio)


def shards(audios: Iterable[Audio], target_s: float) -> list[Shard]:
    return list(cut(enumerate(reference(str(number), audio) for number, audio in enumerate(audios)), lambda: target_s))


class TestCut:
    def test_shards_hold_like_lengths_whatever_the_sizes_of_files(self) -> None:
        audios = [Section("a.wav", 0, 96_000 * (1 + number % 7)) for number in range(700)]
        found = shards(audios, 100.0)
        assert [recording.id for shard in found for recording in shard.recordings] == [str(n) for n in range(700)]
        assert [shard.number for shard in found] == list(range(len(found)))
        assert all(100.0 <= shard.estimated_s < 107.0 for shard in found[:-1])
        assert sum(shard.estimated_s for shard in found) == 2_800.0

    def test_a_shard_holds_no_more_than_4096(self) -> None:
        found = shards([Section("a.wav", 0, 0)] * 10_000, 1e9)
        assert [len(shard.recordings) for shard in found] == [4_096, 4_096, 1_808]

    def test_a_container_is_a_shard_by_itself(self) -> None:
        audios = ["s3://a/1.ogg", Container("b.tar.gz", "b.tar.gz/"), "s3://a/2.ogg", Container("c.parquet", "c/")]
        kinds = [[type(recording.audio) for recording in shard.recordings] for shard in shards(audios, 100.0)]
        assert kinds == [[Container], [Container], [str, str]]

    def test_references_hold_wherever_they_are_followed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def at(name: str) -> str:
            return str(tmp_path / name)

        monkeypatch.chdir(tmp_path)
        audios = [
            "a.ogg",
            Section("b.tar", 512, 9),
            Excerpt("c.ogg", 1.0, 2.0),
            Excerpt(Section("d.tar", 0, 1), 0.0, None),
        ]
        given = [*audios, Container("e.tar.gz", "e/"), "s3://f/g.ogg", b"OggS"]
        found = {one.id: one for shard in shards(given, 1e9) for one in shard.recordings}
        assert [found[str(number)].audio for number in range(len(given))] == [
            *(at("a.ogg"), Section(at("b.tar"), 512, 9), Excerpt(at("c.ogg"), 1.0, 2.0)),
            *(
                Excerpt(Section(at("d.tar"), 0, 1), 0.0, None),
                Container(at("e.tar.gz"), "e/"),
                "s3://f/g.ogg",
                b"OggS",
            ),
        ]
        assert all(one.name == one.id for one in found.values())

    def test_lengths_are_told_from_names_and_sizes(self, tmp_path: Path) -> None:
        (tmp_path / "a.ogg").write_bytes(bytes(120_000))
        assert estimated_s(str(tmp_path / "a.ogg")) == 10.0
        assert estimated_s(Excerpt(str(tmp_path / "a.ogg"), 3.0, 2.0)) == 2.0
        assert estimated_s(Excerpt(str(tmp_path / "a.ogg"), 3.0, None)) == 10.0
        assert estimated_s(ArrayAudio(bytes(48_000), 16_000)) == 3.0  # type: ignore[arg-type] # only its length counts
        assert estimated_s("s3://nobody/asks.ogg") == 5.0
        assert estimated_s(str(tmp_path / "absent.ogg")) == 0.5

    def test_what_the_corpus_raises_comes_behind_what_was_listed(self) -> None:
        def tasks() -> Iterator[tuple[int, Recording]]:
            yield 0, reference("a", "s3://a/1.ogg")
            raise InputError("line 2 is no JSON")

        found = cut(tasks(), lambda: 1.0)
        assert len(next(found).recordings) == 1
        with pytest.raises(InputError, match="line 2"):
            next(found)


class TestContents:
    def test_what_is_listed_again_is_counted_once(self) -> None:
        contents = Contents()
        contents.begin(7)
        assert contents.part(7, part("a", "b")).found == 2
        contents.begin(7)  # its engine was lost
        assert contents.part(7, part("b", "c", failed=["d"])).found == 2
        assert contents.end(7, Listed(9, resumed=4, failed_before=1)) == Listed(5, 4, 1)

    def test_shards_of_references_were_counted_when_they_were_listed(self) -> None:
        contents = Contents()
        assert contents.part(1, part("a")) == contents.end(1, Listed()) == Listed()


class TestPlaces:
    def places(self, device: str = "auto", cpus: int | None = None, gpus: int = 0) -> tuple[Places, ClusterNode]:
        engine = EngineOptions(device=device)  # type: ignore[arg-type] # as the command line gives it
        settings = StationSettings("nowhere", engine, DECODING, FRONTEND, window_length("full", None, {}))
        node = ClusterNode("id", "host", 16, gpus)
        return Places.of(settings, RayOptions(cpus=cpus), [node]), node  # type: ignore[arg-type] # as the command line gives it

    def test_without_gpus_an_engine_gets_all_cores_of_its_node(self) -> None:
        places, node = self.places()
        there = places.settings_on(node)
        assert (places.count(node), places.cores(node), there.engine.device, there.engine.cpu_threads) == (
            1,
            16,
            "cpu",
            16,
        )

    def test_each_gpu_gets_its_share_of_the_cores(self) -> None:
        places, node = self.places(gpus=4)
        there = places.settings_on(node)
        assert (places.count(node), there.engine.device, there.engine.gpus, there.frontend.workers) == (
            4,
            "cuda",
            (0,),
            3,
        )

    def test_cores_that_are_asked_for_decide_how_many_fit(self) -> None:
        for gpus, cpus, count in ((0, 4, 4), (0, 17, 0), (4, 6, 2), (2, 4, 2)):
            places, node = self.places(cpus=cpus, gpus=gpus)
            assert places.count(node) == count

    def test_a_cluster_without_gpus_is_none_for_cuda(self) -> None:
        with pytest.raises(InputError, match=r"has no GPU.*--num-gpus"):
            self.places("cuda")


class TestReferences:
    """`Corpus.references`: what iterating gives, but one for all of what only a reader can get at."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name in ("1.ogg", "2.ogg", "3.ogg"):
            (tmp_path / name).write_bytes(b"audio")
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            for name in ("1.ogg", "2.ogg", "3.ogg"):
                tar.add(tmp_path / name, name)
        for name in ("1.ogg", "2.ogg", "3.ogg"):
            (tmp_path / name).unlink()
        (tmp_path / "b.tar.gz").write_bytes(gzip.compress((tmp_path / "a.tar").read_bytes()))
        rows = [{"audio": {"bytes": b"audio", "path": None}}] * 3
        parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "c.parquet")
        return tmp_path

    def kinds(self, corpus: Corpus) -> list[tuple[str, type, int | None]]:
        return [(one.id, type(one.audio), getattr(one.audio, "limit", None)) for one in corpus.references()]

    def test_plain_tars_are_split_and_others_stay_whole(self, folder: Path) -> None:
        found = self.kinds(Corpus((str(folder),)))
        assert found == [
            *((f"a.tar/{number}.ogg", Section, None) for number in (1, 2, 3)),
            ("b.tar.gz", Container, None),
            ("c.parquet", Container, None),
        ]

    def test_the_limit_is_shared_out_among_containers(self, folder: Path) -> None:
        found = self.kinds(Corpus((str(folder),), limit=5))
        assert [kind for _, kind, _ in found] == [Section, Section, Section, Container]
        assert found[-1] == ("b.tar.gz", Container, 2)

    def test_what_is_taken_is_left_to_who_lists_a_container(self, folder: Path) -> None:
        corpus = Corpus((str(folder),), include=("*/1.ogg",))
        assert [id_ for id_, _, _ in self.kinds(corpus)] == ["a.tar/1.ogg", "b.tar.gz", "c.parquet"]
        assert corpus.selection.takes_id("b.tar.gz/1.ogg")
        assert not corpus.selection.takes_id("b.tar.gz/2.ogg")
