"""No wait of the main thread keeps a signal out.

On Windows a wait without a limit, on a lock or on a pipe, lets none in. Those of `system.waiting` do, and others of
Python's own are looked for here, by their names. What is found so may be no wait: then it is told here as well. Into
libraries and into C nobody looks: those of their calls that are known to last have to be made `apart`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# By module and what is called there: why it may wait.
KNOWN = {
    # In threads of their own.
    ("cli/ending", "stopping.wait"): "the thread that is patient",
    ("engine/crew", "self._calls.get"): "the engine's threads",
    ("executors/attendant", "worker.receive_all"): "an attendant's thread",
    ("executors/fleet", "child.receive"): "the thread that listens to a station",
    ("export/clips/workers", "child.receive"): "a thread of the pool",
    ("review/sound/clip_workers", "self.child.receive"): "a thread of the server's, or of a pool",
    ("review/sound/listing", "child.receive"): "the thread that follows the listing",
    ("executors/cluster/actor", "thread.join"): "the thread that ends an actor",
    ("executors/cluster/engines", "ray.get"): "the thread of one engine",
    # In processes that leave signals to their parent.
    ("executors/worker", "inbox.get"): "a worker",
    ("executors/station", "inbox.get"): "a station",
    # These look up by themselves, or are over at once.
    ("publish", "lock.acquire"): "filelock sleeps between its tries",
    ("binary", "ThreadPoolExecutor"): "its end is waited for through `system.waiting`",
    ("executors/cluster/connection", "_ray().shutdown"): "Ray's own",
    # The command, and whoever opens an engine, makes these calls apart.
    ("engine/overflow", "ctranslate2.models.Whisper"): "the engine's threads",
    ("engine/stale", "result.result"): "of the engine, which is made apart or in a process of its own",
    ("engine/whisper", "WhisperModel"): "of the engine, which is made apart or in a process of its own",
    ("verification", "transformers.WhisperForConditionalGeneration.from_pretrained"): "a verification is made apart",
    ("verification", "ctranslate2.models.Whisper"): "a verification is made apart",
    # In processes that leave signals to their parent.
    ("engine/whisper", "CTranslate2Engine"): "a station opens it",
    ("doctor/trial", "CTranslate2Engine"): "a process of the doctor's",
    # Our own methods, which are none of the system's.
    ("output/journal", "self._lock.acquire"): "of FolderLock",
    ("export/clip_folders", "lock.acquire"): "of FolderLock",
    ("adaptation/place", "lock.acquire"): "of FolderLock",
    ("search/company", "self._own.acquire"): "of FolderLock",
}
# Methods that wait when they are given no limit.
_WAITS = {"wait", "result", "join", "get", "acquire", "receive", "receive_all", "wait_for", "shutdown"}
# These wait whatever they are given.
_ALWAYS = {"as_completed", "ThreadPoolExecutor", "ProcessPoolExecutor", "map"}
# Known to last: what fetches gigabytes, loads a model or computes with it.
_LASTING = {
    "snapshot_download",
    "file_exists",
    "CTranslate2Engine",
    "WhisperModel",
    "Whisper",
    "from_pretrained",
    "verify",
}
_LIMITS = {"timeout", "blocking", "block", "wait"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for top in (ROOT / "anime_whisper_ct2", ROOT / "convert" / "anime_whisper_ct2_convert"):
        for path in sorted(top.rglob("*.py")):
            name = path.relative_to(top).with_suffix("").as_posix()
            if name != "system/waiting":
                yield name, ast.parse(path.read_text(encoding="utf-8"))


MODULES = tuple(modules())


def waits(tree: ast.Module) -> Iterator[str]:
    """Name the calls that may wait for ever, and those that last and are not made apart."""
    apart = {id(part) for call in _calls(tree, "apart") for given in call.args for part in ast.walk(given)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            last = called.rpartition(".")[2]
            # The function `wait` takes what it waits for, a method takes nothing but its limit.
            is_method = last != called
            always = (last in _ALWAYS and (is_method or last != "map")) or called == "ray.get"
            method = is_method and last in _WAITS and not _is_limited(node, node.args)
            function = called == "wait" and not _is_limited(node, node.args[1:])
            if last == "partial" and node.args:
                called = ast.unparse(node.args[0])
                last = called.rpartition(".")[2]
            lasting = last in _LASTING and id(node) not in apart
            if always or method or function or lasting:
                yield called


def _calls(tree: ast.Module, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
            yield node


def _is_limited(node: ast.Call, given: list[ast.expr]) -> bool:
    limits = [*given, *(keyword.value for keyword in node.keywords if keyword.arg in _LIMITS)]
    parts = [part for one in limits for part in ((one.body, one.orelse) if isinstance(one, ast.IfExp) else (one,))]
    return bool(parts) and not any(isinstance(part, ast.Constant) and part.value is None for part in parts)


@pytest.mark.parametrize(("name", "tree"), MODULES, ids=[name for name, _ in MODULES])
def test_a_wait_without_a_limit_is_one_that_lets_signals_in(name: str, tree: ast.Module) -> None:
    found = {(name, called) for called in waits(tree)}
    assert not found - KNOWN.keys(), "let it go through `system.waiting`, or say above why it may wait"


def test_what_is_known_is_there() -> None:
    assert {(name, called) for name, tree in MODULES for called in waits(tree)} >= KNOWN.keys()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("future.result()", ["future.result"]),
        ("future.result(timeout=1)", []),
        ("items.get(timeout=None)", ["items.get"]),
        ("items.get(timeout=1 if ticking else None)", ["items.get"]),
        ("content.get('key')", []),
        ("wait(futures, return_when=FIRST_COMPLETED)", ["wait"]),
        ("wait(futures, 0.1, FIRST_COMPLETED)", []),
        ("', '.join(words)", []),
        ("event.wait()", ["event.wait"]),
        ("event.wait(0.5)", []),
        ("child.receive()", ["child.receive"]),
        ("huggingface_hub.snapshot_download(source)", ["huggingface_hub.snapshot_download"]),
        ("fetch = partial(snapshot_download, source)", ["snapshot_download"]),
        ("waiting.apart(partial(snapshot_download, source))", []),
        ("waiting.apart(lambda: WhisperModel(path))", []),
        ("with ThreadPoolExecutor(3) as pool: pool.map(f, x)", ["ThreadPoolExecutor", "pool.map"]),
    ],
)
def test_waits_are_found(code: str, found: list[str]) -> None:
    assert list(waits(ast.parse(code))) == found
