"""What an engine on a node is told and asked: shards become parts, and what goes wrong there is said."""

from __future__ import annotations

import json
import pickle
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.errors import EngineError, InputError, OutputError
from anime_whisper_ct2.executors import Listed
from anime_whisper_ct2.executors.cluster.actor import NodeEngine
from anime_whisper_ct2.executors.cluster.messages import Ended, PartWritten, Raised, Rest, Shard, ShardDone, Terms
from anime_whisper_ct2.executors.messages import StationSettings
from anime_whisper_ct2.features.windows import window_length
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DECODING, ENGINE, FRONTEND
from anime_whisper_ct2.output.storage import open_storage
from anime_whisper_ct2.output.storage.parts import Parts, probe_name
from anime_whisper_ct2.readers.selection import Selection
from anime_whisper_ct2.records import Audio, Container, Recording
from tests.support.pretend_ray import INSTANT, PATIENCE_S
from tests.support.tars import tar_gz


def reference(id_: str, audio: Audio) -> Recording:
    return Recording(id_, id_, audio)


@pytest.fixture
def terms(tmp_path: Path) -> Terms:
    out = str(tmp_path / "out")
    open_storage(out).write(probe_name("run"), b"")
    settings = StationSettings("nowhere", ENGINE, DECODING, FRONTEND, window_length("full", None, {}))
    return Terms(settings, out, "run", "f" * 64, (), INSTANT)


def news_of(engine: NodeEngine, *kinds: type) -> list[Any]:
    """Wait until each of these has come."""
    events: list[Any] = []
    deadline = time.monotonic() + PATIENCE_S
    while not all(any(isinstance(event, kind) for event in events) for kind in kinds):
        assert time.monotonic() < deadline, events
        events += engine.news(0.1)
    return events


class TestNode:
    def test_a_shard_becomes_a_part_and_then_it_is_done(self, terms: Terms) -> None:
        engine = NodeEngine()
        assert engine.open(terms, Rest()) == {"device": "none"}
        shard = Shard(3, (reference("a", "a.ogg"), reference("b-fails", "b.ogg")), 10.0)
        engine.give(pickle.dumps(shard), 3, 1)
        written, done = news_of(engine, ShardDone)
        assert (written, done) == (PartWritten(3, "run-00000003-1-0000"), ShardDone(3, Listed()))
        found = Parts(open_storage(terms.place)).read(written.name)
        assert json.loads(found.transcripts)["id"] == "a"
        assert json.loads(found.errors)["id"] == "b-fails"
        assert (found.counts.done, found.counts.failed) == (1, 1)
        engine.finish()
        assert news_of(engine, Ended)[-1].figures == {"memory_halvings": 1}

    def test_many_shards_at_a_time_are_all_done_before_the_end(self, terms: Terms) -> None:
        engine = NodeEngine()
        engine.open(terms, Rest())
        for number in range(40):
            engine.give(pickle.dumps(Shard(number, (reference(str(number), "a.ogg"),), 1.0)), number, 0)
        engine.finish()
        events = news_of(engine, Ended)
        assert isinstance(events[-1], Ended)
        assert {event.number for event in events if isinstance(event, ShardDone)} == set(range(40))

    def test_a_container_is_listed_there_but_for_what_is_done(self, terms: Terms, tmp_path: Path) -> None:
        packed = tar_gz(tmp_path / "a.tar.gz", "1", "2", "3-fails", "4", "5")
        rest = Rest(Selection(exclude=("*4.ogg",)), IdSet(["a.tar.gz/1.ogg"]), IdSet(["a.tar.gz/2.ogg"]))
        engine = NodeEngine()
        engine.open(terms, rest)
        engine.give(pickle.dumps(Shard(0, (reference("x", Container(str(packed), "a.tar.gz")),), 0.0)), 0, 0)
        assert news_of(engine, ShardDone)[-1].listed == Listed(4, 1, 1)

    def test_no_more_of_a_container_is_taken_than_it_says(self, terms: Terms, tmp_path: Path) -> None:
        packed = tar_gz(tmp_path / "a.tar.gz", *map(str, range(9)))
        engine = NodeEngine()
        engine.open(terms, Rest())
        engine.give(pickle.dumps(Shard(0, (reference("x", Container(str(packed), "a", None, 4)),), 0.0)), 0, 0)
        assert news_of(engine, ShardDone)[-1].listed == Listed(4)

    def test_what_is_no_shard_is_said_and_nobody_waits_for_it(self, terms: Terms) -> None:
        engine = NodeEngine()
        engine.open(terms, Rest())
        engine.give(b"no pickle", 0, 0)
        assert isinstance(news_of(engine, Raised)[0].error, EngineError)

    def test_a_full_or_unwritable_output_is_said(self, terms: Terms) -> None:
        engine = NodeEngine()
        engine.open(terms, Rest())
        parts = Path(terms.place, "parts")
        for file in parts.iterdir():
            file.unlink()
        parts.rmdir()
        parts.write_text("in the way", encoding="utf-8")
        engine.give(pickle.dumps(Shard(0, (reference("a", "a.ogg"),), 1.0)), 0, 0)
        assert isinstance(news_of(engine, Raised)[0].error, OutputError)

    def test_a_node_that_does_not_see_the_output_says_so(self, terms: Terms, tmp_path: Path) -> None:
        Path(terms.place, probe_name("run")).unlink()
        with pytest.raises(OutputError, match=r"does not see the output .*all nodes share"):
            NodeEngine().open(terms, Rest())

    def test_a_node_that_does_not_see_the_corpus_says_so(self, terms: Terms) -> None:
        with pytest.raises(InputError, match="does not see /mnt/voices"):
            NodeEngine().open(replace(terms, corpus=("/", "/mnt/voices")), Rest())

    def test_a_model_that_a_node_lacks_is_copied_there_once(self, tiny_model: Path) -> None:
        fingerprint = open_model_dir(tiny_model).fingerprint
        engine, other = NodeEngine(), NodeEngine()
        assert engine.has_model(str(tiny_model), fingerprint) == str(tiny_model)
        assert engine.has_model("/not/there", fingerprint) is None
        for receiver in (engine, other):  # two nodes may share a home folder
            for path in sorted(tiny_model.iterdir()):
                content = path.read_bytes()
                half = len(content) // 2
                receiver.take_model(fingerprint, path.name, 0, content[:half])
                receiver.take_model(fingerprint, path.name, half, content[half:])
        places = {receiver.finish_model(fingerprint) for receiver in (engine, other)}
        assert len(places) == 1
        (place,) = places
        assert NodeEngine().has_model("/not/there", fingerprint) == place
        assert all((Path(place) / path.name).read_bytes() == path.read_bytes() for path in tiny_model.iterdir())
        assert [one.name for one in Path(place).parent.iterdir()] == [fingerprint]
