"""Silero VAD v6, the network that faster-whisper ships, over a stream of any length."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from anime_whisper_ct2.errors import ModelError
from anime_whisper_ct2.records import Float32
from anime_whisper_ct2.segments.vad import FRAME_SAMPLES

_CONTEXT_SAMPLES = 64  # each frame is seen together with the end of the one before
_STATE = (1, 1, 128)  # the recurrent layer's
_NETWORK = "assets/silero_vad_v6.onnx"
# Eight seconds: what the first layers make of so many stays in the processor's cache.
_BATCH_FRAMES = 256


class SileroVad:
    """The network with the memory of one recording; `reset` before another.

    One thread, and no more memory than a batch of frames. Opening it takes a moment, so one serves many recordings.
    Raises ModelError when the network is not where faster-whisper keeps it.
    """

    def __init__(self) -> None:
        # Its Linux build carries telemetry, which writes files; a tool over private voices has no use for that.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        # Imported here: workers that meet only short clips never need it.
        import onnxruntime  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        # Workers are the parallelism, as for everything else in them.
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = 1
        # An arena keeps the most that was ever needed, in every worker.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4  # it warns of initialisers that its own optimiser removed
        self._session = onnxruntime.InferenceSession(
            str(network_path()), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self.reset()

    def reset(self) -> None:
        """Forget the recording; the next samples begin another."""
        self._rest: Float32 = np.empty(0, np.float32)
        self._context: Float32 = np.zeros(_CONTEXT_SAMPLES, np.float32)
        self._h: Float32 = np.zeros(_STATE, np.float32)
        self._c: Float32 = np.zeros(_STATE, np.float32)

    def __call__(self, samples: Float32, /) -> Float32:
        """Take the next samples, any number of them, and give the frames that they finish.

        `samples`: shape (n,), 16 kHz mono. Returns shape (frames,), 0 … 1, one for each 512 samples.
        """
        joined = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        whole = len(joined) // FRAME_SAMPLES * FRAME_SAMPLES
        # A copy, so that a block of a minute does not live on for its last few samples.
        self._rest = joined[whole:].copy()
        size = _BATCH_FRAMES * FRAME_SAMPLES
        found = [self._probabilities(joined[at : min(at + size, whole)]) for at in range(0, whole, size)]
        return np.concatenate(found) if found else np.empty(0, np.float32)

    def finish(self) -> Float32:
        """Give the last frame, filled up with silence: shape (1,), or (0,) where nothing is left."""
        return self(np.zeros(-len(self._rest) % FRAME_SAMPLES, np.float32))

    def _probabilities(self, samples: Float32) -> Float32:
        """Run the network over whole frames."""
        stretch = np.concatenate((self._context, samples))
        self._context = stretch[-_CONTEXT_SAMPLES:].copy()
        views = np.lib.stride_tricks.sliding_window_view(stretch, _CONTEXT_SAMPLES + FRAME_SAMPLES)[::FRAME_SAMPLES]
        inputs = {"input": np.ascontiguousarray(views), "h": self._h, "c": self._c}
        found: Float32
        found, self._h, self._c = self._session.run(None, inputs)
        return found


def network_path() -> Path:
    """Find the network in faster-whisper's folder, without importing faster-whisper, which would load CTranslate2.

    Raises ModelError.
    """
    spec = find_spec("faster_whisper")
    path = Path(spec.origin).parent / _NETWORK if spec and spec.origin else None
    if path is None or not path.is_file():
        where = f"in {path.parent}" if path else "because faster-whisper is not installed"
        raise ModelError(
            f"the VAD network {Path(_NETWORK).name} is not found {where}; "
            "install faster-whisper 1.2.1 again, or run with --segment off"
        )
    return path
