"""The floors of the house: imports point down only, and the wings meet at the converted folder."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "anime_whisper_ct2"
WING = "anime_whisper_ct2_convert"

# A room is a module, or a package with all that is in it.
FLOORS = (
    {"_version", "errors", "extensions", "records", "options"},
    {"audio", "spans", "mel", "batcher", "quality", "assemble", "journal", "metrics", "model_dir", "windows", "cuda"}
    | {"ids", "lines", "lock", "naming", "results", "clip_plan", "filters", "printed", "speech", "text"},
    {"readers", "storage", "vad", "engine", "exporters"},
    {"executors"},
    {"models", "corpus_run", "transcriber", "ray", "calibration", "doctor"}
    | {"export", "clips", "stats", "evaluation", "merge", "plan"},
    {"cli", "__init__"},
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
    "filelock": {"lock"},
    "onnxruntime": {"vad"},
    "fsspec": {"readers", "storage"},
    "braceexpand": {"readers"},
    "pyarrow": {"readers", "exporters", "ray"},
    "tarfile": {"readers", "exporters"},
    "ray": {"executors", "ray"},
    "torch": set[str](),
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


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room(name) in rooms)


OURS = list(modules(ROOT, PACKAGE))


@pytest.mark.parametrize(("name", "tree"), OURS, ids=[name for name, _ in OURS])
def test_imports_point_down(name: str, tree: ast.Module) -> None:
    known = set().union(*FLOORS)
    for imported in imports(tree):
        if imported.split(".")[0] == PACKAGE and room(imported) in known:
            assert floor(imported) <= floor(name), f"{name} imports {imported}, which lies above it"


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
    allowed = {"errors", "model_dir", "_version", "options"}
    for name, tree in modules(ROOT / "convert", WING):
        for imported in imports(tree):
            if imported.split(".")[0] == PACKAGE:
                assert room(imported) in allowed, f"{name} imports {imported}"


def test_only_the_models_room_and_the_command_open_the_converter() -> None:
    users = {name for name, tree in OURS for imported in imports(tree) if imported.split(".")[0] == WING}
    assert users == {f"{PACKAGE}.models", f"{PACKAGE}.cli.convert"}


def test_workers_and_the_command_line_start_without_the_heavy_libraries() -> None:
    code = (
        "import sys, anime_whisper_ct2.cli, anime_whisper_ct2.executors.worker, anime_whisper_ct2.executors.frontend;"
        "heavy = {'torch', 'transformers', 'ctranslate2', 'faster_whisper', 'av', 'onnxruntime'} & set(sys.modules);"
        "print(sorted(heavy))"
    )
    path = f"{ROOT}:{ROOT / 'convert'}"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    assert answer.stdout.strip() == "[]"


def test_every_package_is_shipped() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    shipped = set(setup["options"]["packages"].split())
    there = {
        ".".join(path.parent.relative_to(top).parts)
        for top, package in ((ROOT, PACKAGE), (ROOT / "convert", WING))
        for path in (top / package).rglob("__init__.py")
    }
    assert shipped == there
