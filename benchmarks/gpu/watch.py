"""What a GPU does meanwhile: its load and its memory, as nvidia-smi tells them five times a second."""

from __future__ import annotations

import subprocess
import threading
import time
from bisect import bisect_left
from contextlib import suppress
from itertools import accumulate
from typing import IO

_EVERY_MS = 200
_COMMAND = ("nvidia-smi", "--id=0", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits")


class GpuWatch:
    """Watches the first GPU while it is open; sees nothing where there is no nvidia-smi."""

    def __init__(self) -> None:
        self.samples: list[tuple[float, float, float]] = []  # seconds, load in %, MiB used
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> GpuWatch:
        with suppress(OSError):
            self._process = subprocess.Popen(
                [*_COMMAND, f"--loop-ms={_EVERY_MS}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert self._process.stdout is not None
            self._thread = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._thread.join()

    @property
    def peak_mib(self) -> float | None:
        """The most memory in use at one time, that of all processes; None where nothing was seen."""
        return max((used for _, _, used in self.samples), default=None)

    def busy(self, seconds: float) -> float | None:
        """Give the GPU's mean load, 0 to 1, over the busiest stretch of so many seconds.

        A run is part of what was watched, between a model's loading and the process's end; when exactly is not known.
        None where nothing was seen.
        """
        if not self.samples:
            return None
        times = [at for at, _, _ in self.samples]
        sums = [0.0, *accumulate(load for _, load, _ in self.samples)]
        ends = [end for end, at in enumerate(times) if at - times[0] >= seconds] or [len(times) - 1]
        starts = [bisect_left(times, times[end] - seconds) for end in ends]
        return (
            max((sums[end + 1] - sums[start]) / (end + 1 - start) for start, end in zip(starts, ends, strict=True))
            / 100
        )

    def _read(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                with suppress(ValueError):  # "[N/A]", where a GPU does not tell
                    load, used = map(float, line.split(","))
                    self.samples.append((time.monotonic(), load, used))
