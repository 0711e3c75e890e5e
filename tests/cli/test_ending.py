"""The first signal lets a run finish what is in flight, the second ends it, and neither waits for the engine."""

from __future__ import annotations

import _thread
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli import ending, main
from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.options import FrontendOptions, RunOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Decoded, Window
from anime_whisper_ct2.system import signals
from tests.support.commands import as_text, environment
from tests.support.deafness import wait_until_main_is_still
from tests.support.places import ROOT
from tests.support.processes import wait_until

PATIENCE_S = 20.0


def end(status: int) -> None:
    raise Ended(status)


class Ended(BaseException):
    """In the place of the process's end."""


class Busy(FakeEngine):
    """Has a batch in hand until it is let go."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        super().__init__(self._answer)

    def _answer(self, _: Window) -> Decoded:
        self.go_on.wait(60)
        return Decoded("はい", (1,), -0.1, 0.0)


@pytest.fixture
def engine() -> Iterator[Busy]:
    engine = Busy()
    yield engine
    engine.go_on.set()
    engine.close()


@pytest.fixture
def corpus_run(tiny_model: Path, tmp_path: Path, write_tone: Callable[..., Path], engine: Busy) -> CorpusRun:
    for n in range(12):
        write_tone(f"corpus/{n:02}.wav", 0.5 + n / 10)

    def opened(_model: ModelDir, _options: RunOptions) -> Busy:
        return engine

    options = RunOptions(frontend=FrontendOptions(workers=0))
    corpus = Corpus((str(tmp_path / "corpus"),))
    return CorpusRun(corpus, tmp_path / "out", open_model_dir(tiny_model), options, open_engine=opened)


def meanwhile(call: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def let_go_at_last(engine: Busy) -> None:
    """In case that nobody hears: the test would last for ever."""
    timer = threading.Timer(PATIENCE_S + 10, engine.go_on.set)
    timer.daemon = True
    timer.start()


def state(tmp_path: Path) -> dict[str, Any]:
    run: dict[str, Any] = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    return run


def test_the_first_signal_is_heard_while_the_engine_is_busy(
    corpus_run: CorpusRun, engine: Busy, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    heard_ahead: list[bool] = []

    def ask() -> None:
        wait_until(lambda: engine.batches, 60, "it has nothing in hand")
        wait_until_main_is_still()
        _thread.interrupt_main()
        wait_until(lambda: corpus_run.stopped, PATIENCE_S, "nobody hears")
        heard_ahead.append(True)
        engine.go_on.set()

    asking = meanwhile(ask)
    let_go_at_last(engine)
    with ending.finishing(corpus_run, lambda: None):
        totals = corpus_run.run()
    asking.join(PATIENCE_S)
    assert heard_ahead == [True]
    assert "Finishing what is in flight; once more to stop at once." in capfd.readouterr().err
    assert state(tmp_path)["state"] == "interrupted"
    assert 0 < totals.done < 12


def test_the_second_signal_ends_it_while_the_engine_is_busy(
    corpus_run: CorpusRun, engine: Busy, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    was_busy: list[bool] = []

    def end(status: int) -> None:
        was_busy.append(not engine.go_on.is_set())
        # Here, other than where the process ends, it is waited for.
        engine.go_on.set()
        raise Ended(status)

    monkeypatch.setattr(os, "_exit", end)

    def ask_twice() -> None:
        wait_until(lambda: engine.batches, 60, "it has nothing in hand")
        for told in (lambda: corpus_run.stopped, lambda: True):
            wait_until_main_is_still()
            _thread.interrupt_main()
            wait_until(told, PATIENCE_S, "nobody hears")

    meanwhile(ask_twice)
    let_go_at_last(engine)
    with pytest.raises(Ended, match="130"), ending.finishing(corpus_run, lambda: None):
        corpus_run.run()
    assert was_busy == [True]
    assert "Stopped. Every finished line is kept" in capfd.readouterr().err


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What Windows calls when the console is closed."""
    asked: list[Callable[[], None]] = []

    class Closing:
        def __init__(self, settle: Callable[[], None]) -> None:
            self._settle = settle
            self._at_work = threading.Lock()
            asked.append(self._call)

        def _call(self) -> None:
            with self._at_work:
                self._settle()

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None:
            """Take the handler back as Windows does, which first lets it return."""
            with self._at_work:
                pass

    monkeypatch.setattr(signals, "closing", Closing)
    return asked


