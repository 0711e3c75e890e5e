"""The floors of the house: imports point down only, and the wings meet at the converted folder."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import BARE
from tests.support.places import PYTHONPATH, ROOT

PACKAGE = "anime_whisper_ct2"
WING = "anime_whisper_ct2_convert"

# A room is a module of the package's first folder, or a package in it with all that it holds. Rooms on one floor do not
# know of each other.
FLOORS = (
    {"_version", "errors", "extensions", "languages", "records", "system"},
    {"ids", "options", "text"},
    {"features", "model_dir"},
    {"audio", "engine", "segments"},
    {"readers"},
    {"output", "reviews"},
    {"evaluation", "executors", "models", "plan", "stats", "web"},
    {"adaptation", "calibration", "corpus_run", "doctor", "export", "review", "search", "transcriber"},
    {"__init__", "cli", "ray"},
)
# Each foreign engine has one door.
DOORS = {
    "ctranslate2": {"engine", "doctor"},  # whose trade is to try each of them
    "faster_whisper": {"engine"},
    "soundfile": {"audio", "doctor"},
    "soxr": {"audio"},
    "av": {"audio", "doctor"},
    "click": {"cli"},
    "tqdm": {"cli"},
    "filelock": {"output"},
    "onnxruntime": {"segments"},
    "optuna": {"search"},
    "duckdb": {"review"},
    "starlette": {"review", "web"},
    "uvicorn": {"web"},
    "fsspec": {"readers", "output"},
    "braceexpand": {"readers"},
    "budoux": {"export"},
    "pyarrow": {"readers", "export", "ray"},
    "tarfile": {"readers", "export"},
    "ray": {"executors", "ray"},
    "torch": {"adaptation", "engine"},
    "transformers": set[str](),
}


def modules(top: Path, package: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((top / package).rglob("*.py")):
        name = ".".join(path.relative_to(top).with_suffix("").parts)
        yield name.removesuffix(".__init__"), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def floor(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def rooms_used(name: str, tree: ast.Module) -> set[str]:
    """Give the other rooms that a module imports; of the package itself, names alone."""
    ours = {imported for imported in imports(tree) if imported.split(".")[0] == PACKAGE}
    known = set().union(*FLOORS)
    return {room(imported) for imported in ours if room(imported) in known} - {room(name)}


OURS = list(modules(ROOT, PACKAGE))


@pytest.mark.parametrize(("name", "tree"), OURS, ids=[name for name, _ in OURS])
def test_imports_point_down(name: str, tree: ast.Module) -> None:
    for below in rooms_used(name, tree):
        assert floor(below) < floor(room(name)), f"{name} imports {below}, which lies beside or above it"


def test_every_room_has_a_floor() -> None:
    assert {room(name) for name, _ in OURS} <= set().union(*FLOORS)


def test_rooms_do_not_import_each_other_in_a_circle() -> None:
    names = {name for name, _ in OURS}
    below: dict[str, set[str]] = {}
    for name, tree in OURS:
        direct = {imported for imported in imports(tree) if imported in names}
        direct |= {imported.rpartition(".")[0] for imported in imports(tree)} & names
        below[name] = direct - {name, PACKAGE}
    while below:
        free = [name for name, needs in below.items() if not needs & below.keys()]
        assert free, f"a circle among {sorted(below)}"
        for name in free:
            del below[name]


@pytest.mark.parametrize("library", DOORS)
def test_a_foreign_library_has_one_door(library: str) -> None:
    users = {room(name) for name, tree in OURS for imported in imports(tree) if imported.split(".")[0] == library}
    assert users <= DOORS[library]


def test_the_converter_knows_of_the_engine_only_the_folder_on_disk() -> None:
    allowed = {"errors", "model_dir", "_version", "options", "system"}
    for name, tree in modules(ROOT / "convert", WING):
        for imported in imports(tree):
            if imported.split(".")[0] == PACKAGE:
                assert room(imported) in allowed, f"{name} imports {imported}"


def test_only_the_models_room_and_the_commands_open_the_converter() -> None:
    users = {name for name, tree in OURS for imported in imports(tree) if imported.split(".")[0] == WING}
    assert users == {f"{PACKAGE}.models", f"{PACKAGE}.cli.convert", f"{PACKAGE}.cli.average"}


@pytest.mark.parametrize(
    ("starts", "heavy"),
    [
        ("cli", {"torch", "transformers", "ctranslate2", "faster_whisper", "av", "onnxruntime"}),
        (
            "executors.worker, {0}.executors.frontend",
            {"ctranslate2", "av", "onnxruntime", "rapidfuzz", "filelock", "click"},
        ),
    ],
    ids=["command line", "workers"],
)
def test_what_starts_often_starts_without_the_heavy_libraries(starts: str, heavy: set[str]) -> None:
    code = f"import sys, {PACKAGE}.{starts.format(PACKAGE)}; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**BARE, "PYTHONPATH": PYTHONPATH}
    )
    assert heavy & set(answer.stdout.split()) == set()


def test_every_package_is_shipped() -> None:
    # As a build sees it: setup.cfg and setup.py together.
    code = "from setuptools import distutils as d; print(*d.core.run_setup('setup.py', stop_after='init').packages)"
    built = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    there = {
        ".".join(path.parent.relative_to(top).parts)
        for top, package in ((ROOT, PACKAGE), (ROOT / "convert", WING))
        for path in (top / package).rglob("__init__.py")
    }
    assert set(built.stdout.split()) == there


def said_to_be_imported(docstring: str) -> set[str]:
    """Read the last paragraph of a package's docstring: which rooms its modules may import."""
    last = docstring.strip().split("\n\n")[-1]
    return set(re.findall(r"`([^`]+)`", last)) if last.startswith("May import: ") else set()


FACES = [(name, tree) for name, tree in OURS if ROOT.joinpath(*name.split(".")).is_dir() and name != PACKAGE]


@pytest.mark.parametrize(("name", "face"), FACES, ids=[name for name, _ in FACES])
def test_a_package_says_what_it_may_import(name: str, face: ast.Module) -> None:
    said = said_to_be_imported(ast.get_docstring(face) or "")
    inside = tuple(tree for module, tree in OURS if f"{module}.".startswith(f"{name}."))
    used = {imported for tree in inside for imported in imports(tree) if imported.startswith(f"{PACKAGE}.")}
    outside = {imported.removeprefix(f"{PACKAGE}.") for imported in used if not f"{imported}.".startswith(f"{name}.")}
    for imported in outside:
        assert any(f"{imported}.".startswith(f"{room}.") for room in said), f"{name} imports {imported}"
    for room in said:
        assert any(f"{imported}.".startswith(f"{room}.") for imported in outside), f"{name} does not import {room}"


def test_the_first_folder_can_be_taken_in_at_a_glance() -> None:
    assert len([path for path in (ROOT / PACKAGE).glob("*.py") if path.name != "__init__.py"]) <= 12
