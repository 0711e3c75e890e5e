"""What ARCHITECTURE.md and CONTRIBUTING.md say is so, and every check is written once."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fuzz.targets import NAMES
from tests.support.documents import Block, Document, anchor, spans
from tests.support.places import ROOT
from tests.test_floors import FLOORS, OURS

ARCHITECTURE, CONTRIBUTING = Document(ROOT / "ARCHITECTURE.md"), Document(ROOT / "CONTRIBUTING.md")
PAGES = pytest.mark.parametrize("page", [ARCHITECTURE, CONTRIBUTING], ids=["architecture", "contributing"])
LINES = [line for block in CONTRIBUTING.blocks if block.language == "sh" for line in block.code.splitlines()]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))
SETTINGS = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
PATH = re.compile(r"[\w.-]*/[\w./-]*|[\w.-]+\.(?:py|md|toml|cfg|yml|yaml)")
LINK = re.compile(r"\]\(([^)]+)\)")
WORDS = {"and", "or", "not"}


def rows(page: Document, title: str) -> list[list[str]]:
    """Give the rows of a section's tables, without their heads."""
    return [row for table in page.sections[page.index(title)].tables for row in table[2:]]


def markers() -> set[str]:
    (listed,) = re.findall(r"^markers = \[$(.*?)^\]$", SETTINGS, re.MULTILINE | re.DOTALL)
    return set(re.findall(r'^    "(\w+):', listed, re.MULTILINE))


def packages() -> set[str]:
    """Name the Debian packages that .ci/run installs."""
    (pairs,) = re.findall(r"^for pair in (.*); do$", CI, re.MULTILINE)
    return {pair.partition(":")[2] for pair in pairs.split()}


def recipe(target: str) -> list[str]:
    """Give the commands of a target of the Makefile."""
    (found,) = re.findall(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in found.splitlines()]


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def defined() -> Iterator[str]:
    """Name every class of the package, and what its modules and the floors define."""
    for tree in (*(tree for _, tree in OURS), ast.parse((ROOT / "tests" / "test_floors.py").read_text("utf-8"))):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield node.name
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (target.id for target in targets if isinstance(target, ast.Name))


@PAGES
def test_links_lead_somewhere(page: Document) -> None:
    anchors = {anchor(section.title) for section in page.sections}
    for target in LINK.findall(page.written):
        assert target[1:] in anchors if target.startswith("#") else (ROOT / target).exists(), target


@PAGES
def test_paths_are_there(page: Document) -> None:
    built = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    for span in spans([page.written]):
        if PATH.fullmatch(span) and f"{span}/" not in built:
            assert any((top / span).exists() for top in (ROOT, ROOT / "anime_whisper_ct2")), span


@PAGES
def test_names_are_those_of_the_code(page: Document) -> None:
    known = set(defined())
    named = {span for span in spans([page.written]) if re.fullmatch(r"[A-Z][A-Za-z_]+", span)}
    drawn = {name for block in page.blocks for name in re.findall(r"\b[A-Z][a-z]+[A-Z]\w+", block.code)}
    assert named | drawn <= known


def test_the_architecture_is_one_page() -> None:
    assert len(ARCHITECTURE.path.read_text(encoding="utf-8").splitlines()) <= 120


def test_the_floors_are_those_that_the_tests_hold() -> None:
    floors = {int(row[0]): set(spans(row[1:2])) for row in rows(ARCHITECTURE, "Floors")}
    assert floors == {number: rooms - {"_version"} for number, rooms in enumerate(FLOORS)}


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_a_shell_can_be_typed(line: str) -> None:
    words = shlex.split(line, comments=True)
    match words:
        case ["make", *targets]:
            assert set(targets) <= TARGETS
        case ["sudo", "apt-get", "install", *names]:
            assert set(names) == packages()
        case [".venv/bin/python", "-m", "pip", "install", *_] | [".venv/bin/pre-commit", "install"]:
            pass
        case [".venv/bin/python", "-m", "pytest", *arguments]:
            folders = [word for word in arguments if word.startswith("tests")]
            assert all((ROOT / folder).exists() for folder in folders)
            if "-m" in arguments:
                wanted = set(re.findall(r"\w+", arguments[arguments.index("-m") + 1]))
                assert wanted - WORDS <= markers()
        case [".venv/bin/python", "-m", module, *arguments]:
            path = ROOT.joinpath(*module.split("."))
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
            if module == "tests.fuzz":
                assert {word for word in arguments if word.isalpha()} <= set(NAMES)
        case _:
            pytest.fail(f"no command that is known here: {line}")


def test_the_checks_are_those_of_ci() -> None:
    named = {span for row in rows(CONTRIBUTING, "Checks") for span in spans(row[:1])}
    called = set(re.findall(r"^make [\w-]+$", CI, re.MULTILINE))
    assert named == {*called, ".ci/run"}
    (line,) = (line for line in LINES if line.startswith("make ") and len(line.split()) > 2)
    assert {f"make {target}" for target in line.split()[1:]} == called


def test_every_marker_is_explained() -> None:
    assert {span for row in rows(CONTRIBUTING, "Tests") for span in spans(row[:1])} == markers()


def test_no_block_is_of_an_unknown_language() -> None:
    blocks: list[Block] = [*ARCHITECTURE.blocks, *CONTRIBUTING.blocks]
    assert {block.language for block in blocks} == {"sh", "text"}


def test_a_commit_is_checked_as_make_lint_checks() -> None:
    hooks = [hook for repository in load(".pre-commit-config.yaml")["repos"] for hook in repository["hooks"]]
    assert [hook["entry"] for hook in hooks] == recipe("lint")
    assert all(hook["language"] == "system" and not hook["pass_filenames"] for hook in hooks)


def test_a_push_is_checked_by_ci_alone() -> None:
    workflow = load(".github/workflows/checks.yml")
    assert set(workflow[True]) == {"push", "pull_request"}  # YAML 1.1 reads `on` as true
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert job["timeout-minutes"] == 90
    uses = [step["uses"] for step in job["steps"] if "uses" in step]
    assert [re.fullmatch(r"actions/([\w-]+)@v\d+", used)[1] for used in uses] == ["checkout", "setup-python"]
    (command,) = (step["run"] for step in job["steps"] if "run" in step)
    assert command.split()[-1] == ".ci/run"


@pytest.mark.posix("modes")
def test_what_is_called_can_be_run() -> None:
    assert Path(ROOT, ".ci", "run").stat().st_mode & 0o111
