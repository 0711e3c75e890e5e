"""The command line as a program: what starts it, in what environment, and how it refuses."""

from __future__ import annotations

import locale
import os
import subprocess
import sys

from tests.support.places import PYTHONPATH

COMMAND = [sys.executable, "-c", "from anime_whisper_ct2.cli import main; main(prog_name='awct2')"]
# What of its environment a program cannot start without: on Windows, where the system lies.
BARE = {name: value for name, value in os.environ.items() if name.upper() == "SYSTEMROOT"}
# Several times faster than 30 s windows, for tests that do not depend on what is heard.
FAST = ("--window", "fit", "--no-retry", "--audit", "0")


def environment(**extra: str) -> dict[str, str]:
    """Give this process's environment, in which the checkout is found."""
    return {**os.environ, "PYTHONPATH": PYTHONPATH, **extra}


def awct2(*args: object, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; `extra` goes into its environment."""
    done = subprocess.run(
        [*COMMAND, *map(str, args)], capture_output=True, env=environment(**extra), timeout=300, check=False
    )
    return subprocess.CompletedProcess(done.args, done.returncode, as_text(done.stdout), as_text(done.stderr))


def as_text(said: bytes, errors: str = "strict") -> str:
    """Decode what a command has printed: JSON is UTF-8 on every system, and all else the user's encoding."""
    try:
        text = said.decode("utf-8")
    except UnicodeDecodeError:
        text = said.decode(locale.getpreferredencoding(False), errors)
    return text.replace("\r\n", "\n")


def refused(result: subprocess.CompletedProcess[str], status: int, *said: str) -> None:
    """A mistake of the user's: the exit status, and one line that says what, where and what to do."""
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    message = result.stderr.strip().splitlines()[-1]
    assert message.startswith("Error: ")
    for part in said:
        assert part in message
