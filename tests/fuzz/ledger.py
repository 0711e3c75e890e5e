"""The output folder: what a run goes on with, and what an export reads, whatever has become of its files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.lines import ERRORS, RUN, TRANSCRIPTS, to_json
from anime_whisper_ct2.output.results import RunFolder, read_transcript
from anime_whisper_ct2.records import Failure, Segment, Transcript
from tests.fuzz.mending import vary_json
from tests.fuzz.mutation import TOKENS, pack, unpack
from tests.fuzz.targets import Target

_SETTINGS = {"model": "abc", "beam_size": 1}
_FILES = (TRANSCRIPTS, ERRORS, RUN)
_MOST_BYTES = 1 << 13


def transcript(id_: str, text: str = "えっと、…", audio: str = "in/a.wav") -> Transcript:
    """A recording of one segment."""
    segment = Segment(0.0, 0.3, text, -0.2, 0.01, 0.9)
    return Transcript(id_, audio, 0.3, "ja", text, (segment,), (), {"speaker": "さくら", "n": [1, None]})


def _failure(id_: str) -> Failure:
    return Failure(id_, f"in/{id_}", "decode", "DecodeError", "breaks off")


def _ledger(case: bytes, folder: Path) -> object:
    """Any `transcripts.jsonl`, `errors.jsonl` and `run.json` are gone on with, or refused with one OutputError.

    A refusal changes no byte. Else every whole line that is valid is known when the folder is opened, and stays to the
    byte, at its place; only what follows the last line's end is cut off; what is written afterwards is there for the
    next run, which knows all of it, even when the last line is torn again. Of `errors.jsonl` only lines that a
    transcript or a later line makes untrue go.
    """
    out = folder / "out" / "run"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    given = dict(zip(_FILES, unpack(case, 3), strict=True))
    for name, content in given.items():
        if content is not None:
            (out / name).write_bytes(content)
    before = {name: given[name] or b"" for name in _FILES}
    try:
        journal = Journal(out, _SETTINGS)
    except OutputError:
        _same_files(out, given)
        raise
    with journal:
        _same_files(out, given)
        done = set(_valid_ids(before[TRANSCRIPTS]))
        lost = [id_ for id_ in done if id_ not in journal.done]
        assert not lost, f"{lost[:1]!r:.200} was done, and is forgotten"
        # Of a line only the beginning is parsed, so that more can be done than there are valid lines.
        failed = [id_ for id_ in _valid_ids(before[ERRORS]) if id_ not in journal.done]
        lost = [id_ for id_ in failed if id_ not in journal.failed]
        assert not lost, f"{lost[:1]!r:.200} had failed, and is forgotten"
        journal.begin({"inputs": ["in"]})
        _stays(out / TRANSCRIPTS, before[TRANSCRIPTS])
        _stays(out / ERRORS, before[ERRORS])
        journal.write(transcript("new"))
        journal.write(_failure("bad"))
        # What failed before is made good.
        good = failed[:1] or ["other"]
        journal.write(transcript(good[0]))
        journal.finish("finished", {})
    added = b"".join(to_json(transcript(id_)).encode() + b"\n" for id_ in ("new", *good))
    after = (out / TRANSCRIPTS).read_bytes()
    assert after == _whole(before[TRANSCRIPTS]) + added, "transcripts.jsonl is not what it was and what was written"
    # A failed recording's line stays, unless its fault was made good.
    assert set(_valid_ids((out / ERRORS).read_bytes())) >= {*failed, "bad"} - {*good, *done}, "a failure is gone"
    return _again(out, case, done | {"new", *good})


def _again(out: Path, case: bytes, done: set[str]) -> object:
    """Tear the last line, and open it all once more."""
    whole = (out / TRANSCRIPTS).read_bytes()
    torn = whole + b'{"id": "torn'[: crc32(case) % 13]
    (out / TRANSCRIPTS).write_bytes(torn)
    with Journal(out, _SETTINGS) as journal:
        lost = [id_ for id_ in done if id_ not in journal.done]
        assert not lost, f"{lost[:1]!r:.200} is forgotten by the next run"
        journal.begin({})
        _stays(out / TRANSCRIPTS, torn)
        return len(journal.done) > len(done), len(journal.failed) > 1


def _same_files(out: Path, given: Mapping[str, bytes | None]) -> None:
    for name, content in given.items():
        there = (out / name).read_bytes() if (out / name).exists() else None
        assert there == content, f"{name} was changed before the run began"


def _stays(path: Path, before: bytes) -> None:
    assert path.read_bytes() == _whole(before), f"{path.name} lost more than a torn line, or less"


def _whole(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def _valid_ids(content: bytes) -> list[str]:
    """Give the ids of whole lines, as any reader of JSON gives them."""
    ids = []
    for line in _whole(content).split(b"\n"):
        try:
            row = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and isinstance(row.get("id"), str):
            ids.append(row["id"])
    return ids


def _results(case: bytes, folder: Path) -> object:
    """Any `transcripts.jsonl` and `run.json` are read, or refused with one InputError of one line.

    Ids are in order, each once, and those of whole lines; each transcript is the same when written and read again, and
    its times and figures are finite; the title is one that a folder can have.
    """
    out = folder / "out" / "run"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for name, content in zip((TRANSCRIPTS, RUN), unpack(case, 2), strict=True):
        if content is not None:
            (out / name).write_bytes(content)
    run = RunFolder(out)
    assert list(run.ids) == sorted(set(run.ids)), "ids are not in order, or come twice"
    title = run.title
    assert title is None or ("/" not in title and title.strip(".")), f"the title is {title!r:.200}"
    for id_, one in zip(run.ids, run.transcripts(), strict=True):
        assert one.id == id_, f"{one.id!r:.100} in place of {id_!r:.100}"
        assert run[id_] == one, "it is not the same when asked for by its id"
        assert read_transcript(json.loads(to_json(one), parse_constant=_no_json)) == one, "it is read otherwise"
    return min(len(run), 5), title is None, len(run.inputs)


def _no_json(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


def lines(*outcomes: Transcript | Failure) -> bytes:
    """Write outcomes as a run does."""
    return b"".join(to_json(outcome).encode() + b"\n" for outcome in outcomes)


_RUN = json.dumps({"inputs": ["corpus/声優 v1.2.tar"], "state": "finished", "settings": _SETTINGS}).encode()


def _seeds_of(second: bytes | None) -> Callable[[], list[bytes]]:
    def seeds() -> list[bytes]:
        done = lines(transcript("a.ogg"), transcript("b/\n\udcff.ogg", "=1\n<b>"), transcript("c.ogg"))
        parts = (second, _RUN) if second is not None else (_RUN,)
        rows = [json.dumps({**json.loads(line), "offset": 1.5}) for line in done.splitlines()[:1]]
        return [pack(done, *parts), pack(done + b'{"id": "d', *parts), pack("\n".join(rows).encode() + b"\n", *parts)]

    return seeds


_TOKENS = (*TOKENS, b'{"id": "x"}\n', b'{"id": 5}\n', b'{"id": "', b'"id": ', b'"segments": []', b'"flags": ["x"]')

TARGETS: Mapping[str, Target] = {
    "ledger": Target(
        _ledger,
        _seeds_of(lines(_failure("e.ogg"), _failure("c.ogg"))),
        _TOKENS,
        vary_json,
        _MOST_BYTES,
        0.5,
        refusals=(OutputError,),
    ),
    "results": Target(_results, _seeds_of(None), _TOKENS, vary_json, _MOST_BYTES, 0.5),
}
