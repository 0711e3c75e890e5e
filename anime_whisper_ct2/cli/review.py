"""`awct2 review`: listen, read, and decide, on a page of this machine."""

from __future__ import annotations

import getpass
import ipaddress
import os
import re
import signal
import socket
import sys
import threading
import traceback
import webbrowser
from pathlib import Path
from typing import Any

import click

from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.extras import check_review
from anime_whisper_ct2.cli.groups import option_of
from anime_whisper_ct2.cli.printing import note, on_terminal, say, settle
from anime_whisper_ct2.cli.review_options import conflicts_option, is_given
from anime_whisper_ct2.cli.shared import LocalPath, read_part
from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.evaluation import EVAL
from anime_whisper_ct2.model_dir.cache import cache_root
from anime_whisper_ct2.reviews import Logs, ReviewOptions, Reviews, review_folder
from anime_whisper_ct2.reviews.records import Conflicts
from anime_whisper_ct2.system import signals
from anime_whisper_ct2.text import NORMALIZERS

HOST = "127.0.0.1"
PORT = 8765
# What has no effect where a list is only written.
_OF_THE_PAGE = ("port", "host", "allow_hosts", "open_", "against", "normalizer", "reviewer", "slice_", "allow_urls")
_NAME = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)
_review, _server, _output = map(option_of, ("Review", "Server", "Output"))


