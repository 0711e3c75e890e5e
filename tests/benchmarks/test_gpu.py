"""The GPU's part keeps to its time, loses no more than a step to a hang, and is gone through to its end on a CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from anime_whisper_ct2.engine.cuda import Cublas
from anime_whisper_ct2.options import EngineOptions
from benchmarks import compare, render, systems
from benchmarks.gpu import __main__ as whole
from benchmarks.gpu import asked, budget, carry, cublas_link, oom, probe, stations, steps, texts
from benchmarks.gpu.plan import ENCODERS, SMOKE, STEPS
from benchmarks.gpu.watch import GpuWatch
from benchmarks.measures import corpora, standins
from benchmarks.measures.places import ROOT
from benchmarks.systems import Settings
from tests.support.processes import wait_until

# What each step leaves in the figures when it has its way, without those of the systems, and those.
PARTS = {
    "prepare": ["prepare"],
    "probe": ["probe"],
    "texts": ["texts"],
    "words": ["words"],
    "memory": [f"memory, {encoder}" for encoder in ENCODERS],
    "stations": ["stations"],
    "engines": ["engines"],
}
SYSTEMS = {
    "fit": [f"awct2-fit-{encoder}" for encoder in ENCODERS],
    "full": [f"awct2-full-{encoder}" for encoder in ENCODERS],
    "faster-whisper": ["fw-batched"],
    "transformers": ["hf-2"],
}


def test_a_step_that_fails_or_finds_no_time_is_named_and_the_others_are_done() -> None:
    clock = budget.Clock(minutes=1)
    saved: list[str] = []
    clock.after = lambda: saved.append(clock.under_way)

    def fail(_: float) -> None:
        raise KeyError("wall_s")

    assert clock.step("one", fail) is None
    assert clock.step("two", lambda limit_s: limit_s, most_s=5) == 5
    assert clock.step("three", lambda limit_s: limit_s) == pytest.approx(60, abs=30)
    assert clock.step("four", lambda limit_s: limit_s, needs_s=100) is None
    assert clock.skipped == {"one": "'wall_s'", "four": "no time left"}
    assert saved == ["one", "two", "three"]


def test_a_step_that_never_ends_is_given_up() -> None:
    given_up = threading.Event()
    clock = budget.Clock(minutes=0.001)
    clock.guard(given_up.set, grace_s=0.1)
    assert given_up.wait(20)


def test_a_part_that_takes_too_long_or_breaks_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"benchmarks.soak took more than 0 s"):
        budget.command_output(["benchmarks.soak", "--help"], timeout_s=0.05)
    with pytest.raises(RuntimeError, match="the following arguments are required: size, folder"):
        budget.command_output(["benchmarks.measures.standins"])


@pytest.mark.posix("process groups")
def test_nothing_is_left_of_a_part_that_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    waits = "import time; time.sleep(600)"
    parent = (
        "import subprocess, sys, pathlib; child = subprocess.Popen([sys.executable, '-c', sys.argv[2]]);"
        "file = pathlib.Path(sys.argv[1]); file.with_suffix('.new').write_text(str(child.pid));"
        "file.with_suffix('.new').rename(file); child.wait()"
    )
    found: list[BaseException] = []

    def run() -> None:
        try:
            budget.output_of([sys.executable, "-c", parent, str(pid), waits], timeout_s=1.5)
        except RuntimeError as error:
            found.append(error)

    runner = threading.Thread(target=run)
    runner.start()
    wait_until(pid.is_file, 60, "the part did not begin")
    runner.join(60)
    assert "took more than 2 s" in str(found[0])
    child = Path("/proc") / pid.read_text(encoding="utf-8") / "stat"
    # Dead and waited for by whoever adopted it, or not yet.
    wait_until(lambda: not child.exists() or ") Z " in child.read_text(encoding="utf-8"), 60, "its child lives on")


class Launched:
    """Does what each process of a step would, and hangs in one of them after a first figure, until it is killed."""

    def __init__(self, hangs: str) -> None:
        self.hangs = hangs

    def __call__(self, arguments: Sequence[str], limit_s: float) -> object:
        module, out = arguments[0], Path(arguments[arguments.index("--out") + 1])
        hangs = self.hangs == step_of(arguments)
        if module == "benchmarks.gpu.probe":
            lines = ['{"name": "encode.256", "took_s": 1.0, "windows": 94, "ms": 1.5}\n']
            lines += ['{"name": "decode.3'] if hangs else ['{"name": "decode.384", "took_s": 1.0, "ms": 0.1}\n']
            out.write_text("".join(lines), encoding="utf-8")
        elif module.startswith("benchmarks.systems."):
            if not hangs:
                self._system(out, dict(word.split("=", 1) for word in arguments[arguments.index("--set") + 1 :]))
        else:
            # Of what is written bit by bit, the first bit; of all else a hang leaves nothing.
            kept = {"found": 2, "done": 2, "memory_halvings": 1, "batch_size": 8, "times_real_time": 9.0}
            figures = {"float32, torch": {"clips": 2, "equal": 2, "logprob_difference": 0.0}}
            wanted = figures if module == "benchmarks.gpu.texts" else kept
            if not hangs or module == "benchmarks.gpu.texts":
                out.write_text(json.dumps({"about": {}, "options": {}, **wanted}), encoding="utf-8")
        if hangs:
            budget.output_of([sys.executable, "-S", "-c", "import time; time.sleep(600)"], limit_s)
        return ""

    def _system(self, out: Path, settings: dict[str, str]) -> None:
        out.mkdir(parents=True, exist_ok=True)
        figures = {"clips": 2, "audio_s": 10.0, "wall_s": 0.1, "cpu_s": 1.0, "peak_mib": 100.0, "load_s": 1.0}
        result = {**figures, "settings": {"batch_size": 0, **settings}, "notes": {"engine_waits": 0.02}}
        (out / "result.json").write_text(json.dumps(result), encoding="utf-8")
        (out / "transcripts.jsonl").write_text(json.dumps({"id": "a", "text": standins.TEXT}) + "\n", encoding="utf-8")


def step_of(arguments: Sequence[str]) -> str:
    """Say which step a process is of; second rounds begin like the first."""
    module, words = arguments[0].rpartition(".")[2], set(arguments)
    if module == "awct2":
        return "fit" if "window=fit" in words else "full"
    if module in ("texts", "stations"):
        return {("texts", True): "words", ("stations", False): "engines"}.get(
            (module, bool(words & {"--words", "--kill"})), module
        )
    peers = {"oom": "memory", "faster_whisper_batched": "faster-whisper", "transformers_loader": "transformers"}
    return peers.get(module, module)


@pytest.mark.posix("statvfs")
@pytest.mark.parametrize("hangs", [*(step for step in STEPS if step != "rounds"), "nothing"])
def test_a_hang_in_any_step_costs_that_step_alone(hangs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "GpuWatch", Unwatched)
    clock = budget.Clock(minutes=5)
    part = steps.Gpu(replace(SMOKE, limits=dict.fromkeys(STEPS, 0.15)), tmp_path, clock, Launched(hangs))
    part.measure()
    lost = {*PARTS.get(hangs, ()), *SYSTEMS.get(hangs, ())}
    # What was written before the hang counts.
    lost -= {"probe", "texts", "words"}
    present = {*part.figures, *part.figures["systems"]} - {"systems"}
    assert present == {name for names in (*PARTS.values(), *SYSTEMS.values()) for name in names} - lost
    assert set(part.figures["probe"]) == ({"encode.256"} if hangs == "probe" else {"encode.256", "decode.384"})
    of_this = {name.partition(",")[0] for name in clock.skipped}
    if hangs == "nothing":
        assert clock.skipped == {}
    else:
        assert all(why.endswith("took more than 0 s") for why in clock.skipped.values())
        assert len(of_this) == 1


class Unwatched:
    """Sees nothing, and starts no process for it."""

    peak_mib = None

    def __enter__(self) -> Unwatched:
        return self

    def __exit__(self, *_: object) -> None: ...

    def busy(self, _seconds: float) -> None: ...


def test_steps_are_chosen_by_name_and_go_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "GpuWatch", Unwatched)
    part = steps.Gpu(SMOKE, tmp_path, budget.Clock(minutes=5), Launched("nothing"))
    part.measure(["memory", "fit"])
    assert list(part.figures) == ["systems", "memory, torch", "memory, ctranslate2"]
    assert list(part.figures["systems"]) == ["awct2-fit-torch", "awct2-fit-ctranslate2"]


def test_the_folder_is_a_fixed_one_and_earlier_figures_of_the_same_commit_and_machine_stay(tmp_path: Path) -> None:
    assert whole.usual_folder(smoke=False) == whole.usual_folder(smoke=False) != whole.usual_folder(smoke=True)
    where = {"commit": "abc", "machine": {"gpu": "H200"}}
    chosen = {"size": "full"}
    out = tmp_path / "gpu.json"
    assert whole.earlier(out, chosen, where) == {}
    out.write_text(json.dumps({"about": where, "options": chosen, "words": {"a": 1}, "skipped": {"b": "c"}}))
    assert whole.earlier(out, chosen, where) == {"words": {"a": 1}}
    assert whole.earlier(out, chosen, {**where, "commit": "def"}) == {}
    assert whole.earlier(out, {"size": "33m"}, where) == {}
    out.write_text("[")
    assert whole.earlier(out, chosen, where) == {}


def test_the_names_of_the_steps_are_in_the_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu", "--help"])
    with pytest.raises(SystemExit):
        whole.main()
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in STEPS)


def test_a_part_of_the_probe_that_fails_leaves_the_others_and_time_that_is_over_is_named() -> None:
    written: list[Any] = []

    def good(_: Any) -> Iterator[probe.Figure]:
        yield "good.1", {"ms": 1.0}
        yield "good.2", {"ms": 2.0}

    def bad(_: Any) -> Iterator[probe.Figure]:
        yield "bad.1", {"ms": 3.0}
        raise RuntimeError("CUDA failed\nwith error")

    bench: Any = None
    probe.go_through(bench, {"good": good, "bad": bad, "later": good}, 60, written.append)
    assert [line["name"] for line in written] == ["good.1", "good.2", "bad.1", "bad", "good.1", "good.2"]
    assert written[3]["error"] == "RuntimeError: CUDA failed with error"
    written.clear()
    probe.go_through(bench, {"good": good, "bad": bad}, -1, written.append)
    assert written == [{"name": "good", "error": "no time left"}, {"name": "bad", "error": "no time left"}]


def test_what_a_probe_wrote_before_it_was_killed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "probe.jsonl"
    assert probe.figures_of(path) == {}
    path.write_text('{"name": "a", "ms": 1}\n{"name": "b", "ms": 2}\n{"name": "c", "m', encoding="utf-8")
    assert probe.figures_of(path) == {"a": {"ms": 1}, "b": {"ms": 2}}


def test_a_system_that_is_stopped_gives_the_figures_of_what_it_did(standin: Path, tmp_path: Path) -> None:
    corpora.clips(tmp_path / "clips", 600, distinct=5)
    command = ["benchmarks.systems.awct2", "--manifest", str(tmp_path / "clips" / "manifest.jsonl")]
    command += ["--model", str(standin), "--out", str(tmp_path / "out"), "--set", "window=full", "limit_s=1.5"]
    budget.command_output(command, timeout_s=120)
    result = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    lines = (tmp_path / "out" / "transcripts.jsonl").read_text(encoding="utf-8").splitlines()
    assert 0 < result["clips"] < 600
    assert [json.loads(line)["text"] for line in lines] == [standins.TEXT] * result["clips"]
    assert result["audio_s"] == pytest.approx(5.1 * result["clips"], rel=0.8)
    assert 0 <= result["notes"]["engine_waits"] <= 1


def test_a_system_that_cannot_be_stopped_refuses_a_limit(tmp_path: Path) -> None:
    endless: Any = object()
    with pytest.raises(ValueError, match="endless cannot be stopped in the middle"):
        systems.run("endless", endless, Settings(tmp_path, tmp_path / "out", limit_s=1.0), [])
    assert not (tmp_path / "out").exists()


def test_a_peer_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "find_spec", lambda name: None if name == "transformers" else object())
    clock = budget.Clock(minutes=1)
    part = steps.Gpu(SMOKE, tmp_path, clock)
    part._system("hf-2", compare.Entry("transformers, batch 2", "transformers_loader"), "transformers", "transformers")
    assert clock.skipped == {"transformers, batch 2": "transformers not installed"}


@pytest.mark.posix("statvfs")
def test_loader_workers_are_as_many_as_shared_memory_holds(tmp_path: Path) -> None:
    assert steps.loader_workers(14, 1, shared=tmp_path) == 14
    assert steps.loader_workers(14, 2**60, shared=tmp_path) == 1
    assert steps.loader_workers(14, 2**60, shared=tmp_path / "none") == 14


@pytest.mark.posix("sh")
def test_the_gpu_is_watched_through_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with GpuWatch() as watch:
        pass
    assert (watch.busy(1.0), watch.peak_mib) == (None, None)
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho '40, 1000'\necho '[N/A], [N/A]'\necho '60, 3000'\nexec /bin/sleep 60\n", encoding="utf-8"
    )
    program.chmod(0o755)
    with GpuWatch() as watch:
        wait_until(lambda: len(watch.samples) == 2, 60, "nothing was seen")
    assert watch.peak_mib == 3000
    assert watch.busy(60.0) == 0.5


def test_load_is_that_of_the_busiest_stretch() -> None:
    watch = GpuWatch()
    watch.samples = [(float(at), load, 0.0) for at, load in enumerate([0, 0, 10, 90, 100, 80, 0, 0])]
    assert watch.busy(2.0) == pytest.approx(0.9)
    assert watch.busy(100.0) == pytest.approx(0.35)


@pytest.mark.posix("links")
def test_a_newer_cublas_stands_in_by_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cublas_link, "load_cublas", lambda: Cublas(problem="not there"))
    monkeypatch.setenv("LD_LIBRARY_PATH", "/before")
    newer = tmp_path / "site" / "nvidia" / "cu13" / "lib" / "libcublas.so.13"
    newer.parent.mkdir(parents=True)
    newer.touch()
    assert cublas_link.stand_in(tmp_path, [str(tmp_path / "site")]) == newer
    link = tmp_path / "cublas" / "libcublas.so.12"
    assert link.resolve() == newer
    assert os.environ["LD_LIBRARY_PATH"] == f"{link.parent}:{newer.parent}:/before"


def test_a_run_out_of_memory_halves_its_batches_and_loses_nothing(standin: Path, tmp_path: Path) -> None:
    manifest = corpora.clips(tmp_path / "clips", 10, distinct=5)
    figures = oom.survive(manifest, Settings(standin, tmp_path / "oom", batch_size=8, workers=0))
    assert (figures["done"], figures["found"], figures["wrong_texts"]) == (10, 10, 0)
    assert figures["memory_halvings"] >= 1
    assert figures["batch_size_after"] == oom.MOST_WINDOWS


@pytest.mark.posix("signals")
def test_two_engines_on_one_device_replace_one_that_is_killed(standin: Path, tmp_path: Path) -> None:
    clips = list(corpora.read_manifest(corpora.clips(tmp_path, 200, distinct=5)))
    figures = stations.shared(clips, standin, EngineOptions(device="cpu", compute_type="float32"), kill=True)
    assert (figures["done"], figures["wrong_texts"], figures["engine_deaths"]) == (200, 0, 1)


def test_the_probe_holds_numbers_against_the_cpu_s_in_float32(standin: Path) -> None:
    bench = probe.bench_of(SMOKE, standin, "tiny", "cpu", "float32")
    parts = {name: probe.PARTS[name] for name in ("difference", "precision", "torch", "handed_over")}
    written: list[Any] = []
    probe.go_through(bench, parts, 600, written.append)
    found = {line.pop("name"): line for line in written}
    assert not [name for name, line in found.items() if "error" in line]
    assert set(found["difference.ctranslate2"]["float32"].values()) == {0.0}
    assert all(0 < apart < 0.5 for apart in found["precision.int8"]["difference"].values())
    assert all(apart < 1e-5 for apart in found["torch.float32"]["difference"].values())
    assert all(1e-4 < apart < 0.02 for apart in found["torch.bfloat16"]["difference"].values())
    assert found["handed_over"]["equal"]


def test_rows_that_are_wrong_from_some_batch_on_are_counted(standin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = probe.bench_of(replace(SMOKE, copies=(1, 4, 5)), standin, "tiny", "cpu", "float32")
    from benchmarks.gpu import stock_probes

    real = stock_probes.encoded

    def overflowing(model: Any, features: Any) -> Any:
        output = real(model, features)
        if len(output) == 4:
            output[2, 7] = float("nan")
        if len(output) == 5:
            output[3:] += 1.0
        return output

    monkeypatch.setattr(stock_probes, "encoded", overflowing)
    found = dict(stock_probes.rows(bench))
    assert [(found[name]["wrong_rows"], found[name]["first_wrong"]) for name in ("rows.1", "rows.4", "rows.5")] == [
        (0, None),
        (1, 2),
        (2, 3),
    ]
    json.dumps(found, allow_nan=False)


def test_texts_and_words_are_compared_clip_by_clip() -> None:
    here = texts.Heard("はい", -1.0, ((0.0, 0.4), (0.4, 0.9)), ())
    theirs = {"a": here, "b": here, "c": here, "d": here}
    ours = {
        "a": here,
        "b": replace(here, text="いいえ"),
        "c": replace(here, logprob=-1.5, words=((0.0, 0.41), (0.44, 0.9)), flags=("x",)),
    }
    assert texts.alike(ours, theirs) == {"clips": 4, "equal": 2, "logprob_difference": 0.5}
    told = texts.spoken_alike({**ours, "d": replace(here, words=())}, theirs)
    assert (told["words"], told["words_equal"], told["clips_without_words"]) == (4, 3, 1)
    assert told["flags"] == {"x": 1}


def test_what_is_asked_of_a_gpu_is_held_against_what_was_measured() -> None:
    def system(speed: float, waits: float | None = None) -> dict[str, Any]:
        return {"times_real_time": speed, "wrong_texts": 0, "engine_waits": waits}

    ran = {"awct2-full-torch": system(640, 0.04), "awct2-full-ctranslate2": system(280, 0.06)}
    ran |= {"awct2-fit-torch": system(4500), "hf-32": system(500), "hf-64": system(700)}
    memory = {"done": 99, "found": 100, "memory_halvings": 3}
    seen = {"encode.1500": {"ms": 7.5}, "rows.95": {"wrong_rows": 0}, "rows.96": {"wrong_rows": 12}}
    rows = {
        row["what"]: (row["measured"], row["met"])
        for row in asked.asked({"systems": ran, "memory, torch": memory, "probe": seen})
    }
    assert rows["full, torch encodes: times real time"] == (640, False)
    assert rows["full, ctranslate2 encodes: times real time"] == (280, True)
    assert rows["fit, torch encodes: times real time"] == (4500, True)
    assert rows["fit, ctranslate2 encodes: times real time"] == (None, None)
    assert rows["full, torch encodes: % of the time that the engine waits"] == (4, True)
    assert rows["full, ctranslate2 encodes: % of the time that the engine waits"] == (6, False)
    assert rows["full, times as fast as transformers at its best"] == (pytest.approx(640 / 700), False)
    assert rows["fit, times as fast as transformers at its best"] == (pytest.approx(4500 / 700), True)
    assert rows["% of the clips transcribed though memory ran out, torch encodes"] == (99, False)
    assert rows["full, times as fast as faster-whisper file by file"] == (None, None)
    assert rows["encoder alone, 1500 positions: ms a window"] == (7.5, False)
    assert rows["the calculation, by the encoder at 1500 positions: ms a window"] == (7.5, False)
    assert rows["wrong rows among 96 equal windows of 30 s"] == (12, True)
    assert all(row["met"] is None for row in asked.asked({}))


class TestCarry:
    """No network: pip is played, and its wheels are small."""

    def wheels(self, folder: Path, large: int) -> list[Path]:
        folder.mkdir()
        for name, size in (("ctranslate2", large), ("soxr", 10)):
            with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
                wheel.writestr(f"{name}/__init__.py", os.urandom(size))
        return sorted(folder.glob("*.whl"))

    def test_pip_is_asked_for_the_versions_that_are_here(self, tmp_path: Path) -> None:
        asked_for: list[str] = []
        carry.fetch(["ctranslate2", "soxr"], tmp_path, asked_for.extend)
        assert asked_for[1:4] == ["-m", "pip", "download"]
        assert [word.partition("==")[0] for word in asked_for[-2:]] == ["ctranslate2", "soxr"]
        assert asked_for[asked_for.index("--python-version") + 1] == "3.12"

    def test_all_that_the_project_needs_is_carried_or_there(self) -> None:
        from configparser import ConfigParser

        setup = ConfigParser()
        setup.read(ROOT / "setup.cfg", encoding="utf-8")
        needed = {
            line.partition(">")[0].replace("-", "_") for line in setup["options"]["install_requires"].split() if line
        }
        brought = {name.replace("-", "_") for name in (*carry.CARRIED, *carry.THERE, carry.LARGE)}
        assert needed <= brought

    def test_sizes_are_told_and_the_command(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(carry, "fetch", lambda names, folder: self.wheels(folder, 200_000))
        # Those that are listed, but for what takes long to pack.
        light = [
            name for name in carry.checkout_files() if not name.endswith((".safetensors", ".json", ".ogg", ".svg"))
        ]
        monkeypatch.setattr(carry, "checkout_files", lambda: light)
        carry.main(["--out", str(tmp_path / "out"), "--part", "1"])
        said = capsys.readouterr().out
        lines = said.splitlines()
        sizes = {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
        assert set(sizes) == {
            "package-av-stub.tar.xz",
            "package-ctranslate2-1.0-py3-none-any.tar.xz",
            "package-soxr-1.0-py3-none-any.tar.xz",
            "tree.tar.xz",
        }
        assert all(f"{size / 2**20:7.2f} MiB  {name}\n" in said for name, size in sizes.items())
        assert f"{sum(sizes.values()) / 2**20:7.2f} MiB  in all, of 64 MiB" in said
        assert lines[-1].endswith("python3 -m benchmarks.gpu --skip faster-whisper")
        with tarfile.open(tmp_path / "out" / "package-ctranslate2-1.0-py3-none-any.tar.xz") as packed:
            assert packed.getnames() == ["ctranslate2/__init__.py"]
        with tarfile.open(tmp_path / "out" / "tree.tar.xz") as packed:
            names = packed.getnames()
        assert {"benchmarks/gpu/__main__.py", "tests/tiny/checkpoint/merges.txt"} <= set(names)
        assert not [name for name in names if name.startswith(("docs/", "tests/real"))]

    def test_what_is_over_the_limit_is_refused_with_what_is_largest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(carry, "fetch", lambda names, folder: self.wheels(folder, 300_000))
        monkeypatch.setattr(carry, "checkout_files", list)
        with pytest.raises(SystemExit, match=r"over 0.2 MiB; the largest is package-ctranslate2-1.0.*--part 1 and"):
            carry.main(["--out", str(tmp_path / "out"), "--limit-mib", "0.2"])
        assert "Carry" not in capsys.readouterr().out

    def test_the_stub_says_what_it_stands_for(self, tmp_path: Path) -> None:
        (tmp_path / "av.py").write_text(carry._STUB, encoding="utf-8")
        tried = "import av\ntry:\n    av.open('x')\nexcept AttributeError as error:\n    print(error)"
        said = subprocess.run(
            [sys.executable, "-S", "-c", tried], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert said.stdout.strip() == "av.open: PyAV was not carried to this machine"


def test_a_stand_in_in_half_precision_says_the_same(tmp_path: Path) -> None:
    import ctranslate2
    import numpy as np

    standins.make("tiny", tmp_path, quantization="float16", half=True)
    size = standins.SIZES["tiny"]
    assert (tmp_path / "checkpoint" / "model.safetensors").stat().st_size < 2.2 * size.parameters
    model = ctranslate2.models.Whisper(str(tmp_path / "converted"), compute_type="float32")
    window = ctranslate2.StorageView.from_array(np.zeros((1, 128, 768), np.float32))
    (result,) = model.generate(window, [standins.prompt_ids(size)], beam_size=1)
    assert result.sequences_ids[0] == standins.emitted_ids(size.text_tokens)


# Every part in a process of its own, torch among them: a minute on two cores. The parts by themselves are tested above.
@pytest.mark.smoke
@pytest.mark.posix("/proc")
def test_the_gpu_part_runs_to_its_end_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "results" / "gpu.json"
    options = ["--smoke", "--minutes", "20", "--temp", str(tmp_path), "--out", str(out)]
    budget.command_output(["benchmarks.gpu", *options], timeout_s=1_300)
    report = json.loads(out.read_text(encoding="utf-8"))
    assert report["skipped"] == {}
    assert {name for names in SYSTEMS.values() for name in names} == set(report["systems"])
    assert {name for names in PARTS.values() for name in names} <= set(report)
    probed = report["probe"]
    assert {name.partition(".")[0] for name in probed} == set(probe.PARTS)
    assert not [name for name, figure in probed.items() if "error" in figure]
    met = {row["what"]: row["met"] for row in report["asked"]}
    of_a_cpu = (
        "wrong texts",
        "% of the texts",
        "% of the words",
        "% of the clips",
        "batches",
        "CTranslate2's",
        "torch's",
    )
    verdicts = {what: found for what, found in met.items() if what.startswith(of_a_cpu)}
    assert len(verdicts) == 11
    assert all(verdicts.values()), verdicts
    assert out.with_suffix(".svg").is_file()
    page = tmp_path / "page.md"
    page.write_text("<!-- results: gpu -->\n<!-- end of results -->\n", encoding="utf-8")
    render.fill(page, results=out.parent)
    assert "| awct2, fit, torch | auto | 1 | 80 | 2 |" in page.read_text(encoding="utf-8")
