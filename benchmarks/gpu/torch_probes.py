"""What the probe asks torch: its encoder beside CTranslate2's, the time of each kernel, and what might be faster still.

torch is imported where it is used: without it, the other figures are to be had.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import ctranslate2
import numpy as np

from anime_whisper_ct2.model_dir import MODEL_BIN
from anime_whisper_ct2.model_dir.variables import read_variables
from benchmarks.gpu.bench import COMPARED, Bench, Figure, difference, encoded, named
from benchmarks.measures import standins

_SHOWN = 15  # kernels of each encoder
# Float8's largest number, by which values are scaled into its range.
_FP8_MOST = 448.0


class _Torch:
    """torch's encoder in one float type, and the device that it waits for."""

    def __init__(self, bench: Bench, dtype: str) -> None:
        import torch

        from anime_whisper_ct2.engine.encoders.torch_network import TorchNetwork

        self._torch = torch
        self.device = torch.device(bench.device)
        self.network = TorchNetwork(
            read_variables(bench.converted / MODEL_BIN), getattr(torch, dtype), self.device
        )  # fmt: skip
        self._bench = bench

    def mel(self, windows: int, positions: int) -> Any:
        """Give features on the device, in the network's type."""
        features = self._torch.from_numpy(self._bench.features(windows, positions))
        return features.to(self.device, self.network.dtype)

    def done(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Make of a call one that ends when the device has done."""

        def whole() -> Any:
            with self._torch.inference_mode():
                output = function()
                if self.device.type == "cuda":
                    self._torch.cuda.synchronize()
                return output

        return whole

    def encoded(self, positions: int) -> Any:
        """Give what it makes of the windows that are compared; float32 on the CPU."""
        mel = self.mel(COMPARED, positions)
        return self.done(lambda: self.network(mel))().float().cpu().numpy()


def torch_encoder(bench: Bench) -> Iterator[Figure]:
    """Time torch's encoder, and say how far it is from CTranslate2's here and from the CPU's in float32."""
    ours = {n: encoded(bench.model, bench.features(COMPARED, n)) for n in bench.few_positions}

    def of(dtype: str) -> dict[str, Any]:
        torch_ = _Torch(bench, dtype)
        found: dict[str, Any] = {"ms": {}, "difference": {}, "difference_ctranslate2": {}}
        for positions in bench.few_positions:
            windows = bench.windows(positions)
            mel = torch_.mel(windows, positions)
            found["ms"][str(positions)] = bench.ms(torch_.done(lambda mel=mel: torch_.network(mel))) / windows  # type: ignore[misc]
            output = torch_.encoded(positions)
            found["difference"][str(positions)] = difference(output, bench.reference[positions])
            found["difference_ctranslate2"][str(positions)] = difference(output, ours[positions])
        return found

    yield from named("torch", bench.torch_types, of)


def kernel_table(bench: Bench) -> Iterator[Figure]:
    """Have torch's profiler list the kernels that each encoder spends most time in.

    On a CPU it sees torch's own operations alone.
    """
    torch_ = _Torch(bench, bench.torch_types[0])

    def stock(positions: int) -> dict[str, Any]:
        view = ctranslate2.StorageView.from_array(bench.features(bench.windows(positions), positions))
        return profiled(lambda: bench.model.encode(view), bench.device)

    def torchs(positions: int) -> dict[str, Any]:
        mel = torch_.mel(bench.windows(positions), positions)
        return profiled(torch_.done(lambda: torch_.network(mel)), bench.device)

    yield from named("kernel_table.ctranslate2", bench.few_positions, stock)
    yield from named("kernel_table.torch", bench.few_positions, torchs)


def profiled(function: Callable[[], Any], device: str) -> dict[str, Any]:
    """Profile one call, after one that is not: milliseconds, calls and share of the whole for each kernel."""
    from torch.profiler import ProfilerActivity, profile

    on_gpu = device == "cuda"
    function()
    activities = [ProfilerActivity.CUDA] if on_gpu else [ProfilerActivity.CPU]
    with profile(activities=activities) as seen:
        function()
    times = [
        (each.key, (each.self_device_time_total if on_gpu else each.self_cpu_time_total) / 1000, each.count)
        for each in seen.key_averages()
    ]
    whole = sum(ms for _, ms, _ in times)
    longest = sorted(times, key=lambda each: -each[1])[:_SHOWN]
    return {
        "device": device,
        "ms": whole,
        "kernels": [
            {"name": name[:160], "ms": ms, "calls": calls, "share": ms / whole}
            for name, ms, calls in longest if whole
        ],
    }  # fmt: skip


def compiled(bench: Bench) -> Iterator[Figure]:
    """Time torch's encoder behind `torch.compile`, which takes long itself; on a CPU without its compiler."""
    import torch

    torch_ = _Torch(bench, bench.torch_types[0])
    positions = bench.few_positions[0]
    windows = bench.windows(positions)
    mel = torch_.mel(windows, positions)
    faster = torch.compile(torch_.network.__call__, backend="inductor" if bench.device == "cuda" else "eager")
    start = time.perf_counter()
    output = torch_.done(lambda: faster(mel))()
    compile_s = time.perf_counter() - start
    plain = torch_.done(lambda: torch_.network(mel))()
    yield (
        "compile",
        {
            "device": bench.device,
            "compile_s": compile_s,
            "ms": bench.ms(torch_.done(lambda: faster(mel))) / windows,
            "difference": difference(output.float().cpu().numpy(), plain.float().cpu().numpy()),
        },
    )


def fp8(bench: Bench) -> Iterator[Figure]:
    """Time the feed-forward's two products in float8 beside the encoder's own type, rows enough to fill the device."""
    import torch

    size = standins.SIZES[bench.size]
    device, dtype = torch.device(bench.device), getattr(torch, bench.torch_types[0])
    generator = torch.Generator().manual_seed(0)
    torch_ = _Torch(bench, bench.torch_types[0])

    def of(shape: str) -> dict[str, Any]:
        n_in, n_out = map(int, shape.split("x"))
        rows = -(-bench.fill // 16) * 16
        x = torch.randn(rows, n_in, generator=generator).to(device, dtype)
        weight = torch.randn(n_out, n_in, generator=generator).to(device, dtype)
        (x8, x_scale), (weight8, weight_scale) = (scaled(each) for each in (x, weight))

        def eight() -> Any:
            return torch._scaled_mm(x8, weight8.t(), x_scale, weight_scale, out_dtype=torch.bfloat16)

        plain, ours = torch_.done(lambda: torch.nn.functional.linear(x, weight)), torch_.done(eight)
        away = difference(ours().float().cpu().numpy(), plain().float().cpu().numpy())
        return {"ms": bench.ms(ours), "plain_ms": bench.ms(plain), "difference": away}

    def scaled(values: Any) -> tuple[Any, Any]:
        scale = values.abs().max().float() / _FP8_MOST
        return (values.float() / scale).to(torch.float8_e4m3fn), scale

    yield from named("fp8", (f"{size.d_model}x{size.ffn}", f"{size.ffn}x{size.d_model}"), of)


def handed_over(bench: Bench) -> Iterator[Figure]:
    """Have CTranslate2 decode what torch encoded, handed over as the engine does it."""
    torch_ = _Torch(bench, bench.torch_types[0])
    positions = bench.few_positions[0]
    output = torch_.done(lambda: torch_.network(torch_.mel(COMPARED, positions)))()
    contiguous = output.contiguous()
    view = ctranslate2.StorageView.from_array(contiguous if bench.device == "cuda" else contiguous.numpy())
    results = bench.model.generate(view, [bench.prompt] * COMPARED, beam_size=1)
    tokens = standins.emitted_ids(standins.SIZES[bench.size].text_tokens)
    yield "handed_over", {"equal": all(np.array_equal(each.sequences_ids[0], tokens) for each in results)}