def _slice(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Read a part that there is."""
    part = read_part(ctx, param, value)
    if part is not None and not 0 <= part[0] < part[1]:
        raise click.BadParameter(f"{value!r}: parts are counted from 0, so there is none", param=param)
    return part


def _somebody(_ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Check that a name says who it is."""
    if value is not None and not value.strip():
        raise click.BadParameter("a name must not be empty", param=param)
    return value


def _names(_ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Check names that a server goes by."""
    for name in value:
        if not _NAME.fullmatch(name):
            raise click.BadParameter(f"{name!r} is no host such as box.lan or box.lan:8765", param=param)
    return value


@click.command(name="review", cls=Command)
@click.argument("run", type=LocalPath())
@_review(
    "--reviewer",
    metavar="NAME",
    callback=_somebody,
    help="Who decides; each has a log of their own. [default: the login name]",
)
@_review(
    "--slice",
    "slice_",
    metavar="I/N",
    callback=_slice,
    help="Only part I of N, counting from 0, for several reviewers: the same parts as those of `awct2 run --shard`.",
)
@_review("--against", metavar="RUN2", type=LocalPath(), help="Put the texts of a second run beside those of RUN.")
@_review(
    "--normalizer",
    type=click.Choice(tuple(NORMALIZERS)),
    help=f"What both go through before they are compared, as in `awct2 eval`. [default: {EVAL.normalizer}]",
)
@_review(
    "--allow-urls",
    is_flag=True,
    help="Play sound from URLs that run.json does not list, too. A run of somebody else's may name any.",
)
@_server(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    help=f"Port of the page; 0: a free one. [default: {PORT}, or a free one where that is taken]",
)
@_server("--host", metavar="ADDRESS", default=HOST, show_default=True, help="Address of this machine to listen on.")
@_server(
    "--allow-host",
    "allow_hosts",
    metavar="NAME[:PORT]",
    multiple=True,
    callback=_names,
    help="Answer also under this name, as behind a tunnel with another port, or on a network (repeatable).",
)
@_server(
    "--open/--no-open",
    "open_",
    default=None,
    help="Open the page in the browser. [default: on a terminal, where there is a display]",
)
@_output(
    "--save",
    metavar="FILE",
    type=LocalPath(),
    help="Of a list: write a new one with the decisions in it, and open no page.",
)
@conflicts_option("Output")
def review_command(run: Path, save: Path | None, conflicts: Conflicts | None, **given: Any) -> None:
    """Listen to the results in RUN, and accept, correct or reject them.

    RUN is the output of `awct2 run` or `awct2 merge`, or a list of `path|speaker|language|text`, such as an esd.list.
    The page is served on this machine until Ctrl-C; its address is printed when it is ready. Who has that address can
    read and decide. Decisions go to RUN/review/, where each reviewer has a log, and those about a list to the folder
    FILE.review beside it; nothing else is changed. `awct2 export`, `eval` and `stats` apply them.

    Exit status: 0 done, 1 it could not go on, 2 wrong usage, no run there, or no page built.

    \b
    Examples:
      awct2 review transcripts/
      awct2 review transcripts/ --against transcripts-v2/
      awct2 review transcripts/ --reviewer mika --slice 0/2
      awct2 review Data/voice/esd.list --save Data/voice/esd-reviewed.list
    """
    if save is not None:
        _check_nothing_of_the_page()
        _save(run, save, ReviewOptions(conflicts=conflicts))
        return
    if conflicts is not None:
        raise InputError("--conflicts is for a list that is written with --save; in the page, you decide yourself")
    if given["normalizer"] is not None and given["against"] is None:
        raise InputError("--normalizer is for a comparison; name a second run with --against, or leave it out")
    check_review()
    reviewer = given["reviewer"] if given["reviewer"] is not None else login_name()
    _serve(run, reviewer, given)


def _serve(run: Path, reviewer: str, given: dict[str, Any]) -> None:
    """Serve the page until it is asked to end."""
    # The extra may be missing, and no other command needs it.
    from anime_whisper_ct2.review import ReviewSettings, open_review  # noqa: PLC0415 - as said above
    from anime_whisper_ct2.web import assets, guards, pages, serving  # noqa: PLC0415 - as said above

    page = assets.load_assets()
    settings = ReviewSettings(
        run=run,
        reviewer=reviewer,
        slice_=given["slice_"],
        against=given["against"],
        normalizer=given["normalizer"] or EVAL.normalizer,
        allow_urls=given["allow_urls"],
    )
    problems: list[str] = []

    def fail(problem: str) -> None:
        """Say why the run cannot be opened; the page says it, too, and is left to whoever looks at it."""
        problems.append(problem)
        note(f"Error: {problem}")

    port = given["port"]
    with serving.listening(given["host"], PORT if port is None else port, or_free=port is None) as taken:
        host, port, names = _address(taken, given["host"], given["allow_hosts"])
        with open_review(settings, fail) as app:
            access = guards.Access.to(port, (*guards.LOOPBACK_NAMES, *names))
            guarded = guards.Guarded(pages.Paged(app, page), access, on_fault=_say_fault)
            url = f"http://{host}/?token={access.token}"

            def ready() -> None:
                """Say where the page is, and show it."""
                say(f"Review: {url}")
                if _opens() if given["open_"] is None else given["open_"]:
                    # A browser of the terminal would not return before it is closed.
                    threading.Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()

            # A shell has what it starts in the background ignore Ctrl-C's signal, and that is what ends a server.
            with signals.handled(signal.default_int_handler, (signal.SIGINT,)):
                ended = serving.serve(guarded, taken, ready)
            if not ended:
                # Some answer is still computed, and all around would wait for it. What was confirmed is on the disk.
                settle()
                os._exit(1 if problems else 0)
    if problems:
        sys.exit(1)


def _address(taken: socket.socket, host: str, allowed: tuple[str, ...]) -> tuple[str, int, tuple[str, ...]]:
    """Give the host and port that are printed, the port that was taken, and the names beside those of every machine.

    Raises InputError for an address that others reach, where no name says who may.
    """
    address, port = taken.getsockname()[:2]
    if ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        name = f"[{host}]" if ":" in host else host
        return f"{name}:{port}", port, (name, *allowed)
    if not allowed:
        raise InputError(
            f"--host {host} is reached from the network; say with --allow-host under which name, such as "
            f"--allow-host {socket.gethostname()}"
        )
    note(
        "Warning: everybody on that network who has the address below can read this run and change its review; it is "
        "sent without encryption"
    )
    named = allowed[0]
    return (named if re.search(r":\d+$", named) else f"{named}:{port}"), port, allowed


def _opens() -> bool:
    """Say whether a browser would be seen by whoever has typed the command."""
    if not on_terminal() or "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in {"win32", "darwin"} or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def login_name() -> str:
    """Say who decides where no name is given. Raises InputError for a user without one."""
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError) as error:
        raise InputError("this user has no login name; say with --reviewer who decides") from error


def _say_fault(error: Exception) -> None:
    """Say what no request should bring about."""
    note("Error: a request failed by a fault of this program; the page goes on, and what was confirmed is kept:")
    note("".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip())


def _check_nothing_of_the_page() -> None:
    for option in click.get_current_context().command.params:
        if option.name in _OF_THE_PAGE and is_given(option.name):
            raise InputError(f"{option.opts[0]} is for the page, and --save opens none; leave one of the two out")


def _save(listed: Path, to: Path, options: ReviewOptions) -> None:
    """Write a list with the decisions in it, and say what became of its lines."""
    # It decodes headers in processes, which no other command would start for it.
    from anime_whisper_ct2.review.lists.voice_lists import open_list, save_list  # noqa: PLC0415 - as said above

    if listed.is_dir():
        raise InputError(f"{listed} is a run, and --save writes lists; write it with `awct2 export`")
    opened = open_list(listed, cache_root() / "review")
    saved = save_list(opened, Reviews(opened.file, options, Logs(review_folder(listed))), to)
    left = ((saved.corrected, "corrected"), (saved.rejected, "rejected"), (saved.other, "of no recording"))
    notes = "".join(f", {count:,} {what}" for count, what in left if count)
    note(f"{counted(saved.kept, 'line')} as before{notes}: {saved.path}")