def test_a_console_that_is_closed_leaves_a_settled_folder(
    corpus_run: CorpusRun,
    engine: Busy,
    closed: list[Callable[[], None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(ending, "_CLOSING_S", 0.1)
    abandoned: list[bool] = []
    with ending.finishing(corpus_run, lambda: abandoned.append(True)):
        # It cannot end any more, as a process does.
        meanwhile(corpus_run.run)
        wait_until(lambda: engine.batches, 60, "it has nothing in hand")
        with pytest.raises(Ended, match="130"):
            closed[0]()
    assert abandoned == [True]
    assert state(tmp_path)["state"] == "interrupted"


def test_a_console_that_is_closed_waits_for_what_is_done_soon(
    corpus_run: CorpusRun,
    engine: Busy,
    closed: list[Callable[[], None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settled = threading.Event()

    def close() -> None:
        wait_until(lambda: engine.batches, 60, "it has nothing in hand")
        threading.Timer(0.1, engine.go_on.set).start()
        closed[0]()
        settled.set()

    closing = meanwhile(close)
    late: list[bool] = []
    monkeypatch.setattr(ending, "_CLOSING_S", PATIENCE_S)
    monkeypatch.setattr(os, "_exit", end)
    with ending.finishing(corpus_run, lambda: late.append(True)):
        corpus_run.run()
    closing.join(PATIENCE_S)
    assert late == []
    assert settled.is_set()
    assert state(tmp_path)["state"] == "interrupted"


def test_ctrl_c_and_then_a_closed_console_settle_a_folder_once(
    corpus_run: CorpusRun, closed: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_it, go_on = threading.Event(), threading.Event()
    settled: list[bool] = []
    ended: list[str] = []

    def abandon() -> None:
        at_it.set()
        go_on.wait(PATIENCE_S)
        settled.append(True)

    monkeypatch.setattr(corpus_run, "abandon", abandon)
    monkeypatch.setattr(os, "_exit", lambda _: ended.append(threading.current_thread().name))
    monkeypatch.setattr(ending, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(ending, "_CLOSING_S", 0.1)
    with ending.finishing(corpus_run, lambda: None):
        signal.raise_signal(signal.SIGINT)
        assert at_it.wait(PATIENCE_S)
        # It gives the other one as long as it has itself.
        closed[0]()
        assert (settled, ended) == ([], [threading.main_thread().name])
        go_on.set()
        wait_until(lambda: len(ended) == 2, PATIENCE_S, "it does not end")
    assert settled == [True]


def test_what_can_lose_nothing_ends_while_the_engine_is_busy(
    engine: Busy, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    statuses: list[int] = []

    def end(status: int) -> None:
        statuses.append(status)
        # Here, other than where the process ends, it is waited for.
        engine.go_on.set()

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(ending, "_PATIENCE_S", 0.1)
    let_go_at_last(engine)

    def call() -> None:
        with ending.expendable():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                engine.go_on.wait(PATIENCE_S + 10)

    with pytest.raises(KeyboardInterrupt):
        call()
    assert statuses == [130]
    assert capfd.readouterr().err.split("\n") == [
        "",
        "Ending with what is in flight; once more to stop at once.",
        "Interrupted.",
        "",
    ]


def test_what_can_lose_nothing_ends_at_once_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "_exit", end)

    def call() -> None:
        with ending.expendable():
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(Ended, match="130"):
        call()


def test_an_interrupted_download_does_not_keep_the_command(tmp_path: Path) -> None:
    """As huggingface_hub makes it: in a pool, whose threads Python waits for at its end."""
    code = """
import _thread, sys, threading
from concurrent.futures import ThreadPoolExecutor
import huggingface_hub
from anime_whisper_ct2.cli import main
from tests.support.deafness import wait_until_main_is_still

begun = threading.Event()

def download(*_, **__):
    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(lambda: (begun.set(), threading.Event().wait(300))) for _ in range(2)]:
            one.result()

def interrupt():
    begun.wait()
    wait_until_main_is_still()
    _thread.interrupt_main()

huggingface_hub.snapshot_download = download
threading.Thread(target=interrupt, daemon=True).start()
main(["convert", "someone/their-whisper", sys.argv[1]], prog_name="awct2")
"""
    place = environment(AWCT2_CACHE=str(tmp_path / "cache"))
    place["PYTHONPATH"] = os.pathsep.join([str(ROOT), place["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")], capture_output=True, env=place, timeout=60, check=False
    )
    assert (done.returncode, as_text(done.stderr).strip()) == (130, "Interrupted.")


@pytest.mark.parametrize("number", signals.ENDING, ids=[signal.Signals(number).name for number in signals.ENDING])
def test_whatever_asks_any_command_to_end_cleans_up_as_ctrl_c_does(number: int) -> None:
    cleaned: list[bool] = []
    before = signal.getsignal(number)

    def call() -> None:
        with ending.interrupted():
            try:
                signal.raise_signal(number)
            finally:
                cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        call()
    assert cleaned == [True]
    assert signal.getsignal(number) == before


def test_a_closed_console_waits_until_a_command_has_cleaned_up_and_no_longer(
    closed: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "_CLOSING_S", PATIENCE_S)
    cleaned: list[bool] = []
    told: list[bool] = []

    def close() -> None:
        wait_until_main_is_still()
        closed[0]()
        told.extend(cleaned)

    def call() -> None:
        event = threading.Event()
        with ending.interrupted():
            closing.append(meanwhile(close))
            try:
                while not event.wait(0.1):
                    pass
            finally:
                cleaned.append(True)

    closing: list[threading.Thread] = []
    begun_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        call()
    closing[0].join(PATIENCE_S)
    assert told == [True]
    assert time.monotonic() - begun_s < PATIENCE_S / 2


def test_a_command_in_another_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def call() -> None:
        with ending.interrupted():
            seen.append(signal.getsignal(signal.SIGTERM))

    meanwhile(call).join(PATIENCE_S)
    assert seen == [before]


def test_a_command_that_was_asked_to_end_says_so() -> None:
    @click.command("slow")
    def slow() -> None:
        signal.raise_signal(signal.SIGTERM)

    main.add_command(slow)
    try:
        answer = CliRunner().invoke(main, ["slow"])
    finally:
        del main.commands["slow"]
    assert answer.exit_code == 130
    assert answer.output.strip() == "Interrupted."
